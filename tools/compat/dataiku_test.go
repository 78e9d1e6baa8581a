package compat

import (
	"fmt"
	"strings"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/predict/predicttest"
	"quiver/engine/service"
	"quiver/engine/sqlquery/dbtest"
	"quiver/httpfront"
	"quiver/httpfront/dataiku"
	"quiver/httpfront/fronttest"
)

const definitions = `
kind: FeatureGroup
store: default
name: people
key: [id]
features: [{name: id, type: bigint}, {name: name, type: string}]
---
{kind: Service, name: svc, mapping: {v1: 1}}
---
kind: Generation
service: svc
name: v1
endpoints:
  - {name: e, type: lookup, enrich: [{group: people, keys: [id], columns: [name]}]}
  - {name: add, type: pythonFunction, file: f.py, function: add}
  - {name: nothing, type: pythonFunction, file: f.py, function: nothing}
  - {name: whole, type: pythonFunction, file: f.py, function: whole, customResponse: true}
  - {name: add in r, type: rFunction, file: f.R, function: add}
MODELSQUERIES---
kind: Generation
service: svc
name: v2
endpoints:
  - {name: e, type: lookup, enrich: [{group: people, keys: [id], columns: [name]}]}
MODELS`

// functions are the code of the endpoints that run it.
func functions() []catalog.File {
	return []catalog.File{
		{Name: "f.py", Text: []byte("import quiver\ndef add(a, b=1): return a + b\ndef nothing(): pass\ndef whole(): return quiver.Response(201, {'Content-Type': 'application/json'}, {'a': 1})\n")},
		{Name: "f.R", Text: []byte("add <- function(a, b = 1) a + b\n"), Attached: true},
	}
}

// models are endpoints of the model that XGBoost trained on flights, and its files: one that
// takes what is missing as it is, one that drops such rows.
func models(t *testing.T, rows predicttest.Sheet) (endpoints string, files []catalog.File) {
	const fixtures = "../../engine/predict/testdata/"
	for name, file := range map[string]string{"model.json": "xgb_binary.json.gz", "percentiles.json": "percentiles.json.gz", "background.csv": "background.csv.gz"} {
		files = append(files, catalog.File{Name: name, Text: predicttest.File(t, fixtures+file), Attached: true})
	}
	for _, e := range [][2]string{{"late", "pass"}, {"strict", "dropRow"}} {
		var features []string
		for _, name := range rows.Names[:20] {
			features = append(features, fmt.Sprintf("{name: %s, type: double, missing: %s}", name, e[1]))
		}
		endpoints += fmt.Sprintf("  - {name: %s, type: prediction, model: model.json, task: binary, classes: [on time, late], threshold: 0.3, percentiles: percentiles.json, explanations: {background: background.csv}, features: [%s]}\n",
			e[0], strings.Join(features, ", "))
	}
	return endpoints, files
}

// databases are a connection to each database, and their endpoints.
func databases(t *testing.T) (connections, endpoints string) {
	for _, x := range [][3]string{
		{"sqlite", catalog.DriverSQLite, ":memory:"}, {"postgres", catalog.DriverPostgres, dbtest.Postgres(t).DSN}, {"mariadb", catalog.DriverMySQL, dbtest.MariaDB(t).DSN},
	} {
		connections += fmt.Sprintf("\n---\n{kind: Connection, name: %s, driver: %s, dsn: %q}", x[0], x[1], x[2])
		endpoints += fmt.Sprintf(`  - {name: %[1]s, type: sql, connection: %[1]s, queries: [{sql: "SELECT ? + 1 AS next, ? AS said", parameters: [{name: n, type: integer}, {name: said, type: text}]}]}
  - {name: %[1]s none, type: sql, connection: %[1]s, queries: [{sql: SELECT 1 AS one}]}
`, x[0])
	}
	return connections, endpoints
}

func TestMain(m *testing.M) { dbtest.Main(m) }

// TestDataiku runs dataiku.py against a server.
func TestDataiku(t *testing.T) {
	c := client{name: "dataiku", module: "dataikuapi"}
	python := c.python(t)
	e := enginetest.New(t)
	rows := predicttest.Read(t, "../../engine/predict/testdata/rows.csv.gz")
	endpoints, files := models(t, rows)
	connections, queries := databases(t)
	text := strings.NewReplacer("MODELS", endpoints, "QUERIES", queries).Replace(definitions) + connections
	if _, err := e.Apply(append(append(files, functions()...), catalog.File{Name: "d.yaml", Text: []byte(text)}), false); err != nil {
		t.Fatal(err)
	}
	enginetest.Load(t, e, engine.Ref{Store: "default", Name: "people"}, []string{"1", `"one"`}, []string{"9007199254740993", `"big"`})
	s := service.New(e)
	t.Cleanup(s.Close)
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	keys, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	for _, o := range []auth.CreateOptions{{Name: "key", Services: []string{"svc"}, Import: "KEY"}, {Name: "adm", Admin: true, Import: "ADM"}} {
		if _, err := keys.Create(o); err != nil {
			t.Fatal(err)
		}
	}
	front := fronttest.Start(t, httpfront.Options{Dialects: dataiku.New(e, s, dataiku.Options{Keys: keys}), Keys: keys})
	c.drive(t, python, front.URL, "../../engine/predict/testdata")
}
