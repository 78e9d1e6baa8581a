package engine_test

import (
	"context"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/fail"
)

func TestBranches(t *testing.T) {
	e := enginetest.New(t)
	ctx := context.Background()
	enginetest.Apply(t, e, `
kind: FeatureGroup
store: default
name: g
key: [id]
eventTime: ts
history: 100000h
indexes: [{name: by_name, columns: [name]}]
features:
  - {name: id, type: int}
  - {name: name, type: str}
  - {name: ts, type: datetime}
---
kind: FeatureGroup
store: default
name: events
features: [{name: e, type: int}]
---
kind: FeatureView
store: default
name: v
from: [{group: g}]
---
kind: Webhook
store: default
name: w
endpoints: [{name: G, into: [{group: g}]}, {name: E, into: [{group: events}]}]
---
kind: Featureset
store: default
name: F
features:
  - {name: id, type: int}
  - {name: name, type: "Optional[str]", lookup: {group: g, field: name}}
`)
	put := func(store, id, name, ts string) {
		t.Helper()
		if err := e.Put(ctx, engine.Ref{Store: store, Name: "g"}, map[string]string{"id": id, "name": name, "ts": ts}); err != nil {
			t.Fatal(err)
		}
	}
	name := func(store, id, want string) {
		t.Helper()
		v, err := e.Get(ctx, engine.Ref{Store: store, Name: "v"}, map[string]string{"id": id})
		if err != nil {
			t.Fatal(err)
		}
		if got := string(v.Features[1].Value); got != want {
			t.Errorf("%s %s: got %s, want %s", store, id, got, want)
		}
	}
	put("default", "1", "old", "2024-01-01 00:00:00")
	put("default", "1", "one", "2024-02-01 00:00:00")
	put("default", "2", "two", "2024-01-01 00:00:00")
	if err := e.Put(ctx, engine.Ref{Store: "default", Name: "events"}, map[string]string{"e": "7"}); err != nil {
		t.Fatal(err)
	}

	if _, err := e.CloneBranch(ctx, "default", "dev", "main"); err != nil {
		t.Fatal(err)
	}
	name("default@dev", "1", `"one"`)
	name("default@DEV", "2", `"two"`)

	// Each goes its own way.
	put("default@dev", "1", "dev", "2024-03-01 00:00:00")
	put("default", "2", "main", "2024-03-01 00:00:00")
	name("default@dev", "1", `"dev"`)
	name("default@dev", "2", `"two"`)
	name("default", "1", `"one"`)
	name("default", "2", `"main"`)

	// History, indexes and events came along.
	_, found, err := e.AsOf(ctx, auth.All(), engine.Ref{Store: "default@dev", Name: "g"}, [][][]byte{{[]byte("1")}, {[]byte("1")}},
		[]int64{1704153600_000000, 1604153600_000000})
	if err != nil || !found[0] || found[1] {
		t.Errorf("history of the clone: %v %v", found, err)
	}
	if rows := find(t, e, e.Snapshot().Group("default@dev", "g", 0), "name", `"two"`, 5); len(rows) != 1 {
		t.Errorf("index of the clone: %d rows", len(rows))
	}

	// A change of one branch's layout leaves the other alone.
	enginetest.Apply(t, e, `
kind: FeatureGroup
store: default@dev
name: events
features: [{name: e, type: int}, {name: more, type: int}]
`)
	if n := len(e.Snapshot().Group("default", "events", 0).Features); n != 1 {
		t.Errorf("main's group has %d columns", n)
	}

	f := func(_ catalog.Diff, err error, code fail.Code) {
		t.Helper()
		if fail.AsError(err).Code != code || err == nil {
			t.Errorf("got %v", err)
		}
	}
	d, err := e.InitBranch("default", "DEV")
	f(d, err, fail.Conflict)
	d, err = e.InitBranch("default", "a b")
	f(d, err, fail.Malformed)
	d, err = e.CloneBranch(ctx, "default", "x", "nope")
	f(d, err, fail.NotFound)
	d, err = e.DeleteBranch("default", "main")
	f(d, err, fail.Conflict)
	d, err = e.DeleteBranch("default", "nope")
	f(d, err, fail.NotFound)

	if _, err := e.InitBranch("default", "empty"); err != nil {
		t.Fatal(err)
	}
	if got := e.Snapshot().Branches("default"); len(got) != 3 || got[0] != "main" || got[1] != "dev" || got[2] != "empty" {
		t.Errorf("branches: %v", got)
	}
	if _, err := e.DeleteBranch("default", "dev"); err != nil {
		t.Fatal(err)
	}
	if s := e.Snapshot(); s.HasStore([]byte("default@dev")) || s.HasBranch("default", "dev") || s.Group("default", "g", 0) == nil {
		t.Error("the branch was not deleted, or more than it")
	}
	name("default", "1", `"one"`)
}
