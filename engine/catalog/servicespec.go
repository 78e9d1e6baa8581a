package catalog

import (
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// maxMapped is how many generations of a service can be mapped.
const maxMapped = 64

// serviceSpec is a Service as written. It has no header: services have no store and
// no version.
type serviceSpec struct {
	Kind        string             `json:"kind"`
	Name        string             `json:"name"`
	Description string             `json:"description,omitempty"`
	Auth        ServiceAuth        `json:"auth"`
	JWT         *jwtSpec           `json:"jwt,omitempty"`
	Dispatch    Dispatch           `json:"dispatch"`
	Enabled     bool               `json:"enabled"`
	Swagger     bool               `json:"swagger"`
	QueryLog    bool               `json:"queryLog"`
	Mapping     map[string]float64 `json:"mapping,omitempty"`
}

// newServiceSpec returns what is not written: a service that asks for keys.
func newServiceSpec() *serviceSpec {
	return &serviceSpec{Kind: KindService, Auth: AuthKeys, Dispatch: DispatchRandom, Enabled: true, Swagger: true, QueryLog: true}
}

func (s *serviceSpec) head() *header  { return &header{Kind: s.Kind, Name: s.Name, Version: 1} }
func (s *serviceSpec) key() objectKey { return s.head().key() }
func (s *serviceSpec) hasCode() bool  { return s.JWT != nil && !s.JWT.remote() }

func (s *serviceSpec) fields(r *reader) []field {
	return []field{
		{key: "kind", need: true, read: r.text(&s.Kind)},
		{key: "name", need: true, read: r.text(&s.Name)},
		{key: "description", read: r.text(&s.Description)},
		{key: "auth", read: word(r, &s.Auth, "auth", AuthKeys, AuthPublic, AuthJWT)},
		{key: "jwt", read: func(n ast.Node) {
			s.JWT = &jwtSpec{}
			s.JWT.read(r, n)
		}},
		{key: "dispatch", read: word(r, &s.Dispatch, "dispatch", DispatchRandom, DispatchHash)},
		{key: "enabled", read: r.boolean(&s.Enabled)},
		{key: "swagger", read: r.boolean(&s.Swagger)},
		{key: "queryLog", read: r.boolean(&s.QueryLog)},
		{key: "mapping", read: r.dictionary("generations", maxMapped, func(name string, n ast.Node) {
			text, ok := numberOf(n)
			share, err := strconv.ParseFloat(text, 64)
			if !ok || err != nil || share < 0 || share > 1 {
				r.at(n, "expected a probability from 0 to 1, found %s", describe(n))
				return
			}
			if s.Mapping == nil {
				s.Mapping = map[string]float64{}
			}
			s.Mapping[name] = share
		})},
	}
}

// word reads one of several words; what names it in messages.
func word[T ~string](r *reader, dst *T, what string, all ...T) func(ast.Node) {
	return func(n ast.Node) {
		var s string
		before := r.out.count()
		r.text(&s)(n)
		if r.out.count() > before {
			return
		}
		if slices.Contains(all, T(s)) {
			*dst = T(s)
			return
		}
		known := make([]string, len(all))
		for i := range all {
			known[i] = string(all[i])
		}
		r.at(n, "unknown %s %s; this version has %s", what, quote(s), wordList(known))
	}
}

// check judges a service; has reports whether a generation of it exists.
func (s *serviceSpec) check(k *checker, has func(generation string) bool) *Service {
	out := &Service{
		Name: s.Name, Description: s.Description, Auth: s.Auth, Dispatch: s.Dispatch, Enabled: s.Enabled, Swagger: s.Swagger, QueryLog: s.QueryLog,
		JWT: s.checkJWT(k), spec: s,
	}
	sum := 0.0
	for _, name := range slices.Sorted(maps.Keys(s.Mapping)) {
		share := s.Mapping[name]
		sum += share
		if !has(name) {
			k.at(path{"mapping", name}, "service %s has no generation %s", s.Name, quote(name))
			continue
		}
		if share > 0 {
			out.Mapping = append(out.Mapping, Share{name, share})
		}
	}
	if len(s.Mapping) > 0 && math.Abs(sum-1) > 1e-6 {
		k.at(path{"mapping"}, "the probabilities of a mapping add up to 1; these give %g", sum)
	}
	return out
}
