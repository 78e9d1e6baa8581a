package sqltext

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

var everyDialect = []Dialect{SQLite, Postgres, MySQL}

// TestMarks counts the parameters of texts.
func TestMarks(t *testing.T) {
	f := func(d Dialect, text string, want int) {
		t.Helper()
		all, err := Split(text, d)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		n := 0
		for _, s := range all {
			n += len(s.Marks)
			for _, m := range s.Marks {
				if s.Text[m] != '?' || text[s.Offset+m] != '?' {
					t.Errorf("%s: a parameter at %d of %q", text, m, s.Text)
				}
			}
		}
		if n != want {
			t.Errorf("%s: %d parameters, want %d", text, n, want)
		}
	}
	for _, d := range everyDialect {
		f(d, `SELECT ?`, 1)
		f(d, `SELECT ? , ? WHERE a=?`, 3)
		f(d, `SELECT '?', "?", '?''?', "?""?", ?`, 1)
		f(d, "SELECT ? -- ?\n, ?", 2)
		f(d, `SELECT ? /* ? ' */, ?`, 2)
		f(d, `SELECT '--', ?, '/*', ?`, 2)
		f(d, `SELECT 1-1, é?`+"\n", 1)
		f(d, `SELECT 'a;?'; SELECT ?;`, 1)
		f(d, ``, 0)
		f(d, ` -- only a comment ?`, 0)
	}
	f(SQLite, `SELECT [?], [a'b], '\', ?, `+"`?`", 1)
	f(SQLite, `SELECT x'61', ? /* no end ?`, 1)
	f(SQLite, `SELECT 1 /* /* */ ?`, 1)
	f(Postgres, `SELECT '\', ?, E'\'?', e'?\\', ?`, 2)
	f(Postgres, `SELECT $$?$$, $a$ ? $$ ? $a$, ?`, 1)
	f(Postgres, `SELECT a$b$, ?, c$b$ || '?'`, 1)
	f(Postgres, `SELECT /* /* ? */ ? */ ?`, 1)
	f(Postgres, `SELECT j ?? 'a', j ??| array['?'], j ??& ?, ????, ???`, 2)
	f(Postgres, `SELECT ?::int, ARRAY[?]`, 2)
	f(MySQL, `SELECT '\'?', "\"?", ?`, 1)
	f(MySQL, "SELECT ? # ?\n, ? --?\n", 3)
	f(MySQL, "SELECT @a := ?, `?`", 1)
	f(MySQL, "SELECT 1 /*+ hint ? */, ?", 1)
}

// TestSplit takes texts of several statements apart.
func TestSplit(t *testing.T) {
	f := func(d Dialect, text string, want ...string) {
		t.Helper()
		all, err := Split(text, d)
		var got []string
		for _, s := range all {
			got = append(got, s.Text)
			if text[s.Offset:s.Offset+len(s.Text)] != s.Text {
				t.Errorf("%s: %q is not at %d", text, s.Text, s.Offset)
			}
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v; want %q", text, got, err, want)
		}
	}
	for _, d := range everyDialect {
		f(d, `a`, `a`)
		f(d, ` a ; b `, `a`, `b`)
		f(d, `;;a;;`, `a`)
		f(d, "-- x;\na /*;*/ b; -- y", "a /*;*/ b")
		f(d, `a ';' ";" b;c`, `a ';' ";" b`, `c`)
	}
	f(Postgres, `a $$;$$; E'\';'; b`, `a $$;$$`, `E'\';'`, `b`)
	f(SQLite, `a '\'; b`, `a '\'`, `b`)
}

// TestFaults says what is refused and where.
func TestFaults(t *testing.T) {
	f := func(d Dialect, text string, at int, want string) {
		t.Helper()
		_, err := Split(text, d)
		var e *Error
		if !errors.As(err, &e) || e.Offset != at || !strings.Contains(e.Text, want) {
			t.Errorf("%s: %v, want %q at %d", text, err, want, at)
		}
	}
	for _, d := range everyDialect {
		f(d, `SELECT 'a`, 7, "a string that begins here does not end")
		f(d, `SELECT "a`, 7, "a quoted name that begins here does not end")
		f(d, `SELECT ?1`, 7, "a plain ?, not as ?1")
		f(d, `SELECT ?abc`, 7, "a plain ?, not as ?abc")
		f(d, "SELECT \x00", 7, "byte 0")
		f(d, "SELECT 'a\x00'", 9, "byte 0")
	}
	f(SQLite, `SELECT :a`, 7, "not as :a")
	f(SQLite, `SELECT @a`, 7, "not as @a")
	f(SQLite, `SELECT $a`, 7, "not as $a")
	f(SQLite, `SELECT [a`, 7, "does not end")
	f(SQLite, `SELECT ??`, 7, "nothing between")
	f(MySQL, `SELECT ??`, 7, "nothing between")
	f(MySQL, `SELECT /*!50000 ? */`, 7, "comments that are executed")
	f(MySQL, `SELECT /*M! ? */`, 7, "comments that are executed")
	f(MySQL, `SELECT /* `, 7, "does not end")
	f(Postgres, `SELECT $1`, 7, "not as $1")
	f(Postgres, `SELECT $a$ $A$`, 7, "that begins with $a$ here does not end")
	f(Postgres, `SELECT /* /* */`, 7, "does not end")
}

// TestReceiver finds the statement that gets the parameters.
func TestReceiver(t *testing.T) {
	f := func(text string, want int) {
		t.Helper()
		all, err := Split(text, Postgres)
		if got := Receiver(all); err != nil || got != want {
			t.Errorf("%s: %d, want %d (%v)", text, got, want, err)
		}
	}
	f(`select 1`, 0)
	f(`select 1; select 2`, 1)
	f(`select 1; select 2; delete from a`, 1)
	f(`update a set b=1; delete from a`, 1)
	f(`create table x(); (select 1); drop table x`, 1)
	f(`drop table x; with a as (select 1) select * from a for update; drop table y`, 1)
	f(`select 1; with a as (delete from b returning *) select * from a`, 0)
	f(`select 1; with a as (select replace(x, 'a', 'b') from c) select * from a`, 1)
	f(`values (1); drop table x`, 0)
}

// TestNumbered writes parameters as PostgreSQL wants them.
func TestNumbered(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		all, err := Split(text, Postgres)
		if err != nil || all[0].Numbered() != want {
			t.Errorf("%s: %q, want %q (%v)", text, all[0].Numbered(), want, err)
		}
	}
	f(`a`, `a`)
	f(`a?`, `a $1 `)
	f(`a=? and b ??| ? or '??' = ?`, `a= $1  and b ?|  $2  or '??' =  $3 `)
	f(`??? `, `? $1 `)
}

// FuzzSplit reads any text: it never panics, its pieces are the whole text, and a
// question mark in quotes or comments is no parameter.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{
		`SELECT '?' FROM "?" WHERE a = ?; -- ?`, `E'\'?' $$?$$ ?? ?| ?`, `/* /* ? */ */ [?] # ?`, "`?` @a :b $1 ?1", "U&'\\0061' é?", `"a""?" 'a''?'`,
	} {
		for d := range everyDialect {
			f.Add(s, uint8(d))
		}
	}
	f.Fuzz(func(t *testing.T, text string, which uint8) {
		d := everyDialect[int(which)%len(everyDialect)]
		tokens, err := Scan(text, d)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Offset < 0 || e.Offset >= len(text) {
				t.Fatalf("%v", err)
			}
			return
		}
		at, marks := 0, 0
		for _, token := range tokens {
			if token.From != at || token.To <= at {
				t.Fatalf("a token from %d to %d behind %d", token.From, token.To, at)
			}
			at = token.To
			piece := text[token.From:token.To]
			switch token.Kind {
			case Mark:
				marks++
				if piece != "?" {
					t.Fatalf("a parameter %q", piece)
				}
			case Operator:
				if piece != "??" || d != Postgres {
					t.Fatalf("an operator %q", piece)
				}
			case Word, Number, Other, End:
				if strings.Contains(piece, "?") {
					t.Fatalf("a question mark in %q", piece)
				}
			case Quoted:
				// Whatever surrounds it, what is quoted stays one token without parameters.
				if again, err := Scan(piece, d); err != nil || len(again) != 1 || again[0].Kind != Quoted {
					t.Fatalf("%q alone is %v, %v", piece, again, err)
				}
			}
		}
		if at != len(text) {
			t.Fatalf("the tokens end at %d of %d", at, len(text))
		}
		all, err := Split(text, d)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			marks -= len(s.Marks)
			if d == Postgres {
				if n := strings.Count(s.Numbered(), "$") - strings.Count(s.Text, "$"); n != len(s.Marks) {
					t.Fatalf("%d numbers for %d parameters", n, len(s.Marks))
				}
			}
		}
		if marks != 0 {
			t.Fatalf("%d parameters are lost", marks)
		}
	})
}
