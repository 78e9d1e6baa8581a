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

// goals measures what the table does not: other views, writes and loads beside reads,
// memory and the time to start.
func goals(ctx context.Context, flags *flag.FlagSet, args []string) (err error) {
	short := flags.Bool("short", false, "fewer rows and turns: about two minutes")
	asJSON := flags.Bool("json", false, "print JSON")
	program := flags.String("quiver", "bin/quiver", "the product")
	profiles := flags.String("profiles", "", "a folder for CPU profiles of the servers beside writes")
	only := flags.String("only", "", "measure this alone: others, writes, loads or memory")
	if err := flags.Parse(args); err != nil {
		return err
	}
	others := lab.OthersConfig{
		Rows: 200_000, Others: 10_000, Connections: 8, Turns: 120, Again: 120,
		WarmUp: 20 * time.Millisecond, Closed: 80 * time.Millisecond, Open: 120 * time.Millisecond, Progress: progress,
	}
	writes := lab.WritesConfig{
		Program: *program, Rows: 1_000_000, Calls: 50, RowsPerCall: 100, Connections: 8, Turns: 11, Again: 30,
		Window: 500 * time.Millisecond, Sustained: 12 * time.Second, Profile: *profiles, Progress: progress,
	}
	loads := lab.LoadsConfig{
		Program: *program, Rows: 500_000, Read: 100_000, Rate: 5000, Turns: 3, Idle: time.Second, Profile: *profiles, Progress: progress,
	}
	memory := lab.MemoryConfig{Program: *program, Rows: 1_000_000, Starts: 7, Load: 3 * time.Second, Progress: progress}
	if *short {
		others.Turns, others.Again = 20, 40
		writes.Rows, writes.Turns, writes.Again, writes.Sustained = 100_000, 5, 10, 2*time.Second
		loads.Turns = 1
		memory.Starts, memory.Load = 3, time.Second
	}
	var all []lab.Goal
	for _, m := range []struct {
		name    string
		measure func() ([]lab.Goal, error)
	}{
		{"others", func() ([]lab.Goal, error) { return lab.MeasureOthers(ctx, others) }},
		{"writes", func() ([]lab.Goal, error) { return lab.MeasureWrites(ctx, writes) }},
		{"loads", func() ([]lab.Goal, error) { return lab.MeasureLoads(ctx, loads) }},
		{"memory", func() ([]lab.Goal, error) { return lab.MeasureMemory(ctx, memory) }},
	} {
		if *only != "" && *only != m.name {
			continue
		}
		var some []lab.Goal
		if some, err = m.measure(); err != nil {
			break // what was measured until then is still worth something
		}
		all = append(all, some...)
	}
	if err == nil && len(all) == 0 {
		return fmt.Errorf("there are no goals %q", *only)
	}
	if *asJSON {
		e := json.NewEncoder(os.Stdout)
		e.SetIndent("", "  ")
		return errors.Join(err, e.Encode(all))
	}
	return errors.Join(err, lab.WriteGoals(os.Stdout, all))
}
