package rowcache

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quiver/storage"
	"quiver/storage/memstore"
	"quiver/storage/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storage.Store {
		c, err := New(memstore.New(), minShard)
		if err != nil {
			t.Fatal(err)
		}
		return c
	})
}

func key(i int) storage.Key {
	return storage.Key{Table: 1, Route: binary.BigEndian.AppendUint64(nil, uint64(i))}
}

func write(i int, version uint64, row string) storage.Write {
	return storage.Write{Key: key(i), Version: version, Row: []byte(row)}
}

func newCache(t testing.TB, size int64) *Cache {
	t.Helper()
	c, err := New(memstore.New(), size)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func mustApply(t testing.TB, s storage.Store, ws ...storage.Write) {
	t.Helper()
	if err := s.Apply(context.Background(), ws); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, s storage.Store, i int) string {
	t.Helper()
	var b storage.Batch
	b.Add(key(i))
	if err := s.Get(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	row, version, err := b.Row(0)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s@%d", row, version)
}

// interrupted is a store in which something happens before the next Get.
type interrupted struct {
	storage.Store
	before func()
}

func (s *interrupted) Get(ctx context.Context, b *storage.Batch) error {
	if f := s.before; f != nil {
		s.before = nil
		f()
	}
	return s.Store.Get(ctx, b)
}

// TestRouteAtomic: of two rows that are written together while a batch reads both, one
// of them cached, neither is older than the other.
func TestRouteAtomic(t *testing.T) {
	inner := &interrupted{Store: memstore.New()}
	c, err := New(inner, minShard)
	if err != nil {
		t.Fatal(err)
	}
	pair := []storage.Key{key(1), {Table: 2, Route: key(1).Route}}
	put := func(version uint64, row string) {
		mustApply(t, c, storage.Write{Key: pair[0], Version: version, Row: []byte(row)}, storage.Write{Key: pair[1], Version: version, Row: []byte(row)})
	}
	put(1, "old")
	get(t, c, 1)
	inner.before = func() { put(2, "new") }
	var b storage.Batch
	b.Add(pair[0])
	b.Add(pair[1])
	if err := c.Get(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	one, _, _ := b.Row(0)
	two, _, _ := b.Row(1)
	if string(one) != "new" || string(two) != "new" {
		t.Errorf("%q beside %q", one, two)
	}
}

// TestHitsAndInvalidation: a second read is a hit, also of nothing; a write is seen at
// once.
func TestHitsAndInvalidation(t *testing.T) {
	c := newCache(t, minShard)
	want := func(i int, row string, hits, misses uint64) {
		t.Helper()
		if got := get(t, c, i); got != row {
			t.Errorf("key %d: %s, want %s", i, got, row)
		}
		if s := c.Stats(); s.Hits != hits || s.Misses != misses {
			t.Errorf("key %d: %d hits, %d misses, want %d, %d", i, s.Hits, s.Misses, hits, misses)
		}
	}
	want(1, "@0", 0, 1)
	want(1, "@0", 1, 1)
	mustApply(t, c, write(1, 5, "a"))
	want(1, "a@5", 1, 2)
	want(1, "a@5", 2, 2)
	mustApply(t, c, write(1, 4, "older"))
	want(1, "a@5", 2, 3)
	mustApply(t, c, storage.Write{Key: key(1), Version: 6, Delete: true})
	want(1, "@6", 2, 4)
	want(1, "@6", 3, 4)
	if _, err := New(memstore.New(), 1000); err == nil {
		t.Error("a cache of 1000 bytes was accepted")
	}
}

// TestBounded fills far more than fits: memory stays, answers stay right, and rows in
// use survive those that are not.
func TestBounded(t *testing.T) {
	c := newCache(t, 2*minShard)
	row := string(make([]byte, 300))
	for i := range 50_000 {
		mustApply(t, c, write(i, uint64(i+1), fmt.Sprint(i)+row))
		if got, want := get(t, c, i), fmt.Sprintf("%d%s@%d", i, row, i+1); got != want {
			t.Fatalf("key %d: %.20s", i, got)
		}
		get(t, c, i%100) // in use all the time
	}
	s := c.Stats()
	if s.Capacity > 2*minShard {
		t.Errorf("capacity %d", s.Capacity)
	}
	if hits := float64(s.Hits) / 50_000; hits < 0.95 {
		t.Errorf("rows in use were hit only %.3f of the time", hits)
	}
}

// TestLaps goes round the ring many times with rows of all sizes, the last rounds where
// offsets are used up and begin again.
func TestLaps(t *testing.T) {
	c := newCache(t, minShard)
	s := &c.shards[0]
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	hits := func() uint64 { return c.Stats().Hits }
	var rows [200]string
	for i := range 4000 {
		if i == 3000 {
			clear(s.index)
			s.lap = (placeMask << 3) / uint64(len(s.slab)) * uint64(len(s.slab))
			s.next = s.lap
		}
		n := r.IntN(len(rows))
		size := r.IntN(400)
		if n%10 == 0 {
			size = r.IntN(len(s.slab) / 20)
		}
		row := fmt.Sprintf("%d:%0*d", i, size, n)
		mustApply(t, c, write(n, uint64(i+1), row))
		rows[n] = row
		want := fmt.Sprintf("%s@%d", row, i+1)
		before := hits()
		for range 2 {
			if got := get(t, c, n); got != want {
				t.Fatalf("seed %d, step %d: %.20q of %d bytes, want %.20q of %d", seed, i, got, len(got), want, len(want))
			}
		}
		if hits() != before+1 {
			t.Fatalf("seed %d, step %d: a row of %d bytes is not kept", seed, i, len(row))
		}
		if i%20 > 0 {
			continue
		}
		var b storage.Batch
		first := r.IntN(len(rows))
		for k := range rows {
			b.Add(key((first + k) % len(rows)))
		}
		if err := c.Get(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		for k := range rows {
			if got, _, _ := b.Row(k); string(got) != rows[(first+k)%len(rows)] {
				t.Fatalf("seed %d, step %d: a batch has %.20q of %d bytes, want %.20q", seed, i, got, len(got), rows[(first+k)%len(rows)])
			}
		}
	}
	if s.lap > placeMask<<2 || s.lap < uint64(len(s.slab)) {
		t.Errorf("offsets did not begin again: %d", s.lap)
	}
}

var historyTime = flag.Duration("history", 2*time.Second, "how long the stale-read history test runs")

// TestNeverStale runs writers and readers over a few keys and checks each read against
// what the reader could know: a value may not be older than the newest one that any
// read or write had finished with before this read began.
func TestNeverStale(t *testing.T) {
	const keys = 64
	c := newCache(t, minShard)
	var (
		known [keys]atomic.Uint64 // newest version some finished call has seen
		next  [keys]atomic.Uint64
		ops   atomic.Int64
		group sync.WaitGroup
	)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	end := time.Now().Add(*historyTime)
	raise := func(i int, v uint64) {
		for old := known[i].Load(); old < v && !known[i].CompareAndSwap(old, v); old = known[i].Load() {
		}
	}
	for w := range 2 {
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(w)))
			for time.Now().Before(end) {
				var ws []storage.Write
				versions := map[int]uint64{}
				for range 1 + r.IntN(3) {
					i := r.IntN(keys)
					v := next[i].Add(1)
					versions[i] = max(versions[i], v)
					ws = append(ws, write(i, v, fmt.Sprint(v)))
				}
				mustApply(t, c, ws...)
				for i, v := range versions {
					raise(i, v)
				}
				ops.Add(1)
			}
		})
	}
	for w := range 4 {
		group.Go(func() {
			r := rand.New(rand.NewPCG(seed, uint64(100+w)))
			var b storage.Batch
			for time.Now().Before(end) {
				b.Reset()
				var at []int
				var floor []uint64
				for range []int{1, 1, 8}[r.IntN(3)] {
					i := r.IntN(keys)
					at, floor = append(at, i), append(floor, known[i].Load())
					b.Add(key(i))
				}
				if err := c.Get(context.Background(), &b); err != nil {
					t.Error(err)
					return
				}
				for j, i := range at {
					row, v, err := b.Row(j)
					if err != nil || v < floor[j] || v > 0 && string(row) != fmt.Sprint(v) {
						t.Errorf("seed %d: key %d: row %q version %d err %v; version %d was known before", seed, i, row, v, err, floor[j])
						return
					}
					raise(i, v)
				}
				ops.Add(1)
			}
		})
	}
	group.Wait()
	s := c.Stats()
	t.Logf("%d operations, %d hits, %d misses, %d fills refused", ops.Load(), s.Hits, s.Misses, s.Refused)
	if s.Hits == 0 || s.Refused == 0 {
		t.Error("the history never met the race it is about")
	}
}
