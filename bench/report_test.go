package bench

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func sample() *Result {
	r := &Result{
		Name: "single", Connections: 8, Rate: 1000, Elapsed: 2 * time.Second, Requests: 4, Unsent: 1, Foreign: 0.25,
		Latency: newHistogram(), Service: newHistogram(), Client: 40 * time.Microsecond, Server: Usage{CPU: 60 * time.Microsecond, Mallocs: 12},
	}
	for _, d := range []time.Duration{12 * time.Microsecond, 14 * time.Microsecond, 90 * time.Microsecond, 3 * time.Second} {
		record(r.Latency, int64(d))
		record(r.Service, int64(d))
	}
	r.Errors.addStatus(503, []byte("busy\n"))
	r.Errors.addStatus(503, []byte("busy\n"))
	return r
}

func TestDerivedFigures(t *testing.T) {
	r := sample()
	if r.PerSecond() != 2 {
		t.Errorf("rate is %g, want 2", r.PerSecond())
	}
	// Six requests made the server work, two of them in vain.
	if r.ServerCPU() != 10*time.Microsecond || r.Allocations() != 2 {
		t.Errorf("%s and %g allocations per request, want 10us and 2", r.ServerCPU(), r.Allocations())
	}
	if p := r.Percentile(50); p < 14*time.Microsecond || p > 14100*time.Nanosecond {
		t.Errorf("p50 is %s, want 14us", p)
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := WriteTable(&b, []*Result{sample()}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"p99.9", "single", "1000", "14.0us", "3.00s", "25%", "2 status (503: 2)", "first status error: status 503: busy", "1 requests were due and not sent"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
}

func TestJSON(t *testing.T) {
	var b strings.Builder
	if err := WriteJSON(&b, []*Result{sample()}); err != nil {
		t.Fatal(err)
	}
	var got []struct {
		Name    string
		Latency map[string]float64 `json:"latencyMicros"`
		Errors  map[string]uint64
		Foreign *float64 `json:"foreignCpuShare"`
	}
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0].Name != "single" || got[0].Errors["status"] != 2 || *got[0].Foreign != 0.25 {
		t.Fatalf("decoded %+v", got)
	}
	if p := got[0].Latency["p99"]; p < 2.99e6 || p > 3.01e6 {
		t.Errorf("p99 is %g us, want 3e6", p)
	}
	r := sample()
	r.Foreign = -1
	b.Reset()
	if err := WriteJSON(&b, []*Result{r}); err != nil || !strings.Contains(b.String(), `"foreignCpuShare": null`) {
		t.Errorf("an unknown noise is %s, %v", b.String(), err)
	}
}

func TestPlot(t *testing.T) {
	r := sample()
	total := int64(0)
	for _, b := range histogram(r) {
		total += b.count
	}
	if total != 4 {
		t.Errorf("the bars hold %d latencies, want 4", total)
	}
	var b strings.Builder
	if err := WritePlot(&b, r); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"latency of 4 requests", "10.0us -   15.0us", " 2\n", "p99.9", "p100"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the plot lacks %q:\n%s", want, b.String())
		}
	}
	empty := &Result{Name: "none", Latency: newHistogram(), Service: newHistogram()}
	if err := WritePlot(&b, empty); err != nil {
		t.Errorf("an empty plot fails: %v", err)
	}
}

func TestShort(t *testing.T) {
	f := func(d time.Duration, want string) {
		t.Helper()
		if got := Short(d); got != want {
			t.Errorf("Short(%d) = %s, want %s", d, got, want)
		}
	}
	f(0, "0.00us")
	f(900, "0.90us")
	f(12345, "12.3us")
	f(1200*time.Microsecond, "1.20ms")
	f(250*time.Millisecond, "250ms")
	f(2050*time.Millisecond, "2.05s")
}
