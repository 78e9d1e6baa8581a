package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"time"

	"quiver/bench/lab"
)

// profile writes CPU profiles of both forms of the product under each shape, for
// `go tool pprof`.
func profile(ctx context.Context, flags *flag.FlagSet, args []string) error {
	only := flags.String("shape", "", "profile this shape alone, for example Single20")
	connections := flags.Int("connections", 8, "connections")
	duration := flags.Duration("duration", 4*time.Second, "time per profile")
	rows := flags.Uint("rows", 200_000, "rows")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("say into which folder the profiles go")
	}
	var shapes []lab.Shape
	for _, s := range lab.Shapes(lab.Size{Rows: uint32(*rows), Wide: uint32(*rows)}) {
		if *only == "" || s.Name == *only {
			shapes = append(shapes, s)
		}
	}
	if len(shapes) == 0 {
		return fmt.Errorf("there is no shape %q", *only)
	}
	l, err := lab.Start(ctx, lab.Config{Shapes: shapes, Seed: 1})
	if err != nil {
		return err
	}
	for i := range shapes {
		for _, t := range []lab.Target{lab.Plain, lab.Cached} {
			path := filepath.Join(flags.Arg(0), fmt.Sprintf("%s-%s.prof", shapes[i].Name, t))
			load := lab.Load{Connections: *connections, WarmUp: 200 * time.Millisecond, Duration: *duration}
			r, err := l.Profile(ctx, t, &shapes[i], load, path)
			if err != nil {
				return errors.Join(err, l.Close())
			}
			fmt.Printf("%s: %.0f/s, %s of CPU per request\n", path, r.PerSecond(), r.ServerCPU())
		}
	}
	return l.Close()
}
