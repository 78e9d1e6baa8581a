package lab

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"text/tabwriter"
)

// Goal is one of the figures the project is held to.
type Goal struct {
	Name    string   `json:"goal"`
	Want    float64  `json:"wanted"` // at most, or at least
	AtLeast bool     `json:"atLeast,omitempty"`
	Value   float64  `json:"measured"`
	Raw     []string `json:"raw,omitempty"` // what it was computed from, for people
}

// Met reports whether the goal is.
func (g *Goal) Met() bool {
	if g.AtLeast {
		return g.Value >= g.Want
	}
	return g.Value <= g.Want
}

// Goals computes what cells say about the project's goals.
func Goals(cells []Cell) []Goal {
	find := func(shape string, t Target, connections int) *Cell {
		for i := range cells {
			if c := &cells[i]; c.Shape == shape && c.Target == t && c.Connections == connections {
				return c
			}
		}
		return nil
	}
	var out []Goal
	add := func(name string, want float64, atLeast bool, f func(c ...*Cell) float64, of ...*Cell) {
		if !slices.Contains(of, nil) { // else it was not measured
			out = append(out, Goal{Name: name, Want: want, AtLeast: atLeast, Value: f(of...)})
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

// WriteGoals writes goals, and below each what it was computed from.
func WriteGoals(w io.Writer, goals []Goal) error {
	var lines bytes.Buffer
	t := tabwriter.NewWriter(&lines, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "goal\twanted\tmeasured\t")
	for i := range goals {
		g := &goals[i]
		sign, verdict := "<=", "missed"
		if g.AtLeast {
			sign = ">="
		}
		if g.Met() {
			verdict = "met"
		}
		fmt.Fprintf(t, "%s\t%s %s\t%s\t%s\n", g.Name, sign, figure(g.Want), figure(g.Value), verdict)
	}
	_ = t.Flush() // into memory
	out := bufio.NewWriter(w)
	fmt.Fprintln(out)
	for i := -1; i < len(goals); i++ {
		line, _ := lines.ReadString('\n')
		_, _ = out.WriteString(line) // an error comes from Flush
		if i >= 0 {
			for _, raw := range goals[i].Raw {
				fmt.Fprintf(out, "    %s\n", raw)
			}
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("cannot write the goals: %w", err)
	}
	return nil
}

// figure writes large figures without decimals.
func figure(v float64) string {
	if math.Abs(v) >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
