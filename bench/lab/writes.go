package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"quiver/bench"
	"quiver/bench/workload"
)

// WritesConfig says how reads beside writes are measured.
type WritesConfig struct {
	Program     string // the product
	Rows        uint32
	Calls       int // of the Fennel API's log, per second
	RowsPerCall int
	Connections int // of readers; writers have two
	Turns       int
	Window      time.Duration // of each closed and each open loop
	Sustained   time.Duration // of the one long window at the end, which flushes and compactions are in
	Again       int           // see Grid
	Profile     string        // a folder for CPU profiles of the servers in the long window; "" writes none
	Progress    func(done, total int, what string)
}

const (
	// load of the open loops, as a part of the greatest rate without writes: with them
	// the greatest rate may be three quarters, and 70 % would be too near to that.
	writesShare = 0.5
	// lead is for how long writes go on before anything is measured beside them.
	lead = 150 * time.Millisecond
)

// written is one server and what was measured of it.
type written struct {
	target         Target
	p              *product
	upserts        bench.Source
	next           uint64 // number of the next call
	fresh          *bench.Result
	quiet, writing loops
	long           [2]*bench.Result // open loops of the sustained windows, quiet and writing
	longCalls      *bench.Result
	unread         *bench.Result // calls while nobody reads
	calls          []*bench.Result
}

// loops are the results of all turns.
type loops struct{ closed, open []*bench.Result }

// MeasureWrites measures single vectors with and without upserts beside them.
func MeasureWrites(ctx context.Context, c WritesConfig) (_ []Goal, err error) {
	table := &workload.Table{View: "v20", Features: 20, Groups: 1, Rows: c.Rows, Seed: 1}
	shape := &Shape{Name: "Single20", Table: table}
	m := writesMeasure{c: &c, l: newLab(), shape: shape, again: c.Again}
	if m.l.dir, err = os.MkdirTemp("", "quiver-bench-"); err != nil {
		return nil, fmt.Errorf("cannot make a folder for the data: %w", err)
	}
	defer func() { err = errors.Join(err, m.l.Close()) }()
	file := filepath.Join(m.l.dir, "rows.parquet")
	if err := writeRows(file, formParquet, table); err != nil {
		return nil, err
	}
	var servers []*written
	for _, t := range []Target{Cached, Plain} {
		s, err := m.start(ctx, t, file)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, s.p.stop()) }()
		servers = append(servers, s)
	}
	for turn := range c.Turns {
		if c.Progress != nil {
			c.Progress(turn, c.Turns, "writes")
		}
		for _, s := range servers {
			if err := m.turn(ctx, s, turn); err != nil {
				return nil, err
			}
		}
	}
	var out []Goal
	for _, s := range servers {
		if c.Progress != nil {
			c.Progress(c.Turns, c.Turns, fmt.Sprintf("writes for %s", 2*c.Sustained))
		}
		if err := m.sustain(ctx, s); err != nil {
			return nil, err
		}
		out = append(out, m.goals(s)...)
	}
	return out, nil
}

// writesMeasure is one MeasureWrites.
type writesMeasure struct {
	c     *WritesConfig
	l     *Lab
	shape *Shape
	again int
}

// start starts a server that holds all rows in the cache that it is about.
func (m *writesMeasure) start(ctx context.Context, t Target, file string) (_ *written, err error) {
	table := m.shape.Table
	s := &written{target: t}
	settings := []string{"QUIVER_FENNEL_STORE=" + workload.Store, "QUIVER_STORAGE_CACHE=1GiB", "QUIVER_STORAGE_ROW_CACHE=0"}
	if t == Cached {
		settings[2] = "QUIVER_STORAGE_ROW_CACHE=1GiB"
	}
	definitions := append(table.Definitions(), table.Webhook()...)
	if s.p, err = startProduct(ctx, m.c.Program, filepath.Join(m.l.dir, string(t)), settings, definitions); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			s.p.kill()
		}
	}()
	if _, err := s.p.load(ctx, table.Group(0), file); err != nil {
		return nil, err
	}
	if err := s.p.readAll(ctx, table); err != nil {
		return nil, err
	}
	source, err := tableRequests(table, "", 0, workload.Uniform)
	if err != nil {
		return nil, err
	}
	m.l.guests[t] = guest{s.p.addr, s.p.meter()}
	m.l.sources[sourceKey{m.shape.Name, t}] = source
	order, err := workload.NewOrder(workload.Uniform, table.Rows, 0, 2)
	if err != nil {
		return nil, err
	}
	if s.upserts, err = workload.NewUpserts(table, order, "127.0.0.1", m.c.RowsPerCall); err != nil {
		return nil, err
	}
	// Before the first write, and for the rate of the first open loops.
	s.fresh, err = m.read(ctx, s, 0, m.c.Window)
	return s, err
}

// read measures reads for a time, in a closed loop at rate 0.
func (m *writesMeasure) read(ctx context.Context, s *written, rate float64, d time.Duration) (*bench.Result, error) {
	return m.l.measure(ctx, s.target, m.shape, Load{Connections: m.c.Connections, Rate: rate, WarmUp: d / 10, Duration: d}, &m.again)
}

// rate is that of the open loops.
func (m *writesMeasure) rate(s *written) float64 {
	peak := s.fresh.PerSecond()
	if len(s.quiet.closed) > 0 {
		peak = median(s.quiet.closed, (*bench.Result).PerSecond)
	}
	return max(writesShare*peak, 1)
}

// turn measures a server with and without writes, each first in every other turn.
func (m *writesMeasure) turn(ctx context.Context, s *written, turn int) error {
	both := func(l *loops) error {
		r, err := m.read(ctx, s, 0, m.c.Window)
		if err != nil {
			return err
		}
		l.closed = append(l.closed, r)
		if r, err = m.read(ctx, s, m.rate(s), m.c.Window); err != nil {
			return err
		}
		l.open = append(l.open, r)
		return nil
	}
	quiet := func() error { return both(&s.quiet) }
	writing := func() error {
		calls, err := m.beside(ctx, s, func() error { return both(&s.writing) })
		s.calls = append(s.calls, calls)
		time.Sleep(lead) // for what the writes left behind
		return err
	}
	if turn%2 == 0 {
		return errors.Join(quiet(), writing())
	}
	return errors.Join(writing(), quiet())
}

// beside calls f while rows are written, and returns what the writer measured.
func (m *writesMeasure) beside(ctx context.Context, s *written, f func() error) (*bench.Result, error) {
	writes, stop := context.WithCancel(ctx)
	defer stop()
	type outcome struct {
		r   *bench.Result
		err error
	}
	ended := make(chan outcome, 1)
	go func() {
		r, err := bench.Run(writes, bench.Config{
			Name: "log", Addr: s.p.addr, Source: s.upserts, Connections: 2, Rate: float64(m.c.Calls), Duration: 10 * time.Minute,
			CheckEvery: 1, First: s.next, Meter: s.p.meter(),
		})
		ended <- outcome{r, err}
	}()
	time.Sleep(lead)
	err := f()
	stop()
	o := <-ended
	if err = errors.Join(err, o.err); err != nil {
		return nil, err
	}
	s.next += o.r.Requests + stride
	return o.r, wrong(o.r)
}

// sustain measures open loops over a long time, first without writes and then with them.
// Before that it measures writes that nobody reads beside, whose CPU time is theirs alone.
func (m *writesMeasure) sustain(ctx context.Context, s *written) (err error) {
	if s.unread, err = m.beside(ctx, s, func() error {
		time.Sleep(4 * m.c.Window)
		return nil
	}); err != nil {
		return err
	}
	// Once only: it may not wait for the machine to be at its full speed.
	long := func(d time.Duration) (*bench.Result, error) {
		return m.l.Run(ctx, s.target, m.shape, Load{Connections: m.c.Connections, Rate: m.rate(s), WarmUp: m.c.Window / 10, Duration: d})
	}
	if s.long[0], err = long(m.c.Sustained / 2); err != nil {
		return err
	}
	s.longCalls, err = m.beside(ctx, s, func() error {
		stop := s.p.profile(ctx, m.c.Profile, fmt.Sprintf("writes-%s.prof", s.target), m.c.Sustained)
		s.long[1], err = long(m.c.Sustained)
		return errors.Join(err, stop())
	})
	return err
}

// goals says what a server's figures say.
func (m *writesMeasure) goals(s *written) []Goal {
	perSecond := (*bench.Result).PerSecond
	p99 := func(r *bench.Result) float64 { return micros(r.Percentile(99)) }
	ratios := func(of, by []*bench.Result, f func(r *bench.Result) float64) []float64 {
		var out []float64
		for i := range of {
			if x := f(by[i]); x > 0 {
				out = append(out, f(of[i])/x)
			}
		}
		return out
	}
	sure := func(values []float64) (float64, string) {
		mid, low, high := spread(values)
		return mid, fmt.Sprintf("ratio in a turn: median %.2f of %d, with 95 %% certainty %.2f to %.2f", mid, len(values), low, high)
	}
	each := fmt.Sprintf("%d upserts/s beside reads, %s", m.c.Calls*m.c.RowsPerCall, s.target)
	rate, rateSure := sure(ratios(s.writing.closed, s.quiet.closed, perSecond))
	tail, tailSure := sure(ratios(s.writing.open, s.quiet.open, p99))
	quiet, writing := together(s.quiet.open), together(s.writing.open)
	calls := together(s.calls)
	cores := func(d time.Duration) float64 { return d.Seconds() / s.unread.Elapsed.Seconds() }
	writers := fmt.Sprintf("written: %.0f rows/s as %d calls/s of /api/v1/log with %d rows, each answered when synced: p50 %s, p99 %s",
		median(s.calls, perSecond)*float64(m.c.RowsPerCall), m.c.Calls, m.c.RowsPerCall, at(calls, 50), at(calls, 99))
	used := fmt.Sprintf("CPU of writes that nobody reads beside: server %.2f cores (%.0f us a row), client %.2f cores", cores(s.unread.Server.CPU),
		micros(s.unread.ServerCPU())/float64(m.c.RowsPerCall), cores(s.unread.Client))
	long := fmt.Sprintf("one window of %s: p99 %s with %.0f rows/s, %s without in half the time; p99.9 %s and %s", m.c.Sustained,
		bench.Short(s.long[1].Percentile(99)), s.longCalls.PerSecond()*float64(m.c.RowsPerCall), bench.Short(s.long[0].Percentile(99)),
		bench.Short(s.long[1].Percentile(99.9)), bench.Short(s.long[0].Percentile(99.9)))
	return []Goal{
		{Name: each + ": rate by idle's", Want: 0.75, AtLeast: true, Value: rate, Raw: []string{
			fmt.Sprintf("closed loop over %d connections: %.0f/s with writes, %.0f/s between them, %.0f/s before the first", m.c.Connections,
				median(s.writing.closed, perSecond), median(s.quiet.closed, perSecond), s.fresh.PerSecond()),
			rateSure, writers, used,
			fmt.Sprintf("others took %.0f %% of the machine, readers %.2f cores", 100*median(s.quiet.closed, func(r *bench.Result) float64 { return r.Foreign }),
				median(s.quiet.closed, func(r *bench.Result) float64 { return r.Client.Seconds() / r.Elapsed.Seconds() })),
		}},
		{Name: each + ": p99 by idle's", Want: 2, Value: tail, Raw: []string{
			fmt.Sprintf("open loop at %.0f/s: p50 %s, p99 %s with writes; %s, %s between them", median(s.quiet.open, func(r *bench.Result) float64 { return r.Rate }),
				bench.Short(us(median(s.writing.open, p50))), bench.Short(us(median(s.writing.open, p99))),
				bench.Short(us(median(s.quiet.open, p50))), bench.Short(us(median(s.quiet.open, p99)))),
			tailSure,
			fmt.Sprintf("all windows together: p99 %s and %s, p99.9 %s and %s", at(writing, 99), at(quiet, 99), at(writing, 99.9), at(quiet, 99.9)),
			long,
			fmt.Sprintf("closed loop: p99 %s with writes, %s between them", bench.Short(us(median(s.writing.closed, p99))), bench.Short(us(median(s.quiet.closed, p99)))),
		}},
	}
}

func p50(r *bench.Result) float64 { return micros(r.Percentile(50)) }

// us makes a duration of microseconds.
func us(micros float64) time.Duration { return time.Duration(micros * 1e3) }

// together is the latencies of all results; nil of none.
func together(results []*bench.Result) *hdrhistogram.Histogram {
	var all *hdrhistogram.Histogram
	for _, r := range results {
		if all == nil {
			all = hdrhistogram.Import(r.Latency.Export())
		} else {
			all.Merge(r.Latency)
		}
	}
	return all
}

// at writes a percentile.
func at(h *hdrhistogram.Histogram, p float64) string {
	if h == nil {
		return "-"
	}
	return bench.Short(time.Duration(h.ValueAtQuantile(p)))
}
