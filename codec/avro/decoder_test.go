package avro

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"

	"quiver/codec"
)

const groupSchema = `{"type":"record","name":"sample_complex_type_1","namespace":"fsdb002.db","fields":[
	{"name":"id1","type":["null","long"]},
	{"name":"ts","type":["null","long"]},
	{"name":"array","type":["null",{"type":"array","items":["null","long"]}]},
	{"name":"struct","type":["null",{"type":"record","name":"S_struct","fields":[
		{"name":"int1","type":["null","long"]},{"name":"int2","type":["null","long"]}]}]}]}`

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func mustNew(tb testing.TB, schema, field string) *Decoder {
	tb.Helper()
	d, err := New(schema, field)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func mustForType(tb testing.TB, text string) (*Decoder, *codec.Type) {
	tb.Helper()
	t, err := codec.ParseType(text, codec.SpellingSQL)
	if err != nil {
		tb.Fatal(err)
	}
	d, err := ForType(t)
	if err != nil {
		tb.Fatal(err)
	}
	return d, t
}

// What the Hopsworks feature server stores and prints, as verified on its fixtures.
func TestVerifiedVectors(t *testing.T) {
	f := func(d *Decoder, in, want string) {
		t.Helper()
		got, err := d.AppendJSON([]byte("dst"), unhex(t, in))
		if err != nil || string(got) != "dst"+want {
			t.Errorf("%s is %s, %v, want %s", in, got, err, want)
		}
	}
	arrayType, _ := mustForType(t, "array<bigint>")
	structType, _ := mustForType(t, "struct<int1:bigint,int2:bigint>")
	for _, d := range []*Decoder{mustNew(t, groupSchema, "array"), mustNew(t, groupSchema, "ARRAY"), arrayType} {
		f(d, "02 04 02b601 028201 00", "[91,65]")
		f(d, "02 04 02c201 02c401 00", "[97,98]")
		f(d, "00", "null")
		f(d, "02 00", "[]")
		f(d, "02 03 06 02b601 00 00", "[91,null]") // a block that tells its size
		f(d, "02 02 02b601 02 00 00", "[91,null]") // two blocks
	}
	for _, d := range []*Decoder{mustNew(t, groupSchema, "struct"), structType} {
		f(d, "02 0248 0222", `{"int1":36,"int2":17}`)
		f(d, "02 027a 029001", `{"int1":61,"int2":72}`)
		f(d, "02 00 0222", `{"int1":null,"int2":17}`)
	}
}

func TestKindsOfSchemas(t *testing.T) {
	f := func(schema, in, want string) {
		t.Helper()
		got, err := mustNew(t, schema, "").AppendJSON(nil, unhex(t, in))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s is %s, %v, want %s", schema, in, got, err, want)
		}
	}
	f(`"null"`, "", "null")
	f(`"boolean"`, "01", "true")
	f(`"boolean"`, "00", "false")
	f(`"int"`, "ffffffff0f", "-2147483648")
	f(`"long"`, "ffffffffffffffffff01", "-9223372036854775808")
	f(`"long"`, "feffffffffffffffff01", "9223372036854775807")
	f(`"float"`, "cdcc8c3f", "1.1")
	f(`"float"`, "0000c07f", "null")
	f(`"double"`, "9a9999999999b93f", "0.1")
	f(`"double"`, "000000000000f07f", "null")
	f(`"string"`, "0a 61220ac3a9", `"a\"\né"`)
	f(`"bytes"`, "02 30", `"MA=="`)
	f(`{"type":"fixed","name":"f","size":2}`, "3030", `"MDA="`)
	f(`{"type":"enum","name":"e","symbols":["A","B"]}`, "02", `"B"`)
	f(`{"type":"map","values":["null","boolean"]}`, "04 02 62 0201 02 61 00 00", `{"b":true,"a":null}`)
	f(`["long","null"]`, "02", "null")
	f(`["null","long","string"]`, "04 02 61", `"a"`)
	f(`{"type":"int","logicalType":"date"}`, "02", `"1970-01-02T00:00:00Z"`)
	f(`{"type":"int","logicalType":"date"}`, "01", `"1969-12-31T00:00:00Z"`)
	f(`{"type":"long","logicalType":"timestamp-millis"}`, "06", `"1970-01-01T00:00:00.003Z"`)
	f(`{"type":"long","logicalType":"timestamp-micros"}`, "01", `"1969-12-31T23:59:59.999999Z"`)
	f(`{"type":"long","logicalType":"local-timestamp-micros"}`, "00", `"1970-01-01T00:00:00Z"`)
	f(`{"type":"int","logicalType":"time-millis"}`, "02", "1000000")
	f(`{"type":"long","logicalType":"time-micros"}`, "02", "1000")
	f(`{"type":"string","logicalType":"uuid"}`, "02 61", `"a"`)
	f(`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, "04 ff38", "-2.00")
	f(`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, "02 05", "0.05")
	f(`{"type":"bytes","logicalType":"decimal","precision":4,"scale":0}`, "02 80", "-128")
	f(`{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}`, "00", "0.00")
	f(`{"type":"fixed","name":"d","size":2,"logicalType":"decimal","precision":4,"scale":1}`, "0102", "25.8")
	f(`{"type":"record","name":"list","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","list"]}]}`,
		"02 02 04 00", `{"v":1,"next":{"v":2,"next":null}}`)
	f(`{"type":"record","name":"r","fields":[{"name":"a","type":{"type":"fixed","name":"x","size":1}},{"name":"b","type":"x"}]}`,
		"30 31", `{"a":"MA==","b":"MQ=="}`)
}

func TestHostileBytes(t *testing.T) {
	says := func(schema, in, what string) {
		t.Helper()
		got, err := mustNew(t, schema, "").AppendJSON([]byte("dst"), unhex(t, in))
		if !errors.Is(err, ErrData) || string(got) != "dst" || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %.100s is %.100s, %v, want ErrData, %s", schema, in, got, err, what)
		}
	}
	f := func(schema, in string) {
		t.Helper()
		says(schema, in, "")
	}
	const longs = `{"type":"array","items":"long"}`
	f(`"long"`, "")
	f(`"long"`, "80")
	f(`"long"`, "ffffffffffffffffffff01")
	f(`"long"`, "00 00") // left over
	f(`"int"`, "feffffff1f")
	f(`"boolean"`, "02")
	f(`"float"`, "000000")
	f(`"double"`, "00000000000000")
	f(`"string"`, "02")
	f(`"string"`, "01")                   // length -1
	f(`"string"`, "feffffffffffffffff01") // length 2^63-1
	f(`"string"`, "02 ff")                // not UTF-8
	f(`"bytes"`, "04 00")
	f(`["null","long"]`, "04")
	f(`["null","long"]`, "01")
	f(`{"type":"enum","name":"e","symbols":["A"]}`, "02")
	f(`{"type":"enum","name":"e","symbols":["A"]}`, "01")
	f(`{"type":"fixed","name":"f","size":1000000000}`, "00")
	f(longs, "02 02")
	f(longs, "feffffffffffffffff01 02")
	f(longs, "ffffffffffffffffff01 00") // least count
	f(longs, "01")                      // no size
	// 2^62 items that take no bytes.
	says(`{"type":"array","items":"null"}`, "feffffffffffffff7f 00", "more values than")
	says(`{"type":"array","items":{"type":"record","name":"r","fields":[]}}`, "feffffffffffffff7f 00", "more values than")
	f(`{"type":"map","values":"null"}`, "feffffffffffffff7f")
	// A list of itself.
	says(`{"type":"record","name":"list","fields":[{"name":"next","type":["null","list"]}]}`, strings.Repeat("02", 10000), "nested values")
	says(`{"type":"record","name":"r","fields":[{"name":"r","type":"r"}]}`, "00", "nested values")
	says(`{"type":"array","items":{"type":"record","name":"`+strings.Repeat("r", 9)+`","fields":[{"name":"`+strings.Repeat("n", 100000)+`","type":"null"}]}}`,
		"9003"+" 00", "bytes of JSON")
	if _, err := New(`["null",["long"]]`, ""); err == nil {
		t.Error("a union in a union was taken")
	}
	f(`{"type":"int","logicalType":"date"}`, "feffffff0f")
	f(`{"type":"long","logicalType":"timestamp-micros"}`, "feffffffffffffffff01")
	f(`{"type":"long","logicalType":"timestamp-millis"}`, "feffffffffffffffff01")
	f(`{"type":"long","logicalType":"time-micros"}`, "feffffffffffffffff01")
	f(`{"type":"bytes","logicalType":"decimal","precision":400,"scale":2}`, "8201"+strings.Repeat("11", 65))
}

func TestBadSchemas(t *testing.T) {
	f := func(schema, field, want string) {
		t.Helper()
		d, err := New(schema, field)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("New(%.100s, %q) = %v, %v, want an error with %q", schema, field, d, err, want)
		}
	}
	f("", "", "cannot read")
	f("{", "", "cannot read")
	f(`"list"`, "", "cannot read")
	f(`{"type":"array"}`, "", "cannot read")
	f(groupSchema, "nothing", `cannot find field "nothing" in the Avro record`)
	f(`"long"`, "x", "no record")
	f(strings.Repeat(" ", maxSchema+1), "", "more than")
	f(`{"type":"bytes","logicalType":"decimal","precision":1000,"scale":999}`, "", "scale")
	f(strings.Repeat("[", 1000000), "", "cannot read")
	// One schema does not see the names of another.
	mustNew(t, `{"type":"fixed","name":"known","size":1}`, "")
	f(`"known"`, "", "cannot read")
}

func TestSchema(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		ty, err := codec.ParseType(text, codec.SpellingSQL)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Schema(ty)
		if want == "" {
			if err == nil {
				t.Errorf("%s: %s, want an error", text, got)
			}
			return
		}
		if err != nil || got != want {
			t.Errorf("%s: %s, %v\nwant %s", text, got, err, want)
		}
		mustNew(t, got, "")
	}
	f("array<bigint>", `["null",{"type":"array","items":["null","long"]}]`)
	f("Embedding[3]", `["null",{"type":"array","items":["null","double"]}]`)
	f("map<string,array<tinyint>>", `["null",{"type":"map","values":["null",{"type":"array","items":["null","int"]}]}]`)
	f("struct<a:struct<b:string>,c:struct<b:binary>>", `["null",{"type":"record","name":"r1","fields":[`+
		`{"name":"a","type":["null",{"type":"record","name":"r2","fields":[{"name":"b","type":["null","string"]}]}]},`+
		`{"name":"c","type":["null",{"type":"record","name":"r3","fields":[{"name":"b","type":["null","bytes"]}]}]}]}]`)
	f("struct<a:smallint,b:int,c:float,d:double,e:boolean>", `["null",{"type":"record","name":"r1","fields":[`+
		`{"name":"a","type":["null","int"]},{"name":"b","type":["null","int"]},{"name":"c","type":["null","float"]},`+
		`{"name":"d","type":["null","double"]},{"name":"e","type":["null","boolean"]}]}]`)
	f("array<decimal(10,2)>", `["null",{"type":"array","items":["null",{"type":"bytes","logicalType":"decimal","precision":10,"scale":2}]}]`)
	f("array<date>", `["null",{"type":"array","items":["null",{"type":"int","logicalType":"date"}]}]`)
	f("array<timestamp>", `["null",{"type":"array","items":["null",{"type":"long","logicalType":"timestamp-micros"}]}]`)
	f("struct<a b:int>", "")
	f("struct<1a:int>", "")
	if _, err := Schema(&codec.Type{}); err == nil {
		t.Error("a schema for no type")
	}
}

// A column that arrives as Avro and one that arrives as JSON are the same cell.
func TestAvroAndJSONAgree(t *testing.T) {
	f := func(text string, value any, want string) {
		t.Helper()
		d, ty := mustForType(t, text)
		schemaText, err := Schema(ty)
		if err != nil {
			t.Fatal(err)
		}
		schema, err := avro.ParseWithCache(schemaText, "", &avro.SchemaCache{})
		if err != nil {
			t.Fatal(err)
		}
		b, err := avro.Marshal(schema, value)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.AppendJSON(nil, b)
		if err != nil {
			t.Fatalf("%s: %x: %v", text, b, err)
		}
		cell, _, err := codec.AppendCellJSON(nil, ty, got)
		if err != nil || string(got) != want || string(cell) != want {
			t.Errorf("%s: %s, cell %s, %v, want %s", text, got, cell, err, want)
		}
	}
	f("array<bigint>", map[string]any{"array": []any{map[string]any{"long": int64(math.MinInt64)}, nil}}, "[-9223372036854775808,null]")
	f("array<double>", map[string]any{"array": []any{map[string]any{"double": 1e6}, map[string]any{"double": math.NaN()}}}, "[1e+06,null]")
	f("array<float>", map[string]any{"array": []any{map[string]any{"float": float32(0.1)}}}, "[0.1]")
	f("array<boolean>", map[string]any{"array": []any{map[string]any{"boolean": true}}}, "[true]")
	f("array<binary>", map[string]any{"array": []any{map[string]any{"bytes": []byte("0")}}}, `["MA=="]`)
	f("map<string,string>", map[string]any{"map": map[string]any{"k": map[string]any{"string": "é\n"}}}, `{"k":"é\n"}`)
	f("struct<a:int,b:array<string>>", map[string]any{"r1": map[string]any{"a": map[string]any{"int": 5}, "b": nil}}, `{"a":5,"b":null}`)
	f("struct<a:int>", nil, "null")
}

func FuzzAppendJSON(f *testing.F) {
	schemas := []string{
		groupSchema, `["null",{"type":"array","items":["null","long"]}]`, `{"type":"map","values":{"type":"array","items":"string"}}`,
		`{"type":"array","items":"null"}`, `{"type":"record","name":"list","fields":[{"name":"v","type":"double"},{"name":"next","type":["null","list"]}]}`,
		`["null","float","bytes",{"type":"enum","name":"e","symbols":["A","B"]},{"type":"int","logicalType":"date"},{"type":"long","logicalType":"timestamp-micros"},
		{"type":"bytes","logicalType":"decimal","precision":20,"scale":4}]`,
	}
	for i := range schemas {
		f.Add(i, unhex(f, "020402b60102820100"))
		f.Add(i, unhex(f, "0202480222"))
		f.Add(i, unhex(f, "feffffffffffffff7f00"))
		f.Add(i, unhex(f, strings.Repeat("02", 100)))
		f.Add(i, unhex(f, "0c0801020304"))
	}
	decoders := make([]*Decoder, len(schemas))
	for i, s := range schemas {
		decoders[i] = mustNew(f, s, "")
	}
	f.Fuzz(func(t *testing.T, which int, b []byte) {
		got, err := decoders[uint(which)%uint(len(decoders))].AppendJSON([]byte("dst"), b)
		if string(got[:3]) != "dst" {
			t.Fatalf("dst became %q", got)
		}
		if err != nil {
			if !errors.Is(err, ErrData) || len(got) != 3 {
				t.Fatalf("%v with %q", err, got)
			}
			return
		}
		if !json.Valid(got[3:]) {
			t.Fatalf("%x became %q", b, got)
		}
	})
}

func FuzzNew(f *testing.F) {
	f.Add(groupSchema, "array")
	f.Add(`{"type":"record","name":"list","fields":[{"name":"next","type":["null","list"]}]}`, "next")
	f.Add(`{"type":"bytes","logicalType":"decimal","precision":20,"scale":4}`, "")
	f.Add(`{"type":"enum","name":"e","symbols":["A"]}`, "")
	f.Fuzz(func(t *testing.T, schema, field string) {
		d, err := New(schema, field)
		if err != nil {
			return
		}
		for _, b := range []string{"", "\x02\x04\x02\x02\x00", "\x00\x00\x00\x00"} {
			_, _ = d.AppendJSON(nil, []byte(b))
		}
	})
}

func BenchmarkAppendJSON(b *testing.B) {
	d := mustNew(b, groupSchema, "struct")
	in := unhex(b, "0202480222")
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if dst, err = d.AppendJSON(dst[:0], in); err != nil {
			b.Fatal(err)
		}
	}
}
