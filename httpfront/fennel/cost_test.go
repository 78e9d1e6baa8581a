//go:build !race

package fennel_test

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"quiver/engine"
	"quiver/engine/enginetest"
	"quiver/engine/featureset"
	"quiver/engine/webhook"
	"quiver/httpfront/fennel"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/hopsworks"
	"quiver/httpfront/wire"
	"quiver/storage"
	"quiver/storage/memstore"
	"quiver/storage/pebblestore"
	"quiver/storage/rowcache"
)

// wideYAML defines a group of 20 columns, a view of them, and featuresets of which each
// looks all of them up and has five expressions.
func wideYAML(featuresets int) string {
	types := []string{"int", "float", "str", "float"}
	var b strings.Builder
	b.WriteString("kind: FeatureGroup\nstore: default\nname: g\nkey: [id]\nfeatures:\n  - {name: id, type: int}\n")
	for i := range 20 {
		fmt.Fprintf(&b, "  - {name: c%d, type: %s}\n", i, types[i%4])
	}
	b.WriteString("---\nkind: FeatureView\nstore: default\nname: v\nfrom: [{group: g}]\nfeatures:\n")
	for i := range 20 {
		fmt.Fprintf(&b, "  - {from: 0, name: c%d}\n", i)
	}
	for n := range featuresets {
		fmt.Fprintf(&b, "---\nkind: Featureset\nstore: default\nname: F%d\nfeatures:\n  - {name: id, type: int}\n", n)
		for i := range 20 {
			fmt.Fprintf(&b, "  - {name: c%d, type: 'Optional[%s]', lookup: {group: g, field: c%d}}\n", i, types[i%4], i)
		}
		for i := range 5 {
			fmt.Fprintf(&b, "  - {name: e%d, type: float, expr: 'col(\"c1\").fillnull(0.0) * %d + col(\"c3\").fillnull(1.0)'}\n", i, i+1)
		}
	}
	return b.String()
}

// wide makes both dialects over 1000 rows.
func wide(tb testing.TB, store storage.Store, featuresets int) (fe, ho wire.Dialect) {
	tb.Helper()
	e := enginetest.NewOver(tb, store)
	hooks, sets := webhook.New(e, webhook.Options{}), featureset.New(e, nil)
	tb.Cleanup(func() {
		sets.Close()
		if err := hooks.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	for _, p := range []engine.Part{hooks, sets} {
		if err := e.AddPart(p); err != nil {
			tb.Fatal(err)
		}
	}
	enginetest.Apply(tb, e, wideYAML(featuresets))
	var rows [][]string
	for id := range 1000 {
		row := []string{strconv.Itoa(id)}
		for i := range 20 {
			row = append(row, []string{strconv.Itoa(id * 7919 * (i + 1)), strconv.Itoa(id) + "." + strconv.Itoa(12345+i), fmt.Sprintf("%q", "text "+strconv.Itoa(id*31)), "0.5"}[i%4])
		}
		rows = append(rows, row)
	}
	enginetest.Load(tb, e, engine.Ref{Store: "default", Name: "g"}, rows...)
	fe, err := fennel.New(e, hooks, sets, fennel.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	if ho, err = hopsworks.New(e, hopsworks.Options{}); err != nil {
		tb.Fatal(err)
	}
	return fe, ho
}

// caller returns a function that plays one request again and again, as a server would.
func caller(tb testing.TB, d wire.Dialect, target, body string) func() {
	tb.Helper()
	x, head := fronttest.NewExchange(tb, fronttest.Request{Method: "POST", Target: target, Body: body})
	at := slices.IndexFunc(d.Routes, func(r wire.Route) bool { return r.Pattern == target })
	handle := d.Routes[at].Handle
	call := func() {
		out := x.Out
		head.Rewind(x)
		x.Out = out[:0]
		handle(x)
	}
	call()
	if x.Status != 0 || bytes.Count(x.Out, []byte("text ")) != 500 {
		tb.Fatalf("%d %.300s", x.Status, x.Out)
	}
	return call
}

// extract100 asks for 20 looked-up features of 100 rows, and for some expressions.
func extract100(tb testing.TB, d wire.Dialect, expressions int) func() {
	var b strings.Builder
	b.WriteString(`{"inputs":["F0.id"],"outputs":["F0.c0"`)
	for i := 1; i < 20; i++ {
		fmt.Fprintf(&b, `,"F0.c%d"`, i)
	}
	for i := range expressions {
		fmt.Fprintf(&b, `,"F0.e%d"`, i)
	}
	b.WriteString(`],"data":{"F0.id":[0`)
	for i := 1; i < 100; i++ {
		fmt.Fprintf(&b, ",%d", i*7)
	}
	b.WriteString("]}}")
	return caller(tb, d, "/api/v1/extract", b.String())
}

// batch100 asks for the same values as 100 vectors of the view.
func batch100(tb testing.TB, d wire.Dialect) func() {
	var b strings.Builder
	b.WriteString(`{"featureStoreName":"default","featureViewName":"v","featureViewVersion":1,"entries":[{"id":0}`)
	for i := 1; i < 100; i++ {
		fmt.Fprintf(&b, `,{"id":%d}`, i*7)
	}
	b.WriteString("]}")
	return caller(tb, d, "/0.1.0/batch_feature_store", b.String())
}

// BenchmarkExtractBatch100 compares extract with batch_feature_store, from the body to
// the answer. The calls alternate, so that other work on the machine slows all alike;
// the figures are medians:
//
//	extract/batch  time of extract by that of batch_feature_store
//	ns/expr/row    what five expressions more add
//	300sets/1set   extract among 300 featuresets by extract in a store with one
func BenchmarkExtractBatch100(b *testing.B) {
	f := func(name string, store func() storage.Store) {
		b.Run(name, func(b *testing.B) {
			fe, ho := wide(b, store(), 1)
			many, _ := wide(b, store(), 300)
			calls := []func(){batch100(b, ho), extract100(b, fe, 0), extract100(b, fe, 5), extract100(b, many, 0)}
			times := make([][]time.Duration, len(calls))
			b.ResetTimer()
			for b.Loop() {
				for i, call := range calls {
					began := time.Now()
					call()
					times[i] = append(times[i], time.Since(began))
				}
			}
			median := make([]float64, len(calls))
			for i, all := range times {
				slices.Sort(all)
				median[i] = float64(all[len(all)/2])
			}
			b.ReportMetric(0, "ns/op") // of four calls: it says nothing
			b.ReportMetric(median[0], "ns/batch")
			b.ReportMetric(median[1], "ns/extract")
			b.ReportMetric(median[1]/median[0], "extract/batch")
			b.ReportMetric((median[2]-median[1])/500, "ns/expr/row")
			b.ReportMetric(median[3]/median[1], "300sets/1set")
		})
	}
	f("rowcache", func() storage.Store {
		s, err := rowcache.New(memstore.New(), 64<<20)
		if err != nil {
			b.Fatal(err)
		}
		return s
	})
	f("pebblestore", func() storage.Store {
		s, err := pebblestore.Open(b.TempDir(), pebblestore.Options{})
		if err != nil {
			b.Fatal(err)
		}
		return s
	})
}
