package fennel_test

import (
	"fmt"
	"strings"
	"testing"

	"quiver/engine/auth"
	"quiver/engine/webhook"
	"quiver/httpfront"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/wire"
	"quiver/storage/memstore"
)

// TestPaths asks by all the names that the API has had.
func TestPaths(t *testing.T) {
	_, front := start(t, definitions+`
---
kind: FeatureGroup
store: default
name: Twice
features: [{name: k, type: int}]
---
kind: FeatureGroup
store: default
name: Timeless
key: [k]
features: [{name: k, type: int}, {name: v, type: int}]
---
kind: FeatureGroup
store: default
name: Days
key: [d, t, yes, c]
features: [{name: d, type: date}, {name: t, type: datetime}, {name: yes, type: bool}, {name: c, type: "Decimal[2]"}, {name: v, type: int}]
---
kind: Webhook
store: default
name: two
endpoints:
  - {name: Days, into: [{group: Days}]}
  - {name: Timeless, into: [{group: Timeless}]}
  - {name: Changes, into: [{group: Timeless}], cdc: debezium}
  - {name: a, into: [{group: Twice}]}
  - {name: b, into: [{group: Twice}]}
`, webhook.Options{})
	f := func(method, path, branch, body string, status int, want string) {
		t.Helper()
		h := map[string]string{}
		if branch != "" {
			h["X-FENNEL-BRANCH"] = branch
		}
		r := front.Do(fronttest.Request{Method: method, Target: path, Header: h, Body: body})
		if r.Status != status || !strings.Contains(r.Body, want) {
			t.Errorf("%s %s %s: %d %s, want %d %s", method, path, body, r.Status, r.Body, status, want)
		}
	}
	f("POST", "//api/v1/log", "", user1, 200, "{}")
	f("POST", "/api/v1/log", "", strings.ReplaceAll(strings.ReplaceAll(user1, "2020", "2021"), "John", "Jack"), 200, "{}")
	const q = `{"inputs":["UserFeatures.user_id"],"outputs":["UserFeatures.name"],"data":"{\"UserFeatures.user_id\":[1]}","branch":null}`
	const name = `{"UserFeatures.name":["Jack"]}`
	f("POST", "/api/v1/extract", "", q, 200, name)
	f("POST", "/api/v1/query", "main", q, 200, name)
	f("POST", "/api/v1/branch/main/query", "", q, 200, name)
	f("POST", "/api/v1/extract_features", "", strings.NewReplacer("inputs", "input_features", "outputs", "output_features").Replace(q), 200, name)
	f("POST", "/api/v1/branch/nope/query", "", q, 404, "nope")

	// As of times, and the two shapes.
	f("POST", "/api/v1/dataset/UserInfo/lookup", "", `{"keys":[{"user_id":1},{"user_id":1}],"fields":["name"],"timestamps":["2020-06-01",1000]}`, 200,
		`{"data":{"name":["John",null]},"found":[true,false]}`)
	f("POST", "/api/v1/inspect/datasets/UserInfo/lookup", "", `{"keys":[{"user_id":"1"}],"fields":["name"],"timestamp":[1600000000000]}`, 200, `{"data":["John"],"found":[true]}`)
	f("POST", "/api/v1/inspect/datasets/UserInfo/lookup", "", `{"keys":[{"user_id":1}],"fields":["name","age"]}`, 200, `{"data":{"name":["Jack"],"age":[70]},"found":[true]}`)
	f("POST", "/api/v1/dataset/UserInfo/lookup", "", `{"keys":[{"id":1}],"fields":[]}`, 400, "user_id")
	f("POST", "/api/v1/dataset/UserInfo/lookup", "", `{"keys":[{"user_id":1}],"fields":["x"]}`, 404, "x")
	f("POST", "/api/v1/dataset/UserInfo/lookup", "", `{"keys":[{"user_id":1}],"timestamps":[1,2]}`, 400, "2 timestamps")
	f("POST", "/api/v1/dataset/UserInfo/lookup", "", `{"keys":[{"user_id":1}],"fields":["name","age","name"]}`, 200, `{"data":{"name":["Jack"],"age":[70]},"found":[true]}`)

	// Keys are read as logged rows are.
	const two = `{"webhook":"two","endpoint":"Days","data":[{"d":"2021-01-31","t":1612087200000,"yes":true,"c":1.259,"v":7}]}`
	f("POST", "/api/v1/log", "", two, 200, "{}")
	days := func(key string, status int, want string) {
		t.Helper()
		f("POST", "/api/v1/dataset/Days/lookup", "", `{"keys":[`+key+`],"fields":["v","t"]}`, status, want)
	}
	const seven = `{"data":{"v":[7],"t":["2021-01-31T10:00:00.000000Z"]},"found":[true]}`
	days(`{"d":"2021-01-31","t":1612087200000,"yes":true,"c":1.25}`, 200, seven)
	days(`{"c":"1.2500","yes":"true","t":"2021-01-31 11:00:00+01:00","d":"Jan 31, 2021"}`, 200, seven)
	days(`{"d":1612051200,"t":1612087200,"yes":true,"c":1.259}`, 200, seven)
	days(`{"d":"2021-01-31","t":1612087200.0,"yes":true,"c":1}`, 400, "Key 0, column `t`: expected datetime, found 1612087200.0.")
	days(`{"d":"2021-01-31","t":1612087200,"yes":1,"c":1}`, 400, "Key 0, column `yes`: expected bool, found 1.")
	days(`{"d":"2021-01-31","t":1612087200,"yes":true,"c":null}`, 400, "Key 0 lacks the key column `c`")
	days(`{"d":"2021-01-31","t":1612087200,"yes":true,"c":1,"v":7}`, 400, "Key 0 has `v`, which is no key column of `Days`.")
	days(`7`, 400, "Key 0 must be an object")
	f("POST", "/api/v1/dataset/UserInfo/lookup", "", `{"keys":[{"user_id":1.0},{"user_id":9e0}],"fields":["user_id","name"]}`, 200, `{"data":{"user_id":[1,9],"name":["Jack",null]},"found":[true,false]}`)
	f("POST", "/api/v1/dataset/UserInfo/lookup", "", `{"keys":[{"user_id":1},{"user_id":1.5}],"fields":["name"]}`, 400, "Key 1, column `user_id`: expected int, found 1.5.")
	f("POST", "/api/v1/dataset/UserInfo/erase", "", `{"erase_keys":[{"user_id":1,"name":"Jack"}]}`, 400, "no key column")
	f("POST", "/api/v1/dataset/Nope/lookup", "", `{"keys":[]}`, 404, "Nope")
	f("POST", "/api/v1/dataset/B/lookup", "", `{"keys":[]}`, 400, "no key")

	f("POST", "/api/v1/log", "", `{"webhook":"w","endpoint":"e","data":{"k":[1,2,3],"v":[1,1,1],"ts":[1,2,3]}}`, 200, "{}")
	f("GET", "/api/v1/dataset/B/inspect?n=2", "", "", 200, `[{"k":2,"ts":"1970-01-01T00:00:02.000000Z"},{"k":3,"ts":"1970-01-01T00:00:03.000000Z"}]`)
	f("GET", "/api/v1/inspect/datasets/UserInfo/lastn?n=1", "", "", 200, `[{"user_id":1,"name":"Jack","age":70,`)
	f("POST", "/api/v1/log", "", `{"webhook":"w","endpoint":"e","data":{"k":[4],"v":[1],"ts":["2024-01-01"]}}`, 200, "{}")
	f("POST", "/api/v1/log", "", `{"webhook":"w","endpoint":"e","data":{"k":[5],"v":[1],"ts":["2023-11-22"]}}`, 200, `{"late":2}`) // 40 days behind
	f("POST", "/api/v1/dataset/A/lookup", "", `{"keys":[{"k":4},{"k":5}],"fields":["v"]}`, 200, `"found":[true,false]`)

	// Erased keys stay so, of datasets without an event time too.
	const timeless = `{"webhook":"two","endpoint":"Timeless","data":[{"k":1,"v":1},{"k":2,"v":2}]}`
	f("POST", "/api/v1/log", "", timeless, 200, "{}")
	f("POST", "/api/v1/dataset/Timeless/erase", "", `{"erase_keys":[{"k":1},{"k":9}]}`, 200, "{}")
	f("POST", "/api/v1/log", "", `{"webhook":"two","endpoint":"Changes","data":[{"op":"d","before":{"k":1}},{"op":"d","before":{"k":2}}]}`, 200, "{}")
	f("POST", "/api/v1/dataset/Timeless/lookup", "", `{"keys":[{"k":2}],"fields":["v"]}`, 200, `"found":[false]`)
	f("POST", "/api/v1/log", "", timeless, 200, "{}")
	f("POST", "/api/v1/log", "", `{"webhook":"two","endpoint":"Timeless","data":[{"k":9,"v":1}]}`, 200, "{}")
	f("POST", "/api/v1/dataset/Timeless/lookup", "", `{"keys":[{"k":1},{"k":2},{"k":9}],"fields":["v"]}`, 200, `{"data":{"v":[null,2,null]},"found":[false,true,false]}`)

	// As release 0.5 logged.
	f("POST", "/api/v1/log", "", `{"dataset_name":"P","payload":"[{\"pid\":7,\"price\":1.5,\"ts\":1}]"}`, 200, "{}")
	f("POST", "/api/v1/dataset/P/lookup", "", `{"keys":[{"pid":7}],"fields":["price"]}`, 200, `{"data":{"price":[1.5]},"found":[true]}`)
	f("POST", "/api/v1/log", "", `{"dataset_name":"Nope","payload":"[]"}`, 404, "Nope")
	f("POST", "/api/v1/log", "", `{"dataset_name":"A","webhook":"w","payload":"[]"}`, 400, "endpoint")
	f("POST", "/api/v1/log", "", `{"dataset_name":1,"payload":"[]"}`, 400, "dataset_name")
	f("POST", "/api/v1/log", "", `{"dataset_name":"Twice","payload":"[]"}`, 400, "2 endpoints")
	f("GET", "/api/v1/dataset/B/inspect?n=x", "", "", 400, "n must be")

	// Branches: rows go to every branch that has the endpoint.
	f("GET", "/api/v1/branch/list", "", "", 200, `{"branches":[{"name":"main"}]}`)
	f("POST", "/api/v1/init", "b2", `{"clone_from":"main"}`, 200, "{}")
	f("POST", "/api/v1/init", "b2", `{}`, 409, "b2")
	f("GET", "/api/v1/branch/list", "b2", "", 200, `{"branches":[{"name":"main"},{"name":"b2"}]}`)
	f("POST", "/api/v1/log", "", strings.ReplaceAll(strings.ReplaceAll(user1, "2020", "2022"), "John", "Both"), 200, "{}")
	f("POST", "/api/v1/query", "b2", q, 200, `["Both"]`)
	f("POST", "/api/v1/query", "", q, 200, `["Both"]`)
	f("POST", "/api/v1/init", "x/y.z-1", `{"clone_from":"b2"}`, 200, "{}")
	f("POST", "/api/v1/branch/x/y.z-1/query", "", q, 200, `["Both"]`)
	f("POST", "/api/v1/branch/b2/query", "main", q, 200, `["Both"]`)
	f("POST", "/api/v1/branch/x/query", "", q, 404, "Branch `x` not found")
	f("POST", "/api/v1/branch/b2", "", q, 404, "no such path")
	f("GET", "/api/v1/branch/b2/query", "", "", 405, "method")
	f("POST", "/api/v1/branch/list", "", `{}`, 404, "no such path")
	f("POST", "/api/v1/delete", "x/y.z-1", `{}`, 200, "{}")
	f("POST", "/api/v1/delete", "b2", `{}`, 200, "{}")
	f("POST", "/api/v1/query", "b2", q, 404, "b2")
	f("POST", "/api/v1/delete", "", `{}`, 400, "X-FENNEL-BRANCH")
}

// TestRights asks with keys for another store, and for one branch: who may not read a
// branch does not learn whether there is one.
func TestRights(t *testing.T) {
	e, d := mount(t, memstore.New(), definitions, webhook.Options{}, nil)
	if _, err := e.CloneBranch(t.Context(), "default", "b", "main"); err != nil {
		t.Fatal(err)
	}
	keys, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{d}, Keys: keys})
	n := 0
	f := func(store, branch, path, body string, status int, want string) {
		t.Helper()
		n++
		key, err := keys.Create(auth.CreateOptions{Name: fmt.Sprint("key-", n), Stores: []string{store}})
		if err != nil {
			t.Fatal(err)
		}
		r := front.Do(fronttest.Request{Target: "/api/v1/" + path, Header: map[string]string{"Authorization": "Bearer " + key, "X-FENNEL-BRANCH": branch}, Body: body})
		if r.Status != status || !strings.Contains(r.Body, want) {
			t.Errorf("%s, %s %s: %d %s, want %d %s", store, branch, path, r.Status, r.Body, status, want)
		}
	}
	const q = `{"inputs":["UserFeatures.user_id"],"outputs":["UserFeatures.name"],"data":{"UserFeatures.user_id":[1]}`
	const keyed = `{"keys":[{"user_id":1}],"fields":["name"]}`
	for _, branch := range []string{"", "b", "nope"} {
		f("other", branch, "query", q+"}", 403, "not authorized")
		f("other", branch, "dataset/UserInfo/lookup", keyed, 403, "not authorized")
		f("other", branch, "dataset/Nope/lookup", keyed, 403, "not authorized")
	}
	f("other", "", "branch/b/query", q+"}", 403, "not authorized")
	f("default", "b", "query", q+"}", 200, `["?"]`)
	f("default", "nope", "query", q+"}", 404, "Branch `nope` not found")
	f("default@b", "b", "query", q+"}", 200, `["?"]`)
	f("default@b", "", "query", q+`,"branch":"b"}`, 200, `["?"]`)
	f("default@b", "", "branch/b/query", q+"}", 200, `["?"]`)
	f("default@b", "b", "dataset/UserInfo/lookup", keyed, 200, `[false]`)
	f("default@b", "", "query", q+"}", 403, "not authorized")
	f("default@b", "c", "query", q+"}", 403, "not authorized")
}

// TestBadInput is the table of requests that are refused, and how.
func TestBadInput(t *testing.T) {
	_, front := start(t, definitions, webhook.Options{MaxRows: 1000})
	f := func(path, body string, status int, want string) {
		t.Helper()
		r := front.Do(fronttest.Request{Method: "POST", Target: path, Body: body})
		if r.Status != status || !strings.Contains(r.Body, want) || !strings.HasPrefix(r.Body, `{"err_msg":"`) || strings.ContainsAny(r.Body, "[\n") && status != 400 {
			t.Errorf("%s %.90s: %d %s, want %d %s", path, body, r.Status, r.Body, status, want)
		}
	}
	log := func(data string) string {
		return `{"webhook":"fennel_webhook","endpoint":"UserInfo","data":` + data + `}`
	}
	const p = "/api/v1/log"
	f(p, log(`{"user_id":[1,2],"name":["a"],"age":[1,2],"country":["x","y"],"ts":[1,2]}`), 400, "length")
	f(p, log(`{"user_id":[1,"x"],"name":["a","b"],"age":[1,2],"country":["x","y"],"ts":[1,2]}`), 400, `row 1`)
	f(p, log(`{"user_id":[1,NaN],"name":["a","b"],"age":[1,2],"country":["x","y"],"ts":[1,2]}`), 400, `user_id`)
	f(p, log(`{"user_id":[1],"name":["a"],"age":[1],"country":["x"],"ts":["99999-01-01"]}`), 400, `ts`)
	f(p, log(`{"user_id":[1],"name":["a"],"age":[1],"ts":[1]}`), 400, `country`)
	f(p, log(`[`+strings.Repeat(`{"user_id":1,"name":"a","country":"x","ts":1},`, 1000)+`{"user_id":1,"name":"a","country":"x","ts":1}]`), 413, "1000")
	f(p, log(`"`+strings.Repeat("x", 4<<20)+`"`), 413, "")
	f(p, `webhook=w&endpoint=e`, 400, "JSON object")
	f(p, `{"webhook":1,"endpoint":"e","data":[]}`, 400, "webhook")
	f(p, `{"webhook":"w","endpoint":"nope","data":[]}`, 404, "nope")
	f(p, `{"webhook":"nope","endpoint":"e","data":[]}`, 404, "nope")
	f(p, ``, 400, "")
	const x = "/api/v1/extract"
	f(x, `{"inputs":["UserFeatures.user_id"],"outputs":["UserFeatures.nope"],"data":{"UserFeatures.user_id":[1]}}`, 404, "nope")
	f(x, `{"inputs":["UserFeatures"],"outputs":["UserFeatures.name"],"data":{"UserFeatures":[1]}}`, 400, "Featureset.feature")
	f(x, `{"inputs":[1],"outputs":["UserFeatures.name"],"data":{}}`, 400, "inputs")
	f(x, `{"outputs":["UserFeatures.name"],"data":{}}`, 400, "inputs")
	f(x, `{"inputs":[],"outputs":["UserFeatures.user_id"],"data":[{}]}`, 400, "user_id")
	f(x, `{"inputs":["UserFeatures.user_id"],"outputs":["UserFeatures.name"],"data":{"UserFeatures.user_id":[1]},"log":true,"sampling_rate":2}`, 400, "sampling_rate")
	f("/api/v1/nope", `{}`, 404, "")

	// Times far away are stored as they are; the future is not seen yet.
	r := front.Do(fronttest.Request{Target: p, Body: log(`[{"user_id":7,"name":"a","country":"x","ts":"1900-01-01"},{"user_id":8,"name":"a","country":"x","ts":"9999-01-01"}]`)})
	if r.Status != 200 {
		t.Error(r)
	}
	r = front.Do(fronttest.Request{Target: "/api/v1/dataset/UserInfo/lookup", Body: `{"keys":[{"user_id":7},{"user_id":8}],"fields":["name"]}`})
	if r.Body != `{"data":{"name":["a",null]},"found":[true,false]}` {
		t.Error(r.Body)
	}
}
