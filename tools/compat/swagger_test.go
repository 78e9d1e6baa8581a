package compat

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/service"
	"quiver/httpfront"
	"quiver/httpfront/dataiku"
	"quiver/httpfront/fronttest"
)

// swaggered are endpoints of the types that the demo does not have.
const swaggered = `
{kind: Service, name: all, auth: apiKeys, description: Everything., mapping: {v1: 0.4, v2: 0.6}}
---
kind: Generation
service: all
name: v1
endpoints:
  - {name: "who is it?", type: lookup, description: By code., enrich: [{group: airports, store: flights, keys: {the code: iata}, columns: [city], onMissingKey: FAIL}]}
---
kind: Generation
service: all
name: v2
endpoints:
  - {name: sum, type: pythonFunction, file: sum.py, function: f}
  - {name: filter, type: sql, connection: memory, queries: [{sql: "SELECT ? AS a, ? AS b", parameters: [a, {name: b, type: integer}]}]}
---
{kind: Connection, name: memory, driver: sqlite, dsn: ":memory:"}
---
{kind: Service, name: tokens, auth: jwt, jwt: {jwks: "https://127.0.0.1:1/keys", issuer: iam}}
`

// TestSwagger has the documents of the demo's service, and of others, validated.
func TestSwagger(t *testing.T) {
	c := client{name: "swagger", module: "swagger_spec_validator"}
	python := c.python(t)
	files := []catalog.File{{Name: "all.yaml", Text: []byte(swaggered)}, {Name: "sum.py", Text: []byte("def f(a, b=0):\n    return a + b\n")}}
	for _, pattern := range []string{"flights.yaml", "models/*"} {
		names, err := filepath.Glob(filepath.Join("../../cmd/quiver/demo", pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, catalog.File{Name: name, Text: text, Attached: filepath.Ext(name) != ".yaml"})
		}
	}
	e := enginetest.New(t)
	if _, err := e.Apply(files, false); err != nil {
		t.Fatal(err)
	}
	s := service.New(e)
	t.Cleanup(s.Close)
	s.Fetch = func(context.Context, string, int64, bool) ([]byte, error) { return nil, errors.New("no issuer") }
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	front := fronttest.Start(t, httpfront.Options{Dialects: dataiku.New(e, s, dataiku.Options{})})
	c.drive(t, python, front.URL)
}
