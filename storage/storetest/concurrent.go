package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"quiver/storage"
)

// testConcurrent lets writers fight over a few keys with random versions while a
// reader watches: versions never go back, and the greatest wins in the end.
func testConcurrent(t *testing.T, s storage.Store) {
	const keys, writers, rounds = 5, 4, 60
	ctx := context.Background()
	var mu sync.Mutex
	greatest := make([]uint64, keys)
	var wg sync.WaitGroup
	for n := range writers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(n), 1))
			for range rounds {
				var ws []storage.Write
				for range 1 + rng.IntN(4) {
					i, version := rng.IntN(keys), 1+rng.Uint64N(1<<20)
					ws = append(ws, put(key(1, i, ""), version, strconv.FormatUint(version, 10)))
				}
				// Every other writer numbers rows of another table meanwhile.
				if n%2 == 0 {
					ws = append(ws, put(key(2, n, ""), storage.NextVersion, "n"))
				}
				if err := s.Apply(ctx, ws); err != nil {
					t.Errorf("Apply: %v", err)
					return
				}
				mu.Lock()
				for _, w := range ws {
					for i := range keys {
						if string(w.Route) == string(route(i)) && w.Table == 1 {
							greatest[i] = max(greatest[i], w.Version)
						}
					}
				}
				mu.Unlock()
			}
		})
	}
	stop := make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		seen := make([]uint64, keys)
		b := &storage.Batch{}
		for {
			select {
			case <-stop:
				return
			default:
			}
			b.Reset()
			for i := range keys {
				b.Add(key(1, i, ""))
			}
			if err := s.Get(ctx, b); err != nil {
				t.Errorf("Get: %v", err)
				return
			}
			for i := range keys {
				row, version, err := b.Row(i)
				if err != nil || version < seen[i] || row != nil && string(row) != strconv.FormatUint(version, 10) {
					t.Errorf("key %d: read %q version %d after version %d, %v", i, row, version, seen[i], err)
					return
				}
				seen[i] = version
			}
		}
	})
	wg.Wait()
	close(stop)
	reader.Wait()
	for i := range keys {
		if greatest[i] != 0 {
			want(t, fmt.Sprint("key ", i), get(t, s, key(1, i, "")), has(strconv.FormatUint(greatest[i], 10), greatest[i]))
		}
	}
}

// testRouteAtomic writes pairs under one route and reads them in one batch: both
// rows come from the same write.
func testRouteAtomic(t *testing.T, s storage.Store) {
	ctx := context.Background()
	left, right := key(1, 6, ""), key(900, 6, "index")
	apply(t, s, put(left, 1, "0"), put(right, 1, "0"))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 200 {
			row := strconv.Itoa(i)
			if err := s.Apply(ctx, []storage.Write{put(left, uint64(i+2), row), put(right, uint64(i+2), row)}); err != nil {
				t.Errorf("Apply: %v", err)
				break
			}
		}
		close(stop)
	})
	b := &storage.Batch{}
	for done := false; !done; {
		select {
		case <-stop:
			done = true
		default:
		}
		b.Reset()
		b.Add(right)
		b.Add(left)
		if err := s.Get(ctx, b); err != nil {
			t.Fatalf("Get: %v", err)
		}
		r, _, _ := b.Row(0)
		l, _, _ := b.Row(1)
		if string(r) != string(l) {
			t.Errorf("half of a write is visible: %q and %q", l, r)
			break
		}
	}
	wg.Wait()
}
