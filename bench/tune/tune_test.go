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

// tuneWith tunes an imagined server whose answers take as long as latency says. Real
// measurements would make the outcome a matter of luck.
func tuneWith(t *testing.T, latency func(Settings) time.Duration) *Report {
	t.Helper()
	running := map[*Server]Settings{}
	started, stopped := 0, 0
	r, err := Run(context.Background(), Config{
		Dimensions: []Dimension{
			{Key: "a.x", Values: []string{"slow", "fast"}, Why: map[string]string{"fast": "it waits less"}},
			{Key: "b.y", Values: []string{"one", "two"}},
		},
		Start: func(_ context.Context, s Settings) (*Server, error) {
			started++
			server := &Server{Stop: func() error { stopped++; return nil }}
			running[server] = s
			return server, nil
		},
		Loads:  func(string) ([]Load, error) { return []Load{{Name: "single"}, {Name: "batch"}}, nil },
		Rounds: 2, Margin: 0.05,
		probe: func(_ context.Context, s *Server, _ Load, rate float64) (figures, error) {
			d := latency(running[s])
			return figures{perSecond: float64(time.Second / d), cpu: d, p50: d, p99: d + time.Duration(rate)}, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if started != stopped || started != 2*4+2*2+2 {
		t.Errorf("%d servers started, %d stopped", started, stopped)
	}
	return r
}

// TestFindsWhatHelps: the value that makes the server faster is recommended, the one
// that changes nothing is not.
func TestFindsWhatHelps(t *testing.T) {
	r := tuneWith(t, func(s Settings) time.Duration {
		d := 10 * time.Millisecond
		if s["a.x"] == "fast" {
			d = 2 * time.Millisecond
		}
		if s["b.y"] == "two" {
			d -= d / 50 // better, but within the margin
		}
		return d
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
	var b bytes.Buffer
	if err := r.Write(&b); err != nil || !r.Same || r.Kept || !strings.Contains(b.String(), "Both are the defaults") {
		t.Errorf("%v, same %v, kept %v:\n%s", err, r.Same, r.Kept, b.String())
	}
	for _, c := range r.Choices {
		if c.Value != "slow" && c.Value != "one" {
			t.Errorf("%+v", c)
		}
	}
}

// TestLuckIsNoReason: a value that was better once and is not when measured again does
// not replace the defaults.
func TestLuckIsNoReason(t *testing.T) {
	calls := 0
	r := tuneWith(t, func(s Settings) time.Duration {
		if s["a.x"] != "fast" {
			return 10 * time.Millisecond
		}
		if calls++; calls > 16 { // the two rounds of its dimension, and those of the next
			return 20 * time.Millisecond
		}
		return 5 * time.Millisecond
	})
	if !r.Kept || r.Choices[0].Value != "slow" {
		t.Errorf("kept %v, %+v", r.Kept, r.Choices)
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

// TestBetter: a good median of rounds that do not agree is noise.
func TestBetter(t *testing.T) {
	f := func(score, wins float64, want bool) {
		t.Helper()
		if o := (outcome{score: score, wins: wins}); o.better(0.05) != want {
			t.Errorf("a score of %g in %g of the rounds: better is %v", score, wins, !want)
		}
	}
	f(1.06, 1, true)
	f(1.06, 0.8, true)
	f(1.04, 1, false)
	f(1.5, 0.6, false)
}
