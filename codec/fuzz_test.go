package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

// Run one with: go test -fuzz=FuzzScanner -fuzztime=10s -fuzzminimizetime=1x ./codec

// depthOf is how deep valid JSON is nested.
func depthOf(text []byte) (deepest int) {
	depth, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}

func FuzzScanner(f *testing.F) {
	for text := range validJSON {
		f.Add([]byte(text))
	}
	f.Add([]byte(singleRequest))
	f.Add([]byte(batchEntries))
	f.Add([]byte(strings.Repeat("[", 65) + strings.Repeat("]", 65)))
	f.Fuzz(func(t *testing.T, text []byte) {
		want := json.Valid(text) && utf8.Valid(text) && depthOf(text) <= MaxJSONDepth
		s := NewScanner(text)
		raw, kind := s.Value()
		err := s.End()
		if (err == nil) != want {
			t.Fatalf("Value takes %q: %v, want %t", text, err, want)
		}
		var e *SyntaxError
		if err != nil && (!errors.As(err, &e) || e.Offset < 0 || e.Offset > len(text)) {
			t.Fatalf("error %#v", err)
		}
		if want && (!bytes.Equal(raw, bytes.Trim(text, " \t\r\n")) || kind == JSONInvalid) {
			t.Fatalf("Value of %q is %q, %v", text, raw, kind)
		}
		s = NewScanner(text)
		walk(&s, 0)
		err = s.End()
		if errors.As(err, &e) && e.Msg == errSurrogate.Error() {
			return
		}
		if (err == nil) != want {
			t.Fatalf("a walk takes %q: %v, want %t", text, err, want)
		}
	})
}

// FuzzNextMember: NextMember reads as NextField and Value do, the errors included.
func FuzzNextMember(f *testing.F) {
	for _, text := range []string{
		singleRequest, `{"id":12,"name":"x", "a" : "b","c":-1,"d":1.5,"e":0,"f":01}`, `{}`, `{"a":1`, `{"a":1,}`, `{"a":12 }`, `{"a":"\u00e4","\u00e4":1}`,
		`{"long name of a key":"and a long value behind it","ä":"ö"}`, "{\"a\":\"\x01\"}", "{\"a\":\"\xff\"}", `{"a":1}]`, `{"a":{"b":1},"c":[{}],"d":true,"e":null}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		one, two := NewScanner(text), NewScanner(text)
		one.Object()
		two.Object()
		for {
			name, value, kind := one.NextMember()
			wantName, ok := two.NextField()
			wantValue, wantKind := []byte(nil), JSONInvalid
			if ok {
				wantValue, wantKind = two.Value()
			}
			if kind != wantKind || kind != JSONInvalid && string(name) != string(wantName) || string(value) != string(wantValue) {
				t.Fatalf("%q: member %q %q %v, want %q %q %v", text, name, value, kind, wantName, wantValue, wantKind)
			}
			if kind == JSONInvalid {
				break
			}
		}
		if a, b := one.End(), two.End(); (a == nil) != (b == nil) || a != nil && a.Error() != b.Error() {
			t.Fatalf("%q: %v, want %v", text, a, b)
		}
	})
}

func FuzzParseRow(f *testing.F) {
	var w RowWriter
	for _, types := range [][]string{{"bigint"}, {"double", "string"}, {"string", "double", "bigint", "string", "double", "bigint"}} {
		w.Reset(schemaOf(f, types...))
		for _, ty := range types {
			switch ty {
			case "double":
				_ = w.Float(math.Inf(1))
			default:
				_ = w.Text("123")
			}
		}
		row, err := w.Row(nil, 5)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(row)
		wide := bytes.Clone(row)
		wide[1] |= flagWide
		f.Add(wide)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := ParseRow(b)
		if err != nil {
			if !errors.Is(err, ErrRow) {
				t.Fatal(err)
			}
			return
		}
		n := r.Columns()
		r.SchemaID()
		r.Time()
		var joined []byte
		for i := -1; i <= n; i++ {
			cell := r.Cell(i)
			if (cell != nil) != (i >= 0 && i < n) {
				t.Fatalf("Cell(%d) of %d is %q", i, n, cell)
			}
			if i > 0 && i < n {
				joined = append(joined, ',')
			}
			joined = append(joined, cell...)
			if sp := r.Special(i); sp > maxSpecial {
				t.Fatalf("special %d", sp)
			}
		}
		if whole := r.Run(0, n); len(whole) != len(joined) {
			t.Fatalf("Run is %q, the cells are %q", whole, joined)
		}
		r.Run(-1, n)
		r.Run(n, 0)
		r.Run(n/2, n+1)
	})
}

// fuzzTypes are the seeds of type texts.
var fuzzTypes = []string{
	"tinyint", "bigint", "float", "double", "decimal(10,2)", "decimal(65,30)", "boolean", "string", "varchar(3)", "binary", "varbinary(4)", "date",
	"timestamp", "timestamp(9)", "array<bigint>", "array<timestamp>", "struct<a:int,b:array<boolean>>", "map<string,double>", "Embedding[2]",
	"Optional[int]", "Decimal[3]", "List[Optional[float]]", "Dict[str, datetime]", "between(float, 0, 1.5, strict_min=True)",
	`oneof(str, ["a", 'b'])`, `regex(r"a\d+")`, "struct<str:date, x y:map<string,array<decimal(5,2)>>>",
}

func FuzzParseType(f *testing.F) {
	for _, text := range fuzzTypes {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, spelling := range []Spelling{SpellingSQL, SpellingFennel} {
			ty, err := ParseType(text, spelling)
			if err != nil {
				var e *TypeError
				if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(text) || !utf8.ValidString(err.Error()) {
					t.Fatalf("error %#v", err)
				}
				continue
			}
			if ty.Kind == KindInvalid || ty.Text == "" {
				t.Fatalf("%q is %+v", text, ty)
			}
			again, err := ParseType(ty.Text, spelling)
			if err != nil || !again.Equal(ty) || again.Text != ty.Text {
				t.Fatalf("%q is %+v, its text %+v, %v", text, ty, again, err)
			}
		}
		DetectSpelling([]string{text})
	})
}

func FuzzAppendCellJSON(f *testing.F) {
	for _, text := range fuzzTypes {
		for _, raw := range []string{
			"null", "1", "-20.0", "1e5", "0.5", `"1.5"`, "true", `"a\u00e9\ud83d\ude00"`, `"MA=="`, `"2022-01-31T23:59:59.123Z"`, "1577836800123",
			"[1,2]", `["2022-01-31"]`, `{"b":[true],"a":1}`, `"{\"a\":1.5}"`, "NaN", `"-inf"`, `"Mon, 31 Jan 2022 01:02:03 +0100"`, `""`,
		} {
			f.Add(text, []byte(raw))
		}
	}
	f.Fuzz(func(t *testing.T, text string, raw []byte) {
		if len(text) > 1000 {
			return
		}
		for _, spelling := range []Spelling{SpellingSQL, SpellingFennel} {
			ty, err := ParseType(text, spelling)
			if err != nil {
				return
			}
			for _, plain := range []bool{false, true} {
				var cell []byte
				var sp Special
				if plain {
					cell, sp, err = AppendCellText([]byte("dst"), ty, string(raw))
				} else {
					cell, sp, err = AppendCellJSON([]byte("dst"), ty, raw)
				}
				if !bytes.HasPrefix(cell, []byte("dst")) {
					t.Fatalf("dst became %q", cell)
				}
				cell = cell[3:]
				if err != nil {
					var v *ValueError
					if !errors.As(err, &v) || len(cell) > 0 || sp != None || !utf8.ValidString(err.Error()) {
						t.Fatalf("error %#v with cell %q", err, cell)
					}
					continue
				}
				if !json.Valid(cell) || !utf8.Valid(cell) || sp != None && (string(cell) != "null" || !ty.Floating()) {
					t.Fatalf("%s: %q became %q, special %d", text, raw, cell, sp)
				}
				if spelling == SpellingFennel {
					continue // NaN inside becomes null, which Fennel's rules refuse
				}
				again, sp2, err := AppendCellJSON(nil, ty, cell)
				if err != nil || !bytes.Equal(again, cell) || sp2 != None {
					t.Fatalf("%s: %q became %q, and that %q, %v", text, raw, cell, again, err)
				}
				key, err1 := AppendKeyJSON(nil, ty, raw)
				ofCell, err2 := AppendKeyCell(nil, ty, cell)
				if !plain && err1 == nil && !isNull(cell) && (err2 != nil || !bytes.Equal(key, ofCell)) {
					t.Fatalf("%s: token %q is key %x, its cell %s is %x, %v", text, raw, key, cell, ofCell, err2)
				}
			}
		}
	})
}

func FuzzKeyOrder(f *testing.F) {
	for i, pair := range [][2]string{
		{"1", "-1"},
		{"true", "false"},
		{`"a"`, `"a\u0000"`},
		{`"AAE="`, `"AA=="`},
		{`"2022-01-31"`, `"1969-12-31"`},
		{`"2022-01-31 23:59:59"`, `"1969-12-31 00:00:01"`},
		{`"2022-01-31 23:59:59.5"`, `"2022-01-31T23:59:59.501Z"`},
		{`"0001-01-01 00:00:00.000000001"`, `"9999-12-31 23:59:59.999999999"`},
		{"1", "-9"},
		{"1.5", "-1.50"},
		{"0.00000001", "-0"},
		{"1\x80", "1"},
	} {
		f.Add(i, []byte(pair[0]), []byte(pair[1]))
	}
	f.Fuzz(func(t *testing.T, which int, a, b []byte) {
		ty := sqlType(t, keyTypes[uint(which)%uint(len(keyTypes))])
		var cells, keys [2][]byte
		for i, token := range [][]byte{a, b} {
			key, err := AppendKeyJSON([]byte("dst"), ty, token)
			var k *KeyError
			if err != nil && (!errors.As(err, &k) || !utf8.ValidString(err.Error()) || string(key) != "dst") {
				t.Fatalf("error %#v with key %q", err, key)
			}
			cell, _, err2 := AppendCellJSON(nil, ty, token)
			if err != nil || err2 != nil || isNull(cell) {
				return
			}
			cells[i], keys[i] = cell, key[3:]
		}
		want := compareCells(t, ty, cells[0], cells[1])
		if got := bytes.Compare(keys[0], keys[1]); got != want {
			t.Fatalf("%s: %s and %s compare %d, their keys %x and %x %d", ty.Text, cells[0], cells[1], want, keys[0], keys[1], got)
		}
		if want != 0 && (bytes.HasPrefix(keys[0], keys[1]) || bytes.HasPrefix(keys[1], keys[0])) {
			t.Fatalf("%s: keys begin alike: %x %x", ty.Text, keys[0], keys[1])
		}
	})
}

func FuzzQuote(f *testing.F) {
	f.Add([]byte(`"a\u00e9\n"`))
	f.Add([]byte("a\xffb\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		quoted := AppendQuoted(nil, b)
		if !json.Valid(quoted) || !utf8.Valid(quoted) {
			t.Fatalf("%q quoted is %q", b, quoted)
		}
		back, err := AppendUnquoted(nil, quoted)
		if err != nil || utf8.Valid(b) && !bytes.Equal(back, b) {
			t.Fatalf("%q became %q, %v", b, back, err)
		}
		// As a token: what encoding/json reads, or an error.
		text, err := AppendUnquoted(nil, b)
		var want string
		wantErr := json.Unmarshal(b, &want)
		if err == nil && (wantErr != nil || want != string(text)) {
			t.Fatalf("%q is %q, want %q, %v", b, text, want, wantErr)
		}
		trimmed := bytes.Trim(b, " \t\r\n")
		if err != nil && wantErr == nil && len(trimmed) == len(b) && b[0] == '"' && utf8.Valid(b) && !errors.Is(err, errSurrogate) {
			t.Fatalf("%q is refused: %v", b, err)
		}
	})
}

// FuzzDecodeEnvelope: what encoding/json takes, DecodeEnvelope takes and finds the same
// in it, but for invalid UTF-8 and values nested too deep; what it takes beyond that is
// for the Scanner to refuse, in the values that are looked at.
func FuzzDecodeEnvelope(f *testing.F) {
	for _, text := range []string{
		singleRequest, `{"entries":` + batchEntries + `}`, `null`, `[]`, `{}`, `{"Entries":1}`, `{"entries":1,"entries":[2]}`, `{"options":null} x`,
		`{"\u0065ntries":"a\u00e4"}`, `{"entries":{"a":[1,{"b":"\ud800"}]},"x":01}`, "{\"x\":\"\xff\"}", ` { "options" : true , "y":-1.5e3 } `,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var got struct {
			Entries Raw `json:"entries"`
			Options Raw `json:"options"`
		}
		err := DecodeEnvelope(text, &got)
		var want map[string]json.RawMessage
		if !utf8.Valid(text) {
			if !errors.Is(err, ErrJSON) {
				t.Fatalf("%q is taken: %v", text, err)
			}
			return
		}
		if json.Unmarshal(text, &want) != nil || depthOf(text) > MaxJSONDepth {
			if err != nil && !errors.Is(err, ErrJSON) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		if err != nil {
			t.Fatalf("%q is refused: %v", text, err)
		}
		for name, raw := range map[string]Raw{"entries": got.Entries, "options": got.Options} {
			if !bytes.Equal(raw, want[name]) {
				t.Fatalf("%q: %s is %q, want %q", text, name, raw, want[name])
			}
		}
	})
}
