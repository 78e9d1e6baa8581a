package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// binary is the real program, built once for all tests of this package.
var binary string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "quiver-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "quiver")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("cannot build the program: %w\n%s", err, out)
	}
	// Nothing of the developer's own surroundings may reach the tests.
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "QUIVER_") {
			_ = os.Unsetenv(name)
		}
	}
	return m.Run(), nil
}

// result is what one run of the program did.
type result struct {
	stdout, stderr string
	code           int
}

// quiver runs the program to its end.
func quiver(t testing.TB, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("quiver %s: %v", strings.Join(args, " "), err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// ok runs the program, which must succeed, and returns what it prints.
func ok(t testing.TB, args ...string) string {
	t.Helper()
	r := quiver(t, args...)
	if r.code != 0 {
		t.Fatalf("quiver %s: exit %d\n%s", strings.Join(args, " "), r.code, r.stderr)
	}
	return r.stdout
}

// fails runs the program, which must fail with the code and one line on stderr.
func fails(t testing.TB, code int, want string, args ...string) {
	t.Helper()
	r := quiver(t, args...)
	if r.code != code || r.stdout != "" || strings.TrimSuffix(r.stderr, "\n") != want {
		t.Errorf("quiver %s: exit %d, stdout %q, stderr\n%s\nwant exit %d and\n%s", strings.Join(args, " "), r.code, r.stdout, r.stderr, code, want)
	}
}

// server is a running program.
type server struct {
	cmd          *exec.Cmd
	front, admin string // URLs
	stdout       *bufio.Reader
	stderr       log
	ended        chan error
}

// log is what a running program writes to stderr.
type log struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// start starts `quiver serve` or `quiver demo` on free ports and waits until it
// listens.
func start(t testing.TB, command string, args ...string) *server {
	t.Helper()
	s := &server{ended: make(chan error, 1)}
	s.cmd = exec.Command(binary, append([]string{command, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"}, args...)...)
	s.cmd.Stderr = &s.stderr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stdout = w
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close() // the child has it
	go func() { s.ended <- s.cmd.Wait() }()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it may have ended already
		_ = r.Close()
	})
	s.stdout = bufio.NewReader(r)
	for _, p := range []struct {
		name string
		url  *string
	}{{"serving", &s.front}, {"admin", &s.admin}} {
		line, err := s.stdout.ReadString('\n')
		name, url, _ := strings.Cut(strings.TrimSpace(line), " ")
		if err != nil || name != p.name {
			<-s.ended
			t.Fatalf("quiver %s %s: printed %q (%v), want the %s address\n%s", command, strings.Join(args, " "), line, err, p.name, s.stderr.String())
		}
		*p.url = strings.TrimSpace(url)
	}
	return s
}

// end sends a signal and waits for the program's end.
func (s *server) end(t testing.TB, signal syscall.Signal) error {
	t.Helper()
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		return err
	case <-time.After(20 * time.Second):
		t.Fatalf("the server does not end\n%s", s.stderr.String())
		return nil
	}
}

// stop ends the server in an orderly way.
func (s *server) stop(t testing.TB) {
	t.Helper()
	if err := s.end(t, syscall.SIGTERM); err != nil {
		t.Fatalf("the server ends with %v\n%s", err, s.stderr.String())
	}
}

// post sends a body to the public API.
func (s *server) post(t testing.TB, path, key, body string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.front+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("X-API-KEY", key)
		r.Header.Set("Authorization", "Bearer "+key)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(out)
}

// write writes a file into a new folder.
func write(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const usersYAML = `kind: FeatureGroup
store: shop
name: users
key: [id]
features:
  - {name: id, type: bigint}
  - {name: name, type: string}
  - {name: age, type: int, default: 18}
---
kind: FeatureView
store: shop
name: user
from:
  - {group: users}
---
kind: FeatureGroup
store: shop
name: clicks
eventTime: at
features:
  - {name: at, type: timestamp}
  - {name: page, type: string}
`

const userRequest = `{"featureStoreName":"shop","featureViewName":"user","featureViewVersion":1,"entries":{"id":%d}}`

func TestUsage(t *testing.T) {
	t.Parallel()
	fails(t, 2, "quiver: unexpected argument nonsense (hint: see `quiver --help`)", "nonsense")
	fails(t, 2, "quiver: missing flags: --group=G, --store=S (hint: see `quiver load --help`)", "load", "x.csv")
	fails(t, 2, "quiver: unknown flag --frce, did you mean \"--force\"? (hint: see `quiver remove --help`)", "remove", "view", "a/b", "--frce")
	fails(t, 2, `quiver: "b" is not STORE/NAME or STORE/NAME@VERSION`, "remove", "view", "b")
	fails(t, 2, `quiver: "a/b@x": "x" is not a version`, "remove", "view", "a/b@x")
	fails(t, 2, `quiver: "id" is not NAME=VALUE`, "get", "--store", "s", "--view", "v", "id")
	fails(t, 2, "quiver: --server and --data exclude each other: a running server has its folder open itself", "definitions", "--server", "x", "--data", "y")
	fails(t, 2, "quiver: no definitions are named (hint: -f PATH, a YAML file or a folder of them)", "apply", "--data", t.TempDir())
	fails(t, 2, "quiver: a data folder is needed (hint: quiver serve --data DIR)", "serve")
	fails(t, 2, "quiver: the demo asks for no key and listens on loopback addresses only (hint: `quiver serve` is for the others)", "demo", "--listen", "0.0.0.0:0")
	fails(t, 2, "quiver: --no-auth is for loopback addresses, and --listen is 0.0.0.0:0 (hint: --listen 127.0.0.1:4406, or make a key with `quiver key create` and leave --no-auth out)",
		"serve", "--data", t.TempDir(), "--no-auth", "--listen", "0.0.0.0:0")
	fails(t, 1, "quiver: cannot reach the server at http://127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused (hint: start one with `quiver serve`, name another with --server, or open a folder with --data DIR)",
		"definitions", "--server", "127.0.0.1:1")
	fails(t, 1, "quiver: cannot open the data folder: open /no/such: no such file or directory (hint: `quiver serve --data /no/such` makes one)", "definitions", "--data", "/no/such")
	other := filepath.Dir(write(t, "other", ""))
	fails(t, 1, "quiver: "+other+" holds other files and no data of this program (hint: --data names the folder that `quiver serve --data` uses, or an empty one)", "definitions", "--data", other)
	for _, command := range []string{
		"demo", "serve", "plan", "apply", "rollback", "remove", "definitions", "load", "get", "put", "delete",
		"features-log list", "features-log head", "features-log export",
		"key create", "key list", "key revoke", "version",
	} {
		args := append(strings.Fields(command), "--help")
		if out := ok(t, args...); !strings.Contains(out, "Examples:") || !strings.Contains(out, "quiver "+command) {
			t.Errorf("quiver %s: no examples in\n%s", strings.Join(args, " "), out)
		}
	}
	if out := ok(t); !strings.Contains(out, "quiver demo") {
		t.Errorf("quiver alone prints\n%s", out)
	}
	var v struct {
		Version, Commit, Go string
		Formats             map[string]int
	}
	if err := json.Unmarshal([]byte(ok(t, "version", "--output", "json")), &v); err != nil || v.Version == "" || v.Commit == "" || v.Go == "" || len(v.Formats) == 0 {
		t.Errorf("version %+v, %v", v, err)
	}
}

// TestServe goes through a server's life: define, load, read, change, end, start again.
// observed is a transport that tells of every request before it is sent.
type observed func(*http.Request)

func (o observed) RoundTrip(r *http.Request) (*http.Response, error) {
	o(r)
	return http.DefaultTransport.RoundTrip(r)
}

func TestServe(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	s := start(t, "serve", "--data", dir, "--no-auth", "--apply", write(t, "users.yaml", usersYAML))
	at := []string{"--server", s.admin}
	run := func(args ...string) string { t.Helper(); return ok(t, append(args, at...)...) }

	csv := write(t, "users.csv", "ID,Name,age\n1,Ann,36\n2,\"Bob, jr\",\n")
	if got := run("load", "--store", "shop", "--group", "users", csv); !strings.HasPrefix(got, "loaded 2 rows into shop/users in ") {
		t.Errorf("load prints %q", got)
	}
	read := func(id int, want string) {
		t.Helper()
		if status, got := s.post(t, "/0.1.0/feature_store", "", fmt.Sprintf(userRequest, id)); status != 200 || !strings.Contains(got, want) {
			t.Errorf("user %d: %d %s, want %s", id, status, got, want)
		}
	}
	read(1, `"features":[1,"Ann",36]`)
	read(2, `"features":[2,"Bob, jr",null]`)
	run("put", "--store", "shop", "--group", "users", "id=3", "name=Cy=c")
	read(3, `"features":[3,"Cy=c",18]`)
	if got, want := run("get", "--store", "shop", "--view", "user", "id=3"), "FEATURE  TYPE    VALUE\nid       bigint  3\nname     string  Cy=c\nage      int     18\nshop/user@1: COMPLETE\n"; got != want {
		t.Errorf("get prints\n%s\nwant\n%s", got, want)
	}
	run("delete", "--store", "shop", "--group", "users", "id=3")
	read(3, `"status":"MISSING"`)

	// An upsert keeps other rows, a replacement does not.
	more := write(t, "more.jsonl", `{"id":2,"name":"Bea"}`+"\n"+`{"id":4}`+"\n")
	run("load", "--store", "shop", "--group", "users", more)
	read(1, `"Ann"`)
	read(2, `[2,"Bea",18]`)
	run("load", "--store", "shop", "--group", "users", "--replace", more)
	read(1, `"status":"MISSING"`)
	read(4, `[4,null,18]`)
	var res map[string]any
	// Rows of a replacing load leave as they are read; what was sent of one that turns
	// out bad is thrown away.
	var long strings.Builder
	long.WriteString("id,name\n")
	for id := range 200_000 {
		fmt.Fprintf(&long, "%d,N%d\n", id, id)
	}
	broken := write(t, "broken.csv", long.String()+"x,y\n")
	if r := quiver(t, append([]string{"load", "--store", "shop", "--group", "users", "--replace", broken}, at...)...); r.code != 1 || r.stdout != "" ||
		!strings.HasSuffix(r.stderr, "broken.csv:200002: column \"id\": \"x\" is not a bigint\nquiver: 1 bad rows, nothing was loaded (hint: --skip-bad leaves them out)\n") {
		t.Errorf("a replacing load with a bad row at its end: %+v", r)
	}
	read(1, `"status":"MISSING"`)
	read(4, `[4,null,18]`)
	// As from another machine: packed.
	far := &loading{client: &client{base: s.admin, http: http.DefaultClient, done: nothing}, stderr: io.Discard, store: "shop", group: "users", replace: true}
	if got, err := far.run(t.Context(), []string{write(t, "long.csv", long.String()), more}); err != nil || got.Rows != 200_002 || !got.Bulk {
		t.Errorf("a load from afar: %+v, %v", got, err)
	}
	read(199_999, `[199999,"N199999",18]`)
	run("load", "--store", "shop", "--group", "users", "--replace", more)
	// Rows that come in after the group was found to be empty are added to.
	run("load", "--store", "shop", "--group", "users", "--replace", write(t, "none.csv", "id\n"))
	loads := 0
	late := &loading{client: &client{base: s.admin, near: true, done: nothing}, stderr: io.Discard, store: "shop", group: "users"}
	late.client.http = &http.Client{Transport: observed(func(r *http.Request) {
		if r.URL.Path == "/api/load" {
			if loads++; loads == 1 {
				run("put", "--store", "shop", "--group", "users", "id=7", "name=Gil")
			}
		}
	})}
	if got, err := late.run(t.Context(), []string{more}); err != nil || got.Rows != 2 || got.Bulk || loads != 2 {
		t.Errorf("a load into a group that got a row: %+v, %v, %d calls", got, err, loads)
	}
	read(7, `[7,"Gil",18]`)
	read(4, `[4,null,18]`)
	run("delete", "--store", "shop", "--group", "users", "id=7")
	if err := json.Unmarshal([]byte(run("load", "--store", "shop", "--group", "users", "--output", "json", csv)), &res); err != nil || res["rows"] != 2.0 || res["skipped"] != 0.0 {
		t.Errorf("load as JSON: %v, %v", res, err)
	}

	// Events are appended, and the command says so.
	clicks := write(t, "clicks.csv", "at,page\n2024-01-01,a\n2024-01-02,b\n")
	for _, want := range []string{"it holds 2 rows now", "it holds 4 rows now"} {
		if got := run("load", "--store", "shop", "--group", "clicks", clicks); !strings.Contains(got, want) || !strings.Contains(got, "loading the same file again stores it twice") {
			t.Errorf("load of events prints %q, want %q", got, want)
		}
	}
	fails(t, 1, "quiver: group clicks has no key: events are only ever appended, not replaced (hint: leave --replace out)",
		append([]string{"load", "--store", "shop", "--group", "clicks", "--replace", clicks}, at...)...)

	// Definitions: list, plan, apply, roll back, remove.
	var list []struct {
		Kind, Store, Name string
		Version           int
	}
	if err := json.Unmarshal([]byte(run("definitions", "--output", "json")), &list); err != nil || len(list) != 3 || list[2].Kind != "FeatureView" || list[2].Name != "user" || list[2].Version != 1 {
		t.Errorf("definitions: %+v, %v", list, err)
	}
	if got := run("definitions", "view", "shop/user"); strings.Count(got, "\n") != 2 {
		t.Errorf("definitions of one view:\n%s", got)
	}
	wider := write(t, "users.yaml", strings.Replace(usersYAML, "default: 18}", "default: 18}\n  - {name: city, type: string, default: Rom}", 1))
	if got := run("plan", "-f", wider); !strings.Contains(got, "update") || !strings.Contains(got, "city") {
		t.Errorf("plan prints\n%s", got)
	}
	read(1, `[1,"Ann",36]`)
	run("apply", "-f", wider)
	read(1, `[1,"Ann",36,"Rom"]`)
	if got := run("apply", filepath.Dir(wider)); !strings.Contains(got, "3 unchanged") {
		t.Errorf("applying the same again prints\n%s", got)
	}
	run("rollback")
	read(1, `[1,"Ann",36]`)
	r := quiver(t, append([]string{"remove", "group", "shop/users"}, at...)...)
	if r.code != 1 || !strings.Contains(r.stderr, "user") {
		t.Errorf("removing a group in use: exit %d, %s", r.code, r.stderr)
	}
	run("remove", "group", "shop/clicks@1")
	run("apply", "--prune", "-f", write(t, "only.yaml", usersYAML[:strings.LastIndex(usersYAML, "---")]))

	s.stop(t)
	if log := s.stderr.String(); !strings.Contains(log, "finishing running requests") || !strings.Contains(log, "ended") {
		t.Errorf("log of the end:\n%s", log)
	}
	s = start(t, "serve", "--data", dir, "--no-auth")
	read(1, `[1,"Ann",36]`)
	if err := s.end(t, syscall.SIGINT); err != nil {
		t.Errorf("SIGINT: %v", err)
	}
}

// TestFolder uses a data folder without a server, and both ways to run into one that
// has it open.
func TestFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := []string{"--data", dir}
	run := func(args ...string) string { t.Helper(); return ok(t, append(args, at...)...) }
	run("apply", "-f", write(t, "users.yaml", usersYAML))
	run("load", "--store", "shop", "--group", "users", write(t, "users.csv", "id,name\n1,Ann\n"))
	run("put", "--store", "shop", "--group", "users", "id=2", "name=Bob")
	if got := run("get", "--store", "shop", "--view", "user", "id=2"); !strings.Contains(got, "Bob") {
		t.Errorf("get prints\n%s", got)
	}
	s := start(t, "serve", "--data", dir, "--no-auth")
	if status, got := s.post(t, "/0.1.0/feature_store", "", fmt.Sprintf(userRequest, 1)); status != 200 || !strings.Contains(got, "Ann") {
		t.Errorf("served: %d %s", status, got)
	}
	for _, args := range [][]string{
		{"serve", "--data", dir, "--no-auth", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"},
		{"definitions", "--data", dir},
	} {
		want := fmt.Sprintf("quiver: cannot open store %s: data folder is in use by another process: process %d has it open; stop that process or use another folder", dir, s.cmd.Process.Pid)
		fails(t, 1, want, args...)
	}
	// A port that is taken.
	taken := strings.TrimPrefix(s.front, "http://")
	fails(t, 1, fmt.Sprintf("quiver: cannot listen: listen tcp %s: bind: address already in use (hint: another address goes to --listen; %s is in use by another program or not one of this machine)", taken, taken),
		"serve", "--data", t.TempDir(), "--no-auth", "--listen", taken, "--admin", "127.0.0.1:0")
	fails(t, 1, "quiver: the admin API does not listen on 0.0.0.0:0 without TLS and an admin key; listen on 127.0.0.1:4407, or give it a certificate and make a key with `quiver key create --admin-key`",
		"serve", "--data", t.TempDir(), "--no-auth", "--listen", "127.0.0.1:0", "--admin", "0.0.0.0:0")
	s.stop(t)
	run("definitions")
}

// TestKeys checks that a server asks for keys, and what commands do with them.
func TestKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	early := strings.TrimSpace(ok(t, "key", "create", "--name", "early", "--stores", "shop", "--data", dir))
	s := start(t, "serve", "--data", dir, "--apply", write(t, "users.yaml", usersYAML))
	at := []string{"--server", s.admin}
	ok(t, append([]string{"put", "--store", "shop", "--group", "users", "id=1"}, at...)...)
	read := func(key string, want int) {
		t.Helper()
		if status, got := s.post(t, "/0.1.0/feature_store", key, fmt.Sprintf(userRequest, 1)); status != want {
			t.Errorf("with key %q: %d %s, want %d", key, status, got, want)
		}
	}
	read("", 400) // the Hopsworks API's answer to no key
	read(early, 200)
	out := ok(t, append([]string{"key", "create", "--name", "ci", "--stores", "shop,other", "--services", "s", "--expires", "1h"}, at...)...)
	key := strings.TrimSuffix(out, "\n")
	if prefix, secret, found := strings.Cut(key, "."); !found || len(prefix) != 16 || len(secret) < 20 || strings.ContainsAny(key, " \n") {
		t.Errorf("the key alone is wanted on stdout, not %q", out)
	}
	read(key, 200)
	if r := quiver(t, append([]string{"key", "create", "--name", "none"}, at...)...); r.code != 0 || !strings.Contains(r.stderr, "may read nothing yet") {
		t.Errorf("a key without rights: %+v", r)
	} else {
		read(strings.TrimSpace(r.stdout), 401)
	}
	ok(t, append([]string{"key", "create", "--name", "old", "--stores", "*", "--import", "0123456789abcdef.an-older-secret"}, at...)...)
	read("0123456789abcdef.an-older-secret", 200)
	table := ok(t, append([]string{"key", "list"}, at...)...)
	for _, want := range []string{"NAME ", "ci ", "early ", "shop,other", "never", "old "} {
		if !strings.Contains(table, want) {
			t.Errorf("key list lacks %q:\n%s", want, table)
		}
	}
	if strings.Contains(table, strings.SplitN(key, ".", 2)[1]) {
		t.Error("key list shows a secret")
	}
	ok(t, append([]string{"key", "revoke", "ci"}, at...)...)
	read(key, 401)
	fails(t, 1, `quiver: there is no key named "ci"`, append([]string{"key", "revoke", "ci"}, at...)...)
	s.stop(t)
	if log := s.stderr.String(); strings.Contains(log, strings.SplitN(early, ".", 2)[1]) {
		t.Error("the log shows a secret")
	}
}

// TestBadFiles checks the messages for data and definitions that do not fit, and that
// nothing of them takes effect.
func TestBadFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	at := []string{"--data", dir}
	ok(t, append([]string{"apply", "-f", write(t, "users.yaml", usersYAML)}, at...)...)
	load := func(args ...string) result {
		t.Helper()
		return quiver(t, append(append([]string{"load", "--store", "shop", "--group", "users"}, args...), at...)...)
	}
	bad := write(t, "bad.csv", "id,name,age\n1,Ann,36\nx,Bob,1\n3,Cy,3000000000\n")
	r := load(bad)
	want := bad + `:3: column "id": "x" is not a bigint` + "\n" +
		bad + `:4: column "age": 3000000000 is out of range of int (-2147483648 to 2147483647)` + "\n" +
		"quiver: 2 bad rows, nothing was loaded (hint: --skip-bad leaves them out)\n"
	if r.code != 1 || r.stderr != want || r.stdout != "" {
		t.Errorf("bad rows: exit %d\n%s%s\nwant\n%s", r.code, r.stdout, r.stderr, want)
	}
	get := func(id, want string) {
		t.Helper()
		if got := ok(t, append([]string{"get", "--store", "shop", "--view", "user", "id=" + id}, at...)...); !strings.Contains(got, want) {
			t.Errorf("user %s:\n%s\nwant %s", id, got, want)
		}
	}
	get("1", "MISSING")
	if r = load("--skip-bad", bad); r.code != 0 || !strings.HasPrefix(r.stdout, "loaded 1 rows") || !strings.Contains(r.stdout, "skipped 2 bad rows") {
		t.Errorf("--skip-bad: %+v", r)
	}
	get("1", "COMPLETE")
	many := write(t, "many.csv", "id\n"+strings.Repeat("x\n", 50))
	if r = load(many); strings.Count(r.stderr, "\n") != 11 || !strings.Contains(r.stderr, "quiver: 10 bad rows and perhaps more, nothing was loaded") {
		t.Errorf("many bad rows:\n%s", r.stderr)
	}
	unknown := write(t, "unknown.csv", "id,nam\n1,x\n")
	if r = load(unknown); r.code != 1 || r.stderr != "quiver: "+unknown+`:1: column "nam" is not a column of group users (which has id, name, age); --ignore-unknown leaves such columns out`+"\n" {
		t.Errorf("an unknown column: %+v", r)
	}
	if r = load("--ignore-unknown", unknown); r.code != 0 {
		t.Errorf("--ignore-unknown: %+v", r)
	}
	if r = quiver(t, append([]string{"load", "--store", "shop", "--group", "nobody", bad}, at...)...); r.code != 1 || !strings.Contains(r.stderr, `has no feature group "nobody"`) || !strings.Contains(r.stderr, "(hint: `quiver definitions` lists what is defined)") {
		t.Errorf("an unknown group: %+v", r)
	}

	wrong := write(t, "wrong.yaml", "kind: FeatureGroup\nstore: shop\nname: wrong\nkey: [id]\nfeatures:\n  - {name: id, typ: bigint}\n")
	for _, command := range []string{"plan", "apply"} {
		r = quiver(t, append([]string{command, "-f", wrong}, at...)...)
		if r.code != 1 || !strings.HasPrefix(r.stderr, "quiver: "+wrong+":6:") || !strings.Contains(r.stderr, "typ") || r.stdout != "" {
			t.Errorf("%s of wrong definitions: %+v", command, r)
		}
	}
	r = quiver(t, "serve", "--data", t.TempDir(), "--no-auth", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--apply", wrong)
	if r.code != 1 || !strings.Contains(r.stderr, "quiver: "+wrong+":6:") {
		t.Errorf("serve with wrong definitions: %+v", r)
	}
	if got := ok(t, append([]string{"definitions"}, at...)...); strings.Contains(got, "wrong") {
		t.Errorf("the wrong definition took effect:\n%s", got)
	}
	fails(t, 1, "quiver: cannot read definitions: stat /no/such.yaml: no such file or directory", append([]string{"plan", "-f", "/no/such.yaml"}, at...)...)
}

func TestPrintConfig(t *testing.T) {
	t.Parallel()
	file := write(t, "q.yaml", "storage:\n  shards: 3\n")
	var rows []struct{ Key, Value, Origin string }
	out := ok(t, "serve", "--config", file, "--no-auth", "--print-config", "--output", "json")
	if err := json.Unmarshal([]byte(out), &rows); err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, r := range rows {
		got[r.Key] = r.Value + " " + r.Origin
	}
	for key, want := range map[string]string{
		"storage.shards": "3 " + file + ":2", "auth.none": "true flag --no-auth", "listen": "127.0.0.1:4406 default without keys",
	} {
		if got[key] != want {
			t.Errorf("%s is %q, want %q", key, got[key], want)
		}
	}
}
