package service

import (
	"errors"
	"slices"
	"strings"
	"time"

	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// Info is a service in a listing.
type Info struct {
	Service string `json:"serviceId"`
	Enabled bool   `json:"enabled"`
}

// Generation is a generation in a listing.
type Generation struct {
	Tag     string    `json:"tag"`
	Created time.Time `json:"createdOn"`
	Mounted bool      `json:"mounted"` // compiled and ready: always, since one is loaded before it is listed
	Share   float64   `json:"mappedProba"`
}

// List lists all services by name.
func (s *Services) List() []Info {
	all := []Info{}
	for _, def := range s.engine.Snapshot().Services() {
		all = append(all, Info{def.Name, def.Enabled})
	}
	return all
}

// Generations lists the generations of a service, the newest first.
func (s *Services) Generations(service string) ([]Generation, error) {
	snap := s.engine.Snapshot()
	def, err := defined(snap, service)
	if err != nil {
		return nil, err
	}
	all := []Generation{}
	for _, g := range snap.Generations(service) {
		x := Generation{Tag: g.Name, Created: g.Created, Mounted: true}
		for _, m := range def.Mapping {
			if m.Generation == g.Name {
				x.Share = m.Share
			}
		}
		all = append(all, x)
	}
	return all, nil
}

// Create defines a service without generations, for holders of keys.
func (s *Services) Create(service string) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.engine.Snapshot().Service(service) != nil {
		return fail.Errorf(fail.Conflict, "There is a service %q already.", service)
	}
	return s.apply(catalog.ServiceFile(service, catalog.AuthKeys))
}

// Delete removes a service with its generations.
func (s *Services) Delete(service string) error {
	_, err := s.engine.Remove(catalog.KindService, engine.Ref{Name: service}, false)
	return err
}

// SetEnabled lets a service answer, or not.
func (s *Services) SetEnabled(service string, enabled bool) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	def, err := defined(s.engine.Snapshot(), service)
	if err != nil {
		return err
	}
	return s.apply(def.Mapped(def.Mapping, enabled))
}

// SetMapping sets which generations answer, and enables the service. The next request
// is answered by it; those under way finish where they began.
func (s *Services) SetMapping(service string, mapping []catalog.Share) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	return s.setMapping(service, mapping)
}

func (s *Services) setMapping(service string, mapping []catalog.Share) error {
	snap := s.engine.Snapshot()
	def, err := defined(snap, service)
	if err != nil {
		return err
	}
	for i, m := range mapping {
		if snap.Generation(service, m.Generation) == nil {
			return noGeneration(service, m.Generation)
		}
		if slices.ContainsFunc(mapping[:i], func(o catalog.Share) bool { return o.Generation == m.Generation }) {
			return fail.Errorf(fail.Malformed, "Generation %q appears twice in the mapping.", m.Generation)
		}
	}
	return s.apply(def.Mapped(mapping, true))
}

// SwitchTo maps one generation alone, "" the newest, and returns its name.
func (s *Services) SwitchTo(service, generation string) (string, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if generation == "" {
		all := s.engine.Snapshot().Generations(service)
		if _, err := defined(s.engine.Snapshot(), service); err != nil {
			return "", err
		}
		if len(all) == 0 {
			return "", fail.Errorf(fail.NotFound, "Service %q has no generation.", service)
		}
		generation = all[0].Name
	}
	return generation, s.setMapping(service, []catalog.Share{{Generation: generation, Share: 1}})
}

// Preload makes sure that a generation is ready to answer: every one that exists is.
func (s *Services) Preload(service, generation string) error {
	snap := s.engine.Snapshot()
	if _, err := defined(snap, service); err != nil {
		return err
	}
	if snap.Generation(service, generation) == nil {
		return noGeneration(service, generation)
	}
	return nil
}

// apply applies one definition.
func (s *Services) apply(f catalog.File) error {
	_, err := s.engine.Apply([]catalog.File{f}, false)
	if p, ok := errors.AsType[*catalog.Problems](err); ok { // at places in a text that nobody wrote
		var texts []string
		for i := range p.List {
			texts = append(texts, p.List[i].Text)
		}
		return fail.Wrap(fail.Malformed, err, "%s.", strings.Join(texts, "; "))
	}
	return err
}

func defined(snap *catalog.Snapshot, service string) (*catalog.Service, error) {
	def := snap.Service(service)
	if def == nil {
		return nil, fail.Errorf(fail.NotFound, "There is no service %q.", service)
	}
	return def, nil
}

func noGeneration(service, name string) error {
	return fail.Errorf(fail.NotFound, "Service %q has no generation %q.", service, name)
}
