package featureset_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/engine/featureset"
)

// wide defines a group of 20 columns with a featureset that looks all of them up, and
// as many other featuresets as are wanted.
func wide(others int) string {
	var b strings.Builder
	b.WriteString("kind: FeatureGroup\nstore: default\nname: g\nkey: [id]\nfeatures:\n  - {name: id, type: int}\n")
	for i := range 20 {
		fmt.Fprintf(&b, "  - {name: c%d, type: %s}\n", i, []string{"int", "float", "str", "float"}[i%4])
	}
	b.WriteString("---\nkind: FeatureView\nstore: default\nname: v\nfrom: [{group: g}]\nfeatures:\n")
	for i := range 20 {
		fmt.Fprintf(&b, "  - {from: 0, name: c%d}\n", i)
	}
	for n := range others + 1 {
		fmt.Fprintf(&b, "---\nkind: Featureset\nstore: default\nname: F%d\nfeatures:\n  - {name: id, type: int}\n", n)
		for i := range 20 {
			fmt.Fprintf(&b, "  - {name: c%d, type: 'Optional[%s]', lookup: {group: g, field: c%d}}\n", i, []string{"int", "float", "str", "float"}[i%4], i)
		}
		for i := range 5 {
			fmt.Fprintf(&b, "  - {name: e%d, type: float, expr: 'col(\"c1\").fillnull(0.0) * %d + col(\"c3\").fillnull(1.0)'}\n", i, i+1)
		}
	}
	return b.String()
}

// wideRows stores 1000 rows of the group.
func wideRows(b testing.TB, e *engine.Engine) {
	var rows [][]string
	for id := range 1000 {
		row := []string{strconv.Itoa(id)}
		for i := range 20 {
			row = append(row, []string{strconv.Itoa(id * 7919 * (i + 1)), strconv.Itoa(id) + "." + strconv.Itoa(12345+i), fmt.Sprintf("%q", "text "+strconv.Itoa(id*31)), "0.5"}[i%4])
		}
		rows = append(rows, row)
	}
	enginetest.Load(b, e, engine.Ref{Store: "default", Name: "g"}, rows...)
}

// request asks for outputs of featureset F0 for 100 rows.
func request(from, to string, n int) *featureset.Request {
	q := &featureset.Request{Who: auth.All(), Inputs: []string{"F0.id"}}
	for i := range n {
		q.Outputs = append(q.Outputs, fmt.Sprintf("F0.%s%d", from, i))
	}
	for i := range 5 {
		if to != "" {
			q.Outputs = append(q.Outputs, fmt.Sprintf("F0.%s%d", to, i))
		}
	}
	q.Data = []byte(`{"F0.id":[0`)
	for i := 1; i < 100; i++ {
		q.Data = append(q.Data, ","+strconv.Itoa(i*7)...)
	}
	q.Data = append(q.Data, "]}"...)
	return q
}

// BenchmarkExtract compares 100 rows of 20 looked-up features with the same vectors
// read as a batch of a feature view, in one run; with other featuresets around, and
// with expressions.
func BenchmarkExtract(b *testing.B) {
	for _, others := range []int{0, 300} {
		e, r := resolver(b, wide(others))
		wideRows(b, e)
		if others == 0 {
			b.Run("batch", func(b *testing.B) { batch(b, e) })
		}
		b.Run(fmt.Sprintf("extract/featuresets=%d", others+1), func(b *testing.B) { benchmark(b, r, request("c", "", 20)) })
		if others == 0 {
			b.Run("extract/5 expressions more", func(b *testing.B) { benchmark(b, r, request("c", "e", 20)) })
		}
	}
}

func benchmark(b *testing.B, r *featureset.Resolver, q *featureset.Request) {
	b.ReportAllocs()
	var out []byte
	for b.Loop() {
		a, err := r.Extract(context.Background(), q)
		if err != nil {
			b.Fatal(err)
		}
		out = a.AppendJSON(out[:0])
		a.Release()
	}
}

func batch(b *testing.B, e *engine.Engine) {
	b.ReportAllocs()
	var q engine.Query
	var v engine.Vectors
	var out []byte
	tokens := make([][]byte, 100)
	for i := range tokens {
		tokens[i] = strconv.AppendInt(nil, int64(i*7), 10)
	}
	for b.Loop() {
		if err := e.Open(&q, auth.All(), []byte("default"), []byte("v"), 1); err != nil {
			b.Fatal(err)
		}
		for _, token := range tokens {
			q.NewEntry()
			q.Key([]byte("id"), token)
			q.EndEntry()
		}
		if err := e.Read(context.Background(), &q, &v); err != nil {
			b.Fatal(err)
		}
		out = append(out[:0], '[')
		for i := range v.Len() {
			if i > 0 {
				out = append(out, ',')
			}
			out = v.AppendVector(out, i)
		}
		out = append(out, ']')
		q.Reset()
		v.Reset()
	}
}
