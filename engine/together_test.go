package engine_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quiver/storage"
	"quiver/storage/memstore"
	"quiver/storage/pebblestore"
	"quiver/storage/rowcache"
)

// TestTogether reads keys of several shards while writers replace all of them in one
// step: no read sees two steps.
func TestTogether(t *testing.T) {
	const keys, steps = 40, 150
	f := func(name string, s storage.Store) {
		t.Run(name, func(t *testing.T) {
			var all []storage.Key
			for i := range keys {
				all = append(all, storage.Key{Table: uint32(1 + i%3), Route: fmt.Appendf(nil, "key%03d", i)})
			}
			write := func(step uint64) {
				ws := make([]storage.Write, keys)
				for i := range ws {
					ws[i] = storage.Write{Key: all[i], Row: binary.BigEndian.AppendUint64(nil, step)}
				}
				ws[0].Together = true
				if err := s.Apply(context.Background(), ws); err != nil {
					t.Error(err)
				}
			}
			write(0)
			var over atomic.Bool
			var readers, writers sync.WaitGroup
			reads, halves := atomic.Int64{}, atomic.Int64{}
			for range 3 {
				readers.Go(func() {
					var b storage.Batch
					for !over.Load() {
						b.Reset()
						for _, k := range all {
							b.Add(k)
						}
						if err := s.Get(context.Background(), &b); err != nil {
							t.Error(err)
							return
						}
						reads.Add(1)
						first, _, _ := b.Row(0)
						for i := range all {
							if row, _, err := b.Row(i); err != nil || string(row) != string(first) {
								halves.Add(1)
								break
							}
						}
					}
				})
			}
			for w := range 2 {
				writers.Go(func() {
					for step := range steps {
						write(uint64(2*step + w))
					}
				})
			}
			writers.Wait()
			over.Store(true)
			readers.Wait()
			if n := halves.Load(); n > 0 {
				t.Errorf("%d of %d reads see half of a write", n, reads.Load())
			}
			t.Logf("%d reads", reads.Load())
		})
	}
	open := func() storage.Store {
		s, err := pebblestore.Open(t.TempDir(), pebblestore.Options{Shards: 4})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		s.Fence().Wait = time.Minute // however busy the machine is
		return s
	}
	cached := func(s storage.Store) storage.Store {
		c, err := rowcache.New(s, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	f("memory", memstore.New())
	f("pebble", open())
	f("rowcache over pebble", cached(open()))
}
