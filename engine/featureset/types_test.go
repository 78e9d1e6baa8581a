package featureset_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/fail"
	"quiver/engine/featureset"
)

// TestTypes looks up, shows and keys by every type.
func TestTypes(t *testing.T) {
	types := []struct{ name, typ, stored, printed string }{
		{"i", "int", `-5`, `-5`},
		{"f", "float", `48`, `48.0`},
		{"nan", "float", `"NaN"`, `"NaN"`},
		{"inf", "float", `"-inf"`, `"-infinity"`},
		{"b", "bool", `true`, `true`},
		{"s", "str", `"a\"\u00e9"`, `"a\"é"`},
		{"x", "bytes", `"AAEC"`, `"AAEC"`},
		{"d", "date", `"2020-01-02"`, `"2020-01-02"`},
		{"t", "datetime", `1577836800000`, `"2020-01-01T00:00:00.000000Z"`},
		{"t3", "timestamp(3)", `"2020-01-01 01:02:03.500"`, `"2020-01-01T01:02:03.500000Z"`},
		{"t0", "timestamp", `"2020-01-01 01:02:03"`, `"2020-01-01T01:02:03.000000Z"`},
		{"m", "Decimal[2]", `1.5`, `1.50`},
		{"l", "List[float]", `[1,2.5]`, `[1.0,2.5]`},
		{"lb", "List[bool]", `[true,false]`, `[true,false]`},
		{"mp", "Dict[str, int]", `{"b":1,"a":2}`, `{"a":2,"b":1}`},
		{"st", "struct<z:int,a:bool>", `{"z":1,"a":true}`, `{"a":true,"z":1}`},
		{"e", "Embedding[2]", `[1,2]`, `[1.0,2.0]`},
		{"r", "between(int, 0, 10)", `7`, `7`},
	}
	var group, set strings.Builder
	row := []string{"1"}
	var outputs []string
	want := ""
	for _, c := range types {
		group.WriteString("  - {name: " + c.name + ", type: '" + c.typ + "'}\n")
		set.WriteString("  - {name: " + c.name + ", type: 'Optional[" + c.typ + "]', lookup: {group: g, field: " + c.name + "}}\n")
		row = append(row, c.stored)
		outputs = append(outputs, "F."+c.name)
		want += `,"F.` + c.name + `":[` + c.printed + `,null]`
	}
	e, r := resolver(t, "kind: FeatureGroup\nstore: default\nname: g\nkey: [id]\nfeatures:\n  - {name: id, type: int}\n"+group.String()+
		"---\nkind: Featureset\nstore: default\nname: F\nfeatures:\n  - {name: id, type: int}\n"+set.String())
	enginetest.Load(t, e, engine.Ref{Store: "default", Name: "g"}, row)
	q := featureset.Request{Inputs: []string{"F.id"}, Outputs: outputs, Data: []byte(`[{"F.id":1},{"F.id":2}]`)}
	got, err := extract(t, r, q)
	if want = "{" + want[1:] + "}"; err != nil || got != want {
		t.Errorf(" got %s %v\nwant %s", got, err, want)
	}
	// The columns say the same as what was copied.
	q.Who = auth.All()
	a, err := r.Extract(context.Background(), &q)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	for i, c := range types {
		column, err := a.Column(i)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(column.AppendFennel(nil, 0)); got != c.printed || !column.Null(1) {
			t.Errorf("column %s: got %s, want %s", c.name, got, c.printed)
		}
	}
}

// TestKeyTypes looks rows up by keys of every type that can be one.
func TestKeyTypes(t *testing.T) {
	for _, c := range []struct{ typ, stored, asked string }{
		{"int", "7", `"7"`},
		{"str", `"a\"b"`, `"a\"b"`},
		{"bool", "true", "true"},
		{"date", `"2020-01-02"`, `18263`},
		{"datetime", `"2020-01-01T00:00:00.000001Z"`, `1577836800000001`},
		{"Decimal[2]", `1.5`, `1.50`},
		{"bytes", `"AAEC"`, `"AAEC"`},
	} {
		e, r := resolver(t, "kind: FeatureGroup\nstore: default\nname: g\nkey: [id]\nfeatures: [{name: id, type: '"+c.typ+"'}, {name: v, type: int}]\n"+
			"---\nkind: Featureset\nstore: default\nname: F\nfeatures: [{name: id, type: '"+c.typ+"'}, {name: v, type: int, lookup: {group: g, field: v}, default: -1}]\n")
		enginetest.Load(t, e, engine.Ref{Store: "default", Name: "g"}, []string{c.stored, "5"})
		got, err := extract(t, r, featureset.Request{Inputs: []string{"F.id"}, Outputs: []string{"F.v"}, Data: []byte(`{"F.id":[` + c.asked + `]}`)})
		if err != nil || got != `{"F.v":[5]}` {
			t.Errorf("%s: got %s %v", c.typ, got, err)
		}
	}
}

// TestHistory shows that rows from the future are invisible where history is kept, and
// show where it is not.
func TestHistory(t *testing.T) {
	const yaml = `
kind: FeatureGroup
store: default
name: kept
key: [id]
eventTime: ts
history: 100000h
features: [{name: id, type: int}, {name: v, type: int}, {name: ts, type: datetime}]
---
kind: FeatureGroup
store: default
name: newest
key: [id]
eventTime: ts
features: [{name: id, type: int}, {name: v, type: int}, {name: ts, type: datetime}]
---
kind: Featureset
store: default
name: F
features:
  - {name: id, type: int}
  - {name: a, type: int, lookup: {group: kept, field: v}, default: 0}
  - {name: b, type: int, lookup: {group: newest, field: v}, default: 0}
  - {name: at, type: datetime, expr: 'now()'}
`
	e, r := resolver(t, yaml)
	for _, row := range [][2]string{{"1", "2030-01-01 00:00:00"}, {"2", "2031-01-01 00:00:00"}} {
		for _, g := range []string{"kept", "newest"} {
			if err := e.Put(context.Background(), engine.Ref{Store: "default", Name: g}, map[string]string{"id": "1", "v": row[0], "ts": row[1]}); err != nil {
				t.Fatal(err)
			}
		}
	}
	f := func(at, want string) {
		t.Helper()
		now, err := time.Parse("2006-01-02", at)
		if err != nil {
			t.Fatal(err)
		}
		q := featureset.Request{Inputs: []string{"F.id"}, Outputs: []string{"F.a", "F.b", "F.at"}, Data: []byte(`[{"F.id":1}]`), Now: now.UnixMicro()}
		if got, err := extract(t, r, q); err != nil || got != want {
			t.Errorf("at %s: got %s %v, want %s", at, got, err, want)
		}
	}
	f("2029-06-01", `{"F.a":[0],"F.b":[2],"F.at":["2029-06-01T00:00:00.000000Z"]}`)
	f("2030-06-01", `{"F.a":[1],"F.b":[2],"F.at":["2030-06-01T00:00:00.000000Z"]}`)
	f("2032-06-01", `{"F.a":[2],"F.b":[2],"F.at":["2032-06-01T00:00:00.000000Z"]}`)
}

// fake answers calls of code with a text, and counts what is open.
type fake struct {
	open   atomic.Int64
	calls  atomic.Int64
	answer string
	in     string
}

type fakeCall struct{ *fake }

func (f *fake) Open(c featureset.Code) (featureset.Function, error) {
	if !strings.Contains(c.Source, "def "+c.Function) {
		return nil, errors.New("no such function")
	}
	f.open.Add(1)
	return fakeCall{f}, nil
}

func (f fakeCall) Call(_ context.Context, dst, in []byte) ([]byte, error) {
	f.calls.Add(1)
	f.in = string(in)
	return append(dst, f.answer...), nil
}

func (f fakeCall) Close() error {
	f.open.Add(-1)
	return nil
}

func TestCode(t *testing.T) {
	yaml := []byte(`
kind: Featureset
store: default
name: F
features:
  - {name: age, type: int}
  - {name: double, type: int, expr: 'col("age") * 2'}
  - {name: bucket, type: int}
  - {name: label, type: str}
  - {name: next, type: int, expr: 'col("bucket") + 1'}
extractors:
  - {inputs: [age, double], outputs: [bucket, label], python: extractors.py, function: bucket}
`)
	apply := func(e *engine.Engine, source string) error {
		_, err := e.Apply([]catalog.File{{Name: "d/a.yaml", Text: yaml}, {Name: "d/extractors.py", Text: []byte(source)}}, false)
		return err
	}
	// Without anything that runs code the definitions are refused.
	e, _ := resolver(t, "")
	if err := apply(e, "def bucket(): pass"); fail.AsError(err).Code != fail.Conflict || !strings.Contains(err.Error(), "runs no Python") {
		t.Errorf("without functions: %v", err)
	}

	e = enginetest.New(t)
	f := &fake{answer: `{"bucket":[1,2],"label":["x","y"],"more":[0,0]}`}
	r := featureset.New(e, f)
	if err := e.AddPart(r); err != nil {
		t.Fatal(err)
	}
	if err := apply(e, "def other(): pass"); err == nil || !strings.Contains(err.Error(), "no such function") {
		t.Errorf("a function that is not there: %v", err)
	}
	if err := apply(e, "def bucket(): pass"); err != nil {
		t.Fatal(err)
	}
	q := featureset.Request{
		Inputs: []string{"F.age"}, Outputs: []string{"F.next", "F.label", "F.bucket"}, Data: []byte(`{"F.age":[10,20]}`), Now: 1,
	}
	want := `{"F.next":[2,3],"F.label":["x","y"],"F.bucket":[1,2]}`
	if got, err := extract(t, r, q); err != nil || got != want {
		t.Errorf("got %s %v", got, err)
	}
	if in := `{"now":"1970-01-01T00:00:00.000001Z","rows":2,"types":["plain","plain"],"inputs":["F.age","F.double"],"data":{"F.age":[10,20],"F.double":[20,40]}}`; f.in != in {
		t.Errorf("the code was handed %s\nwant %s", f.in, in)
	}
	// What is given is not computed, nor overwritten by code that is run for another output.
	given := q
	given.Inputs, given.Data = []string{"F.age", "F.bucket"}, []byte(`{"F.age":[10,20],"F.bucket":[5,6]}`)
	if got, err := extract(t, r, given); err != nil || got != `{"F.next":[6,7],"F.label":["x","y"],"F.bucket":[5,6]}` {
		t.Errorf("given: got %s %v", got, err)
	}
	calls := f.calls.Load()
	given.Outputs = []string{"F.next"}
	if got, err := extract(t, r, given); err != nil || got != `{"F.next":[6,7]}` || f.calls.Load() != calls {
		t.Errorf("not needed: got %s %v", got, err)
	}
	for _, bad := range []string{`{"bucket":[1,2]}`, `{"bucket":[1],"label":["x"]}`, `{"bucket":["x",1],"label":["x","y"]}`, `oops`} {
		f.answer = bad
		if got, err := extract(t, r, q); err == nil || !strings.Contains(err.Error(), "Extractor `F.bucket`") {
			t.Errorf("%s: got %s %v", bad, got, err)
		}
	}
	// New code replaces the old; the same is kept.
	if err := apply(e, "def bucket(): pass"); err != nil || f.open.Load() != 1 {
		t.Errorf("%d functions are open, %v", f.open.Load(), err)
	}
	if err := apply(e, "def bucket(): return 1"); err != nil || f.open.Load() != 1 {
		t.Errorf("%d functions are open, %v", f.open.Load(), err)
	}
	r.Close()
	if f.open.Load() != 0 {
		t.Errorf("%d functions are open at the end", f.open.Load())
	}
}
