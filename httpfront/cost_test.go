//go:build !race

package httpfront_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"

	"quiver/engine/auth"
	"quiver/httpfront"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/wire"
)

// vector is about the size of one feature vector's answer, batch of a hundred.
var (
	vector = answerOf(1)
	batch  = answerOf(100)
)

// answerOf returns vectors of random features; the seed is fixed, so sizes are too.
func answerOf(n int) []byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	b := []byte(`{"features":[`)
	for range n {
		b = append(b, '[')
		for range 12 {
			b = fmt.Appendf(b, `%d,%.6g,"%x",`, rnd.IntN(1e6), rnd.NormFloat64()*100, rnd.Uint32N(1e4))
		}
		b = append(b[:len(b)-1], "],"...)
	}
	return append(b[:len(b)-1], `],"metadata":null,"status":"COMPLETE"}`...)
}

// reader is a dialect whose answers have the size of real ones.
func reader() wire.Dialect {
	d := alpha()
	answer := func(b []byte) func(*wire.Exchange) {
		return func(x *wire.Exchange) {
			if x.Principal.MayReadStore("fsdb001") {
				x.Out = append(x.Out, b...)
			}
		}
	}
	d.Routes = append(
		d.Routes,
		wire.Route{Method: "POST", Pattern: "/{version}/feature_store", Label: "single", Handle: answer(vector)},
		wire.Route{Method: "POST", Pattern: "/{version}/batch_feature_store", Label: "batch", Handle: answer(batch)},
		wire.Route{Method: "POST", Pattern: "/{version}/huge", Label: "huge", Handle: answer(bytes.Repeat(batch, 10))},
	)
	return d
}

// request is a request as the Python client sends it.
func request(path, token, body string) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost:4406\r\nUser-Agent: python-requests/2.32.3\r\n"+
		"Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nX-API-KEY: %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, token, len(body), body)
}

const singleBody = `{"featureStoreName":"fsdb001","featureViewName":"sample_2","featureViewVersion":1,` +
	`"options":{"validatePassedFeatures":false,"includeDetailedStatus":true},"entries":{"id1":36},"passedFeatures":null}`

// wireClient sends one request after the other and allocates nothing.
type wireClient struct {
	c    net.Conn
	buf  []byte
	size int // of an answer, once known
}

func dial(t testing.TB, addr string) *wireClient {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &wireClient{c: c, buf: make([]byte, 1<<20)}
}

// do sends request and reads one answer, of the same size as the first.
func (w *wireClient) do(t testing.TB, request []byte) {
	if _, err := w.c.Write(request); err != nil {
		t.Fatal(err)
	}
	if w.size == 0 {
		n := 0
		for head := -1; head < 0 || n < w.size; {
			m, err := w.c.Read(w.buf[n:])
			if err != nil {
				t.Fatal(err)
			}
			n += m
			if head = bytes.Index(w.buf[:n], []byte("\r\n\r\n")); head < 0 {
				continue
			}
			if !bytes.HasPrefix(w.buf, []byte("HTTP/1.1 200 OK\r\n")) {
				t.Fatalf("%s", w.buf[:n])
			}
			length := 0
			at := bytes.Index(w.buf[:head], []byte("Content-Length: "))
			if _, err := fmt.Sscan(string(w.buf[at+16:head]), &length); at < 0 || err != nil {
				t.Fatalf("%s: %v", w.buf[:head], err)
			}
			w.size = head + 4 + length
		}
		if n != w.size {
			t.Fatalf("%d bytes after an answer", n-w.size)
		}
		return
	}
	if _, err := io.ReadFull(w.c, w.buf[:w.size]); err != nil {
		t.Fatal(err)
	}
	if string(w.buf[9:12]) != "200" {
		t.Fatalf("%s", w.buf[:100])
	}
}

// TestRequestsDoNotAllocate counts everything the process allocates while a client that
// allocates nothing sends requests over TCP: header, route, key, body and answer.
func TestRequestsDoNotAllocate(t *testing.T) {
	keys := newKeys(t)
	token := newKey(t, keys, auth.CreateOptions{Name: "k", Stores: []string{"fsdb001"}})
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{reader()}, Keys: keys})
	f := func(path, body string) {
		t.Helper()
		client, req := dial(t, front.Addr), request(path, token, body)
		for range 50 {
			client.do(t, req)
		}
		if n := testing.AllocsPerRun(500, func() { client.do(t, req) }); n != 0 {
			t.Errorf("%s with a body of %d bytes: %v allocations per request", path, len(body), n)
		}
	}
	f("/0.1.0/feature_store", singleBody)
	f("/0.1.0/batch_feature_store", singleBody)
	f("/0.1.0/batch_feature_store", strings.Repeat("x", 200_000))
	f("/0.1.0/huge", singleBody)
}

// BenchmarkFront measures a request over TCP on one connection: fixed is fasthttp alone
// with the same answer, the others are the whole front end.
func BenchmarkFront(b *testing.B) {
	keys := newKeys(b)
	token := newKey(b, keys, auth.CreateOptions{Name: "k", Stores: []string{"fsdb001"}})
	run := func(addr, path string) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			client, req := dial(b, addr), request(path, token, singleBody)
			for b.Loop() {
				client.do(b, req)
			}
		}
	}
	fixed := func(stream bool, answer []byte) string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		s := &fasthttp.Server{
			Handler:              func(ctx *fasthttp.RequestCtx) { ctx.SetBody(answer) },
			StreamRequestBody:    stream,
			NoDefaultContentType: true, NoDefaultServerHeader: true,
		}
		room := make([]byte, 4<<10) // one connection at a time
		if stream {
			s.Handler = func(ctx *fasthttp.RequestCtx) {
				for {
					if _, err := ctx.RequestBodyStream().Read(room); err != nil {
						break
					}
				}
				ctx.SetBody(answer)
			}
		}
		go func() { _ = s.Serve(ln) }() // ends with the listener
		b.Cleanup(func() { _ = ln.Close() })
		return ln.Addr().String()
	}
	front := fronttest.Start(b, httpfront.Options{Dialects: []wire.Dialect{reader()}, Keys: keys})
	zipped := fronttest.Start(b, httpfront.Options{Dialects: []wire.Dialect{reader()}, Keys: keys, Gzip: true})
	b.Run("fixed", run(fixed(false, vector), "/"))
	b.Run("fixed-stream", run(fixed(true, vector), "/"))
	b.Run("single", run(front.Addr, "/0.1.0/feature_store"))
	b.Run("fixed-batch", run(fixed(false, batch), "/"))
	b.Run("batch", run(front.Addr, "/0.1.0/batch_feature_store"))
	b.Run("batch-gzip", run(zipped.Addr, "/0.1.0/batch_feature_store"))
}
