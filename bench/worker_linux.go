package bench

import (
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// worker drives its share of the connections on one thread.
type worker struct {
	c       *Config
	target  target
	index   int // of this worker among c.Threads
	stop    *atomic.Bool
	poll    *poller
	conns   []conn
	idle    queue // connections that await work
	busy    int
	sweepAt int64

	// The clock of all workers: nanoseconds since epoch.
	epoch            time.Time
	start, from, end int64 // of the load, its measured part, and the end of both

	slots schedule
	next  uint64 // slot that is due next
	sends uint64 // requests sent so far
	left  uint64 // measured requests that may still be sent

	measuring bool
	cpu       time.Duration // of this thread when the measured part began
	result    Result
}

func (w *worker) now() int64 { return int64(time.Since(w.epoch)) }

// sweepEvery is how often timeouts and reconnections are looked at.
const sweepEvery = int64(50 * time.Millisecond)

// openAll connects every connection and waits for that, at most Timeout.
func (w *worker) openAll() error {
	deadline := w.now() + int64(w.c.Timeout)
	for i := range w.conns {
		c := &w.conns[i]
		c.id = i
		if err := w.dial(c, w.now()); err != nil {
			return err
		}
		for c.state == connConnecting {
			if w.now() > deadline {
				return fmt.Errorf("cannot connect to %s in %s", w.c.Addr, w.c.Timeout)
			}
			events, err := w.poll.wait(time.Duration(sweepEvery))
			if err != nil {
				return err
			}
			for _, e := range events {
				if int(e.Fd) == i {
					if err := w.dialled(c, w.now()); err != nil {
						return fmt.Errorf("%s: %w", w.c.Addr, err)
					}
				}
			}
		}
	}
	return nil
}

func (w *worker) dial(c *conn, now int64) error {
	if err := c.connect(w.target); err != nil {
		return err
	}
	c.began = now
	return w.poll.watch(unix.EPOLL_CTL_ADD, c.fd, c.id, true)
}

func (w *worker) dialled(c *conn, now int64) error {
	if err := c.connected(); err != nil {
		return err
	}
	if err := w.poll.watch(unix.EPOLL_CTL_MOD, c.fd, c.id, false); err != nil {
		return err
	}
	c.state, c.began = connIdle, now
	if !w.own() {
		w.idle.push(c.id)
	}
	return nil
}

// own reports whether every connection has its own schedule.
func (w *worker) own() bool { return w.c.PerConnection && w.c.Rate > 0 }

// run generates the load from start to end and then waits a little for the answers
// that are still missing.
func (w *worker) run() error {
	grace := w.end + int64(min(w.c.Timeout, 2*time.Second))
	for now := w.now(); ; {
		w.enter(now)
		if w.over(now) {
			if w.busy == 0 || now >= grace {
				break
			}
		} else {
			w.dispatch(now)
		}
		events, err := w.poll.wait(w.pause(now, grace))
		if err != nil {
			return err
		}
		for _, e := range events {
			w.handle(&w.conns[e.Fd])
		}
		if now = w.now(); now >= w.sweepAt {
			w.sweep(now)
			w.sweepAt = now + sweepEvery
		}
	}
	w.finish(w.now())
	return nil
}

// over reports whether no further request may be sent.
func (w *worker) over(now int64) bool { return now >= w.end || w.left == 0 || w.stop.Load() }

// enter begins the measured part when its time has come. What the warm-up's schedule
// had no time to send is forgotten.
func (w *worker) enter(now int64) {
	if w.measuring || now < w.from {
		return
	}
	w.measuring = true
	w.cpu = threadCPU()
	if !w.slots.open() {
		return
	}
	w.next = max(w.next, w.slots.at(w.from))
	if n := uint64(len(w.conns)); w.own() {
		for i := range w.conns {
			c := &w.conns[i]
			for c.slot < w.next {
				c.slot += n
			}
		}
	}
}

// pause is how long to wait for events.
func (w *worker) pause(now, grace int64) time.Duration {
	until := min(w.sweepAt, grace)
	if !w.over(now) {
		until = min(until, w.end)
		if w.slots.open() && (w.own() && w.busy < len(w.conns) || w.idle.len() > 0) {
			until = min(until, w.slots.due(w.next))
			now = w.now() // sending took its time
		}
	}
	if !w.measuring {
		until = min(until, w.from)
	}
	return time.Duration(max(until-now, 0))
}

// dispatch sends on every free connection what is due.
func (w *worker) dispatch(now int64) {
	switch {
	case !w.slots.open():
		for n := w.idle.len(); n > 0 && w.left > 0; n-- {
			c := &w.conns[w.idle.pop()]
			if c.state == connIdle {
				w.send(c, now, now)
			}
		}
	case w.own():
		// Slot s belongs to connection s mod n, whose backlog is its own.
		for n := uint64(len(w.conns)); w.slots.due(w.next) <= now; w.next++ {
			if c := &w.conns[w.next%n]; c.slot <= w.next && c.state == connIdle {
				w.sendOwn(c)
			}
		}
	default:
		for w.idle.len() > 0 && w.left > 0 {
			due := w.slots.due(w.next)
			if due > now {
				if now = w.now(); due > now {
					return
				}
			}
			c := &w.conns[w.idle.pop()]
			if c.state == connIdle {
				w.next++
				w.send(c, due, w.now())
			}
		}
	}
}

// sendOwn sends what is due on a connection with its own schedule, if anything is.
func (w *worker) sendOwn(c *conn) {
	now := w.now()
	if due := w.slots.due(c.slot); due <= now && !w.over(now) {
		c.slot += uint64(len(w.conns))
		w.send(c, due, now)
	}
}

// send writes the next request to an idle connection.
func (w *worker) send(c *conn, intended, now int64) {
	c.number = w.c.First + w.sends*uint64(w.c.Threads) + uint64(w.index)
	w.sends++
	if intended >= w.from {
		w.left--
	}
	c.intended, c.sent, c.began = intended, now, now
	c.out = w.c.Source.Append(c.out[:0], c.number)
	c.written, c.read, c.head = 0, 0, head{}
	c.state = connBusy
	w.busy++
	done, err := c.write()
	if err == nil && !done {
		err = w.poll.watch(unix.EPOLL_CTL_MOD, c.fd, c.id, true)
	}
	if err != nil {
		w.fail(c, now, ErrSend, err)
	}
}

// handle acts on a connection that is ready for what it waits for, or broken.
func (w *worker) handle(c *conn) {
	switch c.state {
	case connBusy:
		if c.written < len(c.out) {
			w.writeMore(c)
			return
		}
		done, kind, err := c.receive(w.c.MaxAnswer)
		switch {
		case err != nil:
			w.fail(c, w.now(), kind, err)
		case done:
			w.answered(c)
		}
	case connConnecting:
		now := w.now()
		if err := w.dialled(c, now); err != nil {
			w.count(now, ErrConnect, err)
			c.close(now)
		}
	case connIdle:
		// Nothing is expected: the server closed an idle connection, which is
		// its right, or misbehaves.
		c.close(w.now())
		c.retryAt = 0
	case connClosed: // an event from before it was closed
	}
}

func (w *worker) writeMore(c *conn) {
	done, err := c.write()
	if err == nil && done {
		err = w.poll.watch(unix.EPOLL_CTL_MOD, c.fd, c.id, false)
	}
	if err != nil {
		w.fail(c, w.now(), ErrSend, err)
	}
}

// answered takes a complete answer and goes on.
func (w *worker) answered(c *conn) {
	now := w.now()
	body := c.in[c.head.size:c.read]
	w.judge(c, now, body)
	w.busy--
	c.state, c.began = connIdle, now
	if c.head.close {
		c.close(now)
		c.retryAt = 0
		return
	}
	switch {
	case w.slots.open() && !w.own():
		w.idle.push(c.id)
	case w.over(now):
	case w.own():
		w.sendOwn(c)
	default:
		w.send(c, now, now)
	}
}

// judge counts an answer: in the rate if it came in the measured part, in the latencies
// if it was sent in it. Where answers take long these are not the same requests, and the
// server's CPU time is that of the former. A run of so many requests counts just those.
func (w *worker) judge(c *conn, now int64, body []byte) {
	r := &w.result
	sent := c.intended >= w.from
	came := now >= w.from && now <= w.end
	if w.c.Requests > 0 {
		came = sent
	}
	if !sent && !came {
		return
	}
	if c.head.status < 200 || c.head.status > 299 {
		r.Errors.addStatus(c.head.status, body)
		return
	}
	if every := uint64(w.c.CheckEvery); every > 0 && c.number%every == 0 {
		r.Checked++
		if err := w.c.Source.Check(c.number, body); err != nil {
			r.Errors.add(ErrBody, err.Error)
			return
		}
	}
	if came {
		r.Requests++
		r.BytesIn += uint64(c.read)
	}
	if sent {
		record(r.Latency, now-c.intended)
		record(r.Service, now-c.sent)
	}
}

// fail gives up a request and its connection.
func (w *worker) fail(c *conn, now int64, kind ErrorKind, err error) {
	w.busy--
	if c.intended >= w.from {
		w.result.Errors.add(kind, err.Error)
	}
	c.close(now)
}

// count counts an error that belongs to no request.
func (w *worker) count(now int64, kind ErrorKind, err error) {
	if now >= w.from {
		w.result.Errors.add(kind, err.Error)
	}
}

// sweep gives up what takes too long and reconnects.
func (w *worker) sweep(now int64) {
	timeout := int64(w.c.Timeout)
	for i := range w.conns {
		c := &w.conns[i]
		switch {
		case c.state == connClosed && now >= c.retryAt && now < w.end:
			if err := w.dial(c, now); err != nil {
				w.count(now, ErrConnect, err)
				c.close(now)
			}
		case c.state == connConnecting && now-c.began > timeout:
			w.count(now, ErrConnect, fmt.Errorf("cannot connect in %s", w.c.Timeout))
			c.close(now)
		case c.state == connBusy && now-c.began > timeout:
			w.fail(c, now, ErrTimeout, fmt.Errorf("no whole answer in %s", w.c.Timeout))
		}
	}
}

// finish ends the measured part: what was not answered is a timeout, what was due and
// not sent counts with the time it was overdue.
func (w *worker) finish(now int64) {
	r := &w.result
	r.Elapsed = time.Duration(min(now, w.end) - w.from)
	if w.measuring {
		r.Client = threadCPU() - w.cpu
	}
	for i := range w.conns {
		if c := &w.conns[i]; c.state == connBusy {
			w.fail(c, now, ErrTimeout, fmt.Errorf("no answer when the run ended, after %s", time.Duration(now-c.sent)))
		} else if c.state != connClosed {
			c.close(now)
		}
	}
	if !w.slots.open() || w.left == 0 {
		return
	}
	end := min(now, w.end)
	if !w.own() {
		for ; w.slots.due(w.next) < end; w.next++ {
			w.overdue(w.slots.due(w.next), end)
		}
		return
	}
	for i := range w.conns {
		for slot := w.conns[i].slot; w.slots.due(slot) < end; slot += uint64(len(w.conns)) {
			w.overdue(w.slots.due(slot), end)
		}
	}
}

func (w *worker) overdue(due, end int64) {
	if due >= w.from {
		w.result.Unsent++
		record(w.result.Latency, end-due)
	}
}

// threadCPU is the CPU time of the calling thread.
func threadCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_THREAD, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
