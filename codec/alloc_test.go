//go:build !race

package codec

import (
	"strings"
	"testing"
)

func noAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	f() // warm up
	if n := testing.AllocsPerRun(100, f); n != 0 {
		t.Errorf("%s: %v allocations, want 0", what, n)
	}
}

func TestScanningDoesNotAllocate(t *testing.T) {
	single, batch := []byte(singleRequest), []byte(batchEntries)
	noAllocs(t, "single request", func() {
		s := NewScanner(single)
		s.Object()
		for _, ok := s.NextField(); ok; _, ok = s.NextField() {
			s.Value()
		}
		if s.End() != nil {
			t.Fatal(s.End())
		}
	})
	noAllocs(t, "batch", func() {
		s := NewScanner(batch)
		s.Array()
		for s.NextElement() {
			s.Object()
			for _, ok := s.NextField(); ok; _, ok = s.NextField() {
				s.Value()
			}
		}
		if s.End() != nil {
			t.Fatal(s.End())
		}
	})
}

func TestKeysDoNotAllocate(t *testing.T) {
	dst := make([]byte, 0, 100)
	for _, c := range [][2]string{
		{"bigint", "12345"},
		{"bigint", `"12345"`},
		{"boolean", "true"},
		{"string", `"customer"`},
		{"string", `"caf\u00e9"`},
		{"string", "12"},
		{"varchar(4)", `"caf\u00e9"`},
		{"decimal(10,2)", "1.5"},
		{"date", `"2022-01-31"`},
		{"timestamp(3)", `"2022-01-31T23:59:59.123Z"`},
		{"binary", `"MA=="`},
	} {
		ty, token := sqlType(t, c[0]), []byte(c[1])
		noAllocs(t, c[0]+" "+c[1], func() {
			if _, err := AppendKeyJSON(dst, ty, token); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestReadingRowsDoesNotAllocate(t *testing.T) {
	s := schemaOf(t, "bigint", "double", "string", "timestamp")
	var w RowWriter
	fillRow(&w, s)
	row, err := w.Row(nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	noAllocs(t, "row", func() {
		r, err := ParseRow(row)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out[:0], r.Run(0, 4)...)
		out = append(out, r.Cell(2)...)
		if r.Special(1) != None || r.Time() != 1 || r.SchemaID() != 7 {
			t.Fatal("wrong row")
		}
	})
}

func TestWritingRowsDoesNotAllocate(t *testing.T) {
	s := schemaOf(t, "bigint", "double", "string", "timestamp", "decimal(10,2)", "binary", "boolean", "date",
		"array<struct<a:int,b:boolean>>", "map<string,double>", "Embedding[3]", "string", "string", "float", "double")
	values := []string{
		"12345", "1234.5678", `"caf\u00e9"`, `"2022-01-31 23:59:59"`, "1234.5", `"MA=="`, "true", `"2022-01-31"`,
		`[{"a":1,"b":true},{"b":false}]`, `"{\"b\":1.5,\"a\":2.5}"`, "[1,2,3]", `{"x": [1, 2]}`, `"plain"`, "1.1", `"nan"`,
	}
	raw := make([][]byte, len(values))
	for i, v := range values {
		raw[i] = []byte(v)
	}
	var w RowWriter
	var row []byte
	noAllocs(t, "row of JSON", func() {
		w.Reset(s)
		for _, v := range raw {
			if err := w.JSON(v); err != nil {
				t.Fatal(err)
			}
		}
		var err error
		if row, err = w.Row(row[:0], 1); err != nil {
			t.Fatal(err)
		}
	})
	typed := schemaOf(t, "bigint", "double", "string", "timestamp", "decimal(10,2)", "decimal(10,2)", "boolean", "date", "binary", "date", "bigint", "double")
	text, blob := strings.Repeat("text", 10), []byte("blob")
	noAllocs(t, "row of values", func() {
		w.Reset(typed)
		for i, err := range [...]error{
			w.Int(1), w.Float(1.5), w.Text(text), w.Timestamp(1), w.Int(2), w.Float(0.25), w.Bool(true), w.Date(1), w.Bytes(blob), w.Text("2022-01-31"), w.Null(),
			w.Default(),
		} {
			if err != nil {
				t.Fatal(i, err)
			}
		}
		var err error
		if row, err = w.Row(row[:0], 1); err != nil {
			t.Fatal(err)
		}
	})
}
