package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"quiver/bench"
	"quiver/bench/workload"
)

// MemoryConfig says how memory and the time to start are measured, with the caches that
// the product has by default.
type MemoryConfig struct {
	Program  string // the product
	Rows     uint32
	Starts   int
	Load     time.Duration // of each load run before memory is read
	Progress func(done, total int, what string)
}

// spare is what a server may need beside its caches.
const spare = 64 << 20

// MeasureMemory measures how long a server takes to start with its rows on disk, and how
// much memory it has after every row was read and under load.
func MeasureMemory(ctx context.Context, c MemoryConfig) (_ []Goal, err error) {
	table := &workload.Table{View: "v20", Features: 20, Groups: 1, Rows: c.Rows, Seed: 1}
	m := memoryMeasure{c: &c, table: table}
	if m.dir, err = os.MkdirTemp("", "quiver-bench-"); err != nil {
		return nil, fmt.Errorf("cannot make a folder for the data: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(m.dir)) }()
	if c.Progress != nil {
		c.Progress(0, 1, "memory and start")
	}
	if err := m.makeData(ctx); err != nil {
		return nil, err
	}
	start, err := m.starts(ctx)
	if err != nil {
		return nil, err
	}
	memory, err := m.memory(ctx)
	return []Goal{memory, start}, err
}

// memoryMeasure is one MeasureMemory.
type memoryMeasure struct {
	c     *MemoryConfig
	table *workload.Table
	dir   string
}

func (m *memoryMeasure) data() string { return filepath.Join(m.dir, "data") }

func (m *memoryMeasure) serve(ctx context.Context) (*product, error) {
	return startProduct(ctx, m.c.Program, m.data(), []string{"QUIVER_FENNEL_STORE=" + workload.Store}, nil)
}

// makeData loads the rows.
func (m *memoryMeasure) makeData(ctx context.Context) error {
	file := filepath.Join(m.dir, "rows.parquet")
	if err := writeRows(file, formParquet, m.table); err != nil {
		return err
	}
	p, err := startProduct(ctx, m.c.Program, m.data(), nil, append(m.table.Definitions(), m.table.Webhook()...))
	if err != nil {
		return err
	}
	_, err = p.load(ctx, m.table.Group(0), file)
	return errors.Join(err, p.stop())
}

// starts starts a server again and again: after it ended in its own time, and after it
// was killed with writes that are in its logs alone.
func (m *memoryMeasure) starts(ctx context.Context) (Goal, error) {
	clean, crashed := []float64{}, []float64{}
	start := func(to *[]float64, kill bool) error {
		p, err := m.serve(ctx)
		if err != nil {
			return err
		}
		took, err := p.ready(ctx)
		*to = append(*to, took.Seconds())
		if err == nil && kill {
			err = m.write(ctx, p)
		}
		if kill {
			p.kill()
			return err
		}
		return errors.Join(err, p.stop())
	}
	for range m.c.Starts {
		if err := errors.Join(start(&clean, true), start(&crashed, false)); err != nil {
			return Goal{}, err
		}
	}
	longest := slices.Max(crashed)
	return Goal{
		Name: fmt.Sprintf("start to ready with %d rows: seconds", m.c.Rows), Want: 1, Value: middle(clean),
		Raw: []string{
			fmt.Sprintf("of %d starts %.3f to %.3f s; the files were in the page cache", len(clean), clean[0], clean[len(clean)-1]),
			fmt.Sprintf("after it was killed with %d rows written: median %.3f s, at most %.3f s", crashRows, middle(crashed), longest),
		},
	}, nil
}

// crashRows is how many rows are in the logs when a server is killed.
const crashRows = 20_000

// write upserts rows.
func (m *memoryMeasure) write(ctx context.Context, p *product) error {
	order, err := workload.NewOrder(workload.Uniform, m.table.Rows, 0, 2)
	if err != nil {
		return err
	}
	const rows = 100
	u, err := workload.NewUpserts(m.table, order, "127.0.0.1", rows)
	if err != nil {
		return err
	}
	r, err := bench.Run(ctx, bench.Config{Name: "log", Addr: p.addr, Source: u, Connections: 2, Duration: time.Minute, Requests: crashRows / rows, CheckEvery: 1})
	if err != nil {
		return err
	}
	return wrong(r)
}

// memory reads every row, loads the server, and reads its memory.
func (m *memoryMeasure) memory(ctx context.Context) (_ Goal, err error) {
	caches, err := m.caches(ctx)
	if err != nil {
		return Goal{}, err
	}
	p, err := m.serve(ctx)
	if err != nil {
		return Goal{}, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	began, _, err := p.resident()
	if err != nil {
		return Goal{}, err
	}
	if err := p.readAll(ctx, m.table); err != nil {
		return Goal{}, err
	}
	read, _, err := p.resident()
	if err != nil {
		return Goal{}, err
	}
	for _, batch := range []int{0, 100} {
		source, err := tableRequests(m.table, "", batch, workload.Uniform)
		if err != nil {
			return Goal{}, err
		}
		r, err := bench.Run(ctx, bench.Config{Name: "load", Addr: p.addr, Source: source, Connections: 64, Duration: m.c.Load, CheckEvery: 101})
		if err != nil {
			return Goal{}, err
		}
		if err := wrong(r); err != nil {
			return Goal{}, err
		}
	}
	now, most, err := p.resident()
	if err != nil {
		return Goal{}, err
	}
	if err := m.write(ctx, p); err != nil {
		return Goal{}, err
	}
	written, afterWrites, err := p.resident()
	if err != nil {
		return Goal{}, err
	}
	mib := func(n int64) float64 { return float64(n) / (1 << 20) }
	return Goal{
		Name: fmt.Sprintf("memory with %d rows by caches and 64 MiB", m.c.Rows), Want: 1.3, Value: float64(most) / float64(caches+spare),
		Raw: []string{
			fmt.Sprintf("caches of %.0f MiB, as configured by default; resident at most %.0f MiB", mib(caches), mib(most)),
			fmt.Sprintf("at the start %.0f MiB, with every row read %.0f MiB, after single vectors and batches over 64 connections %.0f MiB", mib(began), mib(read), mib(now)),
			fmt.Sprintf("after %d upserts besides %.0f MiB, at most %.0f MiB", crashRows, mib(written), mib(afterWrites)),
		},
	}, nil
}

// caches is the bytes of both caches as the product is configured.
func (m *memoryMeasure) caches(ctx context.Context) (int64, error) {
	var settings []struct{ Key, Value string }
	if err := printConfig(ctx, m.c.Program, &settings); err != nil {
		return 0, err
	}
	total, found := int64(0), 0
	for _, s := range settings {
		if s.Key != "storage.cache" && s.Key != "storage.rowCache" {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSuffix(s.Value, "MiB"), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("%s is %q, want MiB", s.Key, s.Value)
		}
		total, found = total+n<<20, found+1
	}
	if found != 2 {
		return 0, errors.New("the product does not say how large its caches are")
	}
	return total, nil
}
