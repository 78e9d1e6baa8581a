package service

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// Services are all services of a server. They are an engine.Part: hand them to
// Engine.AddPart. Methods may be called from many goroutines.
type Services struct {
	engine   *engine.Engine
	now      atomic.Pointer[table]
	changing sync.Mutex // one change by the methods in change.go at a time
}

// New returns the services of an engine; there are none before Engine.AddPart.
func New(e *engine.Engine) *Services {
	s := &Services{engine: e}
	s.now.Store(&table{})
	return s
}

// table is one state of all services. It is immutable but for its counters.
type table struct {
	services map[string]*running
}

// running is one service, compiled.
type running struct {
	def         *catalog.Service
	generations map[string]*generation // those that are not mapped included
	mapping     []share                // by rising bound
	calls       *counters
}

// share is a mapped generation, and the end of its part of 0..1.
type share struct {
	bound float64
	gen   *generation
}

// generation is one generation, compiled.
type generation struct {
	def       *catalog.Generation
	endpoints map[string]*endpoint
}

// endpoint is one endpoint, compiled. Exactly one field behind def is set.
type endpoint struct {
	def    *catalog.APIEndpoint
	lookup *pipeline
}

// compiled is a table ready to be installed.
type compiled struct {
	s    *Services
	next *table
}

// Install makes the table current.
func (c *compiled) Install() { c.s.now.Store(c.next) }

// Discard forgets the table.
func (c *compiled) Discard() {}

// Compile implements engine.Part. Generations that did not change are kept.
func (s *Services) Compile(snap *catalog.Snapshot) (engine.Compiled, error) {
	old := s.now.Load()
	next := &table{services: make(map[string]*running, len(snap.Services()))}
	for _, def := range snap.Services() {
		r := &running{def: def, generations: map[string]*generation{}}
		was := old.services[def.Name]
		if was != nil {
			r.calls = was.calls
		} else {
			r.calls = &counters{}
		}
		for _, g := range snap.Generations(def.Name) {
			var kept *generation
			if was != nil {
				kept = was.generations[g.Name]
			}
			if kept == nil || kept.def != g {
				kept = compileGeneration(g)
			}
			r.generations[g.Name] = kept
		}
		bound := 0.0
		for _, m := range def.Mapping {
			gen := r.generations[m.Generation]
			if gen == nil {
				return nil, fmt.Errorf("service %s maps generation %s, which does not exist", def.Name, m.Generation)
			}
			bound += m.Share
			r.mapping = append(r.mapping, share{bound, gen})
		}
		next.services[def.Name] = r
	}
	return &compiled{s, next}, nil
}

func compileGeneration(def *catalog.Generation) *generation {
	g := &generation{def: def, endpoints: make(map[string]*endpoint, len(def.Endpoints))}
	for i := range def.Endpoints {
		e := &endpoint{def: &def.Endpoints[i]}
		e.lookup = newPipeline(e.def.Lookup.Enrich)
		g.endpoints[e.def.Name] = e
	}
	return g
}

// May says whether a caller may use a service: nil, or why not. denied is why the
// caller is nobody, nil when it is somebody; a public service does not ask. Whether a
// service exists, only somebody is told.
func (s *Services) May(who auth.Principal, denied error, service string) error {
	_, err := s.find(who, denied, service)
	return err
}

func (s *Services) find(who auth.Principal, denied error, service string) (*running, error) {
	r := s.now.Load().services[service]
	switch {
	case r != nil && (r.def.Auth == catalog.AuthPublic || who.MayUseService(service)):
		return r, nil
	case denied != nil:
		return nil, denied
	case !who.Valid():
		return nil, fail.Errorf(fail.NoKey, "Service %q asks for an API key.", service)
	case r == nil:
		return nil, fail.Errorf(fail.NotFound, "There is no service %q.", service)
	default:
		return nil, fail.Errorf(fail.Forbidden, "This API key has no rights on service %q.", service)
	}
}

// Verbs returns what an endpoint of the service answers to, of any of its generations:
// "lookup", "lookup-multi", "lookup-simple". It fails when there is no such endpoint.
func (s *Services) Verbs(who auth.Principal, denied error, service, name string) ([]string, error) {
	r, err := s.find(who, denied, service)
	if err != nil {
		return nil, err
	}
	for _, g := range r.generations {
		if g.endpoints[name] != nil {
			return []string{"lookup", "lookup-multi", "lookup-simple"}, nil
		}
	}
	return nil, noEndpoint(service, name, "")
}

func noEndpoint(service, name, where string) error {
	return fail.Errorf(fail.NotFound, "Service %q has no endpoint %q%s.", service, name, where)
}

// errNotMapped is why a service does not answer though it exists.
var errNotMapped = errors.New("no generation is mapped")

// choose draws the generation that answers a request, and its endpoint.
func (r *running) choose(name string, d Dispatch) (*generation, *endpoint, error) {
	if !r.def.Enabled {
		return nil, nil, fail.Errorf(fail.Overloaded, "Service %q is disabled.", r.def.Name)
	}
	g, err := r.draw(d)
	if err != nil {
		return nil, nil, err
	}
	e := g.endpoints[name]
	if e == nil {
		return g, nil, noEndpoint(r.def.Name, name, fmt.Sprintf(" in generation %q", g.def.Name))
	}
	if g.def.Broken != "" {
		return g, nil, fail.Wrap(fail.ReadFailed, errors.New(g.def.Broken), "Generation %q of service %q cannot answer: %s", g.def.Name, r.def.Name, g.def.Broken)
	}
	return g, e, nil
}

// draw applies the mapping.
func (r *running) draw(d Dispatch) (*generation, error) {
	if d.Forced != "" {
		g := r.generations[d.Forced]
		if g == nil {
			return nil, fail.Errorf(fail.NotFound, "Service %q has no generation %q.", r.def.Name, d.Forced)
		}
		return g, nil
	}
	if len(r.mapping) == 0 {
		return nil, fail.Wrap(fail.Overloaded, errNotMapped, "No generation of service %q is mapped.", r.def.Name)
	}
	at := d.point(r.def.Dispatch) * r.mapping[len(r.mapping)-1].bound
	i := slices.IndexFunc(r.mapping, func(s share) bool { return at < s.bound })
	if i < 0 {
		i = len(r.mapping) - 1
	}
	return r.mapping[i].gen, nil
}
