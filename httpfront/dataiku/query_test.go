package dataiku_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/service"
	"quiver/engine/sqlquery"
	"quiver/engine/sqlquery/dbtest"
	"quiver/httpfront"
	"quiver/httpfront/dataiku"
	"quiver/httpfront/fronttest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// sqlWorld serves SQL endpoints over a database.
type sqlWorld struct {
	*fronttest.Front
	driver string
}

// sqlDefinitions are the endpoints that the cases describe in words.
const sqlDefinitions = `
{kind: Connection, name: db, driver: %s, dsn: %q, timeout: 5s}
---
{kind: Service, name: sql_svc, auth: public, mapping: {v1: 1}}
---
{kind: Service, name: closed, mapping: {v1: 1}}
---
{kind: Generation, service: closed, name: v1, endpoints: [{name: q, type: sql, connection: db, queries: [{sql: 'SELECT 1'}]}]}
---
kind: Generation
service: sql_svc
name: v1
endpoints:
  - {name: q, type: sql, connection: db, queries: [{sql: 'SELECT id, name, age FROM people ORDER BY id'}]}
  - {name: dd, type: sql, connection: db, queries: [{sql: 'SELECT name FROM people WHERE id = ? OR age = ?', parameters: [d, d]}]}
  - {name: ins, type: sql, connection: db, postCommit: true, queries: [{sql: 'INSERT INTO other VALUES (?)', parameters: [a]}]}
  - name: two
    type: sql
    connection: db
    queries:
      - {sql: 'CREATE TEMPORARY TABLE chosen (p INTEGER); INSERT INTO chosen VALUES (?)', parameters: [p]}
      - {sql: 'SELECT p FROM chosen WHERE p = ?', parameters: [p]}
  - name: broken
    type: sql
    connection: db
    queries: [{sql: 'SELECT nothing FROM nowhere'}]
  - name: find me
    type: sql
    connection: db
    queries: [{sql: 'SELECT id FROM people WHERE age > ? AND name = ?', parameters: [param1, param2]}]
`

// everySQL runs a test over SQLite, PostgreSQL and MariaDB.
func everySQL(t *testing.T, f func(t *testing.T, w *sqlWorld)) {
	t.Run("sqlite", func(t *testing.T) {
		dir := t.TempDir()
		path := filepath.Join(dir, "a.db")
		if err := os.WriteFile(path, nil, 0o600); err != nil { // SQLite takes it for an empty database
			t.Fatal(err)
		}
		f(t, newSQL(t, catalog.DriverSQLite, path))
	})
	t.Run("postgres", func(t *testing.T) { f(t, newSQL(t, catalog.DriverPostgres, dbtest.Postgres(t).DSN)) })
	t.Run("mariadb", func(t *testing.T) { f(t, newSQL(t, catalog.DriverMySQL, dbtest.MariaDB(t).DSN)) })
}

func newSQL(t *testing.T, driver, dsn string) *sqlWorld {
	t.Helper()
	e := enginetest.New(t)
	enginetest.Apply(t, e, fmt.Sprintf(sqlDefinitions, driver, dsn))
	double := map[string]string{catalog.DriverSQLite: "REAL", catalog.DriverPostgres: "float8", catalog.DriverMySQL: "DOUBLE"}[driver]
	execute(t, e.Snapshot().Connection("db"), `DROP TABLE IF EXISTS people; DROP TABLE IF EXISTS other;
		CREATE TABLE people (id INTEGER, name TEXT, age `+double+`); CREATE TABLE other (a INTEGER);
		INSERT INTO people VALUES (276, 'Andrews', 63.0), (277, NULL, 45.5)`)
	s := service.New(e)
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	keys, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	if _, err := keys.Create(auth.CreateOptions{Name: "key", Services: []string{"closed"}, Import: "KEY"}); err != nil {
		t.Fatal(err)
	}
	return &sqlWorld{fronttest.Start(t, httpfront.Options{Dialects: dataiku.New(e, s, dataiku.Options{Keys: keys, Version: "test"}), Keys: keys}), driver}
}

// execute runs statements for good.
func execute(t *testing.T, def *catalog.Connection, text string) {
	t.Helper()
	db, err := sqlquery.Open(def, "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	plan, err := db.Script(text)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plan.Query(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
}

// TestQueryCases replays the published cases on every database.
func TestQueryCases(t *testing.T) {
	raw, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Name    string
			Request caseRequest
			Expect  struct {
				Status   int
				JSONPath map[string]any
				Absent   []string
			}
		}
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	everySQL(t, func(t *testing.T, w *sqlWorld) {
		n := 0
		for _, c := range file.Cases {
			if !strings.HasPrefix(c.Name, "query-") {
				continue
			}
			n++
			res := w.Do(fronttest.Request{Method: c.Request.Method, Target: c.Request.Path, Body: string(c.Request.JSON)})
			var body map[string]any
			if err := json.Unmarshal([]byte(res.Body), &body); err != nil || res.Status != 200 {
				t.Fatalf("%s: %d %s", c.Name, res.Status, res.Body)
			}
			for path, want := range c.Expect.JSONPath {
				if got := at(body, path); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s: %s is %v, want %v", c.Name, path, got, want)
				}
			}
			for _, path := range c.Expect.Absent {
				if got := at(body, path); got != nil {
					t.Errorf("%s: %s is %v", c.Name, path, got)
				}
			}
			if c.Name == "query-two-queries" && len(body["results"].([]any)) != 2 {
				t.Errorf("%s: %s", c.Name, res.Body)
			}
		}
		if n != 4 {
			t.Errorf("%d cases", n)
		}
	})
}

// at follows a path such as results[0].rows.
func at(v any, path string) any {
	for _, step := range strings.FieldsFunc(path, func(r rune) bool { return r == '.' || r == ']' || r == '[' }) {
		switch x := v.(type) {
		case map[string]any:
			v = x[step]
		case []any:
			var i int
			if _, err := fmt.Sscan(step, &i); err != nil || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// TestQuery asks in all the ways that callers do.
func TestQuery(t *testing.T) {
	everySQL(t, func(t *testing.T, w *sqlWorld) {
		f := func(method, target, body string, status int, want string) {
			t.Helper()
			res := w.Do(fronttest.Request{Method: method, Target: target, Body: body})
			if res.Status != status || !strings.HasPrefix(res.Body, want) {
				t.Errorf("%s %s %s: %d %s, want %s", method, target, body, res.Status, res.Body, want)
			}
			if status >= 400 {
				checkError(t, target, res)
			}
			if strings.Contains(res.Body, "127.0.0.1") || strings.Contains(res.Body, ".db") {
				t.Errorf("%s %s: the answer shows the DSN: %s", method, target, res.Body)
			}
		}
		find := "/public/api/v1/sql_svc/find%20me/query"
		kind := map[string]string{catalog.DriverSQLite: "INTEGER", catalog.DriverPostgres: "int4", catalog.DriverMySQL: "INT"}[w.driver]
		found := `{"results":[{"columns":[{"name":"id","type":"` + kind + `"}],"rows":[["276"]],"updatedRows":0}],"timing":{"preProcessing":`
		none := `{"results":[{"columns":[{"name":"id","type":"` + kind + `"}],"rows":[],"updatedRows":0}],`
		f("POST", find, `{"param1":60,"param2":"Andrews"}`, 200, found)
		f("POST", "/"+find+"/", `{"param1":"60","param2":"Andrews","more":[]}`, 200, found)
		f("GET", find+"/?param1=60&param2=Andrews", "", 200, found)
		f("GET", find+"?param2=x&param1=60&param2=Andrews", "", 200, found)
		f("POST", find, `{"param1":61,"param1":60.5,"param2":"Andrews"}`, 200, found)
		f("POST", find, `{"param1":NaN,"param2":"Andrews"}`, 200, none)
		f("POST", find, `{"param1":60,"param2":"Andrews' OR 1=1 --"}`, 200, none)
		f("GET", find+"?param1=60%3Fparam2%3DAndrews", "", 400, `{"errorType":"quiver.IllegalArgumentException","message":"Parameters are missing: param2. The queries have param1, param2."`)
		f("POST", find, `{"param1":60,"parm2":1}`, 400, `{"errorType":"quiver.IllegalArgumentException","message":"Parameters are missing: param2. The queries have param1, param2; none is called parm2."`)
		f("POST", find, ``, 400, `{"errorType":"quiver.IllegalArgumentException"`)
		f("POST", find, `[]`, 400, `{"errorType":"quiver.IllegalArgumentException","message":"'body' should be an object.`)
		f("POST", find, `{"param1":60,"param2":"Andrews"} x`, 400, `{"errorType":"quiver.IllegalArgumentException","message":"The body is not valid JSON`)
		f("PUT", find, `{}`, 405, `{"errorType":"quiver.MethodNotAllowedException"`)
		f("POST", "/public/api/v1/sql_svc/find%20me/predict", `{}`, 404, `{"errorType":"quiver.NotFoundException"`)
		all := `{"results":[{"columns":[{"name":"id","type":"` + kind + `"},{"name":"name","type":"`
		f("POST", "/public/api/v1/sql_svc/q/query", ``, 200, all)
		f("GET", "/public/api/v1/sql_svc/q/query/", ``, 200, all)
		f("POST", "/public/api/v1/sql_svc/q/query", ` {} `, 200, all)
		f("POST", "/public/api/v1/sql_svc/broken/query", ``, 500, `{"errorType":"quiver.InternalErrorException"`)
		f("POST", "/public/api/v1/sql_svc/ins/query", `{"a":null}`, 200, `{"results":[{"updatedRows":1}],"timing"`)
		f("POST", "/public/api/v1/closed/q/query", `{`, 401, `{"errorType":"quiver.NotAuthenticatedException"`)
		res := w.Do(fronttest.Request{Method: "POST", Target: "/public/api/v1/closed/q/query", Header: map[string]string{"Authorization": "Basic S0VZOg=="}})
		if res.Status != 200 || !strings.HasSuffix(res.Body, `"apiContext":{"serviceId":"closed","endpointId":"q","serviceGeneration":"v1"}}`) {
			t.Errorf("with a key: %d %s", res.Status, res.Body)
		}
	})
}
