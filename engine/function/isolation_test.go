package function

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const prying = `
import os, socket, subprocess
def f(op, path=None, port=0, pid=0):
    try:
        if op == "write": open(path, "w").close()
        if op == "remove": os.remove(path)
        if op == "own": open("mine", "w").close(); os.mkdir("d"); os.rename("mine", "d/mine")
        if op == "null": open("/dev/null", "w").write("x")
        if op == "read": return open(path).read()
        if op == "connect": socket.create_connection(("127.0.0.1", port), 5).close()
        if op == "bind": socket.create_server(("127.0.0.1", 0)).close()
        if op == "signal": os.kill(pid, 0)
        if op == "setuid": os.setuid(1); return "could"
        if op == "command": return subprocess.run(["/bin/sh", "-c", "echo x > " + path]).returncode != 0
    except OSError as e:
        return type(e).__name__
    return "ok"
`

// TestIsolation has a function try what it may not, on platforms that take the right away.
func TestIsolation(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(outside, []byte("text"), 0o666); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	lacks := func(p *Pool, what string) bool {
		return slices.ContainsFunc(p.Unlimited(), func(s string) bool { return strings.Contains(s, what) })
	}
	f := func(p *Pool, args, want string) {
		t.Helper()
		if got := call(t, p, `{"op":`+args+`}`); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
	const refused = `"PermissionError"`
	p := open(t, prying, nil)
	t.Logf("not taken away here: %q", p.Unlimited())
	f(p, `"own"`, `"ok"`)
	f(p, `"null"`, `"ok"`)
	f(p, `"read","path":"`+outside+`"`, `"text"`)
	if !lacks(p, "files") {
		f(p, `"write","path":"`+outside+`"`, refused)
		f(p, `"write","path":"`+outside+`2"`, refused)
		f(p, `"remove","path":"`+outside+`"`, refused)
		f(p, `"command","path":"`+outside+`"`, `true`)
	}
	if !lacks(p, "network") {
		f(p, `"connect","port":`+port, refused)
		f(p, `"bind"`, refused)
	}
	if !lacks(p, "numbers") {
		f(p, `"signal","pid":`+strconv.Itoa(os.Getpid()), `"ProcessLookupError"`)
	}
	f(p, `"setuid"`, refused)

	open := open(t, prying, func(c *Config) { c.Network = true })
	f(open, `"connect","port":`+port, `"ok"`)
	f(open, `"bind"`, `"ok"`)
}

// TestRConnectsNowhere: R comes in by a socket, and may use no other.
func TestRConnectsNowhere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	p := openR(t, "f <- function(port) tryCatch({ close(socketConnection('127.0.0.1', port)); 'ok' }, error = function(e) 'refused', warning = function(w) 'refused')\n", nil)
	got := call(t, p, `{"port":`+strconv.Itoa(l.Addr().(*net.TCPAddr).Port)+`}`)
	if lacks := slices.ContainsFunc(p.Unlimited(), func(s string) bool { return strings.Contains(s, "network") }); !lacks && got != `"refused"` {
		t.Error(got)
	}
}
