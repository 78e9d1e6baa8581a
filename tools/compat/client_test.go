package compat

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// client is an official client. Its requirements are in name.txt, what is called with
// it in script.py.
type client struct {
	name   string
	module string // that can be imported when the client is installed
	script string // "" is name
	pip    []string
}

// python returns an interpreter that has the client, which is installed on first use.
func (c client) python(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("drives a Python client")
	}
	dir, err := filepath.Abs(filepath.Join("../../tmp/compat", c.name))
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin", "python")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if exec.CommandContext(ctx, bin, "-I", "-c", "import "+c.module).Run() == nil {
		return bin
	}
	install := append([]string{bin, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", c.name + ".txt"}, c.pip...)
	for _, args := range [][]string{{"python3", "-m", "venv", dir}, install} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("cannot install the official client (Debian: apt-get install python3-venv; PyPI must be in reach): %v: %v\n%s", args, err, out)
		}
	}
	return bin
}

// drive runs the client's script; the first argument is the server's URL.
func (c client) drive(t *testing.T, python string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	// Isolated, so that fennel.py is not taken for the package of that name.
	run := exec.CommandContext(ctx, python, append([]string{"-I", cmp.Or(c.script, c.name) + ".py"}, args...)...)
	run.Env = append(os.Environ(), "no_proxy=*")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

// server is the product running over a folder of its own.
type server struct{ binary, url, admin string }

// serve builds and starts the product with definitions.
func serve(t *testing.T, definitions string) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{binary: filepath.Join(dir, "quiver")}
	if out, err := exec.Command("go", "build", "-o", s.binary, "quiver/cmd/quiver").CombinedOutput(); err != nil {
		t.Fatalf("cannot build the server: %v\n%s", err, out)
	}
	file := filepath.Join(dir, "definitions.yaml")
	if err := os.WriteFile(file, []byte(definitions), 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.Command(s.binary, "serve", "--data", filepath.Join(dir, "data"), "--apply", file,
		"--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-level", "error")
	run.Stderr = os.Stderr
	stdout, err := run.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = run.Process.Signal(os.Interrupt)
		if err := run.Wait(); err != nil {
			t.Errorf("the server ended badly: %v", err)
		}
	})
	// The two bound addresses.
	if _, err := fmt.Fscanf(stdout, "serving %s\nadmin %s\n", &s.url, &s.admin); err != nil {
		t.Fatalf("cannot read the server's addresses: %v", err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if r, err := http.Get(s.url + "/ready"); err == nil && r.Body.Close() == nil && r.StatusCode == http.StatusOK {
			return s
		} else if time.Now().After(end) {
			t.Fatalf("the server does not become ready: %v", err)
		}
	}
}

// quiver runs a command against the server.
func (s *server) quiver(t *testing.T, args string) {
	t.Helper()
	run := exec.Command(s.binary, strings.Fields(args)...)
	run.Env = append(os.Environ(), "QUIVER_SERVER="+s.admin)
	if out, err := run.CombinedOutput(); err != nil {
		t.Fatalf("quiver %s: %v\n%s", args, err, out)
	}
}
