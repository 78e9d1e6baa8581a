package bench_test

import (
	"context"
	"testing"
	"time"

	"quiver/bench"
	"quiver/bench/lab"
)

// httpConnections is the load of the end-to-end benchmarks.
const httpConnections = 8

// longEnough is how long a closed loop must have taken for its rate to be worth an
// open loop: the framework begins with a handful of iterations.
const longEnough = 100 * time.Millisecond

// benchmarkHTTP goes through a loopback socket to a server in another process: b.N
// requests over 8 connections as fast as they go, then an open loop at 70 % of that
// rate, whose percentiles count from when a request was meant to be sent. Every target
// is measured in the same run; x-ceiling is the rate by the ceiling's.
func benchmarkHTTP(b *testing.B, name string) {
	l, s := servers(b), shape(b, name)
	targets := s.Targets
	if targets == nil {
		targets = []lab.Target{lab.Ceiling, lab.Naive, lab.Plain, lab.Cached}
	}
	for _, t := range targets {
		b.Run(string(t), func(b *testing.B) {
			closed := runHTTP(b, l, t, s, lab.Load{Requests: uint64(b.N), Duration: time.Minute})
			b.ReportMetric(float64(closed.Elapsed)/float64(b.N), "ns/op")
			b.ReportMetric(closed.Allocations(), "server-allocs/op")
			b.ReportMetric(float64(closed.ServerCPU())/1e3, "server-cpu-us/op")
			b.ReportMetric(float64(closed.ClientCPU())/1e3, "client-cpu-us/op")
			b.ReportMetric(closed.PerSecond(), "req/s")
			if closed.Elapsed < longEnough {
				return
			}
			fixtures.rates[name+string(t)] = closed.PerSecond()
			if top := fixtures.rates[name+string(lab.Ceiling)]; top > 0 {
				b.ReportMetric(closed.PerSecond()/top, "x-ceiling")
			}
			open := runHTTP(b, l, t, s, lab.Load{Rate: 0.7 * closed.PerSecond(), WarmUp: 50 * time.Millisecond, Duration: 500 * time.Millisecond})
			for _, p := range []struct {
				p    float64
				unit string
			}{{50, "p50-us"}, {99, "p99-us"}, {99.9, "p99.9-us"}} {
				b.ReportMetric(float64(open.Percentile(p.p))/1e3, p.unit)
			}
		})
	}
}

func runHTTP(b *testing.B, l *lab.Lab, t lab.Target, s *lab.Shape, load lab.Load) *bench.Result {
	b.Helper()
	load.Connections = httpConnections
	r, err := l.Run(context.Background(), t, s, load)
	if err != nil {
		b.Fatal(err)
	}
	return r
}

func BenchmarkHTTPSingle(b *testing.B)       { benchmarkHTTP(b, "Single20") }
func BenchmarkHTTPSingle100(b *testing.B)    { benchmarkHTTP(b, "Single100") }
func BenchmarkHTTPJoin4Single(b *testing.B)  { benchmarkHTTP(b, "SingleJoin4") }
func BenchmarkHTTPSingleZipf(b *testing.B)   { benchmarkHTTP(b, "SingleZipf") }
func BenchmarkHTTPSingleMisses(b *testing.B) { benchmarkHTTP(b, "SingleMisses") }
func BenchmarkHTTPBatch10(b *testing.B)      { benchmarkHTTP(b, "Batch10") }
func BenchmarkHTTPBatch100(b *testing.B)     { benchmarkHTTP(b, "Batch100") }
func BenchmarkHTTPBatch500(b *testing.B)     { benchmarkHTTP(b, "Batch500") }
