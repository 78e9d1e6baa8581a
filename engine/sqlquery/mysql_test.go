package sqlquery

import "testing"

// TestMariaDBNumbers compares columns with numbers that were handed on as text: exactly,
// and with the index.
func TestMariaDBNumbers(t *testing.T) {
	w := newMariaDB(t)
	w.do(`CREATE TABLE t (i BIGINT PRIMARY KEY, n DECIMAL(30,10), d DOUBLE, ok BOOLEAN, at DATE)`)
	w.do(`INSERT INTO t VALUES (9007199254740993, 12345678901234567890.0000000001, 0.1, true, '2001-02-03'), (9007199254740992, 12345678901234567890, 60, false, NULL)`)
	f := func(where, token, want string) {
		t.Helper()
		w.ask(w.plan(false, `SELECT i FROM t WHERE `+where+` | v`), tokens{"v": token}, want)
	}
	f(`i = ?`, `9007199254740993`, `i:BIGINT |9007199254740993 #0`)
	f(`i = ?`, `"9007199254740992"`, `i:BIGINT |9007199254740992 #0`)
	f(`i > ?`, `9007199254740992`, `i:BIGINT |9007199254740993 #0`)
	f(`i IN (0, ?)`, `9007199254740993`, `i:BIGINT |9007199254740993 #0`)
	f(`n = ?`, `12345678901234567890.0000000001`, `i:BIGINT |9007199254740993 #0`)
	f(`d = ?`, `0.1`, `i:BIGINT |9007199254740993 #0`)
	f(`d > ?`, `6e1`, `i:BIGINT  #0`)
	f(`d >= ?`, `6e1`, `i:BIGINT |9007199254740992 #0`)
	f(`ok = ?`, `true`, `i:BIGINT |9007199254740993 #0`)
	f(`ok = ?`, `false`, `i:BIGINT |9007199254740992 #0`)
	f(`at = ?`, `"2001-02-03"`, `i:BIGINT |9007199254740993 #0`)
	w.ask(w.plan(false, `EXPLAIN SELECT i FROM t WHERE i = ? | v`), tokens{"v": `9007199254740993`},
		`id:UNSIGNED BIGINT select_type:VARCHAR table:VARCHAR type:VARCHAR possible_keys:VARCHAR key:VARCHAR key_len:VARCHAR ref:VARCHAR rows:VARCHAR Extra:VARCHAR |1,SIMPLE,t,const,PRIMARY,PRIMARY,8,const,1,Using index #0`)
}
