package bench_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"quiver/bench"
	"quiver/bench/lab"
)

var rowCount = flag.Uint("rows", 100_000, "rows of the benchmarks' tables; those of 100 features have a quarter")

func TestMain(m *testing.M) {
	lab.Main()
	flag.Parse()
	code := m.Run()
	if err := closeFixtures(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		code = 1
	}
	os.Exit(code)
}

// fixtures are what benchmarks share: making them takes longer than most benchmarks.
var fixtures struct {
	mu     sync.Mutex
	dir    string
	stack  *lab.Stack
	lab    *lab.Lab
	shapes []lab.Shape
	rates  map[string]float64 // what http benchmarks measured, by shape and target
}

func closeFixtures() error {
	var err error
	if fixtures.stack != nil {
		err = fixtures.stack.Close(context.Background())
	}
	if fixtures.lab != nil {
		err = errors.Join(err, fixtures.lab.Close())
	}
	if fixtures.dir != "" {
		err = errors.Join(err, os.RemoveAll(fixtures.dir))
	}
	return err
}

func shapes() []lab.Shape {
	if fixtures.shapes == nil {
		fixtures.shapes = lab.Shapes(lab.Size{Rows: uint32(*rowCount), Wide: max(uint32(*rowCount)/4, 1)})
		fixtures.rates = map[string]float64{}
	}
	return fixtures.shapes
}

func shape(tb testing.TB, name string) *lab.Shape {
	tb.Helper()
	for i := range shapes() {
		if s := &fixtures.shapes[i]; s.Name == name {
			return s
		}
	}
	tb.Fatalf("there is no shape %s", name)
	return nil
}

// cpuClock starts to measure this process's CPU time, which other processes disturb far
// less than the time on the wall; the returned function reports it per iteration.
func cpuClock(b *testing.B) (report func()) {
	b.Helper()
	read := func() time.Duration {
		u, err := bench.ProcessMeter(os.Getpid())()
		if err != nil {
			b.Fatal(err)
		}
		return u.CPU
	}
	start := read()
	return func() {
		if used := read() - start; used > 0 {
			b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
		}
	}
}

const rowCacheBytes = 512 << 20

// stack returns engines over Pebble in this process, with all tables loaded.
func stack(tb testing.TB) *lab.Stack {
	tb.Helper()
	fixtures.mu.Lock()
	defer fixtures.mu.Unlock()
	if fixtures.stack != nil {
		return fixtures.stack
	}
	var err error
	if fixtures.dir, err = os.MkdirTemp("", "quiver-bench-"); err != nil {
		tb.Fatal(err)
	}
	fixtures.stack, err = lab.OpenStack(context.Background(), fixtures.dir, lab.Tables(shapes()), rowCacheBytes, rowCacheBytes)
	if err != nil {
		tb.Fatal(err)
	}
	return fixtures.stack
}

// servers returns servers in processes of their own, with all tables loaded.
func servers(tb testing.TB) *lab.Lab {
	tb.Helper()
	fixtures.mu.Lock()
	defer fixtures.mu.Unlock()
	if fixtures.lab != nil {
		return fixtures.lab
	}
	l, err := lab.Start(context.Background(), lab.Config{Shapes: shapes(), BlockCache: rowCacheBytes, RowCache: rowCacheBytes, Seed: 1})
	if err != nil {
		tb.Fatal(err)
	}
	fixtures.lab = l
	return l
}
