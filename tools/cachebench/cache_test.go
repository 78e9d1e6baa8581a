// Package cachebench compares the row cache with cache libraries, on hits of 300-byte
// rows. It is a module of its own so that the product does not depend on them:
//
//	cd tools/cachebench && go test -bench . -count 5
package cachebench

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"quiver/storage"
	"quiver/storage/memstore"
	"quiver/storage/rowcache"
	"testing"

	"github.com/VictoriaMetrics/fastcache"
	"github.com/coocood/freecache"
)

const (
	rows     = 1_000_000
	capacity = 512 << 20
)

var row = make([]byte, 300)

func route(i int) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }

// libraryKey is the flat key a library wants: table, route, suffix.
func libraryKey(dst []byte, k *storage.Key) []byte {
	dst = append(binary.BigEndian.AppendUint32(dst[:0], k.Table), k.Route...)
	return append(dst, k.Suffix...)
}

// shapes measures single and batch reads over keys that miss the processor's caches
// (1 M) and that do not (10 k).
func shapes(b *testing.B, get func(*storage.Batch)) {
	run := func(name string, n, among int) {
		b.Run(name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			var routes []byte
			for range 1 << 16 {
				routes = binary.BigEndian.AppendUint64(routes, uint64(r.IntN(among)))
			}
			var batch storage.Batch
			at := 0
			b.ReportAllocs()
			for b.Loop() {
				batch.Reset()
				for range n {
					o := at & (1<<16 - 1) * 8
					batch.Add(storage.Key{Table: 1, Route: routes[o : o+8 : o+8]})
					at++
				}
				get(&batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
		})
	}
	run("one/1M", 1, rows)
	run("batch100/1M", 100, rows)
	run("one/10k", 1, 10_000)
	run("batch100/10k", 100, 10_000)
}

func BenchmarkRowcache(b *testing.B) {
	c, err := rowcache.New(memstore.New(), capacity)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	ctx := context.Background()
	var batch storage.Batch
	for i := range rows {
		k := storage.Key{Table: 1, Route: route(i)}
		if err := c.Apply(ctx, []storage.Write{{Key: k, Version: 1, Row: row}}); err != nil {
			b.Fatal(err)
		}
		batch.Reset()
		batch.Add(k)
		if err := c.Get(ctx, &batch); err != nil {
			b.Fatal(err)
		}
	}
	shapes(b, func(batch *storage.Batch) {
		if err := c.Get(ctx, batch); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkFastcache(b *testing.B) {
	c := fastcache.New(capacity)
	defer c.Reset()
	value := append(make([]byte, 8), row...)
	var key, got []byte
	for i := range rows {
		c.Set(libraryKey(key, &storage.Key{Table: 1, Route: route(i)}), value)
	}
	shapes(b, func(batch *storage.Batch) {
		for i := range batch.Keys {
			var ok bool
			key = libraryKey(key, &batch.Keys[i])
			if got, ok = c.HasGet(got[:0], key); ok {
				batch.SetRow(i, binary.LittleEndian.Uint64(got), batch.Arena().Copy(got[8:]))
			}
		}
	})
}

func BenchmarkFreecache(b *testing.B) {
	c := freecache.NewCache(capacity)
	value := append(make([]byte, 8), row...)
	var key []byte
	for i := range rows {
		if err := c.Set(libraryKey(key, &storage.Key{Table: 1, Route: route(i)}), value, 0); err != nil {
			b.Fatal(err)
		}
	}
	shapes(b, func(batch *storage.Batch) {
		for i := range batch.Keys {
			key = libraryKey(key, &batch.Keys[i])
			_ = c.GetFn(key, func(got []byte) error { // a miss is an error here; all keys are present
				batch.SetRow(i, binary.LittleEndian.Uint64(got), batch.Arena().Copy(got[8:]))
				return nil
			})
		}
	})
}
