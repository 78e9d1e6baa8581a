package pebblestore

import (
	"context"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.uber.org/goleak"

	"quiver/storage"
	"quiver/storage/storetest"
)

// TestFanOut runs the whole suite with every Get of two shards fanned out.
func TestFanOut(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storage.Store {
		o := small(t, vfs.NewMem(), 4)
		o.FanOutKeys = 2
		return mustOpen(t, "data", o)
	})
}

func TestFanOutConcurrently(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	o := small(t, vfs.NewMem(), 4)
	o.FanOutKeys = 10
	s := mustOpen(t, "data", o)
	for i := range 200 {
		write(t, s, storage.Write{Key: crashKey(1, uint64(i)), Version: uint64(i + 1), Row: []byte{byte(i)}})
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			var b storage.Batch
			for range 50 {
				b.Reset()
				for i := range 100 {
					b.Add(crashKey(1, uint64((i*7+g)%210)))
				}
				if err := s.Get(context.Background(), &b); err != nil {
					t.Error(err)
					return
				}
				for i := range b.Keys {
					id := head(b.Keys[i].Route)
					row, version, err := b.Row(i)
					if err != nil || id < 200 && (len(row) != 1 || row[0] != byte(id) || version != id+1) || id >= 200 && row != nil {
						t.Errorf("key %d: %x version %d, %v", id, row, version, err)
						return
					}
				}
			}
		})
	}
	wg.Wait()
	if s.stats.FannedOut.Load() != 8*50 {
		t.Errorf("%d Gets fanned out, want %d", s.stats.FannedOut.Load(), 8*50)
	}
	// A damaged shard gives errors for its keys, through the pool as well.
	if err := s.shards[2].close(); err != nil {
		t.Fatal(err)
	}
	var b storage.Batch
	for i := range 100 {
		b.Add(crashKey(1, uint64(i)))
	}
	if err := s.Get(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	for i := range b.Keys {
		if _, _, err := b.Row(i); (err != nil) != (shardOf(b.Keys[i].Route, 4) == 2) {
			t.Errorf("key %d: %v", i, err)
		}
	}
	s.shards[2].db = nil
	mustClose(t, s)
	goleak.VerifyNone(t, leaks)
}

func TestMissRate(t *testing.T) {
	var m missRate
	f := func(n, lookups, misses int, want bool) {
		t.Helper()
		for range n {
			m.add(lookups, misses)
		}
		if got := m.useFilters(); got != want {
			t.Fatalf("after %d times %d of %d missing: %v (share %d of %d)", n, misses, lookups, got, m.share.Load(), missOne)
		}
	}
	f(1000, 1, 0, false)
	f(10, 1, 1, false) // a few do not change it
	f(1000, 1, 1, true)
	f(1000, 1, 0, false)
	f(10, 100, 90, true)
	f(10, 100, 10, false)
	f(1, 0, 0, false)
	f(1, 1<<20, 1<<20, true)
}
