package lab

import (
	"context"
	"slices"
	"time"

	"quiver/bench"
)

// Grid is a set of measurements: every target with every shape over every number of
// connections, in turns. Many short turns say more than few long ones: the targets of a
// turn meet the same state of the machine, and what disturbs one turn is no median.
type Grid struct {
	Shapes      []Shape
	Targets     []Target // must have Ceiling for ratios
	Connections []int
	Repeat      int           // turns
	WarmUp      time.Duration // before each measurement
	Closed      time.Duration // of each closed loop
	Open        time.Duration // of each open loop; 0 leaves them out
	// Again is how many measurements, at most, are made anew because the machine did not
	// run at its full speed before or after; 0 takes all as they come.
	Again int
	// Progress is called before each group of measurements; nil is silent.
	Progress func(done, total int, what string)
}

// share is the rate of an open loop as a part of the greatest one.
const share = 0.7

// Cell is what was measured of one target with one shape: medians over the
// repetitions. Times are microseconds.
type Cell struct {
	Shape       string  `json:"shape"`
	Target      Target  `json:"target"`
	Connections int     `json:"connections"`
	Vectors     int     `json:"vectors"` // in one answer
	PerSecond   float64 `json:"requestsPerSecond"`
	Ratio       float64 `json:"ofCeiling"` // of the ceiling's rate in the same repetition
	CPU         float64 `json:"serverCpuMicros"`
	Allocations float64 `json:"allocations"` // per request; -1 is unknown
	ClientCPU   float64 `json:"clientCpuMicros"`
	// Open loops run at 70 % of the target's own greatest rate, but the ceiling's
	// at 70 % of the product's, so that their latencies compare.
	OpenPerSecond float64 `json:"openPerSecond"`
	P50           float64 `json:"p50Micros"`
	P99           float64 `json:"p99Micros"`
	P999          float64 `json:"p999Micros"`
	Foreign       float64 `json:"foreignCpuShare"` // in closed and open loops
}

// spot is the place of a cell in the grid.
type spot struct {
	shape       int
	target      Target
	connections int
}

// samples are the repetitions of one cell.
type samples struct {
	closed, open []*bench.Result
	ratios       []float64 // of rates to the ceiling's, of turns at full speed
	rough        []float64 // of the other turns
}

// RunGrid measures the grid.
func (l *Lab) RunGrid(ctx context.Context, g Grid) ([]Cell, error) {
	all := map[spot]*samples{}
	again := g.Again
	done, total := 0, g.Repeat*len(g.Shapes)*len(g.Connections)
	for rep := range g.Repeat {
		for i := range g.Shapes {
			for _, n := range g.Connections {
				if g.Progress != nil {
					g.Progress(done, total, g.Shapes[i].Name)
				}
				done++
				if err := l.group(ctx, &g, all, &again, rep, i, n); err != nil {
					return nil, err
				}
			}
		}
	}
	var cells []Cell
	for i := range g.Shapes {
		for _, n := range g.Connections {
			for _, t := range g.targets(i) {
				c := all[spot{i, t, n}].cell(&g.Shapes[i], t, n)
				if l.child(t) == nil {
					c.Allocations = -1
				}
				cells = append(cells, c)
			}
		}
	}
	return cells, nil
}

// targets are those of the grid that a shape is measured with.
func (g *Grid) targets(shape int) []Target {
	only := g.Shapes[shape].Targets
	if only == nil {
		return g.Targets
	}
	var both []Target
	for _, t := range g.Targets {
		if slices.Contains(only, t) {
			both = append(both, t)
		}
	}
	return both
}

// group measures all targets once with one shape, in an order that differs from
// repetition to repetition.
func (l *Lab) group(ctx context.Context, g *Grid, all map[spot]*samples, again *int, rep, shape, connections int) error {
	targets := g.targets(shape)
	first := rep % len(targets)
	order := append(slices.Clone(targets[first:]), targets[:first]...)
	at := func(t Target) *samples {
		k := spot{shape, t, connections}
		if all[k] == nil {
			all[k] = &samples{}
		}
		return all[k]
	}
	peak := map[Target]float64{}
	for _, t := range order {
		r, err := l.measure(ctx, t, &g.Shapes[shape], Load{Connections: connections, WarmUp: g.WarmUp, Duration: g.Closed}, again)
		if err != nil {
			return err
		}
		s := at(t)
		s.closed = append(s.closed, r)
		peak[t] = median(s.closed, (*bench.Result).PerSecond)
	}
	for _, t := range order {
		at(t).compare(at(Ceiling))
		if g.Open == 0 {
			continue
		}
		rate := share * peak[t]
		if t == Ceiling {
			rate = share * min(peak[t], max(peak[Plain], peak[Cached], peak[ONNX]))
		}
		r, err := l.measure(ctx, t, &g.Shapes[shape], Load{Connections: connections, Rate: max(rate, 1), WarmUp: g.WarmUp, Duration: g.Open}, again)
		if err != nil {
			return err
		}
		at(t).open = append(at(t).open, r)
	}
	return nil
}

// compare notes the ratio of the last closed loop to that of the ceiling.
func (s *samples) compare(ceiling *samples) {
	if len(ceiling.closed) == 0 {
		return
	}
	r, top := s.closed[len(s.closed)-1], ceiling.closed[len(ceiling.closed)-1]
	to := &s.ratios
	if r.Slow || top.Slow {
		to = &s.rough
	}
	if top.PerSecond() > 0 {
		*to = append(*to, r.PerSecond()/top.PerSecond())
	}
}

// measure is Run, once more while the machine is slow and again allows it.
func (l *Lab) measure(ctx context.Context, t Target, s *Shape, load Load, again *int) (r *bench.Result, err error) {
	slow, err := l.pace.Steady(again, func() error {
		r, err = l.Run(ctx, t, s, load)
		return err
	})
	if r != nil {
		r.Slow = slow
	}
	return r, err
}

// cell sums up the repetitions.
func (s *samples) cell(shape *Shape, t Target, connections int) Cell {
	closed := func(f func(r *bench.Result) float64) float64 { return median(s.closed, f) }
	open := func(f func(r *bench.Result) float64) float64 { return median(s.open, f) }
	quantile := func(p float64) func(r *bench.Result) float64 {
		return func(r *bench.Result) float64 { return micros(r.Percentile(p)) }
	}
	c := Cell{
		Shape: shape.Name, Target: t, Connections: connections, Vectors: shape.Vectors(),
		PerSecond:     closed((*bench.Result).PerSecond),
		CPU:           closed(func(r *bench.Result) float64 { return micros(r.ServerCPU()) }),
		Allocations:   closed((*bench.Result).Allocations),
		ClientCPU:     closed(func(r *bench.Result) float64 { return micros(r.ClientCPU()) }),
		Foreign:       median(slices.Concat(s.closed, s.open), func(r *bench.Result) float64 { return r.Foreign }),
		OpenPerSecond: open(func(r *bench.Result) float64 { return r.Rate }),
		P50:           open(quantile(50)), P99: open(quantile(99)), P999: open(quantile(99.9)),
	}
	if c.Ratio = middle(slices.Clone(s.ratios)); len(s.ratios) == 0 {
		c.Ratio = middle(slices.Clone(s.rough))
	}
	return c
}

func micros(d time.Duration) float64 { return float64(d) / 1e3 }

// median returns the median of f over the results that the machine was not slow for, over
// all if it always was, 0 of none.
func median(results []*bench.Result, f func(r *bench.Result) float64) float64 {
	var values, rough []float64
	for _, r := range results {
		if r.Slow {
			rough = append(rough, f(r))
		} else {
			values = append(values, f(r))
		}
	}
	if len(values) == 0 {
		values = rough
	}
	return middle(values)
}

// middle returns the median of values, which it sorts; 0 of none.
func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n == 0 {
		return 0
	}
	return (values[(n-1)/2] + values[n/2]) / 2
}
