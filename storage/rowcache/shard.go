package rowcache

import (
	"encoding/binary"
	"sync"
	"sync/atomic"

	"quiver/storage"
)

// A bucket of the index is one cache line of 8 slots, a slot one word; 0 is empty:
//
//	63    45 44     40 39                0
//	+-------+---------+------------------+
//	| tag   | lines   | place            |
//	+-------+---------+------------------+
//
// tag is the top of the key's hash, place the entry's offset divided by 8, and lines how
// many cache lines the entry touches, so that they can be fetched before its head is read.
const (
	ways      = 8
	placeBits = 40
	lineBits  = 5
	placeMask = 1<<placeBits - 1
	maxLines  = 1<<lineBits - 1 // the hardware fetches what follows by itself
	tagShift  = placeBits + lineBits
	lineSize  = 64
	stripes   = 256 // write generations per shard
)

// shard is one part of the cache. find and fetch want mu held shared or alone, what
// changes the shard wants it alone.
type shard struct {
	mu     sync.RWMutex
	index  []uint64 // buckets of ways slots; 0 is empty
	slab   []byte
	next   uint64 // offset of the head of the ring, counted from the start of time
	lap    uint64 // offset at which the ring was last begun anew
	memory []byte // what index and slab are cut from

	generation [stripes]uint32
	writers    [stripes]uint32
	scratch    []byte // row being promoted
	promoted   uint64
	written    uint64 // bytes of entries

	hits, misses, refused atomic.Uint64
	_                     [64]byte
}

// init sizes a shard and takes its memory. A sixteenth of it is index, which suits rows
// from about 100 bytes up: smaller ones are kept as long as their bucket has room.
func (s *shard) init(size int) error {
	buckets := 1
	for buckets*2*ways*8 <= size/16 {
		buckets *= 2
	}
	var err error
	if s.memory, err = allocate(size &^ 7); err != nil {
		return err
	}
	n := buckets * ways * 8
	s.index, s.slab = words(s.memory[:n]), s.memory[n:]
	s.next = 8 // place 0 means empty
	return nil
}

// close gives the memory back; the shard then finds and keeps nothing.
func (s *shard) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	memory := s.memory
	s.memory, s.index, s.slab = nil, nil, nil
	if memory == nil {
		return nil
	}
	return release(memory)
}

func (s *shard) bucket(h uint64) []uint64 {
	if len(s.index) == 0 {
		return nil // closed
	}
	i := int(h>>8) & (len(s.index)/ways - 1) * ways
	return s.index[i : i+ways : i+ways]
}

// tagOf is the part of the hash kept in the index.
func tagOf(h uint64) uint64 { return h >> tagShift }

// live reports whether the entry at an offset was not overwritten yet.
func (s *shard) live(offset uint64) bool { return offset+uint64(len(s.slab)) >= s.next }

// at returns the slab from a live offset on; the ring has no entry across its end.
func (s *shard) at(offset uint64) entry {
	if offset < s.lap {
		offset += uint64(len(s.slab)) // of the lap before
	}
	return s.slab[offset-s.lap:]
}

// fetchBucket begins to load the bucket of h.
func (s *shard) fetchBucket(h uint64) {
	if slots := s.bucket(h); slots != nil {
		prefetchBucket(&slots[0])
	}
}

// fetch begins to load the entry of the first live slot with h's tag, which is hardly
// ever another key's.
func (s *shard) fetch(h uint64) {
	tag := tagOf(h)
	for _, slot := range s.bucket(h) {
		if slot>>tagShift == tag && slot != 0 {
			if offset := slot & placeMask << 3; s.live(offset) {
				prefetchEntry(&s.at(offset)[0], slot>>placeBits&maxLines)
				return
			}
		}
	}
}

// find returns the entry of k, nil when it is not cached, and whether it is among the
// oldest.
func (s *shard) find(h uint64, k *storage.Key) (e entry, old bool) {
	tag := tagOf(h)
	for _, slot := range s.bucket(h) {
		if slot>>tagShift != tag || slot == 0 {
			continue
		}
		offset := slot & placeMask << 3
		if !s.live(offset) {
			continue
		}
		if e := s.at(offset); e.is(k) {
			size := uint64(len(s.slab))
			return e, s.next-offset > size-size/4
		}
	}
	return nil, false
}

// answer gives b, whose only key is k, what is cached; old is as find has it. If nothing
// is, it returns the ticket to fill with.
func (s *shard) answer(h uint64, k *storage.Key, b *storage.Batch) (found, old bool, ticket uint32) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	s.fetch(h) // the lines of the entry together
	e, old := s.find(h, k)
	if e == nil {
		return false, false, s.ticket(h)
	}
	e.answer(b, 0)
	return true, old, 0
}

// ticket is what a reader must show to fill later; 0 when it may not, because the key
// is being written.
func (s *shard) ticket(h uint64) uint32 {
	i := h >> 56
	if s.writers[i] > 0 {
		return 0
	}
	return s.generation[i]<<1 | 1
}

// fill keeps what the inner store answered, unless the key was written since the
// ticket was given: then it returns false.
func (s *shard) fill(h uint64, ticket uint32, k *storage.Key, version uint64, row []byte) bool {
	size := entrySize(k, row)
	s.mu.Lock()
	defer s.mu.Unlock()
	if ticket == 0 || s.ticket(h) != ticket {
		s.refused.Add(1)
		return false
	}
	if size > len(s.slab)/16 || len(k.Route) > 1<<16-1 || len(k.Suffix) > 1<<16-1 {
		return true
	}
	if e, _ := s.find(h, k); e == nil {
		s.insert(h, k, version, row, size)
	}
	return true
}

// insert writes an entry at the head of the ring and indexes it.
func (s *shard) insert(h uint64, k *storage.Key, version uint64, row []byte, size int) {
	if s.next-s.lap+uint64(size) > uint64(len(s.slab)) {
		s.lap += uint64(len(s.slab))
		s.next = s.lap
	}
	if s.next>>3+uint64(size) > placeMask {
		clear(s.index) // places are used up, after terabytes: begin again
		s.lap = uint64(len(s.slab))
		s.next = s.lap
	}
	s.at(s.next)[:size].write(k, version, row)
	lines := ((s.next-s.lap)%lineSize + uint64(size) + lineSize - 1) / lineSize
	slots := s.bucket(h)
	slots[s.victim(slots)] = tagOf(h)<<tagShift | min(lines, maxLines)<<placeBits | s.next>>3
	s.next += uint64(size)
	s.written += uint64(size)
}

// victim chooses the slot for a new entry: a free one, a dead one, else the oldest.
func (s *shard) victim(slots []uint64) int {
	oldest := 0
	for i, slot := range slots {
		if slot == 0 || !s.live(slot&placeMask<<3) {
			return i
		}
		if slot&placeMask < slots[oldest]&placeMask {
			oldest = i
		}
	}
	return oldest
}

// promote copies an old entry to the head of the ring.
func (s *shard) promote(h uint64, k *storage.Key) {
	if !s.mu.TryLock() {
		return // the next hit will do it
	}
	defer s.mu.Unlock()
	e, old := s.find(h, k)
	if !old {
		return
	}
	route, suffix := int(binary.LittleEndian.Uint16(e)), int(binary.LittleEndian.Uint16(e[2:]))
	start := entryHead + route + suffix
	s.scratch = append(s.scratch[:0], e[start:start+int(binary.LittleEndian.Uint32(e[4:]))]...)
	row := s.scratch[:len(s.scratch):len(s.scratch)]
	if e[20] == flagMissing {
		row = nil
	}
	version := binary.LittleEndian.Uint64(e[8:])
	s.remove(h, k)
	s.insert(h, k, version, row, entrySize(k, row))
	s.promoted++
}

// remove takes the entry of k out of the index.
func (s *shard) remove(h uint64, k *storage.Key) {
	tag := tagOf(h)
	slots := s.bucket(h)
	for i, slot := range slots {
		if slot>>tagShift == tag && slot != 0 {
			if offset := slot & placeMask << 3; s.live(offset) && s.at(offset).is(k) {
				slots[i] = 0
			}
		}
	}
}

func (s *shard) beginWrite(h uint64, k *storage.Key) {
	i := h >> 56
	s.mu.Lock()
	defer s.mu.Unlock()
	s.generation[i]++
	s.writers[i]++
	s.remove(h, k)
}

func (s *shard) endWrite(h uint64) {
	s.mu.Lock()
	s.writers[h>>56]--
	s.mu.Unlock()
}
