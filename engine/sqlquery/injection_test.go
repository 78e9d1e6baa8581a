package sqlquery

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/engine/sqlquery/dbtest"
)

// endings are ways to get out of where a value stands; attacks are what would then be
// done to the tables of setUp.
var (
	endings = []string{
		"", "'", "''", `"`, "`", "\\", `\'`, `\\'`, `\"`, "')", "'))", `")`, "'; ", "');", "]", "*/", "/*", "-- ", "--\n", "#", "\n", "\r\n", "\x00", "\x00'", "$$", "$a$", "$a$;",
		"\u2019", "\u02bc", "\uff07", "\u2032", "\u201d", "\uff02", "\u00b4", "\uff1b", "\u037e", "\u2010\u2010 ", "\u00a0' ", "\u200b'", "\xbf'", "\xbf\x27", "\xc0\xa7", "%27", "%2527",
		"\\u0027", "&#39;", "0x27", "CHAR(39)", "{d '", "E'\\'", "U&'\\0027", "N'", "x'27'", "?", "??", "?'", "$1", ":a", "@a", "%s", "%d%n", "{0}", "${HOME}",
	}
	attacks = []string{
		"DROP TABLE users", "DELETE FROM users", "OR 1=1", "OR '1'='1", "UNION SELECT secret, secret FROM hidden --", "; UPDATE users SET name = 'x'; --",
		"; COMMIT; DROP TABLE hidden; --", "/**/OR/**/1=1/**/", "AND SLEEP(0) #", "|| (SELECT secret FROM hidden)",
	}
)

// corpus is at least 200 strings, each once.
func corpus() []string {
	seen := map[string]bool{}
	var all []string
	add := func(s string) {
		if !seen[s] {
			seen[s] = true
			all = append(all, s)
		}
	}
	for i, e := range endings {
		add(e)
		for n := range 4 { // not all pairs: every ending with four of the attacks
			add(e + " " + attacks[(i+n*3)%len(attacks)])
		}
	}
	for _, s := range []string{
		"admin'--", "admin' #", "' OR ''='", "'; EXEC xp_cmdshell('x'); --", "1; SELECT pg_sleep(0)", "' AND extractvalue(1, concat(0x7e, version())) AND '", "'||(SELECT 1)||'",
		"' INTO OUTFILE '/tmp/x", "'; ATTACH DATABASE '/tmp/x' AS x; --", "'; COPY users TO '/tmp/x'; --", "1e309", "NULL", "null", "true", "-0", "007", "0x10", "1_000", "Infinity", "NaN",
		"9223372036854775808", "1e-400", " 1 ", "1 OR 1", "1) OR (1", "a,b", "{\"a\":1}", "[1]", "\\x27", "\ufeff'", "\u202e'", "Straße\u0130ı", "🙂'", "_", "%", "%%'", "\\%",
		strings.Repeat("'", 1000), strings.Repeat("\\", 1001), strings.Repeat("A", 100_000) + "' OR 1=1 --", strings.Repeat("(", 500), strings.Repeat("' UNION SELECT ", 200),
	} {
		add(s)
	}
	return all
}

// confusions are values of other types than texts.
var confusions = []string{
	`0`, `-1`, `1.5`, `1e400`, `-1e400`, `1e-400`, `9223372036854775808`, `-9223372036854775809`, `18446744073709551616`, `123456789012345678901234567890`, `true`, `false`, `null`,
	`NaN`, `Infinity`, `-Infinity`, `[]`, `["' OR 1=1 --"]`, `{}`, `{"$ne":1}`, `{"a":"' OR 1=1 --"}`, `""`, `"\u0000"`, `"\ud800"`,
}

// TestInjection puts every string of the corpus into every place where a parameter can
// be, on every database: nothing changes but what the statement changes, and the value
// comes back as it went.
func TestInjection(t *testing.T) {
	all := corpus()
	if len(all) < 200 {
		t.Fatalf("%d strings", len(all))
	}
	everyDatabase(t, func(t *testing.T, w *world) { inject(t, w, all) }, "maxBytes: 1000000")
}

// TestInjectionModes does so on a MariaDB server where a backslash is an ordinary
// character and double quotes are for names.
func TestInjectionModes(t *testing.T) {
	admin := open(t, catalog.DriverMySQL, dbtest.MariaDB(t).DSN, "")
	mode := func(s string) { admin.do("SET GLOBAL sql_mode = '" + s + "'") }
	mode("NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT")
	defer mode("STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION") // as it is by default
	w := newMariaDB(t, "maxBytes: 1000000")
	w.ask(w.plan(false, `SELECT '\'', ? AS "a" | a`), tokens{"a": `"?"`}, `':VARCHAR a:CHAR |',? #0`)
	inject(t, w, corpus())
}

func inject(t *testing.T, w *world, all []string) {
	long := w.pick("TEXT", "TEXT", "LONGTEXT")
	w.do(`CREATE TABLE users (id INTEGER, name ` + long + `, note ` + long + `)`)
	w.do(`CREATE TABLE hidden (secret ` + long + `)`)
	w.do(`INSERT INTO users VALUES (1, 'ann', 'x'), (2, 'bob', 'y'), (3, 'eve', 'z')`)
	w.do(`INSERT INTO hidden VALUES ('hush')`)
	tables := w.pick(`SELECT count(*) FROM sqlite_schema`, `SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema()`,
		`SELECT count(*) FROM information_schema.tables WHERE table_schema = database()`)
	state := w.plan(false, `SELECT id, name, note FROM users ORDER BY id`, `SELECT secret FROM hidden`, tables)
	look := func() string {
		t.Helper()
		a, err := state.Query(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return show(a)
	}
	before := look()

	echo := w.plan(false, `SELECT ? a | {name: a, type: text}`)
	store := w.plan(false, `INSERT INTO users VALUES (9, ?, ?) | v, v`, `UPDATE users SET note = ? WHERE id = 9 AND name = ? | v, v`, `SELECT name, note FROM users WHERE id = 9 AND note = ? | v`)
	// Places where a value selects, and how many rows it may select at most: none of the
	// strings is a name.
	places := []struct {
		plan *Plan
		most int
	}{
		{w.plan(false, `SELECT name FROM users WHERE name = ? | v`), 0},
		{w.plan(false, `SELECT name FROM users WHERE name IN ('a', ?, ?) | v, v`), 0},
		{w.plan(false, `SELECT name FROM users WHERE (name = ? AND note = ?) OR (id = 0 AND note = ?) | v, v, v`), 0},
		{w.plan(false, `SELECT name FROM users WHERE name LIKE ? | v`), 3},
		{w.plan(false, `SELECT name FROM users WHERE name BETWEEN ? AND ? | v, v`), 0},
		{w.plan(false, `SELECT count(*) FROM users GROUP BY name HAVING min(note) = ? | v`), 0},
		{w.plan(false, `SELECT CASE WHEN name = ? THEN 'a' ELSE `+w.pick("?", "?::text", "?")+` END FROM users ORDER BY id LIMIT 3 | v, v`), 3},
		{w.plan(false, `SELECT u.name FROM users u JOIN hidden h ON h.secret = ? | v`), 0},
		{w.plan(false, `WITH x AS (SELECT name FROM users WHERE name = ?) SELECT * FROM x UNION ALL SELECT secret FROM hidden WHERE secret = ? | v, v`), 0},
		{w.plan(false, `DELETE FROM users WHERE name = ? | v`), 0},
		{w.plan(false, `SELECT name FROM users WHERE id = ? | {name: v, type: integer}`), 1},
		{w.plan(false, `SELECT name FROM users ORDER BY id LIMIT ? | {name: v, type: integer}`), 3},
		{w.plan(false, `SELECT name FROM users WHERE id = ? | {name: v, type: number}`), 1},
		{w.plan(false, `SELECT name FROM users WHERE id = ? | {name: v, type: boolean}`), 1},
	}
	if w.driver == catalog.DriverPostgres { // elsewhere a text that is no number is 0
		places = append(places, struct {
			plan *Plan
			most int
		}{w.plan(false, `SELECT name FROM users WHERE id = ? | v`), 1})
	}
	run := func(token string) {
		t.Helper()
		for i, p := range places {
			a, err := p.plan.Query(context.Background(), tokens{"v": token}.get)
			if err != nil {
				if fail.AsError(err).Code != fail.Malformed {
					t.Errorf("%s: place %d of %.80q: %v", w.driver, i, token, err)
				}
				continue
			}
			if n := a.Results[0].Rows(); n > p.most || a.Results[0].Updated != 0 {
				t.Errorf("%s: place %d of %.80q: %d rows, %d changed", w.driver, i, token, n, a.Results[0].Updated)
			}
		}
		if now := look(); now != before {
			t.Fatalf("%s: %.80q changed something:\n%s\nbefore\n%s", w.driver, token, now, before)
		}
	}
	for _, s := range all {
		token := string(codec.AppendQuoted(nil, []byte(s)))
		if !utf8.ValidString(s) {
			token = `"` + s + `"` // as a caller could send it who does not care
		}
		run(token)
		if !utf8.ValidString(s) || w.driver == catalog.DriverPostgres && strings.Contains(s, "\x00") {
			continue // which a database may refuse
		}
		want := fmt.Sprintf("%s #0", s)
		a, err := echo.Query(context.Background(), tokens{"a": token}.get)
		if err != nil || !strings.HasSuffix(show(a), "|"+want) {
			t.Errorf("%s: %.80q comes back as %.200q, %v", w.driver, s, show(a), err)
		}
		a, err = store.Query(context.Background(), tokens{"v": token}.get)
		if err != nil || !strings.HasSuffix(show(a), "|"+s+","+want) || a.Results[0].Updated != 1 || a.Results[1].Updated > 1 {
			t.Errorf("%s: %.80q is stored as %.200q, %v", w.driver, s, show(a), err)
		}
	}
	for _, token := range confusions {
		run(token)
	}
	if now := look(); now != before {
		t.Errorf("%s: something changed:\n%s", w.driver, now)
	}
	t.Logf("%s: %d strings and %d values of other types in %d places", w.driver, len(all), len(confusions), len(places)+5)
}
