package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
)

const indexedGroup = `
kind: FeatureGroup
store: s
name: people
key: [id]
%s
features:
  - {name: id, type: bigint}
  - {name: city, type: string}
`

const withIndex = "indexes: [{name: by_city, columns: [city]}]"

var peopleRef = engine.Ref{Store: "s", Name: "people"}

// inCity returns the ids that the index finds for a city, in order.
func inCity(t *testing.T, e *engine.Engine, city string) []int {
	t.Helper()
	var ids []int
	for _, r := range find(t, e, e.Snapshot().Group("s", "people", 0), "city", strconv.Quote(city), 1000) {
		id, err := strconv.Atoi(string(r.Cell(0)))
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// find returns the rows that an index finds for a token.
func find(t *testing.T, e *engine.Engine, g *catalog.Group, column, token string, limit int) []codec.Row {
	t.Helper()
	var f engine.Finder
	if err := e.OpenIndex(&f, g, []string{column}, limit); err != nil {
		t.Fatal(err)
	}
	f.Search([][]byte{[]byte(token)})
	if err := e.Find(context.Background(), &f); err != nil {
		t.Fatal(err)
	}
	return f.Rows(0)
}

func putPerson(t *testing.T, e *engine.Engine, id int, city string) {
	t.Helper()
	if err := e.Put(context.Background(), peopleRef, map[string]string{"id": strconv.Itoa(id), "city": city}); err != nil {
		t.Fatal(err)
	}
}

// TestIndex: lookups by another column follow every change, in order of arrival.
func TestIndex(t *testing.T) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, fmt.Sprintf(indexedGroup, withIndex))
	want := func(city string, ids ...int) {
		t.Helper()
		if got := inCity(t, e, city); !slices.Equal(got, ids) {
			t.Errorf("%s: %v, want %v", city, got, ids)
		}
	}
	putPerson(t, e, 9, "Oslo")
	putPerson(t, e, 1, "Oslo")
	putPerson(t, e, 5, "Rome")
	want("Oslo", 9, 1)
	putPerson(t, e, 9, "Oslo") // nothing changed: keeps its place
	want("Oslo", 9, 1)
	putPerson(t, e, 9, "Rome")
	want("Oslo", 1)
	want("Rome", 5, 9)
	if err := e.Delete(context.Background(), peopleRef, map[string]string{"id": "5"}); err != nil {
		t.Fatal(err)
	}
	want("Rome", 9)
	enginetest.Load(t, e, peopleRef, []string{"7", `"Rome"`}, []string{"3", "null"}, []string{"7", `"Oslo"`})
	want("Rome", 9)
	want("Oslo", 1, 7)
	want("")
}

// TestIndexAddedLater: an index added to a group with rows finds them.
func TestIndexAddedLater(t *testing.T) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, fmt.Sprintf(indexedGroup, ""))
	var rows [][]string
	for i := range 2500 {
		rows = append(rows, []string{strconv.Itoa(i), `"c` + strconv.Itoa(i%2) + `"`})
	}
	enginetest.Load(t, e, peopleRef, rows...)
	enginetest.Apply(t, e, fmt.Sprintf(indexedGroup, withIndex))
	if got := len(inCity(t, e, "c1")); got != 1000 { // the limit of inCity
		t.Errorf("%d rows", got)
	}
	putPerson(t, e, 3, "Oslo")
	if got := inCity(t, e, "Oslo"); !slices.Equal(got, []int{3}) {
		t.Errorf("Oslo: %v", got)
	}
}

// TestIndexUnderWrites: while people move, a lookup never shows one who lives
// elsewhere, and afterwards the index and the rows agree.
func TestIndexUnderWrites(t *testing.T) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, fmt.Sprintf(indexedGroup, withIndex))
	s := seed(t)
	const people, cities = 20, 4
	var movers sync.WaitGroup
	for m := range 4 {
		movers.Go(func() {
			r := rand.New(rand.NewPCG(s, uint64(m)))
			for range 300 {
				putPerson(t, e, r.IntN(people), fmt.Sprintf("c%d", r.IntN(cities)))
			}
		})
	}
	movers.Wait()
	found := map[int]string{}
	for c := range cities {
		city := fmt.Sprintf("c%d", c)
		for _, id := range inCity(t, e, city) {
			if other, twice := found[id]; twice {
				t.Errorf("seed %d: %d is in %s and %s", s, id, other, city)
			}
			found[id] = city
		}
	}
	if len(found) != people {
		t.Errorf("seed %d: %d of %d people are found", s, len(found), people)
	}
}

const historyGroup = `
kind: FeatureGroup
store: s
name: h
key: [id]
eventTime: at
history: 87600h
features:
  - {name: id, type: bigint}
  - {name: at, type: timestamp}
  - {name: a, type: bigint}
`

// TestAsOf compares lookups as of a time with a plain list of what was written, in any
// order of arrival.
func TestAsOf(t *testing.T) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, historyGroup)
	ref := engine.Ref{Store: "s", Name: "h"}
	s := seed(t)
	r := rand.New(rand.NewPCG(s, 7))
	value := map[int]map[int]int{} // id → second → last written value
	for n := range 400 {
		id, second := r.IntN(5), 1+r.IntN(50)
		if value[id] == nil {
			value[id] = map[int]int{}
		}
		value[id][second] = n
		err := e.Put(context.Background(), ref, map[string]string{
			"id": strconv.Itoa(id), "at": fmt.Sprintf("1970-01-01 00:00:%02d", second), "a": strconv.Itoa(n),
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for id := range 6 {
		for second := range 60 {
			rows, found, err := e.AsOf(context.Background(), auth.All(), ref, [][][]byte{{[]byte(strconv.Itoa(id))}}, []int64{int64(second) * 1e6})
			if err != nil {
				t.Fatal(err)
			}
			want, ok := 0, false
			for at := second; at > 0 && !ok; at-- {
				want, ok = value[id][at]
			}
			if found[0] != ok || ok && string(rows[0].Cell(2)) != strconv.Itoa(want) {
				t.Fatalf("seed %d: id %d as of %d: found %v", s, id, second, found[0])
			}
		}
	}
}
