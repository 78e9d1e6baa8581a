package sqlquery

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// fakes are sessions that only count.
type fakes struct{ opened, closed atomic.Int64 }

type fake struct{ all *fakes }

func (f *fakes) dial(context.Context) (session, error) {
	f.opened.Add(1)
	return &fake{f}, nil
}

func (fake) begin(context.Context, *Plan) error { return nil }
func (fake) run(context.Context, *statement, []value, *sink) (int64, error) {
	return 0, nil
}
func (fake) end(context.Context, *Plan, bool, bool) error { return nil }
func (f *fake) close()                                    { f.all.closed.Add(1) }

func newPool(f *fakes) *pool {
	return &pool{name: "db", dial: f.dial, limits: catalog.PoolLimits{Max: 2, Idle: time.Minute, Lifetime: time.Hour, Queue: 2, Wait: 5 * time.Second}}
}

func wants(t *testing.T, err error, code fail.Code, text string) {
	t.Helper()
	if err == nil || fail.AsError(err).Code != code || fail.AsError(err).Text != text {
		t.Errorf("%v, want %q with code %d", err, text, code)
	}
}

// TestPoolQueue lets calls wait in order, and refuses those that are too many or wait too
// long.
func TestPoolQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakes
		p := newPool(&f)
		ctx := context.Background()
		a, _ := p.get(ctx)
		b, _ := p.get(ctx)
		var order []int
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				c, err := p.get(ctx)
				if err != nil || c != a {
					t.Errorf("%v, %v", c, err)
				}
				order = append(order, i)
				p.put(c, true)
			})
			synctest.Wait()
		}
		_, err := p.get(ctx)
		wants(t, err, fail.Overloaded, `All 2 connections to "db" are in use, and 2 calls wait for one already.`)
		p.put(a, true)
		wg.Wait()
		if fmt.Sprint(order) != "[0 1]" || f.opened.Load() != 2 {
			t.Errorf("order %v, %d opened", order, f.opened.Load())
		}

		// One that waits too long, one whose caller gives up, and one that gets the place of
		// a connection that was lost.
		c, _ := p.get(ctx)
		start := time.Now()
		_, err = p.get(ctx)
		wants(t, err, fail.Overloaded, `All 2 connections to "db" were in use for 5s.`)
		if time.Since(start) != 5*time.Second {
			t.Errorf("after %s", time.Since(start))
		}
		short, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err = p.get(short)
		wants(t, err, fail.Timeout, `There was no time left to wait for a connection to "db".`)
		wg.Go(func() {
			d, err := p.get(ctx)
			if err != nil || d.reused {
				t.Errorf("%v, %v", d, err)
			}
			p.put(d, true)
		})
		synctest.Wait()
		p.put(c, false)
		wg.Wait()
		p.put(b, true)
		if f.opened.Load() != 3 || f.closed.Load() != 1 || p.open != 2 {
			t.Errorf("%d opened, %d closed, %d open", f.opened.Load(), f.closed.Load(), p.open)
		}
		p.close()
		if f.closed.Load() != 3 || p.open != 0 {
			t.Errorf("%d closed, %d open", f.closed.Load(), p.open)
		}
		_, err = p.get(ctx)
		wants(t, err, fail.Overloaded, errClosed.Text)
	})
}

// TestPoolEviction closes what is idle for long or old.
func TestPoolEviction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakes
		p := newPool(&f)
		defer p.close()
		ctx := context.Background()
		a, _ := p.get(ctx)
		b, _ := p.get(ctx)
		p.put(a, true)
		p.put(b, true)
		for range 3 { // b is used, a is not
			time.Sleep(40 * time.Second)
			c, err := p.get(ctx)
			if err != nil || c != b {
				t.Fatalf("%v, %v", c, err)
			}
			p.put(c, true)
		}
		synctest.Wait()
		if f.closed.Load() != 1 || p.open != 1 {
			t.Errorf("%d closed, %d open", f.closed.Load(), p.open)
		}
		for range 100 { // in use all the time, until it is old
			c, _ := p.get(ctx)
			time.Sleep(40 * time.Second)
			p.put(c, true)
		}
		synctest.Wait()
		if f.opened.Load() != 3 || f.closed.Load() != 2 {
			t.Errorf("%d opened, %d closed", f.opened.Load(), f.closed.Load())
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if f.closed.Load() != 3 || p.open != 0 || p.sweep != nil {
			t.Errorf("%d closed, %d open", f.closed.Load(), p.open)
		}
	})
}

// TestPoolConnect tries again while the database cannot be reached, and not when it
// refuses.
func TestPoolConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var f fakes
		p := newPool(&f)
		defer p.close()
		ctx := context.Background()
		up := time.Now().Add(2 * time.Second)
		p.dial = func(ctx context.Context) (session, error) {
			if time.Now().Before(up) {
				return nil, errUnreachable
			}
			return f.dial(ctx)
		}
		c, err := p.get(ctx)
		if err != nil || time.Since(up) > time.Second {
			t.Errorf("%v", err)
		}
		p.put(c, false)
		synctest.Wait()
		up = time.Now().Add(time.Hour)
		_, err = p.get(ctx)
		wants(t, err, fail.Overloaded, `The database of connection "db" cannot be reached.`)
		calls := 0
		p.dial = func(context.Context) (session, error) { calls++; return nil, errors.New("no") }
		if _, err = p.get(ctx); err == nil || calls != 1 || p.open != 0 {
			t.Errorf("%v, %d attempts, %d open", err, calls, p.open)
		}
	})
}

// TestPoolMany has many callers of few connections.
func TestPoolMany(t *testing.T) {
	var f fakes
	p := newPool(&f)
	p.limits.Queue = 1000
	var used atomic.Int64
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			for i := range 20 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%5 == 0 {
					time.AfterFunc(time.Microsecond, cancel)
				}
				c, err := p.get(ctx)
				if err == nil {
					if used.Add(1) > 2 {
						t.Error("more connections are in use than there may be")
					}
					used.Add(-1)
					p.put(c, i%7 != 0)
				} else if fail.AsError(err).Code != fail.Timeout {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	p.close()
	if p.open != 0 || f.opened.Load() != f.closed.Load() {
		t.Errorf("%d open, %d opened, %d closed", p.open, f.opened.Load(), f.closed.Load())
	}
}
