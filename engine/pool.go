package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panjf2000/ants/v2"

	"quiver/engine/fail"
)

// PoolMode says where reads run.
type PoolMode string

// The modes of Options.Pool.Points.
const (
	PoolAuto   PoolMode = "auto"   // inline while a worker's worth of room is free, pooled beyond
	PoolInline PoolMode = "inline" // always on the caller's goroutine, unbounded
	PoolPooled PoolMode = "pooled" // always through the pool
)

// PoolOptions bounds how many reads run at once.
type PoolOptions struct {
	Points  PoolMode
	Workers int           // reads running at once; 0 = 4 per core
	Queue   int           // reads waiting beyond that; more are refused. 0 = 32 per worker
	MaxWait time.Duration // a read that waited longer is refused unstarted; 0 = 1s
}

// readPool is the one bounded pool every read passes. A pooled read costs a hand-over
// (about 0.7 us measured, half of a cached point read), so reads run inline on the
// connection's goroutine as long as fewer than Workers are running.
type readPool struct {
	mode    PoolMode
	workers int64
	maxWait time.Duration
	running atomic.Int64 // inline reads under way
	ants    *ants.PoolWithFuncGeneric[*readJob]
	jobs    sync.Pool

	Refused atomic.Uint64 // reads answered Overloaded
	Pooled  atomic.Uint64 // reads that went through the pool
}

type readJob struct {
	ctx    context.Context
	engine *Engine
	v      *Vectors
	queued time.Time
	err    error
	done   chan struct{} // capacity 1, reused
}

func newReadPool(o PoolOptions) (*readPool, error) {
	if o.Workers <= 0 {
		o.Workers = 4 * runtime.GOMAXPROCS(0)
	}
	if o.Queue <= 0 {
		o.Queue = 32 * o.Workers
	}
	if o.MaxWait <= 0 {
		o.MaxWait = time.Second
	}
	switch o.Points {
	case "":
		o.Points = PoolAuto
	case PoolAuto, PoolInline, PoolPooled:
	default:
		return nil, fmt.Errorf("pool.points is %q; use auto, inline or pooled", o.Points)
	}
	p := &readPool{mode: o.Points, workers: int64(o.Workers), maxWait: o.MaxWait}
	p.jobs.New = func() any { return &readJob{done: make(chan struct{}, 1)} }
	var err error
	p.ants, err = ants.NewPoolWithFuncGeneric(o.Workers, p.work, ants.WithMaxBlockingTasks(o.Queue))
	if err != nil {
		return nil, fmt.Errorf("cannot make the read pool: %w", err)
	}
	return p, nil
}

// run reads v inline or through the pool and waits for it.
func (p *readPool) run(ctx context.Context, e *Engine, v *Vectors) error {
	switch {
	case p.mode == PoolInline:
		return e.read(ctx, v)
	case p.mode == PoolAuto && p.running.Add(1) <= p.workers:
		defer p.running.Add(-1)
		return e.read(ctx, v)
	case p.mode == PoolAuto:
		p.running.Add(-1)
	}
	return p.queue(ctx, e, v)
}

func (p *readPool) queue(ctx context.Context, e *Engine, v *Vectors) error {
	job := p.jobs.Get().(*readJob)
	job.ctx, job.engine, job.v, job.queued = ctx, e, v, time.Now()
	if err := p.ants.Invoke(job); err != nil {
		p.release(job)
		p.Refused.Add(1)
		return fail.Wrap(fail.Overloaded, err, "Too many requests; try again later.")
	}
	p.Pooled.Add(1)
	// The job is always waited for: it writes into v, which the caller owns.
	<-job.done
	err := job.err
	p.release(job)
	return err
}

func (p *readPool) release(job *readJob) {
	job.ctx, job.engine, job.v, job.err = nil, nil, nil, nil
	p.jobs.Put(job)
}

// work is what a pool worker does with one job. A panic must not leave the caller
// waiting, so it becomes the job's error.
func (p *readPool) work(job *readJob) {
	defer func() {
		if r := recover(); r != nil {
			job.err = fail.Wrap(fail.Internal, fmt.Errorf("panic in a pooled read: %v", r), "Internal error.")
		}
		job.done <- struct{}{}
		// Give the goroutine that waits a turn before the next job: without this
		// finished answers queue behind new work under overload.
		runtime.Gosched()
	}()
	if time.Since(job.queued) > p.maxWait {
		p.Refused.Add(1)
		job.err = fail.Errorf(fail.Overloaded, "Too many requests; try again later.")
		return
	}
	job.err = job.engine.read(job.ctx, job.v)
}

func (p *readPool) close() { p.ants.Release() }
