package main

import (
	"context"
	"fmt"

	"quiver/engine"
)

type loadCmd struct {
	Store         string   `required:"" help:"Feature store." placeholder:"S"`
	Group         string   `required:"" help:"Feature group." placeholder:"G"`
	Version       int      `help:"Version of the group; the newest by default." placeholder:"V"`
	Replace       bool     `help:"Make the table equal to the files; readers see all of it at once."`
	SkipBad       bool     `help:"Leave rows out that do not fit, and count them; otherwise one such row means that nothing is loaded."`
	IgnoreUnknown bool     `help:"Leave columns out that the group does not have."`
	Files         []string `arg:"" help:"CSV, JSONL or Parquet files by extension, .gz and .zst too." placeholder:"FILE" name:"file"`
	target
	format
}

func (loadCmd) Help() string {
	return `Rows are added and replace those of the same key, of which the newest event time wins.
Files are read and checked here; where one row is bad, nothing is loaded. Columns are found
by name: exactly, then without regard to case. A CSV file names its columns in the first
line; an empty cell is null, but for strings, where it is the empty string.

Examples:
  quiver load --store flights --group airports airports.csv
  quiver load --store flights --group routes --replace routes.csv.gz
  quiver load --store flights --group flight_events flights-3m.parquet --data ./data`
}

// loaded is the result of a load.
type loaded struct {
	engine.LoadResult
	Skipped    uint64  `json:"skipped"`
	Seconds    float64 `json:"seconds"`
	RowsPerSec float64 `json:"rowsPerSecond"`
}

// Run loads files.
func (c *loadCmd) Run(ctx context.Context, a *app) error {
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	l := &loading{
		client: cl, stderr: a.stderr, store: c.Store, group: c.Group, version: c.Version,
		replace: c.Replace, skipBad: c.SkipBad, ignoreUnknown: c.IgnoreUnknown,
	}
	res, err := l.run(ctx, c.Files)
	if err != nil {
		return err
	}
	t := newTable()
	t.foot = fmt.Sprintf("loaded %s rows into %s/%s in %.1f s (%s rows/s)", thousands(res.Rows), c.Store, c.Group, res.Seconds, thousands(uint64(res.RowsPerSec)))
	if res.Skipped > 0 {
		t.foot += fmt.Sprintf("\nskipped %s bad rows", thousands(res.Skipped))
	}
	if res.Stream {
		t.foot += fmt.Sprintf("\n%s has no key: rows are appended, and loading the same file again stores it twice; it holds %s rows now", c.Group, thousands(res.Total))
	}
	return a.results(c.Output).print(res, t)
}
