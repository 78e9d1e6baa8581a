package function

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"quiver/engine/fail"
)

const faulty = `
import ctypes, os, socket, subprocess, time
def f(op="ok", n=0):
    if op == "die": os._exit(3)
    if op == "crash": ctypes.string_at(0)
    if op == "loop":
        while True: pass
    if op == "hang":
        subprocess.Popen(["sleep", "7653"])
        time.sleep(1000)
    if op == "alloc": return len(b"x" * (1 << 30))
    if op == "large": return "x" * (100 << 20)
    if op == "sleep": time.sleep(1000)
    if op == "garbage":
        os.write(4, b"\xff" * 100)
        time.sleep(1000)
    if op == "text": os.write(4, b"\x00\x00\x00\x02{}")
    if op == "forge": os.write(4, b'\x00\x00\x00\x14{"id":99,"result":1}')
    if op == "close": os.close(4); time.sleep(1000)
    if op == "fork":
        if os.fork() == 0: return "child"
        time.sleep(0.05)
    if op == "child":
        subprocess.Popen(["sleep", "7653"]); os._exit(1)
    if op == "bomb":
        while True:
            try: os.fork()
            except OSError: pass
    if op == "away": subprocess.Popen(["sleep", "7653"], start_new_session=True)
    return op
`

func TestFaults(t *testing.T) {
	const limit = 300 * time.Millisecond
	p := open(t, faulty, func(c *Config) {
		c.RunTimeout, c.Memory, c.Crashes, c.Ceil, c.Cruise, c.Timeout = limit, 256<<20, 1000, 1, 1, time.Minute
	})
	other := open(t, "def f(): return 1\n", nil)
	f := func(op string, want Kind, says string) {
		t.Helper()
		// The best of three: other tests share the machine, and the system may be late to
		// say how a process ended.
		reason, replaced, said := time.Hour, time.Hour, false
		for range 3 {
			begin := time.Now()
			e := failed(t, p, `{"op":"`+op+`"}`, want)
			reason = min(reason, time.Since(begin))
			switch {
			case strings.Contains(e.Error(), says):
				said = true
			case !strings.Contains(e.Error(), "closed its connection"):
				t.Errorf("%s: %q, want %q", op, e, says)
			}
			begin = time.Now()
			if got := call(t, p, `{}`); got != `"ok"` {
				t.Errorf("after %s: %s", op, got)
			}
			replaced = min(replaced, time.Since(begin))
			if got := call(t, other, `{}`); got != "1" {
				t.Errorf("other pool after %s: %s", op, got)
			}
		}
		if !said {
			t.Errorf("%s never says %q", op, says)
		}
		t.Logf("%-8s reason after %v, next call answered after %v", op, reason.Round(time.Microsecond), replaced.Round(time.Microsecond))
	}
	f("die", WorkerDied, "exit status 3")
	f("crash", WorkerDied, "signal: segmentation fault")
	f("loop", TimedOut, "too long")
	f("hang", TimedOut, "too long")
	f("alloc", UserError, "MemoryError")
	f("garbage", WorkerDied, "no answer")
	f("text", WorkerDied, "no answer")
	f("forge", WorkerDied, "no answer")
	f("close", WorkerDied, "closed its connection")
	f("child", WorkerDied, "exit status 1")
	if got := call(t, p, `{"op":"fork"}`); got != `"fork"` {
		t.Errorf("a call that forks: %s", got)
	}
	noChildren(t)
	if s := p.Stats(); s.Timeouts != 6 || s.Crashes != 21 {
		t.Errorf("%+v", s)
	}
}

func TestLargeAnswer(t *testing.T) {
	p := open(t, faulty, nil)
	e := failed(t, p, `{"op":"large"}`, NotSerialisable)
	if !strings.Contains(e.Message, "limit is 16777216") {
		t.Error(e)
	}
	if s := p.Stats(); s.Starts != 1 {
		t.Errorf("%+v: the worker must be kept", s)
	}
}

// noChildren fails if a child of this process is a zombie, or a worker's command runs on.
func noChildren(t *testing.T) {
	t.Helper()
	await(t, func() bool {
		for pid, s := range processes() {
			if s.parent == os.Getpid() && s.state == "Z" || strings.Contains(commandLine(pid), "sleep\x007653") {
				return false
			}
		}
		return true
	}, 20*time.Second)
}

type state struct {
	state  string
	parent int
}

func processes() map[int]state {
	out := map[int]state{}
	found, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range found {
		b, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:]))
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		parent, _ := strconv.Atoi(f[1])
		out[pid] = state{f[0], parent}
	}
	return out
}

func commandLine(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return string(b)
}

// Who throws fork bombs, and with what.
const (
	bombUser   = 64931
	bombPython = "/usr/bin/python3"
)

// bombShelter makes a scratch folder that another user may enter; "" without root, when
// the limit counts all processes of this user and a bomb could stop others.
func bombShelter(t *testing.T) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Log("not root: no fork bombs")
		return ""
	}
	if _, err := os.Stat(bombPython); err != nil {
		t.Fatalf("a Python that every user may run is needed: apt-get install python3 (%v)", err)
	}
	scratch, err := os.MkdirTemp("", "bomb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(scratch) })
	if err := os.Chmod(scratch, 0o755); err != nil {
		t.Fatal(err)
	}
	return scratch
}

// TestForkBomb needs a user of its own for the limit to mean something.
func TestForkBomb(t *testing.T) {
	const most = 20
	scratch := bombShelter(t)
	if scratch == "" {
		return
	}
	p := open(t, faulty, func(c *Config) {
		c.Interpreter, c.UID, c.GID, c.Processes, c.RunTimeout, c.Scratch = bombPython, bombUser, bombUser, most, 300*time.Millisecond, scratch
	})
	if u := p.Unlimited(); len(u) != 0 {
		t.Errorf("not limited: %v", u)
	}
	for range 3 {
		failed(t, p, `{"op":"bomb"}`, TimedOut)
		if got := call(t, p, `{}`); got != `"ok"` {
			t.Error(got)
		}
	}
	await(t, func() bool { // all of them are gone but the idle worker
		n := 0
		found, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range found {
			if info, err := os.Stat(dir); err == nil && info.Sys().(*syscall.Stat_t).Uid == bombUser {
				n++
			}
		}
		return n <= 1
	}, 20*time.Second)
}

func TestCircuit(t *testing.T) {
	p := open(t, faulty, func(c *Config) { c.CrashPause = 300 * time.Millisecond })
	for range 3 {
		failed(t, p, `{"op":"die"}`, WorkerDied)
	}
	e := failed(t, p, `{}`, Broken)
	if e.RetryAfter <= 0 || fail.AsError(e).Code != fail.Overloaded {
		t.Errorf("%+v", e)
	}
	time.Sleep(400 * time.Millisecond)
	if got := call(t, p, `{}`); got != `"ok"` {
		t.Error(got)
	}
}

// TestIdleDeath: a worker that dies while nobody uses it is replaced unasked.
func TestIdleDeath(t *testing.T) {
	p := open(t, faulty, nil)
	p.mu.Lock()
	p.idle[0].process.kill()
	p.mu.Unlock()
	await(t, func() bool { s := p.Stats(); return s.Starts == 2 && s.Live == 1 }, time.Second)
	if got := call(t, p, `{}`); got != `"ok"` {
		t.Error(got)
	}
}

func TestDeadlineOfTheCaller(t *testing.T) {
	p := open(t, faulty, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := p.Call(ctx, []byte(`{"op":"loop"}`))
	var e *Error
	if !errors.As(err, &e) || e.Kind != TimedOut {
		t.Error(err)
	}
}

func TestCloseWaitsForCalls(t *testing.T) {
	p := open(t, "import time\ndef f(): time.sleep(0.2); return 1\n", nil)
	got := make(chan string)
	go func() {
		a, err := p.Call(context.Background(), []byte(`{}`))
		got <- fmt.Sprint(string(a.JSON), err)
	}()
	await(t, func() bool { return p.Stats().Busy == 1 }, time.Second)
	go func() { _ = p.Close() }()
	if s := <-got; s != "1<nil>" {
		t.Error(s)
	}
	failed(t, p, `{}`, Closed)
}

// TestServerKilled runs a server in a process of its own, kills it while one worker is
// idle and one in an endless loop, and looks for survivors and leftovers.
func TestServerKilled(t *testing.T) {
	if scratch := os.Getenv("FUNCTION_TEST_SERVER"); scratch != "" {
		serveAndWait(t, scratch)
		return
	}
	scratch := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServerKilled$")
	cmd.Env = append(os.Environ(), "FUNCTION_TEST_SERVER="+scratch)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "ready") {
	}
	var workers []int
	for pid, s := range processes() {
		if s.parent == cmd.Process.Pid && strings.Contains(commandLine(pid), scratch) {
			workers = append(workers, pid)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if len(workers) != 2 {
		t.Errorf("%d workers before the kill, want 2", len(workers))
	}
	await(t, func() bool {
		for pid, s := range processes() {
			if s.state != "Z" && strings.Contains(commandLine(pid), scratch) {
				return false
			}
		}
		return true
	}, 20*time.Second)

	if lines.Text() == "ready" { // it had namespaces
		noChildren(t) // not even one that left its worker's process group
	}

	// The folder that it left is removed by the next server, once it is old enough.
	left, _ := filepath.Glob(filepath.Join(scratch, scratchPrefix+"*"))
	if len(left) != 1 {
		t.Fatalf("left behind: %v", left)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(left[0], old, old); err != nil {
		t.Fatal(err)
	}
	sweep(scratch)
	if left, _ := filepath.Glob(filepath.Join(scratch, "*")); len(left) != 0 {
		t.Errorf("not swept: %v", left)
	}
}

func serveAndWait(t *testing.T, scratch string) {
	p, err := Open(t.Context(), Config{Interpreter: interpreter(t), Files: map[string]string{"code.py": faulty}, Function: "f", Floor: 2, Scratch: scratch})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Call(context.Background(), []byte(`{"op":"away"}`)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = p.Call(context.Background(), []byte(`{"op":"loop"}`)) }()
	await(t, func() bool { s := p.Stats(); return s.Live == 2 && s.Busy == 1 }, 5*time.Second)
	time.Sleep(50 * time.Millisecond)
	if p.c.shared {
		fmt.Println("ready, without namespaces")
	} else {
		fmt.Println("ready")
	}
	time.Sleep(time.Minute)
}
