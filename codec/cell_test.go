package codec

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

// checkCell runs one rendering behind a non-empty dst and checks that an error leaves
// dst alone. want "" is an error.
func checkCell(t *testing.T, what string, got []byte, sp Special, err error, want string, wantSp Special) {
	t.Helper()
	if want == "" {
		var v *ValueError
		if !errors.As(err, &v) {
			t.Errorf("%s = %s, %v, want a *ValueError", what, got, err)
		}
		want = "dst"
	} else {
		want = "dst" + want
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
	}
	if string(got) != want || sp != wantSp {
		t.Errorf("%s = %s special %d, want %s special %d", what, got, sp, want, wantSp)
	}
}

func TestAppendCellJSON(t *testing.T) {
	special := func(text, raw, want string, wantSp Special) {
		t.Helper()
		got, sp, err := AppendCellJSON([]byte("dst"), sqlType(t, text), []byte(raw))
		checkCell(t, text+" <- "+raw, got, sp, err, want, wantSp)
	}
	f := func(text, raw, want string) {
		t.Helper()
		special(text, raw, want, None)
	}
	bad := func(text string, raws ...string) {
		t.Helper()
		for _, raw := range raws {
			f(text, raw, "")
		}
	}

	f("bigint", "null", "null")
	f("bigint", " 36\n", "36")
	f("bigint", "-9223372036854775808", "-9223372036854775808")
	f("bigint", "9223372036854775807", "9223372036854775807")
	f("bigint", "9007199254740993", "9007199254740993") // 2^53 + 1
	f("bigint", "9223372036854775807.000", "9223372036854775807")
	f("bigint", "922337203685477580700e-2", "9223372036854775807")
	f("bigint", "20.0", "20")
	f("bigint", "2e1", "20")
	f("bigint", "-0", "0")
	f("bigint", "-0.0e99999999999", "0")
	f("bigint", `"1"`, "1")
	f("bigint", `"0\u0031"`, "1")
	f("bigint", `"-007"`, "-7")
	bad("bigint", "9223372036854775808", "-9223372036854775809", "18446744073709551616", "1e19", "1e99999999999", "20.5", "1e-1", "true", "[1]", "{}",
		`""`, `"a"`, `"1.5"`, `"0x10"`, `"1 "`, `"1_0"`, "NaN", "Infinity", "", "1 2", "nul", "01", "'1'", `"\ud800"`)
	f("tinyint", "-128", "-128")
	f("tinyint", "127", "127")
	bad("tinyint", "-129", "128")
	f("smallint", "-32768", "-32768")
	bad("smallint", "32768")
	f("int", "2147483647", "2147483647")
	bad("int", "2147483648")

	f("double", "48", "48")
	f("double", "48.0", "48")
	f("double", "147.5", "147.5")
	f("double", "0.1", "0.1")
	f("double", "1000000", "1e+06")
	f("double", "123456", "123456")
	f("double", "1234567", "1.234567e+06")
	f("double", "0.0001", "0.0001")
	f("double", "0.00001", "1e-05")
	f("double", "-0.0", "-0")
	f("double", "1.7976931348623157e308", "1.7976931348623157e+308")
	f("double", "5e-324", "5e-324")
	f("double", "1e-999", "0")
	f("double", "9007199254740993", "9.007199254740992e+15")
	f("double", `"1.5"`, "1.5")
	special("double", "NaN", "null", NaN)
	special("double", "-Infinity", "null", NegInf)
	special("double", `"nan"`, "null", NaN)
	special("double", `"NaN"`, "null", NaN)
	special("double", `"inf"`, "null", PosInf)
	special("double", `"+Infinity"`, "null", PosInf)
	special("double", `"-INF"`, "null", NegInf)
	bad("double", "1e309", "true", `"hello"`, `"0x1p-2"`, `"1_000"`, `"-"`, `"."`, `"1e"`, `"i"`, `"-nan"`, "[1]", `""`)
	f("float", "0.1", "0.1")
	f("float", "1.1", "1.1")
	f("float", "16777217", "1.6777216e+07")
	f("float", "3.4028235e38", "3.4028235e+38")
	f("float", "1e-46", "0")
	special("float", `"Infinity"`, "null", PosInf)
	bad("float", "3.5e38")

	f("decimal(10,2)", "12.5", "12.50")
	f("decimal(10,2)", "12.500", "12.50")
	f("decimal(10,2)", `"12.34"`, "12.34")
	f("decimal(10,2)", "-0.00", "0.00")
	f("decimal(10,2)", "-0.01", "-0.01")
	f("decimal(10,2)", "1.2345e3", "1234.50")
	f("decimal(10,2)", "99999999.99", "99999999.99")
	f("decimal(10,2)", "1e-2", "0.01")
	f("decimal(10,2)", "0e999999999", "0.00")
	f("decimal(5,5)", "0.00001", "0.00001")
	f("decimal(5,0)", "12345", "12345")
	f("decimal(65,30)", "12345678901234567890123456789012345.123456789012345678901234567890", "12345678901234567890123456789012345.123456789012345678901234567890")
	f("decimal(3,1)", "1"+strings.Repeat("0", 200)+"e-200", "1.0")
	f("decimal(3,1)", "0."+strings.Repeat("0", 200)+"1e200", "0.1")
	bad("decimal(10,2)", "12.345", "100000000", "1e8", "1e999999999", "1e-3", "1e-999999999", "true", "NaN", `"nan"`, `""`, `"1,5"`)
	bad("decimal(5,5)", "1", "0.000001")
	bad("decimal(3,1)", "1."+strings.Repeat("0", 200)+"1")

	f("boolean", "true", "1")
	f("boolean", "false", "0")
	f("boolean", "1", "1")
	f("boolean", "0.0", "0")
	f("boolean", `"True"`, "1")
	f("boolean", `"0"`, "0")
	bad("boolean", "2", "-1", "0.5", `"yes"`, `""`, "[]")

	f("string", `"abc"`, `"abc"`)
	f("string", `""`, `""`)
	f("string", `"a\u0062\/\u00e9\n\u000b\ud83d\ude00<&>"`, `"ab/é\n\u000b😀<&>"`)
	f("string", `"\"\\ \u2028"`, "\"\\\"\\\\ \u2028\"")
	f("string", `"null"`, `"null"`)
	f("string", ` { "a" : [ 1 , "x \" y" ] } `, `"{\"a\":[1,\"x \\\" y\"]}"`)
	bad("string", "1", "true", "[1]", `{"a":NaN}`, `"\ud800"`, `"\udc00\ud800"`, "\"\xff\"", "\"a\nb\"", `"\x"`)
	f("varchar(3)", `"abc"`, `"abc"`)
	f("varchar(3)", `"äöü"`, `"äöü"`)
	f("varchar(3)", `"\u00e4\u00f6\u00fc"`, `"äöü"`)
	f("varchar(3)", `"\n\n\n"`, `"\n\n\n"`)
	bad("varchar(3)", `"abcd"`, `"äöüß"`, `"\n\n\n\n"`, `{"a":1}`)

	f("binary", `"MA=="`, `"MA=="`)
	f("binary", `"\u004dA=="`, `"MA=="`)
	f("binary", `""`, `""`)
	f("varbinary(2)", `"AAE="`, `"AAE="`)
	bad("binary", `"MA="`, `"MA"`, `"M"`, `"MB=="`, `"_-=="`, `"MA==\n"`, `"M A="`, "1", "true", "[]")
	bad("varbinary(2)", `"AAEC"`)

	f("date", `"2022-01-31"`, `"2022-01-31"`)
	f("date", `"2022-01-31 00:00:00"`, `"2022-01-31"`)
	f("date", `"2022-01-31T00:00:00Z"`, `"2022-01-31"`)
	f("date", `"0001-01-01"`, `"0001-01-01"`)
	f("date", `"9999-12-31"`, `"9999-12-31"`)
	f("date", "1", `"1970-01-02"`)
	f("date", "-1", `"1969-12-31"`)
	f("date", "19000", `"2022-01-08"`)
	f("date", "1641600000", `"2022-01-08"`)
	f("date", "1641600000000", `"2022-01-08"`)
	f("date", `"19990108"`, `"1999-01-08"`)
	f("date", `"20000"`, `"2024-10-04"`)
	bad("date", `"2022-01-31 00:00:01"`, `"2022-02-29"`, `"2022-13-01"`, `"2022-00-01"`, `"2022-01-00"`, `"0000-01-01"`, `"01/02/2022"`, `"x"`, `""`,
		"1.5", "1641600001", "true", "[]", `"2022-1-1"`)

	f("timestamp", `"2022-01-31 23:59:59"`, `"2022-01-31 23:59:59"`)
	f("timestamp", `"2022-01-31"`, `"2022-01-31 00:00:00"`)
	f("timestamp", `"2022-01-31T23:59:59.987654321Z"`, `"2022-01-31 23:59:59"`)
	f("timestamp(3)", `"2022-01-31T23:59:59.9876Z"`, `"2022-01-31 23:59:59.987"`)
	f("timestamp(3)", `"2022-01-31 23:59:59"`, `"2022-01-31 23:59:59.000"`)
	f("timestamp(9)", `"2022-01-31 23:59:59.123456789"`, `"2022-01-31 23:59:59.123456789"`)
	f("timestamp(6)", `"1969-12-31T23:59:59.999999Z"`, `"1969-12-31 23:59:59.999999"`)
	f("timestamp", "1", `"1970-01-01 00:00:01"`)
	f("timestamp", "-1", `"1969-12-31 23:59:59"`)
	f("timestamp", "1577836800", `"2020-01-01 00:00:00"`)
	f("timestamp(3)", "1577836800123", `"2020-01-01 00:00:00.123"`)
	f("timestamp(6)", "1577836800123456", `"2020-01-01 00:00:00.123456"`)
	f("timestamp(9)", "1577836800123456789", `"2020-01-01 00:00:00.123456789"`)
	f("timestamp(3)", "-1577836800123", `"1920-01-01 23:59:59.877"`)
	f("timestamp", "5000000000", `"2128-06-11 08:53:20"`)
	f("timestamp(3)", "5000000001", `"1970-02-27 20:53:20.001"`)
	f("timestamp", "5000000000000", `"2128-06-11 08:53:20"`)
	f("timestamp(6)", "5000000000001", `"1970-02-27 20:53:20.000001"`)
	f("timestamp", "5000000000000000", `"2128-06-11 08:53:20"`)
	f("timestamp(9)", "5000000000000001", `"1970-02-27 20:53:20.000000001"`)
	f("timestamp", "-5000000000", `"1811-07-23 15:06:40"`)
	f("timestamp(3)", `"1577836800123"`, `"2020-01-01 00:00:00.123"`)
	f("timestamp(9)", "-9223372036854775808", `"1677-09-21 00:12:43.145224192"`)
	bad("timestamp", "1577836800.5", "1577836800.0", "true", `"hello"`, `""`, "9223372036854775808", "[]", `"0001-01-01T00:00:00+01:00"`)

	f("array<bigint>", " [ 1 , null , 2.0 ] ", "[1,null,2]")
	f("array<bigint>", "[]", "[]")
	f("array<bigint>", `"[1,\t\"2\"]"`, "[1,2]")
	f("array<double>", `[1,NaN,"inf"]`, "[1,null,null]")
	f("array<boolean>", "[1,0,true,false,null]", "[true,false,true,false,null]")
	f("array<date>", `["2022-01-31",null]`, `["2022-01-31T00:00:00Z",null]`)
	f("array<timestamp>", `["2022-01-31 01:02:03","2022-01-31 01:02:03.1200",1577836800123]`,
		`["2022-01-31T01:02:03Z","2022-01-31T01:02:03.12Z","2020-01-01T00:00:00.123Z"]`)
	f("array<timestamp(0)>", `["2022-01-31 01:02:03.999"]`, `["2022-01-31T01:02:03Z"]`)
	f("array<timestamp(9)>", `["2022-01-31 01:02:03.000000001"]`, `["2022-01-31T01:02:03.000000001Z"]`)
	f("array<decimal(4,2)>", `["1.5",2]`, "[1.50,2.00]")
	f("array<array<string>>", `[["a"],[],null]`, `[["a"],[],null]`)
	bad("array<bigint>", "1", "{}", `["x"]`, "[1.5]", "[1,]", `"x"`, `"[1"`, `"\"[1]\""`, `"1"`, "true")

	f("struct<int1:bigint,int2:bigint>", `{ "int2":17, "int1":36 }`, `{"int1":36,"int2":17}`)
	f("struct<a:int,b:string>", `{"b":"x","c":[{"deep":1}]}`, `{"a":null,"b":"x"}`)
	f("struct<a:int>", `{"a":1,"a":2}`, `{"a":2}`)
	f("struct<a:int>", `{"\u0061":1}`, `{"a":1}`)
	f("struct<a:int>", `"{\"a\":1}"`, `{"a":1}`)
	f("struct<a:struct<b:array<float>>>", `{"a":{"b":[0.1]}}`, `{"a":{"b":[0.1]}}`)
	bad("struct<a:int>", "[1]", "1", `{"a":"x"}`, `{"a":1`, `{"\ud800":1}`)
	many, want := "struct<", ""
	raw := ""
	for i := range 40 {
		name := string(rune('a'+i%26)) + string(rune('a'+i/26))
		many += name + ":int,"
		want += `"` + name + `":1,`
		raw = `,"` + name + `":1` + raw
	}
	f(strings.TrimSuffix(many, ",")+">", "{"+raw[1:]+"}", "{"+strings.TrimSuffix(want, ",")+"}")

	f("map<string,int>", `{"b":1,"a":2,"b":3}`, `{"a":2,"b":3}`)
	f("map<string,int>", `{}`, `{}`)
	f("map<string,map<string,boolean>>", `{"é\n":{"x":1}}`, `{"é\n":{"x":true}}`)
	bad("map<string,int>", "[]", `{"a":"b"}`, `{"a":1.5}`)

	f("Embedding[2]", "[1,2.5]", "[1,2.5]")
	bad("Embedding[2]", "[1]", "[1,2,3]", "[1,null]", "[1,NaN]", `[1,"x"]`)
}

func TestAppendCellJSONFennel(t *testing.T) {
	special := func(text, raw, want string, wantSp Special) {
		t.Helper()
		got, sp, err := AppendCellJSON([]byte("dst"), fennelType(t, text), []byte(raw))
		checkCell(t, text+" <- "+raw, got, sp, err, want, wantSp)
	}
	f := func(text, raw, want string) {
		t.Helper()
		special(text, raw, want, None)
	}
	f("int", "1", "1")
	f("int", "1.5", "")
	f("float", "1", "1")
	special("float", `"inf"`, "null", PosInf)
	f("float", `"hello"`, "")
	f("str", "null", "null") // its owner refuses it
	f("bytes", "1", "")
	f("Optional[int]", `""`, "null")
	f("Optional[datetime]", `""`, "null")
	f("Optional[bytes]", `""`, "null")
	f("Optional[str]", `""`, `""`)
	f("int", `""`, "")
	f("List[int]", "[1,2,3.0]", "[1,2,3]")
	f("List[int]", "[1,null]", "")
	f("List[Optional[int]]", `[1,null,""]`, "[1,null,null]")
	f("Dict[str, int]", `{"a":null}`, "")
	f("struct<a:int>", "{}", "")
	f("struct<a:Optional[int],b:int>", `{"b":1,"c":2}`, `{"a":null,"b":1}`)
	f("Decimal[2]", "1.239", "1.23")
	f("Decimal[2]", "-1.239", "-1.23")
	f("Decimal[2]", "-0.001", "0.00")
	f("Decimal[2]", "1e-99999999", "0.00")
	f("Decimal[2]", "0."+strings.Repeat("9", 300), "0.99")
	f("Decimal[2]", "12345678901234567890123456789012345.678", "12345678901234567890123456789012345.67")
	f("Decimal[2]", "1e37", "")
	f("Embedding[3]", "[1.0,2.0]", "")
	f("List[float]", `[1.5,"nan",Infinity,"-INF"]`, `[1.5,"NaN","+infinity","-infinity"]`)
	f("List[float]", "[1.5,null]", "")
	f("List[Optional[float]]", `["NaN",null,""]`, `["NaN",null,null]`)
	f("Dict[str, List[float]]", `{"a":[-Infinity]}`, `{"a":["-infinity"]}`)
	f("struct<a:float,b:float>", `{"a":"NaN","b":NaN}`, `{"a":"NaN","b":"NaN"}`)
	f("List[between(float, 0, 1)]", `["NaN"]`, "")
	f("Embedding[1]", `["NaN"]`, "")
	f("datetime", "1", `"1970-01-01 00:00:01.000000"`)
	f("datetime", "1577836800000000", `"2020-01-01 00:00:00.000000"`)
	f("datetime", "1577836800.5", "")
	f("datetime", `"2023-09-11T12:52:20.000000"`, `"2023-09-11 12:52:20.000000"`)
	f("datetime", `"2016-09-20 23:15:17.063+00"`, `"2016-09-20 23:15:17.063000"`)
	f("datetime", `"Sun, 23 Jan 2000 01:23:45 +0900"`, `"2000-01-22 16:23:45.000000"`)
	f("datetime", `"05-Nov-2021"`, `"2021-11-05 00:00:00.000000"`)
	f("datetime", `"20211105"`, `"2021-11-05 00:00:00.000000"`)
	f("datetime", `"hello"`, "")
	f("between(int, 0, 10)", "0", "0")
	f("between(int, 0, 10)", "10", "10")
	f("between(int, 0, 10)", "11", "")
	f("between(int, 0, 10, True, True)", "0", "")
	f("between(int, 0, 10, strict_max=True)", "10", "")
	f("between(int, 0, 10)", "null", "null")
	f("between(float, 0, 1)", "0.5", "0.5")
	f("between(float, 0, 1)", `"1.1"`, "")
	f("between(float, 0, 1)", "NaN", "")
	f("between(float, 0, 1, strict_min=True)", "0", "")
	f("Optional[between(int, 0, 10)]", `""`, "null")
	f(`oneof(str, ["a","é"])`, `"\u00e9"`, `"é"`)
	f(`oneof(str, ["a","b"])`, `"c"`, "")
	f("oneof(int, [1,2])", `"2"`, "2")
	f("oneof(int, [1,2])", "3", "")
	f(`regex("[a-z]+\n?")`, `"ab\n"`, `"ab\n"`)
	f(`regex("[a-z]+|x1")`, `"x1"`, `"x1"`)
	f(`regex("[a-z]+")`, `"ab1"`, "")
	f(`regex("[a-z]*")`, `""`, `""`)
	f("List[between(int, 0, 10)]", "[5,11]", "")
}

func TestAppendCellText(t *testing.T) {
	f := func(text, value, want string, wantSp Special) {
		t.Helper()
		got, sp, err := AppendCellText([]byte("dst"), sqlType(t, text), value)
		checkCell(t, text+" <- "+value, got, sp, err, want, wantSp)
	}
	f("bigint", "36", "36", None)
	f("bigint", "20.0", "20", None)
	f("bigint", "+5", "5", None)
	f("bigint", "", "", None)
	f("bigint", "null", "", None)
	f("bigint", `"1"`, "", None)
	f("double", "1.50", "1.5", None)
	f("double", ".5", "0.5", None)
	f("double", "NaN", "null", NaN)
	f("double", "-inf", "null", NegInf)
	f("double", "1e400", "", None)
	f("decimal(10,2)", "+1.5", "1.50", None)
	f("boolean", "TRUE", "1", None)
	f("boolean", "0", "0", None)
	f("boolean", "", "", None)
	f("string", "", `""`, None)
	f("string", "a\"b\\\n\x01é", `"a\"b\\\n\u0001é"`, None)
	f("string", "\xff", "", None)
	f("varchar(2)", "äöü", "", None)
	f("binary", "MA==", `"MA=="`, None)
	f("binary", "", `""`, None)
	f("binary", "x", "", None)
	f("date", "2022-01-31", `"2022-01-31"`, None)
	f("timestamp", "1577836800", `"2020-01-01 00:00:00"`, None)
	f("timestamp", "2020-01-01 00:00", `"2020-01-01 00:00:00"`, None)
	f("array<int>", "[1, 2]", "[1,2]", None)
	f("array<int>", "1", "", None)
	f("struct<a:int>", `{"a":"1"}`, `{"a":1}`, None)
	f("Optional[bigint]", "", "null", None)
}

// Every canonical cell is its own rendering, so copying and converting agree.
func TestCellsAreFixedPoints(t *testing.T) {
	for _, c := range [][2]string{
		{"bigint", "36"},
		{"double", "1e+06"},
		{"float", "0.1"},
		{"decimal(10,2)", "-12.50"},
		{"boolean", "1"},
		{"string", `"a\n\u0001é"`},
		{"binary", `"MA=="`},
		{"date", `"2022-01-31"`},
		{"timestamp(3)", `"2022-01-31 01:02:03.120"`},
		{"array<timestamp>", `["2022-01-31T01:02:03.12Z"]`},
		{"array<date>", `["2022-01-31T00:00:00Z"]`},
		{"struct<a:boolean,b:map<string,double>>", `{"a":true,"b":{"x":1.5}}`},
		{"string", "null"},
	} {
		got, sp, err := AppendCellJSON(nil, sqlType(t, c[0]), []byte(c[1]))
		if string(got) != c[1] || sp != None || err != nil {
			t.Errorf("%s: %s became %s %v", c[0], c[1], got, err)
		}
	}
}

func TestValueErrorText(t *testing.T) {
	f := func(text, raw, want string) {
		t.Helper()
		_, _, err := AppendCellJSON(nil, sqlType(t, text), []byte(raw))
		if err == nil || err.Error() != want {
			t.Errorf("%s <- %s: error %v, want %s", text, raw, err, want)
		}
	}
	f("tinyint", "300", "300 is out of range of tinyint (-128 to 127)")
	f("bigint", `"abc"`, `"abc" is not a bigint`)
	f("array<struct<a:int>>", `[{"a":1},{"a":true}]`, `element 1: field a: "true" is not a int`)
	f("map<string,date>", `{"k":"x"}`, `key k: "x" is not a date`)
	f("decimal(4,2)", "1.234", "1.234 has too many digits after the point for decimal(4,2)")
	f("between(bigint,0,1)", "2", "2 is not between 0 and 1")
	f("bigint", "{", "not JSON: unexpected end of the text at byte 1")
	long := strings.Repeat("x", 100)
	f("bigint", `"`+long+`"`, `"`+long[:40]+`..." is not a bigint`)
	if (&ValueError{Column: "age", Reason: "why"}).Error() != "column age: why" {
		t.Error("the column is not named")
	}
}

func TestCellsBack(t *testing.T) {
	i := func(cell string, want int64, wantOK bool) {
		t.Helper()
		if got, ok := CellInt([]byte(cell)); ok != wantOK || ok && got != want {
			t.Errorf("CellInt(%s) = %d, %t", cell, got, ok)
		}
	}
	i("36", 36, true)
	i("-9223372036854775808", math.MinInt64, true)
	i("true", 1, true)
	i("false", 0, true)
	i("null", 0, false)
	i(`"1"`, 0, false)
	i("", 0, false)
	i("1.0", 0, false)

	fl := func(cell string, sp Special, want float64, wantOK bool) {
		t.Helper()
		got, ok := CellFloat([]byte(cell), sp)
		if ok != wantOK || ok && got != want && !(got != got && want != want) {
			t.Errorf("CellFloat(%s, %d) = %v, %t", cell, sp, got, ok)
		}
	}
	fl("1.5", None, 1.5, true)
	fl("1e+06", None, 1e6, true)
	fl("12.50", None, 12.5, true)
	fl("null", NaN, math.NaN(), true)
	fl("null", PosInf, math.Inf(1), true)
	fl("null", NegInf, math.Inf(-1), true)
	fl("null", None, 0, false)
	fl(`"1"`, None, 0, false)
	fl("inf", None, 0, false)
	fl("0x10", None, 0, false)

	tm := func(text, cell, want string) {
		t.Helper()
		got, ok := CellTime(sqlType(t, text), []byte(cell))
		if ok != (want != "") || ok && time.UnixMicro(got).UTC().Format(time.RFC3339Nano) != want {
			t.Errorf("CellTime(%s, %s) = %v, %t, want %s", text, cell, time.UnixMicro(got).UTC(), ok, want)
		}
	}
	tm("timestamp", `"2022-01-31 23:59:59"`, "2022-01-31T23:59:59Z")
	tm("timestamp(9)", `"1969-12-31 23:59:59.123456789"`, "1969-12-31T23:59:59.123456Z")
	tm("timestamp", `"2022-01-31T23:59:59.5Z"`, "2022-01-31T23:59:59.5Z")
	tm("date", `"2022-01-31"`, "2022-01-31T00:00:00Z")
	tm("bigint", "1577836800000", "2020-01-01T00:00:00Z")
	tm("int", "1577836800", "2020-01-01T00:00:00Z")
	tm("bigint", "null", "")
	tm("timestamp", "null", "")
	tm("timestamp", `""`, "")
	tm("double", "1577836800", "")
	tm("string", `"2022-01-31"`, "")

	if got, ok := CellText([]byte("dst"), []byte(`"a\n\u00e9"`)); !ok || string(got) != "dsta\né" {
		t.Errorf("CellText = %q, %t", got, ok)
	}
	if got, ok := CellText([]byte("dst"), nullCell); ok || string(got) != "dst" {
		t.Errorf("CellText of null = %q, %t", got, ok)
	}
	if got, ok := CellBytes([]byte("dst"), []byte(`"MA=="`)); !ok || string(got) != "dst0" {
		t.Errorf("CellBytes = %q, %t", got, ok)
	}
	for _, cell := range []string{"null", `"`, `"M"`, "1"} {
		if got, ok := CellBytes([]byte("dst"), []byte(cell)); ok || string(got) != "dst" {
			t.Errorf("CellBytes(%s) = %q, %t", cell, got, ok)
		}
	}
	if v, ok := CellBool([]byte("1")); !v || !ok {
		t.Error("CellBool(1)")
	}
	if v, ok := CellBool([]byte("false")); v || !ok {
		t.Error("CellBool(false)")
	}
	if _, ok := CellBool(nullCell); ok {
		t.Error("CellBool(null)")
	}
}

func TestQuoteLikeEncodingJSON(t *testing.T) {
	for r := rune(0); r < 0x3000; r++ {
		s := "x" + string(r) + "y"
		quoted := AppendQuoted([]byte("dst"), []byte(s))[3:]
		var back string
		if err := json.Unmarshal(quoted, &back); err != nil || back != s {
			t.Fatalf("AppendQuoted(%q) = %s: %v", s, quoted, err)
		}
		again, err := AppendUnquoted([]byte("dst"), quoted)
		if err != nil || string(again) != "dst"+s {
			t.Fatalf("AppendUnquoted(%s) = %q, %v", quoted, again, err)
		}
	}
	if got := AppendQuoted(nil, []byte("a\xffb\xc3")); string(got) != "\"a\uFFFDb\uFFFD\"" {
		t.Errorf("invalid UTF-8 became %q", got)
	}
}

func TestAppendUnquoted(t *testing.T) {
	f := func(token, want string, ok bool) {
		t.Helper()
		got, err := AppendUnquoted([]byte("dst"), []byte(token))
		if string(got) != "dst"+want || (err == nil) != ok {
			t.Errorf("AppendUnquoted(%s) = %q, %v", token, got, err)
		}
	}
	f(`""`, "", true)
	f(`"a"`, "a", true)
	f(`"\u00E9\ud83d\uDE00\"\/"`, `é😀"/`, true)
	f(`"é"`, "é", true)
	for _, bad := range []string{``, `"`, `a`, `"a`, `a"`, `"\"`, `"\u12"`, `"\u12g4"`, `"\ud800"`, `"\ud800x"`, `"\ud800\u0041"`, `"\udc00"`, "\"\n\"", "\"\xff\"", `"a"b"`, `"\x"`} {
		f(bad, "", false)
	}
}

func TestAppendCompact(t *testing.T) {
	f := func(raw, want string) {
		t.Helper()
		if got := AppendCompact([]byte("dst"), []byte(raw)); string(got) != "dst"+want {
			t.Errorf("AppendCompact(%s) = %s, want %s", raw, got, want)
		}
	}
	f("1", "1")
	f("\t[ 1 ,\r\n\"a b\" , {\"x y\" : null} ] ", `[1,"a b",{"x y":null}]`)
	f(`[ "\\" , "a\" b" ]`, `["\\","a\" b"]`)
	f(`"\`, `"\`) // no JSON, but no panic either
}
