package hopsworks_test

import (
	"testing"

	"quiver/engine/auth"
	"quiver/httpfront"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/hopsworks"
	"quiver/httpfront/wire"
)

// TestRights: a key needs a right to the view's store and to that of each group that is
// read, and the refusal names the store in lower case, however it was asked for.
func TestRights(t *testing.T) {
	e := newEngine(t, nil)
	apply(t, e, `
kind: FeatureGroup
store: Mine
name: g
key: [id]
features: [{name: id, type: bigint}, {name: x, type: int}]
---
kind: FeatureGroup
store: Theirs
name: g
key: [id]
features: [{name: id, type: bigint}, {name: y, type: int}]
---
kind: FeatureView
store: Mine
name: own
from: [{group: g}]
---
kind: FeatureView
store: Mine
name: both
from: [{group: g}, {store: Theirs, group: g, prefix: t_}]
---
kind: FeatureView
store: Mine
name: label
from: [{group: g}, {store: Theirs, group: g, prefix: t_}]
features: [{name: id}, {name: x}, {from: 1, name: y, label: true}]
`)
	keys, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	key, err := keys.Create(auth.CreateOptions{Name: "mine", Stores: []string{"mine"}})
	if err != nil {
		t.Fatal(err)
	}
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{newDialect(t, e, hopsworks.Options{})}, Keys: keys})

	f := func(path, body string, status int, want string) {
		t.Helper()
		got := front.Do(fronttest.Request{Method: "POST", Target: path, Header: map[string]string{"x-api-key": key}, Body: body})
		if got.Status != status || got.Body != want {
			t.Errorf("%s %s\n got %d %s\nwant %d %s", path, body, got.Status, got.Body, status, want)
		}
	}
	vector := func(store, view string) string {
		return `{"featureStoreName":"` + store + `","featureViewName":"` + view + `","featureViewVersion":1,"entries":{"id":1}}`
	}
	const (
		missing = `{"features":[1,null],"metadata":null,"status":"MISSING","detailedStatus":null}`
		refused = `{"code":17,"reason":"Accessing unshared feature store failed","message":"API key not authorized to access theirs"}`
		row     = `{"filters":[{"column":"id","value":1}]}`
	)
	f("/0.1.0/feature_store", vector("MINE", "own"), 200, missing)
	f("/0.1.0/feature_store", vector("mine", "label"), 200, missing)
	f("/0.1.0/feature_store", vector("mine", "both"), 401, refused)
	f("/0.1.0/feature_store", vector("Theirs", "nothing"), 401, refused)
	f("/0.1.0/feature_store", vector("Nobodys", "v"), 400, `{"code":2,"reason":"Feature store does not exist.","message":"Feature store \"Nobodys\" does not exist."}`)
	f("/0.1.0/THEIRS/g_1/pk-read", row, 401, refused)
	f("/0.1.0/theirs/none_1/pk-read", row, 401, refused)
	f("/0.1.0/batch", `{"operations":[{"method":"POST","relative-url":"mine/g_1/pk-read","body":`+row+`},{"method":"POST","relative-url":"theirs/g_1/pk-read","body":`+row+`}]}`, 401, refused)
}
