package fronttest

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"quiver/httpfront"
)

// Lingering names the functions whose goroutines outlive a server that has shut down:
// the HTTP library's writer of Date headers, one per process, and its pools' cleaners,
// which end within ten seconds. Leak checks of tests that start servers ignore them.
var Lingering = [...]string{
	"github.com/valyala/fasthttp.updateServerDate.func1",
	"github.com/valyala/fasthttp.(*workerPool).Start.func2",
}

// Front is a running server.
type Front struct {
	Server *httpfront.Server
	Addr   string // host:port
	URL    string // http://host:port

	t      testing.TB
	client *http.Client
}

// Start serves on a free port of 127.0.0.1 until the test ends, when the server must
// shut down cleanly. A zero DrainDelay becomes a millisecond.
func Start(t testing.TB, o httpfront.Options) *Front {
	t.Helper()
	o.Listen = "127.0.0.1:0"
	if o.DrainDelay == 0 {
		o.DrainDelay = time.Millisecond
	}
	s, err := httpfront.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	f := &Front{
		Server: s, Addr: s.Addr().String(), URL: "http://" + s.Addr().String(), t: t,
		client: &http.Client{
			Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64},
			Timeout:   30 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error {
				return http.ErrUseLastResponse
			},
		},
	}
	t.Cleanup(func() {
		f.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("the server does not shut down: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return f
}

// Do sends the request over a kept connection and returns the response. It fails the
// test when there is none. Do may be called from many goroutines.
func (f *Front) Do(r Request) Response {
	f.t.Helper()
	res, err := f.Try(r)
	if err != nil {
		f.t.Fatal(err)
	}
	return res
}

// Try is Do that returns its error.
func (f *Front) Try(r Request) (Response, error) {
	req, err := http.NewRequest(r.method(), f.URL+r.Target, strings.NewReader(r.Body))
	if err != nil {
		return Response{}, err
	}
	for name, value := range r.Header {
		req.Header.Set(name, value)
	}
	res, err := f.client.Do(req)
	if err != nil {
		return Response{}, err
	}
	return record(res)
}

// Raw sends text as it stands over a connection of its own and returns the first
// response to it, and whether the server then closed the connection. A first answer
// that is not HTTP fails the test.
func (f *Front) Raw(text string) (res Response, closed bool) {
	f.t.Helper()
	c, err := net.DialTimeout("tcp", f.Addr, 5*time.Second)
	if err != nil {
		f.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second)) // a TCP connection takes deadlines
	if _, err := io.WriteString(c, text); err != nil {
		f.t.Fatal(err)
	}
	in := bufio.NewReader(c)
	method, _, _ := strings.Cut(text, " ")
	hr, err := http.ReadResponse(in, &http.Request{Method: method})
	if err != nil {
		f.t.Fatalf("no answer to %.80q: %v", text, err)
	}
	if res, err = record(hr); err != nil {
		f.t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond))
	_, err = in.ReadByte()
	return res, err != nil && !errors.Is(err, os.ErrDeadlineExceeded) // an end or a reset
}

func record(res *http.Response) (Response, error) {
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return Response{}, err
	}
	out := Response{Status: res.StatusCode, Header: map[string]string{}, Body: string(body)}
	for name, values := range res.Header {
		out.Header[name] = strings.Join(values, ", ")
	}
	return out, nil
}
