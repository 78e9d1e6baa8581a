package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/auth/jwt"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/engine/predict"
)

// Services are all services of a server. They are an engine.Part: hand them to
// Engine.AddPart. Methods may be called from many goroutines.
type Services struct {
	// Fetch gets what a URL holds, at most some bytes; skipTLSVerify leaves the server's
	// certificate unchecked. nil refuses services whose keys are to be fetched. It is set
	// before Engine.AddPart.
	Fetch func(ctx context.Context, url string, most int64, skipTLSVerify bool) ([]byte, error)
	// ONNX makes a model of the bytes of an ONNX file; nil refuses such files. It is set
	// before Engine.AddPart.
	ONNX func(data []byte, task predict.Task) (predict.Model, error)
	// Functions starts the workers of functions; nil is function.Open. Log takes why calls
	// failed; nil discards. Both are set before Engine.AddPart.
	Functions Functions
	Log       *slog.Logger
	// SQLiteDir is the folder of SQLite files that connections name without a whole path.
	// It is set before Engine.AddPart.
	SQLiteDir string

	pools    pools
	engine   *engine.Engine
	now      atomic.Pointer[table]
	changing sync.Mutex // one change by the methods in change.go at a time

	databases databases
}

// New returns the services of an engine; there are none before Engine.AddPart.
func New(e *engine.Engine) *Services {
	s := &Services{engine: e, Log: slog.New(slog.DiscardHandler)}
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

	tokens *jwt.Verifier  // of a service that asks for JSON Web Tokens; else nil
	holder auth.Principal // of one of them, without its client
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
	users     atomic.Int64 // the table, and calls under way; the last one closes the endpoints
}

// endpoint is one endpoint, compiled. Exactly one field behind def is set.
type endpoint struct {
	def      *catalog.APIEndpoint
	lookup   *pipeline
	model    *model
	function *pool
	query    *query
	fault    error // why what was defined earlier cannot be answered
}

func (e *endpoint) close() {
	switch {
	case e.model != nil:
		// Closing a model frees memory; there is nobody to tell that it failed.
		_ = e.model.Close()
	case e.function != nil:
		e.function.release()
	case e.query != nil:
		e.query.database.release()
	}
}

// compiled is a table ready to be installed.
type compiled struct {
	s         *Services
	old, next *table
}

// Install makes the table current.
func (c *compiled) Install() {
	c.s.now.Store(c.next)
	c.old.release(c.next)
}

// Discard forgets the table.
func (c *compiled) Discard() { c.next.release(c.old) }

// release gives up the generations that are not in other.
func (t *table) release(other *table) {
	for name, r := range t.services {
		for tag, g := range r.generations {
			if o := other.services[name]; o == nil || o.generations[tag] != g {
				g.release()
			}
		}
	}
}

// acquire keeps the endpoints of a generation from being closed; false if they were.
func (g *generation) acquire() bool {
	for n := g.users.Load(); n > 0; n = g.users.Load() {
		if g.users.CompareAndSwap(n, n+1) {
			return true
		}
	}
	return false
}

// release ends what acquire, or compiling the generation, began.
func (g *generation) release() {
	if g.users.Add(-1) > 0 {
		return
	}
	for _, e := range g.endpoints {
		e.close()
	}
}

// Close closes all endpoints, once calls under way are over; there is nothing to answer
// any more.
func (s *Services) Close() {
	old := s.now.Swap(&table{services: map[string]*running{}})
	old.release(&table{})
	s.pools.closing.Wait()
}

// Compile implements engine.Part. Generations that did not change are kept. A model
// that cannot be read, or a function that cannot start, refuses the change; one that was
// defined before the server started (and whose library, say, is gone since) leaves its
// endpoint answering why.
func (s *Services) Compile(snap *catalog.Snapshot) (_ engine.Compiled, err error) {
	old := s.now.Load()
	next := &table{services: make(map[string]*running, len(snap.Services()))}
	defer func() {
		if err != nil {
			next.release(old)
		}
	}()
	for _, def := range snap.Services() {
		r := &running{def: def, generations: map[string]*generation{}}
		was := old.services[def.Name]
		if was != nil {
			r.calls = was.calls
		} else {
			r.calls = &counters{}
		}
		next.services[def.Name] = r
		r.holder = auth.Holder(def.Name)
		if r.tokens, err = s.newVerifier(def, was); err != nil {
			return nil, err
		}
		for _, g := range snap.Generations(def.Name) {
			var kept *generation
			if was != nil {
				kept = was.generations[g.Name]
			}
			if kept == nil || kept.def != g {
				if kept, err = s.compileGeneration(g, old.services == nil); err != nil {
					return nil, err
				}
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
	}
	return &compiled{s, old, next}, nil
}

func (s *Services) compileGeneration(def *catalog.Generation, lenient bool) (*generation, error) {
	g := &generation{def: def, endpoints: make(map[string]*endpoint, len(def.Endpoints))}
	g.users.Store(1)
	for i := range def.Endpoints {
		e := &endpoint{def: &def.Endpoints[i]}
		g.endpoints[e.def.Name] = e
		var err error
		switch {
		case e.def.Predict != nil:
			e.model, err = s.newModel(def.Service, e.def)
		case e.def.Function != nil:
			e.function, err = s.openFunction(def.Service, e.def)
		case e.def.SQL != nil:
			e.query, err = s.newQuery(e.def.SQL)
		default:
			e.lookup, err = newPipeline(e.def.Lookup.Enrich, false)
		}
		if err == nil {
			continue
		}
		if !lenient {
			g.release()
			return nil, fail.Wrap(fail.Malformed, err, "Endpoint %q of generation %s/%s cannot be made: %v.", e.def.Name, def.Service, def.Name, err)
		}
		e.fault = fail.Wrap(fail.ReadFailed, err, "Endpoint %q of generation %q cannot answer: %v.", e.def.Name, def.Name, err)
	}
	return g, nil
}

// May says whether a caller may use a service: nil, or why not. denied is why the
// caller is nobody, nil when it is somebody; a public service does not ask. Whether a
// service exists, only somebody is told.
func (s *Services) May(who auth.Principal, denied error, service string) error {
	_, err := s.find(who, denied, service)
	return err
}

// admits reports whether a caller may use the service.
func (r *running) admits(who auth.Principal) bool {
	switch r.def.Auth {
	case catalog.AuthPublic:
		return true
	case catalog.AuthJWT:
		return who.MayUseTokenService(r.def.Name)
	default:
		return who.MayUseService(r.def.Name)
	}
}

// find is May, and returns the service. It does not let service escape, so that callers
// make it of bytes for nothing.
func (s *Services) find(who auth.Principal, denied error, service string) (*running, error) {
	r := s.now.Load().services[service]
	switch {
	case r != nil && r.admits(who):
		return r, nil
	case denied != nil:
		return nil, denied
	case !who.Valid():
		return nil, fail.Errorf(fail.NoKey, "Service %q asks for an API key.", strings.Clone(service))
	case r == nil:
		return nil, fail.Errorf(fail.NotFound, "There is no service %q.", strings.Clone(service))
	default:
		return nil, fail.Errorf(fail.Forbidden, "This API key has no rights on service %q.", strings.Clone(service))
	}
}

// Logged reports whether queries of a service are to be logged. Of one that does not
// exist they are not.
func (s *Services) Logged(service []byte) bool {
	r := s.now.Load().services[string(service)]
	return r != nil && r.def.QueryLog
}

// Verbs returns what an endpoint of the service answers to, of any of its generations.
// It fails when there is no such endpoint.
func (s *Services) Verbs(who auth.Principal, denied error, service, name string) ([]string, error) {
	r, err := s.find(who, denied, service)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, g := range r.generations {
		if e := g.endpoints[name]; e != nil && !slices.Contains(all, verbs[e.def.Type][0]) {
			all = append(all, verbs[e.def.Type]...)
		}
	}
	if all == nil {
		return nil, noEndpoint(service, name, "")
	}
	return all, nil
}

// verbs are what the types of endpoints answer to.
var verbs = map[string][]string{
	catalog.EndpointLookup:     {"lookup", "lookup-multi", "lookup-simple"},
	catalog.EndpointPrediction: {"predict", "predict-multi", "predict-simple"},
	catalog.EndpointCustom:     {"predict", "predict-multi", "predict-simple"},
	catalog.EndpointPython:     {"run"},
	catalog.EndpointR:          {"run"},
	catalog.EndpointSQL:        {"query"},
}

// VerbsOf returns what endpoints of a type answer to.
func VerbsOf(kind string) []string { return verbs[kind] }

func noEndpoint(service, name, where string) error {
	return fail.Errorf(fail.NotFound, "Service %q has no endpoint %q%s.", service, name, where)
}

// errNotMapped is why a service does not answer though it exists.
var errNotMapped = errors.New("no generation is mapped")

// hold finds the endpoint that answers a verb and keeps it from being closed until the
// caller releases its generation. who and denied are as in May.
func (s *Services) hold(who auth.Principal, denied error, service, name, verb string, d Dispatch) (*running, *generation, *endpoint, error) {
	for {
		r, err := s.find(who, denied, service)
		if err != nil {
			return nil, nil, nil, err
		}
		g, e, err := r.choose(name, verb, d)
		switch {
		case err != nil:
			return nil, nil, nil, err
		case g.acquire():
			return r, g, e, nil
		}
		// Taken away between the two; there is a newer table now.
	}
}

// choose draws the generation that answers a request, and its endpoint, which must
// answer the verb.
func (r *running) choose(name, verb string, d Dispatch) (*generation, *endpoint, error) {
	if !r.def.Enabled {
		return nil, nil, fail.Errorf(fail.Overloaded, "Service %q is disabled.", r.def.Name)
	}
	g, err := r.draw(d)
	if err != nil {
		return nil, nil, err
	}
	e := g.endpoints[name]
	if e == nil {
		return g, nil, noEndpoint(r.def.Name, strings.Clone(name), fmt.Sprintf(" in generation %q", g.def.Name))
	}
	if has := verbs[e.def.Type]; !slices.Contains(has, verb) {
		return g, nil, fail.Errorf(fail.NotFound, "Endpoint %q does not answer %q; it answers %s.", e.def.Name, verb, strings.Join(has, ", "))
	}
	if g.def.Broken != "" {
		return g, nil, fail.Wrap(fail.ReadFailed, errors.New(g.def.Broken), "Generation %q of service %q cannot answer: %s", g.def.Name, r.def.Name, g.def.Broken)
	}
	if e.fault != nil {
		return g, nil, e.fault
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
	if len(r.mapping) == 1 {
		return r.mapping[0].gen, nil
	}
	at := d.point(r.def.Dispatch) * r.mapping[len(r.mapping)-1].bound
	i := slices.IndexFunc(r.mapping, func(s share) bool { return at < s.bound })
	if i < 0 {
		i = len(r.mapping) - 1
	}
	return r.mapping[i].gen, nil
}
