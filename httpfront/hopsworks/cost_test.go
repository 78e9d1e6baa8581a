//go:build !race

package hopsworks_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"quiver/engine"
	"quiver/engine/enginetest"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/hopsworks"
	"quiver/httpfront/wire"
	"quiver/storage/memstore"
	"quiver/storage/rowcache"
)

// wide makes a dialect over a cached group of 20 features and n rows.
func wide(t testing.TB, n int) wire.Dialect {
	t.Helper()
	store, err := rowcache.New(memstore.New(), 64<<20)
	if err != nil {
		t.Fatal(err)
	}
	e := enginetest.NewOver(t, store)
	var b strings.Builder
	b.WriteString("kind: FeatureGroup\nstore: s\nname: g\nkey: [id]\nfeatures:\n  - {name: id, type: bigint}\n")
	for i := range 19 {
		fmt.Fprintf(&b, "  - {name: f%d, type: double}\n", i)
	}
	b.WriteString("---\nkind: FeatureView\nstore: s\nname: v\nfrom: [{group: g}]\n")
	enginetest.Apply(t, e, b.String())
	rows := make([][]string, n)
	for i := range rows {
		rows[i] = append(rows[i], fmt.Sprint(i))
		for f := range 19 {
			rows[i] = append(rows[i], fmt.Sprintf("%d.%d", i, f+1))
		}
	}
	enginetest.Load(t, e, engine.Ref{Store: "s", Name: "g"}, rows...)
	d, err := hopsworks.New(e, hopsworks.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// head is what the Python client sends before the entries.
const head = `{"featureStoreName":"s","featureViewName":"v","featureViewVersion":1,"options":{"validatePassedFeatures":false,"includeDetailedStatus":true},`

func singleBody(id int) string {
	return head + fmt.Sprintf(`"entries":{"id":%d},"passedFeatures":null}`, id)
}

func batchBody(n int) string {
	var b strings.Builder
	b.WriteString(head + `"entries":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"id":%d}`, i*7%n)
	}
	return b.String() + `],"passedFeatures":[]}`
}

// caller returns a function that plays one request again and again, as a server would,
// and checks the answer once.
func caller(t testing.TB, d wire.Dialect, target, body string) func() {
	x, h := fronttest.NewExchange(t, fronttest.Request{Target: target, Body: body})
	var handle func(*wire.Exchange)
	for _, r := range d.Routes {
		if r.Pattern == target {
			handle = r.Handle
		}
	}
	call := func() {
		out := x.Out
		h.Rewind(x)
		x.Out = out[:0]
		handle(x)
	}
	call()
	if x.Status != 0 || bytes.Count(x.Out, []byte(`"COMPLETE"`)) == 0 || bytes.Contains(x.Out, []byte("MISSING")) {
		t.Fatalf("%d %.300s", x.Status, x.Out)
	}
	return call
}

// TestNoAllocations: parsing, reading cached rows and printing allocate nothing.
func TestNoAllocations(t *testing.T) {
	d := wide(t, 1000)
	f := func(name, target, body string) {
		t.Helper()
		if n := testing.AllocsPerRun(200, caller(t, d, target, body)); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	f("single", "/0.1.0/feature_store", singleBody(7))
	f("batch of 10", "/0.1.0/batch_feature_store", batchBody(10))
	f("batch of 100", "/0.1.0/batch_feature_store", batchBody(100))
	f("batch of 500", "/0.1.0/batch_feature_store", batchBody(500))
	// The entries in front of the view's name: the long way.
	f("single, the long way", "/0.1.0/feature_store", `{"entries":{"id":7},`+head[1:]+`"passedFeatures":null}`)
}

// BenchmarkHandler is everything between the body and the answer, without a socket.
func BenchmarkHandler(b *testing.B) {
	d := wide(b, 1000)
	f := func(name, target, body string) {
		b.Run(name, func(b *testing.B) {
			call := caller(b, d, target, body)
			b.ReportAllocs()
			for b.Loop() {
				call()
			}
		})
	}
	f("Single", "/0.1.0/feature_store", singleBody(7))
	f("Batch10", "/0.1.0/batch_feature_store", batchBody(10))
	f("Batch100", "/0.1.0/batch_feature_store", batchBody(100))
}
