// Package engine is the meaning of the rows: it reads feature vectors, writes rows,
// and swaps the catalog under load. It knows no HTTP and no particular store.
//
// The nouns, one name each:
//
//	store   a tenant that owns groups and views
//	group   a keyed table of rows, or (without a key) a stream of events
//	view    a vector made of columns of one or more groups
//	plan    a view compiled for reading (package plan)
//	entry   one set of serving keys in a request; it becomes one vector
//	row     one stored row of a group (package codec draws it)
package engine

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"quiver/engine/catalog"
	"quiver/storage"
)

// Options is what an Engine is made of. Store and Catalog are required; the engine
// owns them from then on and closes the store.
type Options struct {
	Store   storage.Store
	Catalog *catalog.Catalog
	Pool    PoolOptions
	Log     *slog.Logger // nil discards
	Now     func() int64 // Unix microseconds; nil is the system clock
	// DropAfter is how long the rows of a removed or replaced table stay, for
	// the requests that may still be reading them; 0 = 30s.
	DropAfter time.Duration
	// LoadRate bounds, in bytes of rows per second, loads into tables that have rows
	// already: they compete with reads for the disk and the caches. 0 does not bound.
	LoadRate int64
}

// Engine answers reads and takes writes. Its methods may be called from many
// goroutines.
type Engine struct {
	store    storage.Store
	catalog  *catalog.Catalog
	now      func() int64
	log      *slog.Logger
	pool     *readPool
	loadRate int64

	state    atomic.Pointer[state]
	changing sync.Mutex // one change of the catalog at a time
	parts    []Part     // guarded by changing
	groups   groupGates
	streams  streams
	keys     keyLocks
	arrival  arrivals
	janitor  *janitor
}

// Part is something beside feature views that is compiled from definitions (a resolver
// of featuresets, a set of endpoints) and must change together with them.
type Part interface {
	// Compile builds what the snapshot defines beside what is in use, without
	// changing that. An error refuses the change of the catalog.
	Compile(next *catalog.Snapshot) (Compiled, error)
}

// Compiled is what a Part built. Exactly one of its methods is called, once.
type Compiled interface {
	Install() // use it from now on; calls under way finish on the old one
	Discard() // the change was refused elsewhere
}

// AddPart compiles the present catalog for p and keeps it in step from then on.
func (e *Engine) AddPart(p Part) error {
	e.changing.Lock()
	defer e.changing.Unlock()
	c, err := p.Compile(e.Snapshot())
	if err != nil {
		return err
	}
	c.Install()
	e.parts = append(e.parts, p)
	return nil
}

// Ref names a group or view; Version 0 is the newest.
type Ref struct {
	Store, Name string
	Version     int
}

// New compiles the catalog and starts the engine.
func New(o Options) (*Engine, error) {
	if o.Now == nil {
		o.Now = func() int64 { return time.Now().UnixMicro() }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.DropAfter <= 0 {
		o.DropAfter = 30 * time.Second
	}
	pool, err := newReadPool(o.Pool)
	if err != nil {
		return nil, err
	}
	s, err := compile(o.Catalog.Current(), nil)
	if err != nil {
		pool.close()
		return nil, err
	}
	e := &Engine{store: o.Store, catalog: o.Catalog, now: o.Now, log: o.Log, pool: pool, loadRate: o.LoadRate}
	e.state.Store(s)
	if err := e.buildIndexes(context.Background(), s.snap); err != nil {
		pool.close()
		return nil, err
	}
	e.janitor = startJanitor(e, o.DropAfter)
	return e, nil
}

// Close stops the engine's goroutines and closes the store. Calls under way finish
// first; later ones fail.
func (e *Engine) Close(ctx context.Context) error {
	e.janitor.stop()
	e.pool.close()
	return errors.Join(ctx.Err(), e.store.Close())
}

// Now is the engine's clock, Unix microseconds.
func (e *Engine) Now() int64 { return e.now() }

// PoolStats counts the reads that went through the pool and those it refused.
func (e *Engine) PoolStats() (pooled, refused uint64) {
	return e.pool.Pooled.Load(), e.pool.Refused.Load()
}

// Healthy reports whether the store answers a read.
func (e *Engine) Healthy(ctx context.Context) error {
	var b storage.Batch
	b.Add(storage.Key{Route: []byte{0}})
	if err := e.store.Get(ctx, &b); err != nil {
		return err
	}
	_, _, err := b.Row(0)
	return err
}
