package lab

import "quiver/bench/workload"

// Size is how many rows the tables of the usual shapes have.
type Size struct {
	Rows uint32 // of the tables with 20 features
	Wide uint32 // of the table with 100 features
}

// Full is the size that figures are quoted for.
func Full() Size { return Size{Rows: 1_000_000, Wide: 250_000} }

// Small is quickly made.
func Small() Size { return Size{Rows: 50_000, Wide: 20_000} }

// Shapes returns the usual shapes: single vectors of 20 and 100 features, a join of four
// groups with 20 features together, batches of 10, 100 and 500, and single vectors of
// keys some of which are popular, or half of which have no row.
func Shapes(s Size) []Shape {
	product := []Target{Ceiling, Plain, Cached}
	narrow := &workload.Table{View: "v20", Features: 20, Groups: 1, Rows: s.Rows, Seed: 1}
	wide := &workload.Table{View: "v100", Features: 100, Groups: 1, Rows: s.Wide, Seed: 2}
	join := &workload.Table{View: "join4", Features: 20, Groups: 4, Rows: s.Rows, Seed: 3}
	return []Shape{
		{Name: "Single20", Table: narrow},
		{Name: "Single100", Table: wide},
		{Name: "SingleJoin4", Table: join},
		{Name: "Batch10", Table: narrow, Batch: 10},
		{Name: "Batch100", Table: narrow, Batch: 100},
		{Name: "Batch500", Table: narrow, Batch: 500},
		{Name: "SingleZipf", Table: narrow, Distribution: workload.Zipf, Targets: product},
		{Name: "SingleMisses", Table: narrow, Misses: 0.5, Targets: product},
	}
}
