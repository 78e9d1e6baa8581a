package lab

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"time"

	"quiver/bench"
	"quiver/bench/workload"
)

// OthersConfig says how the cost of views that nobody asks for is measured.
type OthersConfig struct {
	Rows        uint32 // of the one view that is asked for
	Others      int
	Connections int
	Turns       int
	WarmUp      time.Duration // before each measurement
	Closed      time.Duration
	Open        time.Duration
	Again       int // see Grid
	Progress    func(done, total int, what string)
}

// The servers: two alike without other views, whose difference is that of any two
// processes, and one with them.
const (
	alone Target = "alone"
	twin  Target = "alone, again"
	among Target = "among others"
)

// MeasureOthers measures what single cached vectors cost in a catalog of many views.
func MeasureOthers(ctx context.Context, c OthersConfig) (_ []Goal, err error) {
	table := &workload.Table{View: "v20", Features: 20, Groups: 1, Rows: c.Rows, Seed: 1}
	shape := &Shape{Name: "Single20", Table: table}
	l := newLab()
	defer func() { err = errors.Join(err, l.Close()) }()
	for _, t := range []Target{alone, twin, among} {
		dir, err := os.MkdirTemp("", "quiver-bench-")
		if err != nil {
			return nil, fmt.Errorf("cannot make a folder for the data: %w", err)
		}
		defer os.RemoveAll(dir)
		store := &storeConfig{Dir: dir, Tables: []*workload.Table{table}, BlockCache: 1 << 30, RowCache: 1 << 30}
		if t == among {
			store.Others = c.Others
		}
		ch, err := startChild(ctx, childConfig{Store: store})
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, ch.close()) }()
		r, err := tableRequests(table, ch.hello.APIKey, 0, workload.Uniform)
		if err != nil {
			return nil, err
		}
		l.guests[t] = guest{ch.hello.Addresses[Cached], ch.usage}
		l.sources[sourceKey{shape.Name, t}] = r
	}
	m := othersMeasure{c: &c, l: l, shape: shape, closed: map[Target][]*bench.Result{}, open: map[Target][]*bench.Result{}, again: c.Again}
	for turn := range c.Turns {
		if c.Progress != nil && turn%10 == 0 {
			c.Progress(turn, c.Turns, "other views")
		}
		if err := m.turn(ctx, turn); err != nil {
			return nil, err
		}
	}
	return m.goals(), nil
}

// othersMeasure is one MeasureOthers: the results of each turn, in order.
type othersMeasure struct {
	c            *OthersConfig
	l            *Lab
	shape        *Shape
	closed, open map[Target][]*bench.Result
	again        int
}

// turn measures each server once in a closed and once in an open loop, in an order that
// differs from turn to turn.
func (m *othersMeasure) turn(ctx context.Context, turn int) error {
	order := []Target{alone, twin, among}
	first := turn % len(order)
	order = slices.Concat(order[first:], order[:first])
	if turn/len(order)%2 == 1 {
		slices.Reverse(order)
	}
	load := Load{Connections: m.c.Connections, WarmUp: m.c.WarmUp, Duration: m.c.Closed}
	peak := math.MaxFloat64
	for _, t := range order {
		r, err := m.l.measure(ctx, t, m.shape, load, &m.again)
		if err != nil {
			return err
		}
		m.closed[t] = append(m.closed[t], r)
		peak = min(peak, median(m.closed[t], (*bench.Result).PerSecond))
	}
	load.Duration, load.Rate = m.c.Open, max(share*peak, 1)
	for _, t := range order {
		r, err := m.l.measure(ctx, t, m.shape, load, &m.again)
		if err != nil {
			return err
		}
		m.open[t] = append(m.open[t], r)
	}
	return nil
}

// compare returns the ratios, turn by turn, of the server among others to the mean of
// the two alone, and of these to each other.
func (m *othersMeasure) compare(of map[Target][]*bench.Result, f func(r *bench.Result) float64) (ratio, control []float64) {
	for i := range of[among] {
		a, b, x := f(of[alone][i]), f(of[twin][i]), f(of[among][i])
		if a > 0 && b > 0 && x > 0 {
			ratio, control = append(ratio, x/math.Sqrt(a*b)), append(control, b/a)
		}
	}
	return ratio, control
}

func (m *othersMeasure) goals() []Goal {
	var out []Goal
	for _, f := range []struct {
		name string
		of   map[Target][]*bench.Result
		get  func(r *bench.Result) float64
		sign float64 // of what is worse
		unit string
	}{
		{"rate", m.closed, (*bench.Result).PerSecond, -1, "/s"},
		{"p99 at 70 %", m.open, func(r *bench.Result) float64 { return micros(r.Percentile(99)) }, 1, " us"},
		{"server CPU per request", m.closed, func(r *bench.Result) float64 { return micros(r.ServerCPU()) }, 1, " us"},
	} {
		ratio, control := m.compare(f.of, f.get)
		mid, low, high := spread(ratio)
		same, sameLow, sameHigh := spread(control)
		resolved := "2 % is resolvable"
		if high-low > 0.04 {
			resolved = "2 % is NOT resolvable"
		}
		worse := func(ratio float64) float64 { return 100 * f.sign * (ratio - 1) }
		out = append(out, Goal{
			Name: fmt.Sprintf("%d other views: %s, worse by %%", m.c.Others, f.name), Want: 2, Value: worse(mid),
			Raw: []string{
				fmt.Sprintf("among others %.4g%s, alone %.4g%s and %.4g%s", median(f.of[among], f.get), f.unit, median(f.of[alone], f.get), f.unit, median(f.of[twin], f.get), f.unit),
				fmt.Sprintf("ratio in a turn: median %.3f of %d, with 95 %% certainty %.3f to %.3f: %s", mid, len(ratio), low, high, resolved),
				fmt.Sprintf("of the two alone: median %.3f, %.3f to %.3f", same, sameLow, sameHigh),
			},
		})
	}
	return out
}

// spread returns the median of values and between what it lies with 95 % certainty,
// whatever their distribution: so many of n values lie below the true median as heads
// come up in n tosses of a coin.
func spread(values []float64) (mid, low, high float64) {
	mid = middle(values) // sorts
	n := len(values)
	if n == 0 {
		return 0, 0, 0
	}
	k := max(0, int(float64(n)/2-0.98*math.Sqrt(float64(n))))
	return mid, values[k], values[n-1-k]
}
