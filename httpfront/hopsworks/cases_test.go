package hopsworks_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"testing"

	"quiver/codec"
	"quiver/codec/avro"
	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/httpfront"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/hopsworks"
	"quiver/httpfront/wire"
	"quiver/storage/memstore"
)

// caseKey is the key the recorded requests carry.
const caseKey = "AbCdEfGhIjKlMnOp.test-secret-0000000000000000000000000000000000000000"

type wireCase struct {
	Name    string          `json:"name"`
	Given   json.RawMessage `json:"given"`
	Request struct {
		Method, Path string
		Headers      map[string]string
		Body         json.RawMessage
	} `json:"request"`
	Expect struct {
		HTTP         int             `json:"http"`
		Body         json.RawMessage `json:"body"`
		BodyContains string          `json:"bodyContains"`
		ErrorCode    int             `json:"errorCode"`
		Reason       string          `json:"reason"`
	} `json:"expect"`
}

type given struct {
	View   givenView    `json:"featureView"`
	Groups []givenGroup `json:"featureGroups"`
}

type givenView struct {
	FeatureStore, Name string
	Version            int
	Joins              []struct {
		JoinIndex      int
		FeatureGroupID int64
		Prefix         string
	}
	Features []struct {
		JoinIndex  int
		Name, Type string
		Label      bool
	}
	ServingKeys []struct {
		JoinIndex           int
		FeatureName, Prefix string
		Required            bool
		JoinOn              *string
	}
}

type givenGroup struct {
	ID           int64
	FeatureStore string
	Table        string
	Spine        bool
	Columns      json.RawMessage // in order
	PrimaryKey   []string
	Rows         [][]json.RawMessage
}

func (g *givenGroup) nameVersion() (string, string) {
	at := strings.LastIndexByte(g.Table, '_')
	return g.Table[:at], g.Table[at+1:]
}

// columns returns names and types in their written order.
func (g *givenGroup) columns(t *testing.T) (names, types []string) {
	d := json.NewDecoder(bytes.NewReader(g.Columns))
	for {
		token, err := d.Token()
		if err == io.EOF {
			return names[:len(types)], types
		}
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := token.(string); ok {
			if len(names) == len(types) {
				names = append(names, s)
			} else {
				types = append(types, s)
			}
		}
	}
}

// definitions writes the case's given part the way a user would.
func (g *given) definitions(t *testing.T) string {
	var b strings.Builder
	for _, fg := range g.Groups {
		name, version := fg.nameVersion()
		fmt.Fprintf(&b, "kind: FeatureGroup\nstore: %s\nname: %s\nversion: %s\nid: %d\nspine: %v\nkey: [%s]\nfeatures:\n",
			fg.FeatureStore, name, version, fg.ID, fg.Spine, strings.Join(fg.PrimaryKey, ", "))
		names, types := fg.columns(t)
		for i := range names {
			fmt.Fprintf(&b, "  - {name: %s, type: %q}\n", names[i], types[i])
		}
		b.WriteString("---\n")
	}
	v := &g.View
	fmt.Fprintf(&b, "kind: FeatureView\nstore: %s\nname: %s\nversion: %d\nfrom:\n", v.FeatureStore, v.Name, v.Version)
	for _, j := range v.Joins {
		for _, fg := range g.Groups {
			if fg.ID == j.FeatureGroupID {
				name, version := fg.nameVersion()
				fmt.Fprintf(&b, "  - {store: %s, group: %s, version: %s, prefix: %q}\n", fg.FeatureStore, name, version, j.Prefix)
			}
		}
	}
	b.WriteString("features:\n")
	for _, f := range v.Features {
		fmt.Fprintf(&b, "  - {from: %d, name: %s, label: %v}\n", f.JoinIndex, f.Name, f.Label)
	}
	b.WriteString("servingKeys:\n")
	for _, k := range v.ServingKeys {
		fmt.Fprintf(&b, "  - {from: %d, name: %s, prefix: %q, required: %v", k.JoinIndex, k.FeatureName, k.Prefix, k.Required)
		if k.JoinOn != nil {
			fmt.Fprintf(&b, ", joinOn: %s", *k.JoinOn)
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// newEngine makes an engine over memory with the definitions and rows of g.
func newEngine(t *testing.T, g *given) *engine.Engine {
	t.Helper()
	c, err := catalog.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Options{Store: memstore.New(), Catalog: c})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if g == nil {
		return e
	}
	apply(t, e, g.definitions(t))
	for _, fg := range g.Groups {
		fg.load(t, e)
	}
	return e
}

func apply(t *testing.T, e *engine.Engine, yaml string) {
	t.Helper()
	if _, err := e.Apply([]catalog.File{{Name: "given.yaml", Text: []byte(yaml)}}, false); err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
}

func (g *givenGroup) load(t *testing.T, e *engine.Engine) {
	if g.Spine {
		return
	}
	name, _ := g.nameVersion()
	_, version := g.nameVersion()
	ref := engine.Ref{Store: g.FeatureStore, Name: name}
	if _, err := fmt.Sscan(version, &ref.Version); err != nil {
		t.Fatal(err)
	}
	l, err := e.Load(context.Background(), ref, engine.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	names, _ := g.columns(t)
	var w codec.RowWriter
	for _, row := range g.Rows {
		w.Reset(l.Group().Schema)
		for _, column := range l.Group().Schema.Columns {
			for i, n := range names {
				if n == column.Name {
					if err := w.JSON(plain(t, column.Type, row[i])); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		encoded, err := w.Row(nil, 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Add(context.Background(), encoded); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Commit(context.Background()); err != nil {
		t.Fatal(err)
	}
}

// plain decodes a value that the cases give as Avro; others stay as they are.
func plain(t *testing.T, of *codec.Type, value json.RawMessage) []byte {
	var v struct {
		Hex string `json:"$avro_hex"`
	}
	if value[0] != '{' || json.Unmarshal(value, &v) != nil || v.Hex == "" {
		return value
	}
	raw, err := hex.DecodeString(v.Hex)
	if err != nil {
		t.Fatal(err)
	}
	d, err := avro.ForType(of)
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.AppendJSON(nil, raw)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// caseKeys is a key file that knows the recorded key and lets it read everything.
func caseKeys(t *testing.T) *auth.Keys {
	t.Helper()
	keys, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	if _, err := keys.Create(auth.CreateOptions{Name: "cases", Stores: []string{auth.Every}, Import: caseKey}); err != nil {
		t.Fatal(err)
	}
	return keys
}

func newDialect(t *testing.T, e *engine.Engine, o hopsworks.Options) wire.Dialect {
	t.Helper()
	d, err := hopsworks.New(e, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestCases plays the recorded exchanges through a real socket.
func TestCases(t *testing.T) {
	text, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []wireCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 49 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { c.run(t) })
	}
}

func (c *wireCase) run(t *testing.T) {
	var g *given
	if c.Given[0] == '{' {
		g = &given{}
		if err := json.Unmarshal(c.Given, g); err != nil {
			t.Fatal(err)
		}
	}
	e := newEngine(t, g)
	if strings.Contains(c.Name, "deleted_joint_fg") {
		deleteGroup(t, e)
	}
	d := newDialect(t, e, hopsworks.Options{PingRequiresKey: strings.HasPrefix(c.Name, "ping_requires_key")})
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{d}, Keys: caseKeys(t)})
	got := front.Do(fronttest.Request{
		Method: c.Request.Method, Target: c.Request.Path,
		Header: c.Request.Headers, Body: string(c.Request.Body),
	})
	c.check(t, got.Status, []byte(got.Body))
}

// deleteGroup makes the dangling view that the case about a removed group asks for.
func deleteGroup(t *testing.T, e *engine.Engine) {
	apply(t, e, `
kind: FeatureGroup
store: fsdb001
name: gone
key: [id1]
features: [{name: id1, type: bigint}, {name: x, type: bigint}]
---
kind: FeatureView
store: fsdb001
name: test_deleted_joint_fg
from: [{group: gone}]
`)
	if _, err := e.Remove("FeatureGroup", engine.Ref{Store: "fsdb001", Name: "gone"}, true); err != nil {
		t.Fatal(err)
	}
}

func (c *wireCase) check(t *testing.T, status int, body []byte) {
	t.Helper()
	if status != c.Expect.HTTP {
		t.Fatalf("status %d, want %d: %s", status, c.Expect.HTTP, body)
	}
	if !strings.Contains(string(body), c.Expect.BodyContains) {
		t.Errorf("%s\nlacks %q", body, c.Expect.BodyContains)
	}
	if c.Expect.ErrorCode != 0 {
		var e struct {
			Code            int
			Reason, Message string
		}
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		if e.Code != c.Expect.ErrorCode || e.Reason != c.Expect.Reason || e.Message == "" {
			t.Errorf("%s\nwant code %d, reason %q", body, c.Expect.ErrorCode, c.Expect.Reason)
		}
	}
	if c.Expect.Body != nil {
		want, got := decode(t, c.Expect.Body).(map[string]any), decode(t, body).(map[string]any)
		for k := range want {
			if msg := differ(want[k], got[k]); msg != "" {
				t.Errorf("%s: %s\n%s", k, msg, body)
			}
		}
	}
}

// decode keeps numbers as text, since 64-bit integers must survive.
func decode(t *testing.T, b []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
	return v
}

// differ compares by the cases' rules: $unordered lists match in any order, an
// $error_row is a row of nulls.
func differ(want, got any) string {
	if w, ok := want.(map[string]any); ok {
		if list, ok := w["$unordered"]; ok {
			return differUnordered(list.([]any), got)
		}
		if _, ok := w["$error_row"]; ok {
			for _, v := range got.([]any) {
				if v != nil {
					return fmt.Sprintf("an error row holds %v", v)
				}
			}
			return ""
		}
	}
	w, ok1 := want.([]any)
	g, ok2 := got.([]any)
	if ok1 && ok2 && len(w) == len(g) {
		for i := range w {
			if msg := differ(w[i], g[i]); msg != "" {
				return fmt.Sprintf("[%d] %s", i, msg)
			}
		}
		return ""
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Sprintf("got %v, want %v", got, want)
	}
	return ""
}

func differUnordered(want []any, got any) string {
	g, ok := got.([]any)
	if !ok || len(g) != len(want) {
		return fmt.Sprintf("got %v, want %v in any order", got, want)
	}
	used := make([]bool, len(g))
next:
	for _, w := range want {
		for i := range g {
			if !used[i] && differ(w, g[i]) == "" {
				used[i] = true
				continue next
			}
		}
		return fmt.Sprintf("%v is not in %v", w, got)
	}
	return ""
}
