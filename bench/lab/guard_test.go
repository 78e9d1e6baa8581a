package lab

import (
	"strings"
	"testing"
)

func TestGuardCheck(t *testing.T) {
	g := &Guard{RatioBand: 0.25, CPUBand: 0.5, TailBand: 1, Bounds: []Bound{
		{Shape: "S", Target: Plain, Allocations: 1, Ratio: 0.8, CPU: 1.2, Tail: 3},
	}}
	f := func(got Bound, slack float64, want ...string) {
		t.Helper()
		best := tally{}
		best.add(&Cell{Shape: "S", Target: Ceiling, PerSecond: 1000, CPU: 10})
		best.add(&Cell{Shape: "S", Target: Plain, Allocations: got.Allocations, PerSecond: 1000 * got.Ratio, CPU: 10 * got.CPU, P50: 10, P99: 10 * got.Tail})
		bad := g.check(best, slack)
		if len(bad) != len(want) {
			t.Fatalf("%+v is bad for %q, want %q", got, bad, want)
		}
		for i := range want {
			if !strings.Contains(bad[i], want[i]) {
				t.Fatalf("%+v is bad for %q, want %q", got, bad[i], want[i])
			}
		}
	}
	f(Bound{Allocations: 1, Ratio: 0.8, CPU: 1.2, Tail: 3}, 1)
	f(Bound{Allocations: 1.4, Ratio: 0.65, CPU: 1.79, Tail: 5.9}, 1)
	f(Bound{Allocations: 0, Ratio: 2, CPU: 0.1, Tail: 1}, 1)
	f(Bound{Allocations: 1.6, Ratio: 0.8, CPU: 1.2, Tail: 3}, 1, "allocations per request is 1.60; the limit is 1.00")
	f(Bound{Allocations: 1, Ratio: 0.63, CPU: 1.2, Tail: 3}, 1, "rate by the ceiling's is 0.63; the limit is 0.64, recorded was 0.80")
	f(Bound{Allocations: 1, Ratio: 0.63, CPU: 1.2, Tail: 3}, 2)
	f(Bound{Allocations: 1, Ratio: 0.8, CPU: 1.81, Tail: 6.1}, 1, "server CPU", "p99 by p50")
	// A round in which the ceiling was disturbed does not make the product look good,
	// nor one in which the median was its tail.
	best := tally{}
	best.add(&Cell{Shape: "S", Target: Ceiling, PerSecond: 1000, CPU: 10})
	best.add(&Cell{Shape: "S", Target: Plain, PerSecond: 500, CPU: 10, P50: 10, P99: 90})
	best.add(&Cell{Shape: "S", Target: Ceiling, PerSecond: 100, CPU: 40})
	best.add(&Cell{Shape: "S", Target: Plain, PerSecond: 500, CPU: 20, P50: 90, P99: 90})
	if got, ok := best.bound(Bound{Shape: "S", Target: Plain}); !ok || got.Ratio != 0.5 || got.CPU != 1 || got.Tail != 9 {
		t.Errorf("the best of two rounds is %+v", got)
	}
	// Tails of busy rounds do not count.
	best.add(&Cell{Shape: "S", Target: Plain, PerSecond: 500, CPU: 20, P50: 1, P99: 2, Foreign: 0.5})
	if got, _ := best.bound(Bound{Shape: "S", Target: Plain}); got.Tail != 9 || !best.quiet(g.Bounds) {
		t.Errorf("a busy round makes the best %+v", got)
	}
	if bad := g.check(nil, 1); len(bad) != 1 || !strings.Contains(bad[0], "not measured") {
		t.Errorf("nothing measured is bad for %q", bad)
	}
}

func TestMiddle(t *testing.T) {
	f := func(want float64, values ...float64) {
		t.Helper()
		if got := middle(values); got != want {
			t.Errorf("the median of %v is %g, want %g", values, got, want)
		}
	}
	f(0)
	f(3, 3)
	f(2, 3, 1)
	f(2, 9, 1, 2)
}

func TestGoals(t *testing.T) {
	cells := []Cell{
		{Shape: "Single20", Target: Ceiling, Connections: 8, Vectors: 1, P99: 100, CPU: 5, Ratio: 1},
		{Shape: "Single20", Target: Cached, Connections: 8, Vectors: 1, P99: 300, CPU: 6, Ratio: 0.95},
		{Shape: "Batch100", Target: Cached, Connections: 8, Vectors: 100, CPU: 90, P50: 10, P99: 20},
	}
	var b strings.Builder
	if err := WriteGoals(&b, append(Goals(cells), Goal{Name: "made up", Want: 500_000, AtLeast: true, Value: 500_001.4, Raw: []string{"from this", "and that"}})); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0.95      met", "0.90      missed", "3.00      missed", "2.00      met", ">= 500000  500001    met\n    from this\n    and that\n"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the goals lack %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "64 connections") {
		t.Error("a goal that was not measured is listed")
	}
}
