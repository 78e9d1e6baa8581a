//go:build !race

package bench_test

import (
	"context"
	"testing"
	"time"

	"quiver/bench/lab"
	"quiver/bench/workload"
	"quiver/engine"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/hopsworks"
)

// TestAllocations: once warm, neither the engine nor the whole way from a request's
// body to its answer allocates, over Pebble and with the row cache.
func TestAllocations(t *testing.T) {
	const rows = 2000
	shapes := lab.Shapes(lab.Size{Rows: rows, Wide: rows})
	s, err := lab.OpenStack(context.Background(), t.TempDir(), lab.Tables(shapes), 64<<20, 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	f := func(target lab.Target, e *engine.Engine, shape *lab.Shape) {
		t.Helper()
		order := mustOrder(t, rows)
		next := uint64(0)
		r := workload.NewReader(e, shape.Table.View)
		keys := make([]uint32, shape.Vectors())
		read := func() {
			for i := range keys {
				keys[i] = order.At(next)
				next++
			}
			if err := r.Read(context.Background(), keys); err != nil {
				t.Fatal(err)
			}
		}
		if n := allocations(read); n != 0 {
			t.Errorf("%s %s: a read in the engine allocates %g times, want 0", shape.Name, target, n)
		}
		d, err := hopsworks.New(e, hopsworks.Options{})
		if err != nil {
			t.Fatal(err)
		}
		handle := d.Routes[0].Handle
		if shape.Batch > 0 {
			handle = d.Routes[1].Handle
		}
		requests := mustRequests(t, shape)
		body := requests.AppendBody(nil, 0)
		x, head := fronttest.NewExchange(t, fronttest.Request{Target: "/", Body: string(body)})
		serve := func() {
			head.Rewind(x)
			body = requests.AppendBody(body[:0], next)
			next++
			x.Body = body
			handle(x)
			if x.Status != 0 {
				t.Fatalf("status %d: %s", x.Status, x.Out)
			}
		}
		if n := allocations(serve); n != 0 {
			t.Errorf("%s %s: a request allocates %g times, want 0", shape.Name, target, n)
		}
	}
	for i := range shapes {
		f(lab.Plain, s.Plain, &shapes[i])
		f(lab.Cached, s.Cached, &shapes[i])
	}
}

// allocations is the least of several counts: the store's own goroutines and pools
// emptied by the garbage collector may add some, never take any.
func allocations(f func()) float64 {
	for range 10 {
		f()
	}
	least := testing.AllocsPerRun(20, f)
	for range 4 {
		if least == 0 {
			break
		}
		least = min(least, testing.AllocsPerRun(20, f))
	}
	return least
}

// TestGuard is the short form of `make bench-guard`. Allocations are held as recorded.
// The other figures are ratios to the ceiling of the same run, and those of another
// processor or a busy machine differ, so that they may be several times as bad: what
// fails here is a mistake of another order, such as a read that looks at every table.
func TestGuard(t *testing.T) {
	g, err := lab.ReadGuard("guard.json")
	if err != nil {
		t.Fatal(err)
	}
	shapes := lab.Shapes(lab.Size{Rows: 20_000, Wide: 1000})
	shapes = []lab.Shape{shapes[0], shapes[2], shapes[4]}
	l, err := lab.Start(context.Background(), lab.Config{Shapes: shapes, BlockCache: 128 << 20, RowCache: 128 << 20, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	bad, err := l.Guard(context.Background(), g, shapes, lab.GuardConfig{
		Least: 1, Most: 8, Time: 100 * time.Millisecond, Slack: 12, Log: func(text string) { t.Log(text) },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bad {
		t.Error(b)
	}
}
