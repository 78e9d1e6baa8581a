package bench_test

import (
	"context"
	"strconv"
	"testing"

	"quiver/bench/lab"
	"quiver/codec"
	"quiver/storage"
)

// benchmarkStore reads rows of the table with 20 features, n keys at a time.
func benchmarkStore(b *testing.B, n int) {
	s := stack(b)
	t := shape(b, "Single20").Table
	var table uint32
	var keyType *codec.Type
	for _, g := range s.Catalog.Current().Groups() {
		if g.Name == t.View+"_0" {
			table, keyType = g.Table, g.Schema.Columns[g.KeyColumns[0]].Type
		}
	}
	routes := make([][]byte, 1<<16)
	order := mustOrder(b, t.Rows)
	for i := range routes {
		var err error
		token := strconv.AppendUint(nil, uint64(order.At(uint64(i))), 10)
		if routes[i], err = codec.AppendKeyJSON(nil, keyType, token); err != nil {
			b.Fatal(err)
		}
	}
	for _, v := range []struct {
		name  lab.Target
		store storage.Store
	}{{lab.Plain, s.Store}, {lab.Cached, s.Cache}} {
		b.Run(string(v.name), func(b *testing.B) {
			var batch storage.Batch
			next := 0
			b.ReportAllocs()
			report := cpuClock(b)
			for b.Loop() {
				batch.Reset()
				for range n {
					batch.Add(storage.Key{Table: table, Route: routes[next%len(routes)]})
					next++
				}
				if err := v.store.Get(context.Background(), &batch); err != nil {
					b.Fatal(err)
				}
				if row, _, err := batch.Row(n - 1); err != nil || row == nil {
					b.Fatalf("row %v, error %v", row, err)
				}
			}
			report()
			b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(n), "ns/key")
		})
	}
}

func BenchmarkStoreGetSingle(b *testing.B)   { benchmarkStore(b, 1) }
func BenchmarkStoreGetBatch10(b *testing.B)  { benchmarkStore(b, 10) }
func BenchmarkStoreGetBatch100(b *testing.B) { benchmarkStore(b, 100) }
func BenchmarkStoreGetBatch500(b *testing.B) { benchmarkStore(b, 500) }
