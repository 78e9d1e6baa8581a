package ingest

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstandard(t testing.TB, text string, o ...zstd.EOption) string {
	t.Helper()
	var b bytes.Buffer
	z, err := zstd.NewWriter(&b, append(o, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestCompressed(t *testing.T) {
	g := group(t, "id* bigint", "name string")
	csv, jsonl := "id,name\n1,a\n2,b\n", `{"id":1,"name":"a"}`+"\n"+`{"id":2,"name":"b"}`+"\n"
	f := func(name, data string, want ...string) {
		t.Helper()
		expect(t, load(t, file(t, name, data), g, Options{}), want...)
	}
	rows := []string{`1,"a"`, `2,"b"`}
	f("p.csv.gz", gzipped(t, csv), rows...)
	f("p.csv.zst", zstandard(t, csv), rows...)
	f("P.JSONL.GZ", gzipped(t, jsonl), rows...)
	f("p.ndjson.zst", zstandard(t, jsonl), rows...)
	// Several members one after another are one file, as gzip and zstd have it.
	f("p.csv.gz", gzipped(t, csv[:10])+gzipped(t, csv[10:]), rows...)
	f("p.csv.zst", zstandard(t, csv[:10])+zstandard(t, csv[10:]), rows...)

	f("p.csv.gz", csv, "p.csv.gz: is not gzip data: gzip: invalid header")
	f("p.csv.zst", csv, "p.csv.zst: the zstd data is damaged or cut off: invalid input: magic number mismatch")
	whole := gzipped(t, csv)
	f("p.csv.gz", whole[:len(whole)-4], `1,"a"`, `2,"b"`, "p.csv.gz:3: the gzip data is damaged or cut off: unexpected EOF")
	f("p.parquet.gz", whole, "p.parquet.gz: Parquet files are compressed inside and must be read from anywhere in them; unpack the .gz first")
	f("p.xml", whole, "p.xml: cannot tell its format from its name; known are "+Extensions)
	f("p.gz", whole, "p.gz: cannot tell its format from its name; known are "+Extensions)
}

func TestOpenNoFile(t *testing.T) {
	dir := t.TempDir()
	for name, want := range map[string]string{"none.csv": "no such file or directory", "sub.csv": "is a folder; name the files in it"} {
		if name == "sub.csv" {
			if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := Open(filepath.Join(dir, name), group(t, "id bigint"), Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", name, err, want)
		}
	}
}

// zeros yields n zero bytes.
type zeros struct{ n int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.n <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.n)
	clear(p[:n])
	z.n -= n
	return int(n), nil
}

// TestBombs unpacks small files that hold 48 MiB in one line:
// the reading stops at the longest line allowed, without taking much more memory.
func TestBombs(t *testing.T) {
	const size = 48 << 20
	g := group(t, "id* bigint", "name string")
	head := "id,name\n1,"
	var gz, zst bytes.Buffer
	zw, err := gzip.NewWriterLevel(&gz, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	sw, err := zstd.NewWriter(&zst, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{zw, sw} {
		if _, err := io.Copy(w, io.MultiReader(strings.NewReader(head), &zeros{size})); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, data := range map[string]string{"p.csv.gz": gz.String(), "p.csv.zst": zst.String(), "p.jsonl.gz": gz.String()} {
		path := file(t, name, data)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got := load(t, path, g, Options{})
		runtime.ReadMemStats(&after)
		want := name + ":2: the line is longer than 16 MiB"
		if last := got[len(got)-1]; last != want {
			t.Errorf("%s (%d bytes): %q, want %q", name, len(data), last, want)
		}
		// Doubling a buffer up to 16 MiB allocates several times that in all.
		if grew := after.TotalAlloc - before.TotalAlloc; grew > 128<<20 {
			t.Errorf("%s: reading it allocated %d MiB", name, grew>>20)
		}
	}
}

// TestWindow refuses a zstd frame that asks for a larger history than is kept.
func TestWindow(t *testing.T) {
	// Magic, a frame header without single segment whose window descriptor asks for
	// 2 GiB, then an empty last block.
	frame := "\x28\xb5\x2f\xfd\x00" + "\xa8" + "\x01\x00\x00"
	got := load(t, file(t, "p.csv.zst", frame), group(t, "id* bigint"), Options{})
	expect(t, got, "p.csv.zst: the zstd data is damaged or cut off: window size exceeded")
}
