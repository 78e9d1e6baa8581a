package dataiku_test

import (
	"fmt"
	"strings"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/querylog"
	"quiver/engine/service"
	"quiver/httpfront/dataiku"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/wire"
)

// costly is a service whose endpoint predicts from 20 features, of which rows of a group
// give 10, or looks these up by the group's key or by its index.
func costly(t testing.TB, o dataiku.Options) wire.Dialect {
	t.Helper()
	var columns, features, names []string
	for i := range 10 {
		columns = append(columns, fmt.Sprintf("{name: s%d, type: double}", i))
		features = append(features, fmt.Sprintf("{name: r%d, type: double}", i))
		names = append(names, fmt.Sprintf("s%d", i))
	}
	features = append(features, columns...)
	var all []string
	for i := range 10 {
		all = append(all, fmt.Sprintf("r%d", i))
	}
	all = append(all, names...)
	var stumps []stump
	for i := range 100 {
		stumps = append(stumps, stump{i % 20, -0.1, 0.1})
	}
	text := fmt.Sprintf(`
kind: FeatureGroup
store: default
name: stored
key: [id]
indexes: [{name: by_other, columns: [other]}]
features: [{name: id, type: bigint}, {name: other, type: string}, %s]
---
{kind: Service, name: s, auth: public, mapping: {v1: 1}}
---
kind: Generation
service: s
name: v1
endpoints:
  - {name: model, type: prediction, model: m.txt, task: binary, features: [%s], enrich: [{group: stored, keys: [id], columns: [%s]}]}
  - {name: key, type: lookup, enrich: [{group: stored, keys: [id], columns: [%s]}]}
  - {name: index, type: lookup, enrich: [{group: stored, keys: [other], columns: [%s]}]}
`, strings.Join(columns, ", "), strings.Join(features, ", "), strings.Join(names, ", "), strings.Join(names, ", "), strings.Join(names, ", "))
	e := enginetest.New(t)
	if _, err := e.Apply([]catalog.File{
		{Name: "d.yaml", Text: []byte(text)},
		{Name: "m.txt", Text: lightGBM("binary sigmoid:1", 1, all, stumps...), Attached: true},
	}, false); err != nil {
		t.Fatal(err)
	}
	var rows [][]string
	for i := range 1000 {
		row := []string{fmt.Sprint(i), fmt.Sprintf(`"o%d"`, i)}
		for k := range 10 {
			row = append(row, fmt.Sprint(float64(i*k%30)/10))
		}
		rows = append(rows, row)
	}
	enginetest.Load(t, e, engine.Ref{Store: "default", Name: "stored"}, rows...)
	s := service.New(e)
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	return dataiku.New(e, s, o)[0]
}

// largeLog is a log of queries that drops none, as long as tests last.
func largeLog(t testing.TB) *querylog.Log {
	t.Helper()
	log, err := querylog.New(querylog.Options{Dir: t.TempDir(), QueueBytes: 512 << 20, QueueLines: 1 << 30, KeepFiles: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	return log
}

// record writes the values of record i, under what key they stand.
func record(key string, i int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `{"%s":{"id":%d,"other":"o%d"`, key, i, i)
	for k := range 10 {
		fmt.Fprintf(&b, `,"r%d":%v`, k, float64(i*k%30)/10)
	}
	return b.String() + "}}"
}

// body writes a request of n records; 0 is one that is alone.
func body(key string, n int) string {
	if n == 0 {
		return record(key, 7)
	}
	all := make([]string, n)
	for i := range all {
		all[i] = record(key, i*7)
	}
	return `{"items":[` + strings.Join(all, ",") + `]}`
}

// caller returns a function that has a request answered, from the body to the answer.
func caller(t testing.TB, d wire.Dialect, target, body string) func() {
	t.Helper()
	parts := strings.Split(target, "/")
	request := fronttest.Request{Target: "/public/api/v1/s/" + target, Body: body, Principal: &auth.Principal{}}
	var handle func(*wire.Exchange)
	for _, r := range d.Routes {
		if r.Label == parts[1] {
			handle = r.Handle
		}
	}
	x, head := fronttest.NewExchange(t, request)
	return func() {
		head.Rewind(x)
		x.AddParam("service", []byte("s"))
		x.AddParam("endpoint", []byte(parts[0]))
		handle(x)
		if x.Status != 0 {
			t.Fatalf("%s: %d %s", target, x.Status, x.Out)
		}
	}
}

// BenchmarkHandler is everything between the body and the answer, without a socket.
func BenchmarkHandler(b *testing.B) {
	plain, logged := costly(b, dataiku.Options{}), costly(b, dataiku.Options{QueryLog: largeLog(b)})
	run := func(d wire.Dialect, name, target, body string) {
		b.Run(name, func(b *testing.B) {
			call := caller(b, d, target, body)
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
	f := func(name, target, body string) {
		run(plain, name, target, body)
		run(logged, name+"Logged", target, body)
	}
	f("predict", "model/predict", body("features", 0))
	f("predict100", "model/predict-multi", body("features", 100))
	f("lookup", "key/lookup", body("data", 0))
	f("lookup100", "key/lookup-multi", body("data", 100))
	f("index", "index/lookup", body("data", 0))
	f("index100", "index/lookup-multi", body("data", 100))
}
