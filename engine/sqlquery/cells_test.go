package sqlquery

import "testing"

// TestPostgresCells prints what PostgreSQL prints, under its own type names.
func TestPostgresCells(t *testing.T) {
	w := newPostgres(t)
	f := func(expr, kind, want string) {
		t.Helper()
		w.ask(w.plan(false, "SELECT "+expr+" AS v"), nil, "v:"+kind+" |"+want+" #0")
	}
	f(`9223372036854775807`, "int8", "9223372036854775807")
	f(`1::int2`, "int2", "1")
	f(`63::float8`, "float8", "63.0")
	f(`-0.1::float4`, "float4", "-0.1")
	f(`1e20::float8`, "float8", "1e+20")
	f(`'NaN'::float8`, "float8", "NaN")
	f(`63.50::numeric(10,2)`, "numeric", "63.50")
	f(`true`, "bool", "t")
	f(`'a"é'::varchar(20)`, "varchar", `a"é`)
	f(`'x'::char(3)`, "bpchar", "x  ")
	f(`'\x00ff'::bytea`, "bytea", `\x00ff`)
	f(`'2001-02-03 04:05:06.7'::timestamp`, "timestamp", "2001-02-03 04:05:06.7")
	f(`'2001-02-03'::date`, "date", "2001-02-03")
	f(`'{"a": 1}'::jsonb`, "jsonb", `{"a": 1}`)
	f(`ARRAY[1.5,NULL]::float8[]`, "_float8", "{1.5,NULL}")
	f(`'00000000-0000-0000-0000-000000000001'::uuid`, "uuid", "00000000-0000-0000-0000-000000000001")
	f(`'1 day'::interval`, "interval", "1 day")
	f(`NULL`, "text", "NULL")
	w.do(`CREATE TYPE mood AS ENUM ('ok')`)
	f(`'ok'::mood`, "mood", "ok")
	// Operators with question marks.
	p := w.plan(false, `SELECT '{"a": 1}'::jsonb ?? ? a, '{"a": 1}'::jsonb ??| ARRAY[?] b | k, k`)
	w.ask(p, tokens{"k": `"a"`}, `a:bool b:bool |t,t #0`)
	w.ask(p, tokens{"k": `"?"`}, `a:bool b:bool |f,f #0`)
}

// TestMariaDBCells prints what its driver gives.
func TestMariaDBCells(t *testing.T) {
	w := newMariaDB(t)
	w.do(`CREATE TABLE t (i BIGINT, u BIGINT UNSIGNED, f FLOAT, d DOUBLE, n DECIMAL(10,2), ok BOOLEAN, s VARCHAR(9), tx TEXT, b BLOB, bits BIT(9),
		at DATETIME(3), day DATE, tm TIME, y YEAR, e ENUM('a','b'), j JSON)`)
	w.do(`INSERT INTO t VALUES (-1, 18446744073709551615, 0.1, 63, 63.5, true, 'a"é', '\'', x'00ff', b'100000001',
		'2001-02-03 04:05:06.7', '2001-02-03', '-01:02:03', 2001, 'b', '{"a":1}')`)
	w.ask(w.plan(false, `SELECT * FROM t`), nil,
		`i:BIGINT u:UNSIGNED BIGINT f:FLOAT d:DOUBLE n:DECIMAL ok:TINYINT s:VARCHAR tx:TEXT b:BLOB bits:BIT at:DATETIME day:DATE tm:TIME y:YEAR e:ENUM j:TEXT `+
			`|-1,18446744073709551615,0.1,63.0,63.50,1,a"é,',\x00ff,257,2001-02-03 04:05:06.700,2001-02-03,-01:02:03,2001,b,{"a":1} #0`)
}
