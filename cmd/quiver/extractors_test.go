package main

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/fail"
	"quiver/engine/featureset"
)

// TestExtractors applies and extracts features that real Python computes.
func TestExtractors(t *testing.T) {
	yaml := []byte(`
kind: Featureset
store: default
name: F
features:
  - {name: age, type: float}
  - {name: at, type: datetime}
  - {name: bucket, type: int}
  - {name: half, type: float}
  - {name: next, type: int, expr: 'col("bucket") + 1'}
extractors:
  - {inputs: [age], outputs: [bucket, half, at], python: extractors.py, function: bucket}
`)
	e := enginetest.New(t)
	r := featureset.New(e, &extractors{newFunctions(defaultFunctions(), slog.New(slog.DiscardHandler))})
	defer r.Close()
	if err := e.AddPart(r); err != nil {
		t.Fatal(err)
	}
	apply := func(source string) error {
		_, err := e.Apply([]catalog.File{{Name: "d/a.yaml", Text: yaml}, {Name: "d/extractors.py", Text: []byte(source)}}, false)
		return err
	}
	refused := func(source, want string) {
		t.Helper()
		if err := apply(source); fail.AsError(err).Code != fail.Malformed || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s; if python3 is missing: apt-get install python3", source, err, want)
		}
	}
	refused("def other(): pass", "extractor.py has no function bucket; it has: other")
	refused("import nowhere", "No module named 'nowhere'")

	extract := func() (string, error) {
		a, err := r.Extract(t.Context(), &featureset.Request{
			Who: auth.All(), Inputs: []string{"F.age"}, Outputs: []string{"F.next", "F.half", "F.at"}, Data: []byte(`{"F.age":[10,"NaN"]}`), Now: 1_000_000,
		})
		if err != nil {
			return "", err
		}
		defer a.Release()
		return string(a.AppendJSON(nil)), nil
	}
	if err := apply(`
def bucket(ts, age):
    return {"bucket": [-1 if a != a else int(a) // 10 for a in age], "half": [a / 2 for a in age], "at": ts}
`); err != nil {
		t.Fatal(err)
	}
	const at = `"1970-01-01T00:00:01.000000Z"`
	if got, err := extract(); err != nil || got != `{"F.next":[2,0],"F.half":[5.0,"NaN"],"F.at":[`+at+`,`+at+`]}` {
		t.Errorf("got %s %v", got, err)
	}
	if err := apply("def bucket(ts, age): raise KeyError('no such age')"); err != nil {
		t.Fatal(err)
	}
	if got, err := extract(); err == nil || fail.AsError(err).Text != "Function `bucket` of extractors.py failed: KeyError: 'no such age'" {
		t.Errorf("got %s %v", got, err)
	}
}

// TestFunctionMetrics checks what a scrape sees of a function that was called and failed.
func TestFunctionMetrics(t *testing.T) {
	c := defaultFunctions()
	c.Queue, c.Memory = 0, 0
	f := newFunctions(c, slog.New(slog.DiscardHandler))
	x := &extractors{f}
	fn, err := x.Open(featureset.Code{File: "a.py", Source: "def g(ts, n): return {'o': [1 / v for v in n]}", Function: "g"})
	if err != nil {
		t.Fatalf("%v; if python3 is missing: apt-get install python3", err)
	}
	for _, n := range []string{"1", "0"} {
		_, err := fn.Call(t.Context(), nil, []byte(`{"now":"2024-01-01T00:00:00.000000Z","inputs":["n"],"data":{"n":[`+n+`]}}`))
		if (err != nil) != (n == "0") {
			t.Errorf("%s: %v", n, err)
		}
	}
	got := gather(t, f)
	for _, want := range []string{
		`quiver_function_calls_total{a.py:g,extractor} 2`, `quiver_function_starts_total{a.py:g,extractor} 1`,
		`quiver_function_live{a.py:g,extractor} 1`, `quiver_function_busy{a.py:g,extractor} 0`, `quiver_function_queued{a.py:g,extractor} 0`,
		`quiver_function_failures_total{a.py:g,user_error,extractor} 1`, `quiver_function_failures_total{a.py:g,queue_full,extractor} 0`,
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s in %q", want, got)
		}
	}
	if err := fn.Close(); err != nil {
		t.Fatal(err)
	}
	if got := gather(t, f); len(got) != 0 {
		t.Errorf("series of a function that is gone: %q", got)
	}
}

// gather scrapes a collector: one line a series, its labels in the order of their names.
func gather(t *testing.T, c prometheus.Collector) (lines []string) {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	all, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range all {
		for _, m := range family.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			lines = append(lines, fmt.Sprintf("%s{%s} %v", family.GetName(), strings.Join(labels, ","), m.GetCounter().GetValue()+m.GetGauge().GetValue()+float64(m.GetHistogram().GetSampleCount())))
		}
	}
	return lines
}
