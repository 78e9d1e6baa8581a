package featureset_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/engine/fail"
	"quiver/engine/featureset"
)

const definitions = `
kind: FeatureGroup
store: default
name: user_info
key: [user_id]
eventTime: ts
features:
  - {name: user_id, type: int}
  - {name: name, type: str}
  - {name: age, type: "Optional[int]"}
  - {name: country, type: str}
  - {name: ts, type: datetime}
---
kind: Featureset
store: default
name: UserFeatures
features:
  - {name: user_id, type: int}
  - {name: name, type: str, lookup: {group: user_info, field: name}, default: "?"}
  - {name: age, type: "Optional[int]", lookup: {group: user_info, field: age}}
  - {name: country, type: "Optional[str]", lookup: {group: user_info, field: country}}
  - {name: senior, type: bool, expr: 'when(col("age") > 60).then(True).otherwise(False)'}
---
kind: FeatureGroup
store: default
name: p
key: [pid]
eventTime: ts
features:
  - {name: pid, type: int}
  - {name: price, type: float}
  - {name: ts, type: datetime}
---
kind: Featureset
store: default
name: F
features:
  - {name: pid, type: "List[int]"}
  - {name: prices, type: "List[float]", lookup: {group: p, field: price}, default: 0.0}
`

// resolver returns a Resolver over definitions.
func resolver(t testing.TB, yaml string) (*engine.Engine, *featureset.Resolver) {
	t.Helper()
	e := enginetest.New(t)
	r := featureset.New(e, nil)
	if err := e.AddPart(r); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	if yaml != "" {
		enginetest.Apply(t, e, yaml)
	}
	return e, r
}

func users(t testing.TB, e *engine.Engine) {
	t.Helper()
	enginetest.Load(t, e, engine.Ref{Store: "default", Name: "user_info"},
		[]string{"1", `"John"`, "70", `"RU"`, `"2020-01-01T00:00:00Z"`},
		[]string{"2", `"Monica"`, "null", `"CL"`, `"2021-03-01T00:00:00Z"`})
	enginetest.Load(t, e, engine.Ref{Store: "default", Name: "p"},
		[]string{"1", "10.0", "1577836800"}, []string{"2", "20.0", "1577836800"})
}

// extract asks for outputs and returns the answer's JSON, or the error's text.
func extract(t testing.TB, r *featureset.Resolver, q featureset.Request) (string, error) {
	t.Helper()
	if !q.Who.Valid() {
		q.Who = auth.All()
	}
	a, err := r.Extract(context.Background(), &q)
	if err != nil {
		return "", err
	}
	defer a.Release()
	got := string(a.AppendJSON(nil)) // while looked-up fragments are still what was stored
	for i := range a.Len() {
		if c, err := a.Column(i); err != nil || c.Len != a.Rows() {
			t.Errorf("column %s: %v", a.Name(i), err)
		}
	}
	if decoded := string(a.AppendJSON(nil)); decoded != got {
		t.Errorf("copied  %s\ndecoded %s", got, decoded)
	}
	return got, nil
}

func TestExtract(t *testing.T) {
	e, r := resolver(t, definitions)
	users(t, e)
	f := func(inputs, outputs, data, want string) {
		t.Helper()
		q := featureset.Request{Inputs: strings.Fields(inputs), Outputs: strings.Fields(outputs), Data: []byte(data)}
		for range 2 { // the second time with memory that was used
			if got, err := extract(t, r, q); err != nil || got != want {
				t.Errorf("%s -> %s of %s\n got %s %v\nwant %s", inputs, outputs, data, got, err, want)
			}
		}
	}
	const id, nameAge = "UserFeatures.user_id", "UserFeatures.name UserFeatures.age"

	// The contract's cases, by their names.
	f(id, nameAge, `{"UserFeatures.user_id":[1,2,3]}`, `{"UserFeatures.name":["John","Monica","?"],"UserFeatures.age":[70,null,null]}`) // extract_columns
	f(id, nameAge, `[{"UserFeatures.user_id":1},{"UserFeatures.user_id":2}]`,
		`{"UserFeatures.name":["John","Monica"],"UserFeatures.age":[70,null]}`) // extract_rows
	f(id, "UserFeatures", `[{"UserFeatures.user_id":1}]`, // extract_whole_featureset
		`{"UserFeatures.user_id":[1],"UserFeatures.name":["John"],"UserFeatures.age":[70],"UserFeatures.country":["RU"],"UserFeatures.senior":[true]}`)
	f(id+" UserFeatures.age", "UserFeatures.senior UserFeatures.age", `{"UserFeatures.user_id":[1],"UserFeatures.age":[5]}`,
		`{"UserFeatures.senior":[false],"UserFeatures.age":[5]}`) // extract_input_overrides_extractor
	f("F.pid", "F.prices", `{"F.pid":[[1,2],[],[3]]}`, `{"F.prices":[[10.0,20.0],[],[0.0]]}`) // list_lookup

	// JSON text of either form; the order of outputs; repeated names; no rows.
	f(id, nameAge, `"{\"UserFeatures.user_id\":[1]}"`, `{"UserFeatures.name":["John"],"UserFeatures.age":[70]}`)
	f(id, "UserFeatures.age UserFeatures.name UserFeatures.age", `[{"UserFeatures.user_id":"2","more":1}]`, `{"UserFeatures.age":[null],"UserFeatures.name":["Monica"]}`)
	f(id+" "+id, id, `{"UserFeatures.user_id":[7.0]}`, `{"UserFeatures.user_id":[7]}`)
	f(id, nameAge, `[]`, `{"UserFeatures.name":[],"UserFeatures.age":[]}`)
	f("UserFeatures.age", "UserFeatures.senior", `{"UserFeatures.age":[null,61]}`, `{"UserFeatures.senior":[false,true]}`)
}

func TestExtractErrors(t *testing.T) {
	e, r := resolver(t, definitions)
	users(t, e)
	f := func(inputs, outputs, data string, code fail.Code, want string) {
		t.Helper()
		q := featureset.Request{Inputs: strings.Fields(inputs), Outputs: strings.Fields(outputs), Data: []byte(data), MaxRows: 4}
		got, err := extract(t, r, q)
		var x *fail.Error
		if !errors.As(err, &x) || x.Code != code || !strings.Contains(x.Text, want) {
			t.Errorf("%s -> %s of %s\n got %s %v\nwant %d %s", inputs, outputs, data, got, err, code, want)
		}
	}
	const id, name = "UserFeatures.user_id", "UserFeatures.name"
	f("X.y", name, `{"X.y":[1]}`, fail.NotFound, "`X.y` not found")                                                                            // extract_unknown_input
	f(id, name, `{"other":[1]}`, fail.Malformed, "json does not contain column UserFeatures.user_id")                                          // extract_input_listed_but_absent_in_data
	f(id+" UserFeatures.age", name, `{"UserFeatures.user_id":[1,2],"UserFeatures.age":[1]}`, fail.Malformed, "columns have different lengths") // extract_ragged_columns

	f(id, "UserFeatures.nope", `[]`, fail.NotFound, "`UserFeatures.nope` not found")
	f(id, "Nope", `[]`, fail.NotFound, "Featureset `Nope` not found")
	f("", name, `[]`, fail.Malformed, "No extractor found for feature `UserFeatures.user_id`.")
	f("UserFeatures", name, `[]`, fail.Malformed, "must be a feature")
	f(id, "", `[]`, fail.Malformed, "No outputs")
	f(id, name, ``, fail.Malformed, "data must be")
	f(id, name, `7`, fail.Malformed, "data must be")
	f(id, name, `[1]`, fail.Malformed, "row 0 must be an object")
	f(id, name, `{"UserFeatures.user_id":1}`, fail.Malformed, "must be an array")
	f(id, name, `{"UserFeatures.user_id":[1,"x"]}`, fail.Malformed, `row 1: expected int, found "x"`)
	f(id, name, `{"UserFeatures.user_id":[1.5]}`, fail.Malformed, "expected int, found 1.5")
	f(id, name, `{"UserFeatures.user_id":[NaN]}`, fail.Malformed, "expected int, found NaN")
	f(id, name, `{"UserFeatures.user_id":[null]}`, fail.Malformed, "not Optional")
	f(id, name, `{"UserFeatures.user_id":[1,2,3,4,5]}`, fail.TooLarge, "more than 4 rows")
	f(id, name, `{"UserFeatures.user_id":[1`, fail.Malformed, "not JSON")
	f(id, name, `[{}]`, fail.Malformed, "is missing")

	q := featureset.Request{Inputs: []string{id}, Outputs: []string{name}, Branch: "nope"} // extract_unknown_branch
	if _, err := extract(t, r, q); fail.AsError(err).Code != fail.NotFound || !strings.Contains(err.Error(), "`nope` not found") {
		t.Errorf("unknown branch: %v", err)
	}
	q = featureset.Request{Who: auth.Principal{}, Inputs: []string{id}, Outputs: []string{name}}
	if _, err := r.Extract(context.Background(), &q); fail.AsError(err).Code != fail.Forbidden {
		t.Errorf("without rights: %v", err)
	}
}
