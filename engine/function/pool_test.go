package function

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"quiver/engine/fail"
)

// python returns a real interpreter, behind wrappers that choose one.
var python = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	return strings.TrimSpace(string(out)), err
})

func interpreter(t testing.TB) string {
	t.Helper()
	p, err := python()
	if err != nil {
		t.Fatalf("python3 does not run (%v); install it: apt-get install python3", err)
	}
	return p
}

// open opens a pool over source, whose function is f, and checks at the end of the
// test that nothing is left.
func open(t testing.TB, source string, change func(*Config)) *Pool {
	t.Helper()
	before := runtime.NumGoroutine()
	c := Config{Interpreter: interpreter(t), Files: map[string]string{"code.py": source}, Function: "f", Ceil: 2, Scratch: t.TempDir()}
	if change != nil {
		change(&c)
	}
	p, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if left, _ := filepath.Glob(filepath.Join(p.c.Scratch, "*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		for range 100 {
			if runtime.NumGoroutine() <= before {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := runtime.NumGoroutine(); n > before {
			b := make([]byte, 1<<16)
			t.Errorf("%d goroutines, %d before:\n%s", n, before, b[:runtime.Stack(b, true)])
		}
	})
	return p
}

func call(t testing.TB, p *Pool, args string) string {
	t.Helper()
	a, err := p.Call(t.Context(), []byte(args))
	if err != nil {
		t.Fatalf("%s: %v", args, err)
	}
	return string(a.JSON)
}

// failed makes a call that must fail with a kind.
func failed(t testing.TB, p *Pool, args string, want Kind) *Error {
	t.Helper()
	a, err := p.Call(t.Context(), []byte(args))
	var e *Error
	if !errors.As(err, &e) || e.Kind != want {
		t.Fatalf("%s: %s, error %v (%T), want kind %d", args, a.JSON, err, err, want)
	}
	return e
}

func TestArguments(t *testing.T) {
	p := open(t, `
import json, quiver
def f(op, a=None, **more):
    if op == "nan": return [float("nan"), {"x": float("inf")}, 1.5]
    if op == "object": return object()
    if op == "circular":
        x = []; x.append(x); return x
    if op == "deep":
        x = []
        for _ in range(100000): x = [x]
        return x
    if op == "raise": raise ValueError("bad " + str(a))
    if op == "error": raise quiver.Error(418, "teapot")
    if op == "response": return quiver.Response(201, [("Set-Cookie", "a"), ("Set-Cookie", "b")], b"\xff\x00")
    if op == "exit":
        import sys; sys.exit(3)
    if op == "more": return more
    return a
`, nil)
	f := func(args, want string) {
		t.Helper()
		if got := call(t, p, args); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
	f(`{"op":"a","a":[1,2.5,"x",null,true,{"y":9007199254740993}]}`, `[1,2.5,"x",null,true,{"y":9007199254740993}]`)
	f(`{"op":"a"}`, `null`)
	f(`{"op":"a","a":"\ud800 é"}`, `"\ud800 \u00e9"`)
	f(`{"op":"nan"}`, `[null,{"x":null},1.5]`)
	f(`{"op":"a","a":NaN}`, `null`)
	f(`{"op":"more","z":1}`, `{"z":1}`)

	e := failed(t, p, `{"op":"raise","a":7}`, UserError)
	if e.Type != "ValueError" || e.Message != "bad 7" || !strings.Contains(e.Traceback, `code.py", line `) || strings.Contains(e.Traceback, "runner.py") {
		t.Errorf("exception: %+v", e)
	}
	if got := fail.AsError(e); got.Code != fail.Internal || got.Text != "ValueError: bad 7" {
		t.Errorf("in the engine's words: %+v", got)
	}
	if e := failed(t, p, `{"op":"error"}`, UserError); e.Status != 418 || e.Message != "teapot" {
		t.Errorf("quiver.Error: %+v", e)
	}
	if e := failed(t, p, `{"op":"exit"}`, UserError); e.Type != "SystemExit" {
		t.Errorf("sys.exit: %+v", e)
	}
	failed(t, p, `{"op":"object"}`, NotSerialisable)
	failed(t, p, `{"op":"circular"}`, NotSerialisable)
	failed(t, p, `{"op":"deep"}`, NotSerialisable)
	e = failed(t, p, `{"a":1}`, BadSignature)
	if !strings.Contains(e.Message, "missing op") {
		t.Error(e)
	}
	failed(t, p, `[1]`, BadSignature)
	failed(t, p, `{"op":"a"},"x":{`, BadSignature)
	failed(t, p, `"`+strings.Repeat("x", 17<<20)+`"`, TooLarge)

	a, err := p.Call(t.Context(), []byte(`{"op":"response"}`))
	if err != nil || a.Response == nil || a.Response.Status != 201 || len(a.Response.Headers) != 2 || string(a.Response.Body) != "\xff\x00" {
		t.Errorf("response %+v, %v", a.Response, err)
	}
	if s := p.Stats(); s.Starts != 1 || s.Crashes != 0 {
		t.Errorf("%+v: errors of calls must not cost a worker", s)
	}
}

func TestSignature(t *testing.T) {
	p := open(t, "def f(b, a): return a + b\n", nil)
	if got := call(t, p, `{"a":1,"b":2}`); got != "3" {
		t.Error(got)
	}
	e := failed(t, p, `{"b":1,"c":2,"d":3}`, BadSignature)
	if want := "f(b, a): missing a; unexpected c, d"; e.Message != want {
		t.Errorf("%q, want %q", e.Message, want)
	}
	zero := open(t, "def f(): pass\n", nil)
	if got := call(t, zero, `{}`); got != "null" {
		t.Error(got)
	}
}

func TestColumns(t *testing.T) {
	p := open(t, `
import datetime, decimal
def f(ts, a, b):
    assert ts[0].year == 2024 and len(ts) == len(a)
    return {"sum": [x + y for x, y in zip(a, b)], "at": ts, "d": [decimal.Decimal("1.50")], "day": [datetime.date(2024, 1, 2)], "raw": [b"ab"]}
`, func(c *Config) { c.Convention = Columns })
	got := call(t, p, `{"now":"2024-01-01T00:00:00.000000Z","inputs":["S.a","S.b"],"data":{"S.a":[1,"NaN","+infinity"],"S.b":[2,3,1]}}`)
	const at = `"2024-01-01T00:00:00.000000Z"`
	want := `{"sum":[3,"NaN","+infinity"],"at":[` + at + "," + at + "," + at + `],"d":["1.50"],"day":["2024-01-02"],"raw":["YWI="]}`
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	e := failed(t, p, `{"now":"2024-01-01T00:00:00.000000Z","inputs":["S.a"],"data":{"S.a":[1]}}`, BadSignature)
	if !strings.Contains(e.Message, "(ts, S.a)") {
		t.Error(e)
	}
}

func TestStartError(t *testing.T) {
	f := func(source, function, want, trace string) {
		t.Helper()
		c := Config{Interpreter: interpreter(t), Files: map[string]string{"code.py": source}, Function: function, Scratch: t.TempDir()}
		_, err := Open(t.Context(), c)
		var e *Error
		if !errors.As(err, &e) || e.Kind != StartFailed || !strings.Contains(err.Error(), want) || !strings.Contains(e.Traceback+e.Output, trace) {
			t.Errorf("%q: error %v, trace %+v; want %s and %s", source, err, e, want, trace)
		}
		if left, _ := filepath.Glob(filepath.Join(c.Scratch, "*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
	f("import nowhere\n", "f", "No module named 'nowhere'", "code.py\", line 1")
	f("def f(:\n", "f", "SyntaxError", "code.py\", line 1")
	f("def g(): pass\n", "f", "has no function f; it has: g", "")
	f("import os; print('last words'); os._exit(9)\n", "f", "exit status 9", "last words")
	_, err := Open(t.Context(), Config{Interpreter: "python-nowhere", Files: map[string]string{"a.py": ""}, Function: "f"})
	if err == nil || !strings.Contains(err.Error(), "install") {
		t.Error(err)
	}
}

func TestPrints(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	p := open(t, `
import os, sys
def f(n):
    print("hello", sys.stdin.read() == "")
    os.system("echo child >&2")
    for _ in range(n): print("x" * 1000)
    return os.listdir(".") + sorted(os.environ)
`, func(c *Config) {
		c.Env = map[string]string{"MINE": "1"}
		c.Log = func(s string) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, s)
		}
	})
	if got := call(t, p, `{"n":1000}`); got != `["HOME","LANG","MINE","PATH","TMPDIR"]` {
		t.Errorf("folder and environment: %s", got)
	}
	_ = p.Close()
	if !slices.Contains(lines, "hello True") || !slices.Contains(lines, "child") {
		t.Errorf("printed: %.200v", lines)
	}
	if n := len(lines); n > 100 || !strings.Contains(lines[n-1], "dropped") {
		t.Errorf("%d lines, the last %q", n, lines[n-1])
	}
}

func TestQueue(t *testing.T) {
	p := open(t, "import time\ndef f(s, n):\n    time.sleep(s)\n    return n\n", func(c *Config) { c.Ceil, c.Cruise, c.Queue, c.Timeout = 1, 1, 3, 300*time.Millisecond })
	var order []int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			call(t, p, fmt.Sprintf(`{"s":0.05,"n":%d}`, i))
			mu.Lock()
			order = append(order, i)
			mu.Unlock()
		})
		for s := p.Stats(); s.Busy+s.Waiting <= i; s = p.Stats() {
			time.Sleep(time.Millisecond)
		}
	}
	e := failed(t, p, `{"s":0,"n":0}`, QueueFull)
	if e.RetryAfter <= 0 || fail.AsError(e).Code != fail.Overloaded {
		t.Errorf("refused with %+v", e)
	}
	wg.Wait()
	if !slices.IsSorted(order) {
		t.Errorf("served in the order %v", order)
	}

	// One that waits too long, one whose caller goes away.
	wg.Go(func() { call(t, p, `{"s":0.5,"n":0}`) })
	for p.Stats().Busy == 0 {
		time.Sleep(time.Millisecond)
	}
	ctx, cancel := context.WithCancel(t.Context())
	wg.Go(func() {
		_, err := p.Call(ctx, []byte(`{"s":0,"n":0}`))
		var e *Error
		if !errors.As(err, &e) || e.Kind != Cancelled {
			t.Error(err)
		}
	})
	cancel()
	failed(t, p, `{"s":0,"n":0}`, QueueTimeout)
	wg.Wait()
}

func TestCancelledCallRunsOn(t *testing.T) {
	p := open(t, "import time\ndef f(s):\n    time.sleep(s)\n    return s\n", func(c *Config) { c.Ceil, c.Cruise = 1, 1 })
	for range 3 {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		_, err := p.Call(ctx, []byte(`{"s":0.1}`))
		var e *Error
		if !errors.As(err, &e) || e.Kind != Cancelled {
			t.Error(err)
		}
		if got := call(t, p, `{"s":0}`); got != "0" {
			t.Errorf("the next call got %s", got)
		}
	}
	if s := p.Stats(); s.Starts != 1 {
		t.Errorf("%+v: the worker must be kept", s)
	}
}

func TestPoolSize(t *testing.T) {
	gate := filepath.Join(t.TempDir(), "open")
	p := open(t, "import os, time\ndef f(gate=None):\n    while gate and not os.path.exists(gate): time.sleep(0.01)\n    return os.environ['HOME']\n", func(c *Config) {
		c.Ceil, c.Cruise, c.IdleTime, c.MaxCalls = 4, 2, 50*time.Millisecond, 3
	})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { call(t, p, `{"gate":"`+gate+`"}`) })
	}
	await(t, func() bool { return p.Stats().Busy == 4 }, time.Minute)
	if err := os.WriteFile(gate, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if s := p.Stats(); s.Starts != 4 {
		t.Errorf("after four calls at once %+v", s)
	}
	await(t, func() bool { return p.Stats().Live == 2 }, time.Minute)
	seen := map[string]bool{}
	for range 9 {
		seen[call(t, p, `{}`)] = true
	}
	if len(seen) < 3 {
		t.Errorf("%d workers for 9 calls of at most 3 each", len(seen))
	}
}

func await(t *testing.T, what func() bool, limit time.Duration) {
	t.Helper()
	for end := time.Now().Add(limit); !what(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %v", limit)
		}
	}
}

// BenchmarkRoundTrip reports the cost of a call through a pool that has free workers.
func BenchmarkRoundTrip(b *testing.B) {
	p := open(b, "def f(a, b, c, d, e, g, h, i, j, k): return a + k\n", nil)
	roundTrips(b, p)
}

func roundTrips(b *testing.B, p *Pool) {
	args := []byte(`{"a":1,"b":2,"c":3,"d":4,"e":5,"g":6,"h":7,"i":8,"j":9,"k":10.5}`)
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begin := time.Now()
		if _, err := p.Call(b.Context(), args); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	for _, q := range []int{50, 99} {
		b.ReportMetric(float64(took[len(took)*q/100].Nanoseconds())/1000, fmt.Sprintf("p%d-us", q))
	}
}
