package lab

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"quiver/bench/workload"
)

func TestMain(m *testing.M) {
	Main()
	os.Exit(m.Run())
}

// Every target answers every shape, and the product's answers are right.
func TestGrid(t *testing.T) {
	all := Shapes(Size{Rows: 300, Wide: 300})
	shapes := []Shape{all[0], all[2], all[3], all[7]}
	l, err := Start(context.Background(), Config{Shapes: shapes, BlockCache: 32 << 20, RowCache: 32 << 20, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	const other Target = "other"
	l.Join(other, l.store.hello.Addresses[Plain], l.store.usage, shapes)
	targets := []Target{Ceiling, NetHTTP, Naive, Plain, Cached, other}
	for i := range shapes {
		shapes[i].Targets = nil
	}
	lacks := func(c Cell) bool {
		return c.PerSecond <= 0 || c.Ratio <= 0 || c.CPU <= 0 || c.OpenPerSecond <= 0 || c.P50 <= 0 || c.P99 < c.P50
	}
	groups := 0
	var cells []Cell
	// A busy machine may do nothing at all in a short time.
	for _, each := range []time.Duration{80 * time.Millisecond, time.Second, 5 * time.Second} {
		groups = 0
		cells, err = l.RunGrid(context.Background(), Grid{
			Shapes: shapes, Targets: targets, Connections: []int{2}, Repeat: 1, Closed: each, Open: each,
			Progress: func(int, int, string) { groups++ },
		})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(cells, lacks) {
			break
		}
	}
	if len(cells) != len(shapes)*len(targets) || groups != len(shapes) {
		t.Fatalf("%d cells in %d groups, want %d in %d", len(cells), groups, len(shapes)*len(targets), len(shapes))
	}
	for _, c := range cells {
		if lacks(c) {
			t.Errorf("a cell lacks figures: %+v", c)
		}
		if (c.Allocations < 0) != (c.Target == other) {
			t.Errorf("%s has %g allocations", c.Target, c.Allocations)
		}
	}
	var b strings.Builder
	if err := WriteTable(&b, cells); err != nil || strings.Count(b.String(), "SingleJoin4") != len(targets) {
		t.Errorf("the table is %v\n%s", err, b.String())
	}

	profile := filepath.Join(t.TempDir(), "p")
	if _, err := l.Profile(context.Background(), Cached, &shapes[0], Load{Connections: 1, Duration: 20 * time.Millisecond}, profile); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(profile); err != nil || info.Size() == 0 {
		t.Errorf("the profile is %v, %v", info, err)
	}

	// A wrong answer is an error, not a good figure.
	table := *shapes[0].Table
	table.Seed++
	shapes[0].Table = &table
	if _, err := l.prepare(&shapes[0], 1); err != nil {
		t.Fatal(err)
	}
	_, err = l.Run(context.Background(), Plain, &shapes[0], Load{Connections: 1, Requests: 300, Duration: 10 * time.Second})
	if err == nil || !strings.Contains(err.Error(), "the answer differs from what was expected at byte") {
		t.Errorf("rows of another seed give %v", err)
	}

	dir := l.dir
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the data is still there: %v", err)
	}
}

func TestStartFails(t *testing.T) {
	_, err := Start(context.Background(), Config{Shapes: []Shape{{Name: "S", Table: &workload.Table{View: "v", Features: 3, Groups: 2, Rows: 1}}}})
	if err == nil || !strings.Contains(err.Error(), "cut evenly") {
		t.Errorf("a table that cannot be made gives %v", err)
	}
}
