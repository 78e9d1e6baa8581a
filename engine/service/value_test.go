package service

import (
	"errors"
	"testing"

	"quiver/codec"
	"quiver/engine/catalog"
)

// TestKeys gives values the form in which keys are compared: all spellings of one value
// are one key, which is printed as its column holds it.
func TestKeys(t *testing.T) {
	f := func(typ, token, key, echo string) {
		t.Helper()
		of, err := codec.ParseType(typ, codec.SpellingSQL)
		if err != nil {
			t.Fatal(err)
		}
		_, k, e := appendKey(nil, of, []byte(token))
		if string(k) != key || string(e) != echo {
			t.Errorf("%s %s: %s, printed as %s; want %s and %s", typ, token, k, e, key, echo)
		}
	}
	for _, token := range []string{`42`, `"42"`, `42.0`, `"42.00"`, `4.2e1`, `"420e-1"`, `"+42"`, `"042"`} {
		f("bigint", token, `42`, `42`)
	}
	f("bigint", `1e16`, `10000000000000000`, `10000000000000000`)
	f("bigint", `9007199254740993`, `9007199254740993`, `9007199254740993`)
	f("bigint", `-0.0`, `0`, `0`)
	f("bigint", `4.5`, `4.5`, `4.5`)
	f("bigint", `99999999999999999999`, `99999999999999999999`, `99999999999999999999`)
	f("bigint", `[NaN]`, `[NaN]`, ``)
	f("Optional[int]", `""`, `""`, `null`)
	for _, token := range []string{`true`, `"true"`, `"True"`, `1`, `1.0`, `"1"`} {
		f("boolean", token, `1`, `true`)
	}
	f("boolean", `2`, `2`, `2`)
	for _, token := range []string{`42`, `"42"`, `42.0`} {
		f("string", token, `"42"`, `"42"`)
	}
	f("string", `"42.0"`, `"42.0"`, `"42.0"`)
	f("string", `4.5`, `"4.5"`, `"4.5"`)
	f("string", `true`, `"true"`, `"true"`)
	f("string", `"\u00e9"`, `"é"`, `"é"`)
	for _, token := range []string{`"2017-01-01"`, `"2017-01-01T00:00:00.000Z"`, `17167`} {
		f("date", token, `"2017-01-01"`, `"2017-01-01"`)
	}
	for _, token := range []string{`"2017-01-01 00:00:59"`, `"2017-01-01T01:00:59+01:00"`, `1483228859000`, `"1483228859000"`} {
		f("timestamp", token, `"2017-01-01 00:00:59"`, `"2017-01-01T00:00:59.000Z"`)
	}
	f("decimal(10,2)", `12.5`, `12.50`, `12.50`)
}

// TestFaultOfLookup asks an endpoint that could not be made when the server started.
func TestFaultOfLookup(t *testing.T) {
	fault := errors.New("its table is damaged")
	g := &generation{def: &catalog.Generation{}, endpoints: map[string]*endpoint{
		"lk": {def: &catalog.APIEndpoint{Name: "lk", Type: catalog.EndpointLookup}, fault: fault},
	}}
	r := &running{def: &catalog.Service{Name: "s", Enabled: true}, mapping: []share{{1, g}}}
	if _, _, err := r.choose("lk", "lookup", Dispatch{}); !errors.Is(err, fault) {
		t.Errorf("%v, want %v", err, fault)
	}
}
