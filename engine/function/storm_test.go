package function

import (
	"context"
	"errors"
	"flag"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// stormTime is what TestStorm takes for each kind of fault; in 30s a hundred of each fit on
// a quiet machine: go test -run Storm -v ./engine/function -args -storm 30s.
var stormTime = flag.Duration("storm", 2*time.Second, "time of one kind of fault in TestStorm")

// TestStorm makes a hundred of each fault, or as many as fit in the time of a kind, and
// has a second function called all along. It prints what it took to say why, and to answer
// the next call.
func TestStorm(t *testing.T) {
	const most, limit = 100, 200 * time.Millisecond
	other := open(t, "def f(): return 1\n", nil)
	stop := make(chan struct{})
	var served atomic.Int64
	var bystander sync.WaitGroup
	bystander.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			if a, err := other.Call(context.Background(), []byte(`{}`)); err != nil || string(a.JSON) != "1" {
				t.Errorf("the other function: %s, %v", a.JSON, err)
				return
			}
			served.Add(1)
		}
	})
	debug.FreeOSMemory()
	before := residentOf(t)
	f := func(op string, kind Kind, change func(*Config), hurt func(*Pool)) {
		t.Helper()
		p := open(t, faulty, func(c *Config) {
			c.RunTimeout, c.Memory, c.Crashes, c.Ceil, c.Cruise = limit, 512<<20, 1<<30, 1, 1
			if change != nil {
				change(c)
			}
		})
		n, late, slow := 0, time.Duration(0), time.Duration(0)
		for end := time.Now().Add(*stormTime); n < most && time.Now().Before(end); n++ {
			begin := time.Now()
			if hurt != nil {
				time.AfterFunc(10*time.Millisecond, func() { hurt(p) })
			}
			a, err := p.Call(t.Context(), []byte(`{"op":"`+op+`"}`))
			if e, ok := errors.AsType[*Error](err); !ok || e.Kind != kind {
				t.Fatalf("%s: %.100s, error %v, want %v", op, a.JSON, err, kind)
			}
			took := time.Since(begin)
			if kind == TimedOut {
				took -= limit
			}
			late = max(late, took)
			begin = time.Now()
			if got := call(t, p, `{}`); got != `"ok"` {
				t.Fatalf("after %s: %s", op, got)
			}
			slow = max(slow, time.Since(begin))
		}
		t.Logf("%-8s %3d times: the reason within %v (hang and bomb: after the deadline of %v), the next call answered within %v", op, n, late.Round(time.Millisecond), limit, slow.Round(time.Millisecond))
	}
	f("die", WorkerDied, nil, nil)
	f("crash", WorkerDied, nil, nil)
	f("hang", TimedOut, nil, nil)
	f("sleep", WorkerDied, func(c *Config) { c.RunTimeout = time.Minute }, func(p *Pool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for w := range p.all {
			w.process.kill()
		}
	})
	f("alloc", UserError, nil, nil)
	f("garbage", WorkerDied, nil, nil)
	f("large", NotSerialisable, func(c *Config) { c.RunTimeout, c.Memory = time.Minute, 1<<30 }, nil)
	if scratch := bombShelter(t); scratch != "" {
		f("bomb", TimedOut, func(c *Config) {
			c.Interpreter, c.UID, c.GID, c.Processes, c.Scratch = bombPython, bombUser, bombUser, 20, scratch
		}, nil)
	}
	close(stop)
	bystander.Wait()
	debug.FreeOSMemory()
	after := residentOf(t)
	t.Logf("meanwhile %d calls of another function; resident memory %d MiB before, %d MiB after", served.Load(), before>>20, after>>20)
	if after > before+256<<20 {
		t.Errorf("resident memory grew from %d to %d MiB", before>>20, after>>20)
	}
	noChildren(t)
}

func residentOf(t *testing.T) int64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(b))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
