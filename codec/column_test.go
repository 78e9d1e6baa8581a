package codec_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"quiver/codec"
)

// TestAppendColumn holds AppendColumn against Cell, on rows of cells of every length
// about the limits of its fast path.
func TestAppendColumn(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	text := func(i int) *codec.Type {
		typ, err := codec.ParseType([]string{"string", "double", "bigint"}[i%3], codec.SpellingSQL)
		if err != nil {
			t.Fatal(err)
		}
		return typ
	}
	for range 500 {
		s := &codec.Schema{ID: 1}
		for i := range 1 + random.IntN(6) {
			s.Columns = append(s.Columns, codec.Column{Name: fmt.Sprint("c", i), Type: text(i)})
		}
		wide := random.IntN(20) == 0
		rows := make([]codec.Row, random.IntN(8))
		var w codec.RowWriter
		for n := range rows {
			w.Reset(s)
			for i := range s.Columns {
				var err error
				switch {
				case random.IntN(10) == 0:
					err = w.Null()
				case i%3 == 0 && wide:
					err = w.String(bytes.Repeat([]byte("x"), 70_000))
				case i%3 == 0:
					err = w.String([]byte("nullnullnullnullnull"[:random.IntN(20)]))
				case i%3 == 1:
					err = w.JSON([]byte([]string{"1.5", "12345678", "123456789.25", "1e300", "-0.1234567", `"NaN"`, "1.7976931348623157e308"}[random.IntN(7)]))
				default:
					err = w.Int(random.Int64N(1 << (1 + random.IntN(60))))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			b, err := w.Row(nil, 1)
			if err != nil {
				t.Fatal(err)
			}
			if rows[n], err = codec.ParseRow(b); err != nil {
				t.Fatal(err)
			}
		}
		for i := range len(s.Columns) + 1 {
			point := i%3 == 1
			got, n := codec.AppendColumn(make([]byte, 0, random.IntN(200)), rows, i, point)
			var want []byte
			for _, r := range rows[:n] {
				want = append(append(want, ','), r.Cell(i)...)
			}
			if !bytes.Equal(got, want) || bytes.Contains(want, []byte(",,")) {
				t.Fatalf("seed %d: column %d: %.200q, want %.200q", seed, i, got, want)
			}
			if bytes.HasSuffix(got, []byte(",null")) || bytes.Contains(got, []byte(",null,")) {
				t.Fatalf("seed %d: column %d goes over a null: %.200q", seed, i, got)
			}
			for _, number := range bytes.Split(got, []byte(",")) {
				if point && len(number) > 0 && !bytes.Contains(number, []byte(".")) {
					t.Fatalf("seed %d: column %d goes over %s", seed, i, number)
				}
			}
			if n == len(rows) {
				continue
			}
			// It must have had a reason to end.
			cell := string(rows[n].Cell(i))
			if cell != "" && cell != "null" && !wide && !(point && !strings.Contains(cell[:min(8, len(cell))], ".")) {
				t.Fatalf("seed %d: column %d ends at %q", seed, i, cell)
			}
		}
	}
}
