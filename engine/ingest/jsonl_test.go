package ingest

import (
	"strings"
	"testing"
)

func TestJSONL(t *testing.T) {
	g := group(t, "id* bigint", "name string", "age int=18", "score double", "raw binary", "ok boolean", "at timestamp(3)", "home struct<city:string,xy:array<double>>")
	f := func(text string, want ...string) {
		t.Helper()
		for _, name := range []string{"p.jsonl", "P.NDJSON"} {
			expect(t, load(t, file(t, name, text), g, Options{}), want...)
		}
	}
	f(`{"id":1,"name":"Ann","age":36,"score":1.50,"raw":"AQI=","ok":true,"at":1700000000123,"home":{"xy":[1,2.5],"city":"Rom"}}`,
		`1,"Ann",36,1.5,"AQI=",1,"2023-11-14 22:13:20.123",{"city":"Rom","xy":[1,2.5]}`)
	// Absent fields take their default, nulls stay null; order and case are free.
	f("\ufeff"+`{"NAME":"x","Id":"2","age":null}`+"\r\n\n  \n"+`{"id":3}`+"\n",
		`2,"x",null,null,null,null,null,null`, `3,null,18,null,null,null,null,null`)
	f(`{"id":4,"score":NaN,"name":"a\u00e9\n"}`+"\n"+`{"id":5,"score":"-Infinity"}`,
		`4,"aé\n",18,null,null,null,null,null score=NaN`, `5,null,18,null,null,null,null,null score=-Inf`)
}

func TestJSONLErrors(t *testing.T) {
	g := group(t, "id* bigint", "at@ timestamp", "n int")
	path := file(t, "p.jsonl", strings.Join([]string{
		`{"id":1,"at":"1970-01-01","n":1}`,
		`{"id":2,"at":"yesterday"}`,
		`{"id":null,"at":1}`,
		`{"at":1}`,
		`{"id":5}`,
		`{"id":6,"at":1,"extra":true}`,
		`{"id":7,"at":1,"n":1,"N":2}`,
		`{"id":8,"at":1,}`,
		`[1,2]`,
		`{"id":10,"at":1} x`,
		`{"id":11,"at":86400,"n":[1]}`,
		`{"id":12,"at":86400,"n":12}`,
	}, "\n"))
	want := []string{
		`1,"1970-01-01 00:00:00",1`,
		`p.jsonl:2: column "at": "yesterday" is not a timestamp`,
		`p.jsonl:3: column "id": is null, and a key column cannot be`,
		`p.jsonl:4: column "id": is missing, and a key column must be there`,
		`p.jsonl:5: column "at": is missing, and the event time must be there`,
		`p.jsonl:6: column "extra" is not a column of group g (which has id, at, n); --ignore-unknown leaves such columns out`,
		`p.jsonl:7: column "n": is there twice`,
		`p.jsonl:8: the line is not valid JSON: expected a name in quotes at byte 15`,
		`p.jsonl:9: the line is not a JSON object (value "[1,2]")`,
		`p.jsonl:10: the line is not valid JSON: unexpected text after the value at byte 17`,
		`p.jsonl:11: column "n": "[1]" is not a int`,
		`12,"1970-01-02 00:00:00",12`,
	}
	expect(t, load(t, path, g, Options{}), want...)
	want[5] = `6,"1970-01-01 00:00:01",null`
	expect(t, load(t, path, g, Options{IgnoreUnknown: true}), want...)
}
