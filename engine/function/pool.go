package function

import (
	"context"
	"errors"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"
)

// Pool calls one function in worker processes. It is safe for concurrent use.
type Pool struct {
	c       Config
	scratch *scratch
	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	tasks   sync.WaitGroup // goroutines and calls under way
	removed sync.Once      // the scratch folder

	unlimited []string // see Unlimited

	mu       sync.Mutex
	closed   bool
	all      map[*worker]bool // live workers, idle and busy
	idle     []*worker        // the last one was used last
	starting int
	waiting  []*waiter // first come, first served
	crashed  []time.Time
	resume   time.Time // calls are refused until then
	stats    Stats
}

// waiter is a call that waits for a worker.
type waiter struct{ got chan grant }

type grant struct {
	w   *worker
	err error
}

// Answer is what a call gives.
type Answer struct {
	JSON     []byte    // the function's result, valid JSON, owned by the caller; nil with Response
	Response *Response // made by user code with quiver.Response; nil = none
	Timing   Timing    // also of calls that failed
}

// Response is an answer that user code wrote itself.
type Response struct {
	Status  int
	Headers [][2]string // names may repeat
	Body    []byte
	Type    string // the content type of the body where no header says another: of bytes, text or JSON
}

// Timing says where a call's time went, in microseconds.
type Timing struct {
	Wait             int64 // for a free worker
	Execution        int64 // round trip to the worker
	FunctionInternal int64 // in the user's function
}

// Stats counts what a pool did and has.
type Stats struct {
	Live, Busy, Starting, Waiting              int
	Calls, Crashes, Timeouts, Rejected, Starts int64
	Failures                                   [Kinds]int64 // calls without a result, by Kind
}

// Open starts the floor of workers and returns when the first one has loaded the
// user's code. If it cannot be, the error is a *Error of kind StartFailed with the
// user's traceback. The caller closes the pool.
func Open(ctx context.Context, c Config) (*Pool, error) {
	c.InitDefaults()
	if err := c.check(); err != nil {
		return nil, err
	}
	s, err := newScratch(&c)
	if err != nil {
		return nil, err
	}
	p := &Pool{c: c, scratch: s, all: map[*worker]bool{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	w, err := startWorker(ctx, &p.c, s)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSPC) {
		p.c.shared = true // namespaces are not to be had here
		w, err = startWorker(ctx, &p.c, s)
	}
	if err != nil {
		p.cancel()
		s.remove()
		return nil, err
	}
	p.unlimited = w.unlimited
	if p.c.shared {
		p.unlimited = append(p.unlimited, "process numbers: this system gives no namespace for them")
	}
	if os.Getuid() == 0 && c.UID == 0 {
		p.unlimited = append(p.unlimited, "processes: the limit has no effect on root")
	}
	p.mu.Lock()
	p.adopt(w)
	p.put(w)
	p.fill()
	p.mu.Unlock()
	p.tasks.Go(p.keep)
	return p, nil
}

// Call calls the function with args, which is one JSON value and only read. A failed
// call's error is a *Error. If ctx has a deadline, the call is stopped at it; if ctx
// is cancelled, Call returns and the function runs on to its end.
func (p *Pool) Call(ctx context.Context, args []byte) (Answer, error) {
	a, err := p.call(ctx, args)
	if e, ok := errors.AsType[*Error](err); ok {
		p.mu.Lock()
		p.stats.Failures[e.Kind]++
		p.mu.Unlock()
	}
	return a, err
}

func (p *Pool) call(ctx context.Context, args []byte) (Answer, error) {
	var a Answer
	if len(args) > p.c.MaxFrame {
		return a, errorf(TooLarge, "the arguments have %d bytes, the limit is %d", len(args), p.c.MaxFrame)
	}
	begin := time.Now()
	for {
		w, err := p.acquire(ctx)
		got := time.Now()
		a.Timing.Wait = got.Sub(begin).Microseconds()
		if err != nil {
			return a, err
		}
		w.calls++
		r, err := w.roundTrip(ctx, args, p.c.RunTimeout, w.calls)
		a.Timing.Execution = time.Since(got).Microseconds()
		if errors.Is(err, errUnsent) { // it never saw the call, another one may
			p.discard(w, WorkerDied)
			continue
		}
		if err != nil {
			p.abandon(w, err)
			return a, err
		}
		a.Timing.FunctionInternal = r.Micros
		a.Response, err = r.response()
		if r.Error != nil {
			err = r.failure()
		} else if err == nil && a.Response == nil {
			a.JSON = slices.Clone(r.Result)
		}
		w.retire = w.retire || r.Retire
		p.release(w)
		return a, err
	}
}

// abandon deals with a worker that did not answer.
func (p *Pool) abandon(w *worker, err error) {
	var e *Error
	if !errors.As(err, &e) || e.Kind != Cancelled {
		kind := WorkerDied
		if e != nil {
			kind = e.Kind
		}
		p.discard(w, kind)
		return
	}
	p.tasks.Go(func() {
		if w.finish(p.c.RunTimeout) {
			p.release(w)
		} else {
			p.discard(w, TimedOut)
		}
	})
}

// acquire returns a worker that is the caller's until release or discard.
func (p *Pool) acquire(ctx context.Context) (*worker, error) {
	p.mu.Lock()
	switch {
	case p.closed:
		p.mu.Unlock()
		return nil, errorf(Closed, "function %s is being stopped", p.c.Function)
	case ctx.Err() != nil:
		p.mu.Unlock()
		return nil, p.gone(ctx)
	}
	if n := len(p.idle); n > 0 {
		w := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.stats.Calls++
		p.tasks.Add(1)
		p.mu.Unlock()
		return w, nil
	}
	if wait := time.Until(p.resume); wait > 0 {
		p.stats.Rejected++
		p.mu.Unlock()
		return nil, p.resting(wait)
	}
	// Those for whom a worker can be started do not take waiting places.
	room := p.c.Queue + p.c.Ceil - len(p.all)
	if len(p.waiting) >= room {
		p.stats.Rejected++
		p.mu.Unlock()
		e := errorf(QueueFull, "all %d workers of function %s are busy and %d calls wait already", p.c.Ceil, p.c.Function, p.c.Queue)
		e.RetryAfter = time.Second
		return nil, e
	}
	me := &waiter{got: make(chan grant, 1)}
	p.waiting = append(p.waiting, me)
	p.fill()
	p.mu.Unlock()

	timer := time.NewTimer(p.c.Timeout)
	defer timer.Stop()
	var err error
	select {
	case g := <-me.got:
		return g.w, g.err
	case <-timer.C:
		e := errorf(QueueTimeout, "no worker of function %s became free within %v", p.c.Function, p.c.Timeout)
		e.RetryAfter = time.Second
		err = e
	case <-ctx.Done():
		err = p.gone(ctx)
	}
	p.mu.Lock()
	if i := slices.Index(p.waiting, me); i >= 0 {
		p.waiting = slices.Delete(p.waiting, i, i+1)
		p.stats.Rejected++
		p.mu.Unlock()
		return nil, err
	}
	p.mu.Unlock()
	g := <-me.got // it came at the same moment
	return g.w, g.err
}

func (p *Pool) gone(ctx context.Context) *Error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &Error{Kind: TimedOut, Message: "the deadline passed before function " + p.c.Function + " was called", Err: ctx.Err()}
	}
	return &Error{Kind: Cancelled, Message: "the caller went away", Err: ctx.Err()}
}

func (p *Pool) resting(wait time.Duration) *Error {
	e := errorf(Broken, "the workers of function %s crashed %d times within %v; it is tried again in a moment", p.c.Function, p.c.Crashes, p.c.CrashWindow)
	e.RetryAfter = wait
	return e
}

// release gives back a worker that is ready for the next call.
func (p *Pool) release(w *worker) {
	defer p.tasks.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || w.process.ended() || p.spent(w) {
		p.dismiss(w)
		p.fill()
		return
	}
	p.put(w)
}

// discard gives back a worker that is of no use any more.
func (p *Pool) discard(w *worker, why Kind) {
	defer p.tasks.Done()
	w.process.kill()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dismiss(w)
	if why == TimedOut {
		p.stats.Timeouts++
	} else {
		p.crash()
	}
	p.fill()
}

// Stats returns what the pool did and has.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.stats
	s.Live, s.Starting, s.Waiting = len(p.all), p.starting, len(p.waiting)
	s.Busy = s.Live - len(p.idle)
	return s
}

// Unlimited names the limits that workers do not have although they were asked for,
// with the reasons; none is the best level of isolation that this package has.
func (p *Pool) Unlimited() []string { return slices.Clone(p.unlimited) }

// Close refuses further calls, lets those under way finish, within their limits, and
// stops all workers. Nothing of them is left when it returns.
func (p *Pool) Close() error {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		p.tasks.Wait()
		p.removed.Do(p.scratch.remove)
		return nil
	}
	p.closed = true
	p.cancel()
	p.refuse(errorf(Closed, "function %s is being stopped", p.c.Function))
	for _, w := range slices.Clone(p.idle) {
		p.dismiss(w)
	}
	p.mu.Unlock()
	p.tasks.Wait()
	p.removed.Do(p.scratch.remove)
	return nil
}
