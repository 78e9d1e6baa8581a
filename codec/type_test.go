package codec

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestParseTypeSQL(t *testing.T) {
	f := func(text string, want Type) {
		t.Helper()
		got := sqlType(t, text)
		if want.Text == "" {
			want.Text = strings.TrimSpace(text)
		}
		if !got.Equal(&want) || got.Text != want.Text {
			t.Errorf("ParseType(%q) = %+v, want %+v", text, got, &want)
		}
	}
	f("tinyint", Type{Kind: KindTinyInt})
	f("SMALLINT", Type{Kind: KindSmallInt})
	f(" Int ", Type{Kind: KindInt})
	f("bigint", Type{Kind: KindBigInt})
	f("float", Type{Kind: KindFloat})
	f("double", Type{Kind: KindDouble})
	f("decimal", Type{Kind: KindDecimal, Precision: 10})
	f("decimal(5)", Type{Kind: KindDecimal, Precision: 5})
	f("DECIMAL( 10 , 2 )", Type{Kind: KindDecimal, Precision: 10, Scale: 2})
	f("decimal(65,30)", Type{Kind: KindDecimal, Precision: 65, Scale: 30})
	f("boolean", Type{Kind: KindBoolean})
	f("string", Type{Kind: KindString})
	f("varchar(100)", Type{Kind: KindString, Length: 100})
	f("char(1)", Type{Kind: KindString, Length: 1})
	f("binary", Type{Kind: KindBinary})
	f("varbinary(16)", Type{Kind: KindBinary, Length: 16})
	f("date", Type{Kind: KindDate})
	f("timestamp", Type{Kind: KindTimestamp})
	f("timestamp(3)", Type{Kind: KindTimestamp, Precision: 3})
	f("array<bigint>", Type{Kind: KindArray, Elem: &Type{Kind: KindBigInt}})
	f("array<timestamp>", Type{Kind: KindArray, Elem: &Type{Kind: KindTimestamp, Precision: 6}})
	f("array<timestamp(9)>", Type{Kind: KindArray, Elem: &Type{Kind: KindTimestamp, Precision: 9}})
	f("map<string,array<int>>", Type{Kind: KindMap, Elem: &Type{Kind: KindArray, Elem: &Type{Kind: KindInt}}})
	f("struct<int1:bigint, Int2 : map<string, float> >", Type{Kind: KindStruct, Fields: []Field{
		{"int1", &Type{Kind: KindBigInt}},
		{"Int2", &Type{Kind: KindMap, Elem: &Type{Kind: KindFloat}}},
	}})
	f("struct<str:date>", Type{Kind: KindStruct, Fields: []Field{{"str", &Type{Kind: KindDate}}}})
	// Fennel's words are synonyms everywhere.
	f("str", Type{Kind: KindString})
	f("Optional[timestamp]", Type{Kind: KindTimestamp, Optional: true})
	f("Optional[int]", Type{Kind: KindInt, Optional: true})
}

func TestParseTypeFennel(t *testing.T) {
	f := func(text string, want Type) {
		t.Helper()
		if got := fennelType(t, text); !got.Equal(&want) || got.Spelling != SpellingFennel {
			t.Errorf("ParseType(%q) = %+v, want %+v", text, got, &want)
		}
	}
	f("int", Type{Kind: KindBigInt})
	f("float", Type{Kind: KindDouble})
	f("str", Type{Kind: KindString})
	f("bool", Type{Kind: KindBoolean})
	f("bytes", Type{Kind: KindBinary})
	f("datetime", Type{Kind: KindTimestamp, Precision: 6})
	f("date", Type{Kind: KindDate})
	f("Decimal[28]", Type{Kind: KindDecimal, Precision: 38, Scale: 28})
	f("Embedding[3]", Type{Kind: KindEmbedding, Length: 3, Elem: &Type{Kind: KindDouble}})
	f("Optional[Optional[int]]", Type{Kind: KindBigInt, Optional: true})
	f("List[Optional[float]]", Type{Kind: KindArray, Elem: &Type{Kind: KindDouble, Optional: true}})
	f("Dict[str, int]", Type{Kind: KindMap, Elem: &Type{Kind: KindBigInt}})
	f("struct<a:int,b:str>", Type{Kind: KindStruct, Fields: []Field{{"a", &Type{Kind: KindBigInt}}, {"b", &Type{Kind: KindString}}}})
	f("between(int, 0, 100)", Type{Kind: KindBigInt, Check: &Check{Min: "0", Max: "100"}})
	f("between(int, -5, 5, True)", Type{Kind: KindBigInt, Check: &Check{Min: "-5", Max: "5", StrictMin: true}})
	f("between(float, 0, 1.50, strict_max=True)", Type{Kind: KindDouble, Check: &Check{Min: "0", Max: "1.5", StrictMax: true}})
	f("between(float, 0, 1, False, true)", Type{Kind: KindDouble, Check: &Check{Min: "0", Max: "1", StrictMax: true}})
	f(`oneof(str, ["a","b\n",'c"'])`, Type{Kind: KindString, Check: &Check{OneOf: []string{`"a"`, `"b\n"`, `"c\""`}}})
	f("oneof(int, [1,-2])", Type{Kind: KindBigInt, Check: &Check{OneOf: []string{"1", "-2"}}})
	f(`regex("a\d\\\\")`, Type{Kind: KindString, Check: &Check{Pattern: `a\d\\`}})
	f(`regex(r"\\")`, Type{Kind: KindString, Check: &Check{Pattern: `\\`}})
	f("Optional[between(int,0,1)]", Type{Kind: KindBigInt, Optional: true, Check: &Check{Min: "0", Max: "1"}})
}

func TestParseTypeErrors(t *testing.T) {
	f := func(text string, offset int, msg string) {
		t.Helper()
		_, err := ParseType(text, SpellingSQL)
		var e *TypeError
		if !errors.As(err, &e) {
			t.Errorf("ParseType(%q): error %v, want a *TypeError", text, err)
			return
		}
		if e.Offset != offset || !strings.Contains(e.Msg, msg) {
			t.Errorf("ParseType(%q): %q at %d, want %q at %d", text, e.Msg, e.Offset, msg, offset)
		}
		if got, err := ParseType(text, SpellingFennel); err == nil {
			t.Errorf("ParseType(%q) in Fennel's spelling = %+v, want an error", text, got)
		}
	}
	f("", 0, "missing")
	f("  ", 2, "missing")
	f("biginteger", 0, `unknown type "biginteger"`)
	f("bigint bigint", 7, "after the type")
	f("array", 5, `'<' is missing`)
	f("array<", 6, "a type is missing")
	f("array<bigint", 12, `'>' is missing`)
	f("array<biggint>", 6, "unknown type")
	f("array[int]", 5, `expected '<'`)
	f("map<int,string>", 4, "keys must be text")
	f("map<Optional[str],string>", 4, "keys must be text")
	f("map<string>", 10, `expected ','`)
	f("struct<>", 7, "name:type")
	f("struct<:int>", 7, "needs a name")
	f("struct<a:int,a:int>", 13, "twice")
	f("struct<a:int,b>", 13, "name:type")
	f("struct<a>", 7, "name:type")
	f("varchar", 7, "is missing")
	f("varchar(0)", 7, "at least 1")
	f("varchar(x)", 8, "whole number")
	f("varchar(99999999999999999999)", 8, "above")
	f("timestamp(10)", 10, "above 9")
	f("decimal(5,6)", 7, "1 <= p")
	f("decimal(0)", 7, "1 <= p")
	f("decimal(66,2)", 8, "above 65")
	f("Decimal[29]", 8, "above 28")
	f("decimal(1,2,3)", 11, `expected ')'`)
	f("Embedding[0]", 9, "at least 1")
	f("between(str, 0, 1)", 8, "restricts integers and floats")
	f("between(bigint, 2, 1)", 19, "below the lower")
	f("between(bigint, 0.5, 1)", 16, "expected a number")
	f("between(bigint, 0, 1, maybe)", 22, "True or False")
	f("between(Optional[int], 0, 1)", 8, "plain base type")
	f("oneof(double, [1])", 6, "restricts integers and text")
	f("oneof(str, [a])", 12, "quotes")
	f("oneof(str, [])", 12, "quotes")
	f(`regex("(")`, 6, "bad regular expression")
	f(`regex("a)`, 6, "closing quote")
	f("array<\xff>", 0, "UTF-8")
	f(strings.Repeat("array<", 32)+"int"+strings.Repeat(">", 32), 32*6, "nested")
	f(strings.Repeat(" ", maxTypeText+1), 0, "longer than")
	sqlType(t, strings.Repeat("array<", 31)+"int"+strings.Repeat(">", 31))
}

func TestDetectSpelling(t *testing.T) {
	f := func(want Spelling, texts ...string) {
		t.Helper()
		if got := DetectSpelling(texts); got != want {
			t.Errorf("DetectSpelling(%q) = %v, want %v", texts, got, want)
		}
	}
	f(SpellingSQL)
	f(SpellingSQL, "int", "float", "date", "decimal(10,2)", "struct<str:int,datetime:date>", "array<int>", "boolean")
	for _, text := range []string{
		"str", "bool", "bytes", "datetime", "Optional[int]", "List[int]", "Dict[str, int]", "Decimal[2]",
		"Embedding[2]", "between(int,0,1)", "oneof(int,[1])", `regex("a")`, "struct<a:str>", "array<bool>", "map<string,datetime>",
	} {
		f(SpellingFennel, "int", text)
	}
	f(SpellingFennel, "nonsense", "Optional[nonsense]")
}

func TestTypePredicates(t *testing.T) {
	f := func(text string, numeric, integer, complex bool, lo, hi int64) {
		t.Helper()
		ty := sqlType(t, text)
		gotLo, gotHi := ty.IntRange()
		if ty.Numeric() != numeric || ty.Integer() != integer || ty.Complex() != complex || gotLo != lo || gotHi != hi {
			t.Errorf("%s: numeric %t integer %t complex %t range %d..%d", text, ty.Numeric(), ty.Integer(), ty.Complex(), gotLo, gotHi)
		}
	}
	f("tinyint", true, true, false, -128, 127)
	f("smallint", true, true, false, -32768, 32767)
	f("int", true, true, false, -2147483648, 2147483647)
	f("bigint", true, true, false, math.MinInt64, math.MaxInt64)
	f("float", true, false, false, 0, 0)
	f("decimal(3,1)", true, false, false, 0, 0)
	f("boolean", false, false, false, 0, 1)
	f("string", false, false, false, 0, 0)
	f("array<int>", false, false, true, 0, 0)
	f("Embedding[1]", false, false, true, 0, 0)
}

func TestTypeEqual(t *testing.T) {
	texts := []string{
		"int", "bigint", "decimal(10,2)", "decimal(10,3)", "decimal(11,2)", "string", "varchar(3)", "Optional[bigint]", "timestamp",
		"timestamp(6)", "array<bigint>", "array<int>", "map<string,bigint>", "struct<a:int>", "struct<b:int>", "struct<a:int,b:int>",
		"between(bigint,0,1)", "between(bigint,0,1,True)", "oneof(bigint,[1])", `regex("a")`, `regex("b")`,
	}
	for i, a := range texts {
		for j, b := range texts {
			if got := sqlType(t, a).Equal(sqlType(t, b)); got != (i == j) {
				t.Errorf("%s equal to %s: %t", a, b, got)
			}
		}
	}
	if !sqlType(t, "string").Equal(sqlType(t, "str")) || !sqlType(t, "array<bigint>").Equal(fennelType(t, "List[int]")) {
		t.Error("synonyms are not equal")
	}
}

func TestKindNames(t *testing.T) {
	for k := KindInvalid; k <= KindEmbedding; k++ {
		if !strings.EqualFold(k.String(), k.SQL()) {
			t.Errorf("kind %d is %s and %s", k, k, k.SQL())
		}
	}
	if KindBigInt.SQL() != "BIGINT" || Kind(200).String() != "invalid" || Kind(200).SQL() != "INVALID" {
		t.Error("wrong names")
	}
}

func TestTypeErrorText(t *testing.T) {
	_, err := ParseType("array<biggint>", SpellingSQL)
	if want := `bad type "array<biggint>" at character 7: unknown type "biggint"`; err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

func TestSchemaIndex(t *testing.T) {
	s := schemaOf(t, "int", "string")
	if s.Index("c0") != 0 || s.Index("c1") != 1 || s.Index("c2") != -1 || s.Index("") != -1 {
		t.Error("columns are not where they are")
	}
}
