package fennel_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"quiver/engine"
	"quiver/engine/enginetest"
	"quiver/engine/featureset"
	"quiver/engine/webhook"
	"quiver/httpfront"
	"quiver/httpfront/fennel"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/wire"
	"quiver/storage"
	"quiver/storage/memstore"
)

// definitions are those that the cases share, and those some of them describe in words.
const definitions = `
kind: FeatureGroup
store: default
name: UserInfo
key: [user_id]
eventTime: ts
history: 3650d
features:
  - {name: user_id, type: int}
  - {name: name, type: str}
  - {name: age, type: "Optional[int]"}
  - {name: country, type: str}
  - {name: ts, type: datetime}
---
kind: Webhook
store: default
name: fennel_webhook
endpoints:
  - {name: UserInfo, into: [{group: UserInfo}], cdc: upsert}
---
kind: Featureset
store: default
name: UserFeatures
features:
  - {name: user_id, type: int}
  - {name: name, type: str, lookup: {group: UserInfo, field: name}, default: "?"}
  - {name: age, type: "Optional[int]", lookup: {group: UserInfo, field: age}}
  - {name: country, type: "Optional[str]", lookup: {group: UserInfo, field: country}}
  - {name: senior, type: bool, expr: "when(col('age') > 60).then(True).otherwise(False)"}
---
kind: FeatureGroup
store: default
name: A
key: [k]
eventTime: ts
features: [{name: k, type: int}, {name: v, type: int}, {name: ts, type: datetime}]
---
kind: FeatureGroup
store: default
name: B
eventTime: ts
features: [{name: k, type: int}, {name: ts, type: datetime}]
---
kind: FeatureGroup
store: default
name: P
key: [pid]
eventTime: ts
features: [{name: pid, type: int}, {name: price, type: float}, {name: ts, type: datetime}]
---
kind: Webhook
store: default
name: w
endpoints:
  - {name: e, into: [{group: A}, {group: B}], disorder: 14d}
  - {name: P, into: [{group: P}]}
---
kind: Featureset
store: default
name: F
features:
  - {name: pid, type: "List[int]"}
  - {name: prices, type: "List[float]", lookup: {group: P, field: price}, default: 0.0}
`

// outOfScope are the cases that are not about the wire, or about parts of the API that
// are not served yet, by the beginning of their names.
var outOfScope = map[string]string{
	"expr ":                    "expressions: engine/expr runs them",
	"parse ":                   "values: engine/expr/vec runs them",
	"encode ":                  "values: engine/expr/vec runs them",
	"agg ":                     "aggregates",
	"lookup_aggregate_missing": "aggregates",
	"watermark_drop":           "its times are relative to now: TestPaths logs late rows",
	"sync_accepts_protobuf":    "sync",
	"commit_":                  "commit",
	"client_":                  "what the client does before it sends",
}

// start serves definitions on a socket.
func start(t *testing.T, yaml string, o webhook.Options) (*engine.Engine, *fronttest.Front) {
	t.Helper()
	return startLogging(t, yaml, o, nil)
}

// startLogging is start with somebody who keeps features.
func startLogging(t *testing.T, yaml string, o webhook.Options, keep func(string, float64, *featureset.Answer)) (*engine.Engine, *fronttest.Front) {
	t.Helper()
	return startOver(t, memstore.New(), yaml, o, keep)
}

// startOver is startLogging over a store.
func startOver(t *testing.T, s storage.Store, yaml string, o webhook.Options, keep func(string, float64, *featureset.Answer)) (*engine.Engine, *fronttest.Front) {
	t.Helper()
	e, d := mount(t, s, yaml, o, keep)
	return e, fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{d}, MaxBodyBytes: 4 << 20})
}

// mount makes what startOver serves.
func mount(t *testing.T, s storage.Store, yaml string, o webhook.Options, keep func(string, float64, *featureset.Answer)) (*engine.Engine, wire.Dialect) {
	t.Helper()
	e := enginetest.NewOver(t, s)
	hooks := webhook.New(e, o)
	t.Cleanup(func() {
		if err := hooks.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	sets := featureset.New(e, nil)
	t.Cleanup(sets.Close)
	for _, p := range []engine.Part{hooks, sets} {
		if err := e.AddPart(p); err != nil {
			t.Fatal(err)
		}
	}
	enginetest.Apply(t, e, yaml)
	d, err := fennel.New(e, hooks, sets, fennel.Options{LogFeatures: keep})
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

type testCase struct {
	Name  string
	Given struct {
		Logged json.RawMessage `json:"logged_in_order"`
	}
	Request struct {
		Method, Path string
		Headers      map[string]string
		JSON         json.RawMessage
	}
	Expect struct {
		Status int
		JSON   json.RawMessage
		Has    []string `json:"json_has"`
		Like   string   `json:"message_like"`
	}
}

func TestCases(t *testing.T) {
	text, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var raws []json.RawMessage
	if err := json.Unmarshal(text, &raws); err != nil {
		t.Fatal(err)
	}
	run := 0
	for _, raw := range raws {
		var head struct{ Name string }
		if err := json.Unmarshal(raw, &head); err != nil {
			t.Fatal(err)
		}
		skip := false
		for prefix := range outOfScope {
			skip = skip || strings.HasPrefix(head.Name, prefix)
		}
		if skip {
			continue
		}
		var c testCase
		if err := json.Unmarshal(raw, &c); err != nil {
			t.Fatalf("%s: %v", head.Name, err)
		}
		run++
		t.Run(c.Name, func(t *testing.T) { runCase(t, &c) })
	}
	if run != 21 {
		t.Errorf("%d cases ran, not 21", run)
	}
}

func runCase(t *testing.T, c *testCase) {
	var kept keeper
	_, front := startLogging(t, definitions, webhook.Options{}, kept.keep)
	post := func(path, body string) fronttest.Response {
		return front.Do(fronttest.Request{Target: path, Header: map[string]string{"Authorization": "Bearer tok"}, Body: body})
	}
	if len(c.Given.Logged) > 2 {
		target := `{"webhook":"fennel_webhook","endpoint":"UserInfo","data":`
		if c.Name == "list_lookup" {
			target = `{"webhook":"w","endpoint":"P","data":`
		}
		if r := post("/api/v1/log", target+string(c.Given.Logged)+`}`); r.Status != 200 {
			t.Fatal(r)
		}
	}
	if c.Name == "erase" {
		post("/api/v1/log", user1)
	}
	r := front.Do(fronttest.Request{Method: c.Request.Method, Target: c.Request.Path, Header: c.Request.Headers, Body: string(c.Request.JSON)})
	if !json.Valid([]byte(r.Body)) || r.Header["Content-Type"] != "application/json" || r.Header["Content-Encoding"] != "" {
		t.Errorf("%+v", r)
	}
	want := c.Expect.Status
	switch {
	case c.Name == "log_atomic_call":
		want = 400
	case want == 0:
		want = 200
	}
	if r.Status != want {
		t.Errorf("status %d, want %d: %s", r.Status, want, r.Body)
	}
	if c.Expect.JSON != nil && !sameJSON(t, r.Body, string(c.Expect.JSON)) {
		t.Errorf("got  %s\nwant %s", r.Body, c.Expect.JSON)
	}
	for _, name := range c.Expect.Has {
		var m map[string]any
		if err := json.Unmarshal([]byte(r.Body), &m); err != nil || m[name] == nil {
			t.Errorf("no %s in %s", name, r.Body)
		}
	}
	if like := c.Expect.Like; like != "" && !strings.Contains(strings.ReplaceAll(r.Body, `\"`, ""), like) {
		t.Errorf("%s is not like %s", r.Body, like)
	}
	after(t, c.Name, post)
	if got, want := kept.String(), keptOf[c.Name]; got != want {
		t.Errorf("features were kept as\n%swant\n%s", got, want)
	}
}

// keptOf are the features that a case has logged.
var keptOf = map[string]string{
	"extract_log_default_workflow": `default 1 UserFeatures.user_id=1,2,3 UserFeatures.name="John","Monica","?" UserFeatures.age=70,null,null` + "\n",
	"extract_whole_featureset": `test 1 UserFeatures.user_id=1 UserFeatures.user_id=1 UserFeatures.name="John"` +
		` UserFeatures.age=70 UserFeatures.country="RU" UserFeatures.senior=true` + "\n",
}

const user1 = `{"webhook":"fennel_webhook","endpoint":"UserInfo","data":[{"user_id":1,"name":"John","age":70,"country":"RU","ts":"2020-01-01T00:00:00Z"}]}`

// after checks what a case says in words.
func after(t *testing.T, name string, post func(path, body string) fronttest.Response) {
	t.Helper()
	lookup := func(body, want string) {
		t.Helper()
		path := "/api/v1/dataset/UserInfo/lookup"
		if strings.Contains(body, `"k"`) {
			path = "/api/v1/dataset/A/lookup"
		}
		if r := post(path, body); r.Status != 200 || !sameJSON(t, r.Body, want) {
			t.Errorf("%s\n got %s\nwant %s", body, r.Body, want)
		}
	}
	switch name {
	case "log_rows":
		r := post("/api/v1/extract", `{"inputs":["UserFeatures.user_id"],"outputs":["UserFeatures.name"],"data":{"UserFeatures.user_id":[1,2]}}`)
		if r.Body != `{"UserFeatures.name":["John","Monica"]}` {
			t.Error(r.Body)
		}
	case "log_float_for_optional_int":
		lookup(`{"keys":[{"user_id":1},{"user_id":2}],"fields":["age","ts"]}`,
			`{"data":{"age":[20,null],"ts":["2020-01-01T00:00:00.000000Z","2021-03-01T01:02:03.456000Z"]},"found":[true,true]}`)
	case "log_extra_columns_ignored":
		lookup(`{"keys":[{"user_id":1}],"fields":["name"]}`, `{"data":{"name":["John"]},"found":[true]}`)
	case "log_atomic_call":
		lookup(`{"keys":[{"user_id":1}],"fields":["name"]}`, `{"data":{"name":[null]},"found":[false]}`)
	case "log_two_datasets_one_endpoint":
		lookup(`{"keys":[{"k":1}],"fields":["v"]}`, `{"data":{"v":[2]},"found":[true]}`)
	case "erase":
		lookup(`{"keys":[{"user_id":1}],"fields":["name"]}`, `{"data":{"name":[null]},"found":[false]}`)
		if r := post("/api/v1/log", strings.ReplaceAll(user1, "2020", "2022")); r.Status != 200 {
			t.Error(r)
		}
		lookup(`{"keys":[{"user_id":1}],"fields":["name"]}`, `{"data":{"name":[null]},"found":[false]}`)
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	for text, v := range map[string]*any{a: &x, b: &y} {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		if err := d.Decode(v); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	if a == b {
		return true
	}
	return reflect.DeepEqual(x, y)
}
