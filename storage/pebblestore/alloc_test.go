//go:build !race

package pebblestore

import (
	"context"
	"testing"

	"quiver/storage"
)

// TestGetAllocates0 counts the allocations of warm reads.
func TestGetAllocates0(t *testing.T) {
	ctx := context.Background()
	o := small(t, nil, 2)
	o.CacheBytes = 64 << 20
	s := mustOpen(t, t.TempDir(), o)
	defer mustClose(t, s)
	for i := range 1000 {
		if i == 500 { // half in tables, half in memory
			for _, sh := range s.shards {
				if err := sh.db.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		write(t, s, storage.Write{Key: crashKey(1, uint64(i)), Version: 1, Row: make([]byte, 300)})
	}
	f := func(n, first int) {
		t.Helper()
		keys := make([]storage.Key, n)
		for i := range keys {
			keys[i] = crashKey(1, uint64(first+i*7))
		}
		var b storage.Batch
		run := func() {
			b.Reset()
			for _, k := range keys {
				b.Add(k)
			}
			if err := s.Get(ctx, &b); err != nil {
				t.Fatal(err)
			}
		}
		for range 10 {
			run()
		}
		// A garbage collection in between empties pools: any round without
		// one counts.
		best := 1e9
		for range 5 {
			best = min(best, testing.AllocsPerRun(20, run))
		}
		if best != 0 {
			t.Errorf("Get of %d keys from %d on allocates %v times, want 0", n, first, best)
		}
	}
	f(1, 3)
	f(1, 900)
	f(1, 5000) // missing
	f(10, 0)
	f(100, 0)
	f(100, 5000)
}
