package tune

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"quiver/bench"
)

// start serves one fixed answer after a delay that depends on the settings.
func start(delay func(Settings) time.Duration) func(context.Context, Settings) (*Server, error) {
	return func(_ context.Context, s Settings) (*Server, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		d := delay(s)
		srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(d)
			_, _ = w.Write([]byte("{}")) // the client counts what does not arrive
		})}
		go func() { _ = srv.Serve(l) }() // returns when closed
		return &Server{Addr: l.Addr().String(), Stop: srv.Close}, nil
	}
}

func tuneWith(t *testing.T, delay func(Settings) time.Duration) *Report {
	t.Helper()
	r, err := Run(context.Background(), Config{
		Dimensions: []Dimension{
			{Key: "a.x", Values: []string{"slow", "fast"}, Why: map[string]string{"fast": "it waits less"}},
			{Key: "b.y", Values: []string{"one", "two"}},
		},
		Start: start(delay),
		Loads: func(addr string) ([]Load, error) {
			request := bench.AppendPost(nil, addr, "/", "", []byte("{}"))
			return []Load{{Name: "single", Source: &bench.Fixed{Request: request}}}, nil
		},
		Connections: 4, Rounds: 2, Duration: 150 * time.Millisecond, Margin: 1.5,
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestFindsWhatHelps: the value that makes the server faster is recommended, the one
// that changes nothing is not.
func TestFindsWhatHelps(t *testing.T) {
	r := tuneWith(t, func(s Settings) time.Duration {
		if s["a.x"] == "fast" {
			return 2 * time.Millisecond
		}
		return 10 * time.Millisecond
	})
	if c := r.Choices; c[0].Value != "fast" || !strings.Contains(c[0].Reason, "it waits less") || c[1].Value != "one" {
		t.Errorf("%+v", c)
	}
	if r.Kept {
		t.Error("the defaults were kept")
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"a:\n    x: fast  # ", "p99 against rate", "requests/s", "*"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, b.String())
		}
	}
}

// TestKeepsDefaults: when nothing helps, the defaults are recommended.
func TestKeepsDefaults(t *testing.T) {
	r := tuneWith(t, func(Settings) time.Duration { return 5 * time.Millisecond })
	for _, c := range r.Choices {
		if c.Value != "slow" && c.Value != "one" {
			t.Errorf("%+v", c)
		}
	}
}

// TestFailures: a server that answers errors ends the tuning with their text.
func TestFailures(t *testing.T) {
	_, err := Run(context.Background(), Config{
		Dimensions: []Dimension{{Key: "a", Values: []string{"1"}}},
		Start: func(context.Context, Settings) (*Server, error) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return nil, err
			}
			srv := &http.Server{Handler: http.NotFoundHandler()}
			go func() { _ = srv.Serve(l) }() // returns when closed
			return &Server{Addr: l.Addr().String(), Stop: srv.Close}, nil
		},
		Loads: func(addr string) ([]Load, error) {
			return []Load{{Name: "single", Source: &bench.Fixed{Request: bench.AppendPost(nil, addr, "/", "", nil)}}}, nil
		},
		Connections: 1, Rounds: 1, Duration: 50 * time.Millisecond,
	})
	if err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v", err)
	}
}
