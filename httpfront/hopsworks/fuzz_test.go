package hopsworks_test

import (
	"encoding/json"
	"strings"
	"testing"

	"quiver/engine"
	"quiver/engine/enginetest"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/hopsworks"
)

// FuzzRequest: a request that is read in one pass is answered as it is by the long way,
// which a second member "entries" in front makes it take, and only JSON is answered.
func FuzzRequest(f *testing.F) {
	const names = `{"featureStoreName":"s","featureViewName":"v","featureViewVersion":1,`
	for _, rest := range []string{
		`"entries":{"id":1}}`,
		`"entries":{"id":1,"name":"x"},"passedFeatures":{"x":1.5},"options":{"includeDetailedStatus":true}}`,
		`"entries":[{"id":1},{"id":"2"},{"id":1}],"passedFeatures":[{"name":"a"},null,{}],"metadataOptions":{"featureName":true}}`,
		`"options":null,"entries" : [ { "id" : 1 } , {"id":-0.5e1}, {} ], "unknown":[{"a":"\u00e4"}]}`,
		`"entries":[{"id":null}],"options":{"bad":1}}`,
		`"entries":[{"id":1}],"featureViewName":"w"}`,
		`"entries":[{"id":1},],"a":1}`,
		`"entries":{"id":1}} x`,
		`"entries":{"\u0069d":1,"id":01,"na\"me":"\ud800"}}`,
	} {
		f.Add(false, names+rest)
		f.Add(true, names+rest)
	}
	e := enginetest.New(f)
	enginetest.Apply(f, e, badInputGiven)
	enginetest.Load(f, e, engine.Ref{Store: "s", Name: "g"}, []string{"1", `"one"`, "1.5"}, []string{"2", "null", "2.5"})
	d, err := hopsworks.New(e, hopsworks.Options{MaxEntries: 4})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, batch bool, body string) {
		target := "/0.1.0/feature_store"
		if batch {
			target = "/0.1.0/batch_feature_store"
		}
		call := func(body string) fronttest.Response {
			return fronttest.Call(t, d, fronttest.Request{Target: target, Method: "POST", Body: body})
		}
		got := call(body)
		var members map[string]json.RawMessage
		if json.Unmarshal([]byte(body), &members) != nil && got.Status == 200 {
			t.Fatalf("%q is no JSON object and is answered %s", body, got.Body)
		}
		if members["entries"] == nil {
			return
		}
		want := call(`{"entries":[],` + strings.TrimLeft(body, " \t\r\n")[1:])
		if got.Status != want.Status || got.Body != want.Body && !strings.Contains(got.Body, " at byte ") {
			t.Fatalf("%s is answered\n%d %s\nand the long way\n%d %s", body, got.Status, got.Body, want.Status, want.Body)
		}
	})
}
