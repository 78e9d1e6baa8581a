package webhook_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/fail"
	"quiver/engine/webhook"
	"quiver/storage/faultstore"
	"quiver/storage/memstore"
)

const groups = `
kind: FeatureGroup
store: default
name: users
key: [id]
eventTime: ts
features:
  - {name: id, type: int}
  - {name: name, type: str}
  - {name: age, type: "Optional[int]"}
  - {name: ts, type: datetime}
---
kind: FeatureGroup
store: default
name: clicks
eventTime: ts
features:
  - {name: id, type: int}
  - {name: ts, type: datetime}
---
kind: FeatureGroup
store: default
name: made
key: [id]
eventTime: ts
features:
  - {name: id, type: int}
  - {name: city, type: "Optional[str]"}
  - {name: double, type: int}
  - {name: kind, type: str}
  - {name: ts, type: datetime}
---
kind: Webhook
store: default
name: hook
endpoints:
  - {name: users, into: [{group: users}, {group: clicks}]}
  - {name: cdc, into: [{group: users}], cdc: debezium}
  - name: made
    into: [{group: made}]
    preproc:
      city: {ref: "address[city]"}
      double: {expr: 'col("n") * 2', types: {n: int}}
      kind: {value: web}
    where: 'col("double") > 2'
`

func open(t *testing.T, yaml string, o webhook.Options) (*engine.Engine, *webhook.Hooks) {
	t.Helper()
	e := enginetest.New(t)
	h := webhook.New(e, o)
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := e.AddPart(h); err != nil {
		t.Fatal(err)
	}
	if yaml != "" {
		enginetest.Apply(t, e, yaml)
	}
	return e, h
}

func log(t *testing.T, h *webhook.Hooks, endpoint, data string) webhook.Result {
	t.Helper()
	r, err := h.Log(context.Background(), auth.All(), "default", "hook", endpoint, []byte(data))
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	return r
}

// rows returns all rows of a group as text.
func rows(t *testing.T, e *engine.Engine, group string) string {
	t.Helper()
	var lines []string
	f := func(r codec.Row) bool {
		lines = append(lines, string(r.Run(0, r.Columns())))
		return true
	}
	ref := engine.Ref{Store: "default", Name: group}
	var err error
	if g := e.Snapshot().Group("default", group, 0); len(g.Key) > 0 {
		err = e.Scan(context.Background(), ref, f)
	} else {
		err = e.Events(context.Background(), ref, f)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "; ")
}

func TestLog(t *testing.T) {
	e, h := open(t, groups, webhook.Options{})
	f := func(endpoint, data, group, want string) {
		t.Helper()
		log(t, h, endpoint, data)
		if got := rows(t, e, group); !strings.Contains(got, want) {
			t.Errorf("%s into %s: %s, want %s", data, group, got, want)
		}
	}
	f("users", `[{"id":1,"name":"a","ts":1577836800,"extra":{}}]`, "users", `1,"a",null,"2020-01-01 00:00:00.000000"`)
	f("users", `{"id":[2,3],"name":["b","c"],"age":[20.0,null],"ts":[1577836800000,"2020-01-02"]}`, "users", `2,"b",20,`)
	f("users", `"[{\"id\":\"4\",\"name\":\"d\",\"ts\":\"2020-01-01T00:00:00Z\"}]"`, "users", `4,"d",`)
	if got := rows(t, e, "clicks"); strings.Count(got, "2020") != 4 {
		t.Errorf("clicks: %s", got)
	}
	f("made", `[{"id":1,"address":{"city":"Rome"},"n":1,"ts":1},{"id":2,"address":{"city":"Oslo"},"n":2,"ts":1},{"id":3,"address":"{}","n":3,"ts":1}]`, "made",
		`2,"Oslo",4,"web","1970-01-01 00:00:01.000000"`)
	if got := rows(t, e, "made"); strings.Contains(got, "Rome") || !strings.Contains(got, `3,null,6,"web"`) {
		t.Errorf("made: %s", got)
	}
}

func TestDebezium(t *testing.T) {
	e, h := open(t, groups, webhook.Options{})
	f := func(data, want string) {
		t.Helper()
		log(t, h, "cdc", data)
		if got := rows(t, e, "users"); got != want {
			t.Errorf("%s: %q, want %q", data, got, want)
		}
	}
	const row = `{"id":1,"name":"a","age":1,"ts":100}`
	f(`[{"op":"c","before":null,"after":`+row+`}]`, `1,"a",1,"1970-01-01 00:01:40.000000"`)
	f(`[{"payload":{"op":"u","before":`+row+`,"after":{"id":1,"name":"b","ts":200}}}]`, `1,"b",null,"1970-01-01 00:03:20.000000"`)
	f(`[{"op":"d","before":`+row+`,"after":null}]`, `1,"b",null,"1970-01-01 00:03:20.000000"`) // older than the row: it stays
	f(`[{"op":"d","before":{"id":1},"ts_ms":300000}]`, ``)                                     // only the key, time of the envelope
	f(`[{"op":"c","after":{"id":2,"name":"x","ts":1}},{"op":"d","before":{"id":2,"name":"x","ts":1}},{"op":"c","after":{"id":2,"name":"y","ts":1}}]`,
		`2,"y",null,"1970-01-01 00:00:01.000000"`)
}

// TestRefused is the table of bad input: nothing of a refused call is to be seen.
func TestRefused(t *testing.T) {
	e, h := open(t, groups, webhook.Options{MaxRows: 10})
	f := func(data string, code fail.Code, wants ...string) {
		t.Helper()
		_, err := h.Log(context.Background(), auth.All(), "default", "hook", "users", []byte(data))
		if err == nil || fail.AsError(err).Code != code {
			t.Errorf("%.80s: %v", data, err)
			return
		}
		for _, want := range wants {
			if !strings.Contains(fail.AsError(err).Text, want) {
				t.Errorf("%.80s: %v, want %s", data, err, want)
			}
		}
		if got := rows(t, e, "users") + rows(t, e, "clicks"); got != "" {
			t.Errorf("%.80s: stored %s", data, got)
		}
	}
	const good = `{"id":1,"name":"a","ts":1}`
	f(`[`+good+`,{"id":"abc","name":"a","ts":1}]`, fail.BadRow, `"id"`, "row 1", "abc")
	f(`[`+good+`,{"id":20.5,"name":"a","ts":1}]`, fail.BadRow, `"id"`, "20.5")
	f(`[`+good+`,{"id":NaN,"name":"a","ts":1}]`, fail.BadRow, `"id"`)
	f(`[`+good+`,{"id":null,"name":"a","ts":1}]`, fail.BadRow, `"id"`, "null")
	f(`[{"id":1,"name":"a"}]`, fail.BadRow, `"ts"`, "missing")
	f(`[{"id":1,"name":"a","ts":1.5}]`, fail.BadRow, `"ts"`)
	f(`[{"id":1,"name":"a","ts":"31/12/2020"}]`, fail.BadRow, `"ts"`)
	f(`{"id":[1,2],"name":["a"],"age":[1,2],"ts":[1,2]}`, fail.Malformed, "length")
	f(`{"id":[1,2],"name":["a","b"],"ts":[1,2]}`, fail.Malformed, "age")
	f(`[1,2]`, fail.Malformed)
	f(`[`+good, fail.Malformed)
	f(`null`, fail.Malformed)
	f(`12`, fail.Malformed)
	f(`"x"`, fail.Malformed)
	f(`[`+strings.Repeat(good+`,`, 10)+good+`]`, fail.TooLarge, "10")
	f(`{"id":[`+strings.Repeat("1,", 10)+`1],"name":[],"age":[],"ts":[]}`, fail.TooLarge, "10")

	_, err := h.Log(context.Background(), auth.All(), "default", "hook", "nope", []byte(`[]`))
	if fail.AsError(err).Code != fail.NotFound {
		t.Errorf("unknown endpoint: %v", err)
	}
	if _, err = h.Log(context.Background(), auth.Principal{}, "default", "hook", "users", []byte(`[]`)); fail.AsError(err).Code != fail.Forbidden {
		t.Errorf("nobody: %v", err)
	}
}

func TestLenient(t *testing.T) {
	e, h := open(t, groups, webhook.Options{Lenient: true})
	r := log(t, h, "users", `{"id":[1,"x",3],"name":["a","b","c"],"age":[null,1,2],"ts":[1,1,1]}`)
	if r.Dropped != 2 || r.Rows != 4 || h.Dropped() != 2 {
		t.Errorf("%+v, %d", r, h.Dropped())
	}
	if got := rows(t, e, "users"); strings.Count(got, "1970") != 2 {
		t.Error(got)
	}
}

// memory is a store whose content outlives the engines over it.
type memory struct{ *memstore.Store }

func (memory) Close() error { return nil }

// boot opens an engine over what is left of another one.
func boot(t *testing.T, s memory, dir string) (*engine.Engine, *webhook.Hooks) {
	t.Helper()
	c, err := catalog.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Options{Store: s, Catalog: c, DropAfter: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	h := webhook.New(e, webhook.Options{})
	t.Cleanup(func() { _ = h.Close(context.Background()) })
	if err := e.AddPart(h); err != nil {
		t.Fatal(err)
	}
	if err := h.Recover(context.Background()); err != nil {
		t.Fatal(err)
	}
	return e, h
}

// TestRestart ends a process without a mark, after a call of which only the record was
// written: afterwards every row is there once, and after one more start as well.
func TestRestart(t *testing.T) {
	s, dir := memory{memstore.New()}, t.TempDir()
	e, h := boot(t, s, dir)
	enginetest.Apply(t, e, groups)
	log(t, h, "users", `[{"id":1,"name":"a","ts":1},{"id":1,"name":"a","ts":1},{"id":2,"name":"b","ts":2}]`)
	table := e.Snapshot().Webhook("default", "hook", 0).Endpoint("users").Table
	half := append([]byte{1, 0, 0, 0, 0, 0, 0, 0, 1}, `[{"id":3,"name":"c","ts":3}]`...)
	if _, err := e.AppendRecord(context.Background(), table, half); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		e, _ = boot(t, s, dir)
		if got := rows(t, e, "clicks"); got != `1,"1970-01-01 00:00:01.000000"; 1,"1970-01-01 00:00:01.000000"; 2,"1970-01-01 00:00:02.000000"; 3,"1970-01-01 00:00:03.000000"` {
			t.Errorf("clicks: %s", got)
		}
		if got := rows(t, e, "users"); strings.Count(got, "1970") != 3 {
			t.Errorf("users: %s", got)
		}
	}
}

// TestLaterGroup defines a group on an endpoint that was logged to before.
func TestLaterGroup(t *testing.T) {
	e, h := open(t, groups, webhook.Options{})
	log(t, h, "users", `[{"id":1,"name":"a","ts":1}]`)
	enginetest.Apply(t, e, `
kind: FeatureGroup
store: default
name: late
eventTime: ts
features:
  - {name: name, type: str}
  - {name: ts, type: datetime}
---
kind: Webhook
store: default
name: hook
endpoints:
  - {name: users, into: [{group: users}, {group: clicks}, {group: late}]}
`)
	log(t, h, "users", `[{"id":2,"name":"b","ts":2}]`)
	want := 2
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		got := rows(t, e, "late")
		if strings.Count(got, "1970") == want || time.Now().After(deadline) {
			if strings.Count(got, "1970") != want || !strings.Contains(got, `"a"`) || !strings.Contains(got, `"b"`) {
				t.Errorf("late: %s", got)
			}
			break
		}
	}
}

// TestBranchDeletedMeanwhile deletes a branch while a call is between its record and its
// rows: the call is about the other branches, and does not fail.
func TestBranchDeletedMeanwhile(t *testing.T) {
	s := faultstore.New(memstore.New())
	e := enginetest.NewOver(t, s)
	h := webhook.New(e, webhook.Options{})
	t.Cleanup(func() {
		if err := h.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := e.AddPart(h); err != nil {
		t.Fatal(err)
	}
	enginetest.Apply(t, e, groups)
	if _, err := e.CloneBranch(t.Context(), "default", "b", "main"); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	deleted := make(chan error, 1)
	s.Set(faultstore.Faults{Call: func(op faultstore.Op) error {
		if op == faultstore.Apply {
			once.Do(func() {
				go func() { // it ends when the call does
					_, err := e.DeleteBranch("default", "b")
					deleted <- err
				}()
				for e.Snapshot().HasBranch("default", "b") {
					time.Sleep(time.Millisecond)
				}
			})
		}
		return nil
	}})
	r, err := h.Log(t.Context(), auth.All(), "default", "hook", "users", []byte(`[{"id":1,"name":"a","ts":1}]`))
	if err != nil || r.Rows != 4 {
		t.Errorf("%+v, %v", r, err)
	}
	if err := <-deleted; err != nil {
		t.Error(err)
	}
	s.Set(faultstore.Faults{})
	r, err = h.Log(t.Context(), auth.All(), "default", "hook", "users", []byte(`[{"id":2,"name":"a","ts":1}]`))
	if err != nil || r.Rows != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	n := 0
	if err := e.Scan(t.Context(), engine.Ref{Store: "default", Name: "users"}, func(codec.Row) bool { n++; return true }); err != nil || n != 2 {
		t.Errorf("%d rows, %v", n, err)
	}
}
