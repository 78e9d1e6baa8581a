package bench

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Run connects, generates the load that c describes and returns what it measured. The
// error is about the run as a whole (nothing listens at Addr, a bad Config); requests
// that fail are counted in the Result. When ctx ends, the run ends early and what was
// measured so far is returned.
func Run(ctx context.Context, c Config) (*Result, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	r := &run{c: &c, epoch: time.Now(), ready: make(chan error, c.Threads), done: make(chan error, c.Threads), begin: make(chan int64)}
	for i := range c.Threads {
		w, err := r.worker(i)
		if err != nil {
			return nil, err
		}
		r.workers = append(r.workers, w)
	}
	for _, w := range r.workers {
		go r.thread(w)
	}
	return r.wait(ctx)
}

// run is one Run.
type run struct {
	c       *Config
	epoch   time.Time
	workers []*worker
	stop    atomic.Bool

	ready chan error // of each worker: connected or not
	begin chan int64 // start of the load, once per worker; closed to give up
	done  chan error // of each worker that was begun
}

func (r *run) worker(i int) (*worker, error) {
	t, err := resolve(r.c.Addr)
	if err != nil {
		return nil, err
	}
	n := r.c.Connections / r.c.Threads
	if i < r.c.Connections%r.c.Threads {
		n++
	}
	w := &worker{c: r.c, target: t, index: i, stop: &r.stop, epoch: r.epoch, conns: make([]conn, n)}
	w.left = math.MaxUint64
	if r.c.Requests > 0 {
		threads := uint64(r.c.Threads)
		w.left = (r.c.Requests + threads - 1 - uint64(i)) / threads
	}
	for k := range w.conns {
		w.conns[k].slot = uint64(k)
	}
	w.result = Result{Latency: newHistogram(), Service: newHistogram()}
	return w, nil
}

// thread is the life of one worker.
func (r *run) thread(w *worker) {
	// The thread's timer slack is changed, so it is not given back: a goroutine
	// that ends locked ends its thread.
	runtime.LockOSThread()
	// Without this the kernel lets timers of ppoll come 50 us late.
	_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	var err error
	if w.poll, err = newPoller(); err == nil {
		defer w.poll.close()
		err = w.openAll()
	}
	r.ready <- err
	start, ok := <-r.begin
	if err != nil || !ok {
		w.closeAll()
		return
	}
	w.setTimes(start)
	r.done <- w.run()
}

func (w *worker) closeAll() {
	for i := range w.conns {
		w.conns[i].close(0)
	}
}

func (w *worker) setTimes(start int64) {
	w.start = start
	w.from = start + int64(w.c.WarmUp)
	w.end = w.from + int64(w.c.Duration)
	if w.c.Rate > 0 {
		all := float64(time.Second) / w.c.Rate
		w.slots = schedule{
			first:    start + int64(float64(w.index)*all),
			interval: all * float64(w.c.Threads),
		}
	}
}

// wait sees the run through and puts its result together.
func (r *run) wait(ctx context.Context) (*Result, error) {
	var failed error
	for range r.workers {
		if err := <-r.ready; err != nil && failed == nil {
			failed = err
		}
	}
	if failed != nil {
		close(r.begin)
		return nil, failed
	}
	start := int64(time.Since(r.epoch))
	for range r.workers {
		r.begin <- start
	}
	defer context.AfterFunc(ctx, func() { r.stop.Store(true) })()

	ended := make(chan error, 1)
	go func() { ended <- r.join() }()
	begin := r.epoch.Add(time.Duration(start) + r.c.WarmUp)
	joined := r.sleep(ended, begin)
	from, err := takeSnapshot(r.c.Meter)
	if !joined {
		joined = r.sleep(ended, begin.Add(r.c.Duration))
	}
	to, err2 := takeSnapshot(r.c.Meter)
	if !joined {
		r.sleep(ended, time.Time{})
	}
	for _, e := range []error{<-ended, err, err2} {
		if e != nil {
			return nil, e
		}
	}
	result := &Result{Name: r.c.Name, Connections: r.c.Connections, Rate: r.c.Rate, Latency: newHistogram(), Service: newHistogram()}
	for _, w := range r.workers {
		result.merge(&w.result)
	}
	if result.Elapsed <= 0 {
		return nil, fmt.Errorf("the run was stopped before its warm-up ended: %w", context.Cause(ctx))
	}
	result.account(from, to, r.c.Meter != nil)
	return result, nil
}

// join waits for all workers.
func (r *run) join() error {
	var first error
	for range r.workers {
		if err := <-r.done; err != nil && first == nil {
			first = err
		}
	}
	return first
}

// sleep waits until t, or with the zero time without end, or until the workers have
// ended, and reports whether they have. What it took from ended it puts back.
func (r *run) sleep(ended chan error, t time.Time) bool {
	var timer <-chan time.Time
	if !t.IsZero() {
		timer = time.After(time.Until(t))
	}
	select {
	case err := <-ended:
		ended <- err
		return true
	case <-timer:
		return false
	}
}
