package enginetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/storage"
	"quiver/storage/memstore"
)

// New returns an engine over memory, closed when the test ends.
func New(t testing.TB) *engine.Engine { return NewOver(t, memstore.New()) }

// NewOver returns an engine over a store, which it closes when the test ends.
func NewOver(t testing.TB, s storage.Store) *engine.Engine {
	t.Helper()
	c, err := catalog.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.New(engine.Options{Store: s, Catalog: c, DropAfter: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return e
}

// Apply applies definitions given as YAML.
func Apply(t testing.TB, e *engine.Engine, yaml string) {
	t.Helper()
	if _, err := e.Apply([]catalog.File{{Name: "test.yaml", Text: []byte(yaml)}}, false); err != nil {
		t.Fatalf("%v\n%s", err, yaml)
	}
}

// Load loads rows given as JSON values in the group's physical column order.
func Load(t testing.TB, e *engine.Engine, ref engine.Ref, rows ...[]string) engine.LoadResult {
	t.Helper()
	return LoadWith(t, e, ref, engine.LoadOptions{}, rows...)
}

// LoadWith is Load with options.
func LoadWith(t testing.TB, e *engine.Engine, ref engine.Ref, o engine.LoadOptions, rows ...[]string) engine.LoadResult {
	t.Helper()
	ctx := context.Background()
	l, err := e.Load(ctx, ref, o)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		if err := l.Add(ctx, Row(t, l.Group(), row...)); err != nil {
			t.Fatal(err)
		}
	}
	result, err := l.Commit(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// Row encodes one row from JSON values in the group's physical column order.
func Row(t testing.TB, g *catalog.Group, values ...string) []byte {
	t.Helper()
	var w codec.RowWriter
	w.Reset(g.Schema)
	for _, v := range values {
		if err := w.JSON([]byte(v)); err != nil {
			t.Fatal(err)
		}
	}
	row, err := w.Row(nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	if g.EventTimeColumn >= 0 {
		r, err := codec.ParseRow(row)
		if err != nil {
			t.Fatal(err)
		}
		at, ok := codec.CellTime(g.Schema.Columns[g.EventTimeColumn].Type, r.Cell(g.EventTimeColumn))
		if !ok {
			t.Fatalf("no event time in %v", values)
		}
		if row, err = w.Row(nil, at); err != nil {
			t.Fatal(err)
		}
	}
	return row
}

// Answers is what a read gave, ready to compare.
func Answers(v *engine.Vectors) []Answer {
	var out []Answer
	for i := range v.Len() {
		a := Answer{Status: [...]string{"COMPLETE", "MISSING", "ERROR"}[v.Status(i)]}
		a.Features = split(string(v.AppendVector(nil, i)))
		for g, group := range v.Plan().Groups {
			status := [...]int{200, 404, 400, 400, 500}[v.Found(i, g)]
			a.Detailed = append(a.Detailed, Detail{group.GroupID, status})
		}
		out = append(out, a)
	}
	return out
}

// split cuts a JSON array of scalars into its elements.
func split(array string) []string {
	inner := strings.TrimSuffix(strings.TrimPrefix(array, "["), "]")
	if inner == "" {
		return nil
	}
	var out []string
	quoted := false
	start := 0
	for i := range len(inner) {
		switch {
		case inner[i] == '"' && (i == 0 || inner[i-1] != '\\'):
			quoted = !quoted
		case inner[i] == ',' && !quoted:
			out = append(out, inner[start:i])
			start = i + 1
		}
	}
	return append(out, inner[start:])
}
