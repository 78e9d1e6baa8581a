package bench_test

import (
	"context"
	"testing"

	"quiver/bench/lab"
	"quiver/bench/workload"
	"quiver/engine"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/hopsworks"
)

// bothEngines runs f with the engine that reads from Pebble and the one that finds
// every row in its row cache.
func bothEngines(b *testing.B, f func(b *testing.B, e *engine.Engine)) {
	s := stack(b)
	for _, v := range []struct {
		name lab.Target
		e    *engine.Engine
	}{{lab.Plain, s.Plain}, {lab.Cached, s.Cached}} {
		b.Run(string(v.name), func(b *testing.B) { f(b, v.e) })
	}
}

// benchmarkEngine reads vectors in this process, without HTTP or JSON.
func benchmarkEngine(b *testing.B, name string) {
	s := shape(b, name)
	bothEngines(b, func(b *testing.B, e *engine.Engine) {
		order := mustOrder(b, s.Table.Rows)
		r := workload.NewReader(e, s.Table.View)
		keys := make([]uint32, s.Vectors())
		next := uint64(0)
		read := func() {
			for i := range keys {
				keys[i] = order.At(next)
				next++
			}
			if err := r.Read(context.Background(), keys); err != nil {
				b.Fatal(err)
			}
		}
		read()
		b.ReportAllocs()
		b.SetBytes(int64(r.Size()))
		report := cpuClock(b)
		for b.Loop() {
			read()
		}
		report()
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(len(keys)), "ns/vector")
	})
}

func mustOrder(tb testing.TB, rows uint32) *workload.Order {
	tb.Helper()
	o, err := workload.NewOrder(workload.Uniform, rows, 0, 1)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

func BenchmarkEngineSingle(b *testing.B)    { benchmarkEngine(b, "Single20") }
func BenchmarkEngineSingle100(b *testing.B) { benchmarkEngine(b, "Single100") }
func BenchmarkEngineJoin4(b *testing.B)     { benchmarkEngine(b, "SingleJoin4") }
func BenchmarkEngineBatch10(b *testing.B)   { benchmarkEngine(b, "Batch10") }
func BenchmarkEngineBatch100(b *testing.B)  { benchmarkEngine(b, "Batch100") }
func BenchmarkEngineBatch500(b *testing.B)  { benchmarkEngine(b, "Batch500") }

// benchmarkDialect goes from a request's body to the answer's, in this process: what
// HTTP adds to it is the rest of an end-to-end benchmark. Making the body is part of it:
// about 60 ns for a single, 2.5 us for a batch of 100.
func benchmarkDialect(b *testing.B, name string) {
	s := shape(b, name)
	bothEngines(b, func(b *testing.B, e *engine.Engine) {
		d, err := hopsworks.New(e, hopsworks.Options{})
		if err != nil {
			b.Fatal(err)
		}
		target, label := "/0.1.0/feature_store", "feature_store"
		if s.Batch > 0 {
			target, label = "/0.1.0/batch_feature_store", "batch_feature_store"
		}
		handle := d.Routes[0].Handle
		for _, r := range d.Routes {
			if r.Label == label {
				handle = r.Handle
			}
		}
		requests := mustRequests(b, s)
		body := requests.AppendBody(nil, 0)
		x, head := fronttest.NewExchange(b, fronttest.Request{Target: target, Body: string(body)})
		next := uint64(0)
		b.ReportAllocs()
		report := cpuClock(b)
		for b.Loop() {
			head.Rewind(x)
			body = requests.AppendBody(body[:0], next)
			next++
			x.Body = body
			handle(x)
		}
		if x.Status != 0 && x.Status != 200 {
			b.Fatalf("status %d: %s", x.Status, x.Out)
		}
		b.SetBytes(int64(len(x.Out)))
		report()
		b.ReportMetric(float64(b.Elapsed())/float64(b.N)/float64(s.Vectors()), "ns/vector")
	})
}

func mustRequests(tb testing.TB, s *lab.Shape) *workload.Requests {
	tb.Helper()
	keys, err := workload.Range(workload.Key, 0, int64(s.Table.Rows)-1)
	if err != nil {
		tb.Fatal(err)
	}
	r, err := workload.NewRequests(workload.Options{
		Store: workload.Store, View: s.Table.View, Version: 1, Batch: s.Batch, Keys: keys, Order: mustOrder(tb, s.Table.Rows),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return r
}

func BenchmarkDialectSingle(b *testing.B)      { benchmarkDialect(b, "Single20") }
func BenchmarkDialectSingleJoin4(b *testing.B) { benchmarkDialect(b, "SingleJoin4") }
func BenchmarkDialectBatch100(b *testing.B)    { benchmarkDialect(b, "Batch100") }
