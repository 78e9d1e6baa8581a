package dataiku_test

import (
	"strings"
	"testing"

	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/httpfront/fronttest"
)

const viewDefinitions = `
kind: FeatureGroup
store: shop
name: customers
key: [id]
features: [{name: id, type: bigint}, {name: age, type: int}, {name: city, type: string}, {name: since, type: timestamp}, {name: tags, type: "array<string>"}]
---
kind: FeatureGroup
store: shop
name: cities
key: [city]
features: [{name: city, type: string}, {name: people, type: int}, {name: size, type: string}]
---
kind: FeatureView
store: shop
name: customer
from: [{group: customers}, {group: cities, prefix: home_}]
features: [{from: 0, name: age}, {from: 0, name: since}, {from: 0, name: tags}, {from: 0, name: city, label: true}, {from: 1, name: people}, {from: 1, name: size}]
servingKeys: [{from: 0, name: id, required: true}, {from: 1, name: city, prefix: home_, required: true}]
---
{kind: Service, name: shop, auth: public, mapping: {v1: 1}}
---
`

// viewGeneration is a generation whose endpoints read a view; model.txt gives 1 for an age up
// to 1.5 or none and else 3, and 10 more for more than 1.5 people.
const viewGeneration = `
kind: Generation
service: shop
name: v1
endpoints:
  - {name: score, type: prediction, model: model.txt, task: regression, features: [{name: age, type: double}, {name: home_people, type: double}],
     enrich: [{view: customer, store: shop, keys: {customer: id, home: home_city}}]}
  - {name: strict, type: prediction, model: model.txt, task: regression, features: [{name: years, type: double}, {name: home_people, type: double, missing: dropRow}],
     enrich: [{view: customer, store: shop, keys: {id: id, home: home_city}, columns: {age: years, home_people: home_people}, onNoMatch: IGNORE, onMissingKey: FAIL}]}
  - {name: who, type: lookup, enrich: [{view: customer, store: SHOP, keys: {id: id, home: home_city}}]}
  - {name: some, type: lookup, enrich: [{view: customer, store: shop, keys: {id: id, home: home_city}, columns: {home_size: size}, onNoMatch: FAIL}]}
`

// newShop is a server whose endpoints read a view.
func newShop(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	files := []catalog.File{
		{Name: "shop.yaml", Text: []byte(viewDefinitions + viewGeneration)},
		{Name: "model.txt", Attached: true, Text: lightGBM("regression", 1, []string{"a", "b"}, stump{0, 1, 3}, stump{1, 0, 10})},
	}
	if _, err := w.engine.Apply(files, false); err != nil {
		t.Fatal(err)
	}
	ref := func(name string) engine.Ref { return engine.Ref{Store: "shop", Name: name} }
	enginetest.Load(t, w.engine, ref("customers"),
		[]string{`7`, `40`, `"Oslo"`, `"2020-01-02 03:04:05"`, `["a"]`}, []string{`8`, `null`, `"Oslo"`, `null`, `null`})
	enginetest.Load(t, w.engine, ref("cities"), []string{`"Oslo"`, `700000`, `"big"`}, []string{`"Ghost Town"`, `0`, `null`})
	return w
}

// TestViews: one request with serving keys is answered from what a view reads for them.
func TestViews(t *testing.T) {
	w := newShop(t)
	f := func(target, body string, status int, want string) {
		t.Helper()
		res := w.Do(fronttest.Request{Method: "POST", Target: "/public/api/v1/shop/" + target, Body: body})
		if got := results(res.Body); res.Status != status || status == 200 && got != want || !strings.Contains(res.Body, want) {
			t.Errorf("%s %s: %d %s\nwant %d %s", target, body, res.Status, got, status, want)
		}
	}
	value := func(v string) string { return `{"result":{"prediction":` + v + `,"ignored":false}` }
	ignored := func(reason string) string { return `{"result":{"ignored":true,"ignoreReason":"` + reason + `"}` }
	f("score/predict", `{"features":{"customer":7,"home":"Oslo"}}`, 200, value("13"))
	f("score/predict", `{"features":{"customer":"7.0","home":"Ghost Town"}}`, 200, value("3"))
	f("score/predict", `{"features":{"customer":8,"home":"Oslo","age":50}}`, 200, value("11")) // found, though null
	f("score/predict", `{"features":{"customer":9,"home":"Oslo","age":50}}`, 200, value("13")) // the caller's age
	f("score/predict", `{"features":{"customer":7,"home":"Atlantis","home_people":9}}`, 200, value("13"))
	f("score/predict", `{"features":{"customer":7,"age":1,"home_people":9}}`, 200, value("11")) // no key: nothing is read
	f("score/predict", `{"features":{"customer":"x","home":"Oslo","age":50}}`, 200, value("3")) // an entry that fails finds nothing
	f("strict/predict", `{"features":{"id":7,"home":"Oslo"}}`, 200, value("13"))
	f("strict/predict", `{"features":{"id":9,"home":"Oslo"}}`, 200, ignored("NO_LOOKUP_MATCH"))
	f("strict/predict", `{"features":{"id":7,"home":"Atlantis"}}`, 200, ignored("NO_LOOKUP_MATCH"))
	f("strict/predict", `{"features":{"id":7}}`, 400, "the key 'home' is missing")
	f("score/predict-multi", `{"items":[{"features":{"customer":7,"home":"Oslo"}},{},{"features":{"customer":9,"home":"Oslo"}}]}`, 200,
		`{"results":[{"prediction":13,"ignored":false},{"prediction":1,"ignored":false},{"prediction":11,"ignored":false}]`)
	f("who/lookup", `{"data":{"id":7,"home":"Oslo"}}`, 200,
		`{"results":[{"data":{"id":7,"home":"Oslo","age":40,"since":"2020-01-02T03:04:05.000Z","tags":["a"],"home_people":700000,"home_size":"big"},"ignored":false}]`)
	f("who/lookup", `{"data":{"id":9,"home":"Oslo"}}`, 200,
		`{"results":[{"data":{"id":9,"home":"Oslo","age":null,"since":null,"tags":null,"home_people":700000,"home_size":"big"},"ignored":false}]`)
	f("some/lookup", `{"data":{"id":7,"home":"Oslo"}}`, 200, `{"results":[{"data":{"id":7,"home":"Oslo","size":"big"},"ignored":false}]`)
	f("some/lookup", `{"data":{"id":7,"home":"Atlantis"}}`, 400, "shop/customer failed: no row matches")
}

// TestSwaggerOfOverrides: what a result may hold beside the prediction is described.
func TestSwaggerOfOverrides(t *testing.T) {
	w := newWorld(t)
	res := w.Do(fronttest.Request{Target: "/public/api/v1/s/swagger"})
	for _, want := range []string{`"override":{"description"`, `"probabilities":{`, `"postEnrichFeatures":{`} {
		if res.Status != 200 || !strings.Contains(res.Body, want) {
			t.Errorf("%d, no %s", res.Status, want)
		}
	}
}

// TestViewsInUse: a view that endpoints read stays, and what is done by force shows.
func TestViewsInUse(t *testing.T) {
	w := newShop(t)
	ask := func() fronttest.Response {
		return w.Do(fronttest.Request{Method: "POST", Target: "/public/api/v1/shop/score/predict", Body: `{"features":{"customer":7,"home":"Oslo"}}`})
	}
	if _, err := w.engine.Remove(catalog.KindView, engine.Ref{Store: "shop", Name: "customer", Version: 1}, false); err == nil || !strings.Contains(err.Error(), "Generation shop/v1") {
		t.Errorf("a view in use is removed: %v", err)
	}
	enginetest.Apply(t, w.engine, strings.Replace(viewDefinitions, "{name: people, type: int}", "{name: people, type: int}, {name: mayor, type: string}", 1))
	if res := ask(); res.Status != 200 || !strings.Contains(res.Body, `"prediction":13`) {
		t.Errorf("after a change of a group of the view: %d %s", res.Status, res.Body)
	}
	if _, err := w.engine.Remove(catalog.KindGroup, engine.Ref{Store: "shop", Name: "cities", Version: 1}, true); err != nil {
		t.Fatal(err)
	}
	if res := ask(); res.Status != 500 || !strings.Contains(res.Body, "Feature view shop/customer version 1 is broken: Feature group shop/cities version 1 does not exist.\"") {
		t.Errorf("after its group is gone: %d %s", res.Status, res.Body)
	}
	if _, err := w.engine.Rollback(0); err != nil {
		t.Fatal(err)
	}
	if res := ask(); res.Status != 200 {
		t.Errorf("after rolling back: %d %s", res.Status, res.Body)
	}
	if _, err := w.engine.Remove(catalog.KindView, engine.Ref{Store: "shop", Name: "customer", Version: 1}, true); err != nil {
		t.Fatal(err)
	}
	if res := ask(); res.Status != 500 || !strings.Contains(res.Body, "Feature view shop/customer version 1 does not exist") {
		t.Errorf("after the view is gone: %d %s", res.Status, res.Body)
	}
}

// TestViewFaults are refused when they are applied.
func TestViewFaults(t *testing.T) {
	w := newShop(t)
	f := func(from, to, want string) {
		t.Helper()
		text := strings.Replace(viewGeneration, from, to, 1)
		model := catalog.File{Name: "model.txt", Attached: true, Text: lightGBM("regression", 1, []string{"a", "b"}, stump{0, 1, 3}, stump{1, 0, 10})}
		_, err := w.engine.Apply([]catalog.File{{Name: "d.yaml", Text: []byte(text)}, model}, false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s for %s: %v, want %s", to, from, err, want)
		}
	}
	f("{view: customer,", "{view: custom,", "feature view shop/custom version 1 does not exist")
	f("{view: customer,", "{view: customer, group: customers,", "from a group or from a view, not from both")
	f("{view: customer,", "{version: 1,", `an enrichment has no "group"`)
	f("keys: {customer: id,", "keys: {customer: age,", `no serving key "age"; it has id, home_city`)
	f("keys: {customer: id, home: home_city}", "keys: {customer: id}", `serving key "home_city" of view customer is not given`)
	f("columns: {age: years,", "columns: {agee: years,", `no feature "agee" that is no key; did you mean "age"?`)
	f("columns: {age: years,", "columns: {city: years,", `no feature "city" that is no key`)
	f("columns: {age: years,", "columns: {since: years,", `"since" of customer is of type timestamp, which feature "years" of type double cannot read`)
	f("columns: {age: years,", "columns: {tags: years,", `"tags" of customer is of type array<string>`)
}
