package faultstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"quiver/storage"
)

// Op names a call.
type Op uint8

// The calls. Those of a bulk load are apart: Load opens it, Add takes its rows.
const (
	Get Op = iota
	Apply
	Range
	RangeRoute
	Floor
	Drop
	Load
	Add
	Commit
	Checkpoint
	Close
)

func (o Op) String() string {
	return [...]string{"Get", "Apply", "Range", "RangeRoute", "Floor", "DropTable", "BulkLoad", "Add", "Commit", "Checkpoint", "Close"}[o]
}

// Faults say what goes wrong. Every function may be nil and must be safe for calls
// from many goroutines.
type Faults struct {
	// Key fails single keys: of a Get the key alone, with what it returns;
	// of the other calls the whole call, before anything is done. Calls about
	// a table ask with a key of that table and nothing else.
	Key func(op Op, k storage.Key) error
	// Call fails a call as a whole, before anything is done.
	Call func(op Op) error
	// After fails a call that was carried out, as when the answer is lost.
	After func(op Op) error
	// Delay holds a call up, or until its context ends: then the call fails
	// with the context's error.
	Delay func(op Op) time.Duration
}

// Store is a storage.Store with every optional ability. Where the wrapped store
// lacks one, its calls return errors.ErrUnsupported.
type Store struct {
	inner  storage.Store
	faults atomic.Pointer[Faults]
	calls  [Close + 1]atomic.Int64
}

// New wraps a store. Nothing goes wrong until Set is called. Close closes the
// wrapped store.
func New(inner storage.Store) *Store {
	s := &Store{inner: inner}
	s.faults.Store(&Faults{})
	return s
}

// Set replaces what goes wrong. Calls that run keep what they began with.
func (s *Store) Set(f Faults) { s.faults.Store(&f) }

// Calls is how often op was called, failed calls included.
func (s *Store) Calls(op Op) int { return int(s.calls[op].Load()) }

// before counts, delays and fails a call.
func (s *Store) before(ctx context.Context, f *Faults, op Op) error {
	s.calls[op].Add(1)
	if f.Delay != nil {
		if d := f.Delay(op); d > 0 {
			timer := time.NewTimer(d)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
	if f.Call != nil {
		return f.Call(op)
	}
	return nil
}

func (f *Faults) key(op Op, k storage.Key) error {
	if f.Key == nil {
		return nil
	}
	return f.Key(op, k)
}

// after lets a call that succeeded fail.
func (f *Faults) after(op Op, err error) error {
	if err == nil && f.After != nil {
		return f.After(op)
	}
	return err
}

// Get implements storage.Store.
func (s *Store) Get(ctx context.Context, b *storage.Batch) error {
	f := s.faults.Load()
	if err := s.before(ctx, f, Get); err != nil {
		return err
	}
	if err := s.inner.Get(ctx, b); err != nil {
		return err
	}
	for i := range b.Keys {
		if err := f.key(Get, b.Keys[i]); err != nil {
			b.SetError(i, err)
		}
	}
	return f.after(Get, nil)
}

// Apply implements storage.Store.
func (s *Store) Apply(ctx context.Context, ws []storage.Write) error {
	f := s.faults.Load()
	if err := s.before(ctx, f, Apply); err != nil {
		return err
	}
	for i := range ws {
		if err := f.key(Apply, ws[i].Key); err != nil {
			return err
		}
	}
	return f.after(Apply, s.inner.Apply(ctx, ws))
}

// Close implements storage.Store.
func (s *Store) Close() error {
	f := s.faults.Load()
	if err := s.before(context.Background(), f, Close); err != nil {
		return err
	}
	return f.after(Close, s.inner.Close())
}

// unsupported is the answer where the wrapped store lacks an ability.
func (s *Store) unsupported(op Op) error {
	return fmt.Errorf("%T has no %s: %w", s.inner, op, errors.ErrUnsupported)
}
