//go:build linux

package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"
)

func mustRun(t *testing.T, c Config) *Result {
	t.Helper()
	r, err := Run(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestClosedLoop(t *testing.T) {
	f := func(connections, threads int) {
		t.Helper()
		s := serve(t, func(uint64) reply { return reply{body: "hello"} })
		r := mustRun(t, Config{
			Addr: s.addr, Source: numbered{"hello"}, Connections: connections, Threads: threads,
			Duration: 10 * time.Second, Requests: 500, CheckEvery: 1,
		})
		if r.Requests != 500 || r.Checked != 500 || r.Errors.Total() != 0 || r.Latency.TotalCount() != 500 {
			t.Fatalf("%d requests, %d checked, errors %s, %d latencies; want 500, 500, none, 500", r.Requests, r.Checked, &r.Errors, r.Latency.TotalCount())
		}
		if n := s.requests(); n != 500 {
			t.Fatalf("the server saw %d requests, want 500", n)
		}
		if r.Elapsed <= 0 || r.Percentile(50) > r.Elapsed {
			t.Fatalf("elapsed %s, p50 %s", r.Elapsed, r.Percentile(50))
		}
		if threads > 1 {
			return // requests are shared out beforehand; numbers differ
		}
		// Every number was sent, once.
		seen := map[string]bool{}
		s.mu.Lock()
		for _, b := range s.bodies {
			seen[b] = true
		}
		s.mu.Unlock()
		for i := range 500 {
			if !seen[strconv.Itoa(i)] {
				t.Fatalf("request %d was not sent", i)
			}
		}
	}
	f(1, 1)
	f(8, 1)
	f(7, 3)
}

func TestDurationEndsTheRun(t *testing.T) {
	s := serve(t, func(uint64) reply { return reply{body: "x"} })
	start := time.Now()
	r := mustRun(t, Config{Addr: s.addr, Source: numbered{}, WarmUp: 100 * time.Millisecond, Duration: 300 * time.Millisecond})
	if took := time.Since(start); took < 400*time.Millisecond {
		t.Errorf("the run took %s, want a little more than 400ms", took)
	}
	if r.Elapsed != 300*time.Millisecond || r.Requests == 0 || r.Requests >= s.requests() {
		t.Errorf("elapsed %s, %d of %d requests measured", r.Elapsed, r.Requests, s.requests())
	}
}

// best fails unless one of ten runs does what it should: a busy machine makes runs look
// worse, never better.
func best(t *testing.T, run func() error) {
	t.Helper()
	var err error
	for range 10 {
		if err = run(); err == nil {
			return
		}
		t.Log(err)
	}
	t.Error(err)
}

// A server that stalls once must show in an open loop as all the requests that were
// meant to be sent meanwhile, not as one.
func TestOpenLoopCountsFromTheIntendedTime(t *testing.T) {
	f := func(perConnection bool) error {
		stall := 300 * time.Millisecond
		s := serve(t, func(n uint64) reply {
			if n == 50 {
				return reply{wait: stall, body: "x"}
			}
			return reply{body: "x"}
		})
		r := mustRun(t, Config{
			Addr: s.addr, Source: numbered{}, Connections: 1, Rate: 200,
			PerConnection: perConnection, Duration: time.Second,
		})
		if got := r.Latency.TotalCount(); got < 199 || got > 201 || r.Errors.Total() > 0 {
			return fmt.Errorf("%d latencies, errors %s, %d unsent; want 200, none, any", got, &r.Errors, r.Unsent)
		}
		// 300 ms at 200/s: 60 requests were late, 40 of them by more than 100 ms.
		late := int64(0)
		for _, b := range r.Latency.Distribution() {
			if b.From > int64(100*time.Millisecond) {
				late += b.Count
			}
		}
		if late < 35 || late > 120 {
			return fmt.Errorf("%d requests were late by more than 100ms, want about 40", late)
		}
		if v := time.Duration(r.Service.ValueAtQuantile(90)); v > 50*time.Millisecond {
			return fmt.Errorf("the p90 of the service time is %s: it should not count the wait for a connection", v)
		}
		return nil
	}
	best(t, func() error { return f(false) })
	best(t, func() error { return f(true) })
}

func TestOpenLoopSaysWhatItCouldNotSend(t *testing.T) {
	f := func(perConnection bool) error {
		s := serve(t, func(uint64) reply { return reply{wait: 50 * time.Millisecond, body: "x"} })
		r := mustRun(t, Config{
			Addr: s.addr, Source: numbered{}, Connections: 2, Rate: 1000,
			PerConnection: perConnection, WarmUp: 100 * time.Millisecond, Duration: 500 * time.Millisecond,
		})
		// Two connections can do 20 requests.
		if r.Requests < 5 || r.Requests > 30 || r.Requests+r.Unsent < 490 || r.Requests+r.Unsent > 510 {
			return fmt.Errorf("%d answered, %d unsent; want about 20 and 480", r.Requests, r.Unsent)
		}
		if p := r.Percentile(99); p < 400*time.Millisecond {
			return fmt.Errorf("p99 is %s; the overdue requests are not in it", p)
		}
		return nil
	}
	best(t, func() error { return f(false) })
	best(t, func() error { return f(true) })
}

// Requests of an open loop leave when they are meant to, not in bursts.
func TestScheduleIsKept(t *testing.T) {
	s := serve(t, func(uint64) reply { return reply{body: "x"} })
	best(t, func() error {
		r := mustRun(t, Config{Addr: s.addr, Source: numbered{}, Connections: 4, Rate: 200, Duration: 500 * time.Millisecond})
		// Latency counts from the intended time, Service from the real one. Four
		// requests at once, every 20 ms, would leave 7.5 ms late.
		late := r.Percentile(50) - time.Duration(r.Service.ValueAtQuantile(50))
		if late > 3*time.Millisecond {
			return fmt.Errorf("the median request left %s late", late)
		}
		return nil
	})
}

func TestErrors(t *testing.T) {
	f := func(r reply, want ErrorKind, wantText string) {
		t.Helper()
		timeout := time.Minute
		if r.wait > 0 {
			timeout = r.wait / 2
		}
		s := serve(t, func(n uint64) reply {
			if n%10 == 9 {
				return r
			}
			return reply{body: "good"}
		})
		got := mustRun(t, Config{
			Addr: s.addr, Source: numbered{"good"}, Connections: 2, Requests: 100, CheckEvery: 1,
			Duration: time.Minute, Timeout: timeout, MaxAnswer: 1000,
		})
		if got.Errors.ByKind[want] != 10 || got.Errors.Total() != 10 || got.Requests != 90 {
			t.Fatalf("errors %s and %d good answers, want 10 %s and 90", &got.Errors, got.Requests, want)
		}
		if !strings.Contains(got.Errors.First[want], wantText) {
			t.Fatalf("the first error is %q, want %q in it", got.Errors.First[want], wantText)
		}
	}
	f(reply{body: "evil"}, ErrBody, `at byte 0: got "evil", want "good"`)
	f(reply{status: 503, body: "busy"}, ErrStatus, "status 503: busy")
	f(reply{hangUp: true}, ErrReceive, "closed the connection")
	f(reply{wait: time.Second, body: "good"}, ErrTimeout, "500ms")
	f(reply{raw: "HTTP/1.1 200 OK\r\n\r\n"}, ErrFraming, "no Content-Length")
	f(reply{raw: "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n"}, ErrFraming, "1000")
	f(reply{raw: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoodgood"}, ErrFraming, "more than one")
}

func TestStatusesAreCounted(t *testing.T) {
	s := serve(t, func(n uint64) reply { return reply{status: []int{200, 429, 503, 429}[n%4]} })
	r := mustRun(t, Config{Addr: s.addr, Source: numbered{}, Connections: 1, Requests: 40, Duration: 5 * time.Second})
	if got, want := r.Errors.String(), "30 status (429: 20, 503: 10)"; got != want {
		t.Errorf("errors are %q, want %q", got, want)
	}
}

func TestServerThatClosesIdleAndAnsweredConnections(t *testing.T) {
	s := serve(t, func(uint64) reply {
		return reply{raw: "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\nx"}
	})
	r := mustRun(t, Config{Addr: s.addr, Source: numbered{"x"}, Connections: 3, Requests: 6, CheckEvery: 1, Duration: 5 * time.Second})
	if r.Requests != 6 || r.Errors.Total() != 0 {
		t.Errorf("%d good answers, errors %s; want 6, none", r.Requests, &r.Errors)
	}
}

func TestNobodyListens(t *testing.T) {
	if _, err := Run(context.Background(), Config{Addr: "127.0.0.1:1", Source: numbered{}, Duration: time.Second}); err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("a run against a closed port says %v", err)
	}
}

func TestCancel(t *testing.T) {
	s := serve(t, func(uint64) reply { return reply{body: "x"} })
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	r, err := Run(ctx, Config{Addr: s.addr, Source: numbered{}, Duration: time.Minute})
	if err != nil || r.Requests == 0 {
		t.Fatalf("a cancelled run gives %v, %v", r, err)
	}
	if took := time.Since(start); took > 50*time.Second || r.Elapsed > took {
		t.Errorf("it took %s and says %s", took, r.Elapsed)
	}
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := Run(ctx, Config{Addr: s.addr, Source: numbered{}, WarmUp: time.Minute, Duration: time.Minute}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a run cancelled in its warm-up says %v", err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	f := func(c Config, want string) {
		t.Helper()
		if _, err := Run(context.Background(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("Run(%+v) says %v, want %q in it", c, err, want)
		}
	}
	f(Config{Source: numbered{}, Duration: 1}, "address")
	f(Config{Addr: "x:1", Duration: 1}, "requests")
	f(Config{Addr: "x:1", Source: numbered{}}, "duration")
	f(Config{Addr: "x:1", Source: numbered{}, Duration: 1, Connections: 1 << 20}, "connections")
	f(Config{Addr: "x:1", Source: numbered{}, Duration: 1, Rate: -1}, "rate")
	f(Config{Addr: "x:1", Source: numbered{}, Duration: 1, Threads: 1000}, "threads")
}

// The loop itself allocates nothing: ten times the requests allocate no more.
func TestNoAllocationPerRequest(t *testing.T) {
	answer := "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	s := serveFixed(t, answer)
	allocs := func(requests uint64) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := mustRun(t, Config{
			Addr: s, Source: &Fixed{Request: AppendPost(nil, "test", "/", "", []byte("{}")), Want: []byte("hello")},
			Connections: 4, Requests: requests, CheckEvery: 1, Duration: 10 * time.Second,
		})
		runtime.ReadMemStats(&after)
		if r.Requests != requests || r.Errors.Total() > 0 {
			t.Fatalf("%d requests, errors %s", r.Requests, &r.Errors)
		}
		return after.Mallocs - before.Mallocs
	}
	few := []int{int(allocs(500)), int(allocs(500)), int(allocs(500))}
	sort.Ints(few)
	if many := int(allocs(5000)); many > few[2]+100 {
		t.Errorf("5000 requests allocate %d times, 500 do %v: want the same but for noise", many, few)
	}
}

func TestMeters(t *testing.T) {
	m := ProcessMeter(os.Getpid())
	before, err := m()
	if err != nil {
		t.Fatal(err)
	}
	// A busy machine gives this process less than all of a processor, never more.
	var used Usage
	start := time.Now()
	for used = before; err == nil && used.CPU-before.CPU < 60*time.Millisecond && time.Since(start) < time.Minute; {
		used, err = m()
	}
	took := time.Since(start)
	if cpu := used.CPU - before.CPU; err != nil || took >= time.Minute || cpu > took*time.Duration(runtime.NumCPU())+20*time.Millisecond {
		t.Errorf("%s of CPU time in %s, error %v", cpu, took, err)
	}
	if _, err := ProcessMeter(1 << 30)(); err == nil || !strings.Contains(err.Error(), "process") {
		t.Errorf("a process that does not exist says %v", err)
	}
}
