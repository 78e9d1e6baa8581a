package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"quiver/bench/lab"
)

// guard compares what the product costs with what was recorded.
func guard(ctx context.Context, flags *flag.FlagSet, args []string) (err error) {
	file := flags.String("file", "bench/guard.json", "the recorded costs")
	update := flags.Bool("update", false, "record what is measured instead of comparing")
	if err := flags.Parse(args); err != nil {
		return err
	}
	g, err := lab.ReadGuard(*file)
	if err != nil {
		return err
	}
	shapes := lab.Shapes(lab.Size{Rows: 200_000, Wide: 1000})
	shapes = []lab.Shape{shapes[0], shapes[2], shapes[4]}
	l, err := lab.Start(ctx, lab.Config{Shapes: shapes, Seed: 1})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	c := lab.GuardConfig{Least: 2, Most: 10, Time: 500 * time.Millisecond, Slack: 1, Tails: true, Log: func(text string) {
		fmt.Fprintln(os.Stderr, "bench:", text)
	}}
	if *update {
		c.Most = 6
		next, err := l.Record(ctx, g, shapes, c)
		if err != nil {
			return err
		}
		next.Machine = machine()
		return next.Write(*file)
	}
	bad, err := l.Guard(ctx, g, shapes, c)
	if err != nil {
		return err
	}
	if len(bad) > 0 {
		return fmt.Errorf("the product costs more than recorded in %s:\n  %s\nIf that is meant, record it: make bench-guard UPDATE=1", *file, strings.Join(bad, "\n  "))
	}
	fmt.Println("nothing costs more than recorded")
	return nil
}

// machine describes this one in a few words.
func machine() string {
	name := runtime.GOARCH
	if b, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if v, ok := strings.CutPrefix(line, "model name"); ok {
				name = strings.TrimSpace(strings.TrimLeft(v, "\t :"))
				break
			}
		}
	}
	return fmt.Sprintf("%s, %d cores, %s", name, runtime.NumCPU(), runtime.Version())
}
