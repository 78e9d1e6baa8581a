package service

import (
	"math"
	slash "path"
	"slices"
	"strings"

	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// Import adds a generation from the files of an archive: one definition, of this service
// and of a name that it does not have, and what the definition names. Definitions are the
// YAML files that are nearest to the top; those deeper down belong to code. The
// generation is ready when Import returns, and not mapped. It returns its name.
func (s *Services) Import(service string, files []catalog.File) (string, error) {
	files = markDefinitions(files)
	s.changing.Lock()
	defer s.changing.Unlock()
	if _, err := defined(s.engine.Snapshot(), service); err != nil {
		return "", err
	}
	diff, err := s.engine.Plan(files, false)
	if err != nil {
		return "", err
	}
	if len(diff.Changes) != 1 || diff.Changes[0].Kind != catalog.KindGeneration {
		return "", fail.Errorf(fail.Malformed, "An archive holds the definition of one generation, and no other.")
	}
	c := diff.Changes[0]
	of, name, _ := strings.Cut(c.Name, "/")
	switch {
	case of != service:
		return "", fail.Errorf(fail.Malformed, "The archive holds a generation of service %q, not of %q.", of, service)
	case c.Action != catalog.ActionAdd:
		return "", fail.Errorf(fail.Conflict, "Service %q has a generation %q already.", service, name)
	}
	_, err = s.engine.Apply(files, false)
	return name, err
}

// markDefinitions returns the files with all but definitions attached.
func markDefinitions(files []catalog.File) []catalog.File {
	top := math.MaxInt
	depth := func(f *catalog.File) int {
		switch ext := strings.ToLower(slash.Ext(f.Name)); ext {
		case ".yaml", ".yml":
			return strings.Count(f.Name, "/")
		default:
			return math.MaxInt
		}
	}
	for i := range files {
		top = min(top, depth(&files[i]))
	}
	out := slices.Clone(files)
	for i := range out {
		d := depth(&out[i])
		out[i].Attached = d != top || d == math.MaxInt
	}
	return out
}

// Cleaned is what Clean has removed.
type Cleaned struct {
	Services    []string `json:"removedServices"`
	Generations []string `json:"removedGenerations"` // service/generation; those of removed services are not listed
}

// Clean removes services that are disabled or have no generation, and of the others the
// generations that are not mapped.
func (s *Services) Clean() (Cleaned, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	snap := s.engine.Snapshot()
	done := Cleaned{Services: []string{}, Generations: []string{}}
	for _, def := range snap.Services() {
		all := snap.Generations(def.Name)
		if !def.Enabled || len(all) == 0 {
			if err := s.Delete(def.Name); err != nil {
				return done, err
			}
			done.Services = append(done.Services, def.Name)
			continue
		}
		for _, g := range all {
			if def.Maps(g.Name) {
				continue
			}
			if _, err := s.engine.Remove(catalog.KindGeneration, engine.Ref{Store: def.Name, Name: g.Name}, false); err != nil {
				return done, err
			}
			done.Generations = append(done.Generations, def.Name+"/"+g.Name)
		}
	}
	return done, nil
}
