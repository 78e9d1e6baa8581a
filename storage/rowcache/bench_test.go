package rowcache

import (
	"context"
	"math/rand/v2"
	"testing"

	"quiver/storage"
)

// BenchmarkGet measures hits on 300-byte rows: over a million rows, which miss the
// processor's caches, and over ten thousand, which do not.
func BenchmarkGet(b *testing.B) {
	c := newCache(b, 512<<20)
	row := string(make([]byte, 300))
	for i := range 1_000_000 {
		k := key(i)
		h := k.Hash()
		c.shard(h).fill(h, c.shard(h).ticket(h), &k, 1, []byte(row))
	}
	run := func(name string, rows, n int) {
		b.Run(name, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			keys := make([]storage.Key, 1<<20) // more than the processor's caches hold
			for i := range keys {
				keys[i] = key(r.IntN(rows))
			}
			var batch storage.Batch
			b.ReportAllocs()
			at := 0
			for b.Loop() {
				batch.Reset()
				for range n {
					batch.Add(keys[at&(len(keys)-1)])
					at++
				}
				if err := c.Get(context.Background(), &batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
		})
	}
	run("one/1M", 1_000_000, 1)
	run("one/10k", 10_000, 1)
	run("batch10/1M", 1_000_000, 10)
	run("batch100/1M", 1_000_000, 100)
	run("batch100/10k", 10_000, 100)
	b.Logf("%+v", c.Stats())
}
