//go:build !race

package engine_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/storage/memstore"
	"quiver/storage/rowcache"
)

// TestNoAllocations: once warm, a read of cached rows allocates nothing, from opening
// the view to the finished vector.
func TestNoAllocations(t *testing.T) {
	store, err := rowcache.New(memstore.New(), 4<<20)
	if err != nil {
		t.Fatal(err)
	}
	e := enginetest.NewOver(t, store)
	enginetest.Apply(t, e, faultDefinitions)
	var left, right [][]string
	for i := range 200 {
		left = append(left, []string{strconv.Itoa(i), "1"})
		right = append(right, []string{strconv.Itoa(i), "2"})
	}
	enginetest.Load(t, e, engine.Ref{Store: "s", Name: "left"}, left...)
	enginetest.Load(t, e, engine.Ref{Store: "s", Name: "right"}, right...)

	f := func(entries int) {
		t.Helper()
		tokens := make([][]byte, entries)
		for i := range tokens {
			tokens[i] = []byte(strconv.Itoa(i))
		}
		store, view := []byte("S"), []byte("v")
		id, rid := []byte("id"), []byte("rid")
		var q engine.Query
		var v engine.Vectors
		var out []byte
		read := func() {
			q.Reset()
			v.Reset()
			out = out[:0]
			if err := e.Open(&q, auth.All(), store, view, 1); err != nil {
				t.Fatal(err)
			}
			for _, token := range tokens {
				q.NewEntry()
				q.Key(id, token)
				q.Key(rid, token)
				q.EndEntry()
			}
			if err := e.Read(context.Background(), &q, &v); err != nil {
				t.Fatal(err)
			}
			for i := range v.Len() {
				out = v.AppendVector(out, i)
			}
		}
		read()
		last := entries - 1
		if want := fmt.Sprintf("[%d,1,%d,2]", last, last); string(out[len(out)-len(want):]) != want {
			t.Fatalf("%d entries: %s", entries, out)
		}
		if n := testing.AllocsPerRun(100, read); n != 0 {
			t.Errorf("%d entries: %v allocations", entries, n)
		}
	}
	f(1)
	f(10)
	f(100)
}

// TestUnknownNames: the first of many mistakes in one entry is told, the others cost
// nothing; a mistake in another entry is its own.
func TestUnknownNames(t *testing.T) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, faultDefinitions)
	id, one := []byte("id"), []byte("1")
	names := make([][]byte, 1000)
	for i := range names {
		names[i] = []byte("x" + strconv.Itoa(i))
	}
	var q engine.Query
	var v engine.Vectors
	f := func(unknown [][]byte) (allocations float64) {
		return testing.AllocsPerRun(10, func() {
			q.Reset()
			v.Reset()
			if err := e.Open(&q, auth.All(), []byte("s"), []byte("v"), 1); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				q.NewEntry()
				q.Key(id, one)
				for i, name := range unknown {
					if q.Entries() == 1 {
						break
					}
					q.Key(name, names[i])
				}
				q.EndEntry()
			}
			for _, name := range unknown {
				q.Pass(0, name, one, codec.JSONNumber)
			}
			if err := e.Read(context.Background(), &q, &v); err != nil {
				t.Fatal(err)
			}
		})
	}
	if few, many := f(names[:1]), f(names); many != few {
		t.Errorf("%v allocations for one unknown name, %v for 1,000", few, many)
	}
	for i, want := range []string{
		"Feature `x0` does not exist in the feature view or it is a label which cannot be a passed feature.",
		"Provided primary key `x0` does not belong to the set of primary keys.",
		"Provided primary key `x0` does not belong to the set of primary keys.",
	} {
		if err := v.Err(i); err == nil || err.Text != want {
			t.Errorf("entry %d: %v", i, err)
		}
	}
}
