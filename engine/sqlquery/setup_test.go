package sqlquery

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/engine/sqlquery/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// everyDatabase runs a test on all three, each empty.
func everyDatabase(t *testing.T, f func(t *testing.T, w *world), more ...string) {
	for _, x := range []struct {
		driver string
		make   func(testing.TB, ...string) *world
	}{{catalog.DriverSQLite, newSQLite}, {catalog.DriverPostgres, newPostgres}, {catalog.DriverMySQL, newMariaDB}} {
		t.Run(x.driver, func(t *testing.T) { f(t, x.make(t, more...)) })
	}
}

var serial atomic.Int64

// newPostgres makes an empty schema.
func newPostgres(t testing.TB, more ...string) *world {
	t.Helper()
	dsn, name := dbtest.Postgres(t).DSN, fmt.Sprintf("t%d", serial.Add(1))
	open(t, catalog.DriverPostgres, dsn, "").do("CREATE SCHEMA " + name)
	return open(t, catalog.DriverPostgres, dsn+"&search_path="+name, "", more...)
}

// newMariaDB makes an empty database.
func newMariaDB(t testing.TB, more ...string) *world {
	t.Helper()
	dsn, name := dbtest.MariaDB(t).DSN, fmt.Sprintf("t%d", serial.Add(1))
	open(t, catalog.DriverMySQL, dsn, "").do("CREATE DATABASE " + name)
	return open(t, catalog.DriverMySQL, strings.TrimSuffix(dsn, "test")+name, "", more...)
}

// world is a database with a connection to it.
type world struct {
	t      testing.TB
	driver string
	dsn    string
	head   string // of the connection, as YAML
	dir    string
	db     *Database
	def    *catalog.Connection
}

// newSQLite makes an empty SQLite database; more are further settings of its connection.
func newSQLite(t testing.TB, more ...string) *world {
	dir := t.TempDir()
	s, err := dialSQLite(filepath.Join(dir, "a.db"), 0x6, false) // read, write and create
	if err != nil {
		t.Fatal(err)
	}
	if err := s.(*sqlite).exec(context.Background(), "PRAGMA user_version = 1"); err != nil {
		t.Fatal(err)
	}
	s.close()
	return open(t, catalog.DriverSQLite, "a.db", dir, more...)
}

// open makes a world of a database that exists.
func open(t testing.TB, driver, dsn, dir string, more ...string) *world {
	t.Helper()
	w := &world{t: t, driver: driver, dsn: dsn, dir: dir, head: fmt.Sprintf("kind: Connection\nname: db\ndriver: %s\ndsn: %q\n%s\n", driver, dsn, strings.Join(more, "\n"))}
	snap := w.snapshot("")
	w.def = snap.Connection("db")
	var err error
	if w.db, err = Open(w.def, dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.db.Close)
	return w
}

// again opens another connection to the same database, with other settings.
func (w *world) again(more ...string) *world {
	w.t.Helper()
	return open(w.t, w.driver, w.dsn, w.dir, more...)
}

func (w *world) snapshot(more string) *catalog.Snapshot {
	w.t.Helper()
	c, err := catalog.Open(w.t.TempDir())
	if err != nil {
		w.t.Fatal(err)
	}
	snap, _, err := c.Prepare([]catalog.File{{Name: "t.yaml", Text: []byte(w.head + more)}}, false)
	if err != nil {
		w.t.Fatal(err)
	}
	return snap
}

// plan makes an endpoint of queries, each "sql | parameter, parameter".
func (w *world) plan(commit bool, queries ...string) *Plan {
	w.t.Helper()
	text := fmt.Sprintf("---\n{kind: Service, name: s}\n---\nkind: Generation\nservice: s\nname: g\nendpoints:\n  - name: e\n    type: sql\n    connection: db\n    postCommit: %v\n    queries:\n", commit)
	for _, q := range queries {
		sql, names, _ := strings.Cut(q, " | ")
		text += fmt.Sprintf("      - {sql: %q, parameters: [%s]}\n", sql, names)
	}
	return w.db.Plan(w.snapshot(text).Generation("s", "g").Endpoints[0].SQL)
}

// tokens are values of parameters, as JSON.
type tokens map[string]string

func (m tokens) get(name string) ([]byte, bool) {
	s, ok := m[name]
	return []byte(s), ok
}

// show prints results: columns, rows and counts.
func show(a Answer) string {
	var b strings.Builder
	for i := range a.Results {
		r := &a.Results[i]
		for _, c := range r.Columns {
			fmt.Fprintf(&b, "%s:%s ", c.Name, c.Type)
		}
		for row := range r.Rows() {
			for column := range r.Columns {
				sep := ","
				if column == 0 {
					sep = "|"
				}
				if text, null := r.Cell(row, column); null {
					fmt.Fprintf(&b, "%sNULL", sep)
				} else {
					fmt.Fprintf(&b, "%s%s", sep, text)
				}
			}
		}
		fmt.Fprintf(&b, " #%d\n", r.Updated)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// ask runs a plan and compares what it gives.
func (w *world) ask(p *Plan, args tokens, want string) {
	w.t.Helper()
	a, err := p.Query(context.Background(), args.get)
	if err != nil {
		w.t.Errorf("%s: %v", w.driver, err)
		return
	}
	if got := show(a); got != want {
		w.t.Errorf("%s:\n%s\nwant\n%s", w.driver, got, want)
	}
}

// refused runs a plan that must fail.
func (w *world) refused(p *Plan, args tokens, code fail.Code, want string) {
	w.t.Helper()
	_, err := p.Query(context.Background(), args.get)
	if err == nil || fail.AsError(err).Code != code || !strings.Contains(fail.AsError(err).Text, want) {
		w.t.Errorf("%s: %v, want %q with code %d", w.driver, err, want, code)
	}
}

// do runs a statement for good.
func (w *world) do(sql string) {
	w.t.Helper()
	if _, err := w.plan(true, sql).Query(context.Background(), tokens{}.get); err != nil {
		w.t.Fatalf("%s: %v", sql, err)
	}
}
