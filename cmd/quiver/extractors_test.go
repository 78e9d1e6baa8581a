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

// TestExtractorTypes hands every type of Fennel to real Python and takes it back.
func TestExtractorTypes(t *testing.T) {
	e := enginetest.New(t)
	r := featureset.New(e, &extractors{newFunctions(defaultFunctions(), slog.New(slog.DiscardHandler))})
	defer r.Close()
	if err := e.AddPart(r); err != nil {
		t.Fatal(err)
	}
	types := []string{"int", "float", "str", "bool", "datetime", "Decimal[2]", "bytes", "date", "List[datetime]", "Dict[str, Decimal[2]]", "Optional[float]"}
	values := []string{
		"7", `"NaN"`, `"NaN"`, "true", `"2020-01-02T03:04:05.678900Z"`, "12.25", `"/wA="`, `"2020-01-02"`,
		`["2020-01-02T00:00:00.000000Z"]`, `{"k":1.50}`, "null",
	}
	var yaml, inputs, outputs, data, want strings.Builder
	yaml.WriteString("kind: Featureset\nstore: default\nname: F\nfeatures:\n  - {name: says, type: str}\n  - {name: rows, type: int}\n")
	for i, typ := range types {
		fmt.Fprintf(&yaml, "  - {name: i%d, type: '%s'}\n  - {name: o%d, type: '%s'}\n", i, typ, i, typ)
		comma := ","
		if i == 0 {
			comma = ""
		}
		fmt.Fprintf(&inputs, "%si%d", comma, i)
		fmt.Fprintf(&outputs, "%so%d", comma, i)
		fmt.Fprintf(&data, `%s"F.i%d":[%s]`, comma, i, values[i])
		fmt.Fprintf(&want, `"F.o%d":[%s],`, i, values[i])
	}
	fmt.Fprintf(&yaml, "extractors:\n  - {inputs: [%s], outputs: [%s,says], python: x.py, function: f}\n  - {inputs: [], outputs: [rows], python: x.py, function: g}\n", &inputs, &outputs)
	source := `
def name(v):
    return type(v).__name__ + ("[" + name(next(iter(v.values() if isinstance(v, dict) else v))) + "]" if type(v) in (list, dict) else "")

def f(ts, *columns):
    out = {"o%d" % i: c for i, c in enumerate(columns)}
    out["says"] = [" ".join(name(c[0]) for c in columns)]
    return out

def g(ts):
    return {"rows": [len(ts)] * len(ts)}
`
	if _, err := e.Apply([]catalog.File{{Name: "a.yaml", Text: []byte(yaml.String())}, {Name: "x.py", Text: []byte(source)}}, false); err != nil {
		t.Fatalf("%v; if python3 is missing: apt-get install python3", err)
	}
	q := featureset.Request{Who: auth.All(), Data: []byte("{" + data.String() + "}"), Outputs: []string{"F"}}
	for i := range types {
		q.Inputs = append(q.Inputs, fmt.Sprint("F.i", i))
	}
	q.Outputs = nil
	for i := range types {
		q.Outputs = append(q.Outputs, fmt.Sprint("F.o", i))
	}
	q.Outputs = append(q.Outputs, "F.says", "F.rows")
	a, err := r.Extract(t.Context(), &q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	want.WriteString(`"F.says":["int float str bool datetime Decimal bytes date list[datetime] dict[Decimal] NoneType"],"F.rows":[1]}`)
	if got := string(a.AppendJSON(nil)); got != "{"+want.String() {
		t.Errorf("got  %s\nwant {%s", got, &want)
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
