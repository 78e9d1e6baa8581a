package pebblestore

import (
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
)

// idle keeps iterators of a shard from one Get to the next while nothing is written:
// making and closing one costs as much as the rest of a single point read.
//
// # Why no read is stale
//
// An iterator shows the shard as it was when it was made, for as long as it lives.
// Every change of what can be read counts begun before any of it is visible, and ended
// when all of it is. An iterator keeps the ended that was read before it was made, and
// a read uses it only if that is what begun is when the read starts.
//
// Say both are n. Then n changes had ended before the iterator was made, which
// therefore shows all of them; and no other has begun until the read starts, so nothing
// else is visible to anyone, least of all to a call that is over. The iterator shows at
// that moment what a new one would. A change that begins a moment later runs beside the
// read, which may be ordered before it: the history stays linearizable. And whatever is
// built on Gets that make their iterators anew, such as storage.Fence, which reads once
// more what changed meanwhile, cannot tell the difference.
//
// If a change was in progress when the iterator was made, its number is below begun
// already and stays so: such iterators are not kept, and no read finds them valid.
//
// # What is pinned
//
// An iterator holds the memtables and table files there were when it was made. These
// are the ones in use until a flush, a compaction or an excision has put others in their
// place; after each, drain lets go of all. DESIGN.md has the bound.
type idle struct {
	begun, ended atomic.Uint64
	wake         chan struct{} // a flush or compaction has ended
	stop         chan struct{}
	done         sync.WaitGroup
	_            [16]byte // the slots begin with a cache line
	slots        [idleSlots]slot
}

// idleSlots is how many iterators one shard keeps. There are as many shards as cores, up
// to 16, so more readers than that are seldom in the same one.
const idleSlots = 8

// slot has room for one iterator, and a cache line for itself.
type slot struct {
	state atomic.Uint32
	lease lease // whoever made state slotBusy may touch it
	_     [64 - 4 - 4 - 24]byte
}

const (
	slotEmpty = iota
	slotBusy  // an iterator is moved in or out, a matter of nanoseconds
	slotFull
)

// lease is an iterator in the hands of one read.
type lease struct {
	it      *pebble.Iterator
	ended   uint64 // before it was made
	filters bool   // whether it uses those of the last level
}

func newIdle() *idle {
	return &idle{wake: make(chan struct{}, 1), stop: make(chan struct{})}
}

// begin says that a change is about to become visible; end says that all of it is. A
// change after which end does not follow keeps iterators from being kept, no more.
func (d *idle) begin() { d.begun.Add(1) }
func (d *idle) end()   { d.ended.Add(1) }

// lease returns an iterator for a read that starts now. Slots are tried from first on;
// what is met on the way that is of no more use is closed.
func (sh *shard) lease(first int, io *pebble.IterOptions) (lease, error) {
	d := sh.idle
	for i, begun := 0, d.begun.Load(); i < idleSlots; i++ {
		l, ok := d.slots[(first+i)%idleSlots].take()
		if !ok {
			continue
		}
		if l.ended == begun && l.filters == io.UseL6Filters {
			return l, nil
		}
		closeQuietly(l.it)
	}
	l := lease{ended: d.ended.Load(), filters: io.UseL6Filters}
	sh.store.stats.Iterators.Add(1)
	var err error
	l.it, err = sh.db.NewIter(io)
	return l, err
}

// giveBack keeps an iterator that has read without an error, or closes it. All it read
// was answered already, so that an error of closing it is no longer anybody's.
func (d *idle) giveBack(first int, l lease) {
	for i := 0; i < idleSlots && d.begun.Load() == l.ended; i++ {
		s := &d.slots[(first+i)%idleSlots]
		if !s.put(l) {
			continue
		}
		if d.begun.Load() != l.ended { // who has drained meanwhile may have missed it
			s.close()
		}
		return
	}
	closeQuietly(l.it)
}

// drain closes the idle iterators and lets none of those in use come back.
func (d *idle) drain() {
	d.begin()
	d.end()
	for i := range d.slots {
		d.slots[i].close()
	}
}

// start drains whenever outdated was called, until close.
func (d *idle) start(db *pebble.DB) {
	d.done.Go(func() {
		for {
			select {
			case <-d.stop:
				return
			case <-d.wake:
			}
			// Pebble calls CompactionEnd before new iterators see the result,
			// both under its mutex. This waits for the mutex.
			db.DebugCurrentVersion()
			d.drain()
		}
	})
}

// outdated says that files or memtables were replaced. It is called from inside Pebble,
// where nothing may wait and no iterator be closed.
func (d *idle) outdated() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// close closes what is left; no Get is running any more.
func (d *idle) close() {
	close(d.stop)
	d.done.Wait()
	d.drain()
}

func (s *slot) take() (l lease, ok bool) {
	if s.state.Load() != slotFull || !s.state.CompareAndSwap(slotFull, slotBusy) {
		return lease{}, false
	}
	l, s.lease = s.lease, lease{}
	s.state.Store(slotEmpty)
	return l, true
}

func (s *slot) put(l lease) bool {
	if s.state.Load() != slotEmpty || !s.state.CompareAndSwap(slotEmpty, slotBusy) {
		return false
	}
	s.lease = l
	s.state.Store(slotFull)
	return true
}

func (s *slot) close() {
	if l, ok := s.take(); ok {
		closeQuietly(l.it)
	}
}
