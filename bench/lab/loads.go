package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"quiver/bench"
	"quiver/bench/workload"
)

// LoadsConfig says how loads of files are measured.
type LoadsConfig struct {
	Program string // the product
	Rows    uint32 // of 20 columns; files of 5 have twice as many
	Read    uint32 // rows of the group that is read meanwhile
	Rate    float64
	Turns   int
	Idle    time.Duration // of a window of reads without a load
	// Profile is a folder for CPU profiles of the server, one a kind of load; "" writes none.
	Profile  string
	Progress func(done, total int, what string)
}

// loadConnections is how many the readers beside loads have.
const loadConnections = 8

// loadKind is a kind of load, and what was measured of it.
type loadKind struct {
	columns int // with the key
	form    string
	file    string
	rows    uint32
	first   []float64 // rows per second into a new group
	replace []float64 // and of the same group once more
	read    []float64 // rows per second while another group is read
	p99     []float64 // of these reads, microseconds
	idle    []float64 // without the load, in the same turn
	client  []float64 // CPU time of the command a row, of first
	server  []float64 // and of the server
	size    int64     // bytes of the file
}

func (k *loadKind) name() string { return fmt.Sprintf("%s of %d columns", k.form, k.columns) }

// group is a name for a turn's group.
func (k *loadKind) table(turn int, what string) *workload.Table {
	return &workload.Table{View: fmt.Sprintf("%s%d_%s_%d", k.form, k.columns, what, turn), Features: k.columns - 1, Groups: 1, Rows: k.rows, Seed: 5}
}

// MeasureLoads measures `quiver load` into a running server, alone and beside reads of
// another group.
func MeasureLoads(ctx context.Context, c LoadsConfig) (_ []Goal, err error) {
	dir, err := os.MkdirTemp("", "quiver-bench-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a folder for the data: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	read := &workload.Table{View: "v20", Features: 20, Groups: 1, Rows: c.Read, Seed: 1}
	definitions := read.Definitions()
	var kinds []*loadKind
	for _, columns := range []int{5, 20} {
		for _, form := range []string{formParquet, formCSV} {
			k := &loadKind{columns: columns, form: form, rows: c.Rows, file: filepath.Join(dir, fmt.Sprintf("%d.%s", columns, form))}
			if columns == 5 {
				k.rows *= 2
			}
			if err := writeRows(k.file, form, k.table(0, "")); err != nil {
				return nil, err
			}
			info, err := os.Stat(k.file)
			if err != nil {
				return nil, fmt.Errorf("cannot read a file to load: %w", err)
			}
			k.size = info.Size()
			for turn := range c.Turns {
				for _, what := range []string{"alone", "read"} {
					definitions = append(append(definitions, "---\n"...), k.table(turn, what).Definitions()...)
				}
			}
			kinds = append(kinds, k)
		}
	}
	p, err := startProduct(ctx, c.Program, filepath.Join(dir, "data"), nil, definitions)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	file := filepath.Join(dir, "read.parquet")
	if err := writeRows(file, formParquet, read); err != nil {
		return nil, err
	}
	if _, err := p.load(ctx, read.Group(0), file); err != nil {
		return nil, err
	}
	if err := p.readAll(ctx, read); err != nil {
		return nil, err
	}
	source, err := tableRequests(read, "", 0, workload.Uniform)
	if err != nil {
		return nil, err
	}
	m := &loadsMeasure{c: &c, p: p, source: source}
	for turn := range c.Turns {
		for _, k := range kinds {
			if c.Progress != nil {
				c.Progress(turn, c.Turns, k.name())
			}
			if err := m.turn(ctx, k, turn); err != nil {
				return nil, err
			}
		}
	}
	return m.goals(kinds), nil
}

// loadsMeasure is one MeasureLoads.
type loadsMeasure struct {
	c      *LoadsConfig
	p      *product
	source *workload.Requests
	next   uint64
	pace   bench.Pace
}

// turn loads one file into a new group, once more in its place, and into another new
// group while rows are read.
func (m *loadsMeasure) turn(ctx context.Context, k *loadKind, turn int) error {
	m.pace.Await(2 * time.Second)
	// Before the loads, not between them: what these leave to be dropped in the
	// background would count as idle.
	if err := m.idle(ctx, k); err != nil {
		return err
	}
	alone, beside := k.table(turn, "alone"), k.table(turn, "read")
	load := func(t *workload.Table, to *[]float64, more ...string) error {
		l, err := m.p.load(ctx, t.Group(0), k.file, more...)
		if err == nil && l.Rows != uint64(k.rows) {
			err = fmt.Errorf("%d rows were loaded, want %d", l.Rows, k.rows)
		}
		*to = append(*to, l.RowsPerSec)
		if to == &k.first {
			k.client, k.server = append(k.client, l.client), append(k.server, l.server)
		}
		return err
	}
	stop := func() error { return nil }
	if turn == 0 {
		stop = m.p.profile(ctx, m.c.Profile, fmt.Sprintf("load-%s-%d.prof", k.form, k.columns), 2*time.Second)
	}
	if err := errors.Join(load(alone, &k.first), stop()); err != nil {
		return err
	}
	if err := load(alone, &k.replace, "--replace"); err != nil {
		return err
	}
	r, err := m.reads(ctx, time.Minute, func() error { return load(beside, &k.read) })
	if err != nil {
		return err
	}
	k.p99 = append(k.p99, micros(r.Percentile(99)))
	// The rows are not needed any more, and the folder should not grow from turn to turn.
	for _, t := range []*workload.Table{alone, beside} {
		if err := errors.Join(m.check(ctx, t), m.remove(ctx, t)); err != nil {
			return err
		}
	}
	return nil
}

func (m *loadsMeasure) idle(ctx context.Context, k *loadKind) error {
	r, err := m.reads(ctx, m.c.Idle, func() error {
		time.Sleep(m.c.Idle)
		return nil
	})
	if err == nil {
		k.idle = append(k.idle, micros(r.Percentile(99)))
	}
	return err
}

// reads reads, for d at most, while f runs.
func (m *loadsMeasure) reads(ctx context.Context, d time.Duration, f func() error) (*bench.Result, error) {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	failed := make(chan error, 1)
	go func() {
		time.Sleep(lead) // the readers are there first
		err := f()
		stop()
		failed <- err
	}()
	r, err := bench.Run(reading, bench.Config{
		Name: "reads beside loads", Addr: m.p.addr, Source: m.source, Connections: loadConnections, Rate: m.c.Rate,
		WarmUp: lead, Duration: d, CheckEvery: 101, First: m.next,
	})
	if err = errors.Join(err, <-failed); err != nil {
		return nil, err
	}
	m.next += r.Requests + stride
	return r, wrong(r)
}

// check reads some of the rows that were loaded.
func (m *loadsMeasure) check(ctx context.Context, t *workload.Table) error {
	source, err := tableRequests(t, "", 0, workload.Uniform)
	if err != nil {
		return err
	}
	r, err := bench.Run(ctx, bench.Config{
		Name: t.View, Addr: m.p.addr, Source: source, Connections: 1, Duration: time.Minute, Requests: 50, CheckEvery: 1,
	})
	if err != nil {
		return err
	}
	return wrong(r)
}

func (m *loadsMeasure) remove(ctx context.Context, t *workload.Table) error {
	_, err := m.p.run(ctx, nil, "remove", "FeatureView", workload.Store+"/"+t.View)
	if err == nil {
		_, err = m.p.run(ctx, nil, "remove", "FeatureGroup", workload.Store+"/"+t.Group(0))
	}
	return err
}

func (m *loadsMeasure) goals(kinds []*loadKind) []Goal {
	var out []Goal
	for _, k := range kinds {
		mid := func(values []float64) float64 { return middle(slices.Clone(values)) }
		var tails []float64
		for i := range k.p99 {
			if k.idle[i] > 0 {
				tails = append(tails, k.p99[i]/k.idle[i])
			}
		}
		file := fmt.Sprintf("%d rows, a file of %.0f MB", k.rows, float64(k.size)/1e6)
		out = append(out, Goal{
			Name: fmt.Sprintf("load of %s: rows/s", k.name()), Want: 500_000, AtLeast: true, Value: mid(k.first),
			Raw: []string{
				fmt.Sprintf("%s; into a new group %s", file, list(k.first)),
				fmt.Sprintf("with --replace %s; into a new group beside reads %s", list(k.replace), list(k.read)),
				fmt.Sprintf("CPU time of a row: command %.2f us, server %.2f us; with %d cores to itself at most %.0f/s", mid(k.client), mid(k.server),
					runtime.NumCPU(), float64(runtime.NumCPU())*1e6/(mid(k.client)+mid(k.server))),
			},
		}, Goal{
			Name: fmt.Sprintf("load of %s: p99 of other reads by idle's", k.name()), Want: 2, Value: mid(tails),
			Raw: []string{fmt.Sprintf("at %.0f/s over %d connections: p99 %s with the load, %s without", m.c.Rate, loadConnections,
				bench.Short(us(mid(k.p99))), bench.Short(us(mid(k.idle))))},
		})
	}
	return out
}

// list writes all values and their median.
func list(values []float64) string {
	return fmt.Sprintf("%.0f/s (of %d, %.0f to %.0f)", middle(slices.Clone(values)), len(values), slices.Min(values), slices.Max(values))
}
