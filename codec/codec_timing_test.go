package codec

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// Inputs of the sizes that the performance notes speak of.
const singleRequest = `{"featureStoreName":"fsdb002","featureViewName":"sample_2","featureViewVersion":1,"entries":{"id1":36},"passedFeatures":{},"options":{"includeDetailedStatus":true}}`

var batchEntries = "[" + strings.TrimSuffix(strings.Repeat(`{"id1":12345},`, 100), ",") + "]"

func BenchmarkScanSingleRequest(b *testing.B) {
	text := []byte(singleRequest)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s := NewScanner(text)
		s.Object()
		for _, ok := s.NextField(); ok; _, ok = s.NextField() {
			s.Value()
		}
		if s.End() != nil {
			b.Fatal(s.End())
		}
	}
}

func BenchmarkScanSingleEntries(b *testing.B) {
	text := []byte(`{"id1":36,"fg2_id1":"abcdef"}`)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s := NewScanner(text)
		s.Object()
		for _, ok := s.NextField(); ok; _, ok = s.NextField() {
			s.Value()
		}
		if s.End() != nil {
			b.Fatal(s.End())
		}
	}
}

func BenchmarkScanBatchEntries100(b *testing.B) {
	text := []byte(batchEntries)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s := NewScanner(text)
		s.Array()
		for s.NextElement() {
			s.Object()
			for _, _, kind := s.NextMember(); kind != JSONInvalid; _, _, kind = s.NextMember() {
			}
		}
		if s.End() != nil {
			b.Fatal(s.End())
		}
	}
}

// The same with the work that a batch read does per entry: compare the name, make the
// key.
func BenchmarkBatchEntriesToKeys100(b *testing.B) {
	text := []byte(batchEntries)
	ty := sqlType(b, "bigint")
	var keys []byte
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		keys = keys[:0]
		s := NewScanner(text)
		s.Array()
		for s.NextElement() {
			s.Object()
			for name, ok := s.NextField(); ok; name, ok = s.NextField() {
				raw, _ := s.Value()
				if string(name) == "id1" {
					keys, _ = AppendKeyJSON(keys, ty, raw)
				}
			}
		}
		if s.End() != nil || len(keys) != 800 {
			b.Fatal(s.End())
		}
	}
}

func BenchmarkScanValueWhole(b *testing.B) {
	for name, text := range map[string]string{
		"single": singleRequest, "batch100": batchEntries, "text1KB": `"` + strings.Repeat("abcdefghij", 100) + `"`, "umlauts1KB": `"` + strings.Repeat("äöü", 170) + `"`,
	} {
		b.Run(name, func(b *testing.B) {
			raw := []byte(text)
			b.SetBytes(int64(len(raw)))
			for b.Loop() {
				s := NewScanner(raw)
				s.Value()
				if s.End() != nil {
					b.Fatal(s.End())
				}
			}
		})
	}
}

func BenchmarkKey(b *testing.B) {
	for _, c := range [][2]string{
		{"bigint", "12345"},
		{"bigint", `"12345"`},
		{"string", `"customer-000012345"`},
		{"string", `"caf\u00e9"`},
		{"date", `"2022-01-31"`},
		{"timestamp", `"2022-01-31 23:59:59"`},
		{"decimal(10,2)", "1234.5"},
		{"binary", `"AAECAwQFBgcICQ=="`},
	} {
		b.Run(c[0]+"/"+strings.ReplaceAll(c[1], "/", "_"), func(b *testing.B) {
			ty := sqlType(b, c[0])
			token := []byte(c[1])
			var key []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if key, err = AppendKeyJSON(key[:0], ty, token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// timedRow is a row of n columns: integers, floats, texts, timestamps in turn.
func timedRow(b *testing.B, n int) (*Schema, []byte) {
	b.Helper()
	types := []string{"bigint", "double", "string", "timestamp"}
	var texts []string
	for i := range n {
		texts = append(texts, types[i%4])
	}
	s := schemaOf(b, texts...)
	var w RowWriter
	fillRow(&w, s)
	row, err := w.Row(nil, 1)
	if err != nil {
		b.Fatal(err)
	}
	return s, row
}

func fillRow(w *RowWriter, s *Schema) {
	w.Reset(s)
	for i := range s.Columns {
		switch i % 4 {
		case 0:
			_ = w.Int(int64(i) * 1234567)
		case 1:
			_ = w.Float(float64(i) * 1.37)
		case 2:
			_ = w.Text("some text value")
		default:
			_ = w.Timestamp(1643673599000000)
		}
	}
}

func BenchmarkRow(b *testing.B) {
	for _, n := range []int{20, 100} {
		_, row := timedRow(b, n)
		out := make([]byte, 0, 8<<10)
		b.Run("whole/"+strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := ParseRow(row)
				if err != nil {
					b.Fatal(err)
				}
				out = append(out[:0], r.Run(0, n)...)
			}
		})
		b.Run("cells/"+strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := ParseRow(row)
				if err != nil {
					b.Fatal(err)
				}
				out = out[:0]
				for i := range n {
					out = append(append(out, r.Cell(i)...), ',')
				}
			}
		})
		b.Run("parse/"+strconv.Itoa(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ParseRow(row); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRowWrite(b *testing.B) {
	for _, n := range []int{20, 100} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			s, _ := timedRow(b, n)
			var w RowWriter
			var row []byte
			b.ReportAllocs()
			for b.Loop() {
				fillRow(&w, s)
				var err error
				if row, err = w.Row(row[:0], 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCell(b *testing.B) {
	for _, c := range [][2]string{
		{"bigint", "1234567"},
		{"double", "1234.5678"},
		{"float", "1.1"},
		{"decimal(10,2)", "1234.5"},
		{"boolean", "true"},
		{"string", `"some text value"`},
		{"string", `"caf\u00e9\n"`},
		{"binary", `"AAECAwQFBgcICQ=="`},
		{"date", `"2022-01-31"`},
		{"timestamp", `"2022-01-31 23:59:59"`},
		{"timestamp(3)", "1643673599123"},
		{"timestamp", `"Mon, 31 Jan 2022 23:59:59 +0000"`},
		{"array<bigint>", "[1,2,3,4,5,6,7,8]"},
		{"struct<int1:bigint,int2:bigint>", `{"int1":36,"int2":17}`},
		{"map<string,double>", `{"b":1.5,"a":2.5}`},
	} {
		b.Run(c[0]+"/"+strings.ReplaceAll(c[1], "/", "_"), func(b *testing.B) {
			ty := sqlType(b, c[0])
			raw := []byte(c[1])
			var cell []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if cell, _, err = AppendCellJSON(cell[:0], ty, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
