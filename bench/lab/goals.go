package lab

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// goal is one of the figures the project is held to.
type goal struct {
	name    string
	want    float64 // at most, or at least
	atLeast bool
	value   float64
	ok      bool // whether it was measured
}

// goals computes what cells say about the project's goals.
func goals(cells []Cell) []goal {
	find := func(shape string, t Target, connections int) *Cell {
		for i := range cells {
			if c := &cells[i]; c.Shape == shape && c.Target == t && c.Connections == connections {
				return c
			}
		}
		return nil
	}
	var out []goal
	add := func(name string, want float64, atLeast bool, f func(c ...*Cell) float64, of ...*Cell) {
		g := goal{name: name, want: want, atLeast: atLeast, ok: true}
		for _, c := range of {
			g.ok = g.ok && c != nil
		}
		if g.ok {
			g.value = f(of...)
			out = append(out, g)
		}
	}
	ratio := func(c ...*Cell) float64 { return c[0].Ratio }
	perVector := func(c ...*Cell) float64 { return c[0].CPU / float64(c[0].Vectors) }
	for _, n := range []int{8, 64} {
		add(fmt.Sprintf("single of 20, cached, %d connections: rate by ceiling", n), 0.90, true, ratio, find("Single20", Cached, n))
		add(fmt.Sprintf("single of 20, from Pebble, %d connections: rate by ceiling", n), 0.75, true, ratio, find("Single20", Plain, n))
	}
	add("batch of 100, cached: CPU us per vector", 0.6, false, perVector, find("Batch100", Cached, 8))
	add("batch of 100, from Pebble: CPU us per vector", 2.5, false, perVector, find("Batch100", Plain, 8))
	add("single at 70 %, cached: p99 by the ceiling's", 2, false, func(c ...*Cell) float64 { return c[0].P99 / c[1].P99 },
		find("Single20", Cached, 8), find("Single20", Ceiling, 8))
	add("batch of 100 at 70 %, cached: p99 by p50", 3, false, func(c ...*Cell) float64 { return c[0].P99 / c[0].P50 }, find("Batch100", Cached, 8))
	allocations := func(c ...*Cell) float64 { return c[0].Allocations }
	for _, t := range []Target{Plain, Cached} {
		add(fmt.Sprintf("single, %s: allocations", t), 0.05, false, allocations, find("Single20", t, 8))
		add(fmt.Sprintf("batch of 100, %s: allocations", t), 1.05, false, allocations, find("Batch100", t, 8))
		add(fmt.Sprintf("join of 4, %s: CPU by one group's", t), 1.6, false, func(c ...*Cell) float64 { return c[0].CPU / c[1].CPU },
			find("SingleJoin4", t, 8), find("Single20", t, 8))
	}
	return out
}

// WriteGoals writes what cells say about the project's goals.
func WriteGoals(w io.Writer, cells []Cell) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\ngoal\twanted\tmeasured\t")
	for _, g := range goals(cells) {
		sign, met := "<=", g.value <= g.want
		if g.atLeast {
			sign, met = ">=", g.value >= g.want
		}
		verdict := "met"
		if !met {
			verdict = "missed"
		}
		fmt.Fprintf(t, "%s\t%s %g\t%.2f\t%s\n", g.name, sign, g.want, g.value, verdict)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("cannot write the goals: %w", err)
	}
	return nil
}
