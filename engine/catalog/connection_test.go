package catalog

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"quiver/engine/fail"
)

const connectionText = `kind: Connection
name: titanic
driver: sqlite
dsn: hush/${HUSH}.db
pool: {max: 3, idle: 10s}
---
{kind: Service, name: svc, mapping: {v1: 1}}
---
kind: Generation
service: svc
name: v1
endpoints:
  - name: filter
    type: sql
    connection: titanic
    queries:
      - {sql: 'SELECT 1; SELECT * FROM t WHERE a > ? OR b = ?', parameters: [a, {name: b, type: integer}]}
`

func connectionFile(text string) []File { return []File{{Name: "c.yaml", Text: []byte(text)}} }

// TestConnection defines, changes, lists and removes a connection; its DSN is shown
// nowhere.
func TestConnection(t *testing.T) {
	dir := t.TempDir()
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	apply := func(text string) Diff {
		t.Helper()
		next, diff, err := c.Prepare(connectionFile(text), false)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Commit(next); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(diff.String(), "hush") {
			t.Errorf("the difference shows a secret:\n%s", diff)
		}
		return diff
	}
	apply(connectionText)
	x := c.Current().Connection("titanic")
	e := c.Current().Generation("svc", "v1").Endpoints[0].SQL
	switch {
	case x.DSN != "hush/${HUSH}.db" || x.Pool.Max != 3 || x.Pool.Idle != 10*time.Second || x.Pool.Queue != 100 || x.MaxRows != 10_000:
		t.Errorf("%+v", x)
	case e.Connection != x || len(e.Queries) != 1 || len(e.Queries[0].Statements) != 2 || e.Queries[0].Receiver != 1:
		t.Errorf("%+v", e)
	case e.Queries[0].Parameters[1] != SQLParameter{"b", SQLInteger}:
		t.Errorf("%+v", e.Queries[0].Parameters)
	}

	// What is listed can be applied again and changes nothing, but for a DSN there is no
	// other way to keep.
	var listed strings.Builder
	for _, d := range c.Current().Definitions("", "", "") {
		b, err := json.Marshal(d)
		if err != nil || strings.Contains(string(b), "hush") || strings.Contains(string(b), "HUSH") {
			t.Errorf("%s (%v)", b, err)
		}
		listed.WriteString("---\n" + string(b) + "\n")
	}
	if diff := apply(listed.String()); !diff.Empty() {
		t.Errorf("%s", diff)
	}
	if _, _, err := c.Prepare(connectionFile(strings.ReplaceAll(listed.String(), "titanic", "other")), false); err == nil || !strings.Contains(err.Error(), "write it out") {
		t.Errorf("a hidden DSN of a new connection: %v", err)
	}
	if diff := apply(strings.Replace(connectionText, "hush", "hush2", 1)); !strings.Contains(diff.String(), "dsn changed") {
		t.Errorf("%s", diff)
	}
	if now := c.Current().Generation("svc", "v1"); now.Endpoints[0].SQL.Connection == x {
		t.Error("the generation keeps the old connection")
	}

	// It is there after a restart, and cannot be removed while it is used.
	if c, err = Open(dir); err != nil || c.Current().Connection("titanic").DSN != "hush2/${HUSH}.db" {
		t.Fatalf("%v", err)
	}
	if _, _, err := c.PrepareRemove(KindConnection, "", "titanic", 0, false); err == nil || fail.AsError(err).Code != fail.Conflict {
		t.Errorf("a connection in use: %v", err)
	}
	next, _, err := c.PrepareRemove(KindConnection, "", "titanic", 0, true)
	if err != nil {
		t.Fatal(err)
	}
	if g := next.Generation("svc", "v1"); g.Broken == "" || g.Endpoints[0].SQL.Connection != nil {
		t.Errorf("%+v", g)
	}
}

// TestConnectionFile takes the file that stands beside a definition.
func TestConnectionFile(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	files := []File{
		{Name: "d/c.yaml", Text: []byte("{kind: Connection, name: a, driver: sqlite, dsn: x/a.db}")},
		{Name: "d/x/a.db", Text: []byte("content"), Attached: true},
	}
	next, _, err := c.Prepare(files, false)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := next.Connection("a").File.Bytes(); err != nil || string(b) != "content" {
		t.Errorf("%q, %v", b, err)
	}
	if err := c.Commit(next); err != nil {
		t.Fatal(err)
	}
	files[1].Text = []byte("other")
	if _, diff, err := c.Prepare(files, false); err != nil || !strings.Contains(diff.String(), "file changed") {
		t.Errorf("%s, %v", diff, err)
	}
}

// TestConnectionFaults has one fault a case.
func TestConnectionFaults(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := func(old, with, place, want string) {
		t.Helper()
		if !strings.Contains(connectionText, old) {
			t.Fatalf("the definitions lack %q", old)
		}
		_, _, err := c.Prepare(connectionFile(strings.Replace(connectionText, old, with, 1)), false)
		if err == nil || !strings.Contains(err.Error(), "c.yaml:"+place+": "+want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v\nwant %s %q", with, err, place, want)
		}
	}
	f("driver: sqlite", "driver: oracle", "3:9", `unknown driver "oracle"; this version has sqlite, postgres and mysql`)
	f("dsn: hush/${HUSH}.db", "dsn: [hush]", "4:6", "expected text of at most")
	f("dsn: hush/${HUSH}.db", "dsn: 5", "4:6", "expected text of at most")
	f("${HUSH}", "${HUSH", "4:6", "an environment variable is written ${NAME}")
	f("${HUSH}", "${HU-SH}", "4:6", "an environment variable is written ${NAME}")
	f("max: 3", "max: 0", "5:13", "0 is not between 1 and 1000")
	f("idle: 10s", "idle: 0s", "5:22", "")
	f("idle: 10s", "size: 1", "5:16", `unknown key "size" in a pool`)
	f("connection: titanic", "connection: titanik", "15:17", `connection "titanik" does not exist; did you mean "titanic"?`)
	f("    connection: titanic\n", "", "13:5", `an endpoint has no "connection"`)
	f("[a, {name", "[{name", "17:77", "the query has 2 ? and 1 parameters")
	f("[a, {name", "[a, c, {name", "17:77", "the query has 2 ? and 3 parameters")
	f("type: integer", "type: int", "17:97", `unknown type "int"; this version has integer, number, text and boolean`)
	f("SELECT 1;", "SELECT ?;", "17:23", "only the last SELECT of a query takes parameters")
	f("SELECT 1;", "SELECT ?1;", "17:23", "parameters are written as a plain ?, not as ?1")
	f("SELECT 1;", "COMMIT;", "17:16", "COMMIT is not for queries")
	f("SELECT 1;", `SELECT "1;`, "17:23", "a quoted name that begins here does not end")
	f("'SELECT 1; SELECT * FROM t WHERE a > ? OR b = ?'", "'-- nothing'", "17:15", "the query holds no statement")
	f("    queries:\n      - {sql", "    postCommit: yes please\n    queries:\n      - {sql", "16:17", "expected true or false")
	f("type: sql", "type: lookup", "13:5", `an endpoint has no "enrich"`)
}

// TestReadOnlyFaults refuses what makes no sense for a connection that only reads.
func TestReadOnlyFaults(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := func(old, with, want string) {
		t.Helper()
		text := strings.Replace(strings.Replace(connectionText, "pool:", "readOnly: true\npool:", 1), old, with, 1)
		if _, _, err := c.Prepare(connectionFile(text), false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %q", with, err, want)
		}
	}
	f("SELECT 1;", "PRAGMA query_only = 0;", "PRAGMA is not allowed: connection titanic only reads")
	f("    queries:", "    postCommit: true\n    queries:", "there is nothing to commit")
}

// TestExpand puts environment variables into DSNs.
func TestExpand(t *testing.T) {
	t.Setenv("QUIVER_A", "x$y${z}")
	f := func(dsn, want, missing string) {
		t.Helper()
		if got, lacks := Expand(dsn, os.LookupEnv); lacks != missing || missing == "" && got != want {
			t.Errorf("%s: %q lacks %q; want %q, %q", dsn, got, lacks, want, missing)
		}
	}
	f("a", "a", "")
	f("u:${QUIVER_A}@h/$d", "u:x$y${z}@h/$d", "") // what is put in is not looked at again
	f("${QUIVER_NOT_SET}${QUIVER_A}", "", "QUIVER_NOT_SET")
}
