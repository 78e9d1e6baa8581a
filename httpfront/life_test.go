package httpfront_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quiver/engine/auth"
	"quiver/httpfront"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/wire"
)

// TestPanic checks that a panic is one 500 in the dialect's shape and one log line, and
// that nothing of the broken answer shows up in another.
func TestPanic(t *testing.T) {
	var out log
	keys := newKeys(t)
	token := newKey(t, keys, auth.CreateOptions{Name: "k"})
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}, Keys: keys, Log: out.logger()})
	header := map[string]string{"X-API-KEY": token}
	const n = 5
	for range n {
		r := front.Do(fronttest.Request{Target: "/0.1.0/panic", Body: "{}", Header: header})
		if r.Status != 500 || r.Body != `{"alpha":"Internal error."}` || r.Header["Content-Type"] != "application/json" {
			t.Errorf("a panic: %d %q %q", r.Status, r.Header["Content-Type"], r.Body)
		}
		if r := front.Do(fronttest.Request{Target: "/0.1.0/echo", Body: "{}", Header: header}); r.Body != "k|||{}" {
			t.Errorf("after a panic: %d %q", r.Status, r.Body)
		}
	}
	if got := strings.Count(out.String(), "panic while answering"); got != n {
		t.Errorf("%d log lines for %d panics:\n%s", got, n, out.String())
	}
	contains(t, "the log", out.String(), "something broke")
	contains(t, "the log", out.String(), "route=panic")
	contains(t, "the log", out.String(), "main_test.go") // the stack
	if strings.Contains(out.String(), token[17:]) {
		t.Error("a secret is in the log")
	}
}

// TestPanicInError checks a dialect whose error writer panics too.
func TestPanicInError(t *testing.T) {
	var out log
	d := alpha()
	d.Error = func(*wire.Exchange, error) { panic("no words") }
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{d}, Log: out.logger()})
	for _, path := range []string{"/0.1.0/panic", "/0.1.0/nothing"} {
		r := front.Do(fronttest.Request{Target: path, Body: "{}"})
		if r.Status != 500 || r.Body != `{"error":"Internal error."}` {
			t.Errorf("%s: %d %q", path, r.Status, r.Body)
		}
	}
}

// TestSlowClient checks that a client that does not finish its request is answered 408
// and cut off, wherever it stops, and that others are served meanwhile.
func TestSlowClient(t *testing.T) {
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}, ReadTimeout: 150 * time.Millisecond})
	var busy sync.WaitGroup
	f := func(text string) {
		busy.Go(func() {
			c, err := net.Dial("tcp", front.Addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = io.WriteString(c, text) // a failure shows in the answer
			_ = c.SetReadDeadline(time.Now().Add(time.Minute))
			answer, err := io.ReadAll(c)
			if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") || !strings.Contains(string(answer), "in time") {
				t.Errorf("%.40q: %v %q", text, err, answer)
			}
		})
	}
	f("POST /0.1.0/open HTTP/1.1\r\nHo")
	f(raw("POST /0.1.0/open", "Content-Length: 10\r\n", "abc"))
	f(raw("POST /0.1.0/open", "Content-Length: 20000\r\n", strings.Repeat("x", 9000)))
	f(raw("POST /0.1.0/open", "Transfer-Encoding: chunked\r\n", "5\r\nab"))
	f(raw("POST /0.1.0/open", "Content-Length: 10\r\nExpect: 100-continue\r\n", "")[:20])
	if r := front.Do(fronttest.Request{Target: "/live"}); r.Status != 200 {
		t.Errorf("meanwhile /live: %d", r.Status)
	}
	busy.Wait()
}

// TestShortBody checks that a handler never sees a body that ended early.
func TestShortBody(t *testing.T) {
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}})
	f := func(text string) {
		t.Helper()
		c, err := net.Dial("tcp", front.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		_, _ = io.WriteString(c, text) // a failure shows in the answer
		if err := c.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
		answer, err := io.ReadAll(c)
		if err != nil || (len(answer) > 0 && !strings.HasPrefix(string(answer), "HTTP/1.1 400 ")) {
			t.Errorf("%.60q: %v %.80q", text, err, answer)
		}
	}
	f(raw("POST /0.1.0/open", "Content-Length: 10\r\n", "abc"))
	f(raw("POST /0.1.0/open", "Content-Length: 20000\r\n", strings.Repeat("x", 10_000)))
	f(raw("POST /0.1.0/open", "Transfer-Encoding: chunked\r\n", "5\r\nabc"))
}

// TestHeldConnections checks the promise of doc.go: what a client declares costs
// nothing, only what it sends.
func TestHeldConnections(t *testing.T) {
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}})
	conns := make([]net.Conn, 0, 500)
	defer func() {
		for _, c := range conns {
			_ = c.Close()
		}
	}()
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapInuse + m.StackInuse)
	}
	before := heap()
	for i := range 500 {
		c, err := net.Dial("tcp", front.Addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		body := "x"
		if i%2 == 1 { // beyond what fasthttp reads before it calls the handler
			body = strings.Repeat("x", 8<<10+1)
		}
		if _, err := io.WriteString(c, raw("POST /0.1.0/open", "Content-Length: 4194304\r\n", body)); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(300 * time.Millisecond)
	grown := heap() - before
	t.Logf("500 connections that declare 4 MiB: %.1f MiB", float64(grown)/(1<<20))
	if grown > 64<<20 {
		t.Errorf("500 connections that declare 4 MiB and send a little hold %d MiB, want less than 64", grown>>20)
	}
	if r := front.Do(fronttest.Request{Target: "/live"}); r.Status != 200 {
		t.Errorf("/live: %d", r.Status)
	}
}

// TestHeldBytes checks the budget for large bodies.
func TestHeldBytes(t *testing.T) {
	started, finish := make(chan struct{}, 10), make(chan struct{})
	d := alpha()
	d.Routes = append(d.Routes, wire.Route{Method: "POST", Pattern: "/0.1.0/wait", Label: "wait", Auth: wire.Public, Handle: func(x *wire.Exchange) {
		started <- struct{}{}
		<-finish
	}})
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{d}, MaxHeldBytes: 3 << 20})
	large := fronttest.Request{Target: "/0.1.0/wait", Body: strings.Repeat("x", 1<<20)}
	var busy sync.WaitGroup
	for range 2 {
		busy.Go(func() {
			if r, err := front.Try(large); err != nil || r.Status != 200 {
				t.Errorf("a large request within the budget: %v %d %s", err, r.Status, r.Body)
			}
		})
		<-started
	}
	over := fronttest.Request{Target: "/0.1.0/open", Body: strings.Repeat("x", 2<<20)}
	r := front.Do(over)
	if r.Status != 503 || r.Header["Retry-After"] == "" || !strings.HasPrefix(r.Body, `{"alpha":`) {
		t.Errorf("a large request over the budget: %d %.60q, Retry-After %q", r.Status, r.Body, r.Header["Retry-After"])
	}
	if r := front.Do(fronttest.Request{Target: "/0.1.0/open", Body: "small"}); r.Status != 200 {
		t.Errorf("a small request: %d %s", r.Status, r.Body)
	}
	close(finish)
	busy.Wait()
	if r := front.Do(over); r.Status != 200 {
		t.Errorf("the budget did not come back: %d %.60q", r.Status, r.Body)
	}
}

// TestAnswers sends answers of all sizes over few connections at once and checks every
// byte: the memory of large ones is given back only once they are written.
func TestAnswers(t *testing.T) {
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}})
	var busy sync.WaitGroup
	for w := range 4 {
		busy.Go(func() {
			for i := range 30 {
				n := 16 << ((i + w) % 18) // 16 B to 2 MiB
				letter := string(rune('a' + (i*4+w)%26))
				r, err := front.Try(fronttest.Request{Target: fmt.Sprintf("/0.1.0/big?n=%d&of=%s", n, letter)})
				if err != nil || r.Status != 200 || r.Body != strings.Repeat(letter, n) {
					t.Errorf("an answer of %d bytes: %v %d, %d bytes", n, err, r.Status, len(r.Body))
				}
			}
		})
	}
	busy.Wait()
}

// TestBigAnswersAreNotShared lets clients wait before they read, so that answers are
// still being written while others are made: none may show up in another.
func TestBigAnswersAreNotShared(t *testing.T) {
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}})
	const size = 768 << 10
	var busy sync.WaitGroup
	for w := range 6 {
		busy.Go(func() {
			c, err := net.Dial("tcp", front.Addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			in := bufio.NewReader(c)
			letter := string(rune('a' + w))
			for range 10 {
				_, _ = io.WriteString(c, raw(fmt.Sprintf("GET /0.1.0/big?n=%d&of=%s", size, letter), "", "")) // a failure shows in the answer
				time.Sleep(3 * time.Millisecond)
				res, err := http.ReadResponse(in, nil)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(res.Body)
				if n := strings.Count(string(body), letter); err != nil || n != size || len(body) != size {
					t.Errorf("%d bytes, %d of them right: %v", len(body), n, err)
				}
			}
		})
	}
	busy.Wait()
}

// TestZippedBody checks that compressed bodies are read, and bounded as plain ones are.
func TestZippedBody(t *testing.T) {
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}, MaxBodyBytes: 1 << 20})
	zip := func(text string) string {
		var b strings.Builder
		z := gzip.NewWriter(&b)
		_, _ = io.WriteString(z, text) // a Builder takes everything
		_ = z.Close()
		return b.String()
	}
	f := func(coding, body string, status int, want string) {
		t.Helper()
		r := front.Do(fronttest.Request{Target: "/0.1.0/open", Header: map[string]string{"Content-Encoding": coding}, Body: body})
		if r.Status != status || !strings.Contains(r.Body, want) {
			t.Errorf("%s, %d bytes: %d %.80q, want %d %.80q", coding, len(body), r.Status, r.Body, status, want)
		}
	}
	long := strings.Repeat("0123456789abcdef", 1<<16)
	packed := zip(`{"a":1}`)
	for range 2 { // what the pools hold must not matter
		f("gzip", packed, 200, `|||{"a":1}`)
		f("GZIP", zip(long), 200, "|||"+long)
		f("gzip", zip("")+packed, 200, `|||{"a":1}`)
		f("gzip", `{"a":1}`, 200, `|||{"a":1}`)
		f("", packed, 200, "|||"+packed)
		f("br", packed, 200, "|||"+packed)
		f("gzip", zip(long+"x"), 413, "at most 1048576 bytes")
		f("gzip", zip(strings.Repeat(long, 64)), 413, "at most 1048576 bytes")
		f("gzip", packed[:len(packed)-5], 400, "cannot be read")
		f("gzip", packed[:6], 400, "cannot be read")
		f("gzip", packed[:15]+"x"+packed[16:], 400, "cannot be read")
		f("gzip", packed+"x", 400, "cannot be read")
	}
}

// TestGzip checks who gets a compressed answer.
func TestGzip(t *testing.T) {
	on := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}, Gzip: true})
	off := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}})
	f := func(front *fronttest.Front, accept string, n int, want bool) {
		t.Helper()
		r := front.Do(fronttest.Request{Target: fmt.Sprintf("/0.1.0/big?n=%d", n), Header: map[string]string{"Accept-Encoding": accept}})
		if got := r.Header["Content-Encoding"] == "gzip"; got != want {
			t.Errorf("%q, %d bytes: compressed is %v", accept, n, got)
			return
		}
		body := r.Body
		if want {
			z, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := io.ReadAll(z)
			if err != nil {
				t.Fatal(err)
			}
			body = string(plain)
		}
		if body != strings.Repeat("0123456789abcdef", n/16) {
			t.Errorf("%q, %d bytes: wrong body of %d bytes", accept, n, len(body))
		}
	}
	f(on, "gzip, deflate", 4096, true)
	f(on, "deflate, gzip;q=0.5", 1<<20, true)
	f(on, "deflate;q=1, gzip ; q=1.0", 4096, true)
	f(on, "gzip", 2048, false)
	f(on, "gzip;q=0", 4096, false)
	f(on, "gzip;q=0.000", 4096, false)
	f(on, "deflate", 4096, false)
	f(on, "xgzip", 4096, false)
	f(on, "", 4096, false)
	f(off, "gzip", 4096, false)

	// An answer of random numbers shrinks; one of random bytes is left alone.
	d := alpha()
	rnd := rand.New(rand.NewPCG(7, 1)) // not any seed: the level gives up on some random numbers
	numbers, noise := []byte("["), make([]byte, 8192)
	for range 1000 {
		numbers = fmt.Appendf(numbers, "%d,", rnd.Uint32())
	}
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	for name, body := range map[string][]byte{"numbers": numbers, "noise": noise} {
		d.Routes = append(d.Routes, wire.Route{Method: "GET", Pattern: "/0.1.0/" + name, Label: name, Auth: wire.Public, Handle: func(x *wire.Exchange) {
			x.Out = append(x.Out, body...)
		}})
	}
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{d}, Gzip: true})
	zip := map[string]string{"Accept-Encoding": "gzip"}
	r := front.Do(fronttest.Request{Target: "/0.1.0/numbers", Header: zip})
	if r.Header["Content-Encoding"] != "gzip" || len(r.Body) > len(numbers)*2/3 {
		t.Errorf("%d bytes of numbers: %q, %d bytes", len(numbers), r.Header["Content-Encoding"], len(r.Body))
	}
	r = front.Do(fronttest.Request{Target: "/0.1.0/noise", Header: zip})
	if r.Header["Content-Encoding"] != "" || r.Body != string(noise) {
		t.Errorf("%d bytes of noise: %q, %d bytes", len(noise), r.Header["Content-Encoding"], len(r.Body))
	}
}

// TestDrain shuts a busy server down: what was accepted is answered, /ready says so
// before the listener closes, and no request fails that a client began in time.
func TestDrain(t *testing.T) {
	started := make(chan struct{}, 1)
	d := alpha()
	d.Routes = append(d.Routes, wire.Route{Method: "POST", Pattern: "/0.1.0/slow", Label: "slow", Auth: wire.Public, Handle: func(x *wire.Exchange) {
		started <- struct{}{}
		time.Sleep(500 * time.Millisecond)
		x.Out = append(x.Out, "done"...)
	}})
	s, err := httpfront.New(httpfront.Options{Listen: "127.0.0.1:0", Dialects: []wire.Dialect{d}, DrainDelay: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	url := "http://" + s.Addr().String()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()

	// An idle connection must not keep the server from ending.
	idle, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer idle.Close()
	_, _ = io.WriteString(idle, raw("GET /live", "", "")) // a failure shows in the answer
	if _, err := http.ReadResponse(bufio.NewReader(idle), nil); err != nil {
		t.Fatal(err)
	}

	var busy sync.WaitGroup
	var shutting atomic.Bool
	var good, drained atomic.Int64
	slow := make(chan string, 1)
	go func() {
		res, err := client.Post(url+"/0.1.0/slow", "text/plain", strings.NewReader("x"))
		if err != nil {
			slow <- err.Error()
			return
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		slow <- fmt.Sprint(string(body), err)
	}()
	<-started
	stop := make(chan struct{})
	for range 4 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := client.Post(url+"/0.1.0/open", "text/plain", bytes.NewReader([]byte("x")))
				if err != nil {
					if !shutting.Load() {
						t.Errorf("a request failed before the listener closed: %v", err)
					}
					return
				}
				_, err = io.Copy(io.Discard, res.Body)
				res.Body.Close()
				if err != nil {
					t.Errorf("a begun answer was cut off: %v", err)
				}
				good.Add(1)
				if res.Close {
					drained.Add(1)
				}
			}
		})
	}
	time.Sleep(50 * time.Millisecond)
	done := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		done <- s.Shutdown(ctx)
	}()
	time.Sleep(50 * time.Millisecond)
	res, err := client.Get(url + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode != 503 || !res.Close {
		t.Errorf("/ready while draining: %d, connection closed %v; want 503 and closed", res.StatusCode, res.Close)
	}
	time.Sleep(50 * time.Millisecond)
	shutting.Store(true) // within DrainDelay requests must succeed; from about now they may not
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	close(stop)
	busy.Wait()
	if got := <-slow; got != "done<nil>" {
		t.Errorf("the request that was running: %q", got)
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if good.Load() == 0 || drained.Load() == 0 {
		t.Errorf("%d requests succeeded, %d of them with their connection closed for the drain", good.Load(), drained.Load())
	}
	if _, err := net.Dial("tcp", s.Addr().String()); err == nil {
		t.Error("the listener is still open")
	}
}

// TestShutdownGivesUp checks that Shutdown returns when its context ends and cancels
// the contexts of the requests it leaves behind.
func TestShutdownGivesUp(t *testing.T) {
	started, cancelled := make(chan struct{}), make(chan struct{})
	d := alpha()
	d.Routes = append(d.Routes, wire.Route{Method: "POST", Pattern: "/0.1.0/stuck", Label: "stuck", Auth: wire.Public, Handle: func(x *wire.Exchange) {
		close(started)
		<-x.Ctx.Done()
		close(cancelled)
	}})
	s, err := httpfront.New(httpfront.Options{Listen: "127.0.0.1:0", Dialects: []wire.Dialect{d}, DrainDelay: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	c, err := net.Dial("tcp", s.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = io.WriteString(c, raw("POST /0.1.0/stuck", "Content-Length: 0\r\n", "")) // a failure shows below
	<-started
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(ctx); err == nil {
		t.Error("Shutdown says that all requests have finished")
	}
	select {
	case <-cancelled:
	case <-time.After(time.Minute):
		t.Error("the request's context was not cancelled")
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// TestReady checks the probe with a condition.
func TestReady(t *testing.T) {
	var why atomic.Pointer[string]
	front := fronttest.Start(t, httpfront.Options{Ready: func() error {
		if w := why.Load(); w != nil {
			return fmt.Errorf("%s", *w)
		}
		return nil
	}, Dialects: []wire.Dialect{alpha()}, Keys: newKeys(t)})
	f := func(path string, status int, body string) {
		t.Helper()
		if r := front.Do(fronttest.Request{Target: path}); r.Status != status || r.Body != body {
			t.Errorf("%s: %d %q, want %d %q", path, r.Status, r.Body, status, body)
		}
	}
	f("/live", 200, `{"status":"live"}`)
	f("/ready", 200, `{"status":"ready"}`)
	text := "the store is opening"
	why.Store(&text)
	f("/live", 200, `{"status":"live"}`)
	f("/ready", 503, `{"error":"not ready: the store is opening"}`)
}

// TestMaxConns checks the limit on connections.
func TestMaxConns(t *testing.T) {
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}, MaxConns: 3})
	var conns []net.Conn
	for range 3 {
		c, err := net.Dial("tcp", front.Addr)
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, c)
		_, _ = io.WriteString(c, raw("GET /live", "", "")) // a failure shows in the answer
		if res, err := http.ReadResponse(bufio.NewReader(c), nil); err != nil || res.StatusCode != 200 {
			t.Fatal(res, err)
		}
	}
	r, closed := front.Raw(raw("GET /live", "", ""))
	if r.Status != 503 || !closed {
		t.Errorf("one connection too many: %d, closed %v", r.Status, closed)
	}
	for _, c := range conns {
		_ = c.Close()
	}
}
