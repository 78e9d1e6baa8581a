package ingest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cespare/xxhash/v2"

	"quiver/codec"
)

// testRow makes a row of one string column.
func testRow(t testing.TB, schema uint32, text string) []byte {
	t.Helper()
	typ, err := codec.ParseType("string", codec.SpellingSQL)
	if err != nil {
		t.Fatal(err)
	}
	var w codec.RowWriter
	w.Reset(&codec.Schema{ID: schema, Columns: []codec.Column{{Name: "s", Type: typ}}})
	if err := w.Text(text); err != nil {
		t.Fatal(err)
	}
	row, err := w.Row(nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

func stream(t testing.TB, schema uint32, rows ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b, schema)
	for _, r := range rows {
		if err := w.Add(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("closing twice: %v", err)
	}
	if w.Rows() != uint64(len(rows)) {
		t.Fatalf("the writer counts %d rows, want %d", w.Rows(), len(rows))
	}
	return b.Bytes()
}

func readAll(r io.Reader) (rows []string, schema uint32, err error) {
	s := NewReader(r)
	if schema, err = s.SchemaID(); err != nil {
		return nil, 0, err
	}
	for {
		row, err := s.Next()
		if errors.Is(err, io.EOF) {
			return rows, schema, nil
		}
		if err != nil {
			return rows, schema, err
		}
		rows = append(rows, string(row))
	}
}

func TestStream(t *testing.T) {
	f := func(rows ...[]byte) {
		t.Helper()
		b := stream(t, 9, rows...)
		for name, r := range map[string]io.Reader{"whole": bytes.NewReader(b), "bytewise": iotest.OneByteReader(bytes.NewReader(b))} {
			got, schema, err := readAll(r)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if schema != 9 || len(got) != len(rows) {
				t.Fatalf("%s: schema %d and %d rows, want 9 and %d", name, schema, len(got), len(rows))
			}
			for i := range rows {
				if got[i] != string(rows[i]) {
					t.Errorf("%s: row %d is %q, want %q", name, i, got[i], rows[i])
				}
			}
		}
	}
	f()
	f(testRow(t, 9, ""))
	f(testRow(t, 9, "a"), testRow(t, 9, "b"), testRow(t, 9, strings.Repeat("c", 70_000)))
	// Several blocks, and a row far beyond a block's usual size.
	var many [][]byte
	for i := range 5000 {
		many = append(many, testRow(t, 9, fmt.Sprint(strings.Repeat("x", i%300), i)))
	}
	many = append(many, testRow(t, 9, strings.Repeat("y", 5<<20)))
	f(many...)
}

// TestStreamPinned pins the bytes of the format: streams are written by clients of other
// versions than the server's.
func TestStreamPinned(t *testing.T) {
	got := fmt.Sprintf("%x", stream(t, 0x01020304, testRow(t, 0x01020304, "a")))
	row := testRow(t, 0x01020304, "a") // pinned by package codec
	payload := fmt.Sprintf("%02x%x", len(row), row)
	sum := func(b string) string {
		var raw []byte
		fmt.Sscanf(b, "%x", &raw)
		return fmt.Sprintf("%x", binary.LittleEndian.AppendUint64(nil, xxhash.Sum64(raw)))
	}
	want := "51564c53" + "01" + "00" + "0000" + "04030201" +
		"42" + "01000000" + fmt.Sprintf("%02x000000", len(row)+1) + sum(payload) + payload +
		"45" + "0100000000000000" + sum("0100000000000000")
	if got != want {
		t.Errorf("stream\n%s, want\n%s", got, want)
	}
}

func TestStreamDamaged(t *testing.T) {
	whole := stream(t, 9, testRow(t, 9, "first"), testRow(t, 9, "second"))
	f := func(b []byte, want string) {
		t.Helper()
		_, _, err := readAll(bytes.NewReader(b))
		if !errors.Is(err, ErrStream) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	f(nil, "it is cut off within its header")
	f([]byte("PAR1 and more"), "it does not begin with QVLS")
	f(append([]byte("QVLS\x02"), whole[5:]...), "format version 2, this program reads 1")
	f(append(bytes.Clone(whole), 0), "there are bytes behind its end")
	for n := range whole {
		f(whole[:n], "it is cut off")
	}
	// Every flipped bit is noticed, but for those of the schema id, with which the
	// rows then disagree.
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			f(b, "")
		}
	}
	f(stream(t, 9, testRow(t, 8, "x")), "row 1 has schema 8, the stream 9")
	f(stream(t, 9, testRow(t, 9, "x"), []byte("no row")), "row 2: not a row")
	huge := append(bytes.Clone(whole[:headerSize]), frameBlock, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0)
	f(huge, "a block claims 1 rows in 2147483647 bytes")
}

func TestStreamBrokenPipe(t *testing.T) {
	broken := errors.New("broken")
	whole := stream(t, 9, testRow(t, 9, "first"))
	_, _, err := readAll(io.MultiReader(bytes.NewReader(whole[:20]), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || errors.Is(err, ErrStream) {
		t.Errorf("error %v, want the reader's", err)
	}
	w := NewWriter(failing{broken}, 9)
	if err := w.Add(testRow(t, 9, "x")); !errors.Is(err, broken) {
		t.Errorf("Add: %v, want the writer's error", err)
	}
	if err := w.Close(); !errors.Is(err, broken) {
		t.Errorf("Close: %v, want the writer's error", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// FuzzStream feeds the reader with anything: as it is, and as the payload of a block
// whose frame and checksums are right. It must not panic, and what it takes it must give
// back the same after being written again.
func FuzzStream(f *testing.F) {
	f.Add(stream(f, 9), uint32(0))
	f.Add(stream(f, 9, testRow(f, 9, "a"), testRow(f, 9, "")), uint32(0))
	f.Add([]byte("QVLS\x01\x00\x00\x00\x09\x00\x00\x00B\x01\x00\x00\x00\x01\x00\x00\x00"), uint32(0))
	two := stream(f, 9, testRow(f, 9, "a"), testRow(f, 9, ""))
	f.Add(two[headerSize+blockHeaderSize:len(two)-endSize], uint32(2))
	f.Fuzz(func(t *testing.T, b []byte, count uint32) {
		if count > 0 {
			payload := b
			b = append([]byte("QVLS\x01\x00\x00\x00\x09\x00\x00\x00"), frameBlock)
			b = binary.LittleEndian.AppendUint32(b, count)
			b = binary.LittleEndian.AppendUint32(b, uint32(len(payload)))
			b = binary.LittleEndian.AppendUint64(b, xxhash.Sum64(payload))
			b = append(append(b, payload...), frameEnd)
			rows := binary.LittleEndian.AppendUint64(nil, uint64(count))
			b = binary.LittleEndian.AppendUint64(append(b, rows...), xxhash.Sum64(rows))
		}
		rows, schema, err := readAll(bytes.NewReader(b))
		if err != nil {
			return
		}
		again := make([][]byte, len(rows))
		for i, r := range rows {
			again[i] = []byte(r)
		}
		got, schema2, err := readAll(bytes.NewReader(stream(t, schema, again...)))
		if err != nil || schema2 != schema || strings.Join(got, "") != strings.Join(rows, "") {
			t.Fatalf("written again: schema %d, want %d; %d rows, want %d; %v", schema2, schema, len(got), len(rows), err)
		}
	})
}

// BenchmarkStream writes and reads 100-byte rows.
func BenchmarkStream(b *testing.B) {
	row := testRow(b, 9, strings.Repeat("x", 80))
	b.SetBytes(int64(len(row)))
	b.ReportAllocs()
	w := NewWriter(io.Discard, 9)
	for b.Loop() {
		if err := w.Add(row); err != nil {
			b.Fatal(err)
		}
	}
}
