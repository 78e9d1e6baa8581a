package httpfront_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"quiver/engine/fail"
	"quiver/httpfront"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/wire"
)

// raw is a request as text.
func raw(requestLine, headers, body string) string {
	return requestLine + " HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n" + body
}

// last is the header of a connection's last request.
const last = "Connection: close\r\n"

// TestErrorShapes checks everything that is refused outside handlers over a socket: the
// status, in whose words, and that nothing of the request can be taken for a next one.
func TestErrorShapes(t *testing.T) {
	front := fronttest.Start(t, httpfront.Options{
		Dialects: []wire.Dialect{alpha(), beta()}, Keys: newKeys(t), MaxBodyBytes: 10_000,
	})
	f := func(text string, wantStatus int, wantBody string) fronttest.Response {
		t.Helper()
		r, _ := front.Raw(strings.Replace(text, "\r\n", "\r\n"+last, 1))
		if r.Status != wantStatus || !strings.Contains(r.Body, wantBody) {
			t.Errorf("%.60q: %d %q, want %d and %q", text, r.Status, r.Body, wantStatus, wantBody)
		}
		if r.Header["Server"] != "" {
			t.Errorf("%.60q: the server names itself %q", text, r.Header["Server"])
		}
		if strings.HasPrefix(r.Body, "{") && r.Header["Content-Type"] != "application/json" {
			t.Errorf("%.60q: content type %q", text, r.Header["Content-Type"])
		}
		return r
	}
	// Whose words: by prefix, else the first dialect's.
	f(raw("GET /0.1.0/nothing", "", ""), 404, `{"alpha":"There is no such path."}`)
	f(raw("GET /api/v1/nothing", "", ""), 404, `beta There is no such path.`)
	f(raw("GET /api/v10/nothing", "", ""), 404, `{"alpha":`)
	f(raw("GET /nothing", "", ""), 404, `{"alpha":`)
	f(raw("GET /", "", ""), 404, `{"alpha":`)

	f(raw("POST /0.1.0/ping", "Content-Length: 0\r\n", ""), 405, `{"alpha":"This path does not take that method."}`)
	if r := f(raw("DELETE /api/v1/x/info", "", ""), 405, `beta This path`); r.Header["Allow"] != "GET, HEAD, PUT" {
		t.Errorf("Allow: %q", r.Header["Allow"])
	}
	f(raw("get /0.1.0/ping", "", ""), 405, `{"alpha":`)

	// Too large: declared, and found out while reading chunks.
	f(raw("POST /0.1.0/open", "Content-Length: 10001\r\n", strings.Repeat("x", 10_001)), 413, `{"alpha":"Request too large`)
	f(raw("POST /0.1.0/open", "Content-Length: 999999999\r\n", "x"), 413, `{"alpha":"Request too large`)
	f(raw("POST /0.1.0/open", "Transfer-Encoding: chunked\r\n", "2711\r\n"+strings.Repeat("x", 10_001)+"\r\n0\r\n\r\n"), 413, `{"alpha":"Request too large`)
	f(raw("POST /0.1.0/open", "Content-Length: 999999999\r\nExpect: 100-continue\r\n", ""), 413, `{"alpha":"Request too large`)
	f(raw("POST /0.1.0/open", "Content-Length: 10000\r\n", strings.Repeat("x", 10_000)), 200, `|||xxx`)
	f(raw("POST /0.1.0/open", "Transfer-Encoding: chunked\r\n", "2710\r\n"+strings.Repeat("x", 10_000)+"\r\n0\r\n\r\n"), 200, `|||xxx`)

	f(raw("GET /0.1.0/ping", "X-Long: "+strings.Repeat("x", 20_000)+"\r\n", ""), 431, `{"alpha":"The request's header has more than`)
	f(raw("GET /api/v1/x/info", strings.Repeat("A: b\r\n", 200), ""), 431, `beta the request has more`)
	f(raw("GET /0.1.0/ping", strings.Repeat("A: b\r\n", 200), ""), 431, `header lines`)
	f("nonsense\r\n\r\n", 400, `{"alpha":"The request is not valid HTTP."}`)
	f("GET /api/v1/x/info HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, `{"alpha":"The request is not valid HTTP.`) // the path is lost
}

// TestFraming checks requests that two parsers could read differently: each is refused
// and its connection closed, so that no second request can hide in it.
func TestFraming(t *testing.T) {
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}, ReadTimeout: time.Second})
	hidden := "GET /live HTTP/1.1\r\nHost: h\r\n\r\n"
	f := func(text string, want int) {
		t.Helper()
		r, closed := front.Raw(text)
		if r.Status != want || !closed {
			t.Errorf("%.90q: status %d, closed %v; want %d and closed: %s", text, r.Status, closed, want, r.Body)
		}
	}
	f(raw("POST /0.1.0/open", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden), 400)
	f(raw("POST /0.1.0/open", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"+hidden), 400)
	f(raw("POST /0.1.0/open", "Transfer-Encoding: identity\r\n", hidden), 400)
	f(raw("POST /0.1.0/open", "Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"+hidden), 400)
	f(raw("POST /0.1.0/open", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"+hidden), 400)
	f(raw("POST /0.1.0/open", "Content-Length: 2\r\nContent-Length: 3\r\n", "abc"+hidden), 400)
	f(raw("POST /0.1.0/open", "Content-Length: +2\r\n", "ab"+hidden), 400)
	f(raw("POST /0.1.0/open", "Content-Length : 2\r\n", "ab"+hidden), 400)
	f(raw("POST /0.1.0/open", "X-A: b\r\n Content-Length: 33\r\n", hidden), 400)
	f(raw("POST /0.1.0/open", "X-A: b\r\n\tfolded\r\n", hidden), 400)
	f(raw("GET /0.1.0/ping", "Expect: something\r\n", hidden), 400)
	f("GET /0.1.0/ping HTTP/1.2\r\nHost: h\r\n\r\n"+hidden, 400)
	f("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400)
	f("GET /0.1.0/ping HTTP/1.1\r\n\r\n"+hidden, 400)
	f(raw("POST /0.1.0/open", "Transfer-Encoding: chunked\r\n", "zz\r\n"+hidden), 400)

	// A body that is refused unread is not the next request.
	keyed := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}, Keys: newKeys(t)})
	r, closed := keyed.Raw(raw("POST /0.1.0/echo", fmt.Sprintf("Content-Length: %d\r\n", len(hidden)), hidden))
	if r.Status != 400 || closed {
		t.Errorf("a refused body: status %d, closed %v; want 400 and an open, quiet connection", r.Status, closed)
	}
}

// TestPaths checks that spellings of one path are one route and never redirected, and
// that spellings which others may read differently are refused.
func TestPaths(t *testing.T) {
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}})
	f := func(path string, want int, body string) {
		t.Helper()
		r, _ := front.Raw(raw("POST "+path, last+"Content-Length: 0\r\n", ""))
		if r.Status != want || (want == 200 && r.Body != body) {
			t.Errorf("%s: %d %q, want %d %q", path, r.Status, r.Body, want, body)
		}
	}
	f("/0.1.0/echo", 200, "anyone|||")
	f("//0.1.0/echo", 200, "anyone|||")
	f("///0.1.0//echo//", 200, "anyone|||")
	f("/0.1.0/echo/", 200, "anyone|||")
	f("/0.1.0/echo/n", 200, "anyone|n||")
	f("/0.1.0/echo/a%20b", 200, "anyone|a b||")
	f("/0.1.0/echo/%e4%bd%a0?q=%2fx%00", 200, "anyone|你|/x\x00|")
	f("/0%2e1.0/echo", 200, "anyone|||")
	f("http://elsewhere/0.1.0/echo", 200, "anyone|||")
	f("/0.1.0/echo/n/m", 404, "")
	f("/0.1.0", 404, "")
	f("/0.1.0/echo/a%2fb", 400, "")
	f("/0.1.0/echo/a%5cb", 400, "")
	f("/0.1.0/echo/a%00", 400, "")
	f("/0.1.0/echo/%", 400, "")
	f("/0.1.0/echo/%zz", 400, "")
	f("/0.1.0/echo/..", 400, "")
	f("/0.1.0/x/../echo", 400, "")
	f("/0.1.0/x/%2e%2e/echo", 400, "")
	f("/0.1.0/./echo", 400, "")
	f("/0.1.0/echo/...", 200, "anyone|...||")
}

// TestRouting compares the server's router with the plain one of fronttest on random
// tables and paths.
func TestRouting(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	texts := []string{"a", "b", "c"}
	for range 20 {
		d := wire.Dialect{Name: "random", Error: func(x *wire.Exchange, err error) {
			x.Status = wire.Status(fail.AsError(err).Code)
		}}
		seen := map[string]bool{}
		for range 12 {
			var segs, shape []string
			for i := range 1 + rnd.IntN(4) {
				switch n := rnd.IntN(6); {
				case n < 3:
					segs = append(segs, texts[n])
				case n < 5:
					segs = append(segs, fmt.Sprintf("{p%d}", i))
				default:
					segs = append(segs, fmt.Sprintf("{p%d...}", i))
				}
				shape = append(shape, segs[i])
				if strings.HasSuffix(segs[i], "...}") {
					break
				}
			}
			pattern := "/" + strings.Join(segs, "/")
			if seen[strings.Join(shape, "/")] {
				continue
			}
			seen[strings.Join(shape, "/")] = true
			d.Routes = append(d.Routes, wire.Route{Method: "GET", Pattern: pattern, Label: "r", Auth: wire.Public, Handle: func(x *wire.Exchange) {
				x.Out = append(x.Out, pattern...)
				for i := range 4 {
					x.Out = append(append(x.Out, ' '), x.Param(fmt.Sprintf("p%d", i))...)
				}
			}})
		}
		front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{d}})
		for range 40 {
			path := ""
			for range 1 + rnd.IntN(5) {
				path += "/" + []string{"a", "b", "c", "d"}[rnd.IntN(4)]
			}
			want := fronttest.Call(t, d, fronttest.Request{Target: path})
			got := front.Do(fronttest.Request{Target: path})
			if got.Status != want.Status || got.Body != want.Body {
				t.Fatalf("%s: %d %q, want %d %q\nroutes: %v", path, got.Status, got.Body, want.Status, want.Body, seen)
			}
		}
	}
}

// TestMethodFallback checks that a route which has the method wins over a more literal
// one which has not, and that HEAD is served by GET.
func TestMethodFallback(t *testing.T) {
	say := func(text string) func(*wire.Exchange) {
		return func(x *wire.Exchange) { x.Out = append(append(x.Out, text...), x.Param("p")...) }
	}
	d := wire.Dialect{Name: "d", Error: alpha().Error, Routes: []wire.Route{
		{Method: "POST", Pattern: "/a/b", Label: "l", Auth: wire.Public, Handle: say("literal")},
		{Method: "GET", Pattern: "/a/{p}", Label: "p", Auth: wire.Public, Handle: say("param ")},
	}}
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{d}})
	f := func(method, path string, status int, body string) {
		t.Helper()
		if r := front.Do(fronttest.Request{Method: method, Target: path}); r.Status != status || r.Body != body {
			t.Errorf("%s %s: %d %q, want %d %q", method, path, r.Status, r.Body, status, body)
		}
	}
	f("POST", "/a/b", 200, "literal")
	f("GET", "/a/b", 200, "param b")
	f("GET", "/a/c", 200, "param c")
	f("HEAD", "/a/c", 200, "")
	f("POST", "/a/c", 405, `{"alpha":"This path does not take that method."}`)
}

// TestBadTables checks that route tables nobody could mean are refused.
func TestBadTables(t *testing.T) {
	f := func(want string, change func(*wire.Dialect)) {
		t.Helper()
		d := alpha()
		change(&d)
		_, err := httpfront.New(httpfront.Options{Dialects: []wire.Dialect{d, beta()}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New: %v, want an error with %q", err, want)
		}
	}
	route := func(pattern string) func(*wire.Dialect) {
		return func(d *wire.Dialect) {
			d.Routes = append(d.Routes, wire.Route{Method: "GET", Pattern: pattern, Label: "x", Auth: wire.Public, Handle: func(*wire.Exchange) {}})
		}
	}
	f("no name", func(d *wire.Dialect) { d.Name = "" })
	f("cannot write errors", func(d *wire.Dialect) { d.Error = nil })
	f("cannot find one", func(d *wire.Dialect) { d.Token = nil })
	f("prefix", func(d *wire.Dialect) { d.Prefix = "/a/" })
	f("lacks a handler", func(d *wire.Dialect) { d.Routes[0].Handle = nil })
	f("unknown kind", func(d *wire.Dialect) { d.Routes[0].Auth = 9 })
	f("the same as", route("/0.1.0/ping"))
	f("the same as", route("/live"))
	f("the same as", route("/api/v1/{other}/info"))
	f("slash", route("x"))
	f("empty", route("/a//b"))
	f("stray brace", route("/a}"))
	f("not {name}", route("/{a"))
	f("not {name}", route("/{}"))
	f("not the last", route("/{a...}/b"))
	f("two parameters", route("/{a}/{a}"))
	f("more than", route("/{a}/{b}/{c}/{d}/{e}/{f}/{g}"))
}
