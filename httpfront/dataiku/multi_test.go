package dataiku_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"quiver/httpfront/fronttest"
)

// TestMultiIsMany: many records in one request, read together, get what each gets alone,
// whatever the others are.
func TestMultiIsMany(t *testing.T) {
	w := newWorld(t)
	ask := func(target, body string) string {
		t.Helper()
		res := w.Do(fronttest.Request{Method: "POST", Target: "/public/api/v1/s/" + target, Body: body})
		if res.Status != 200 {
			t.Fatalf("%s %s: %d %s", target, body, res.Status, res.Body)
		}
		return results(res.Body)
	}
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 0))
	f := func(endpoint, verb, key string, records ...string) {
		t.Helper()
		var items, want []string
		for range 100 {
			record := `{"` + key + `":` + records[rng.IntN(len(records))] + `}`
			items = append(items, record)
			one := ask(endpoint+"/"+verb, record)
			one = strings.TrimSuffix(strings.TrimPrefix(one, `{"results":[`), "]")
			want = append(want, strings.TrimPrefix(one, `{"result":`))
		}
		got := ask(endpoint+"/"+verb+"-multi", `{"items":[`+strings.Join(items, ",")+`]}`)
		if got != `{"results":[`+strings.Join(want, ",")+"]" {
			t.Errorf("seed %d: %s:\n%s\nwant\n%s", seed, endpoint, got, want)
		}
	}
	keys := []string{`{}`, `{"k":null}`, `{"k":5}`, `{"k":"5"}`, `{"k":6.0}`, `{"k":7}`, `{"k":"x"}`, `{"k":[NaN]}`, `{"k":NaN}`, `{"k":99999999999}`}
	f("lk", "lookup", "data", keys...)
	f("lk_ignore", "lookup", "data", keys...)
	f("person", "lookup", "data", `{}`, `{"id":9007199254740993}`, `{"id":"9007199254740993"}`, `{"id":8}`, `{"id":8.5}`, `{"id":"x"}`, `{"id":NaN}`, `{"id":1}`)
	f("chain", "lookup", "data", `{"country":"FR","person":9007199254740993}`, `{"country":"FR","person":8}`, `{"country":"DE","person":9007199254740993}`, `{"person":9}`, `{}`)
	f("ep_cust", "predict", "features", `{}`, `{"customer_id":8}`, `{"customer_id":7}`, `{"customer_id":10,"card_fico":3}`, `{"customer_id":1,"card_fico":3}`, `{"card_fico":1}`)
	f("ep_strict", "predict", "features", `{}`, `{"customer_id":7}`, `{"customer_id":10,"card_fico":3}`, `{"customer_id":1,"card_fico":3}`)
	f("ep_drop", "predict", "features", `{}`, `{"a":1}`, `{"a":1,"m":2}`, `{"a":"2","m":1}`)
}
