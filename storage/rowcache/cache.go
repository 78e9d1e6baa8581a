package rowcache

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"quiver/storage"
)

// Cache is a storage.Store that answers from memory what it can and asks the inner
// store for the rest. Make one with New. Its methods may be called from many
// goroutines.
type Cache struct {
	storage.Store
	shards []shard
	mask   uint64
	misses sync.Pool      // of *missing
	fence  *storage.Fence // of the inner store; nil: it has none
	closed atomic.Bool
}

// minShard is the least size of one shard in bytes: below it rows would push each
// other out by chance.
const minShard = 1 << 20

// maxShards is enough for two writers rarely to meet. A batch locks all of them once.
const maxShards = 32

// New puts a cache of at most size bytes in front of inner, which it owns from then
// on. A size under 1 MiB is an error.
func New(inner storage.Store, size int64) (*Cache, error) {
	if size < minShard {
		return nil, fmt.Errorf("a row cache of %d bytes is too small to be of use; give it at least %d or 0 for none", size, minShard)
	}
	n := maxShards
	for int64(n)*minShard > size {
		n /= 2
	}
	c := &Cache{Store: inner, shards: make([]shard, n), mask: uint64(n - 1)}
	for i := range c.shards {
		if err := c.shards[i].init(int(size / int64(n))); err != nil {
			return nil, errors.Join(err, c.release())
		}
	}
	c.misses.New = func() any { return &missing{} }
	if f, ok := storage.As[storage.Fencer](inner); ok {
		c.fence = f.Fence()
	}
	return c, nil
}

// Unwrap returns the inner store, for those who need its optional abilities.
func (c *Cache) Unwrap() storage.Store { return c.Store }

// Close closes the inner store; later calls fail with storage.ErrClosed.
func (c *Cache) Close() error {
	c.closed.Store(true)
	return errors.Join(c.Store.Close(), c.release())
}

func (c *Cache) release() error {
	var err error
	for i := range c.shards {
		err = errors.Join(err, c.shards[i].close())
	}
	return err
}

// shard returns the shard of a hash. Its low bits choose the shard, the next ones the
// bucket, the high ones are the tag.
func (c *Cache) shard(h uint64) *shard { return &c.shards[h&c.mask] }

// Get implements storage.Store.
func (c *Cache) Get(ctx context.Context, b *storage.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.closed.Load() {
		return storage.ErrClosed
	}
	if c.fence == nil || len(b.Keys) == 1 {
		return c.get(ctx, b)
	}
	return c.fence.Get(ctx, b, c.get)
}

func (c *Cache) get(ctx context.Context, b *storage.Batch) error {
	if len(b.Keys) == 1 {
		return c.getOne(ctx, b)
	}
	m := c.misses.Get().(*missing)
	defer c.recycle(m)
	c.lookupMany(b, m)
	if len(m.at) == 0 {
		return nil
	}
	return c.load(ctx, b, m)
}

func (c *Cache) getOne(ctx context.Context, b *storage.Batch) error {
	k, h := &b.Keys[0], b.Hash(0)
	s := c.shard(h)
	found, old, ticket := s.answer(h, k, b)
	if !found {
		s.misses.Add(1)
		m := c.misses.Get().(*missing)
		defer c.recycle(m)
		m.add(0, ticket, k)
		return c.load(ctx, b, m)
	}
	s.hits.Add(1)
	if old {
		s.promote(h, k)
	}
	return nil
}

// ahead is how many keys of a batch are on their way from memory at each of two stages.
const ahead = 12

func (c *Cache) lookupMany(b *storage.Batch, m *missing) {
	c.lookupHeld(b, m)
	c.shards[0].hits.Add(uint64(len(b.Keys) - len(m.at)))
	c.shards[0].misses.Add(uint64(len(m.at)))
	for _, i := range m.old {
		c.shard(b.Hash(i)).promote(b.Hash(i), &b.Keys[i])
	}
}

// lookupHeld holds all shards at once and looks keys up one after the other, but asks for
// the memory of later ones early: for the bucket of a key 2*ahead keys before it is looked
// up, for the entry it names ahead keys before. So keys do not wait for memory one after
// the other, which is most of what a lookup costs.
func (c *Cache) lookupHeld(b *storage.Batch, m *missing) {
	for i := range c.shards {
		c.shards[i].mu.RLock()
	}
	defer func() { // also after a panic, which would otherwise stop all writers for good
		for i := range c.shards {
			c.shards[i].mu.RUnlock()
		}
	}()
	n := len(b.Keys)
	for i := range n + 2*ahead {
		if i < n {
			h := b.Hash(i)
			c.shard(h).fetchBucket(h)
		}
		if i := i - ahead; i >= 0 && i < n {
			h := b.Hash(i)
			c.shard(h).fetch(h)
		}
		if i := i - 2*ahead; i >= 0 {
			c.lookup(b, i, m)
		}
	}
}

// lookup answers key i of b or adds it to m. Its shard is held.
func (c *Cache) lookup(b *storage.Batch, i int, m *missing) {
	k, h := &b.Keys[i], b.Hash(i)
	s := c.shard(h)
	e, old := s.find(h, k)
	if e == nil {
		m.add(i, s.ticket(h), k)
		return
	}
	e.answer(b, i)
	if old {
		m.old = append(m.old, i)
	}
}

// load asks the inner store for what was missing, answers b with it and keeps it.
func (c *Cache) load(ctx context.Context, b *storage.Batch, m *missing) error {
	if err := c.Store.Get(ctx, &m.batch); err != nil {
		return err
	}
	written := false
	for j, i := range m.at {
		if row, version, err := take(b, i, &m.batch, j); err == nil {
			h := b.Hash(i)
			written = !c.shard(h).fill(h, m.tickets[j], &b.Keys[i], version, row) || written
		}
	}
	if !written || len(m.at) == len(b.Keys) {
		return nil
	}
	// What was missing may be newer than what was not, and of the same write: only the
	// inner store can tell.
	m.batch.Reset()
	for i := range b.Keys {
		m.batch.Add(b.Keys[i])
	}
	if err := c.Store.Get(ctx, &m.batch); err != nil {
		return err
	}
	for i := range b.Keys {
		_, _, _ = take(b, i, &m.batch, i) // b has the error
	}
	return nil
}

// take gives key i of b what from has for key j.
func take(b *storage.Batch, i int, from *storage.Batch, j int) (row []byte, version uint64, err error) {
	row, version, err = from.Row(j)
	switch {
	case err != nil:
		b.SetError(i, err)
	case row == nil:
		b.SetMissing(i, version)
	default:
		b.SetRow(i, version, b.Arena().Copy(row))
	}
	return row, version, err
}

// missing is the part of a batch that the cache could not answer, and scratch space.
type missing struct {
	batch   storage.Batch
	at      []int // position in the caller's batch
	tickets []uint32
	old     []int // positions of hits among the oldest rows
}

func (m *missing) add(i int, ticket uint32, k *storage.Key) {
	m.batch.Add(*k)
	m.at = append(m.at, i)
	m.tickets = append(m.tickets, ticket)
}

func (c *Cache) recycle(m *missing) {
	m.batch.Reset()
	m.at, m.tickets, m.old = m.at[:0], m.tickets[:0], m.old[:0]
	c.misses.Put(m)
}

// Apply implements storage.Store. The keys are taken out of the cache before the inner
// store sees the writes and stay out until it has answered.
func (c *Cache) Apply(ctx context.Context, ws []storage.Write) error {
	for i := range ws {
		h := ws[i].Key.Hash()
		c.shard(h).beginWrite(h, &ws[i].Key)
	}
	defer func() {
		for i := range ws {
			h := ws[i].Key.Hash()
			c.shard(h).endWrite(h)
		}
	}()
	return c.Store.Apply(ctx, ws)
}

// Stats are counters since the start, and sizes in bytes.
type Stats struct {
	Hits, Misses uint64
	Refused      uint64 // rows not kept because their key was being written
	Promoted     uint64 // rows in use that were kept from being overwritten
	Written      uint64 // bytes of rows kept; what exceeds Capacity has overwritten others
	Capacity     int64
}

// Stats returns the counters. Its parts are not from one instant.
func (c *Cache) Stats() Stats {
	var out Stats
	for i := range c.shards {
		s := &c.shards[i]
		out.Hits += s.hits.Load()
		out.Misses += s.misses.Load()
		out.Refused += s.refused.Load()
		s.mu.RLock()
		out.Promoted += s.promoted
		out.Written += s.written
		out.Capacity += int64(len(s.slab) + 8*len(s.index))
		s.mu.RUnlock()
	}
	return out
}

// entry is one cached row, aliasing the slab.
type entry []byte

const (
	entryHead   = 24
	flagMissing = 1
)

func entrySize(k *storage.Key, row []byte) int {
	return (entryHead + len(k.Route) + len(k.Suffix) + len(row) + 7) &^ 7
}

// write fills e, which has entrySize bytes.
func (e entry) write(k *storage.Key, version uint64, row []byte) {
	binary.LittleEndian.PutUint16(e, uint16(len(k.Route)))
	binary.LittleEndian.PutUint16(e[2:], uint16(len(k.Suffix)))
	binary.LittleEndian.PutUint32(e[4:], uint32(len(row)))
	binary.LittleEndian.PutUint64(e[8:], version)
	binary.LittleEndian.PutUint32(e[16:], k.Table)
	e[20] = 0
	if row == nil {
		e[20] = flagMissing
	}
	n := entryHead + copy(e[entryHead:], k.Route)
	n += copy(e[n:], k.Suffix)
	copy(e[n:], row)
}

// is reports whether e is the entry of k.
func (e entry) is(k *storage.Key) bool {
	route, suffix := len(k.Route), len(k.Suffix)
	return int(binary.LittleEndian.Uint16(e)) == route &&
		int(binary.LittleEndian.Uint16(e[2:])) == suffix &&
		binary.LittleEndian.Uint32(e[16:]) == k.Table &&
		string(e[entryHead:entryHead+route]) == string(k.Route) &&
		string(e[entryHead+route:entryHead+route+suffix]) == string(k.Suffix)
}

// answer gives key i of b what e holds.
func (e entry) answer(b *storage.Batch, i int) {
	version := binary.LittleEndian.Uint64(e[8:])
	if e[20] == flagMissing {
		b.SetMissing(i, version)
		return
	}
	row := entryHead + int(binary.LittleEndian.Uint16(e)) + int(binary.LittleEndian.Uint16(e[2:]))
	b.SetRow(i, version, b.Arena().Copy(e[row:row+int(binary.LittleEndian.Uint32(e[4:]))]))
}
