package ingest

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding"
	"github.com/parquet-go/parquet-go/format"
)

// parquetFile writes rows with the given schema. Values stand in the order of the
// schema's leaf columns, which are sorted by name.
func parquetFile(t testing.TB, root parquet.Group, rows []parquet.Row, o ...parquet.WriterOption) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "p.parquet")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := parquet.NewWriter(f, append(o, parquet.NewSchema("test", root))...)
	if _, err := w.WriteRows(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// one makes a row of one flat column.
func one(v any) parquet.Row {
	switch x := v.(type) {
	case nil:
		return parquet.Row{parquet.NullValue().Level(0, 0, 0)}
	case parquet.Value:
		return parquet.Row{x.Level(0, 1, 0)}
	}
	return parquet.Row{parquet.ValueOf(v).Level(0, 1, 0)}
}

type float16Type struct{ parquet.Type }

func (float16Type) LogicalType() *format.LogicalType {
	return &format.LogicalType{Value: &format.Float16Type{}}
}

// TestParquetTypes reads one optional column of every type into every type it fits.
func TestParquetTypes(t *testing.T) {
	f := func(node parquet.Node, typ string, v any, want string) {
		t.Helper()
		path := parquetFile(t, parquet.Group{"v": parquet.Optional(node)}, []parquet.Row{one(nil), one(v), one(nil)})
		expect(t, load(t, path, group(t, "v "+typ), Options{}), "null", want, "null")
	}
	fixed := func(b string) parquet.Value { return parquet.FixedLenByteArrayValue([]byte(b)) }
	binary := func(b string) parquet.Value { return parquet.ByteArrayValue([]byte(b)) }

	f(parquet.Leaf(parquet.BooleanType), "boolean", true, "1")
	f(parquet.Int(32), "boolean", int32(1), "1")
	f(parquet.Leaf(parquet.Int32Type), "int", int32(-5), "-5")
	f(parquet.Leaf(parquet.Int64Type), "tinyint", int64(-128), "-128")
	f(parquet.Int(8), "bigint", int32(7), "7")
	f(parquet.Uint(32), "bigint", parquet.Int32Value(-1), "4294967295")
	f(parquet.Uint(64), "bigint", parquet.Int64Value(math.MaxInt64), "9223372036854775807")
	f(parquet.Uint(64), "bigint", parquet.Int64Value(-1), `p.parquet:2: column "v": "18446744073709551615" is not a bigint`)
	f(parquet.Int(64), "int", int64(3e9), `p.parquet:2: column "v": 3000000000 is out of range of int (-2147483648 to 2147483647)`)
	f(parquet.Leaf(parquet.FloatType), "float", float32(0.1), "0.1")
	f(parquet.Leaf(parquet.FloatType), "double", float32(0.5), "0.5")
	f(parquet.Leaf(parquet.DoubleType), "double", 1e300, "1e+300")
	f(parquet.Leaf(parquet.DoubleType), "double", math.NaN(), "null v=NaN")
	f(parquet.Leaf(parquet.DoubleType), "float", math.Inf(-1), "null v=-Inf")
	f(parquet.Int(64), "double", int64(48), "48")
	f(parquet.Leaf(float16Type{parquet.FixedLenByteArrayType(2)}), "float", fixed("\x00\x3e"), "1.5")
	f(parquet.Leaf(float16Type{parquet.FixedLenByteArrayType(2)}), "double", fixed("\x01\x80"), "-5.960464477539063e-08")
	f(parquet.Leaf(float16Type{parquet.FixedLenByteArrayType(2)}), "double", fixed("\x00\x7c"), "null v=+Inf")

	f(parquet.Decimal(2, 9, parquet.Int32Type), "decimal(10,2)", int32(-5), "-0.05")
	f(parquet.Decimal(2, 18, parquet.Int64Type), "decimal(20,2)", int64(12345), "123.45")
	f(parquet.Decimal(3, 20, parquet.FixedLenByteArrayType(9)), "decimal(20,3)", fixed("\x00\x00\x00\x00\x00\x00\x00\x04\xd2"), "1.234")
	f(parquet.Decimal(0, 20, parquet.ByteArrayType), "decimal(20,0)", binary("\xff\x00"), "-256")
	f(parquet.Decimal(0, 9, parquet.Int32Type), "bigint", int32(12), "12")
	f(parquet.Decimal(1, 9, parquet.Int32Type), "double", int32(125), "12.5")
	f(parquet.Int(64), "decimal(10,2)", int64(7), "7.00")
	f(parquet.Decimal(3, 9, parquet.Int32Type), "decimal(10,2)", int32(1234), `p.parquet:2: column "v": 1.234 has too many digits after the point for decimal(10,2)`)

	f(parquet.String(), "string", "Zoë \"x\"", `"Zoë \"x\""`)
	f(parquet.Enum(), "string", "A", `"A"`)
	f(parquet.JSON(), "string", `{"a":1}`, `"{\"a\":1}"`)
	f(parquet.Leaf(parquet.ByteArrayType), "string", "plain", `"plain"`)
	f(parquet.Leaf(parquet.ByteArrayType), "string", "\xff", "p.parquet:2: column \"v\": not valid UTF-8 (value \"\\xff\")")
	f(parquet.String(), "string", "", `""`)
	f(parquet.Leaf(parquet.ByteArrayType), "binary", "\x01\x02", `"AQI="`)
	f(parquet.Leaf(parquet.FixedLenByteArrayType(2)), "binary", fixed("\x01\x02"), `"AQI="`)
	f(parquet.String(), "binary", "ab", `"YWI="`)
	f(parquet.UUID(), "string", fixed("\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff"), `"00112233-4455-6677-8899-aabbccddeeff"`)

	f(parquet.Date(), "date", int32(-1), `"1969-12-31"`)
	f(parquet.Date(), "timestamp", int32(1), `"1970-01-02 00:00:00"`)
	f(parquet.Timestamp(parquet.Millisecond), "timestamp(3)", int64(-1), `"1969-12-31 23:59:59.999"`)
	f(parquet.Timestamp(parquet.Microsecond), "timestamp(6)", int64(1_000_001), `"1970-01-01 00:00:01.000001"`)
	f(parquet.Timestamp(parquet.Nanosecond), "timestamp(9)", int64(1_000_000_001), `"1970-01-01 00:00:01.000000001"`)
	f(parquet.TimestampAdjusted(parquet.Microsecond, false), "timestamp", int64(1_999_999), `"1970-01-01 00:00:01"`)
	f(parquet.Int(64), "timestamp", int64(1_700_000_000_000), `"2023-11-14 22:13:20"`)
	nanos := uint64(4*time.Hour + 5*time.Nanosecond)
	f(parquet.Leaf(parquet.Int96Type), "timestamp(9)", parquet.Int96Value(deprecated.Int96{uint32(nanos), uint32(nanos >> 32), 2440589}), `"1970-01-02 04:00:00.000000005"`)

	f(parquet.String(), "array<int>", "[1, 2]", "[1,2]")
	f(parquet.JSON(), "struct<a:int,b:string>", `{"b":"x","a":1}`, `{"a":1,"b":"x"}`)
	// Plain bytes in a complex column are Avro, as Hopsworks stores such features, or JSON.
	f(parquet.Leaf(parquet.ByteArrayType), "array<bigint>", "\x02\x04\x02\xb6\x01\x02\x82\x01\x00", "[91,65]")
	f(parquet.Leaf(parquet.ByteArrayType), "struct<int1:bigint,int2:bigint>", "\x02\x02\x48\x02\x22", `{"int1":36,"int2":17}`)
	f(parquet.Leaf(parquet.ByteArrayType), "array<bigint>", "\x00", "null")
	f(parquet.Leaf(parquet.ByteArrayType), "array<bigint>", "[1, 2]", "[1,2]")
	f(parquet.String(), "array<int>", "[1,", `p.parquet:2: column "v": not JSON: unexpected end of the text at byte 3 (value "[1,")`)
}

func TestParquetMismatch(t *testing.T) {
	f := func(node parquet.Node, typ, want string) {
		t.Helper()
		path := parquetFile(t, parquet.Group{"v": node}, nil)
		expect(t, load(t, path, group(t, "v "+typ), Options{}), `p.parquet: column "v": `+want)
	}
	f(parquet.String(), "bigint", "the group's type is bigint, the file's STRING (BYTE_ARRAY)")
	f(parquet.Leaf(parquet.DoubleType), "int", "the group's type is int, the file's DOUBLE")
	f(parquet.Leaf(parquet.DoubleType), "decimal(10,2)", "the group's type is decimal(10,2), the file's DOUBLE")
	f(parquet.Decimal(2, 9, parquet.Int32Type), "int", "the group's type is int, the file's DECIMAL(9,2) (INT32)")
	f(parquet.Int(64), "string", "the group's type is string, the file's INT(64,true) (INT64)")
	f(parquet.Timestamp(parquet.Millisecond), "date", "the group's type is date, the file's TIMESTAMP(isAdjustedToUTC=true,unit=MILLIS) (INT64)")
	f(parquet.Time(parquet.Millisecond), "timestamp", "the group's type is timestamp, the file's TIME(isAdjustedToUTC=true,unit=MILLIS) (INT32)")
	f(parquet.List(parquet.String()), "array<int>", "in its elements: the group's type is int, the file's STRING (BYTE_ARRAY)")
	f(parquet.List(parquet.String()), "string", "the group's type is string, the file's LIST")
	f(parquet.Repeated(parquet.Int(32)), "int", "the group's type is int, the file's repeated INT(32,true) (INT32)")
	f(parquet.Int(32), "array<int>", "the group's type is array<int>, the file's INT(32,true) (INT32)")
	f(parquet.Group{"x": parquet.Int(32)}, "map<string,int>", "the group's type is map<string,int>, the file's a group of x")
	f(parquet.Group{"x": parquet.Int(32), "y": parquet.Int(32)}, "struct<x:int>", `its type struct<x:int> has no field "y", the file has; --ignore-unknown leaves it out`)
	f(parquet.Map(parquet.Leaf(parquet.DoubleType), parquet.Int(32)), "map<string,int>", "in its keys: the group's type is string or bigint, the file's DOUBLE")

	// The shape of the file as a whole.
	path := parquetFile(t, parquet.Group{"id": parquet.Optional(parquet.Int(64)), "x": parquet.Int(32)}, []parquet.Row{
		{parquet.ValueOf(int64(1)).Level(0, 1, 0), parquet.ValueOf(int32(1)).Level(0, 0, 1)},
		{parquet.NullValue().Level(0, 0, 0), parquet.ValueOf(int32(2)).Level(0, 0, 1)},
		{parquet.ValueOf(int64(3)).Level(0, 1, 0), parquet.ValueOf(int32(3)).Level(0, 0, 1)},
	})
	g := group(t, "ID* bigint", "n int=9")
	expect(t, load(t, path, g, Options{}), `p.parquet: column "x" is not a column of group g (which has ID, n); --ignore-unknown leaves such columns out`)
	expect(t, load(t, path, g, Options{IgnoreUnknown: true}), `1,9`, `p.parquet:2: column "ID": is null, and a key column cannot be`, `3,9`)
	expect(t, load(t, path, group(t, "id bigint", "x int", "at@ timestamp"), Options{}),
		`p.parquet: column "at" is missing: it is the event time of group g (the file has id, x)`)
	expect(t, load(t, file(t, "p.parquet", "id,x\n1,2\n"), g, Options{}), "p.parquet: is not a Parquet file, or a damaged one: it is too short")
	expect(t, load(t, file(t, "p.parquet", "id,x\n1,2,3,4,5,6,7\n"), g, Options{}), "p.parquet: is not a Parquet file, or a damaged one: it does not end with PAR1")
	expect(t, load(t, file(t, "p.parquet", "PAR1....\xff\xff\xff\xffPAR1"), g, Options{}), "p.parquet: is not a Parquet file, or a damaged one: its footer of 4294967295 bytes is longer than the file")
}

type event struct {
	ID    int64              `parquet:"id"`
	Name  *string            `parquet:"name,optional"`
	Tags  []string           `parquet:"tags,list,optional"`
	Plain []int32            `parquet:"plain"`
	Home  *place             `parquet:"home,optional"`
	Stops []place            `parquet:"stops,list"`
	Score map[string]float64 `parquet:"score"`
	At    time.Time          `parquet:"at,timestamp(microsecond)"`
}

type place struct {
	City string    `parquet:"city"`
	XY   []float32 `parquet:"xy,list"`
	Raw  []byte    `parquet:"raw,optional"`
}

// eventColumns are the columns that rows of event load into.
var eventColumns = []string{
	"id* bigint", "name string", "tags array<string>", "plain array<int>",
	"home struct<city:string,xy:array<float>,raw:binary,none:int>", "stops array<struct<CITY:string,xy:array<double>,raw:binary>>",
	"score map<string,double>", "at timestamp(6)",
}

func eventFile(t testing.TB, rows []event, o ...parquet.WriterOption) string {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewGenericWriter[event](&b, o...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return file(t, "p.parquet", b.String())
}

func TestParquetNested(t *testing.T) {
	name, at := "Ann", time.UnixMicro(1).UTC()
	path := eventFile(t, []event{
		{ID: 1, Name: &name, Tags: []string{"a", "b\""}, Plain: []int32{1, 2, 3}, Home: &place{City: "Rom", XY: []float32{1, 2.5}, Raw: []byte{1}}, At: at},
		{ID: 2, At: at},
		{ID: 3, Stops: []place{{City: "x"}, {City: "y", XY: []float32{9}}}, Score: map[string]float64{"p": 0.5}, Plain: []int32{}, Home: &place{}, At: at},
		{ID: 4, Tags: []string{""}, Score: map[string]float64{"": -1}, At: at},
	}, parquet.MaxRowsPerRowGroup(2))
	expect(t, load(t, path, group(t, eventColumns...), Options{}),
		`1,"Ann",["a","b\""],[1,2,3],{"city":"Rom","xy":[1,2.5],"raw":"AQ==","none":null},[],{},"1970-01-01 00:00:00.000001"`,
		`2,null,null,[],null,[],{},"1970-01-01 00:00:00.000001"`,
		`3,null,null,[],{"city":"","xy":[],"raw":null,"none":null},[{"CITY":"x","xy":[],"raw":null},{"CITY":"y","xy":[9],"raw":null}],{"p":0.5},"1970-01-01 00:00:00.000001"`,
		`4,null,[""],[],null,[],{"":-1},"1970-01-01 00:00:00.000001"`)
}

// TestParquetLists reads the shapes that writers give to lists and maps.
func TestParquetLists(t *testing.T) {
	f := func(node parquet.Node, typ string, want []string, rows ...parquet.Row) {
		t.Helper()
		path := parquetFile(t, parquet.Group{"v": node}, rows)
		expect(t, load(t, path, group(t, "v "+typ), Options{}), want...)
	}
	num := func(v, rep, def int) parquet.Value { return parquet.ValueOf(int32(v)).Level(rep, def, 0) }
	null := func(rep, def int) parquet.Value { return parquet.NullValue().Level(rep, def, 0) }
	i32 := parquet.Int(32)

	// Three levels, everything optional: null, empty, null elements.
	three := parquet.Optional(parquet.List(parquet.Optional(i32)))
	f(three, "array<int>", []string{"null", "[]", "[null]", "[1,null,2]"},
		parquet.Row{null(0, 0)}, parquet.Row{null(0, 1)}, parquet.Row{null(0, 2)},
		parquet.Row{num(1, 0, 3), null(1, 2), num(2, 1, 3)})
	// Two levels: the repeated field is the element.
	two := listNode{parquet.Group{"element": parquet.Repeated(i32)}}
	f(two, "array<int>", []string{"[]", "[1,2]"}, parquet.Row{null(0, 0)}, parquet.Row{num(1, 0, 1), num(2, 1, 1)})
	// Two levels: a repeated group of the name "array" is a struct of one field.
	array := listNode{parquet.Group{"array": parquet.Repeated(parquet.Group{"a": i32})}}
	f(array, "array<struct<a:int>>", []string{`[{"a":1}]`}, parquet.Row{num(1, 0, 1)})
	// Lists in lists.
	deep := parquet.List(parquet.List(i32))
	f(deep, "array<array<int>>", []string{"[]", "[[]]", "[[1,2],[],[3]]"},
		parquet.Row{null(0, 0)}, parquet.Row{null(0, 1)},
		parquet.Row{num(1, 0, 2), num(2, 2, 2), null(1, 1), num(3, 1, 2)})
	// Maps with integer keys.
	entry := func(k, v, rep, def int) parquet.Row {
		return parquet.Row{num(k, rep, def), parquet.ValueOf(int32(v)).Level(rep, def, 1)}
	}
	pairs := parquet.Row{entry(1, 10, 0, 1)[0], entry(2, 20, 1, 1)[0], entry(1, 10, 0, 1)[1], entry(2, 20, 1, 1)[1]}
	f(parquet.Map(i32, i32), "map<string,int>", []string{`{"1":10,"2":20}`}, pairs)
	f(parquet.List(i32), "Embedding[2]", []string{"[1,2]", `p.parquet:2: column "v": 1 elements where Embedding[2] needs 2 (value "[1]")`}, parquet.Row{num(1, 0, 1), num(2, 1, 1)}, parquet.Row{num(1, 0, 1)})
}

// listNode annotates a group as a LIST, whatever its shape.
type listNode struct{ parquet.Group }

func (listNode) Type() parquet.Type { return parquet.List(parquet.Int(32)).Type() }

// TestParquetBadRows checks that a bad cell, also deep inside a list, does not shift
// the columns behind it.
func TestParquetBadRows(t *testing.T) {
	type row struct {
		A []string `parquet:"a,list"`
		B []int64  `parquet:"b,list"`
		C string   `parquet:"c"`
		D int64    `parquet:"d"`
	}
	var b bytes.Buffer
	w := parquet.NewGenericWriter[row](&b)
	_, err := w.Write([]row{
		{[]string{"x", "y"}, []int64{1, 2}, "1", 1},
		{[]string{"x", "\xff", "z"}, []int64{1, 2}, "2", 2},
		{[]string{"x"}, []int64{1, 1 << 40, 3}, "3", 3},
		{[]string{}, []int64{4}, "long", 4},
		{nil, nil, "5", 1 << 40},
		{[]string{"z"}, []int64{6}, "6", 6},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	g := group(t, "a array<string>", "b array<int>", "c varchar(2)", "d* int")
	expect(t, load(t, file(t, "p.parquet", b.String()), g, Options{}),
		`["x","y"],[1,2],"1",1`,
		`p.parquet:2: column "a": holds text that is not valid UTF-8`,
		`p.parquet:3: column "b": element 1: 1099511627776 is out of range of int (-2147483648 to 2147483647) (value "[1,1099511627776,3]")`,
		`p.parquet:4: column "c": "long" is longer than 2 characters`,
		`p.parquet:5: column "d": 1099511627776 is out of range of int (-2147483648 to 2147483647)`,
		`["z"],[6],"6",6`)
}

// TestParquetEncodings reads the same rows in every combination of page version,
// compression and encoding, with pages and row groups so small that rows lie across
// them in all ways.
func TestParquetEncodings(t *testing.T) {
	var rows []event
	for i := range 300 {
		e := event{ID: int64(i), At: time.UnixMicro(int64(i) * 1e6).UTC(), Plain: make([]int32, i%5)}
		if i%3 > 0 {
			name := fmt.Sprint("name", i%17)
			e.Name = &name
		}
		for j := range i % 4 {
			e.Tags = append(e.Tags, fmt.Sprint("tag", j))
			e.Stops = append(e.Stops, place{City: fmt.Sprint("city", i%11), XY: []float32{float32(i), float32(j)}})
		}
		rows = append(rows, e)
	}
	g := group(t, eventColumns...)
	want := load(t, eventFile(t, rows), g, Options{})
	if len(want) != len(rows) || strings.Contains(want[0], "p.parquet") {
		t.Fatalf("%d rows, first %s", len(want), want[0])
	}
	f := func(name string, o ...parquet.WriterOption) {
		t.Helper()
		got := load(t, eventFile(t, rows, append(o, parquet.PageBufferSize(512), parquet.MaxRowsPerRowGroup(110))...), g, Options{})
		for i := range want {
			if i >= len(got) || got[i] != want[i] {
				t.Errorf("%s: %d rows, want %d; row %d differs", name, len(got), len(want), i+1)
				return
			}
		}
	}
	for _, version := range []int{1, 2} {
		for _, c := range []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Brotli, &parquet.Zstd, &parquet.Lz4Raw} {
			f(fmt.Sprint("version ", version, " ", c), parquet.DataPageVersion(version), parquet.Compression(c))
		}
		for _, e := range []encoding.Encoding{&parquet.Plain, &parquet.RLEDictionary} {
			f(fmt.Sprint("version ", version, " ", e), parquet.DataPageVersion(version), parquet.DefaultEncoding(e))
		}
		f(fmt.Sprint("version ", version, " delta"), parquet.DataPageVersion(version),
			parquet.DefaultEncodingFor(parquet.Int32, &parquet.DeltaBinaryPacked), parquet.DefaultEncodingFor(parquet.Int64, &parquet.DeltaBinaryPacked),
			parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.DeltaByteArray), parquet.DefaultEncodingFor(parquet.Float, &parquet.ByteStreamSplit))
		f(fmt.Sprint("version ", version, " delta lengths"), parquet.DataPageVersion(version),
			parquet.DefaultEncodingFor(parquet.ByteArray, &parquet.DeltaLengthByteArray))
	}
}

// FuzzParquet damages a file: it may be refused or read, but nothing else.
func FuzzParquet(f *testing.F) {
	name := "x"
	whole, err := os.ReadFile(eventFile(f, []event{{ID: 1, Name: &name, Tags: []string{"a"}}, {ID: 2}}))
	if err != nil {
		f.Fatal(err)
	}
	g := group(f, eventColumns...)
	f.Add(uint16(len(whole)-20), byte(1), uint16(10), byte(0))
	f.Add(uint16(4), byte(255), uint16(60), byte(7))
	f.Fuzz(func(t *testing.T, at uint16, b byte, at2 uint16, b2 byte) {
		damaged := bytes.Clone(whole)
		damaged[int(at)%len(whole)] ^= b
		damaged[int(at2)%len(whole)] ^= b2
		if len(load(t, file(t, "p.parquet", string(damaged)), g, Options{})) > 1000 {
			t.Error("more rows than can be")
		}
	})
}
