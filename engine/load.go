package engine

import (
	"context"
	"errors"
	"time"

	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/storage"
)

// LoadOptions says how rows are loaded.
type LoadOptions struct {
	// Replace makes the table equal to the loaded rows instead of adding to it.
	Replace bool
	// Whole refuses a load that Abort could not undo: one into a group that has rows,
	// a history or indexes, or no key.
	Whole bool
}

// LoadResult is what a load did.
type LoadResult struct {
	Rows   uint64 `json:"rows"`             // rows taken
	Total  uint64 `json:"total,omitempty"`  // rows the stream holds now, for groups without a key
	Stream bool   `json:"stream,omitempty"` // rows were appended, not upserted
	Bulk   bool   `json:"bulk,omitempty"`   // the table was built beside the old one and swapped in
}

// Loading is one bulk load into one group. A load into an empty group, or with
// Replace, builds a new table that readers see whole at Commit or not at all; any
// other load upserts in durable steps as it goes. Use it from one goroutine.
type Loading struct {
	e       *Engine
	ref     Ref
	group   *catalog.Group
	gate    *groupGate
	replace bool
	result  LoadResult

	// A new table being built, or nil.
	bulk  storage.Bulk
	table uint32
	route []byte // of the row added last

	// Rows waiting for the next durable step.
	rows  [][]byte
	arena storage.Arena
	size  int
	next  time.Time // when the next step may begin, under Options.LoadRate
}

// loadStep is the size in bytes of one durable step of a load that upserts.
const loadStep = 2 << 20

// Load starts loading rows into a group.
func (e *Engine) Load(ctx context.Context, ref Ref, o LoadOptions) (*Loading, error) {
	g, err := e.group(ref)
	if err != nil {
		return nil, err
	}
	l := &Loading{e: e, ref: ref, group: g, gate: e.groups.of(g.ID), replace: o.Replace}
	if len(g.Key) == 0 {
		if o.Replace {
			return nil, fail.Errorf(fail.Conflict, "Group %s has no key: a stream only grows and cannot be replaced. Load without --replace.", g.Name)
		}
		if o.Whole {
			return nil, fail.Errorf(fail.Conflict, "Group %s has no key: a load appends to its stream step by step.", g.Name)
		}
		l.result.Stream = true
		return l, nil
	}
	loader, err := e.beside(ctx, g, o)
	switch {
	case err != nil:
		return nil, err
	case loader != nil:
		return l, l.startBulk(ctx, loader)
	case derives(g) && o.Replace:
		return nil, fail.Errorf(fail.Conflict, "Group %s has indexes or a history: its rows are changed one by one, not replaced. Load without --replace.", g.Name)
	case o.Replace:
		return nil, fail.Errorf(fail.Conflict, "This store cannot replace a table. Load without --replace.")
	case o.Whole:
		return nil, fail.Errorf(fail.Conflict, "Group %s has rows by now, so that this load would no longer be taken as a whole or not at all; load again.", g.Name)
	default:
		return l, nil
	}
}

// LoadsWhole reports whether a load into a group would build a table beside the present
// one, so that readers see all of it or, after Abort, nothing.
func (e *Engine) LoadsWhole(ctx context.Context, ref Ref, o LoadOptions) (bool, error) {
	g, err := e.group(ref)
	if err != nil {
		return false, err
	}
	loader, err := e.beside(ctx, g, o)
	return loader != nil, err
}

// beside returns what builds a table beside the group's, nil where its rows are changed
// in place.
func (e *Engine) beside(ctx context.Context, g *catalog.Group, o LoadOptions) (storage.BulkLoader, error) {
	loader, ok := storage.As[storage.BulkLoader](e.store)
	if !ok || len(g.Key) == 0 || derives(g) {
		return nil, nil
	}
	if o.Replace {
		return loader, nil
	}
	empty, err := e.empty(ctx, g.Table)
	if err != nil || !empty {
		return nil, err
	}
	return loader, nil
}

// empty reports whether a table has neither rows nor tombstones, which older rows of a
// load must yield to; a store that cannot tell counts as not.
func (e *Engine) empty(ctx context.Context, table uint32) (bool, error) {
	ranger, ok := storage.As[storage.Ranger](e.store)
	if !ok {
		return false, nil
	}
	empty := true
	err := ranger.List(ctx, table, func(storage.Write) bool {
		empty = false
		return false
	})
	if err != nil {
		return false, fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	return empty, nil
}

func (l *Loading) startBulk(ctx context.Context, loader storage.BulkLoader) error {
	table, err := l.e.catalog.ReserveTable()
	if err != nil {
		return err
	}
	bulk, err := loader.BulkLoad(ctx, table)
	if err != nil {
		l.e.catalog.ReleaseTable(table)
		return fail.Wrap(fail.WriteFailed, err, "Writing to db failed.")
	}
	l.bulk, l.table, l.result.Bulk = bulk, table, true
	return nil
}

// Group is the group as it was when the load began; rows must be of its Schema.
func (l *Loading) Group() *catalog.Group { return l.group }

// Add takes one finished row, copying it.
func (l *Loading) Add(ctx context.Context, row []byte) error {
	l.result.Rows++
	if l.bulk != nil {
		w, err := rowWrite(l.route[:0], l.group, row)
		if err != nil {
			return err
		}
		w.Table, l.route = l.table, w.Route
		if err := l.bulk.Add(w); err != nil {
			return fail.Wrap(fail.WriteFailed, err, "Writing to db failed.")
		}
		return nil
	}
	l.rows = append(l.rows, l.arena.Copy(row))
	if l.size += len(row); l.size < l.stepSize() {
		return nil
	}
	return l.step(ctx)
}

// stepSize is the bytes of one durable step: under a rate, what it allows in 20 ms, so
// that reads meet many small steps and not a few that take the processor for long.
func (l *Loading) stepSize() int {
	if l.e.loadRate <= 0 || l.result.Stream {
		return loadStep
	}
	return int(min(max(l.e.loadRate/50, 32<<10), loadStep))
}

// step makes the waiting rows durable.
func (l *Loading) step(ctx context.Context) error {
	if len(l.rows) == 0 {
		return nil
	}
	if err := l.pace(ctx); err != nil {
		return err
	}
	defer func() {
		clear(l.rows)
		l.rows, l.size = l.rows[:0], 0
		l.arena.Reset()
	}()
	if !l.result.Stream {
		return l.e.WriteRows(ctx, l.ref, l.rows)
	}
	l.gate.RLock()
	defer l.gate.RUnlock()
	g, err := l.e.group(l.ref)
	if err != nil {
		return err
	}
	l.result.Total, err = l.e.append(ctx, g, l.rows)
	return err
}

// pace waits until the rate of loads allows the waiting rows.
func (l *Loading) pace(ctx context.Context) error {
	if l.e.loadRate <= 0 || l.result.Stream {
		return nil // appending to a stream leaves nothing behind to compact
	}
	now := time.Now()
	wait := l.next.Sub(now)
	if wait < 0 {
		l.next = now
	}
	l.next = l.next.Add(time.Duration(float64(l.size) / float64(l.e.loadRate) * float64(time.Second)))
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fail.Wrap(fail.Timeout, ctx.Err(), "The load was cancelled.")
	}
}

// Commit finishes the load: when it returns nil every row is durable and readable.
func (l *Loading) Commit(ctx context.Context) (LoadResult, error) {
	if l.bulk == nil {
		return l.result, l.step(ctx)
	}
	if err := l.bulk.Commit(ctx); err != nil {
		return l.result, errors.Join(fail.Wrap(fail.WriteFailed, err, "Writing to db failed."), l.Abort())
	}
	if err := l.swap(ctx); err != nil {
		l.e.catalog.ReleaseTable(l.table)
		l.e.janitor.wake()
		return l.result, err
	}
	return l.result, nil
}

// swap makes the new table the group's. Writers are held off for its length, so that
// what they wrote into the old table since the load began can be carried over.
func (l *Loading) swap(ctx context.Context) error {
	l.gate.Lock()
	defer l.gate.Unlock()
	l.e.changing.Lock()
	defer l.e.changing.Unlock()
	g, err := l.e.group(Ref{Store: l.group.Store, Name: l.group.Name, Version: l.group.Version})
	if err != nil {
		return err
	}
	if g.Schema.ID != l.group.Schema.ID || g.ID != l.group.ID {
		return fail.Errorf(fail.Conflict, "Group %s changed while it was being loaded; load again.", g.Name)
	}
	if !l.replace {
		if err := l.e.copyTable(ctx, g.Table, l.table); err != nil {
			return err
		}
	}
	next, err := l.e.catalog.Retable(g, l.table)
	if err != nil {
		return err
	}
	return l.e.swap(next)
}

// copyTable applies the rows and tombstones of one table to another, where the newest
// version wins.
func (e *Engine) copyTable(ctx context.Context, from, to uint32) error {
	ranger, ok := storage.As[storage.Ranger](e.store)
	if !ok {
		return fail.Wrap(fail.ReadFailed, errNoRanger, "Reading from db failed.")
	}
	var ws []storage.Write
	var arena storage.Arena
	var failed error
	flush := func() bool {
		failed = e.apply(ctx, ws)
		ws = ws[:0]
		arena.Reset()
		return failed == nil
	}
	err := ranger.List(ctx, from, func(w storage.Write) bool {
		w.Key = storage.Key{Table: to, Route: arena.Copy(w.Route), Suffix: arena.Copy(w.Suffix)}
		w.Row = arena.Copy(w.Row)
		ws = append(ws, w)
		return len(ws) < 1000 || flush()
	})
	if err == nil && failed == nil && len(ws) > 0 {
		flush()
	}
	if err == nil {
		err = failed
	}
	if err != nil {
		return fail.Wrap(fail.WriteFailed, err, "Cannot carry rows over to the new table.")
	}
	return nil
}

// Abort throws the load away. Rows of durable steps already made stay. It does
// nothing after Commit.
func (l *Loading) Abort() error {
	if l.bulk == nil {
		return nil
	}
	defer l.e.catalog.ReleaseTable(l.table)
	return l.bulk.Abort()
}
