package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"time"
)

// Guard is a record of what the product cost, and how much worse it may become.
type Guard struct {
	Machine string `json:"machine"` // where it was recorded, for people
	// The bands: a figure is bad when it is worse than recorded by more than this
	// share. Ratios to the ceiling within one run hardly depend on the machine,
	// tails do.
	RatioBand float64 `json:"ratioBand"`
	CPUBand   float64 `json:"cpuBand"`
	TailBand  float64 `json:"tailBand"`
	Bounds    []Bound `json:"bounds"`
}

// Bound is the record of one target with one shape.
type Bound struct {
	Shape  string `json:"shape"`
	Target Target `json:"target"`
	// Allocations is the server's heap allocations per request, a whole number.
	Allocations float64 `json:"allocations"`
	Ratio       float64 `json:"ofCeiling"`     // rate by the ceiling's, at least
	CPU         float64 `json:"cpuByCeilings"` // server CPU per request by the ceiling's, at most
	// Tail is at 70 % of the greatest rate, at most. It is 0 when no round was quiet,
	// and then nobody is judged by it.
	Tail float64 `json:"openLoopP99ByP50"`
}

// ReadGuard reads a record.
func ReadGuard(path string) (*Guard, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the recorded costs: %w", err)
	}
	g := &Guard{}
	if err := json.Unmarshal(b, g); err != nil {
		return nil, fmt.Errorf("cannot read the recorded costs in %s: %w", path, err)
	}
	return g, nil
}

// Write writes the record.
func (g *Guard) Write(path string) error {
	b, err := json.MarshalIndent(g, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(b, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("cannot write the recorded costs: %w", err)
	}
	return nil
}

// bests are the best figures of one target with one shape so far. They are taken one by
// one: noise makes each of them worse, but a ratio within one noisy round may as well come
// out too good. The percentiles are 0 until a round was quiet.
type bests struct{ allocations, perSecond, cpu, p50, p99 float64 }

// quiet is the greatest share of the machine that other processes may take while tails are
// measured: a rate recovers from being interrupted, a p99 does not.
const quiet = 0.2

// tally is the best figures by place, the ceiling's among them.
type tally map[Bound]*bests

func (t tally) add(c *Cell) {
	k := Bound{Shape: c.Shape, Target: c.Target}
	b := t[k]
	if b == nil {
		b = &bests{allocations: c.Allocations, perSecond: c.PerSecond, cpu: c.CPU}
		t[k] = b
	}
	b.allocations = min(b.allocations, c.Allocations)
	b.perSecond = max(b.perSecond, c.PerSecond)
	b.cpu = min(b.cpu, c.CPU)
	switch {
	case c.Foreign > quiet || c.P50 == 0:
	case b.p50 == 0:
		b.p50, b.p99 = c.P50, c.P99
	default:
		b.p50 = min(b.p50, c.P50)
		b.p99 = min(b.p99, c.P99)
	}
}

// bound returns what was measured at a place; ok is false when nothing was.
func (t tally) bound(place Bound) (got Bound, ok bool) {
	b, top := t[place], t[Bound{Shape: place.Shape, Target: Ceiling}]
	if b == nil || top == nil || top.perSecond == 0 || top.cpu == 0 {
		return place, false
	}
	place.Allocations = b.allocations
	place.Ratio = b.perSecond / top.perSecond
	place.CPU = b.cpu / top.cpu
	if b.p50 > 0 {
		place.Tail = b.p99 / b.p50
	}
	return place, true
}

// quiet reports whether every place had a quiet round.
func (t tally) quiet(places []Bound) bool {
	for _, b := range places {
		if got, ok := t.bound(b.place()); !ok || got.Tail == 0 {
			return false
		}
	}
	return true
}

// check says what is worse than recorded, with every band made wider by slack.
func (g *Guard) check(t tally, slack float64) []string {
	var bad []string
	for _, want := range g.Bounds {
		got, ok := t.bound(want.place())
		if !ok {
			bad = append(bad, fmt.Sprintf("%s %s was not measured", want.Shape, want.Target))
			continue
		}
		say := func(what string, got, limit, recorded float64) {
			bad = append(bad, fmt.Sprintf("%s %s: %s is %.2f; the limit is %.2f, recorded was %.2f", want.Shape, want.Target, what, got, limit, recorded))
		}
		if math.Round(got.Allocations) > want.Allocations {
			say("allocations per request", got.Allocations, want.Allocations, want.Allocations)
		}
		if limit := want.Ratio / (1 + g.RatioBand*slack); got.Ratio < limit {
			say("rate by the ceiling's", got.Ratio, limit, want.Ratio)
		}
		if limit := want.CPU * (1 + g.CPUBand*slack); got.CPU > limit {
			say("server CPU by the ceiling's", got.CPU, limit, want.CPU)
		}
		if limit := want.Tail * (1 + g.TailBand*slack); want.Tail > 0 && got.Tail > limit {
			say("p99 by p50", got.Tail, limit, want.Tail)
		}
	}
	return bad
}

// place is b without figures.
func (b Bound) place() Bound { return Bound{Shape: b.Shape, Target: b.Target} }

// GuardConfig says how carefully a guard measures.
type GuardConfig struct {
	Least, Most int           // rounds
	Time        time.Duration // of each measurement
	Slack       float64       // makes the bands wider; 1 as recorded
	Tails       bool          // whether open loops are measured
	Log         func(text string)
}

// guardConnections is the load under which everything is guarded.
const guardConnections = 8

// Guard measures in rounds, each of which takes all targets in turns, and returns what
// is worse than recorded. What counts are the best figures of all rounds, so it stops as
// soon as nothing is bad, and what is still bad after the last round is really worse.
func (l *Lab) Guard(ctx context.Context, g *Guard, shapes []Shape, c GuardConfig) (bad []string, err error) {
	best := tally{}
	for round := range c.Most {
		if err := l.guardRound(ctx, g.Bounds, shapes, c, best); err != nil {
			return nil, err
		}
		bad = g.check(best, c.Slack)
		if c.Log != nil {
			c.Log(fmt.Sprintf("round %d: %d figures are worse than recorded", round+1, len(bad)))
		}
		if len(bad) == 0 && round+1 >= c.Least {
			break
		}
	}
	if c.Log != nil && c.Tails && !best.quiet(g.Bounds) {
		c.Log("other processes took too much of the machine to judge every p99; try again when it is quiet")
	}
	return bad, nil
}

// Record measures Most rounds and returns the best of them as the new record, with the
// places and bands of g.
func (l *Lab) Record(ctx context.Context, g *Guard, shapes []Shape, c GuardConfig) (*Guard, error) {
	best := tally{}
	for range c.Most {
		if err := l.guardRound(ctx, g.Bounds, shapes, c, best); err != nil {
			return nil, err
		}
	}
	next := *g
	next.Bounds = nil
	for _, b := range g.Bounds {
		got, ok := best.bound(b.place())
		if !ok {
			return nil, fmt.Errorf("%s %s was not measured", b.Shape, b.Target)
		}
		got.Allocations = math.Round(got.Allocations)
		if got.Tail == 0 {
			got.Tail = b.Tail // no round was quiet; what was recorded before stands
		}
		for _, f := range []*float64{&got.Ratio, &got.CPU, &got.Tail} {
			*f = math.Round(*f*100) / 100
		}
		next.Bounds = append(next.Bounds, got)
	}
	return &next, nil
}

// guardRound measures every guarded shape once and keeps what is better in best.
func (l *Lab) guardRound(ctx context.Context, bounds []Bound, shapes []Shape, c GuardConfig, best tally) error {
	grid := Grid{Targets: []Target{Ceiling, Plain, Cached}, Connections: []int{guardConnections}, Repeat: 1, WarmUp: c.Time / 4, Closed: c.Time}
	if c.Tails {
		grid.Open = c.Time
	}
	for _, s := range shapes {
		for _, b := range bounds {
			if b.Shape == s.Name {
				grid.Shapes = append(grid.Shapes, s)
				break
			}
		}
	}
	cells, err := l.RunGrid(ctx, grid)
	if err != nil {
		return err
	}
	for i := range cells {
		best.add(&cells[i])
	}
	return nil
}
