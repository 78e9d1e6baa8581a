package pebblestore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"quiver/storage"
)

// applier is the scratch of one Apply, pooled.
type applier struct {
	store  *Store
	places []place
	key    []byte
	io     pebble.IterOptions
	runs   []commit
}

// place is one write on its way into a shard.
type place struct {
	shard   int32
	index   int32 // position in the call
	version uint64
}

// commit is a batch that was handed to a shard and whose sync is to be awaited.
type commit struct {
	sh    *shard
	batch *pebble.Batch
	seq   uint64
}

func newApplier(s *Store) *applier { return &applier{store: s} }

// Apply implements storage.Store. One call is one Pebble batch per shard it
// touches, synced together with those of other calls. It ends the process if a
// shard's log cannot be written or synced (Options.Exit).
func (s *Store) Apply(ctx context.Context, ws []storage.Write) error {
	if !s.running.enter() {
		return storage.ErrClosed
	}
	defer s.running.leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := storage.CheckAll(ws); err != nil {
		return err
	}
	if len(ws) == 0 {
		return nil
	}
	if err := s.ballast.mayWrite(); err != nil {
		return err
	}
	a := s.appliers.Get().(*applier)
	err := a.apply(ws)
	a.reset()
	s.appliers.Put(a)
	return err
}

func (a *applier) reset() {
	clear(a.runs)
	a.runs = a.runs[:0]
	if cap(a.places) > maxKeptWants {
		a.places = nil
	}
}

// apply gives every shard its writes, then waits for all of them, so that the
// shards sync at the same time. The first error wins.
func (a *applier) apply(ws []storage.Write) error {
	a.sort(ws)
	var errs []error
	if ws[0].Together && len(ws) > 1 {
		if err := a.publish(ws); err != nil {
			errs = append(errs, err)
		}
	} else {
		for rest := a.places; len(rest) > 0; {
			var places []place
			places, rest = a.cut(rest)
			sh := a.store.shards[places[0].shard]
			c, err := a.commit(sh, ws, places)
			if err != nil {
				errs = append(errs, fmt.Errorf("cannot write to %s: %w", sh.name, err))
			} else {
				a.runs = append(a.runs, c)
			}
		}
	}
	for i := range a.runs {
		if err := a.runs[i].wait(); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return errs[0]
	}
	return nil
}

// cut returns the places of the first shard, and the others.
func (a *applier) cut(places []place) (first, rest []place) {
	to := 1
	for to < len(places) && places[to].shard == places[0].shard {
		to++
	}
	return places[:to], places[to:]
}

// publish prepares the batches of all shards, which it holds until it is done, and then
// hands them over behind the fence: that is all that readers can be disturbed by.
func (a *applier) publish(ws []storage.Write) (err error) {
	var batches []*pebble.Batch
	defer func() {
		for _, b := range batches { // those that were not handed over
			err = errors.Join(err, b.Close())
		}
	}()
	var shards []*shard
	for rest := a.places; len(rest) > 0; {
		var places []place
		places, rest = a.cut(rest)
		sh := a.store.shards[places[0].shard]
		sh.mu.Lock() // in the order of the shards, as everyone who holds several
		defer sh.mu.Unlock()
		b, err := a.prepare(sh, ws, places)
		if err != nil {
			return fmt.Errorf("cannot write to %s: %w", sh.name, err)
		}
		shards, batches = append(shards, sh), append(batches, b)
	}
	tables := a.store.fence.Begin(ws)
	defer a.store.fence.End(tables)
	for i, sh := range shards {
		b := batches[0]
		batches = batches[1:]
		c, err := sh.finish(b)
		if err != nil {
			return fmt.Errorf("cannot write to %s: %w", shards[i].name, err)
		}
		a.runs = append(a.runs, c)
	}
	return nil
}

// sort lists the writes by shard, each shard's in the order of the call.
func (a *applier) sort(ws []storage.Write) {
	n := len(a.store.shards)
	a.places = slices.Grow(a.places[:0], len(ws))
	for i := range ws {
		a.places = append(a.places, place{shard: int32(shardOf(ws[i].Route, n)), index: int32(i)})
	}
	if n > 1 {
		slices.SortFunc(a.places, func(x, y place) int {
			return cmp.Or(cmp.Compare(x.shard, y.shard), cmp.Compare(x.index, y.index))
		})
	}
}

// commit hands the writes that win to the shard as one batch, which is visible and
// ordered in the log when commit returns, but not yet durable.
func (a *applier) commit(sh *shard, ws []storage.Write, places []place) (commit, error) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	batch, err := a.prepare(sh, ws, places)
	if err != nil {
		return commit{}, err
	}
	return sh.finish(batch)
}

// prepare decides which writes win, and makes a batch of them. The caller holds mu.
func (a *applier) prepare(sh *shard, ws []storage.Write, places []place) (*pebble.Batch, error) {
	if err := sh.mayWrite(); err != nil {
		return nil, err
	}
	given := 0
	for i := range places {
		p := &places[i]
		p.version = ws[p.index].Version
		if p.version == storage.NextVersion {
			sh.state.counter++
			p.version = sh.state.counter
		} else {
			given++
		}
	}
	if given > 0 {
		var err error
		if places, err = a.winners(sh, ws, places); err != nil {
			return nil, asCorrupt(err)
		}
	}
	batch := sh.db.NewBatch()
	for i := range places {
		w := &ws[places[i].index]
		op := batch.SetDeferred(keyLen(&w.Key), envelopeLen(w))
		putKey(op.Key, &w.Key)
		appendValue(op.Value[:0], w, places[i].version)
		if err := op.Finish(); err != nil {
			return nil, errors.Join(err, batch.Close())
		}
	}
	return batch, nil
}

// finish adds the shard's state to a batch and hands it to Pebble. The state goes
// into every batch, also when all writes were dropped as older: what they are older
// than may be visible and not yet durable, and the sync of this batch covers it. The
// caller holds mu.
func (sh *shard) finish(batch *pebble.Batch) (commit, error) {
	sh.state.commits++
	op := batch.SetDeferred(len(stateKey), stateLen)
	copy(op.Key, stateKey)
	sh.state.put(op.Value)
	if err := op.Finish(); err != nil {
		return commit{}, errors.Join(err, batch.Close())
	}
	sh.hand(batch)
	return commit{sh: sh, batch: batch, seq: sh.state.commits}, nil
}

// winners sorts places by key and keeps, for each key, the write that is left when
// they are made one after another on top of what is stored. It drops the rest.
func (a *applier) winners(sh *shard, ws []storage.Write, places []place) (_ []place, err error) {
	if len(places) > 1 {
		slices.SortFunc(places, func(x, y place) int {
			kx, ky := &ws[x.index].Key, &ws[y.index].Key
			return cmp.Or(cmp.Compare(kx.Table, ky.Table), compareKeys(kx, ky), cmp.Compare(x.index, y.index))
		})
	}
	var it *pebble.Iterator
	defer func() {
		if r := recover(); r != nil {
			a.store.stats.Panics.Add(1)
			err = fmt.Errorf("%w: reading panicked: %v", storage.ErrCorrupt, r)
			closeQuietly(it)
		}
	}()
	a.io.UseL6Filters = sh.fresh.useFilters()
	if it, err = sh.db.NewIter(&a.io); err != nil {
		return nil, err
	}
	lookups, misses := 0, 0
	kept := places[:0]
	for from := 0; from < len(places); {
		k := &ws[places[from].index].Key
		to := from + 1
		for to < len(places) && sameKey(k, &ws[places[to].index].Key) {
			to++
		}
		group := places[from:to]
		from = to
		// Numbered writes replace what is there; what is stored only matters
		// if the first write of the group has a version of its own.
		best := -1
		var stored uint64
		for i := range group {
			numbered := ws[group[i].index].Version == storage.NextVersion
			if !numbered && i == 0 {
				if stored, err = a.stored(it, k); err != nil {
					return nil, closeAfter(it, err)
				}
				if lookups++; stored == 0 {
					misses++
				}
			}
			if numbered || group[i].version >= stored {
				best, stored = i, group[i].version
			}
		}
		if best >= 0 {
			kept = append(kept, group[best])
		}
	}
	sh.fresh.add(lookups, misses)
	return kept, it.Close()
}

// stored is the version stored under k, 0 if there is nothing.
func (a *applier) stored(it *pebble.Iterator, k *storage.Key) (uint64, error) {
	a.key = appendKey(a.key[:0], k)
	if !it.SeekPrefixGE(a.key) {
		return 0, it.Error()
	}
	v, err := it.ValueAndErr()
	if err != nil {
		return 0, err
	}
	e, _, err := parseValue(v)
	return e.version, err
}

func sameKey(x, y *storage.Key) bool {
	return x.Table == y.Table && bytes.Equal(x.Route, y.Route) && bytes.Equal(x.Suffix, y.Suffix)
}

// hand gives a batch to Pebble, which writes it to the log in order and makes it
// visible. Pebble panics or calls Fatalf if it cannot; either way its state is
// unknown and the process ends. The caller holds mu.
func (sh *shard) hand(batch *pebble.Batch) {
	defer func() {
		if r := recover(); r != nil {
			sh.store.die(fmt.Sprintf("%s: commit panicked: %v", sh.name, r))
		}
	}()
	sh.idle.begin()
	if err := sh.db.ApplyNoSyncWait(batch, pebble.Sync); err != nil {
		sh.store.die(fmt.Sprintf("%s: commit failed: %v", sh.name, err))
	}
	sh.idle.end()
}

// wait returns when the batch is durable. A failed sync ends the process: the rows
// are visible and no later sync can be trusted to cover them.
func (c *commit) wait() error {
	if err := c.batch.SyncWait(); err != nil {
		c.sh.store.die(fmt.Sprintf("%s: sync of the log failed: %v", c.sh.name, err))
	}
	c.sh.store.acked.note(c.sh.index, c.seq)
	return c.batch.Close()
}
