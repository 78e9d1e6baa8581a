package fennel_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"quiver/engine/webhook"
	"quiver/httpfront/fronttest"
	"quiver/storage"
	"quiver/storage/faultstore"
	"quiver/storage/memstore"
)

// badDefinitions have lists as composite keys besides.
const badDefinitions = definitions + `
---
kind: FeatureGroup
store: default
name: Pair
key: [a, b]
eventTime: ts
features: [{name: a, type: int}, {name: b, type: str}, {name: v, type: int}, {name: ts, type: datetime}]
---
kind: Webhook
store: default
name: more
endpoints:
  - {name: Pair, into: [{group: Pair}]}
---
kind: Featureset
store: default
name: Pairs
features:
  - {name: a, type: "List[int]"}
  - {name: b, type: "List[str]"}
  - {name: v, type: "List[Optional[int]]", lookup: {group: Pair, field: v}}
`

// asker returns a function that asks a front and judges the answer: its status, and that
// it is JSON and has a text.
func asker(t *testing.T, front *fronttest.Front) func(path, body string, status int, want string) {
	return func(path, body string, status int, want string) {
		t.Helper()
		r := front.Do(fronttest.Request{Target: "/api/v1/" + path, Body: body})
		var object map[string]any
		err := json.Unmarshal([]byte(r.Body), &object)
		if r.Status != status || !strings.Contains(r.Body, want) || err != nil || status != 200 && object["err_msg"] == nil {
			t.Errorf("%s %.200s\n got %d %.300s\nwant %d %s", path, body, r.Status, r.Body, status, want)
		}
	}
}

// TestHostileInput is the table of too much, unequal, mixed and impossible values.
func TestHostileInput(t *testing.T) {
	_, front := start(t, badDefinitions, webhook.Options{})
	f := asker(t, front)
	const q = `{"inputs":["UserFeatures.user_id"],"outputs":["UserFeatures.name"],"data":`

	// Too much: of rows, and of bytes.
	million := strings.Repeat("1,", 999_999) + "1"
	f("query", q+`{"UserFeatures.user_id":[`+million+`]}}`, 413, "more than 100000 rows")
	f("query", q+`[`+strings.Repeat(`{"UserFeatures.user_id":1},`, 100_000)+`{}]}`, 413, "more than 100000 rows")
	f("query", q+`[`+strings.Repeat(`{"UserFeatures.user_id":1},`, 200_000)+`{}]}`, 413, "")
	f("log", `{"webhook":"w","endpoint":"e","data":{"k":[`+million+`]}}`, 413, "more than 100000 rows")

	// Columns of wrong length, mixed and unknown ones, and keys that are none.
	f("query", `{"inputs":["UserFeatures.user_id","UserFeatures.age"],"outputs":["UserFeatures.name"],"data":{"UserFeatures.user_id":[1,2],"UserFeatures.age":[1]}}`, 400, "different lengths")
	f("query", q+`{"UserFeatures.user_id":[1,"2",2.0,{"a":1}]}}`, 400, "row 3")
	f("query", q+`{"UserFeatures.user_id":[1,"2",2.0],"unknown":[1],"UserFeatures.nope":[]}}`, 200, `["?","?","?"]`)
	f("query", q+`{"UserFeatures.user_id":[1,NaN]}}`, 400, "row 1")
	f("query", q+`{"UserFeatures.user_id":["NaN"]}}`, 400, "row 0")
	f("query", q+`{"UserFeatures.user_id":[99999999999999999999]}}`, 400, "row 0")
	f("query", q+`{"UserFeatures.user_id":[Infinity]}}`, 400, "row 0")
	f("query", q+`[{"UserFeatures.user_id":1},[]]}`, 400, "row 1")

	// Lists as composite keys: element by element, of equal length in a row.
	f("log", `{"webhook":"more","endpoint":"Pair","data":[{"a":1,"b":"x","v":11,"ts":1},{"a":2,"b":"x","v":21,"ts":1},{"a":1,"b":"y","v":12,"ts":1}]}`, 200, "{}")
	const pairs = `{"inputs":["Pairs.a","Pairs.b"],"outputs":["Pairs.v"],"data":`
	f("query", pairs+`{"Pairs.a":[[1,2,1],[],[2,2]],"Pairs.b":[["x","x","y"],[],["x","y"]]}}`, 200, `{"Pairs.v":[[11,21,12],[],[21,null]]}`)
	f("query", pairs+`{"Pairs.a":[[1],[1,2]],"Pairs.b":[["x"],["x"]]}}`, 400, "differ in length")
	f("query", pairs+`{"Pairs.a":[[1,null]],"Pairs.b":[["x","y"]]}}`, 400, "row 0")
	f("query", pairs+`{"Pairs.a":[[1]],"Pairs.b":["x"]}}`, 400, "row 0")

	// Times at the ends, and out of them.
	user := func(ts string) string {
		return `{"webhook":"fennel_webhook","endpoint":"UserInfo","data":[{"user_id":7,"name":"` + strings.Trim(ts, `"`) + `","age":1,"country":"x","ts":` + ts + `}]}`
	}
	const seven = q + `{"UserFeatures.user_id":[7]}}`
	f("log", user(`"0001-01-01T00:00:00Z"`), 200, "{}")
	f("query", seven, 200, "0001-01-01")
	f("log", user(`0`), 200, "{}")
	f("query", seven, 200, `["0"]`)
	f("log", user(`"9999-12-31T23:59:59Z"`), 200, "{}")
	f("query", seven, 200, `["0"]`) // still to come: the group keeps history
	f("dataset/UserInfo/lookup", `{"keys":[{"user_id":7},{"user_id":7}],"fields":["name"],"timestamps":["9999-12-31T23:59:59Z","0001-01-02T00:00:00Z"]}`, 200,
		`{"data":{"name":["9999-12-31T23:59:59Z","0001-01-01T00:00:00Z"]},"found":[true,true]}`)
	f("log", user(`"10000-01-01T00:00:00Z"`), 400, `column \"ts\", row 0`)
	f("log", user(`9223372036854775807`), 200, "{}") // nanoseconds
	f("log", user(`9223372036854775808`), 400, `column \"ts\", row 0`)
	f("log", user(`-9223372036854775808`), 400, `column \"ts\", row 0: -9223372036854775808: outside of the years`)
	f("log", user(`"NaN"`), 400, `column \"ts\", row 0`)
}

// TestStoreFaults lets the store fail under requests: each is answered in the shape of
// the API, and what comes afterwards is as if nothing had been.
func TestStoreFaults(t *testing.T) {
	s := faultstore.New(memstore.New())
	_, front := startOver(t, s, definitions, webhook.Options{}, nil)
	f := asker(t, front)
	broken := errors.New("the disk is on fire")
	key := func(op faultstore.Op) func(faultstore.Op, storage.Key) error {
		return func(o faultstore.Op, _ storage.Key) error {
			if o == op {
				return broken
			}
			return nil
		}
	}
	call := func(op faultstore.Op) func(faultstore.Op) error {
		return func(o faultstore.Op) error { return key(op)(o, storage.Key{}) }
	}
	const q = `{"inputs":["UserFeatures.user_id"],"outputs":["UserFeatures.name"],"data":{"UserFeatures.user_id":[1,2]}}`
	f("log", user1, 200, "{}")
	for name, faults := range map[string]faultstore.Faults{
		"a key": {Key: key(faultstore.Get)}, "a call": {Call: call(faultstore.Get)}, "an answer": {After: call(faultstore.Get)},
	} {
		t.Run(name, func(t *testing.T) {
			f := asker(t, front)
			s.Set(faults)
			f("query", q, 500, "Reading from db failed")
			f("query", strings.Replace(q, `"UserFeatures.name"`, `"UserFeatures"`, 1), 500, "Reading from db failed")
			f("dataset/UserInfo/lookup", `{"keys":[{"user_id":1}],"fields":["name"]}`, 500, "Reading from db failed")
			s.Set(faultstore.Faults{})
			f("query", q, 200, `{"UserFeatures.name":["John","?"]}`)
		})
	}
	s.Set(faultstore.Faults{Call: call(faultstore.Apply)})
	f("log", strings.ReplaceAll(user1, "John", "Lost"), 500, "Writing to db failed")
	f("dataset/UserInfo/erase", `{"erase_keys":[{"user_id":1}]}`, 500, "Writing to db failed")
	s.Set(faultstore.Faults{})
	f("query", q, 200, `{"UserFeatures.name":["John","?"]}`)
}
