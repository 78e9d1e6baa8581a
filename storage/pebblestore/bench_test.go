package pebblestore

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"quiver/storage"
)

var benchRows = flag.Int("rows", 1_000_000, "rows of the read benchmarks")

const benchTable = 7

// benchKey is the key of row i; only even ones are stored, so that i+1 is missing
// and lies between two that are not.
func benchKey(dst []byte, i int) storage.Key {
	return storage.Key{Table: benchTable, Route: binary.BigEndian.AppendUint64(append(dst, 3), uint64(i))}
}

// benchRow makes a row of 300 bytes that looks like one of 20 features.
func benchRow(dst []byte, rng *rand.Rand) []byte {
	n := len(dst)
	for len(dst)-n < 300 {
		dst = fmt.Appendf(dst, "%.6g,", rng.Float64()*1000)
	}
	return dst[:n+300]
}

var (
	benchRoot   string // removed by TestMain
	benchMu     sync.Mutex
	benchStores = map[int]*Store{}
)

// benchStore returns a loaded store of the given shards, the same for all benchmarks
// of the process.
func benchStore(b *testing.B, shards int) *Store {
	b.Helper()
	benchMu.Lock()
	defer benchMu.Unlock()
	if s := benchStores[shards]; s != nil {
		return s
	}
	if benchRoot == "" {
		var err error
		if benchRoot, err = os.MkdirTemp("", "pebblestore-bench"); err != nil {
			b.Fatal(err)
		}
	}
	s, err := Open(filepath.Join(benchRoot, fmt.Sprint(shards)), Options{Shards: shards, CacheBytes: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	benchLoad(b, s, benchTable, rand.Perm(*benchRows))
	benchStores[shards] = s
	var batch storage.Batch // warm the cache
	for i := range *benchRows / 50 {
		batch.Reset()
		batch.Add(benchKey(nil, 2*50*i))
		if err := s.Get(context.Background(), &batch); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

// endBench closes what benchStore opened.
func endBench() {
	for _, s := range benchStores {
		_ = s.Close()
	}
	if benchRoot != "" {
		_ = os.RemoveAll(benchRoot)
	}
}

// benchLoad loads rows in the given order.
func benchLoad(b *testing.B, s *Store, table uint32, order []int) {
	b.Helper()
	ctx := context.Background()
	l, err := s.BulkLoad(ctx, table)
	if err != nil {
		b.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 1))
	row := benchRow(nil, rng)
	var route []byte
	for _, i := range order {
		k := benchKey(route[:0], 2*i)
		k.Table = table
		route = k.Route
		copy(row, fmt.Append(row[:0], i))
		if err := l.Add(storage.Write{Key: k, Version: 1, Row: row[:300]}); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Commit(ctx); err != nil {
		b.Fatal(err)
	}
}

// cpu is the time all cores have spent on this process. On a machine that others use
// as well it says more than the clock.
func cpu() time.Duration { return usage(syscall.RUSAGE_SELF) }

// rusageThread is RUSAGE_THREAD, which Linux alone has.
const rusageThread = 1

// usage is the CPU time of the process, or of this thread.
func usage(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reportPer reports time and CPU time per row or key; start is cpu() at the beginning.
func reportPer(b *testing.B, what string, n int, start time.Duration) {
	used := cpu() - start
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/"+what)
	b.ReportMetric(float64(used.Nanoseconds())/float64(b.N)/float64(n), "cpu-ns/"+what)
	b.ReportMetric(0, "ns/op")
}

// benchGet reads n random keys per operation, of which one in missEvery is missing
// (0 for none, 1 for all).
func benchGet(b *testing.B, shards, n, missEvery int) {
	s := benchStore(b, shards)
	ctx := context.Background()
	rng := rand.New(rand.NewPCG(2, 2))
	var batch storage.Batch
	routes := make([][]byte, n)
	run := func() {
		batch.Reset()
		for i := range n {
			at := 2 * rng.IntN(*benchRows)
			if missEvery > 0 && i%missEvery == 0 {
				at++
			}
			k := benchKey(routes[i][:0], at)
			routes[i] = k.Route
			batch.Add(k)
		}
		if err := s.Get(ctx, &batch); err != nil {
			b.Fatal(err)
		}
	}
	for range 20_000 / n { // the rate of misses is learned
		run()
	}
	b.ReportAllocs()
	start := cpu()
	for b.Loop() {
		run()
	}
	reportPer(b, "key", n, start)
}

func BenchmarkGetOne(b *testing.B) {
	for _, shards := range []int{1, 2} {
		b.Run(fmt.Sprint("shards=", shards), func(b *testing.B) { benchGet(b, shards, 1, 0) })
	}
}

func BenchmarkGetMiss(b *testing.B) {
	for _, n := range []int{1, 10, 100} {
		b.Run(fmt.Sprint("keys=", n), func(b *testing.B) { benchGet(b, 1, n, 1) })
	}
	b.Run("keys=100/half", func(b *testing.B) { benchGet(b, 1, 100, 2) })
}

func BenchmarkGetMany10(b *testing.B) {
	for _, shards := range []int{1, 2} {
		b.Run(fmt.Sprint("shards=", shards), func(b *testing.B) { benchGet(b, shards, 10, 0) })
	}
}

func BenchmarkGetMany100(b *testing.B) {
	for _, shards := range []int{1, 2} {
		b.Run(fmt.Sprint("shards=", shards), func(b *testing.B) { benchGet(b, shards, 100, 0) })
	}
}

// BenchmarkFanOut reads large batches of two shards one after the other and at the
// same time, from one caller and from as many as there are cores.
func BenchmarkFanOut(b *testing.B) {
	s := benchStore(b, 2)
	for _, n := range []int{100, 300, 1000} {
		for _, callers := range []string{"one", "all"} {
			for _, fan := range []bool{false, true} {
				b.Run(fmt.Sprintf("keys=%d/callers=%s/fan=%v", n, callers, fan), func(b *testing.B) {
					s.o.FanOutKeys = 1 << 30
					if fan {
						s.o.FanOutKeys = 1
					}
					var err error
					if s.pool == nil {
						if s.pool, err = s.newPool(); err != nil {
							b.Fatal(err)
						}
					}
					work := func(next func() bool) {
						rng := rand.New(rand.NewPCG(rand.Uint64(), 2))
						var batch storage.Batch
						routes := make([][]byte, n)
						for next() {
							batch.Reset()
							for i := range n {
								k := benchKey(routes[i][:0], 2*rng.IntN(*benchRows))
								routes[i] = k.Route
								batch.Add(k)
							}
							if err := s.Get(context.Background(), &batch); err != nil {
								b.Error(err)
							}
						}
					}
					start := cpu()
					if callers == "one" {
						work(b.Loop)
					} else {
						b.RunParallel(func(pb *testing.PB) { work(pb.Next) })
					}
					reportPer(b, "key", n, start)
				})
			}
		}
	}
}

// benchApply writes n rows per operation from the given number of callers.
func benchApply(b *testing.B, n, callers int, given bool) {
	s, err := Open(b.TempDir(), Options{Shards: 1, CacheBytes: 256 << 20, BallastBytes: -1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.SetParallelism(max(1, callers/2))
	b.ReportAllocs()
	b.ResetTimer()
	start := cpu()
	b.RunParallel(func(pb *testing.PB) {
		rng := rand.New(rand.NewPCG(rand.Uint64(), 2))
		row := benchRow(nil, rng)
		ws := make([]storage.Write, n)
		for i := range ws {
			ws[i].Row = row
		}
		for version := uint64(1); pb.Next(); version++ {
			for i := range ws {
				ws[i].Key = benchKey(ws[i].Route[:0], rng.IntN(1_000_000))
				if given {
					ws[i].Version = version
				}
			}
			if err := s.Apply(context.Background(), ws); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)*float64(n)/b.Elapsed().Seconds(), "rows/s")
	reportPer(b, "row", n, start)
}

func BenchmarkApply1(b *testing.B) {
	for _, callers := range []int{2, 16, 64} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) { benchApply(b, 1, callers, true) })
	}
}

func BenchmarkApply100(b *testing.B) {
	for _, callers := range []int{2, 16} {
		for _, given := range []bool{true, false} {
			b.Run(fmt.Sprintf("callers=%d/versions=%v", callers, given), func(b *testing.B) { benchApply(b, 100, callers, given) })
		}
	}
}

// BenchmarkBulkLoad loads 1 M rows of 300 bytes in random order per operation.
func BenchmarkBulkLoad(b *testing.B) {
	for _, shards := range []int{1, 2} {
		b.Run(fmt.Sprint("shards=", shards), func(b *testing.B) {
			s, err := Open(b.TempDir(), Options{Shards: shards, CacheBytes: 64 << 20, BallastBytes: -1})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			table := uint32(benchTable)
			order := rand.Perm(*benchRows)
			b.ResetTimer()
			start := cpu()
			for range b.N {
				benchLoad(b, s, table, order)
				table++
			}
			b.ReportMetric(float64(b.N)*float64(*benchRows)/b.Elapsed().Seconds(), "rows/s")
			reportPer(b, "row", *benchRows, start)
		})
	}
}

// BenchmarkGetBesideWrites reads single keys while 16 callers upsert 5,000 rows a second
// in calls of one row. The CPU time is the reader's alone.
func BenchmarkGetBesideWrites(b *testing.B) {
	const callers, rate = 16, 5000
	s := benchStore(b, 1)
	ctx, stop := context.WithCancel(context.Background())
	var writers sync.WaitGroup
	defer writers.Wait()
	defer stop()
	var made atomic.Int64
	begun := time.Now()
	for range callers {
		writers.Go(func() {
			rng := rand.New(rand.NewPCG(rand.Uint64(), 2))
			row := benchRow(nil, rng)
			for ctx.Err() == nil {
				if ahead := time.Duration(made.Add(1))*time.Second/rate - time.Since(begun); ahead > 0 {
					time.Sleep(ahead)
				}
				if err := s.Apply(context.Background(), []storage.Write{{Key: benchKey(nil, 2*rng.IntN(*benchRows)), Row: row}}); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	rng := rand.New(rand.NewPCG(2, 2))
	var batch storage.Batch
	var route []byte
	time.Sleep(200 * time.Millisecond)
	wrote, since := made.Load(), time.Now()
	start := usage(rusageThread)
	for b.Loop() {
		batch.Reset()
		k := benchKey(route[:0], 2*rng.IntN(*benchRows))
		route = k.Route
		batch.Add(k)
		if err := s.Get(ctx, &batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((usage(rusageThread)-start).Nanoseconds())/float64(b.N), "cpu-ns/key")
	b.ReportMetric(float64(made.Load()-wrote)/time.Since(since).Seconds(), "upserts/s")
	b.ReportMetric(float64(b.N)/time.Since(since).Seconds(), "reads/s")
	b.ReportMetric(0, "ns/op")
}
