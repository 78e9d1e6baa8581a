package codec

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// validJSON holds texts and whether they are JSON.
var validJSON = map[string]bool{
	`null`: true, ` true `: true, "\t\r\n false": true, `0`: true, `-0`: true, `10`: true, `-1.5e+10`: true, `1E5`: true, `0.1`: true, `0e0`: true,
	`""`: true, `"a"`: true, `"\u00e9\n\/"`: true, `"é😀"`: true, `"\ud800"`: true, "\"\x7f\"": true,
	`[]`: true, `[ ]`: true, `{}`: true, `{ }`: true, `[1,2]`: true, ` [ 1 , [ ] , { } ] `: true, `{"a":1,"a":2}`: true, `{"a":{"b":[{"c":null}]},"d":""}`: true,
	``: false, ` `: false, `nul`: false, `nulll`: false, `tru`: false, `True`: false, `01`: false, `-`: false, `+1`: false, `.5`: false, `5.`: false,
	`1e`: false, `1e+`: false, `0x1`: false, `--1`: false, `1 2`: false, `NaN`: false, `Infinity`: false, `-Infinity`: false, `-I`: false,
	`"`: false, `"a`: false, `"\"`: false, `"\x"`: false, `"\u12"`: false, `"\u12g4"`: false, "\"\n\"": false, "\"\x00\"": false, `'a'`: false, "\"\xff\"": false,
	`[`: false, `]`: false, `[1`: false, `[1,`: false, `[1,]`: false, `[,1]`: false, `[1 2]`: false, `[1}`: false, `{`: false, `}`: false, `{"a"`: false,
	`{"a":`: false, `{"a":1`: false, `{"a":1,`: false, `{"a":1,}`: false, `{,}`: false, `{a:1}`: false, `{"a" 1}`: false, `{"a":1 "b":2}`: false,
	`{"a":1]`: false, `{1:2}`: false, `{null:1}`: false, "\ufeff1": false, "\x00": false, "1\x00": false, `[1]]`: false, `/**/1`: false, "\u00a01": false,
	`[[1],{"a":[2,{"b":3}]},4]`: true, `[[1],{"a":[2,{"b":3]},4]`: false, `{"a":[}]`: false,
}

// walk reads a whole text the way callers do, container by container.
func walk(s *Scanner, depth int) {
	switch s.Peek() {
	case JSONObject:
		if depth%3 == 2 {
			s.Value()
			return
		}
		s.Object()
		for _, ok := s.NextField(); ok; _, ok = s.NextField() {
			walk(s, depth+1)
		}
	case JSONArray:
		s.Array()
		for s.NextElement() {
			walk(s, depth+1)
		}
	default:
		s.Value()
	}
}

func TestScannerTakesJSON(t *testing.T) {
	for text, want := range validJSON {
		if got := json.Valid([]byte(text)) && utf8.ValidString(text); got != want {
			t.Errorf("the test is wrong about %q", text)
		}
		s := NewScanner([]byte(text))
		raw, kind := s.Value()
		err := s.End()
		if (err == nil) != want {
			t.Errorf("Value of %q: %v", text, err)
		}
		if want && string(raw) != strings.Trim(text, " \t\r\n") {
			t.Errorf("Value of %q = %q", text, raw)
		}
		if err != nil && (kind != JSONInvalid) != (raw != nil) {
			t.Errorf("Value of %q = %q, %v", text, raw, kind)
		}
		if strings.Contains(text, `\ud800`) {
			continue
		}
		s = NewScanner([]byte(text))
		walk(&s, 0)
		if err := s.End(); (err == nil) != want {
			t.Errorf("walk over %q: %v", text, err)
		}
	}
}

func TestScannerKinds(t *testing.T) {
	f := func(text string, want JSONKind) {
		t.Helper()
		s := NewScanner([]byte(text))
		if got := s.Peek(); got != want {
			t.Errorf("Peek of %s = %v, want %v", text, got, want)
		}
		if _, got := s.Value(); got != want {
			t.Errorf("Value of %s is %v, want %v", text, got, want)
		}
	}
	f(" null", JSONNull)
	f("true", JSONBool)
	f("false", JSONBool)
	f("-1", JSONNumber)
	f(`"x"`, JSONString)
	f("[1]", JSONArray)
	f(" {}", JSONObject)
	f("", JSONInvalid)
	f("x", JSONInvalid)
	if JSONNumber.String() != "number" || JSONKind(99).String() != "nothing" {
		t.Error("wrong names of kinds")
	}
}

func TestScannerFields(t *testing.T) {
	s := NewScanner([]byte(` { "id1" : 36 , "\u0069d\n" : "x" , "" : [1, {"y":2}] , "in":{"a":[],"b":null} } `))
	var got []string
	s.Object()
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		if string(name) == "in" {
			s.Object()
			for inner, ok := s.NextField(); ok; inner, ok = s.NextField() {
				raw, kind := s.Value()
				got = append(got, string(name)+"."+string(inner)+"="+string(raw)+kind.String())
			}
			continue
		}
		raw, kind := s.Value()
		got = append(got, string(name)+"="+string(raw)+kind.String())
	}
	want := "id1=36number|id\n=\"x\"string|=[1, {\"y\":2}]array|in.a=[]array|in.b=nullnull"
	if err := s.End(); err != nil || strings.Join(got, "|") != want {
		t.Errorf("fields %q, %v\nwant %q", strings.Join(got, "|"), err, want)
	}
}

func TestScannerErrors(t *testing.T) {
	f := func(text string, offset int, msg string, read func(s *Scanner)) {
		t.Helper()
		s := NewScanner([]byte(text))
		read(&s)
		// The first error sticks: nothing more is read.
		if _, ok := s.NextField(); ok || s.NextElement() || s.Object() || s.Array() || s.Peek() != JSONInvalid {
			t.Errorf("%s: reading goes on after an error", text)
		}
		if raw, kind := s.Value(); raw != nil || kind != JSONInvalid {
			t.Errorf("%s: Value after an error = %s", text, raw)
		}
		err := s.End()
		var e *SyntaxError
		if !errors.As(err, &e) || e.Offset != offset || !strings.Contains(e.Msg, msg) || !errors.Is(s.Err(), err) {
			t.Errorf("%s: error %v, want %q at %d", text, err, msg, offset)
		}
	}
	value := func(s *Scanner) { s.Value() }
	f("", 0, "unexpected end", value)
	f("  x", 2, "expected a value", value)
	f("[1,x]", 3, "expected a value", value)
	f(`{"a":1 "b"}`, 7, "comma", value)
	f(`{"a" 1}`, 5, "colon", value)
	f(`{1}`, 1, "name", value)
	f(`["abc\q"]`, 5, "escape", value)
	f("[\"a\x01\"]", 3, "control", value)
	f("[\"a\xff\"]", 3, "UTF-8", value)
	f("[1e]", 3, "number", value)
	f("1 x", 2, "after the value", func(s *Scanner) { s.Value(); _ = s.End() })
	f("1", 0, "expected an object", func(s *Scanner) { s.Object() })
	f("{", 0, "expected an array", func(s *Scanner) { s.Array() })
	f("[1", 2, "unexpected end", func(s *Scanner) { s.Array(); s.NextElement(); s.Value(); s.NextElement() })
	f("[1]x", 1, "not closed", func(s *Scanner) { s.Array(); s.NextElement(); _ = s.End() })
	f("]", 0, "unexpected end of an array", func(s *Scanner) { s.NextElement() })
	f(`{"a":1}`, 5, "comma", func(s *Scanner) { s.Object(); s.NextField(); s.first = false; s.NextField() })
	f(`{"\ud800":1}`, 1, "surrogate", func(s *Scanner) { s.Object(); s.NextField() })

	deep := strings.Repeat("[", MaxJSONDepth) + strings.Repeat("]", MaxJSONDepth)
	s := NewScanner([]byte(deep))
	s.Value()
	if err := s.End(); err != nil {
		t.Errorf("%d levels: %v", MaxJSONDepth, err)
	}
	f("["+deep+"]", MaxJSONDepth, "nested", value)
	f("["+deep+"]", MaxJSONDepth, "nested", func(s *Scanner) { s.Array(); s.NextElement(); s.Value() })
	f("["+deep+"]", MaxJSONDepth, "nested", func(s *Scanner) {
		for s.Array() {
			s.NextElement()
		}
	})
	objects := strings.Repeat(`{"a":`, MaxJSONDepth) + "1" + strings.Repeat("}", MaxJSONDepth)
	s = NewScanner([]byte(objects))
	s.Value()
	if err := s.End(); err != nil {
		t.Errorf("%d objects: %v", MaxJSONDepth, err)
	}
}

func TestScannerNaN(t *testing.T) {
	f := func(text string, want bool) {
		t.Helper()
		for _, allow := range []bool{false, true} {
			s := NewScanner([]byte(text))
			s.AllowNaN(allow)
			_, kind := s.Value()
			if err := s.End(); (err == nil) != (want && allow) || err == nil && kind != kindOf(text[0]) {
				t.Errorf("%s, allowed %t: %v, %v", text, allow, kind, err)
			}
		}
	}
	f("NaN", true)
	f("Infinity", true)
	f("-Infinity", true)
	f(`{"a":[NaN,-Infinity]}`, true)
	f("nan", false)
	f("+Infinity", false)
	f("-NaN", false)
	f("Infinit", false)
	f("NaNN", false)
}

func TestScannerNamesWithoutEscapesAliasTheText(t *testing.T) {
	text := []byte(`{"id1":1}`)
	s := NewScanner(text)
	s.Object()
	name, _ := s.NextField()
	if &name[0] != &text[2] {
		t.Error("the name was copied")
	}
}

// Strings are read eight bytes at a time: whatever stands where must not matter.
func TestScannerStringsOfEveryShape(t *testing.T) {
	for _, what := range []string{"", "x", "\"", "\\", `\"`, `\\`, `\u00e9`, `\u00e`, "\n", "\x1f", "\x00", "\x7f", "é", "\xff", "\xc3", "\xe2\x80", "😀", "!", "#", "[", "]"} {
		for before := range 18 {
			for after := range 18 {
				for _, tail := range []string{"", " ", `,"tail of more than eight bytes"`} {
					text := "[\"" + strings.Repeat("a", before) + what + strings.Repeat("b", after) + "\"" + tail + "]"
					want := json.Valid([]byte(text)) && utf8.ValidString(text)
					s := NewScanner([]byte(text))
					s.Value()
					if err := s.End(); (err == nil) != want {
						t.Fatalf("%q: %v, want %t", text, err, want)
					}
					token := []byte(text[1 : len(text)-1-len(tail)])
					unquoted, err := AppendUnquoted(nil, token)
					var back string
					wantErr := json.Unmarshal(token, &back)
					if (err == nil) != (wantErr == nil && want) || err == nil && string(unquoted) != back {
						t.Fatalf("AppendUnquoted(%q) = %q, %v, want %q, %v", token, unquoted, err, back, wantErr)
					}
				}
			}
		}
	}
}

// TestScannerNumbersInArrays holds the short ways of Value and Int through arrays of
// numbers against the standard library, on arrays of almost-numbers.
func TestScannerNumbersInArrays(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	elements := []string{
		"0", "-0", "7", "-12", "0.5", "-10.25", "1e3", "1.5E-2", "123456789012345678", "1234567890123456789", "999999999999999999999",
		"01", "-", "1.", ".5", "-01", "1.e3", "+1", "1x", "", "null", `"1"`, "[1,2]", "[", "NaN", "1 2",
	}
	commas := []string{",", ",", ",", " ,", ", ", "\n,\t", ",,", ""}
	for range 20_000 {
		text := "["
		for i := range random.IntN(6) {
			if i > 0 {
				text += commas[random.IntN(len(commas))]
			}
			text += elements[min(random.IntN(len(elements)), random.IntN(len(elements)))]
		}
		text += []string{"]", "]", "]", "]", "}", ""}[random.IntN(6)]
		want := json.Valid([]byte(text))
		s := NewScanner([]byte(text))
		if s.Value(); (s.End() == nil) != want {
			t.Fatalf("seed %d: Value of %q: %v, want %t", seed, text, s.End(), want)
		}
		s = NewScanner([]byte(text))
		s.Array()
		for s.NextElement() {
			before := s
			v, ok := s.Int()
			raw, _ := before.Value()
			n, err := strconv.ParseInt(string(raw), 10, 64)
			if want && ok != (err == nil && len(strings.TrimPrefix(string(raw), "-")) <= 18) || ok && (n != v || s.i != before.i) {
				t.Fatalf("seed %d: Int reads %d (%t) where there is %q in %q", seed, v, ok, raw, text)
			}
			s = before
		}
		if (s.End() == nil) != want {
			t.Fatalf("seed %d: a walk with Int through %q: %v, want %t", seed, text, s.End(), want)
		}
	}
}
