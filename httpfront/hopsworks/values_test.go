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
