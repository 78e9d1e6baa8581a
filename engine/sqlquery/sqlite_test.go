package sqlquery

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// TestSQLiteCells prints every kind of value.
func TestSQLiteCells(t *testing.T) {
	w := newSQLite(t)
	w.do(`CREATE TABLE t (i INTEGER, r REAL, s VARCHAR(20), d TIMESTAMP, b BLOB, n, ok BOOLEAN)`)
	w.do(`INSERT INTO t VALUES (9223372036854775807, 63, 'é"', '2001-02-03T04:05:06Z', x'00ff', 1.5, 1), (NULL, NULL, NULL, NULL, NULL, NULL, NULL)`)
	w.ask(w.plan(false, `SELECT *, i+0 e, max(s,'') FROM t`), nil,
		`i:INTEGER r:REAL s:VARCHAR(20) d:TIMESTAMP b:BLOB n:REAL ok:BOOLEAN e:INTEGER max(s,''):TEXT `+
			`|9223372036854775807,63.0,é",2001-02-03T04:05:06Z,\x00ff,1.5,1,9223372036854775807,é"|NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL #0`)
	w.ask(w.plan(false, `SELECT 1e20, -0.5, 1e-7, 1e999, 0.1+0.2, 123456789012345.0, '', NULL`), nil,
		`1e20:REAL -0.5:REAL 1e-7:REAL 1e999:REAL 0.1+0.2:REAL 123456789012345.0:REAL '':TEXT NULL:NULL `+
			`|1e+20,-0.5,1e-07,+Inf,0.30000000000000004,123456789012345.0,,NULL #0`)
	w.ask(w.plan(false, `SELECT i FROM t WHERE 0`), nil, `i:INTEGER  #0`)
}

// TestSQLiteChanges sees a table change under a prepared statement.
func TestSQLiteChanges(t *testing.T) {
	w := newSQLite(t)
	w.do(`CREATE TABLE t (a INTEGER)`)
	w.do(`INSERT INTO t VALUES (1)`)
	p := w.plan(false, `SELECT * FROM t`)
	w.ask(p, nil, `a:INTEGER |1 #0`)
	w.do(`ALTER TABLE t ADD COLUMN b TEXT DEFAULT 'x'`)
	w.ask(p, nil, `a:INTEGER b:TEXT |1,x #0`)
	for range maxCompiled + 10 { // more statements than are kept
		w.ask(w.plan(false, `SELECT a`+strings.Repeat(" ", len(p.queries))+` FROM t`), nil, `a:INTEGER |1 #0`)
		p.queries = append(p.queries, query{})
	}
}

// TestSQLiteReadOnly refuses to change anything.
func TestSQLiteReadOnly(t *testing.T) {
	w := newSQLite(t)
	w.do(`CREATE TABLE t (a INTEGER)`)
	r := open(t, catalog.DriverSQLite, "a.db", w.dir, "readOnly: true")
	r.ask(r.plan(false, `SELECT count(*) n FROM t`), nil, `n:INTEGER |0 #0`)
	for _, sql := range []string{`INSERT INTO t VALUES (1)`, `DROP TABLE t`, `CREATE TEMP TABLE x (a)`, `VACUUM`} {
		r.refused(r.plan(false, sql), nil, fail.ReadFailed, "SQLite: ")
	}
	w.ask(w.plan(false, `SELECT count(*) n FROM t`), nil, `n:INTEGER |0 #0`)
}

// TestSQLiteLocked waits for another connection's transaction until the call's time is
// over.
func TestSQLiteLocked(t *testing.T) {
	w := newSQLite(t, "timeout: 100ms")
	w.do(`CREATE TABLE t (a INTEGER)`)
	s, err := dialSQLite(filepath.Join(w.dir, "a.db"), 0x2, false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	exec := func(text string) {
		t.Helper()
		if err := s.(*sqlite).exec(context.Background(), text); err != nil {
			t.Fatal(err)
		}
	}
	exec(`BEGIN IMMEDIATE`)
	insert := w.plan(true, `INSERT INTO t VALUES (1)`)
	w.refused(insert, nil, fail.Timeout, "connection \"db\" allows 100ms")
	done := make(chan bool)
	time.AfterFunc(20*time.Millisecond, func() {
		exec(`COMMIT`)
		close(done)
	})
	w.ask(insert, nil, ` #1`)
	<-done
}

// TestSQLiteFiles finds files, and never makes one.
func TestSQLiteFiles(t *testing.T) {
	dir := t.TempDir()
	f := func(dsn, want string) {
		t.Helper()
		_, err := Open(&catalog.Connection{Name: "c", Driver: catalog.DriverSQLite, DSN: dsn}, dir)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v, want %q", dsn, err, want)
		}
	}
	f("secret.db", "there is no such SQLite file")
	f("/secret/secret.db", "there is no such SQLite file")
	f("../secret.db", "stays inside")
	f("${QUIVER_NOT_SET}/secret.db", "environment variable QUIVER_NOT_SET")
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("there is %v now (%v)", left, err)
	}
}
