package catalog

import (
	"fmt"
	"strings"
	"testing"
)

// TestPlaces finds byte n of a value in the text of a document. The text marks the
// place where it is expected with ‸.
func TestPlaces(t *testing.T) {
	f := func(text, key string, n int) {
		t.Helper()
		want := strings.Index(text, "‸")
		c := &chunk{file: &File{}, text: strings.Replace(text, "‸", "", 1), before: 10}
		var out collector
		c.parse(&out)
		if out.count() > 0 || want < 0 {
			t.Fatalf("%q: %v", text, out.err())
		}
		if got := c.place(step(c.root, key), n); got != c.placeOf(want) {
			t.Errorf("%q, byte %d: got %v, want %v", text, n, got, c.placeOf(want))
		}
	}
	f("a: ‸plain", "a", -1)
	f("a: ‸plain", "a", 0)
	f("a: pl‸ain", "a", 2)
	f("a: plain‸", "a", 5)
	f("a: plain‸", "a", 50)
	f("a: é‸é", "a", 2)
	f("a: ‸'x''y'", "a", -1)
	f("a: '‸x''y'", "a", 0)
	f("a: 'x''‸y'", "a", 2)
	f("a: 'x‸''y'", "a", 1)
	f(`a: ‸"x"`, "a", -1)
	f(`a: "‸x"`, "a", 0)
	f(`a: "\t‸x"`, "a", 1)
	f(`a: "\x41‸x"`, "a", 1)
	f(`a: "\u0041‸x"`, "a", 1)
	f(`a: "\u00e9‸x"`, "a", 2)
	f(`a: "\U0001F600‸x"`, "a", 4)
	f(`a: "\"\\‸x"`, "a", 2)
	f(`a: "\ ‸x"`, "a", 1)
	// Behind escapes, behind what looks alike, behind comments, over lines.
	f("\"\\u0063\": \"b\\tb\" # b\nb: ‸b", "b", -1)
	f("{x: \"\\t\\t\\t\\\"\", é: 1, b: ‸[b]}", "b", -1)
	f("x: |\n  b: b\n\n  b\ny: >-\n  b\nb: ‸b\n", "b", -1)
	f("x: b\n  b\n  b\nb: ‸{b: b}\n", "b", -1)
	f("x: 1\r\n\r\nb: ‸b\r\n", "b", -1)
	f("b:\n  ‸c: 1\n", "b", -1)
	f("b:\n  ‸- c\n", "b", -1)
}

// TestNumbers: what is a number and what is text is what YAML 1.2 says.
func TestNumbers(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		c := &chunk{file: &File{}, text: "a: " + text}
		var out collector
		c.parse(&out)
		n := step(c.root, "a")
		got, isNumber := numberOf(n)
		if word, isText := textOf(n); isText == isNumber {
			t.Errorf("%s: text %t, number %t", text, isText, isNumber)
		} else if isText {
			got = fmt.Sprintf("%q", word)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
		r := &reader{in: c, out: &out}
		if b, ok := r.appendJSON(nil, n); !ok || string(b) != want {
			t.Errorf("%s as JSON: %s, want %s", text, b, want)
		}
	}
	f("0", "0")
	f("-0", "-0")
	f("+12", "12")
	f("007", "7")
	f("1.50", "1.50")
	f("1.", "1")
	f(".5", "0.5")
	f("-.5e3", "-0.5e3")
	f("1e5", "1e5")
	f("1E+400", "1E+400")
	f("99999999999999999999999", "99999999999999999999999")
	f("123456789012345678901.5", "123456789012345678901.5")
	f("0x1F", "31")
	f("0o17", "15")
	f("0_", `"0_"`)
	f("1_000", `"1_000"`)
	f("0b11", `"0b11"`)
	f("1.2.3", `"1.2.3"`)
	f("+", `"+"`)
	f(".", `"."`)
	f("e5", `"e5"`)
	f("2022-01-01", `"2022-01-01"`)
	f("12:30", `"12:30"`)
	f("0xFFFFFFFFFFFFFFFFF", `"0xFFFFFFFFFFFFFFFFF"`)
	f("'1'", `"1"`)
	f(`"1"`, `"1"`)
	f("|-\n  1", `"1"`)
}
