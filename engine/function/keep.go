package function

import (
	"errors"
	"slices"
	"time"
)

// The methods of this file but keep and start are called with p.mu held.

// put makes w free: the call that waits longest gets it.
func (p *Pool) put(w *worker) {
	if len(p.waiting) > 0 {
		first := p.waiting[0]
		p.waiting = slices.Delete(p.waiting, 0, 1)
		p.stats.Calls++
		p.tasks.Add(1)
		first.got <- grant{w: w}
		return
	}
	w.idle = time.Now()
	p.idle = append(p.idle, w)
}

// adopt takes in a worker that just started and watches for its end.
func (p *Pool) adopt(w *worker) {
	p.all[w] = true
	p.stats.Starts++
	p.tasks.Go(func() {
		<-w.process.done
		p.mu.Lock()
		defer p.mu.Unlock()
		if slices.Contains(p.idle, w) { // nobody else would notice
			p.dismiss(w)
			p.crash()
			p.fill()
		}
	})
}

// dismiss parts with a worker; it ends in the background.
func (p *Pool) dismiss(w *worker) {
	delete(p.all, w)
	if i := slices.Index(p.idle, w); i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
	}
	p.tasks.Go(w.stop)
}

// refuse fails all calls that wait.
func (p *Pool) refuse(err error) {
	for _, w := range p.waiting {
		w.got <- grant{err: err}
	}
	p.stats.Rejected += int64(len(p.waiting))
	p.waiting = nil
}

// crash notes one; too many of them open the circuit.
func (p *Pool) crash() {
	now := time.Now()
	p.stats.Crashes++
	p.crashed = slices.DeleteFunc(p.crashed, func(t time.Time) bool { return now.Sub(t) > p.c.CrashWindow })
	if p.crashed = append(p.crashed, now); len(p.crashed) >= p.c.Crashes {
		p.crashed = p.crashed[:0]
		p.resume = now.Add(p.c.CrashPause)
		p.refuse(p.resting(p.c.CrashPause))
	}
}

// fill starts workers up to the floor, and one for each call that waits, up to the ceil.
func (p *Pool) fill() {
	if p.closed || time.Now().Before(p.resume) {
		return
	}
	want := max(p.c.Floor-len(p.all), len(p.waiting))
	for want = min(want, p.c.Ceil-len(p.all)); p.starting < want; {
		p.starting++
		p.tasks.Go(p.start)
	}
}

// start starts one worker.
func (p *Pool) start() {
	w, err := startWorker(p.ctx, &p.c, p.scratch)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.starting--
	switch {
	case err == nil:
		p.adopt(w)
		if p.closed {
			p.dismiss(w)
			return
		}
		p.put(w)
	case p.closed:
	default:
		p.c.Log("a worker of " + p.c.Function + " cannot start: " + err.Error())
		p.crash()
		if len(p.all) == 0 && p.starting == 0 {
			var e *Error
			if !errors.As(err, &e) {
				e = &Error{Kind: StartFailed, Message: err.Error(), Err: err}
			}
			p.refuse(e)
		}
		p.fill()
	}
}

// spent reports whether a worker has served its time.
func (p *Pool) spent(w *worker) bool {
	return w.retire ||
		p.c.MaxCalls > 0 && w.calls >= p.c.MaxCalls ||
		p.c.MaxAge > 0 && time.Since(w.born) > p.c.MaxAge ||
		p.c.MaxMemory > 0 && w.resident() > p.c.MaxMemory
}

// keepEvery is how often keep looks.
const keepEvery = 250 * time.Millisecond

// keep stops idle workers that are too many or too old, and brings the pool back to
// its floor after a pause.
func (p *Pool) keep() {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case now := <-tick.C:
			p.mu.Lock()
			for _, w := range slices.Clone(p.idle) { // the longest unused first
				if p.spent(w) || len(p.all) > p.c.Cruise && now.Sub(w.idle) > p.c.IdleTime {
					p.dismiss(w)
				}
			}
			p.fill()
			p.mu.Unlock()
		}
	}
}
