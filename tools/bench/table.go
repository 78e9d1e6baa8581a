package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"time"

	"quiver/bench/lab"
)

// table prints everything: the full form takes less than ten minutes, the short one
// less than one.
func table(ctx context.Context, flags *flag.FlagSet, args []string) error {
	short := flags.Bool("short", false, "fewer rows, shapes, connections and repetitions: less than a minute")
	asJSON := flags.Bool("json", false, "print JSON")
	if err := flags.Parse(args); err != nil {
		return err
	}
	size := lab.Full()
	g := lab.Grid{
		Targets:     []lab.Target{lab.Ceiling, lab.NetHTTP, lab.Naive, lab.Plain, lab.Cached},
		Connections: []int{1, 8, 64}, Repeat: 7, Again: 300,
		WarmUp: 100 * time.Millisecond, Closed: 150 * time.Millisecond, Open: 200 * time.Millisecond,
		Progress: progress,
	}
	if *short {
		size = lab.Small()
		g.Connections = []int{8}
		g.Again = 60
	}
	g.Shapes = lab.Shapes(size)
	if *short {
		g.Shapes = []lab.Shape{g.Shapes[0], g.Shapes[2], g.Shapes[4]}
	}
	progress(0, 1, "making the data")
	l, err := lab.Start(ctx, lab.Config{Shapes: g.Shapes, BlockCache: 3 << 30, RowCache: 3 << 30, Seed: 1})
	if err != nil {
		return err
	}
	cells, err := l.RunGrid(ctx, g)
	if err := errors.Join(err, l.Close()); err != nil {
		return err
	}
	if *asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(cells)
	}
	if err := lab.WriteTable(os.Stdout, cells); err != nil {
		return err
	}
	return lab.WriteGoals(os.Stdout, lab.Goals(cells))
}

func progress(done, total int, what string) {
	fmt.Fprintf(os.Stderr, "bench: %s %d/%d %s\n", time.Now().Format(time.TimeOnly), done, total, what)
}
