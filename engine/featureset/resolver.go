package featureset

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"

	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// Resolver answers requests for features. It is an engine.Part: hand it to
// Engine.AddPart before its first use. Its methods may be called from many goroutines.
type Resolver struct {
	engine    *engine.Engine
	functions Functions
	state     atomic.Pointer[state]
}

// New returns a Resolver over e. functions may be nil; then featuresets with extractors
// that are code are refused.
func New(e *engine.Engine, functions Functions) *Resolver {
	r := &Resolver{engine: e, functions: functions}
	s := &state{}
	s.users.Store(1)
	r.state.Store(s)
	return r
}

// maxPlans and maxPlanBytes bound the plans that are kept at a time: clients choose how
// many there are, and how long the names are that they go by.
const (
	maxPlans     = 4096
	maxPlanBytes = 64 << 20
)

// state is what was compiled from one snapshot. Plans are added as they are asked for.
type state struct {
	snap  *catalog.Snapshot // nil before AddPart
	codes map[*catalog.Featureset][]Function

	users atomic.Int64 // calls under way, and one while it is the present state
	gone  []Function   // to be closed when nobody uses the state any more

	mu    sync.RWMutex
	plans map[string]*plan
	bytes int // of their keys and slots, about
}

// Compile implements engine.Part. It loads the code of extractors, and fails if that of
// a new one cannot be loaded.
func (r *Resolver) Compile(next *catalog.Snapshot) (engine.Compiled, error) {
	old := r.state.Load()
	c := &compiled{resolver: r, next: &state{snap: next, codes: map[*catalog.Featureset][]Function{}, plans: map[string]*plan{}}}
	c.next.users.Store(1)
	for _, s := range next.Featuresets() {
		if len(s.Extractors) == 0 || s.Broken != "" {
			continue
		}
		have, known := old.codes[s]
		for i := range s.Extractors {
			if known && !isDown(have[i]) {
				c.next.codes[s] = append(c.next.codes[s], have[i])
				continue
			}
			f, err := r.open(s, &s.Extractors[i])
			switch {
			case err != nil && (known || old.snap == nil):
				// It was applied when it could be loaded. The others must not
				// suffer from what has become of the machine since.
				f = down{err}
			case err != nil:
				c.Discard()
				return nil, err
			}
			c.opened = append(c.opened, f)
			c.next.codes[s] = append(c.next.codes[s], f)
		}
	}
	return c, nil
}

func (r *Resolver) open(s *catalog.Featureset, x *catalog.Extractor) (Function, error) {
	if r.functions == nil {
		return nil, fail.Errorf(fail.Conflict, "Featureset %s/%s has a Python extractor (%s in %s), and this server runs no Python.", s.Store, s.Name, x.Function, x.File)
	}
	f, err := r.functions.Open(Code{File: x.File, Source: x.Source, Function: x.Function})
	if err != nil {
		return nil, fail.Wrap(fail.Malformed, err, "Featureset %s/%s: cannot load function %s of %s: %v.", s.Store, s.Name, x.Function, x.File, err)
	}
	return f, nil
}

// down stands for a function that was loaded when it was applied and cannot be any more,
// its interpreter being gone for instance. It says why, and is tried again whenever
// definitions change.
type down struct{ why error }

func (d down) Call(_ context.Context, dst, _ []byte) ([]byte, error) {
	return dst, fail.Wrap(fail.ReadFailed, d.why, "%s", fail.AsError(d.why).Text)
}

func (d down) Close() error { return nil }

func isDown(f Function) bool {
	_, is := f.(down)
	return is
}

// compiled is the next state on its way.
type compiled struct {
	resolver *Resolver
	next     *state
	opened   []Function
}

// Install implements engine.Compiled.
func (c *compiled) Install() {
	old := c.resolver.state.Load()
	for s, codes := range old.codes {
		if _, kept := c.next.codes[s]; !kept {
			old.gone = append(old.gone, codes...)
		}
	}
	c.resolver.state.Store(c.next)
	old.release()
}

// Discard implements engine.Compiled.
func (c *compiled) Discard() { closeAll(c.opened) }

func closeAll(all []Function) {
	for _, f := range all {
		_ = f.Close() // nothing waits for the outcome of letting go
	}
}

// Close lets go of all code. Extract must not be called any more.
func (r *Resolver) Close() {
	s := r.state.Load()
	for _, codes := range s.codes {
		s.gone = append(s.gone, codes...)
	}
	s.release()
}

// acquire returns the present state, which stays usable until it is released.
func (r *Resolver) acquire() *state {
	for {
		s := r.state.Load()
		for n := s.users.Load(); n > 0; n = s.users.Load() {
			if s.users.CompareAndSwap(n, n+1) {
				return s
			}
		}
	}
}

func (s *state) release() {
	if s.users.Add(-1) == 0 {
		closeAll(s.gone)
	}
}

var errNotAdded = errors.New("the resolver is not a part of its engine")

// Extract computes the outputs of a request; the caller releases the answer. It fails
// with Forbidden, NotFound (unknown branch, feature or featureset), Malformed (data that
// does not fit, a feature that has no extractor and is not given, an expression that
// fails on the data), NoGroup (a featureset broken by a forced removal), and what
// Engine.Read fails with. There are no partial answers.
func (r *Resolver) Extract(ctx context.Context, q *Request) (*Answer, error) {
	s := r.acquire()
	if s.snap == nil {
		s.release()
		return nil, fail.Wrap(fail.Internal, errNotAdded, "Internal error.")
	}
	p, err := s.plan(q)
	if err != nil {
		s.release()
		return nil, err
	}
	run := p.get(s)
	if err := run.extract(ctx, r.engine, q); err != nil {
		run.release()
		return nil, err
	}
	run.answer.run = run
	return &run.answer, nil
}

// plan returns the plan of a request, making it at first.
func (s *state) plan(q *Request) (*plan, error) {
	store := q.Store
	if store == "" {
		store = "default"
	}
	if branch := catalog.BranchStore(store, q.Branch); !q.Who.MayReadStore(branch) {
		return nil, &fail.Error{Code: fail.Forbidden, Name: branch, Text: "API key not authorized to access " + branch}
	}
	var buf [1024]byte
	key := appendKey(buf[:0], q)
	s.mu.RLock()
	p := s.plans[string(key)]
	s.mu.RUnlock()
	if p != nil {
		return p, nil
	}
	if !s.snap.HasBranch(store, q.Branch) {
		return nil, &fail.Error{Code: fail.NotFound, Name: q.Branch, Text: "Branch `" + q.Branch + "` not found, please sync"}
	}
	p, err := compilePlan(s, catalog.BranchStore(store, q.Branch), q.Inputs, q.Outputs)
	if err != nil {
		return nil, err
	}
	s.keep(string(key), p)
	return p, nil
}

// keep keeps a plan, in place of any others that there is no room for beside it.
func (s *state) keep(key string, p *plan) {
	size := func(key string, p *plan) int { return len(key) + 512*len(p.slots) }
	s.mu.Lock()
	defer s.mu.Unlock()
	if had := s.plans[key]; had != nil { // another call was first
		s.bytes -= size(key, had)
	}
	s.plans[key] = p
	s.bytes += size(key, p)
	for other, q := range s.plans { // maps begin where they like
		if len(s.plans) <= maxPlans && s.bytes <= maxPlanBytes {
			return
		}
		if other != key {
			s.bytes -= size(other, q)
			delete(s.plans, other)
		}
	}
}

// appendKey appends what a plan depends on. Lengths keep names apart.
func appendKey(dst []byte, q *Request) []byte {
	text := func(s string) {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	text(q.Store)
	text(q.Branch)
	dst = binary.AppendUvarint(dst, uint64(len(q.Inputs)))
	for _, name := range q.Inputs {
		text(name)
	}
	for _, name := range q.Outputs {
		text(name)
	}
	return dst
}
