package codec

import (
	"bytes"
	"cmp"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// The bytes on disk, written by hand.
func TestKeyBytesArePinned(t *testing.T) {
	f := func(text, token, want string) {
		t.Helper()
		got, err := AppendKeyJSON([]byte("dst"), sqlType(t, text), []byte(token))
		if err != nil || string(got) != "dst"+string(unhex(t, want)) {
			t.Errorf("%s %s: %x, %v, want %s", text, token, got, err, want)
		}
	}
	f("bigint", "0", "8000000000000000")
	f("bigint", "36", "8000000000000024")
	f("bigint", `"36"`, "8000000000000024")
	f("bigint", "-1", "7fffffffffffffff")
	f("bigint", "9223372036854775807", "ffffffffffffffff")
	f("bigint", "-9223372036854775808", "0000000000000000")
	f("tinyint", "36", "8000000000000024")
	f("smallint", "36", "8000000000000024")
	f("int", "36", "8000000000000024")
	f("boolean", "true", "8000000000000001")
	f("boolean", "0", "8000000000000000")
	f("date", `"1970-01-01"`, "80000000")
	f("date", `"1970-01-02"`, "80000001")
	f("date", `"1969-12-31"`, "7fffffff")
	f("timestamp", `"1970-01-01 00:00:01"`, "80000000000f4240 0000")
	f("timestamp(9)", `"1969-12-31T23:59:59.999999001Z"`, "7fffffffffffffff 0001")
	f("timestamp(9)", `"1970-01-01 00:00:00.000001999"`, "8000000000000001 03e7")
	f("decimal(4,2)", "1.5", "01 0150")
	f("decimal(5,2)", "1.5", "01 000150")
	f("decimal(5,2)", "-1.5", "00 fffeaf")
	f("decimal(5,2)", "-999.99", "00 f66666")
	f("decimal(1,0)", "0", "01 00")
	f("string", `"ab"`, "6162 0001")
	f("string", `""`, "0001")
	f("string", `"\u0000a"`, "00ff 61 0001")
	f("string", "0", "30 0001")
	f("string", "-1.50", "2d312e3530 0001")
	f("string", "true", "74727565 0001")
	f("string", `"é"`, "c3a9 0001")
	f("string", `"\u00e9"`, "c3a9 0001")
	f("binary", `"MAA="`, "30 00ff 0001")
}

func TestKeysAccepted(t *testing.T) {
	same := func(text string, tokens ...string) {
		t.Helper()
		first, err := AppendKeyJSON(nil, sqlType(t, text), []byte(tokens[0]))
		if err != nil {
			t.Fatalf("%s %s: %v", text, tokens[0], err)
		}
		for _, token := range tokens[1:] {
			if got, err := AppendKeyJSON(nil, sqlType(t, text), []byte(token)); err != nil || !bytes.Equal(got, first) {
				t.Errorf("%s: %s is not the key %s: %x, %v", text, token, tokens[0], got, err)
			}
		}
	}
	same("bigint", "36", `"36"`, `"\u0033\u0036"`, `"036"`)
	same("bigint", "0", `"0"`, `"-0"`, "-0")
	same("boolean", "1", "true", `"true"`, `"TRUE"`, `"1"`)
	same("string", `"36"`, "36")
	same("string", `"a/"`, `"\u0061\/"`)
	same("decimal(10,2)", "1.5", "1.50", `"1.5"`, `"01.500"`, "15e-1", `"+1.5"`)
	same("decimal(10,2)", "0", "-0.00", `"-0"`)
	same("date", `"2022-01-01"`, `"2022-01-01 00:00:00"`, `"2022-01-01T00:00:00Z"`, `"2022-01-01T02:00:00+02:00"`)
	same("timestamp", `"2022-01-01 00:00:00"`, `"2022-01-01T00:00:00"`, `"2022-01-01T00:00:00.000Z"`, `"2022-01-01"`)
	same("timestamp(3)", `"2022-01-01 00:00:00.120"`, `"2022-01-01T00:00:00.12Z"`)
	same("varchar(3)", `"äöü"`, `"\u00e4\u00f6\u00fc"`)

	bad := func(text, expected string, tokens ...string) {
		t.Helper()
		for _, token := range tokens {
			got, err := AppendKeyJSON([]byte("dst"), sqlType(t, text), []byte(token))
			var e *KeyError
			if !errors.As(err, &e) || e.Expected != expected || e.Reason == "" || string(got) != "dst" {
				t.Errorf("%s %s: %x, %#v, want a *KeyError of %s", text, token, got, err, expected)
			}
		}
	}
	bad("bigint", "BIGINT", "", "abc", `"abc"`, "1.0", `"1.0"`, "1e1", "9223372036854775808", "-9223372036854775809", "true", "null", `""`, `" 1"`, `"1 "`,
		`"+1"`, "-", `"-"`, "[1]", "{}", `"`, `"1`, `"\ud800"`, "NaN")
	bad("tinyint", "TINYINT", "128", `"-129"`)
	bad("smallint", "SMALLINT", "32768")
	bad("int", "INT", "2147483648")
	bad("boolean", "BOOLEAN", "2", `"yes"`, `""`, "null")
	bad("string", "STRING", "null", "[]", `{"a":1}`, `"\ud800"`, `"a`, "NaN", "Infinity", "-Infinity", "x", `"`+strings.Repeat("a", MaxKeyText+1)+`"`)
	bad("varchar(3)", "STRING", `"abcd"`, "1234", `"äöüß"`, `"\u00e4\u00f6\u00fc\u00df"`)
	bad("binary", "BINARY", `"MA"`, "1", "true", `"`+strings.Repeat("AAAA", MaxKeyText)+`"`)
	bad("varbinary(1)", "BINARY", `"MDA="`)
	bad("decimal(4,2)", "DECIMAL", "100", "1.234", `"x"`, `""`, "true", "null")
	bad("date", "DATE", `"2022-01-01 00:00:01"`, `"2022-02-30"`, `"20220101"`, "18993", "1640995200000", `""`, `"x"`, "null", "true")
	bad("timestamp", "TIMESTAMP", `"2022-01-01 00:00:00.5"`, "1640995200", `"1640995200000"`, `""`, "null")
	bad("timestamp(3)", "TIMESTAMP", `"2022-01-01 00:00:00.1234"`)
	bad("double", "DOUBLE", "1", `"1"`)
	bad("array<int>", "ARRAY", "[1]", "1")

	if got, err := AppendKeyJSON(nil, fennelType(t, "Decimal[2]"), []byte("1.239")); err == nil {
		t.Errorf("a key was cut: %x", got)
	}
	if got, err := AppendKeyText([]byte("dst"), sqlType(t, "string"), []byte(`"a"`)); err != nil || string(got) != "dst\"a\"\x00\x01" {
		t.Errorf("AppendKeyText: %q, %v", got, err)
	}
}

func TestKeyTypeAllowed(t *testing.T) {
	for _, text := range []string{"tinyint", "bigint", "boolean", "string", "varchar(10)", "binary", "decimal(10,2)", "date", "timestamp(6)", "between(int,0,1)"} {
		if err := KeyTypeAllowed(sqlType(t, text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	for _, text := range []string{"float", "double", "array<int>", "map<string,int>", "struct<a:int>", "Embedding[2]"} {
		var e *KeyError
		if err := KeyTypeAllowed(sqlType(t, text)); !errors.As(err, &e) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// keyTypes are all that can be part of a key.
var keyTypes = []string{
	"bigint", "boolean", "string", "binary", "date", "timestamp", "timestamp(3)", "timestamp(9)", "decimal(1,0)", "decimal(5,2)", "decimal(8,8)",
}

// compareCells orders two cells as values, by other means than their keys.
func compareCells(tb testing.TB, t *Type, a, b []byte) int {
	tb.Helper()
	switch t.Kind {
	case KindString, KindBinary:
		x, ok1 := CellText(nil, a)
		y, ok2 := CellText(nil, b)
		if t.Kind == KindBinary {
			x, ok1 = CellBytes(nil, a)
			y, ok2 = CellBytes(nil, b)
		}
		if !ok1 || !ok2 {
			tb.Fatalf("no text: %s %s", a, b)
		}
		return bytes.Compare(x, y)
	case KindDate, KindTimestamp:
		return bytes.Compare(a, b) // four-digit years order as text
	case KindDecimal: // at one scale, so without its point it is an integer
		x, err1 := strconv.ParseInt(strings.Replace(string(a), ".", "", 1), 10, 64)
		y, err2 := strconv.ParseInt(strings.Replace(string(b), ".", "", 1), 10, 64)
		if err1 != nil || err2 != nil {
			tb.Fatalf("no decimals: %s %s", a, b)
		}
		return cmp.Compare(x, y)
	}
	x, ok1 := CellInt(a)
	y, ok2 := CellInt(b)
	if !ok1 || !ok2 {
		tb.Fatalf("no integers: %s %s", a, b)
	}
	return cmp.Compare(x, y)
}

func keyOfCells(tb testing.TB, types []*Type, cells [][]byte) []byte {
	tb.Helper()
	var key []byte
	for i, cell := range cells {
		var err error
		if key, err = AppendKeyCell(key, types[i], cell); err != nil {
			tb.Fatalf("%s of %s is no key: %v", cell, types[i].Text, err)
		}
	}
	return key
}

// Bytes order as values, one column after another, and no key begins another.
func TestKeysOrderAsValues(t *testing.T) {
	r := newRand(t)
	for range 20000 {
		n := 1 + r.IntN(3)
		types := make([]*Type, n)
		a, b := make([][]byte, n), make([][]byte, n)
		want := 0
		for i := range n {
			types[i] = sqlType(t, keyTypes[r.IntN(len(keyTypes))])
			a[i] = []byte(randomCell(r, types[i]))
			b[i] = []byte(randomCell(r, types[i]))
			if r.IntN(2) == 0 {
				b[i] = a[i]
			}
			if want == 0 {
				want = compareCells(t, types[i], a[i], b[i])
			}
		}
		ka, kb := keyOfCells(t, types, a), keyOfCells(t, types, b)
		if got := bytes.Compare(ka, kb); got != want {
			t.Fatalf("%s and %s compare %d, their keys %x and %x %d", a, b, want, ka, kb, got)
		}
		if want != 0 && (bytes.HasPrefix(ka, kb) || bytes.HasPrefix(kb, ka)) {
			t.Fatalf("keys of %s and %s begin alike: %x %x", a, b, ka, kb)
		}
	}
}

// What a client sends and what was stored meet: for every value that both rules take,
// the key of the token is the key of its cell.
func TestKeyOfCellIsKeyOfToken(t *testing.T) {
	r := newRand(t)
	taken := 0
	for range 50000 {
		ty := sqlType(t, keyTypes[r.IntN(len(keyTypes))])
		token := randomToken(r, ty)
		cell, _, err := AppendCellJSON(nil, ty, []byte(token))
		if err != nil || isNull(cell) {
			continue
		}
		want, err := AppendKeyJSON(nil, ty, []byte(token))
		if err != nil {
			continue
		}
		taken++
		got, err := AppendKeyCell([]byte("dst"), ty, cell)
		if err != nil || !bytes.Equal(got, append([]byte("dst"), want...)) {
			t.Fatalf("%s: token %s is key %x, its cell %s is %x, %v", ty.Text, token, want, cell, got, err)
		}
	}
	if taken < 5000 {
		t.Errorf("only %d values were taken by both", taken)
	}
}

// randomToken spells a random value of the type in one of the ways clients do.
func randomToken(r *rand.Rand, t *Type) string {
	cell := randomCell(r, t)
	switch r.IntN(6) {
	case 0:
		return string(AppendQuoted(nil, []byte(cell)))
	case 1:
		return strings.NewReplacer(" ", "T", `:00"`, `:00Z"`).Replace(cell)
	case 2:
		return strings.NewReplacer("a", `\u0061`, "0", `\u0030`).Replace(cell)
	case 3:
		return strings.TrimSuffix(cell, "0")
	case 4:
		return cell + "0"
	}
	return cell
}
