package function

import (
	"errors"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// openR opens a pool over R source, whose function is f.
func openR(t testing.TB, source string, change func(*Config)) *Pool {
	t.Helper()
	if out, err := exec.Command("Rscript", "--vanilla", "-e", "library(jsonlite)").CombinedOutput(); err != nil {
		t.Fatalf("R with jsonlite does not run (%v: %s); install both: apt-get install --no-install-recommends r-base-core r-cran-jsonlite", err, out)
	}
	return open(t, "", func(c *Config) {
		c.Language, c.Interpreter, c.Files = R, "Rscript", map[string]string{"code.R": source}
		if change != nil {
			change(c)
		}
	})
}

func TestR(t *testing.T) {
	p := openR(t, `
helper <- function(x) stop("deep ", x)
f <- function(op, a = NULL, ...) {
  more <- list(...)
  switch(op,
    a = a, more = more, class = class(a), str = capture.output(str(a)),
    nothing = invisible(NULL), na = c(1.5, NA, NaN, Inf), nan = NaN, nas = c("x", NA), big = 9007199254740991, small = 0.1 + 0.2, whole = 5L,
    named = c(x = 1, y = 2), deep = list(v = c(p = 1), k = NULL, e = list()), boxed = I(1), frame = data.frame(n = 1:2, s = c("a", NA)),
    factor = factor(c("u", "v")), date = as.Date("2024-02-29"), time = as.POSIXct("2024-02-29 12:00:00", tz = "UTC"), matrix = matrix(1:4, 2),
    lines = "é\n\"\\", fun = mean, raise = helper(a), error = quiver_error(418, "teapot"), five = quiver_error("plain"), warn = { warning("careful"); 1 },
    response = quiver_response(201, list("Set-Cookie" = "a", "Set-Cookie" = "b"), as.raw(c(255, 0))), text = quiver_response(body = c("a", "b")),
    json = quiver_response(200, list("Content-Type" = "application/json"), list(a = 1)), quit = quit(), large = strrep("x", 17 * 2^20))
}
`, nil)
	f := func(args, want string) {
		t.Helper()
		if got := call(t, p, args); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
	f(`{"op":"a","a":[1,2.5,null]}`, `[1,2.5,null]`)
	f(`{"op":"a","a":{"x":[{"n":1,"s":"p"},{"n":2,"s":"q"}]}}`, `{"x":[{"n":1,"s":"p"},{"n":2,"s":"q"}]}`)
	f(`{"op":"a","a":[[1,2],[3,4]]}`, `[[1,2],[3,4]]`)
	f(`{"op":"class","a":5}`, `"integer"`)
	f(`{"op":"class","a":5.5}`, `"numeric"`)
	f(`{"op":"class","a":[1,"x"]}`, `"character"`)
	f(`{"op":"class","a":[{"n":1}]}`, `"data.frame"`)
	f(`{"op":"class","a":[]}`, `"list"`)
	f(`{"op":"class"}`, `"NULL"`)
	f(`{"op":"a","op":"whole"}`, `5`)
	f(`{"op":"more","z":1,"y":"é"}`, `{"z":1,"y":"é"}`)
	f(`{"op":"nothing"}`, `null`)
	f(`{"op":"na"}`, `[1.5,null,null,null]`)
	f(`{"op":"nan"}`, `null`)
	f(`{"op":"nas"}`, `["x",null]`)
	f(`{"op":"big"}`, `9007199254740991`)
	f(`{"op":"small"}`, `0.30000000000000004`)
	f(`{"op":"named"}`, `{"x":1,"y":2}`)
	f(`{"op":"deep"}`, `{"v":{"p":1},"k":null,"e":[]}`)
	f(`{"op":"boxed"}`, `[1]`)
	f(`{"op":"frame"}`, `[{"n":1,"s":"a"},{"n":2,"s":null}]`)
	f(`{"op":"factor"}`, `["u","v"]`)
	f(`{"op":"date"}`, `"2024-02-29"`)
	f(`{"op":"time"}`, `"2024-02-29T12:00:00Z"`)
	f(`{"op":"matrix"}`, `[[1,3],[2,4]]`)
	f(`{"op":"lines"}`, `"é\n\"\\"`)
	f(`{"op":"warn"}`, `1`)

	e := failed(t, p, `{"op":"raise","a":7}`, UserError)
	if e.Type != "simpleError" || e.Message != "deep 7" || !strings.Contains(e.Traceback, "helper(a)") || strings.Contains(e.Traceback, "withCallingHandlers") {
		t.Errorf("error: %+v", e)
	}
	if e := failed(t, p, `{"op":"error"}`, UserError); e.Status != 418 || e.Message != "teapot" || e.Type != "quiver_error" {
		t.Errorf("quiver_error: %+v", e)
	}
	if e := failed(t, p, `{"op":"five"}`, UserError); e.Status != 500 || e.Message != "plain" {
		t.Errorf("quiver_error: %+v", e)
	}
	failed(t, p, `{"op":"quit"}`, UserError)
	failed(t, p, `{"op":"fun"}`, NotSerialisable)
	if e := failed(t, p, `{"op":"large"}`, NotSerialisable); e.Message != "the answer has 17825794 bytes, the limit is 16777216" {
		t.Error(e)
	}
	if e := failed(t, p, `{"a":1}`, BadSignature); e.Message != "f(op, a, ...): missing op" {
		t.Error(e)
	}
	for _, bad := range []string{`[1]`, `[{"op":1}]`, `5`, `{"op":"a"},"x":{`, `{`, `"http://127.0.0.1:1/"`} {
		failed(t, p, bad, BadSignature)
	}
	response := func(op string, status int, headers [][2]string, body string) {
		t.Helper()
		a, err := p.Call(t.Context(), []byte(`{"op":"`+op+`"}`))
		if err != nil || a.Response == nil || a.Response.Status != status || !slices.Equal(a.Response.Headers, headers) || string(a.Response.Body) != body {
			t.Errorf("response %+v, %v", a.Response, err)
		}
	}
	response("response", 201, [][2]string{{"Set-Cookie", "a"}, {"Set-Cookie", "b"}}, "\xff\x00")
	response("text", 200, nil, "a\nb")
	response("json", 200, [][2]string{{"Content-Type", "application/json"}}, `{"a":1}`)
	if s := p.Stats(); s.Starts != 1 || s.Crashes != 0 {
		t.Errorf("%+v: errors of calls must not cost a worker", s)
	}
}

// TestRSignature checks which names are refused before the call.
func TestRSignature(t *testing.T) {
	p := openR(t, "f <- function(b, a = 2) { if (missing(b)) 'none' else a + b }\n", nil)
	if got := call(t, p, `{"b":1}`); got != "3" {
		t.Error(got)
	}
	if got := call(t, p, `{}`); got != `"none"` { // the function asks itself
		t.Error(got)
	}
	if e := failed(t, p, `{"b":1,"c":2}`, BadSignature); e.Message != "f(b, a): unexpected c" {
		t.Error(e)
	}
	strict := openR(t, "f <- function(b, a) a + b\n", nil)
	if e := failed(t, strict, `{"b":1,"c":2}`, BadSignature); e.Message != "f(b, a): missing a; unexpected c" {
		t.Error(e)
	}
}

// TestRFiles loads code of several files, prints, and looks at what a worker has.
func TestRFiles(t *testing.T) {
	var mu sync.Mutex
	var lines []string
	p := openR(t, "", func(c *Config) {
		c.Files = map[string]string{"code.R": "source('lib/b.R', local = TRUE)\nprint('loading')\nf <- function() { message('to err'); print('to out'); list(b(), length(list.files('.')), Sys.getenv('MINE'), Sys.getenv('QUIVER_WORKER')) }", "lib/b.R": "b <- function() 'b'"}
		c.File, c.Env = "code.R", map[string]string{"MINE": "1"}
		c.Log = func(s string) {
			mu.Lock()
			defer mu.Unlock()
			lines = append(lines, s)
		}
	})
	if got := call(t, p, `{}`); got != `["b",1,"1",""]` {
		t.Error(got)
	}
	if u := p.Unlimited(); slices.ContainsFunc(u, func(s string) bool { return strings.HasPrefix(s, "memory") }) {
		t.Errorf("without limits: %q", u)
	}
	_ = p.Close()
	for _, want := range []string{`[1] "loading"`, "to err", `[1] "to out"`} {
		if !slices.Contains(lines, want) {
			t.Errorf("no %q in %q", want, lines)
		}
	}
}

func TestRStartError(t *testing.T) {
	f := func(source, want, trace string) {
		t.Helper()
		_, err := Open(t.Context(), Config{Language: R, Files: map[string]string{"code.R": source}, Function: "f", Scratch: t.TempDir()})
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Kind != StartFailed || !strings.Contains(err.Error(), want) || !strings.Contains(e.Traceback+e.Output, trace) {
			t.Errorf("%q: %v, trace %+v; want %s and %s", source, err, e, want, trace)
		}
	}
	f("library(nowhere)\n", "there is no package called", "library(nowhere)")
	f("f <- function( {\n", "unexpected '{'", "")
	f("g <- function() 1\n", "has no function f; it has: g", "")
	f("cat('last words\\n'); base::quit('no', 3)\n", "exit status 3", "last words")
	_, err := Open(t.Context(), Config{Language: R, Interpreter: "Rscript-nowhere", Files: map[string]string{"a.R": ""}, Function: "f"})
	if err == nil || !strings.Contains(err.Error(), "apt-get install r-base-core r-cran-jsonlite") {
		t.Error(err)
	}
}

// TestRFaults hangs and crashes.
func TestRFaults(t *testing.T) {
	p := openR(t, `
f <- function(op = "ok") switch(op, ok = "ok", loop = repeat {}, sleep = Sys.sleep(1000))
`, func(c *Config) { c.RunTimeout, c.Memory, c.Crashes, c.Ceil, c.Cruise = time.Second, 1<<30, 1000, 1, 1 })
	for _, op := range []string{"loop", "sleep"} {
		failed(t, p, `{"op":"`+op+`"}`, TimedOut)
		if got := call(t, p, `{}`); got != `"ok"` {
			t.Errorf("after %s: %s", op, got)
		}
	}
	noChildren(t)
	p = openR(t, "f <- function() sum(numeric(2^29))\n", func(c *Config) { c.Memory = 1 << 30 })
	if e := failed(t, p, `{}`, UserError); !strings.Contains(e.Message, "cannot allocate") {
		t.Error(e)
	}
}

// BenchmarkRoundTripR reports the cost of a call through a pool that has free workers.
func BenchmarkRoundTripR(b *testing.B) {
	p := openR(b, "f <- function(a, b, c, d, e, g, h, i, j, k) a + k\n", nil)
	roundTrips(b, p)
}
