package hopsworks_test

import (
	"fmt"
	"strings"
	"testing"

	"quiver/httpfront/fronttest"
	"quiver/httpfront/hopsworks"
)

// TestPassedKinds: the type that metadata shows says which kind of JSON a passed feature
// is, whatever the column is.
func TestPassedKinds(t *testing.T) {
	values := map[string]string{"NUMBER": "1.5", "STRING": `"x"`, "BOOLEAN": "true", "OTHER": "[{}]"}
	f := func(column, shown, want string) {
		t.Helper()
		e := newEngine(t, nil)
		yaml := fmt.Sprintf("kind: FeatureGroup\nstore: s\nname: g\nkey: [id]\nfeatures: [{name: id, type: bigint}, {name: x, type: %q}]\n", column)
		yaml += "---\nkind: FeatureView\nstore: s\nname: v\nfrom: [{group: g}]\n"
		text := column
		if shown != "" {
			yaml += fmt.Sprintf("features: [{name: id}, {name: x, type: %q}]\n", shown)
			text = shown
		}
		apply(t, e, yaml)
		d := newDialect(t, e, hopsworks.Options{})
		for kind, value := range values {
			got := fronttest.Call(t, d, fronttest.Request{
				Target: "/0.1.0/feature_store",
				Body:   `{"featureStoreName":"s","featureViewName":"v","featureViewVersion":1,"entries":{"id":1},"passedFeatures":{"x":` + value + `}}`,
			})
			switch {
			case kind == want && (got.Status != 200 || !strings.Contains(got.Body, `"features":[1,`+value+`]`)):
				t.Errorf("%s passed as %s: %d %s", text, value, got.Status, got.Body)
			case kind != want && (got.Status != 400 || !strings.Contains(got.Body, fmt.Sprintf("Got: '%s', expected: '%s' (offline type: %s)", kind, want, strings.ReplaceAll(text, `"`, `\"`)))):
				t.Errorf("%s passed as %s: %d %s", text, value, got.Status, got.Body)
			}
		}
	}

	for _, column := range []string{"tinyint", "smallint", "int", "bigint", "float", "double", "decimal"} {
		f(column, "", "NUMBER")
	}
	for _, column := range []string{"string", "date", "timestamp", "timestamp(3)", "binary"} {
		f(column, "", "STRING")
	}
	f("boolean", "", "BOOLEAN")
	for _, column := range []string{"decimal(10,2)", "varchar(100)", "array<int>", "struct<a:int>", "map<string,int>"} {
		f(column, "", "OTHER")
	}
	// Registered as one type, kept as another.
	f("decimal(10,2)", "decimal", "NUMBER")
	f("decimal", "decimal(10,2)", "OTHER")
	f("varchar(100)", "string", "STRING")
	f("string", "varchar(100)", "OTHER")
	f("timestamp(3)", "timestamp", "STRING")
	f("tinyint", "boolean", "BOOLEAN")
	// Fennel's words.
	f("Optional[int]", "", "NUMBER")
	f("between(int, 0, 100)", "", "NUMBER")
	f(`oneof(str, ["x","b"])`, "", "STRING")
	f(`regex("[a-z]+")`, "", "STRING")
}

// TestKeyValues: values that are not of the key's type are 415; values that are, but that
// no row can have, and times that are none are 400.
func TestKeyValues(t *testing.T) {
	f := func(column string, refused int, good, bad []string) {
		t.Helper()
		e := newEngine(t, nil)
		apply(t, e, fmt.Sprintf(`
kind: FeatureGroup
store: s
name: g
key: [k]
features: [{name: k, type: %q}, {name: x, type: int}]
---
kind: FeatureView
store: s
name: v
from: [{group: g}]
`, column))
		d := newDialect(t, e, hopsworks.Options{})
		send := func(value string, status int, contains string) {
			t.Helper()
			got := fronttest.Call(t, d, fronttest.Request{
				Target: "/0.1.0/feature_store",
				Body:   `{"featureStoreName":"s","featureViewName":"v","featureViewVersion":1,"entries":{"k":` + value + `}}`,
			})
			if got.Status != status || !strings.Contains(got.Body, contains) {
				t.Errorf("%s as %s: %d %s", value, column, got.Status, got.Body)
			}
		}
		for _, value := range good {
			send(value, 200, `"features":[`+value+`,null]`)
		}
		code := `"code":18,"reason":"Reading from db failed.","message":"Primary key 'k' should be in '`
		if refused == 415 {
			code = `"code":10,"reason":"Wrong data type.","message":"Primary key 'k' should be in '`
		}
		for _, value := range bad {
			send(value, refused, code)
		}
	}

	f("tinyint", 415, []string{"-128", `"127"`}, []string{"128", "1.0", `"a"`, "true", `""`, "[1]"})
	f("boolean", 415, []string{"0", `"1"`, "true", `"false"`}, []string{"2", `"yes"`, "1.0", "{}"})
	f("decimal(5,2)", 415, []string{"1.5", `"1.50"`, "-999.99", "15e-1"}, []string{"1000", "1.555", `"x"`, "true", "{}"})
	f("varchar(3)", 400, []string{`"abc"`, "0", "1.0", `""`, `"äöü"`}, []string{`"abcd"`, "1234", "true", "[]"})
	f("date", 400, []string{`"2022-01-01"`, `"2022-01-01 00:00:00"`}, []string{`"2022-01-01 00:00:01"`, `"2022-02-30"`, `"x"`, "1640995200000"})
	f("timestamp(3)", 400, []string{`"2022-01-01 00:00:00"`, `"2022-01-01 00:00:00.123"`, `"2022-01-01T00:00:00Z"`}, []string{`"2022-01-01 00:00:00.1234"`, "1640995200000", `"x"`})
	f("binary(4)", 400, []string{`"AAE="`, `""`}, []string{`"AAE"`, `"AAEAAAAA"`, "1"})
}
