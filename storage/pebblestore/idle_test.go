package pebblestore

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
)

// openIdle opens a store in memory that has rows of table 1 in files of the last level and
// in memtables. Nothing is flushed or compacted unless the test sees to it.
func openIdle(t testing.TB, shards int) *Store {
	t.Helper()
	s := mustOpen(t, "data", small(t, vfs.NewMem(), shards))
	var rows []storage.Write
	for i := range uint64(100) {
		rows = append(rows, storage.Write{Key: crashKey(1, i), Version: 1, Row: make([]byte, 300)})
	}
	load(t, s, rows...)
	write(t, s, rows[:50]...)
	return s
}

// load loads rows, which are of one table.
func load(t testing.TB, s *Store, ws ...storage.Write) {
	t.Helper()
	l, err := s.BulkLoad(context.Background(), ws[0].Table)
	for _, w := range ws {
		if err == nil {
			err = l.Add(w)
		}
	}
	if err == nil {
		err = l.Commit(context.Background())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func flushAll(t testing.TB, s *Store) {
	t.Helper()
	for _, sh := range s.shards {
		if err := sh.db.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}

func compactAll(t testing.TB, s *Store) {
	t.Helper()
	for _, sh := range s.shards {
		if err := sh.db.Compact(context.Background(), []byte{0}, []byte{255}, false); err != nil {
			t.Fatal(err)
		}
	}
}

// occupied is how many iterators of a shard are idle.
func occupied(sh *shard) (n int) {
	for i := range sh.idle.slots {
		if sh.idle.slots[i].state.Load() == slotFull {
			n++
		}
	}
	return n
}

// eventually waits for ok, and at most ten seconds.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within ten seconds: %s", what)
		}
	}
}

// TestIdleReuse: without writes Gets share one iterator; after a change of any kind they
// do not, and see it.
func TestIdleReuse(t *testing.T) {
	s := openIdle(t, 1)
	defer mustClose(t, s)
	version := uint64(1)
	put := func(w storage.Write) func() {
		return func() {
			version++
			w.Key, w.Version = crashKey(1, 1), version
			write(t, s, w, storage.Write{Key: crashKey(1, 2), Version: version})
		}
	}
	reads := func(what string, k storage.Key, want uint64, made int64) {
		t.Helper()
		before := s.Stats().Iterators.Load()
		for range 100 {
			if _, v, err := read(t, s, k); err != nil || v != want {
				t.Fatalf("%s: version %d, want %d, %v", what, v, want, err)
			}
		}
		// The collector of garbage may have emptied the pools, but not the slots.
		if n := s.Stats().Iterators.Load() - before; n != made {
			t.Errorf("%s: 100 reads made %d iterators, want %d", what, n, made)
		}
	}
	reads("first", crashKey(1, 1), 1, 1)
	reads("no change", crashKey(1, 1), 1, 0)
	for _, c := range []struct {
		what   string
		change func()
		key    storage.Key
		want   func() uint64
	}{
		{"write", put(storage.Write{Row: []byte("x")}), crashKey(1, 1), func() uint64 { return version }},
		{"delete", put(storage.Write{Delete: true}), crashKey(1, 1), func() uint64 { return version }},
		{"write together", put(storage.Write{Together: true}), crashKey(1, 1), func() uint64 { return version }},
		{"bulk load", func() { load(t, s, storage.Write{Key: crashKey(9, 1), Version: 7}) }, crashKey(9, 1), func() uint64 { return 7 }},
		{"drop", func() {
			if err := s.DropTable(context.Background(), 9); err != nil {
				t.Fatal(err)
			}
		}, crashKey(9, 1), func() uint64 { return 0 }},
	} {
		c.change()
		s.shards[0].misses.share.Store(0) // misses would ask for the filters
		before := s.Stats().Iterators.Load()
		if _, v, err := read(t, s, c.key); err != nil || v != c.want() {
			t.Errorf("after a %s: version %d, want %d, %v", c.what, v, c.want(), err)
		}
		if n := s.Stats().Iterators.Load() - before; n != 1 {
			t.Errorf("after a %s the next read made %d iterators, want 1", c.what, n)
		}
	}
	sh := s.shards[0]
	sh.misses.share.Store(0)
	reads("before filters", crashKey(1, 1), version, 0)
	sh.misses.share.Store(missOne)
	before := s.Stats().Iterators.Load()
	if _, _, err := read(t, s, crashKey(1, 1)); err != nil || s.Stats().Iterators.Load() != before+1 {
		t.Errorf("an iterator without filters was used where they are wanted, %v", err)
	}
	if n := occupied(sh); n != 1 {
		t.Errorf("%d iterators are idle, want 1", n)
	}
	if size := reflect.TypeFor[idle]().Size(); size != 64*(1+idleSlots) {
		t.Errorf("%d bytes are not a cache line and one for each slot", size)
	}
}

// TestIdlePinsNothing: when flushes and compactions have replaced what idle iterators
// hold, and nobody reads or writes any more, memtables and files are let go all the same.
func TestIdlePinsNothing(t *testing.T) {
	s := openIdle(t, 1)
	defer mustClose(t, s)
	sh := s.shards[0]
	free := func(what string) {
		t.Helper()
		eventually(t, what, func() bool {
			m := sh.db.Metrics() // Pebble keeps one memtable for the next use
			return occupied(sh) == 0 && m.Table.ZombieCount == 0 && m.Table.ObsoleteCount == 0 && m.MemTable.ZombieCount <= 1
		})
	}
	take := func() lease {
		l, err := sh.lease(0, &pebble.IterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		k := crashKey(1, 1)
		l.it.SeekPrefixGE(appendKey(nil, &k))
		return l
	}
	// keep fills the slots, again if the end of a compaction came between, and takes one.
	keep := func() (inUse lease) {
		eventually(t, "all slots are full", func() bool {
			var leases []lease
			for range idleSlots + 1 {
				leases = append(leases, take())
			}
			for _, l := range leases {
				sh.idle.giveBack(3, l)
			}
			return occupied(sh) == idleSlots
		})
		return take()
	}
	l := keep()
	for version := range uint64(2) {
		write(t, s, storage.Write{Key: crashKey(1, 1), Version: 2 + version})
		flushAll(t, s)
	}
	eventually(t, "drained after a flush", func() bool { return occupied(sh) == 0 })
	if m := sh.db.Metrics(); m.MemTable.ZombieCount < 2 {
		t.Error("the iterator in use does not hold its memtable: the test shows nothing")
	}
	sh.idle.giveBack(0, l) // its read took longer than the flush
	free("after a flush")

	l = keep()
	write(t, s, storage.Write{Key: crashKey(1, 1), Version: 10})
	flushAll(t, s)
	compactAll(t, s)
	eventually(t, "drained after a compaction", func() bool { return occupied(sh) == 0 })
	if m := sh.db.Metrics(); m.Table.ZombieCount == 0 {
		t.Error("the iterator in use does not hold its tables: the test shows nothing")
	}
	sh.idle.giveBack(0, l)
	free("after a compaction")

	events := sh.options.EventListener
	for what, event := range map[string]func(){
		"flush":      func() { events.FlushEnd(pebble.FlushInfo{}) },
		"compaction": func() { events.CompactionEnd(pebble.CompactionInfo{}) },
	} {
		sh.idle.giveBack(0, keep())
		event()
		free("after a " + what + " alone")
	}

	sh.idle.giveBack(0, keep())
	if err := s.DropTable(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	free("after a drop")
}

// TestIdlePinsNothingBesideReaders: nor do readers that come at any moment, the one between
// Pebble's event and its result included, keep what was compacted for good.
func TestIdlePinsNothingBesideReaders(t *testing.T) {
	s := openIdle(t, 1)
	defer mustClose(t, s)
	sh := s.shards[0]
	events := sh.options.EventListener
	compacted := events.CompactionEnd
	events.CompactionEnd = func(info pebble.CompactionInfo) {
		compacted(info)
		time.Sleep(2 * time.Millisecond)
	}
	rng := newRand(t)
	for range 20 {
		var readers sync.WaitGroup
		ctx, stop := context.WithCancel(context.Background())
		for range 3 {
			readers.Go(func() {
				for ctx.Err() == nil {
					if _, _, err := read(t, s, crashKey(1, 1)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		for range 3 {
			write(t, s, storage.Write{Key: crashKey(2, rng.Uint64N(10)), Row: make([]byte, 300)})
			flushAll(t, s)
		}
		compactAll(t, s)
		if rng.IntN(2) == 0 {
			time.Sleep(time.Duration(rng.IntN(1000)) * time.Microsecond)
		}
		stop()
		readers.Wait()
		// What is idle now was made after the last compaction, or is drained.
		eventually(t, "nothing pinned beside readers", func() bool {
			m := sh.db.Metrics() // Pebble keeps one memtable for the next use
			return m.Table.ZombieCount == 0 && m.MemTable.ZombieCount <= 1
		})
	}
}

// TestIdleCounts: whoever sees a change finds it counted as begun, and what is counted as
// ended is visible.
func TestIdleCounts(t *testing.T) {
	s := openIdle(t, 1)
	defer mustClose(t, s)
	sh := s.shards[0]
	commits := func() uint64 {
		v, closer, err := sh.db.Get(stateKey)
		if err != nil {
			t.Error(err)
			return 0
		}
		defer closer.Close()
		st, err := parseState(v)
		if err != nil {
			t.Error(err)
		}
		return st.commits
	}
	const writes = 1000 // none of which fills a memtable: a flush would count as well
	var watcher sync.WaitGroup
	first, begun, ended := commits(), sh.idle.begun.Load(), sh.idle.ended.Load()
	watcher.Go(func() {
		for seen := uint64(0); seen < writes && !t.Failed(); {
			over := sh.idle.ended.Load() - ended
			seen = commits() - first
			if b := sh.idle.begun.Load() - begun; over > seen || seen > b {
				t.Errorf("%d had ended, %d were visible, %d had begun", over, seen, b)
			}
		}
	})
	for i := range uint64(writes) {
		write(t, s, storage.Write{Key: crashKey(1, i%10), Version: 2 + i})
	}
	watcher.Wait()
}

// TestIdleClose: a store with idle iterators closes, and what they read comes back.
func TestIdleClose(t *testing.T) {
	s := openIdle(t, 2)
	for i := range uint64(100) {
		if _, v, err := read(t, s, crashKey(1, i)); err != nil || v != 1 {
			t.Errorf("version %d, %v", v, err)
		}
	}
	if occupied(s.shards[0]) == 0 || occupied(s.shards[1]) == 0 {
		t.Error("nothing is idle: the test shows nothing")
	}
	mustClose(t, s)
}

var historyTime = flag.Duration("history", 2*time.Second, "how long the stale-read history test runs")

// TestNeverStale runs writers, loads, drops, flushes and compactions beside readers, and
// checks each read against what its reader could know: nothing may be older than what any
// call has shown that was over before this one began.
func TestNeverStale(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	h := &staleHistory{t: t, s: mustOpen(t, "data", small(t, vfs.NewMem(), 2)), end: time.Now().Add(*historyTime)}
	h.s.fence.Wait = time.Minute // rows together are together, however slow the machine
	defer mustClose(t, h.s)
	var group sync.WaitGroup
	start := func(n int, f func(*rand.Rand, *storage.Batch)) {
		for range n {
			seed++
			r := rand.New(rand.NewPCG(seed, 0))
			group.Go(func() {
				var b storage.Batch
				for time.Now().Before(h.end) && !t.Failed() {
					f(r, &b)
					if r.IntN(20) == 0 { // so that the others get on where cores are few
						time.Sleep(time.Microsecond)
					}
				}
			})
		}
	}
	start(2, h.write)
	start(1, h.writeTogether)
	start(1, h.loadAndDrop)
	start(1, h.maintain)
	start(4, h.read)
	start(1, h.readTogether)
	start(1, h.readLoaded)
	group.Wait()
	made, gets := h.s.Stats().Iterators.Load(), h.gets.Load()
	t.Logf("%d reads of a shard at least, %d iterators made, %d loads", gets, made, h.loads.Load())
	if made > gets*9/10 || made < gets/1000 {
		t.Error("the history never met the race it is about")
	}
}

const (
	staleKeys     = 64 // of table 1, each with versions of its own
	togetherKeys  = 6  // of table 2, always written together
	loadedKeys    = 8  // of each table that is loaded and dropped
	firstLoad     = 100
	statusNothing = 0 // of a loaded key: nobody has seen it
	statusThere   = 1 // somebody has
	statusLeaving = 2 // it is being dropped
	statusGone    = 3 // somebody has seen that it is gone
)

type staleHistory struct {
	t           *testing.T
	s           *Store
	end         time.Time
	gets, loads atomic.Int64

	known, next     [staleKeys]atomic.Uint64 // newest version that a finished call has shown; that was given out
	together, nextT atomic.Uint64
	loaded          sync.Map // table -> *[loadedKeys]atomic.Uint32
	table           atomic.Uint32
}

func raise(known *atomic.Uint64, v uint64) {
	for old := known.Load(); old < v && !known.CompareAndSwap(old, v); old = known.Load() {
	}
}

func (h *staleHistory) get(b *storage.Batch) {
	h.gets.Add(1)
	if err := h.s.Get(context.Background(), b); err != nil {
		h.t.Error(err)
	}
}

func (h *staleHistory) write(r *rand.Rand, _ *storage.Batch) {
	var ws []storage.Write
	versions := map[int]uint64{}
	for range 1 + r.IntN(3) {
		i := r.IntN(staleKeys)
		v := h.next[i].Add(1)
		versions[i] = max(versions[i], v)
		ws = append(ws, storage.Write{Key: crashKey(1, uint64(i)), Version: v, Delete: r.IntN(4) == 0, Row: fmt.Append(nil, v)})
	}
	ws[0].Together = r.IntN(3) == 0
	write(h.t, h.s, ws...)
	for i, v := range versions {
		raise(&h.known[i], v)
	}
	time.Sleep(time.Duration(r.IntN(500)) * time.Microsecond)
}

func (h *staleHistory) writeTogether(r *rand.Rand, _ *storage.Batch) {
	v := h.nextT.Add(1)
	var ws []storage.Write
	for i := range uint64(togetherKeys) {
		ws = append(ws, storage.Write{Key: crashKey(2, i), Version: v, Together: true, Row: fmt.Append(nil, v)})
	}
	write(h.t, h.s, ws...)
	raise(&h.together, v)
	time.Sleep(time.Duration(r.IntN(1000)) * time.Microsecond)
}

func (h *staleHistory) read(r *rand.Rand, b *storage.Batch) {
	if r.IntN(10) == 0 { // what other kinds of reads show is known as well
		i := r.IntN(staleKeys)
		floor := h.known[i].Load()
		_, _, v, found, err := h.s.Floor(context.Background(), 1, crashKey(1, uint64(i)).Route, nil, nil)
		if err != nil || found && v < floor {
			h.t.Errorf("key %d: Floor found version %d, %v; version %d was known before", i, v, err, floor)
		}
		raise(&h.known[i], v)
		return
	}
	b.Reset()
	var at []int
	var floor []uint64
	for range []int{1, 1, 8}[r.IntN(3)] {
		i := r.IntN(staleKeys)
		at, floor = append(at, i), append(floor, h.known[i].Load())
		b.Add(crashKey(1, uint64(i)))
	}
	h.get(b)
	for j, i := range at {
		row, v, err := b.Row(j)
		if err != nil || v < floor[j] || row != nil && string(row) != fmt.Sprint(v) {
			h.t.Errorf("key %d: row %q version %d err %v; version %d was known before", i, row, v, err, floor[j])
			return
		}
		raise(&h.known[i], v)
	}
}

func (h *staleHistory) readTogether(_ *rand.Rand, b *storage.Batch) {
	b.Reset()
	for i := range uint64(togetherKeys) {
		b.Add(crashKey(2, i))
	}
	floor := h.together.Load()
	h.get(b)
	_, first, _ := b.Row(0)
	for i := range togetherKeys {
		if _, v, err := b.Row(i); err != nil || v < floor || v != first {
			h.t.Errorf("rows written together: version %d err %v beside %d; version %d was known before", v, err, first, floor)
			return
		}
	}
	raise(&h.together, first)
}

// loadAndDrop fills the next table and drops it again.
func (h *staleHistory) loadAndDrop(r *rand.Rand, _ *storage.Batch) {
	ctx := context.Background()
	table := firstLoad + h.table.Load() + 1
	status := new([loadedKeys]atomic.Uint32)
	h.loaded.Store(table, status)
	h.table.Add(1)
	l, err := h.s.BulkLoad(ctx, table)
	for i := range uint64(loadedKeys) {
		if err == nil {
			err = l.Add(storage.Write{Key: crashKey(table, i), Version: 1, Row: []byte("1")})
		}
	}
	if err == nil {
		err = l.Commit(ctx)
	}
	for i := range status {
		status[i].CompareAndSwap(statusNothing, statusThere)
	}
	time.Sleep(time.Duration(r.IntN(3000)) * time.Microsecond)
	for i := range status {
		status[i].Store(statusLeaving)
	}
	if err == nil {
		err = h.s.DropTable(ctx, table)
	}
	for i := range status {
		status[i].Store(statusGone)
	}
	if err != nil {
		h.t.Error(err)
	}
	h.loads.Add(1)
	time.Sleep(time.Duration(r.IntN(1000)) * time.Microsecond)
}

func (h *staleHistory) readLoaded(r *rand.Rand, b *storage.Batch) {
	table := firstLoad + h.table.Load()
	v, ok := h.loaded.Load(table)
	if !ok {
		time.Sleep(time.Millisecond)
		return
	}
	i := r.IntN(loadedKeys)
	status := &v.(*[loadedKeys]atomic.Uint32)[i]
	before := status.Load()
	b.Reset()
	b.Add(crashKey(table, uint64(i)))
	h.get(b)
	_, version, err := b.Row(0)
	after := status.Load()
	switch {
	case err != nil:
		h.t.Error(err)
	case version != 0 && before == statusGone:
		h.t.Errorf("table %d key %d is there again after it was dropped", table, i)
	case version != 0:
		status.CompareAndSwap(statusNothing, statusThere)
	case before == statusThere && after == statusThere:
		h.t.Errorf("table %d key %d is missing after it was loaded", table, i)
	case before == statusLeaving:
		status.CompareAndSwap(statusLeaving, statusGone)
	}
}

// maintain flushes or compacts a shard.
func (h *staleHistory) maintain(r *rand.Rand, _ *storage.Batch) {
	db := h.s.shards[r.IntN(len(h.s.shards))].db
	var err error
	if r.IntN(3) > 0 {
		err = db.Flush()
	} else {
		err = db.Compact(context.Background(), []byte{0}, []byte{255}, false)
	}
	if err != nil {
		h.t.Error(err)
	}
	time.Sleep(time.Duration(r.IntN(5000)) * time.Microsecond)
}
