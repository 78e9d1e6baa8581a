package codec

import (
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// The bytes on disk. A change here needs a new format byte.
func TestRowBytesArePinned(t *testing.T) {
	f := func(want string, s *Schema, time int64, fill func(w *RowWriter) error) {
		t.Helper()
		var w RowWriter
		w.Reset(s)
		if err := fill(&w); err != nil {
			t.Fatal(err)
		}
		got, err := w.Row([]byte("dst"), time)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != "dst"+string(unhex(t, want)) {
			t.Errorf("row is\n%x, want\n%s", got[3:], strings.ReplaceAll(want, " ", ""))
		}
	}
	f("01 00 0200 07000000 0100000000000000  0000 0300 0700  3336 2c 226122", schemaOf(t, "bigint", "string"), 1, func(w *RowWriter) error {
		return errors.Join(w.Int(36), w.Text("a"))
	})
	f("01 02 0400 07000000 ffffffffffffffff  0300 0000 01 0100 02 0300 03  0000 0500 0a00 0e00 1300  6e756c6c 2c 6e756c6c 2c 312e35 2c 6e756c6c",
		schemaOf(t, "double", "float", "double", "double"), -1, func(w *RowWriter) error {
			return errors.Join(w.Float(math.NaN()), w.Float(math.Inf(1)), w.Float(1.5), w.JSON([]byte(`"-inf"`)))
		})
	f("01 01 0200 07000000 0000000000000000  00000000 03000100 05000100  22"+strings.Repeat("61", 65536)+"22 2c 31",
		schemaOf(t, "string", "int"), 0, func(w *RowWriter) error {
			return errors.Join(w.Text(strings.Repeat("a", 65536)), w.Int(1))
		})
	// The longest row with narrow offsets.
	f("01 00 0100 07000000 0000000000000000  0000 ffff  22"+strings.Repeat("61", 65532)+"22", schemaOf(t, "string"), 0, func(w *RowWriter) error {
		return w.Text(strings.Repeat("a", 65532))
	})
}

func TestRowAccessors(t *testing.T) {
	for _, pad := range []int{0, 70000} { // narrow and wide offsets
		s := schemaOf(t, "bigint", "double", "string", "double", "date")
		var w RowWriter
		w.Reset(s)
		long := strings.Repeat("x", pad)
		err := errors.Join(w.Int(1), w.Float(math.NaN()), w.Text(long), w.Float(math.Inf(-1)), w.Date(0))
		if err != nil {
			t.Fatal(err)
		}
		b, err := w.Row([]byte("dst"), 42)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseRow(b[3:])
		if err != nil {
			t.Fatal(err)
		}
		if r.Columns() != 5 || r.SchemaID() != 7 || r.Time() != 42 {
			t.Errorf("header: %d columns, schema %d, time %d", r.Columns(), r.SchemaID(), r.Time())
		}
		cells := []string{"1", "null", `"` + long + `"`, "null", `"1970-01-01"`}
		for from := range cells {
			for to := from + 1; to <= len(cells); to++ {
				if got, want := string(r.Run(from, to)), strings.Join(cells[from:to], ","); got != want {
					t.Errorf("Run(%d, %d) = %.80s, want %.80s", from, to, got, want)
				}
			}
			if got := r.Cell(from); string(got) != cells[from] || cap(got) != len(got) {
				t.Errorf("Cell(%d) = %.80s with room for %d", from, got, cap(got))
			}
		}
		specials := []Special{None, NaN, None, NegInf, None}
		for i, want := range specials {
			if got := r.Special(i); got != want {
				t.Errorf("Special(%d) = %d, want %d", i, got, want)
			}
		}
		for _, bad := range [][2]int{{-1, 1}, {0, 0}, {2, 1}, {0, 6}, {5, 6}} {
			if got := r.Run(bad[0], bad[1]); got != nil {
				t.Errorf("Run(%d, %d) = %s", bad[0], bad[1], got)
			}
		}
		if r.Cell(5) != nil || r.Cell(-1) != nil || r.Special(5) != None || r.Special(-1) != None {
			t.Error("columns that the row lacks are there")
		}
	}
}

func TestParseRowRefuses(t *testing.T) {
	f := func(b string) {
		t.Helper()
		if _, err := ParseRow(unhex(t, b)); !errors.Is(err, ErrRow) {
			t.Errorf("ParseRow(%s): %v, want ErrRow", b, err)
		}
	}
	const head = "07000000 0100000000000000"
	f("")
	f("01 00 0100 07000000 01000000000000")                         // cut
	f("00 00 0100" + head + "0000 0200 31")                         // format
	f("02 00 0100" + head + "0000 0200 31")                         // format
	f("01 04 0100" + head + "0000 0200 31")                         // flags
	f("01 00 0000" + head + "0000")                                 // no columns
	f("01 00 0000" + head + "0100")                                 // no columns
	f("01 01 0000" + head + "00000000")                             // no columns
	f("01 00 0100" + head)                                          // no offsets
	f("01 00 0100" + head + "0000 02")                              // half an offset
	f("01 00 0100" + head + "0000 0300 31")                         // cells cut
	f("01 00 0100" + head + "0000 0100 31")                         // left over
	f("01 00 0100" + head + "0100 0200 31")                         // does not start at 0
	f("01 00 0200" + head + "0000 0000 0200 31")                    // not ascending
	f("01 00 0200" + head + "0000 0300 0200 31")                    // descending
	f("01 00 0500" + head + "0000 0100 0200 0300 0300 0400 2c2c2c") // not ascending in a word of four
	f("01 01 0100" + head + "0000 0200 31")                         // not wide
	f("01 01 0200" + head + "00000000 02000000 02000000 31")        // not ascending
	f("01 01 0100" + head + "01000000 02000000 31")                 // does not start at 0
	f("01 01 0100" + head + "00000000 ffffffff 31")                 // far away
	f("01 02 0100" + head + "0000 0200 31")                         // column 512 is special
	f("01 02 0100" + head)                                          // cut
	f("01 02 0100" + head + "0000 0000 0200 31")                    // empty list
	f("01 02 0100" + head + "0100 0100 01 0000 0200 31")            // column not there
	f("01 02 0100" + head + "0100 0000 00 0000 0200 31")            // kind 0
	f("01 02 0100" + head + "0100 0000 04 0000 0200 31")            // kind 4
	f("01 02 0100" + head + "0200 0000 01 0000 01 0000 0200 31")    // twice
	if _, err := ParseRow(make([]byte, MaxRowBytes+1)); !errors.Is(err, ErrRow) {
		t.Errorf("a giant: %v", err)
	}
}

func TestRowWriterConversions(t *testing.T) {
	var w RowWriter
	f := func(text, want string, put func() error) {
		t.Helper()
		s := schemaOf(t, "int", text)
		w.Reset(s)
		if err := w.Int(0); err != nil {
			t.Fatal(err)
		}
		err := put()
		if want == "" {
			var v *ValueError
			if !errors.As(err, &v) || v.Column != "c1" || v.Reason == "" {
				t.Errorf("%s: error %#v, want a *ValueError of column c1", text, err)
			}
			// The column is still the next one, and the row can be finished.
			if c := w.Next(); c == nil || c.Name != "c1" {
				t.Fatalf("%s: next column is %v", text, c)
			}
			if err := w.Null(); err != nil {
				t.Fatal(err)
			}
			want = "null"
		} else if err != nil {
			t.Errorf("%s: %v, want %s", text, err, want)
			return
		}
		b, err := w.Row(nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseRow(b)
		if err != nil || string(r.Cell(1)) != want || string(r.Run(0, 2)) != "0,"+want {
			t.Errorf("%s: %s, %v, want %s", text, r.Run(0, 2), err, want)
		}
	}
	integer := func(text string, v int64, want string) {
		t.Helper()
		f(text, want, func() error { return w.Int(v) })
	}
	integer("bigint", math.MinInt64, "-9223372036854775808")
	integer("tinyint", 127, "127")
	integer("tinyint", 128, "")
	integer("double", 9007199254740993, "9.007199254740992e+15")
	integer("float", 16777217, "1.6777216e+07")
	integer("decimal(5,2)", 999, "999.00")
	integer("decimal(5,2)", 1000, "")
	integer("boolean", 1, "1")
	integer("boolean", 2, "")
	integer("date", 19000, `"2022-01-08"`)
	integer("timestamp(3)", 1577836800123, `"2020-01-01 00:00:00.123"`)
	integer("string", 1, "")
	integer("binary", 1, "")
	integer("array<int>", 1, "")
	integer("between(int,0,5)", 5, "5")
	integer("between(int,0,5)", 6, "")
	integer("between(float,0,5)", 6, "")

	float := func(text string, v float64, want string) {
		t.Helper()
		f(text, want, func() error { return w.Float(v) })
	}
	float("double", 0.1, "0.1")
	float("float", float64(float32(0.1)), "0.1")
	float("float", 1e39, "")
	float("double", math.NaN(), "null")
	float("bigint", 20, "20")
	float("bigint", 1e18, "1000000000000000000")
	float("bigint", 1e19, "")
	float("bigint", 20.5, "")
	float("bigint", math.NaN(), "")
	float("decimal(5,2)", 0.1, "0.10")
	float("decimal(5,2)", 0.125, "")
	float("decimal(5,2)", math.Inf(1), "")
	float("boolean", 1, "1")
	float("timestamp", 1577836800, "")
	float("string", 1, "")
	float("between(float,0,5)", 5.5, "")
	float("between(float,0,5)", 4.5, "4.5")

	f("boolean", "1", func() error { return w.Bool(true) })
	f("boolean", "0", func() error { return w.Bool(false) })
	f("int", "", func() error { return w.Bool(true) })
	f("string", `"a\"é"`, func() error { return w.String([]byte(`a"é`)) })
	f("string", "", func() error { return w.String([]byte("\xff")) })
	f("varchar(1)", "", func() error { return w.Text("ab") })
	f("bigint", "36", func() error { return w.Text("36") })
	f("binary", `"MA=="`, func() error { return w.Text("MA==") })
	f("binary", `"MA=="`, func() error { return w.Bytes([]byte("0")) })
	f("varbinary(1)", "", func() error { return w.Bytes([]byte("00")) })
	f("string", `"0"`, func() error { return w.Bytes([]byte("0")) })
	f("string", "", func() error { return w.Bytes([]byte("\xff")) })
	f(`oneof(str,["a"])`, "", func() error { return w.Bytes([]byte("b")) })
	f(`oneof(str,["a"])`, `"a"`, func() error { return w.Bytes([]byte("a")) })
	f("array<int>", "", func() error { return w.Bytes([]byte("[1]")) })
	f("array<int>", "[1]", func() error { return w.JSON([]byte("[ 1 ]")) })
	f("array<int>", "", func() error { return w.JSON([]byte(`["x",1]`)) })
	f("date", `"1969-12-31"`, func() error { return w.Date(-1) })
	f("date", `"9999-12-31"`, func() error { return w.Date(maxDay) })
	f("date", "", func() error { return w.Date(maxDay + 1) })
	f("date", "", func() error { return w.Date(math.MaxInt64) })
	f("date", "", func() error { return w.Date(math.MinInt64) })
	f("timestamp", `"1970-01-02 00:00:00"`, func() error { return w.Date(1) })
	f("int", "", func() error { return w.Date(1) })
	f("timestamp(6)", `"1969-12-31 23:59:59.999999"`, func() error { return w.Timestamp(-1) })
	f("timestamp", `"1969-12-31 23:59:59"`, func() error { return w.Timestamp(-1) })
	f("date", `"1970-01-02"`, func() error { return w.Timestamp(daySeconds * 1_000_000) })
	f("date", "", func() error { return w.Timestamp(1) })
	f("timestamp", "", func() error { return w.Timestamp(math.MaxInt64) })
	f("timestamp", "", func() error { return w.Timestamp(math.MinInt64) })
	f("bigint", "", func() error { return w.Timestamp(1) })
	f("timestamp(9)", `"2022-01-31 23:59:59.123456789"`, func() error {
		return w.Time(time.Date(2022, 2, 1, 0, 59, 59, 123456789, time.FixedZone("", 3600)))
	})
	f("string", `"as it is"`, func() error { return w.Cell([]byte(`"as it is"`), None) })
	f("double", "null", func() error { return w.Cell([]byte("null"), NegInf) })
	f("double", "", func() error { return w.Cell(nil, None) })
	f("double", "", func() error { return w.Cell([]byte("null"), 9) })
	f("double", "null", func() error { return w.Default() })
}

func TestRowWriterDefaults(t *testing.T) {
	s := schemaOf(t, "int", "int")
	s.Columns[1].Default = []byte("5")
	var w RowWriter
	w.Reset(s)
	if err := errors.Join(w.Default(), w.Default()); err != nil {
		t.Fatal(err)
	}
	b, _ := w.Row(nil, 0)
	if r, err := ParseRow(b); err != nil || string(r.Run(0, 2)) != "null,5" {
		t.Errorf("%s, %v", r.Run(0, 2), err)
	}
}

func TestRowWriterMisuse(t *testing.T) {
	var w RowWriter
	if err := w.Int(1); err == nil {
		t.Error("a value without a schema was taken")
	}
	if _, err := w.Row(nil, 0); err == nil {
		t.Error("a row without a schema was made")
	}
	s := schemaOf(t, "int", "int")
	w.Reset(s)
	_ = w.Int(1)
	got, err := w.Row([]byte("dst"), 0)
	if err == nil || err.Error() != "column c1: no value; only 1 of 2 columns have one" || string(got) != "dst" {
		t.Errorf("%q, %v", got, err)
	}
	if err := errors.Join(w.Int(2), w.Int(3)); err == nil || !strings.Contains(err.Error(), "more values") {
		t.Errorf("a value too many: %v", err)
	}
	w.Reset(s) // forgets all of it
	if err := errors.Join(w.Int(8), w.Int(9)); err != nil {
		t.Fatal(err)
	}
	b, err := w.Row(nil, 0)
	if r, _ := ParseRow(b); err != nil || string(r.Run(0, 2)) != "8,9" {
		t.Errorf("after Reset: %s, %v", r.Run(0, 2), err)
	}
	w.Reset(&Schema{})
	if _, err := w.Row(nil, 0); err == nil {
		t.Error("a row without columns was made")
	}
	wide := &Schema{Columns: make([]Column, MaxColumns+1)}
	for i := range wide.Columns {
		wide.Columns[i].Type = s.Columns[0].Type
	}
	w.Reset(wide)
	for range MaxColumns {
		if err := w.Int(1); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Int(1); err == nil {
		t.Error("a column too many was taken")
	}
	if _, err := w.Row(nil, 0); err == nil {
		t.Error("a row with too many columns was made")
	}
	w.Reset(schemaOf(t, "string", "string"))
	half := strings.Repeat("x", MaxRowBytes/2)
	if err := w.Text(half); err != nil {
		t.Fatal(err)
	}
	if err := w.Text(half); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a giant row: %v", err)
	}
}

// Random rows read back as written, and old rows are prefixes.
func TestRowsRoundTrip(t *testing.T) {
	rnd := newRand(t)
	var w RowWriter
	for range 300 {
		types := []string{"bigint", "double", "string", "timestamp(3)", "boolean"}
		n := 1 + rnd.IntN(40)
		var texts []string
		for range n {
			texts = append(texts, types[rnd.IntN(len(types))])
		}
		s := schemaOf(t, texts...)
		w.Reset(s)
		var want []string
		var specials []Special
		for i := range s.Columns {
			var err error
			sp := None
			cell := "null"
			switch k := rnd.IntN(5); {
			case k == 0:
				err = w.Null()
			case texts[i] == "double" && k == 1:
				sp = Special(1 + rnd.IntN(3))
				err = w.Float(sp.Float())
			default:
				cell = randomCell(rnd, s.Columns[i].Type)
				err = w.JSON([]byte(cell))
			}
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, cell)
			specials = append(specials, sp)
		}
		at := int64(rnd.Uint64())
		b, err := w.Row(nil, at)
		if err != nil {
			t.Fatal(err)
		}
		r, err := ParseRow(b)
		if err != nil {
			t.Fatal(err)
		}
		if r.Columns() != n || r.Time() != at || string(r.Run(0, n)) != strings.Join(want, ",") {
			t.Fatalf("wrote %v, read %s", want, r.Run(0, n))
		}
		for i := range want {
			if string(r.Cell(i)) != want[i] || r.Special(i) != specials[i] {
				t.Fatalf("column %d: %s %d, want %s %d", i, r.Cell(i), r.Special(i), want[i], specials[i])
			}
		}
	}
}

// Offsets beyond 1<<15 take another way through the check.
func TestParseRowLongNarrow(t *testing.T) {
	s := schemaOf(t, "string", "string", "string", "string", "string", "string", "string")
	for _, size := range []int{4600, 4700, 9000} {
		var w RowWriter
		w.Reset(s)
		for range s.Columns {
			if err := w.Text(strings.Repeat("x", size)); err != nil {
				t.Fatal(err)
			}
		}
		b, err := w.Row(nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParseRow(b); err != nil || b[1] != 0 {
			t.Fatalf("%d bytes, flags %d: %v", len(b), b[1], err)
		}
		for i := rowHeader + 2; i < rowHeader+2*len(s.Columns); i += 2 {
			bad := append([]byte{}, b...)
			copy(bad[i:], bad[i+2:i+4]) // two starts alike
			if _, err := ParseRow(bad); err == nil {
				t.Errorf("size %d: start %d equal to the next was not noticed", size, (i-rowHeader)/2)
			}
		}
	}
}
