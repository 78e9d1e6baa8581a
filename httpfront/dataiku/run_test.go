package dataiku_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"quiver/engine/catalog"
	"quiver/httpfront/fronttest"
)

// code is what the functions of the tests do.
const code = `
import json, os, quiver, time
def nan(**args): return float("nan")
def zero(): pass
def simple_sum(param1, param2): return param1 + param2
def text(): return json.dumps({"a": 1})
def c(): raise quiver.Error("no such luck")
def echo(**args): return args
def any(op="", value=None):
    if op == "raise": raise ValueError("bad " + str(value))
    if op == "status": raise quiver.Error(value, "chosen")
    if op == "object": return object()
    if op == "exit": os._exit(3)
    if op == "large": return "x" * (17 << 20)
    if op == "cookies": return quiver.Response(201, [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("Content-Type", "text/plain"), ("X-Mine", "é")], "hello")
    if op == "bytes": return quiver.Response(200, {}, b"\x00\xff")
    if op == "json": return quiver.Response(200, {"content-type": "application/json"}, {"a": [1, None]})
    if op == "object json": return quiver.Response(201, (), {"a": [1, None]})
    if op == "plain": return quiver.Response(200, {}, "é")
    if op == "split": return quiver.Response(200, {"X": "a\r\nY: b"}, "")
    if op == "length": return quiver.Response(200, {"Content-Length": "1"}, "abc")
    if op == "early": return quiver.Response(100, {}, "")
    return value
def again(n, m=0):
    if n == 0: return m
    try:
        return quiver.call("again" if m else "inner", n=n - 1, m=m + 1)
    except quiver.Called as e:
        return [e.status, e.kind]
def request(): return [quiver.request["method"], quiver.request["path"], quiver.request["headers"]["X-Mine"], quiver.request["service"]]
def slow(s): time.sleep(s); return os.getpid()
`

// codeR is the same in R, as far as R is different.
const codeR = `
sum2 <- function(param1, param2 = 12) param1 + param2
any <- function(op = "", value = NULL) switch(op,
  raise = stop("bad ", value), status = quiver_error(value, "chosen"), class = class(value), request = quiver_request()$headers[["X-Mine"]],
  cookies = quiver_response(201, list("Set-Cookie" = "a=1", "Set-Cookie" = "b=2", "Content-Type" = "text/plain"), "hello"), object = quiver_response(200, list(), list(a = 1)), value)
`

// inR are function endpoints in R.
const inR = `
  - {name: rsum, type: rFunction, file: code/f.R, function: sum2, limits: {start: 5m}}
  - {name: rany, type: rFunction, file: code/f.R, function: any, customResponse: true, request: true, traceback: true, limits: {start: 5m}}
`

// functions are the function endpoints of a generation.
const functions = `
  - {name: fn, type: pythonFunction, file: code/f.py, function: nan}
  - {name: zero, type: pythonFunction, file: code/f.py, function: zero}
  - {name: simple_sum, type: pythonFunction, file: code/f.py, function: simple_sum}
  - {name: js, type: pythonFunction, file: code/f.py, function: text}
  - {name: c, type: pythonFunction, file: code/f.py, function: c}
`

// others are those that no case is about.
const others = `
  - {name: echo, type: pythonFunction, file: code/f.py, function: echo}
  - {name: texts, type: pythonFunction, file: code/f.py, function: echo, coerce: false}
  - {name: sum, type: pythonFunction, file: code/f.py, function: simple_sum}
  - {name: any, type: pythonFunction, folder: code, file: f.py, function: any, customResponse: true}
  - {name: shut, type: pythonFunction, file: code/f.py, function: any, traceback: true}
  - {name: outer, type: pythonFunction, file: code/f.py, function: again, request: true, pool: {ceil: 1}}
  - {name: inner, type: pythonFunction, file: code/f.py, function: again, request: true, pool: {ceil: 1}}
  - {name: again, type: pythonFunction, file: code/f.py, function: again, request: true, pool: {floor: 3, ceil: 3, queue: 2, timeout: 3s}}
  - {name: request, type: pythonFunction, file: code/f.py, function: request, request: true}
  - {name: slow, type: pythonFunction, file: code/f.py, function: slow, pool: {ceil: 1, queue: 2}}
`

// withFunctions and withOthers give them to services of a world.
func withFunctions(o *worldOptions) { o.endpoints, o.services = functions, []string{"svc", "pub"} }
func withOthers(o *worldOptions)    { o.endpoints, o.services = others, []string{"pub", "svc"} }

func withR(o *worldOptions) { o.endpoints, o.services = inR, []string{"pub"} }

// codeFiles are the files that functions name.
func codeFiles() []catalog.File {
	return []catalog.File{{Name: "code/f.py", Text: []byte(code)}, {Name: "code/f.R", Text: []byte(codeR), Attached: true}, {Name: "code/c.py", Text: []byte(codeCustom)}}
}

func TestRun(t *testing.T) {
	w := newWorld(t, withOthers)
	f := func(endpoint, body string, status int, want string) fronttest.Response {
		t.Helper()
		res := w.Do(fronttest.Request{Method: "POST", Target: "/public/api/v1/pub/" + endpoint + "/run/", Body: body})
		if res.Status != status || results(res.Body) != want {
			t.Errorf("%s %s: %d %.300s\nwant %d %s", endpoint, body, res.Status, res.Body, status, want)
		}
		return res
	}
	refused := func(endpoint, body string, status int, kind, text string) {
		t.Helper()
		f(endpoint, body, status, fmt.Sprintf(`{"errorType":%q,"message":%[2]q,"detailedMessage":%[2]q}`, kind, text))
	}
	f("echo", `{}`, 200, `{"response":{}`)
	f("echo", ``, 200, `{"response":{}`)
	f("echo", ` {"a":9007199254740993,"b":[NaN,null,"é"],"a":2} `, 200, `{"response":{"a":2,"b":[null,null,"\u00e9"]}`)
	f("any", `{"value":{"x":[1.5,true]}}`, 200, `{"response":{"x":[1.5,true]}`)
	const malformed = "quiver.IllegalArgumentException"
	refused("sum", `{"param1":1}`, 400, malformed, "simple_sum(param1, param2): missing param2")
	refused("sum", `{"param1":1,"param2":2,"x":3}`, 400, malformed, "simple_sum(param1, param2): unexpected x")
	refused("sum", `[1]`, 400, malformed, "The arguments should be one JSON object.")
	if res := w.Do(fronttest.Request{Target: "/public/api/v1/pub/sum/run", Body: `{"param1":`}); res.Status != 400 || !strings.Contains(res.Body, "The body is not valid JSON") {
		t.Errorf("%d %s", res.Status, res.Body)
	}
	refused("sum", `{"param1":1,"param2":"2"}`, 500, "TypeError", "unsupported operand type(s) for +: 'int' and 'str'")
	refused("any", `{"op":"raise","value":7}`, 500, "ValueError", "bad 7")
	refused("any", `{"op":"status","value":418}`, 418, "quiver.Error", "chosen")
	refused("any", `{"op":"status","value":200}`, 500, "quiver.Error", "chosen")
	refused("any", `{"op":"object"}`, 500, "quiver.SerializationException", "The result cannot be answered: TypeError: a value of type object cannot be written as JSON")
	refused("any", `{"op":"large"}`, 500, "quiver.SerializationException", "the answer has 17825794 bytes, the limit is 16777216")
	refused("any", `{"op":"exit"}`, 500, "quiver.FunctionException", "the worker died: exit status 3")
	refused("shut", `{"op":"json"}`, 500, "quiver.SerializationException", "the function answers with a quiver.Response, which its endpoint does not allow: customResponse: true does")
	refused("any", `{"op":"split"}`, 500, "quiver.SerializationException", `quiver.Response: "X": "a\r\nY: b" is no header`)
	refused("any", `{"op":"length"}`, 500, "quiver.SerializationException", "quiver.Response: the header Content-Length is the server's")
	refused("any", `{"op":"early"}`, 500, "quiver.SerializationException", "quiver.Response: 100 is no status that ends a request")
	if res := w.Do(fronttest.Request{Target: "/public/api/v1/pub/shut/run", Body: `{"op":"raise"}`}); !strings.Contains(res.Body, `"stackTraceStr":"Traceback`) || !strings.Contains(res.Body, "raise ValueError") {
		t.Errorf("no traceback in %s", res.Body)
	}

	for _, verb := range []string{"predict", "lookup"} {
		if res := w.Do(fronttest.Request{Target: "/public/api/v1/pub/echo/" + verb, Body: `{}`}); res.Status != 404 || !strings.Contains(res.Body, `it answers run.`) {
			t.Errorf("%s of a function: %d %s", verb, res.Status, res.Body)
		}
	}
	if res := w.Do(fronttest.Request{Target: "/public/api/v1/pub/lk/run", Body: `{}`}); res.Status != 404 {
		t.Errorf("run of a lookup: %d %s", res.Status, res.Body)
	}
}

// TestRunR calls functions in R.
func TestRunR(t *testing.T) {
	w := newWorld(t, withR)
	f := func(r fronttest.Request, status int, want string) {
		t.Helper()
		r.Target = "/public/api/v1/pub/" + r.Target
		r.Header = map[string]string{"X-Mine": "mine"}
		if res := w.Do(r); res.Status != status || !strings.HasPrefix(res.Body, want) {
			t.Errorf("%s %s: %d %s\nwant %d %s (without R: apt-get install --no-install-recommends r-base-core r-cran-jsonlite)", r.Target, r.Body, res.Status, res.Body, status, want)
		}
	}
	f(fronttest.Request{Method: "GET", Target: "rsum/run?param1=30&param2=12"}, 200, `{"response":42,"timing":{"preProcessing":`)
	f(fronttest.Request{Target: "rsum/run", Body: `{"param1":30}`}, 200, `{"response":42,`)
	f(fronttest.Request{Target: "rsum/run", Body: `{"param1":NaN}`}, 200, `{"response":[],`)
	f(fronttest.Request{Target: "rsum/run", Body: `{"param2":1}`}, 400, `{"errorType":"quiver.IllegalArgumentException","message":"sum2(param1, param2): missing param1",`)
	f(fronttest.Request{Target: "rany/run", Body: `{"op":"raise","value":7}`}, 500, `{"errorType":"simpleError","message":"bad 7","detailedMessage":"bad 7","stackTraceStr":"Error: bad 7\nCalls`)
	f(fronttest.Request{Target: "rany/run", Body: `{"op":"status","value":418}`}, 418, `{"errorType":"quiver_error","message":"chosen"`)
	f(fronttest.Request{Target: "rany/run", Body: `{"op":"request"}`}, 200, `{"response":"mine",`)
	f(fronttest.Request{Target: "rany/run", Body: `{"op":"cookies"}`}, 201, `hello`)
	f(fronttest.Request{Target: "rany/run", Body: `{"op":"object"}`}, 200, `{"a":1}`)
	if res := w.Do(fronttest.Request{Target: "/public/api/v1/pub/rany/run", Body: `{"op":"object"}`}); res.Header["Content-Type"] != "application/json;charset=utf-8" {
		t.Errorf("an object is sent as %s", res.Header["Content-Type"])
	}
	f(fronttest.Request{Method: "POST", Target: "rany/run"}, 200, `{"response":null,`)
}

// BenchmarkRun reports what a call costs through HTTP, as the client sees it on an idle
// connection.
func BenchmarkRun(b *testing.B) {
	for name, endpoint := range map[string]string{"python": "sum", "r": "rsum"} {
		b.Run(name, func(b *testing.B) {
			w := newWorld(b, withOthers, func(o *worldOptions) { o.endpoints += inR; o.services = []string{"pub"} })
			var took []time.Duration
			for b.Loop() {
				begin := time.Now()
				if res := w.Do(fronttest.Request{Target: "/public/api/v1/pub/" + endpoint + "/run", Body: `{"param1":30,"param2":12}`}); res.Status != 200 {
					b.Fatalf("%d %s", res.Status, res.Body)
				}
				took = append(took, time.Since(begin))
			}
			slices.Sort(took)
			for _, q := range []int{50, 99} {
				b.ReportMetric(float64(took[len(took)*q/100].Nanoseconds())/1000, fmt.Sprintf("p%d-us", q))
			}
		})
	}
}

// TestRunTiming checks the envelope.
func TestRunTiming(t *testing.T) {
	w := newWorld(t, withOthers)
	res := w.Do(fronttest.Request{Target: "/public/api/v1/pub/slow/run", Body: `{"s":0.02}`})
	var body struct {
		Timing     map[string]int64
		APIContext map[string]string
	}
	if err := json.Unmarshal([]byte(res.Body), &body); err != nil {
		t.Fatalf("%v: %s", err, res.Body)
	}
	if len(body.Timing) != 4 || body.Timing["functionInternal"] < 20_000 || body.Timing["execution"] < body.Timing["functionInternal"] {
		t.Errorf("timing %v", body.Timing)
	}
	if body.APIContext["serviceId"] != "pub" || body.APIContext["endpointId"] != "slow" || body.APIContext["serviceGeneration"] != "v1" {
		t.Errorf("context %v", body.APIContext)
	}
	for _, key := range []string{"preProcessing", "wait"} {
		if _, ok := body.Timing[key]; !ok {
			t.Errorf("no %s", key)
		}
	}
}

// TestRunQuery calls with parameters of the query.
func TestRunQuery(t *testing.T) {
	w := newWorld(t, withOthers)
	f := func(target, want string) {
		t.Helper()
		res := w.Do(fronttest.Request{Method: "GET", Target: "/public/api/v1/pub/" + target})
		if results(res.Body) != want {
			t.Errorf("%s: %d %s\nwant %s", target, res.Status, res.Body, want)
		}
	}
	f("sum/run?param1=30&param2=12", `{"response":42`)
	f("sum/run/?param1=30&param2=12", `{"response":42`)
	f("echo/run?a=1&a=2", `{"response":{"a":2}`)
	f("echo/run?a=007&b=1e3&c=true&d=null&e=&f=-&g=%221%22&h=%201&i=NaN&j=[1]&k=a%26b&l=-0.5", `{"response":{"a":"007","b":1000.0,"c":true,"d":null,"e":"","f":"-","g":"\"1\"","h":" 1","i":"NaN","j":"[1]","k":"a&b","l":-0.5}`)
	f("texts/run?a=1&b=true", `{"response":{"a":"1","b":"true"}`)
	f("echo/run", `{"response":{}`)
	f("sum/run?param1=30?param2=12", `{"errorType":"quiver.IllegalArgumentException","message":"simple_sum(param1, param2): missing param2","detailedMessage":"simple_sum(param1, param2): missing param2"}`)
}

// TestCustomResponse reads whole answers of a function's making.
func TestCustomResponse(t *testing.T) {
	w := newWorld(t, withOthers)
	f := func(op string, status int, kind, body string) http.Header {
		t.Helper()
		res, err := http.Post(w.URL+"/public/api/v1/pub/any/run", "", strings.NewReader(`{"op":"`+op+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		got := make([]byte, 100)
		n, _ := res.Body.Read(got)
		if res.StatusCode != status || res.Header.Get("Content-Type") != kind || string(got[:n]) != body || res.Header.Get("DSS-API-Version") != "1" {
			t.Errorf("%s: %d %q %v", op, res.StatusCode, got[:n], res.Header)
		}
		return res.Header
	}
	h := f("cookies", 201, "text/plain", "hello")
	if c := h.Values("Set-Cookie"); len(c) != 2 || c[0] != "a=1" || c[1] != "b=2" || h.Get("X-Mine") != "é" {
		t.Errorf("%q", h)
	}
	f("bytes", 200, "application/octet-stream", "\x00\xff")
	f("json", 200, "application/json", `{"a":[1,null]}`)
	f("object json", 201, "application/json;charset=utf-8", `{"a":[1,null]}`)
	f("plain", 200, "text/plain;charset=utf-8", "é")
}

// TestSelfCall has functions call others of their service and themselves. A chain that
// needs more workers than there are ends when the innermost call has waited its time; no
// call waits for ever.
func TestSelfCall(t *testing.T) {
	w := newWorld(t, withOthers)
	f := func(endpoint, body, want string) {
		t.Helper()
		res := w.Do(fronttest.Request{Target: "/public/api/v1/svc/" + endpoint + "/run", Body: body, Header: map[string]string{"Authorization": "Basic S0VZOg==", "X-Mine": "mine"}})
		if results(res.Body) != want {
			t.Errorf("%s %s: %d %s\nwant %s", endpoint, body, res.Status, res.Body, want)
		}
	}
	f("outer", `{"n":1}`, `{"response":1`)
	f("outer", `{"n":4}`, `{"response":4`) // outer, inner and three times again
	f("outer", `{"n":5}`, `{"response":[503,"quiver.ServiceUnavailableException"]`)
	f("outer", `{"n":1}`, `{"response":1`)
	var wg sync.WaitGroup
	for range 6 { // more chains at once than workers
		wg.Go(func() {
			res := w.Do(fronttest.Request{Target: "/public/api/v1/svc/again/run", Body: `{"n":2,"m":1}`, Header: map[string]string{"Authorization": "Basic S0VZOg=="}})
			if res.Status != 200 && res.Status != 503 {
				t.Errorf("%d %s", res.Status, res.Body)
			}
		})
	}
	wg.Wait()
	f("request", `{}`, `{"response":["POST","/public/api/v1/svc/request/run","mine","svc"]`)
}

// TestRunQueueFull sends more calls than may run and wait.
func TestRunQueueFull(t *testing.T) {
	w := newWorld(t, withOthers)
	var mu sync.Mutex
	count := map[int]int{}
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			res := w.Do(fronttest.Request{Target: "/public/api/v1/pub/slow/run", Body: `{"s":0.5}`})
			mu.Lock()
			defer mu.Unlock()
			count[res.Status]++
			if res.Status == 503 && res.Header["Retry-After"] == "" {
				t.Errorf("when to try again is not said: %v", res.Header)
			}
		})
	}
	wg.Wait()
	if count[200] != 3 || count[503] != 2 {
		t.Errorf("by status: %v", count)
	}
}
