package sqlquery

import (
	"strings"
	"testing"

	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// pick returns what a test expects of a database.
func (w *world) pick(sqlite, postgres, mysql string) string {
	switch w.driver {
	case catalog.DriverSQLite:
		return sqlite
	case catalog.DriverPostgres:
		return postgres
	}
	return mysql
}

// TestQuery runs what the contract says of queries on every database.
func TestQuery(t *testing.T) {
	everyDatabase(t, func(t *testing.T, w *world) {
		integer, real, text := w.pick("INTEGER", "int4", "INT"), w.pick("REAL", "float8", "DOUBLE"), w.pick("TEXT", "text", "TEXT")
		w.do(`CREATE TABLE people (id INTEGER, name TEXT, age ` + w.pick("REAL", "float8", "DOUBLE") + `)`)
		w.do(`INSERT INTO people VALUES (276, 'Andrews', 63), (277, 'Ünal ''?''', 45.5), (278, NULL, NULL)`)

		// Cells are texts, nulls are nulls, and there are columns without rows.
		all := w.plan(false, `SELECT id, name, age FROM people ORDER BY id`)
		head := "id:" + integer + " name:" + text + " age:" + real + " "
		w.ask(all, nil, head+`|276,Andrews,63.0|277,Ünal '?',45.5|278,NULL,NULL #0`)
		w.ask(w.plan(false, `SELECT id, name, age FROM people WHERE id < 0`), nil, head+` #0`)

		// Numbers and texts of numbers find the same.
		by := w.plan(false, `SELECT id FROM people WHERE age > ? AND id = ? | a, i`)
		for _, args := range []tokens{{"a": `60`, "i": `276`}, {"a": `"60"`, "i": `"276"`}, {"a": `6.0e1`, "i": `276`}, {"a": `60`, "i": `276`, "other": `1`}} {
			w.ask(by, args, `id:`+integer+` |276 #0`)
		}
		w.ask(by, tokens{"a": `NaN`, "i": `276`}, `id:`+integer+`  #0`)
		w.ask(by, tokens{"a": `null`, "i": `276`}, `id:`+integer+`  #0`)
		w.refused(by, tokens{"a": `60`}, fail.Malformed, `Parameter "i" is missing`)

		// One name may stand at several places, and in several queries.
		w.ask(w.plan(false, `SELECT count(*) n FROM people WHERE id = ? OR id = ? | i, i`, `SELECT name FROM people WHERE id = ? | i`), tokens{"i": `276`},
			`n:`+w.pick("INTEGER", "int8", "BIGINT")+" |1 #0\nname:"+text+` |Andrews #0`)

		// Nothing is committed by itself, everything with postCommit.
		insert := `INSERT INTO people (id, name) VALUES (?, ?) | i, n`
		count := w.plan(false, `SELECT count(*) n FROM people WHERE id = 300`)
		n := `n:` + w.pick("INTEGER", "int8", "BIGINT") + ` |`
		w.ask(w.plan(false, insert, `SELECT name FROM people WHERE id = 300`), tokens{"i": `300`, "n": `"x"`}, " #1\nname:"+text+" |x #0")
		w.ask(count, nil, n+"0 #0")
		w.ask(w.plan(true, insert), tokens{"i": `300`, "n": `"x"`}, " #1")
		w.ask(count, nil, n+"1 #0")
		w.ask(w.plan(true, `DELETE FROM people WHERE id = ? | i`), tokens{"i": `300`}, " #1")
		w.ask(count, nil, n+"0 #0")

		// Several statements: the last SELECT gets the parameters and answers.
		w.ask(w.plan(false, `INSERT INTO people (id) VALUES (301); SELECT count(*) n FROM people WHERE id > ?; DELETE FROM people WHERE id = 301; -- | i`),
			tokens{"i": `300`}, n+"1 #2")
		w.ask(w.plan(false, `DELETE FROM people; INSERT INTO people (id) VALUES (?), (?) | a, b`), tokens{"a": `1`, "b": `2`}, " #5")
		w.ask(count, nil, n+"0 #0")

		// A temporary table is there for the queries of its call, and only these.
		two := w.plan(true, `CREATE TEMPORARY TABLE tmp (p INTEGER)`, `INSERT INTO tmp VALUES (?) | p`, `SELECT p FROM tmp WHERE p = ? | p`)
		for range 3 {
			w.ask(two, tokens{"p": `1`}, " #0\n #1\np:"+integer+` |1 #0`)
		}

		// What is declared is checked.
		typed := w.plan(false, `SELECT name FROM people WHERE id = ? LIMIT ? | i, {name: n, type: integer}`)
		w.ask(typed, tokens{"i": `276`, "n": `"1"`}, `name:`+text+` |Andrews #0`)
		w.refused(typed, tokens{"i": `276`, "n": `"1 OR 1=1"`}, fail.Malformed, `Parameter "n" is of type integer`)

		// What a value did wrong is the caller's fault, what the query did is not.
		w.do(`CREATE TABLE one (id INTEGER PRIMARY KEY, x INTEGER NOT NULL)`)
		w.do(`INSERT INTO one VALUES (1, 1)`)
		w.refused(w.plan(true, `INSERT INTO one VALUES (?, 1) | i`), tokens{"i": `1`}, fail.Malformed, w.pick("UNIQUE", "one_pkey", "Duplicate"))
		w.refused(w.plan(true, `INSERT INTO one VALUES (2, ?) | i`), tokens{"i": `null`}, fail.Malformed, w.pick("NOT NULL", "null value", "cannot be null"))
		w.refused(w.plan(false, `SELECT * FROM nowhere`), nil, fail.ReadFailed, "nowhere")
		w.refused(w.plan(false, `SELEC 1`), nil, fail.ReadFailed, "")
		w.ask(all, nil, head+`|276,Andrews,63.0|277,Ünal '?',45.5|278,NULL,NULL #0`)
	})
}

// TestLimits ends answers that are too large, and says so.
func TestLimits(t *testing.T) {
	everyDatabase(t, func(t *testing.T, w *world) {
		series := w.pick(`WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM s WHERE n < 1000000) SELECT n FROM s LIMIT ?`,
			`SELECT n FROM generate_series(1, 1000000) n LIMIT ?`, `SELECT seq n FROM seq_1_to_1000000 LIMIT ?`)
		p := w.plan(false, series+" | {name: n, type: integer}")
		if a, err := p.Query(t.Context(), tokens{"n": `100`}.get); err != nil || a.Results[0].Rows() != 100 {
			t.Errorf("%v", err)
		}
		w.refused(p, tokens{"n": `101`}, fail.TooLarge, `more than 100 rows, which is the most that connection "db" allows (maxRows)`)
		w.refused(p, tokens{"n": `1000000`}, fail.TooLarge, `more than 100 rows`)
		long := w.plan(false, `SELECT ? a | {name: a, type: text}`)
		if a, err := long.Query(t.Context(), tokens{"a": `"` + strings.Repeat("x", 1000) + `"`}.get); err != nil || len(a.Results[0].cells) != 1000 {
			t.Errorf("%v", err)
		}
		w.refused(long, tokens{"a": `"` + strings.Repeat("x", 1001) + `"`}, fail.TooLarge, `more than 1000 bytes, which is the most that connection "db" allows (maxBytes)`)
		both := w.plan(false, `SELECT ? a | {name: a, type: text}`, `SELECT ? a | {name: a, type: text}`)
		w.refused(both, tokens{"a": `"` + strings.Repeat("x", 501) + `"`}, fail.TooLarge, `more than 1000 bytes`)
		w.ask(w.plan(false, `SELECT ? a | {name: a, type: text}`), tokens{"a": `"x"`}, `a:`+w.pick("TEXT", "text", "CHAR")+` |x #0`)
	}, "maxRows: 100", "maxBytes: 1000")
}

// TestReadOnly refuses to change anything, whatever the endpoint says.
func TestReadOnly(t *testing.T) {
	everyDatabase(t, func(t *testing.T, w *world) {
		w.do(`CREATE TABLE t (a INTEGER)`)
		r := w.again("readOnly: true")
		r.ask(r.plan(false, `SELECT a FROM t WHERE a = ? | a`), tokens{"a": `1`}, `a:`+w.pick("INTEGER", "int4", "INT")+`  #0`)
		empty := `a:` + w.pick("INTEGER", "int4", "INT") + "  #0"
		r.ask(r.plan(false, `SELECT a FROM t`, `SELECT a FROM t`), nil, empty+"\n"+empty)
		for _, sql := range []string{`INSERT INTO t VALUES (1)`, `UPDATE t SET a = 1`, `DELETE FROM t`, `DROP TABLE t`, `CREATE TABLE u (a INTEGER)`} {
			r.refused(r.plan(false, sql), nil, fail.ReadFailed, w.pick("readonly", "read-only", "READ ONLY"))
		}
		w.ask(w.plan(false, `SELECT count(*) n FROM t`), nil, `n:`+w.pick("INTEGER", "int8", "BIGINT")+` |0 #0`)
	})
}
