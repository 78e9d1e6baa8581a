package sqlquery

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// session is one connection to a database. One call has it at a time.
type session interface {
	// begin makes the session ready for a call. An error that is errStale says that the
	// connection was lost while nobody used it, and nothing was done.
	begin(ctx context.Context, p *Plan) error
	// run runs a statement. Rows go to out if the statement gives some, and s tells how
	// much room they have. The number of rows that were changed is returned.
	run(ctx context.Context, s *statement, args []value, out *sink) (int64, error)
	// end ends what begin began; next says that another query of the call follows.
	end(ctx context.Context, p *Plan, commit, next bool) error
	// close closes the connection and what it is still doing in the database.
	close()
}

// errStale is why a call may be done over on another connection.
var errStale = errors.New("the connection was lost while it was idle")

// errLost is why a call failed whose connection ended under it.
var errLost = errors.New("the connection was lost")

// errUnreachable is wrapped by errors of connecting that may be over soon.
var errUnreachable = errors.New("the database cannot be reached")

// pool keeps the connections to one database. Calls get them in the order in which they
// came.
type pool struct {
	limits catalog.PoolLimits
	name   string
	dial   func(context.Context) (session, error)

	mu      sync.Mutex
	idle    []*pooled // the one given back last is at the end
	open    int       // idle, in use, or being opened
	waiting []chan *pooled
	sweep   *time.Timer // runs while there are idle ones
	closed  bool
	closing sync.WaitGroup // connections being closed
}

// pooled is a session in a pool.
type pooled struct {
	session
	born, since time.Time // when it was opened, and given back
	reused      bool
}

var errClosed = fail.Errorf(fail.Overloaded, "The connection is being replaced; try again.")

// get returns a session, an idle one if there is one.
func (p *pool) get(ctx context.Context) (*pooled, error) {
	p.mu.Lock()
	now := time.Now()
	switch {
	case p.closed:
		p.mu.Unlock()
		return nil, errClosed
	case len(p.idle) > 0:
		c := p.idle[len(p.idle)-1]
		p.idle = p.idle[:len(p.idle)-1]
		p.mu.Unlock()
		c.reused = true
		return c, nil
	case p.open < p.limits.Max:
		p.open++
		p.mu.Unlock()
		return p.connect(ctx, now.Add(p.limits.Wait))
	case len(p.waiting) >= p.limits.Queue:
		p.mu.Unlock()
		return nil, fail.Errorf(fail.Overloaded, "All %d connections to %q are in use, and %d calls wait for one already.", p.limits.Max, p.name, p.limits.Queue)
	}
	place := make(chan *pooled, 1)
	p.waiting = append(p.waiting, place)
	p.mu.Unlock()
	timer := time.NewTimer(p.limits.Wait)
	defer timer.Stop()
	var err error
	select {
	case c := <-place:
		return p.given(ctx, c, now)
	case <-timer.C:
		err = fail.Errorf(fail.Overloaded, "All %d connections to %q were in use for %s.", p.limits.Max, p.name, p.limits.Wait)
	case <-ctx.Done():
		err = fail.Wrap(fail.Timeout, ctx.Err(), "There was no time left to wait for a connection to %q.", p.name)
	}
	p.mu.Lock()
	at := slices.Index(p.waiting, place)
	if at >= 0 {
		p.waiting = slices.Delete(p.waiting, at, at+1)
	}
	p.mu.Unlock()
	if at < 0 { // it came in the last moment
		if c, err := p.given(ctx, <-place, now); err == nil {
			p.put(c, true)
		}
	}
	return nil, err
}

// given takes what another call gave up: its session, or nil for the place of one.
func (p *pool) given(ctx context.Context, c *pooled, since time.Time) (*pooled, error) {
	if c == nil {
		return p.connect(ctx, since.Add(p.limits.Wait))
	}
	c.reused = true
	return c, nil
}

// connect opens a session in a place that was taken. While the database cannot be
// reached, because it is being restarted say, it tries again until a call that waits for
// a connection would give up.
func (p *pool) connect(ctx context.Context, until time.Time) (*pooled, error) {
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 250*time.Millisecond) {
		attempt, cancel := context.WithDeadline(ctx, until)
		s, err := p.dial(attempt)
		cancel()
		if err == nil {
			now := time.Now()
			return &pooled{session: s, born: now, since: now}, nil
		}
		again := errors.Is(err, errUnreachable) && time.Until(until) > pause && ctx.Err() == nil
		if again {
			select {
			case <-time.After(pause):
				continue
			case <-ctx.Done():
			}
		}
		p.vacate()
		if errors.Is(err, errUnreachable) || ctx.Err() != nil || time.Until(until) <= 0 {
			return nil, fail.Wrap(fail.Overloaded, err, "The database of connection %q cannot be reached.", p.name)
		}
		return nil, err
	}
}

// put gives a session back; one that is not good is closed.
func (p *pool) put(c *pooled, good bool) {
	now := time.Now()
	p.mu.Lock()
	if !good || p.closed || now.Sub(c.born) >= p.limits.Lifetime {
		p.mu.Unlock()
		p.closing.Go(func() { // it may take a while, and nobody waits for it
			c.close()
			p.vacate()
		})
		return
	}
	defer p.mu.Unlock()
	if len(p.waiting) > 0 {
		place := p.waiting[0]
		p.waiting = slices.Delete(p.waiting, 0, 1)
		place <- c
		return
	}
	c.since = now
	p.idle = append(p.idle, c)
	if p.sweep == nil {
		p.sweep = time.AfterFunc(p.limits.Idle/2, p.evict)
	}
}

// vacate gives up the place of a session.
func (p *pool) vacate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.waiting) > 0 {
		place := p.waiting[0]
		p.waiting = slices.Delete(p.waiting, 0, 1)
		place <- nil
		return
	}
	p.open--
}

// evict closes idle sessions that were not used for long, or are old.
func (p *pool) evict() {
	now := time.Now()
	var out []*pooled
	p.mu.Lock()
	p.idle = slices.DeleteFunc(p.idle, func(c *pooled) bool {
		if now.Sub(c.since) < p.limits.Idle && now.Sub(c.born) < p.limits.Lifetime {
			return false
		}
		out = append(out, c)
		return true
	})
	p.sweep = nil
	if len(p.idle) > 0 && !p.closed {
		p.sweep = time.AfterFunc(p.limits.Idle/2, p.evict)
	}
	p.mu.Unlock()
	p.drop(out)
}

// flush closes all idle sessions: when one was lost, the others are as well.
func (p *pool) flush() {
	p.mu.Lock()
	out := p.idle
	p.idle = nil
	p.mu.Unlock()
	p.drop(out)
}

func (p *pool) drop(all []*pooled) {
	for _, c := range all {
		c.close()
		p.vacate()
	}
}

// close closes the idle sessions now, and the others when they are given back. It waits
// for those that are being closed.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	if p.sweep != nil {
		p.sweep.Stop()
	}
	p.mu.Unlock()
	p.flush()
	p.closing.Wait()
}
