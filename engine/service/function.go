package service

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"

	"quiver/codec"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/function"
)

// pools are the workers of all functions. The endpoint of one name in several generations
// of a service has the same workers as long as nothing that these see is different.
type pools struct {
	mu      sync.Mutex
	m       map[poolKey]*pool
	closing sync.WaitGroup
}

type poolKey struct {
	service, endpoint string
	config            [sha256.Size]byte
}

// pool is a function's workers.
type pool struct {
	*function.Pool
	all   *pools
	key   poolKey
	users int // generations; guarded by all.mu

	functions Functions
	log       *slog.Logger
}

// Functions starts and ends the worker processes of functions.
type Functions interface {
	// Open fills in what c leaves out. name says which function it is, for people.
	Open(ctx context.Context, name string, c function.Config) (*function.Pool, error)
	Close(p *function.Pool) error
}

// plainFunctions fills in nothing.
type plainFunctions struct{}

func (plainFunctions) Open(ctx context.Context, _ string, c function.Config) (*function.Pool, error) {
	return function.Open(ctx, c)
}
func (plainFunctions) Close(p *function.Pool) error { return p.Close() }

// openFunction returns the workers of an endpoint, started if there are none like them.
// Only one call at a time may be under way.
func (s *Services) openFunction(service string, e *catalog.APIEndpoint) (*pool, error) {
	c, err := workers(e)
	if err != nil {
		return nil, err
	}
	all := &s.pools
	key := poolKey{service, e.Name, digest(&c)}
	all.mu.Lock()
	p := all.m[key]
	if p != nil {
		p.users++
	}
	all.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p = &pool{all: all, key: key, functions: s.Functions, users: 1, log: s.Log.With("service", service, "endpoint", e.Name)}
	if p.functions == nil {
		p.functions = plainFunctions{}
	}
	if p.Pool, err = p.functions.Open(context.Background(), service+"/"+e.Name, c); err != nil {
		if e, ok := errors.AsType[*function.Error](err); ok && e.Traceback != "" {
			return nil, fmt.Errorf("%w\n%s", err, e.Traceback)
		}
		return nil, err
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	if all.m == nil {
		all.m = map[poolKey]*pool{}
	}
	all.m[key] = p
	return p, nil
}

// release ends what openFunction began. Workers that nobody uses any more end in the
// background.
func (p *pool) release() {
	p.all.mu.Lock()
	defer p.all.mu.Unlock()
	if p.users--; p.users > 0 {
		return
	}
	delete(p.all.m, p.key)
	p.all.closing.Go(func() { _ = p.functions.Close(p.Pool) }) // never fails
}

// complain logs why a function failed, with what the caller does not get to see.
func (p *pool) complain(err error) {
	e, ok := errors.AsType[*function.Error](err)
	switch {
	case !ok:
		p.log.Warn("function failed", "error", err)
	case e.Kind == function.UserError, e.Kind == function.StartFailed, e.Kind == function.WorkerDied, e.Kind == function.TimedOut:
		p.log.Warn("function failed", "error", e.Error(), "traceback", e.Traceback, "output", e.Output)
	}
}

// workers says in the words of package function what an endpoint asks for.
func workers(e *catalog.APIEndpoint) (function.Config, error) {
	def := e.Function
	p, l := &def.Pool, &def.Limits
	c := function.Config{
		File: def.File, Function: def.Function, Files: make(map[string]string, len(def.Files)), Interpreter: def.Interpreter, Env: def.Env,
		Request: def.Request,
		Floor:   p.Floor, Cruise: p.Cruise, Ceil: p.Ceil, Queue: p.Queue, Timeout: p.Timeout, IdleTime: p.Idle,
		StartTimeout: l.Start, RunTimeout: l.Run, Memory: l.Memory, MaxFrame: int(l.Answer), CPU: l.CPU,
		OpenFiles: l.Files, Processes: l.Processes, Network: l.Network, MaxAge: l.MaxAge, MaxCalls: l.MaxCalls, MaxMemory: l.MaxMemory,
	}
	for i := range def.Files {
		text, err := def.Files[i].Bytes()
		if err != nil {
			return c, err
		}
		c.Files[def.Files[i].Name] = string(text)
	}
	if c.Frame = frame(e); c.Frame != nil {
		c.Convention = function.Frames
	}
	if def.R {
		c.Language = function.R
	}
	return c, nil
}

// digest tells configurations apart.
func digest(c *function.Config) [sha256.Size]byte {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		fmt.Fprintf(h, "%q %d\n%s", name, len(c.Files[name]), c.Files[name])
	}
	rest := *c
	rest.Files, rest.Log = nil, nil
	b, err := json.Marshal(&rest)
	if err != nil { // it has only texts and numbers
		panic(err)
	}
	h.Write(b)
	return [sha256.Size]byte(h.Sum(nil))
}

// Arguments are what a function is called with: a JSON object, or the parameters of a
// query.
type Arguments struct {
	Object []byte // nil: the parameters
	Query  []Parameter

	// Request appends what functions may see of the request, a JSON object, to dst.
	Request func(dst []byte) []byte
}

// Parameter is one parameter of a query, decoded.
type Parameter struct{ Name, Value []byte }

// message returns the arguments as a function of def takes them.
func (a *Arguments) message(def *catalog.FunctionEndpoint) []byte {
	object := a.object(def.Texts)
	if !def.Request {
		return object
	}
	out := append(append([]byte(`{"arguments":`), object...), `,"request":`...)
	return append(a.Request(out), '}')
}

// object returns the arguments as a JSON object. A parameter that reads like a number,
// true, false or null becomes one, unless texts says otherwise; of a name given twice the
// last one counts.
func (a *Arguments) object(texts bool) []byte {
	if a.Object != nil {
		return a.Object
	}
	out := []byte{'{'}
	for i, p := range a.Query {
		if slices.ContainsFunc(a.Query[i+1:], func(o Parameter) bool { return string(o.Name) == string(p.Name) }) {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(codec.AppendQuoted(out, p.Name), ':')
		if !texts && scalar(p.Value) {
			out = append(out, p.Value...)
		} else {
			out = codec.AppendQuoted(out, p.Value)
		}
	}
	return append(out, '}')
}

// scalar reports whether a text is a JSON number, true, false or null.
func scalar(text []byte) bool {
	if len(text) == 0 || text[0] <= ' ' || text[len(text)-1] <= ' ' {
		return false
	}
	s := codec.NewScanner(text)
	_, kind := s.Value()
	return s.End() == nil && kind != codec.JSONString && kind != codec.JSONArray && kind != codec.JSONObject
}

// Called is what a function answered.
type Called struct {
	Generation string
	function.Answer
}

// Run calls a function. who and denied are as in May. The error of a call that the
// function failed is a *function.Error, with the traceback if the endpoint shows it.
func (s *Services) Run(ctx context.Context, who auth.Principal, denied error, service, name string, d Dispatch, args *Arguments) (*Called, error) {
	r, g, e, err := s.hold(who, denied, service, name, "run", d)
	if err != nil {
		return nil, err
	}
	defer g.release()
	start := s.engine.Now()
	def := e.def.Function
	out := &Called{Generation: g.def.Name}
	out.Answer, err = e.function.Call(ctx, args.message(def))
	if err == nil && out.Response != nil && !def.CustomResponse {
		err = &function.Error{Kind: function.NotSerialisable, Message: "the function answers with a quiver.Response, which its endpoint does not allow: customResponse: true does"}
	}
	r.calls.add(service, name, 1, s.engine.Now()-start, err != nil)
	if err == nil {
		return out, nil
	}
	e.function.complain(err)
	return nil, shown(err, def)
}

// shown is what the caller gets to see of err.
func shown(err error, def *catalog.FunctionEndpoint) error {
	e, ok := errors.AsType[*function.Error](err)
	if !ok || def.Traceback {
		return err
	}
	out := *e
	out.Traceback = ""
	return &out
}
