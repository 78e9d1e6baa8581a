package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/complain"
	"quiver/engine/fail"
)

const catalogDebezium = catalog.CDCDebezium

// Options are the settings of Hooks.
type Options struct {
	Lenient bool // drop and count rows that do not fit instead of refusing the call
	MaxRows int  // of one call; 0 = 100,000

	Log *slog.Logger // of what fails in the background; nil = none
}

// Hooks are the endpoints of all webhooks. It is an engine.Part: hand it to
// Engine.AddPart, then call Recover before the first Log. Its methods may be called from
// many goroutines.
type Hooks struct {
	Options
	engine *engine.Engine
	gate   sync.RWMutex // held shared through a call of Log, whole while endpoints change
	state  atomic.Pointer[state]

	mu       sync.Mutex
	progress map[uint32]*progress // by table of the endpoint

	dropped    atomic.Uint64
	late       atomic.Uint64
	complaints *complain.Log // of the goroutine
	wake       chan struct{}
	cancel     context.CancelFunc
	done       chan struct{}
}

// state is what one snapshot says.
type state struct {
	byName    map[name]*endpoint
	endpoints []*endpoint
	snap      *catalog.Snapshot
}

type name struct{ store, webhook, endpoint string }

// endpoint is one stream with all of its targets.
type endpoint struct {
	webhook  *catalog.Webhook
	table    uint32
	targets  []*target
	progress *progress
}

// Result says what became of the rows of a call.
type Result struct {
	Rows    int // written, all groups together
	Dropped int // that did not fit, all groups together; lenient calls only
	Late    int // dropped because their event time is too old, all groups together
}

// New returns Hooks over e. Close ends its goroutine.
func New(e *engine.Engine, o Options) *Hooks {
	if o.MaxRows <= 0 {
		o.MaxRows = 100_000
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &Hooks{
		Options: o, engine: e, progress: map[uint32]*progress{}, complaints: complain.New(o.Log),
		wake: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
	}
	h.state.Store(&state{byName: map[name]*endpoint{}})
	go h.work(ctx)
	return h
}

// Dropped counts the rows that lenient calls have dropped.
func (h *Hooks) Dropped() uint64 { return h.dropped.Load() }

// Late counts the rows that were dropped because their event time was further behind the
// newest one than the endpoint's disorder.
func (h *Hooks) Late() uint64 { return h.late.Load() }

// Compile implements engine.Part.
func (h *Hooks) Compile(next *catalog.Snapshot) (engine.Compiled, error) {
	old := h.state.Load()
	s := &state{byName: map[name]*endpoint{}, snap: next}
	feeds := map[feedKey]*feed{}
	for _, e := range old.endpoints {
		for _, t := range e.targets {
			feeds[feedKey{e.table, t.Ref.ID}] = t.feed
		}
	}
	ctx := context.Background()
	for _, w := range next.Webhooks() {
		for i := range w.Endpoints {
			ep := &w.Endpoints[i]
			e := &endpoint{webhook: w, table: ep.Table, progress: h.progressOf(ep.Table)}
			if _, err := h.engine.NextRecord(ctx, ep.Table); err != nil {
				return nil, err
			}
			for n := range ep.Into {
				if ep.Into[n].Ref == nil {
					continue // removed by force
				}
				t := newTarget(&ep.Into[n])
				t.disorder = ep.Disorder.Microseconds()
				if t.feed = feeds[feedKey{ep.Table, t.Ref.ID}]; t.feed == nil {
					f, err := h.openFeed(ctx, ep.Table, t.Ref.ID, old.snap == nil)
					if err != nil {
						return nil, err
					}
					t.feed = f
				}
				e.targets = append(e.targets, t)
			}
			s.endpoints = append(s.endpoints, e)
			// Versions of a name come oldest first: the newest stays.
			s.byName[name{w.StoreKey, w.Name, ep.Name}] = e
		}
	}
	for key := range s.byName {
		if w := next.Webhook(key.store, key.webhook, 0); w == nil || w.Endpoint(key.endpoint) == nil {
			delete(s.byName, key)
		}
	}
	return &compiled{h, s}, nil
}

type compiled struct {
	hooks *Hooks
	next  *state
}

// Install implements engine.Compiled.
func (c *compiled) Install() {
	h := c.hooks
	h.gate.Lock()
	for _, e := range c.next.endpoints {
		for _, t := range e.targets {
			if !t.feed.placed {
				// The end of the stream is known since Compile: this reads memory only.
				t.feed.from, _ = h.engine.NextRecord(context.Background(), e.table)
				t.feed.placed = true
			}
		}
	}
	h.state.Store(c.next)
	h.gate.Unlock()
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Discard implements engine.Compiled.
func (c *compiled) Discard() {}

// find returns the endpoints of a name in all branches of a store.
func (s *state) find(store, webhook, ep string) []*endpoint {
	var all []*endpoint
	if s.snap == nil {
		return nil
	}
	for _, branch := range s.snap.Branches(store) {
		full := catalog.BranchStore(store, branch)
		if w := s.snap.Webhook(full, webhook, 0); w != nil {
			if e := s.byName[name{w.StoreKey, webhook, ep}]; e != nil {
				all = append(all, e)
			}
		}
	}
	return all
}

// Log takes rows in: data is an object of columns, a list of row objects, or a JSON
// string of either, and is not kept. They go to the endpoint of every branch that has
// it. Log fails with Forbidden, NotFound (no such webhook or endpoint), BadRow (with
// group, column, row counted from 0, and reason), Malformed, and what Engine.WriteRows
// fails with; then the rows may still appear later, but never some without the others.
func (h *Hooks) Log(ctx context.Context, who auth.Principal, store, webhook, ep string, data []byte) (Result, error) {
	if !who.MayReadStore(store) {
		return Result{}, &fail.Error{Code: fail.Forbidden, Name: store, Text: "API key not authorized to access " + store}
	}
	h.gate.RLock()
	defer h.gate.RUnlock()
	endpoints := h.state.Load().find(store, webhook, ep)
	if len(endpoints) == 0 {
		return Result{}, &fail.Error{Code: fail.NotFound, Name: webhook + "/" + ep, Text: fmt.Sprintf("Webhook %q has no endpoint %q.", webhook, ep)}
	}
	at := h.engine.Now()
	var r Result
	writes := make([][][]engine.Change, len(endpoints))
	records := make([]record, len(endpoints))
	for i, e := range endpoints {
		var dropped int
		var err error
		if writes[i], dropped, err = h.convert(e.targets, at, data, h.Lenient); err != nil {
			return Result{}, err
		}
		r.Dropped += dropped
		records[i] = record{at: at, data: data}
		for n, t := range e.targets {
			before := t.limit()
			all := writes[i][n]
			writes[i][n] = intime(all, before)
			if late := len(all) - len(writes[i][n]); late > 0 {
				r.Late += late
				records[i].limits = append(records[i].limits, limit{t.Ref.ID, before})
			}
			r.Rows += len(writes[i][n])
		}
	}
	h.dropped.Add(uint64(r.Dropped))
	h.late.Add(uint64(r.Late))
	for i, e := range endpoints {
		if err := h.logOne(ctx, e, &records[i], writes[i]); err != nil {
			return Result{}, err
		}
	}
	return r, nil
}

// convert makes the changes of every target.
func (h *Hooks) convert(targets []*target, at int64, data []byte, lenient bool) (all [][]engine.Change, dropped int, err error) {
	b := newBatch(at, h.MaxRows)
	all = make([][]engine.Change, len(targets))
	for i, t := range targets {
		var n int
		if all[i], n, err = t.changes(b, data, lenient); err != nil {
			return nil, 0, err
		}
		dropped += n
	}
	return all, dropped, nil
}

func (h *Hooks) logOne(ctx context.Context, e *endpoint, r *record, writes [][]engine.Change) error {
	// From the record on the call is finished whatever becomes of its caller.
	ctx = context.WithoutCancel(ctx)
	next, err := h.engine.NextRecord(ctx, e.table)
	if err != nil {
		return err
	}
	token := e.progress.begin(next)
	seq, err := h.engine.AppendRecord(ctx, e.table, r.append(nil))
	if err != nil {
		e.progress.end(token, next)
		return err
	}
	for i, t := range e.targets {
		t.feed.newest.saw(writes[i], r.at)
	}
	if err := h.write(ctx, e.targets, writes); err != nil {
		e.progress.retry(token, seq)
		return err
	}
	e.progress.end(token, seq+1)
	return nil
}

func (h *Hooks) write(ctx context.Context, targets []*target, writes [][]engine.Change) error {
	for i, t := range targets {
		if len(writes[i]) == 0 {
			continue
		}
		if err := h.engine.ChangeRows(ctx, t.ref(), writes[i]); err != nil && !h.gone(t) {
			return err
		}
	}
	return nil
}

// gone reports whether a target's group was removed after the call began, as those of a
// deleted branch are: its rows have nowhere to go, which is no failure of the call.
func (h *Hooks) gone(t *target) bool {
	g := h.engine.Snapshot().Group(t.Ref.Store, t.Ref.Name, t.Ref.Version)
	return g == nil || g.ID != t.Ref.ID
}

func (c *target) ref() engine.Ref {
	return engine.Ref{Store: c.Ref.Store, Name: c.Ref.Name, Version: c.Ref.Version}
}
