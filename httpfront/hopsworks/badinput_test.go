package hopsworks_test

import (
	"fmt"
	"strings"
	"testing"

	"quiver/httpfront"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/hopsworks"
	"quiver/httpfront/wire"
)

const badInputGiven = `
kind: FeatureGroup
store: s
name: g
id: 7
key: [id]
features:
  - {name: id, type: bigint}
  - {name: name, type: string}
  - {name: x, type: double}
---
kind: FeatureView
store: s
name: v
from: [{group: g}]
---
kind: FeatureView
store: s
name: newest
version: 2147483647
from: [{group: g}]
---
kind: FeatureGroup
store: s
name: named
key: [name]
features:
  - {name: name, type: varchar(8)}
  - {name: x, type: bigint}
---
kind: FeatureView
store: s
name: named
from: [{group: named}]
`

// TestBadInput sends what clients should not send, over a socket, and wants a clear
// error of the right status each time, and a server that goes on.
func TestBadInput(t *testing.T) {
	e := newEngine(t, nil)
	apply(t, e, badInputGiven)
	d := newDialect(t, e, hopsworks.Options{MaxEntries: 1000})
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{d}, Keys: caseKeys(t)})
	send := func(path, body string) (int, string) {
		t.Helper()
		got := front.Do(fronttest.Request{Method: "POST", Target: path, Header: map[string]string{"X-API-KEY": caseKey}, Body: body})
		return got.Status, got.Body
	}
	f := func(path, body string, status int, contains string) {
		t.Helper()
		got, answer := send(path, body)
		if got != status || !strings.Contains(answer, contains) {
			t.Errorf("%.200s\n got %d %.300s\nwant %d %s", body, got, answer, status, contains)
		}
	}
	single := func(rest string, status int, contains string) {
		t.Helper()
		f("/0.1.0/feature_store", `{"featureStoreName":"s","featureViewName":"v","featureViewVersion":1,`+rest+`}`, status, contains)
	}
	batch := func(rest string, status int, contains string) {
		t.Helper()
		f("/0.1.0/batch_feature_store", `{"featureStoreName":"s","featureViewName":"v","featureViewVersion":1,`+rest+`}`, status, contains)
	}

	// Not JSON.
	for _, body := range []string{"", " ", "{", "nonsense", `{"a":1}}`, "\xff\xfe", `{"featureStoreName":"s",}`, `[1,2]`, "null", "1"} {
		f("/0.1.0/feature_store", body, 400, "Error:")
		f("/0.1.0/batch_feature_store", body, 400, "Error:")
	}
	single(`"entries":{"id":1,}`, 400, "Error:")
	single(`"entries":{"id":01}`, 400, "Error:")
	single(`"entries":{"id":NaN}`, 400, "Error:")
	single(`"entries":{"id":"\x"}`, 400, "Error:")
	single(`"entries":{"id":"`+"\x01"+`"}`, 400, "Error:")
	single(`"entries":{"id":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+`}`, 400, "Error:")
	single(`"passedFeatures":{"x":`+strings.Repeat(`{"a":`, 200)+"1"+strings.Repeat("}", 200)+`},"entries":{"id":1}`, 400, "Error:")

	// Wrong kinds, absent and null fields.
	for _, field := range []string{"featureStoreName", "featureViewName", "featureViewVersion", "entries"} {
		for _, value := range []string{"null", "[]", "true", `""`, "-1", "1.5"} {
			if field == "entries" && value == "[]" {
				continue
			}
			fields := map[string]string{"featureStoreName": `"s"`, "featureViewName": `"v"`, "featureViewVersion": "1", "entries": `{"id":1}`}
			fields[field] = value
			var parts []string
			for k, v := range fields {
				parts = append(parts, fmt.Sprintf("%q:%s", k, v))
			}
			f("/0.1.0/feature_store", "{"+strings.Join(parts, ",")+"}", 400, "Error:Field validation for 'Body' failed "+field)
		}
	}
	single(`"entries":{"id":null}`, 400, "Error:Field validation")
	batch(`"entries":[{"id":1},null]`, 400, "Error:Field validation")
	batch(`"entries":{"id":1}`, 400, "Error:Field validation")
	batch(`"entries":[1]`, 400, "Error:Field validation")
	single(`"entries":{"id":1},"options":{"validate":true}`, 400, "options.validate")
	single(`"entries":{"id":1},"options":{"validatePassedFeatures":1}`, 400, "Error:Field validation")
	batch(`"entries":[{"id":1}],"options":{"x":true}`, 400, "options.x")
	single(`"entries":{"id":1},"metadataOptions":{"name":true}`, 400, "metadataOptions.name")
	single(`"entries":{"id":1},"metadataOptions":{"featureName":null}`, 200, `"metadata":null`)
	single(`"entries":{"id":1},"metadataOptions":{"featureName":true,"featureType":null}`, 200, `"metadata":[{"featureName":"id","featureType":null},`)
	single(`"entries":{"id":1},"metadataOptions":{"name":null}`, 400, "metadataOptions.name")
	single(`"entries":{"id":1},"options":{"validate":null}`, 400, "options.validate")
	batch(`"entries":[{"id":1}],"options":{"validate":null}`, 400, "options.validate")
	single(`"entries":{"id":1},"options":{"includeDetailedStatus":true,"validatePassedFeatures":null},"passedFeatures":{"y":1}`, 400, `"code":11`)
	single(`"entries":{"id":1},"options":{"includeDetailedStatus":null}`, 200, `"detailedStatus":null`)

	// Unknown names.
	f("/0.1.0/feature_store", `{"featureStoreName":"s","featureViewName":"w","featureViewVersion":1,"entries":{"id":1}}`, 400, `"code":1`)
	f("/0.1.0/feature_store", `{"featureStoreName":"s","featureViewName":"v","featureViewVersion":2,"entries":{"id":1}}`, 400, `"code":1`)
	f("/0.1.0/feature_store", `{"featureStoreName":"s","featureViewName":"v","featureViewVersion":0,"entries":{"id":1}}`, 400, `"code":1`)
	f("/0.1.0/feature_store", `{"featureStoreName":"s","featureViewName":"newest","featureViewVersion":2147483647,"entries":{"id":1}}`, 200, `"MISSING"`)
	f("/0.1.0/feature_store", `{"featureStoreName":"s","featureViewName":"newest","featureViewVersion":0,"entries":{"id":1}}`, 400, `has no feature view \"newest\" with that version.`)
	f("/0.1.0/feature_store", `{"featureStoreName":"s","featureViewName":"v","featureViewVersion":4294967295,"entries":{"id":1}}`, 400, `"code":1,"reason":"Feature view does not exist.","message":"Feature store \"s\" has no feature view \"v\" with version 4294967295."`)
	f("/0.1.0/feature_store", `{"featureStoreName":"s","featureViewName":"v","featureViewVersion":9223372036854775808,"entries":{"id":1}}`, 400, "Error:Field validation for 'Body' failed featureViewVersion")
	f("/0.1.0/feature_store", `{"featureStoreName":"t","featureViewName":"v","featureViewVersion":1,"entries":{"id":1}}`, 400, `"code":2`)
	f("/0.1.0/feature_store", `{"featureStoreName":"t","featureViewName":"v","featureViewVersion":1,"entries":{"id":nul}}`, 400, "Error:")
	f("/0.1.0/feature_store", `{"featureStoreName":"`+strings.Repeat("x", 5000)+`","featureViewName":"v","featureViewVersion":1,"entries":{"id":1}}`, 400, `"code":2`)
	single(`"entries":{"id":1,"what\"ever":2}`, 400, `Provided primary key `+"`what"+`\"ever`)
	single(`"entries":{"ID":1}`, 400, `"code":12`)
	batch(`"entries":[{"id":1},{"no":2}]`, 200, `["MISSING","ERROR"]`)
	single(`"entries":{"id":1},"passedFeatures":{"y":1}`, 400, `"code":11`)
	single(`"entries":{"id":1},"passedFeatures":{"x":"1"}`, 400, `"code":10`)

	// Keys that do not fit.
	for _, key := range []string{`"abc"`, "1.0", "1e3", `""`, "true", "9223372036854775808", "18446744073709551616", `" 1"`, "{}", "[1]", `"1 "`, `"0x10"`} {
		single(`"entries":{"id":`+key+`}`, 415, `Primary key 'id' should be in 'BIGINT' format.`)
		batch(`"entries":[{"id":`+key+`},{"id":5}]`, 200, `"status":["ERROR","MISSING"]`)
	}
	// … and keys at the edge, exact to the last digit, and duplicates: the last counts.
	single(`"entries":{"id":9007199254740993}`, 200, `[9007199254740993,null,null]`)
	single(`"entries":{"id":-9223372036854775808}`, 200, `"MISSING"`)
	single(`"entries":{"id":1,"id":2}`, 200, `"features":[2,`)
	f("/0.1.0/feature_store", `{"featureStoreName":"s","featureViewName":"named","featureViewVersion":1,"entries":{"name":"123456789"}}`, 400, `"code":18`)

	// Sizes.
	batch(`"entries":[]`, 400, "No primary key is given.")
	batch(`"entries":[`+strings.TrimSuffix(strings.Repeat(`{"id":1},`, 1000), ",")+`]`, 200, `"MISSING"`)
	batch(`"entries":[`+strings.TrimSuffix(strings.Repeat(`{"id":1},`, 1001), ",")+`]`, 413, "Request too large")
	batch(`"entries":[{"id":1}],"passedFeatures":[{},{}]`, 400, "Length of passed feature")
	batch(`"entries":[{"id":1},{}]`, 200, `["MISSING","ERROR"]`)
	batch(`"entries":[{"id":1}],"passedFeatures":[]`, 200, `"MISSING"`)
	single(`"entries":{"id":1},"x":"`+strings.Repeat("y", 5<<20)+`"`, 413, "Request too large")

	// Raw reads.
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"id","value":1}]}`, 404, "No such row")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"value":1}]}`, 400, "Field validation for 'Column' failed on the 'required' tag")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[]}`, 400, "'Filters' failed on the 'min' tag")
	f("/0.1.0/s/g_1/pk-read", `{}`, 400, "'Filters' failed on the 'required' tag")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"x","value":1}]}`, 400, `"code":12`)
	f("/0.1.0/s/g_9/pk-read", `{"filters":[{"column":"id","value":1}]}`, 400, `"code":3`)
	f("/0.1.0/s/nonsense/pk-read", `{"filters":[{"column":"id","value":1}]}`, 400, "Database/Table does not exist.")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"id","value":"x"}]}`, 415, "BIGINT")
	f("/0.1.0/batch", `{"operations":[{"method":"POST","relative-url":"s/g_1/pk-read","body":{"filters":[{"column":"id","value":1}],"operationId":"a"}}]}`, 200, `"code":404`)
	f("/0.1.0/batch", `{"operations":[{"method":"GET","relative-url":"s/g_1/pk-read","body":{}}]}`, 400, "Method")
	f("/0.1.0/batch", `{"operations":[]}`, 400, "'min' tag")

	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"x","value":1}]}`, 400, "Wrong primary-key column. Column: x")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"y","value":1}]}`, 400, "Column does not exist. Column: y")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"id","value":1},{"column":"x","value":1}]}`, 400, "Wrong number of primary-key columns. Expecting: 1 Got: 2")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"id","value":1},{"column":"id","value":1}]}`, 400, "'Filters' failed on the 'unique' tag")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"id","value":1}],"readColumns":[{"column":"y"}]}`, 400, "Column does not exist. Column: y")
	f("/0.1.0/s/g_9/pk-read", `{"filters":[{"column":"id","value":1}]}`, 400, "Database/Table does not exist.")
	f("/0.1.0/t/g_1/pk-read", `{"filters":[{"column":"id","value":1}]}`, 400, "Database/Table does not exist.")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"id","value":1}],"operationId":"`+strings.Repeat(`\u00e9`, 256)+`"}`, 404, "No such row")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"id","value":1}],"operationId":"`+strings.Repeat("x", 257)+`"}`, 400, "OperationID")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"id","value":1}],"operationId":1}`, 400, "OperationID")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"`+strings.Repeat("é", 64)+`","value":1}]}`, 400, "Column does not exist.")
	f("/0.1.0/s/g_1/pk-read", `{"filters":[{"column":"`+strings.Repeat("é", 65)+`","value":1}]}`, 400, "'Column' failed on the 'max' tag")
	f("/0.1.0/batch", `{"operations":[{"method":"POST","relative-url":"s/g_1/pk-read","body":{"filters":[{"column":"id","value":1}],"operationId":"a"}}]}`, 200,
		`{"result":[{"code":404,"message":"No such row.","body":{"operationId":"a","data":null}}]}`)
	f("/0.1.0/batch", `{"operations":[{"method":"POST","relative-url":"s/g_1/pk-read","body":{"filters":[{"column":"id","value":1}]}}]}`, 200, `"body":{"data":null}}]}`)

	// Routes.
	f("/0.1.0/nothing", `{}`, 404, `"code":404`)
	f("/0.1.0/ping", `{}`, 405, `"code":405`)
	f("//0.1.0///feature_store/", `{}`, 400, "Error:Field validation")

	if status, answer := send("/0.1.0/feature_store", `{"featureStoreName":"S","featureViewName":"v","featureViewVersion":1,"entries":{"id":1}}`); status != 200 {
		t.Errorf("the server does not go on: %d %s", status, answer)
	}
}

// TestNullErrorRows: the documented null is one switch away.
func TestNullErrorRows(t *testing.T) {
	e := newEngine(t, nil)
	apply(t, e, badInputGiven)
	f := func(o hopsworks.Options, want string) {
		t.Helper()
		got := fronttest.Call(t, newDialect(t, e, o), fronttest.Request{
			Target: "/0.1.0/batch_feature_store",
			Body:   `{"featureStoreName":"s","featureViewName":"v","featureViewVersion":1,"entries":[{"id":"x"},{"id":1}],"options":{"includeDetailedStatus":true}}`,
		})
		if got.Body != want {
			t.Errorf("got  %s\nwant %s", got.Body, want)
		}
	}
	f(hopsworks.Options{}, `{"features":[[null,null,null],[1,null,null]],"metadata":null,"status":["ERROR","MISSING"],"detailedStatus":[[{"featureGroupId":7,"httpStatus":400}],[{"featureGroupId":7,"httpStatus":404}]]}`)
	f(hopsworks.Options{NullErrorRows: true}, `{"features":[null,[1,null,null]],"metadata":null,"status":["ERROR","MISSING"],"detailedStatus":[[{"featureGroupId":7,"httpStatus":400}],[{"featureGroupId":7,"httpStatus":404}]]}`)
}
