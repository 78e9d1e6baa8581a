package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"quiver/bench"
	"quiver/bench/workload"
)

// Target is a kind of server under test.
type Target string

// The targets; see the package comment.
const (
	Ceiling Target = "ceiling"
	NetHTTP Target = "net/http"
	Naive   Target = "naive"
	Plain   Target = "quiver"
	Cached  Target = "cached"
)

// Shape is a kind of request.
type Shape struct {
	Name  string // in reports
	Table *workload.Table
	Batch int // entries of one request; 0 is a single vector
	// Distribution is how often each key is asked for, and Misses the share of
	// requested keys that have no row; by default uniform and none.
	Distribution workload.Distribution
	Misses       float64
	// Targets are those a grid measures with this shape; nil is all of the grid's.
	Targets []Target
}

// Vectors is the number of vectors in one answer.
func (s *Shape) Vectors() int { return max(s.Batch, 1) }

// Config is what a lab has.
type Config struct {
	Shapes     []Shape
	BlockCache int64 // bytes; 1 GiB
	RowCache   int64 // bytes; 1 GiB; negative leaves the cached server out
	Seed       uint64
}

// Lab is a set of running servers and the requests for them. Use it from one goroutine.
type Lab struct {
	dir     string
	store   *child
	ceiling *child
	sources map[sourceKey]bench.Source
	guests  map[Target]guest
	next    uint64 // number of the next run's first request
	pace    bench.Pace
}

// stride is how far the requests of two runs are apart: without it every run would
// read the same keys, and find them in the processor's caches.
const stride = 1<<18 + 1

// guest is a server that somebody else started.
type guest struct {
	addr  string
	meter bench.Meter
}

type sourceKey struct {
	shape  string
	target Target
}

// Start makes the tables of all shapes and starts every server. Close the lab when it
// is no longer needed.
func Start(ctx context.Context, c Config) (_ *Lab, err error) {
	if c.BlockCache == 0 {
		c.BlockCache = 1 << 30
	}
	if c.RowCache == 0 {
		c.RowCache = 1 << 30
	}
	l := newLab()
	if l.dir, err = os.MkdirTemp("", "quiver-bench-"); err != nil {
		return nil, fmt.Errorf("cannot make a folder for the data: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	l.store, err = startChild(ctx, childConfig{Store: &storeConfig{
		Dir: l.dir, Tables: Tables(c.Shapes), BlockCache: c.BlockCache, RowCache: max(c.RowCache, 0),
	}})
	if err != nil {
		return nil, err
	}
	var sizes []int
	for i := range c.Shapes {
		size, err := l.prepare(&c.Shapes[i], c.Seed)
		if err != nil {
			return nil, err
		}
		sizes = append(sizes, size)
	}
	l.ceiling, err = startChild(ctx, childConfig{Ceiling: &ceilingConfig{Sizes: sizes}})
	return l, err
}

func newLab() *Lab {
	return &Lab{sources: map[sourceKey]bench.Source{}, guests: map[Target]guest{}}
}

// tableRequests are requests for the vectors of a table, whose answers are known.
func tableRequests(t *workload.Table, apiKey string, batch int, d workload.Distribution) (*workload.Requests, error) {
	keys, err := workload.Range(workload.Key, 0, int64(t.Rows)-1)
	if err != nil {
		return nil, err
	}
	order, err := workload.NewOrder(d, t.Rows, 0, t.Seed)
	if err != nil {
		return nil, err
	}
	return workload.NewRequests(workload.Options{
		Host: "127.0.0.1", APIKey: apiKey, Store: workload.Store, View: t.View, Version: 1, Batch: batch, Keys: keys, Order: order, Table: t,
	})
}

// Tables returns each table of some shapes once.
func Tables(shapes []Shape) []*workload.Table {
	var out []*workload.Table
	seen := map[string]bool{}
	for i := range shapes {
		if t := shapes[i].Table; !seen[t.View] {
			seen[t.View] = true
			out = append(out, t)
		}
	}
	return out
}

// prepare makes the requests of a shape for every target. They are the same but for
// the path, which tells the ceiling how much to answer: as much as the product does on
// average.
func (l *Lab) prepare(s *Shape, seed uint64) (size int, err error) {
	keys, err := workload.Range(workload.Key, 0, int64(s.Table.Rows)-1)
	if err != nil {
		return 0, err
	}
	order, err := workload.NewOrder(cmp.Or(s.Distribution, workload.Uniform), s.Table.Rows, s.Misses, seed)
	if err != nil {
		return 0, err
	}
	o := workload.Options{
		Host: "127.0.0.1", APIKey: l.store.hello.APIKey, Store: workload.Store, View: s.Table.View, Version: 1,
		Batch: s.Batch, Keys: keys, Order: order, Missing: s.Misses > 0,
	}
	add := func(targets ...Target) (*workload.Requests, error) {
		r, err := workload.NewRequests(o)
		for _, t := range targets {
			l.sources[sourceKey{s.Name, t}] = r
		}
		return r, err
	}
	if _, err = add(Naive); err != nil {
		return 0, err
	}
	o.Table = s.Table
	r, err := add(Plain, Cached)
	if err != nil {
		return 0, err
	}
	const samples = 64
	for i := range uint64(samples) {
		size += len(r.Answer(i)) / samples
	}
	o.Table, o.Path = nil, ceilingPath(size)
	_, err = add(Ceiling, NetHTTP)
	return size, err
}

// Join takes in another server that answers the same requests with the same answers as
// the product, for some of the lab's shapes. meter reads what it has used.
func (l *Lab) Join(t Target, addr string, meter bench.Meter, shapes []Shape) {
	l.guests[t] = guest{addr, meter}
	for _, s := range shapes {
		l.sources[sourceKey{s.Name, t}] = l.sources[sourceKey{s.Name, Plain}]
	}
}

// child returns the process that a target runs in, nil for a guest.
func (l *Lab) child(t Target) *child {
	switch t {
	case Ceiling, NetHTTP:
		return l.ceiling
	case Naive, Plain, Cached, ONNX, Trees, ONNXShapley, TreesShapley, ONNXBare, TreesBare:
		return l.store
	default:
		return nil
	}
}

// Load is how a shape is asked for.
type Load struct {
	Connections int
	Rate        float64 // 0 is a closed loop
	WarmUp      time.Duration
	Duration    time.Duration
	Requests    uint64 // ends it earlier, see bench.Config
}

// Run measures one target with one shape. One of a hundred answers of the product is
// compared with the right one. An answer that is wrong or an error is an error.
func (l *Lab) Run(ctx context.Context, t Target, s *Shape, load Load) (*bench.Result, error) {
	source := l.sources[sourceKey{s.Name, t}]
	server := l.guests[t]
	if ch := l.child(t); ch != nil {
		server = guest{ch.hello.Addresses[t], ch.usage}
		if _, err := ch.tell(order{Do: "settle"}); err != nil {
			return nil, err
		}
	}
	if source == nil || server.addr == "" {
		return nil, fmt.Errorf("the lab has no %s for %s", t, s.Name)
	}
	c := bench.Config{
		Name: s.Name + " " + string(t), Addr: server.addr, Source: source,
		Connections: load.Connections, Rate: load.Rate, WarmUp: load.WarmUp, Duration: load.Duration, Requests: load.Requests,
		Meter: server.meter, First: l.next,
	}
	l.next += stride
	if t != Ceiling && t != NetHTTP && t != ONNXBare && t != TreesBare {
		c.CheckEvery = 101
	}
	r, err := bench.Run(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("cannot measure %s: %w", c.Name, err)
	}
	if err := wrong(r); err != nil {
		return nil, err
	}
	return r, nil
}

// wrong returns an error when requests failed or were answered wrongly.
func wrong(r *bench.Result) error {
	if r.Errors.Total() == 0 {
		return nil
	}
	for _, text := range r.Errors.First {
		if text != "" {
			return fmt.Errorf("%s gave wrong answers: %s; the first: %s", r.Name, &r.Errors, text)
		}
	}
	return fmt.Errorf("%s gave wrong answers: %s", r.Name, &r.Errors)
}

// Profile measures as Run does and writes a CPU profile of the server to path.
func (l *Lab) Profile(ctx context.Context, t Target, s *Shape, load Load, path string) (*bench.Result, error) {
	ch := l.child(t)
	if ch == nil {
		return nil, fmt.Errorf("%s cannot be profiled", t)
	}
	if _, err := ch.tell(order{Do: "profile", Path: path}); err != nil {
		return nil, err
	}
	r, err := l.Run(ctx, t, s, load)
	if _, err2 := ch.tell(order{Do: "stopProfile"}); err2 != nil {
		return nil, errors.Join(err, err2)
	}
	return r, err
}

// Close stops the servers and removes their data.
func (l *Lab) Close() error {
	var err error
	for _, ch := range []*child{l.store, l.ceiling} {
		if ch != nil {
			err = errors.Join(err, ch.close())
		}
	}
	return errors.Join(err, os.RemoveAll(l.dir)) // nothing without a folder
}
