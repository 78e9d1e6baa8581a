package storage

// Batch is one multi-key read: keys in, rows out. It is made to be pooled: Reset
// keeps its memory.
//
// The caller adds keys (whose bytes must stay unchanged until the rows were used)
// and calls Store.Get, which fills one slot per key. Rows point into the batch's
// own arena and die at the next Reset.
type Batch struct {
	Keys   []Key
	hashes []uint64
	tables uint64 // by fenceOf
	slots  []slot
	once   positions // for AddOnce
	main   Arena
	parts  []*Arena // one per concurrent part of a fanned-out read
}

type slot struct {
	row     []byte
	version uint64
	err     error
}

// maxKeptArena bounds what a pooled Batch may keep between requests, in bytes.
const maxKeptArena = 1 << 20

// Reset empties the batch for its next use.
func (b *Batch) Reset() {
	clear(b.Keys)
	b.Keys, b.hashes, b.tables = b.Keys[:0], b.hashes[:0], 0
	clear(b.slots)
	b.slots = b.slots[:0]
	b.once.reset()
	b.main.Reset()
	for _, p := range b.parts {
		p.Reset()
	}
}

// Add appends a key and returns its position.
func (b *Batch) Add(k Key) int { return b.add(k, k.Hash()) }

func (b *Batch) add(k Key, hash uint64) int {
	at := len(b.Keys)
	b.Keys = append(b.Keys, k)
	b.hashes = append(b.hashes, hash)
	b.tables |= fenceOf(k.Table)
	if at < cap(b.slots) {
		b.slots = b.slots[:at+1] // empty, as all that are not in use
	} else {
		b.slots = append(b.slots, slot{})
	}
	return at
}

// again makes the batch what it was before Get, but for the memory of its rows.
func (b *Batch) again() { clear(b.slots) }

// AddOnce is Add for a key that may be there already: it then returns the position of
// that one, so that the store is asked for it once.
func (b *Batch) AddOnce(k Key) int {
	if 2*len(b.Keys) >= len(b.once) {
		b.once.grow(b.hashes)
	}
	h := k.Hash()
	for place := h; ; place++ {
		p := &b.once[place&uint64(len(b.once)-1)]
		if *p == 0 {
			at := b.add(k, h)
			*p = int32(at + 1)
			return at
		}
		if at := int(*p - 1); b.hashes[at] == h && b.Keys[at].equal(&k) {
			return at
		}
	}
}

// Hash returns the hash of key i.
func (b *Batch) Hash(i int) uint64 { return b.hashes[i] }

// Truncate takes back the keys added since there were n.
func (b *Batch) Truncate(n int) {
	b.once.truncate(b.hashes, n)
	clear(b.Keys[n:])
	clear(b.slots[n:])
	b.Keys, b.hashes, b.slots = b.Keys[:n], b.hashes[:n], b.slots[:n]
}

// Len is the number of keys.
func (b *Batch) Len() int { return len(b.Keys) }

// Row returns what Get found for key i: nil without error means no such row. The
// bytes live until Reset and must not be changed.
func (b *Batch) Row(i int) (row []byte, version uint64, err error) {
	s := &b.slots[i]
	return s.row, s.version, s.err
}

// SetRow, SetMissing and SetError are how a store answers key i. SetRow keeps the
// slice it is given: pass memory from an Arena of this batch. Different positions
// may be set from different goroutines.
func (b *Batch) SetRow(i int, version uint64, row []byte) {
	b.slots[i] = slot{row: row, version: version}
}

// SetMissing answers that key i has no row; version is that of its tombstone, or 0.
func (b *Batch) SetMissing(i int, version uint64) { b.slots[i] = slot{version: version} }

// SetError answers that key i could not be read.
func (b *Batch) SetError(i int, err error) { b.slots[i] = slot{err: err} }

// Arena is the memory for rows of this batch when one goroutine fills it.
func (b *Batch) Arena() *Arena { return &b.main }

// Part returns the n-th of several arenas, for stores that fill one batch from
// several goroutines. Ask for all parts before starting them.
func (b *Batch) Part(n int) *Arena {
	for len(b.parts) <= n {
		b.parts = append(b.parts, &Arena{})
	}
	return b.parts[n]
}

// Arena hands out byte slices that never move and die together.
type Arena struct{ chunk []byte }

// Copy returns a copy of p in the arena, never nil: an empty row is a row.
func (a *Arena) Copy(p []byte) []byte {
	if cap(a.chunk)-len(a.chunk) < len(p) || a.chunk == nil {
		a.grow(len(p))
	}
	n := len(a.chunk)
	a.chunk = append(a.chunk, p...)
	return a.chunk[n:len(a.chunk):len(a.chunk)]
}

// grow starts a new chunk; slices of the old one stay valid.
func (a *Arena) grow(n int) {
	size := max(2*cap(a.chunk), 4<<10, n)
	a.chunk = make([]byte, 0, size)
}

// Reset forgets every slice handed out. A giant chunk is dropped. Under the build
// tag poison the memory is overwritten, so that a caller who kept a row fails.
func (a *Arena) Reset() {
	if poison {
		for i := range a.chunk {
			a.chunk[i] = 0xcc
		}
	}
	if cap(a.chunk) > maxKeptArena {
		a.chunk = nil
	}
	a.chunk = a.chunk[:0]
}
