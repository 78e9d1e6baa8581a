package service_test

import (
	"context"
	"fmt"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/engine/service"
	"quiver/storage"
	"quiver/storage/memstore"
)

// counting is a store that counts its reads and their keys.
type counting struct {
	storage.Store
	reads, keys int
}

// Unwrap shows the store's optional abilities.
func (c *counting) Unwrap() storage.Store { return c.Store }

func (c *counting) Get(ctx context.Context, b *storage.Batch) error {
	c.reads++
	c.keys += b.Len()
	return c.Store.Get(ctx, b)
}

// TestOneReadPerStep: an enrichment reads the rows of all records together, and only of
// those that earlier steps left.
func TestOneReadPerStep(t *testing.T) {
	store := &counting{Store: memstore.New()}
	e := enginetest.NewOver(t, store)
	enginetest.Apply(t, e, `
kind: FeatureGroup
store: s
name: people
key: [id]
indexes: [{name: by_home, columns: [home]}]
features: [{name: id, type: bigint}, {name: home, type: int}]
---
kind: FeatureGroup
store: s
name: places
key: [id]
features: [{name: id, type: int}, {name: city, type: string}]
---
{kind: Service, name: svc, mapping: {v1: 1}}
---
kind: Generation
service: svc
name: v1
endpoints:
  - name: e
    type: lookup
    enrich:
      - {group: people, store: s, keys: {person: id}, columns: [home], onNoMatch: IGNORE}
      - {group: places, store: s, keys: {home: id}, columns: [city]}
  - {name: x, type: lookup, enrich: [{group: people, store: s, keys: [home], columns: {id: person}}]}
`)
	people, places := engine.Ref{Store: "s", Name: "people"}, engine.Ref{Store: "s", Name: "places"}
	for i := range 20 {
		enginetest.Load(t, e, people, []string{fmt.Sprint(i), fmt.Sprint(100 + i)})
		enginetest.Load(t, e, places, []string{fmt.Sprint(100 + i), fmt.Sprintf(`"c%d"`, i)})
	}
	s := service.New(e)
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	f := func(endpoint, key string, from, reads, keys int, want func(i int) string) {
		t.Helper()
		var r service.Records
		for i := range 30 {
			r.Begin()
			r.Add([]byte(key), fmt.Append(nil, from+i))
		}
		store.reads, store.keys = 0, 0
		a, err := s.Lookup(context.Background(), auth.All(), nil, "svc", endpoint, service.Dispatch{}, &r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Release()
		if store.reads != reads || store.keys != keys {
			t.Errorf("%s: %d reads of %d keys, want %d of %d", endpoint, store.reads, store.keys, reads, keys)
		}
		for i := range 30 {
			if got := string(a.AppendData(nil, i)); got != want(i) {
				t.Errorf("%s: record %d: %s, want %s", endpoint, i, got, want(i))
			}
		}
	}
	f("e", "person", 0, 2, 30+20, func(i int) string {
		if i >= 20 {
			return "{}"
		}
		return fmt.Sprintf(`{"person":%d,"home":%d,"city":"c%d"}`, i, 100+i, i)
	})
	f("x", "home", 100, 1, 20, func(i int) string {
		if i >= 20 {
			return fmt.Sprintf(`{"home":%d,"person":null}`, 100+i)
		}
		return fmt.Sprintf(`{"home":%d,"person":%d}`, 100+i, i)
	})
}
