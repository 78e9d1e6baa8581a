package pebblestore

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"quiver/storage"
)

// getter is the scratch of one Get, pooled.
type getter struct {
	store *Store
	slot  int // of idle iterators, where it looks first: pooled per core, cores stay apart
	wants []want
	parts []part
	wait  sync.WaitGroup
}

// want is one key of the batch to look up.
type want struct {
	shard int32
	slot  int32  // position in the batch
	table uint32 // first of the three things wants are sorted by
	head  uint64 // first eight bytes of the route, so that few comparisons go further
}

// part is what one shard reads for one Get.
type part struct {
	g     *getter
	sh    *shard
	b     *storage.Batch
	wants []want
	arena *storage.Arena
	key   []byte
	io    pebble.IterOptions
}

// maxKeptWants bounds what a pooled getter may keep, in keys.
const maxKeptWants = 1 << 14

func newGetter(s *Store) *getter {
	g := &getter{store: s, slot: int(s.made.Add(1) % idleSlots), parts: make([]part, len(s.shards))}
	for i := range g.parts {
		g.parts[i].g = g
	}
	return g
}

// Get implements storage.Store. A shard that cannot be read, or a damaged block,
// gives errors for its keys only.
func (s *Store) Get(ctx context.Context, b *storage.Batch) error {
	if !s.running.enter() {
		return storage.ErrClosed
	}
	defer s.running.leave()
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.Len() == 0 {
		return nil
	}
	g := s.getters.Get().(*getter)
	var err error
	if b.Len() == 1 {
		err = g.get(ctx, b)
	} else {
		err = s.fence.Get(ctx, b, g.get)
	}
	g.reset()
	s.getters.Put(g)
	return err
}

// Fence implements storage.Fencer.
func (s *Store) Fence() *storage.Fence { return &s.fence }

func (g *getter) reset() {
	for i := range g.parts {
		p := &g.parts[i]
		p.b, p.wants, p.arena, p.sh = nil, nil, nil, nil
	}
	if cap(g.wants) > maxKeptWants {
		g.wants = nil
	}
}

func (g *getter) get(ctx context.Context, b *storage.Batch) error {
	g.sort(b)
	parts := g.split(b)
	if g.store.pool != nil && len(parts) > 1 && len(g.wants) >= g.store.o.FanOutKeys {
		g.fanOut(b, parts)
		return ctx.Err()
	}
	for i := range parts {
		if i > 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		parts[i].read()
	}
	return nil
}

// split makes one part of each shard's wants.
func (g *getter) split(b *storage.Batch) []part {
	n := 0
	for from := 0; from < len(g.wants); n++ {
		shard, to := g.wants[from].shard, from+1
		for to < len(g.wants) && g.wants[to].shard == shard {
			to++
		}
		p := &g.parts[n]
		p.sh, p.b, p.wants, p.arena = g.store.shards[shard], b, g.wants[from:to], b.Arena()
		from = to
	}
	return g.parts[:n]
}

// sort lists the batch's keys by shard and then in the order of the disk, where
// reading them one after another costs least.
func (g *getter) sort(b *storage.Batch) {
	n := len(g.store.shards)
	g.wants = slices.Grow(g.wants[:0], b.Len())
	for i := range b.Keys {
		k := &b.Keys[i]
		g.wants = append(g.wants, want{shard: int32(shardOf(k.Route, n)), slot: int32(i), table: k.Table, head: head(k.Route)})
	}
	if len(g.wants) == 1 {
		return
	}
	keys := b.Keys
	slices.SortFunc(g.wants, func(x, y want) int {
		if c := cmp.Compare(x.shard, y.shard); c != 0 {
			return c
		}
		if c := cmp.Compare(x.table, y.table); c != 0 {
			return c
		}
		if c := cmp.Compare(x.head, y.head); c != 0 {
			return c
		}
		return compareKeys(&keys[x.slot], &keys[y.slot])
	})
}

// head returns the first eight bytes of p as a number, so that heads order as the
// bytes do until they are equal.
func head(p []byte) uint64 {
	if len(p) >= 8 {
		return binary.BigEndian.Uint64(p)
	}
	var buf [8]byte
	copy(buf[:], p)
	return binary.BigEndian.Uint64(buf[:])
}

// compareKeys orders two keys of one table.
func compareKeys(x, y *storage.Key) int {
	if c := bytes.Compare(x.Route, y.Route); c != 0 {
		return c
	}
	return bytes.Compare(x.Suffix, y.Suffix)
}

// read answers all of the part's keys.
func (p *part) read() {
	for done := 0; done < len(p.wants); {
		n, err := p.readUntilError(p.wants[done:])
		done += n
		if err != nil {
			// The iterator is of no more use; the next key gets a new one.
			p.b.SetError(int(p.wants[done].slot), fmt.Errorf("cannot read from %s: %w", p.sh.name, asCorrupt(err)))
			done++
		}
	}
}

// readUntilError answers keys with one iterator until one cannot be read, and
// returns how many were answered.
func (p *part) readUntilError(wants []want) (done int, err error) {
	var l lease
	defer func() {
		if r := recover(); r != nil {
			p.sh.store.stats.Panics.Add(1)
			err = fmt.Errorf("%w: reading panicked: %v", storage.ErrCorrupt, r)
			closeQuietly(l.it)
		}
	}()
	p.io.UseL6Filters = p.sh.misses.useFilters()
	if l, err = p.sh.lease(p.g.slot, &p.io); err != nil {
		return 0, err
	}
	it := l.it
	misses := 0
	for i := range wants {
		slot := int(wants[i].slot)
		k := &p.b.Keys[slot]
		if i > 0 && wants[i-1].table == wants[i].table && wants[i-1].head == wants[i].head {
			if before := int(wants[i-1].slot); compareKeys(&p.b.Keys[before], k) == 0 {
				p.repeat(before, slot)
				continue
			}
		}
		p.key = appendKey(p.key[:0], k)
		// The key is its own prefix (Pebble's default Split), so the filters
		// of all levels but the last can say no without reading a block.
		if !it.SeekPrefixGE(p.key) {
			if err := it.Error(); err != nil {
				return i, closeAfter(it, err)
			}
			p.b.SetMissing(slot, 0)
			misses++
			continue
		}
		v, err := it.ValueAndErr()
		if err != nil {
			return i, closeAfter(it, err)
		}
		e, row, err := parseValue(v)
		if err != nil {
			return i, closeAfter(it, err)
		}
		if e.dead {
			p.b.SetMissing(slot, e.version)
			continue
		}
		p.b.SetRow(slot, e.version, p.arena.Copy(row))
	}
	p.sh.misses.add(len(wants), misses)
	p.sh.idle.giveBack(p.g.slot, l)
	return len(wants), nil
}

// repeat answers a key that was asked for twice.
func (p *part) repeat(from, to int) {
	row, version, err := p.b.Row(from)
	switch {
	case err != nil:
		p.b.SetError(to, err)
	case row == nil:
		p.b.SetMissing(to, version)
	default:
		p.b.SetRow(to, version, row)
	}
}

// closeAfter closes an iterator that failed; Close only repeats err.
func closeAfter(it *pebble.Iterator, err error) error {
	_ = it.Close()
	return err
}

// closeQuietly closes an iterator that panicked and may panic again.
func closeQuietly(it *pebble.Iterator) {
	defer func() { _ = recover() }()
	if it != nil {
		_ = it.Close()
	}
}
