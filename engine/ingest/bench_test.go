package ingest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// benchRow is one row of the benchmarks' files: two keys, three numbers, a time.
type benchRow struct {
	Origin      string  `parquet:"origin,dict"`
	Destination string  `parquet:"destination,dict"`
	Flights     int64   `parquet:"flights"`
	Mean        float64 `parquet:"mean"`
	Late        float64 `parquet:"late"`
	Seen        int64   `parquet:"seen,timestamp(microsecond)"`
}

const benchRows = 50_000

// BenchmarkSource reads a file of 50,000 rows of six columns per operation.
func BenchmarkSource(b *testing.B) {
	dir := b.TempDir()
	var csv, jsonl, quoted strings.Builder
	csv.WriteString("origin,destination,flights,mean,late,seen\n")
	quoted.WriteString("origin,destination,flights,mean,late,seen\n")
	rows := make([]benchRow, benchRows)
	for i := range rows {
		r := benchRow{fmt.Sprintf("A%02d", i%97), fmt.Sprintf("B%04d", i%9973), int64(i), float64(i%1000) / 8, float64(i%97) / 97, int64(i) * 1e6}
		rows[i] = r
		seen := fmt.Sprintf("2001-01-%02d %02d:%02d:%02d", 1+i%28, i%24, i%60, i%59)
		fmt.Fprintf(&csv, "%s,%s,%d,%g,%g,%s\n", r.Origin, r.Destination, r.Flights, r.Mean, r.Late, seen)
		fmt.Fprintf(&quoted, "\"%s\",\"%s\",%d,%g,%g,\"%s\"\n", r.Origin, r.Destination, r.Flights, r.Mean, r.Late, seen)
		fmt.Fprintf(&jsonl, `{"origin":"%s","destination":"%s","flights":%d,"mean":%g,"late":%g,"seen":"%s"}`+"\n", r.Origin, r.Destination, r.Flights, r.Mean, r.Late, seen)
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			b.Fatal(err)
		}
	}
	write("rows.csv", csv.String())
	write("quoted.csv", quoted.String())
	write("rows.jsonl", jsonl.String())
	write("rows.csv.gz", gzipped(b, csv.String()))
	write("rows.csv.zst", zstandard(b, csv.String()))
	if err := parquet.WriteFile(filepath.Join(dir, "rows.parquet"), rows, parquet.Compression(&parquet.Zstd)); err != nil {
		b.Fatal(err)
	}
	target := group(b, "origin* string", "destination* string", "flights bigint", "mean double", "late double", "seen@ timestamp")
	for _, name := range []string{"rows.csv", "quoted.csv", "rows.csv.gz", "rows.csv.zst", "rows.jsonl", "rows.parquet"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var row []byte
			for b.Loop() {
				s, err := Open(filepath.Join(dir, name), target, Options{})
				if err != nil {
					b.Fatal(err)
				}
				w := NewWriter(io.Discard, target.Schema.ID)
				for {
					row, err = s.Next(row[:0])
					if errors.Is(err, io.EOF) {
						break
					}
					if err == nil {
						err = w.Add(row)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				if s.Rows() != benchRows {
					b.Fatalf("%d rows, want %d", s.Rows(), benchRows)
				}
				if err := errors.Join(w.Close(), s.Close()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
