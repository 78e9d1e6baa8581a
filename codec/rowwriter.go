package codec

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"
)

// RowWriter builds rows, one after another, from values in the order of the schema's
// columns:
//
//	w.Reset(schema)
//	w.Int(36)
//	w.Text("2022-01-24")
//	row, err := w.Row(nil, micros)
//
// Each method takes the value of the next column, converts it to that column's type and
// checks it. On a *ValueError nothing was taken, and the column is still the next one.
// Null is always taken; who requires a value (of a key, say) checks that before.
//
// The zero RowWriter waits for Reset. It keeps its memory from row to row and allocates
// nothing once that has grown. It belongs to one goroutine.
type RowWriter struct {
	schema   *Schema
	cells    []byte
	ends     []uint32
	specials []special
}

type special struct {
	column int
	kind   Special
}

// maxKeptCells bounds the memory a RowWriter keeps from one row to the next.
const maxKeptCells = 1 << 20

// Reset starts a new row of the schema, which must not change until the row is done.
func (w *RowWriter) Reset(s *Schema) {
	w.schema = s
	if cap(w.cells) > maxKeptCells {
		w.cells = nil
	}
	w.cells = w.cells[:0]
	w.ends = w.ends[:0]
	w.specials = w.specials[:0]
}

// Next returns the column whose value comes next, nil when the row is complete.
func (w *RowWriter) Next() *Column {
	if w.schema == nil || len(w.ends) >= len(w.schema.Columns) || len(w.ends) == MaxColumns {
		return nil
	}
	return &w.schema.Columns[len(w.ends)]
}

// JSON takes one JSON value; see AppendCellJSON.
func (w *RowWriter) JSON(raw []byte) error {
	t, start, err := w.begin()
	if err != nil {
		return err
	}
	var sp Special
	w.cells, sp, err = AppendCellJSON(w.cells, t, raw)
	return w.end(start, sp, err)
}

// Text takes plain text, such as a CSV field; see AppendCellText.
func (w *RowWriter) Text(s string) error { return w.String(stringBytes(s)) }

// String takes plain text; see AppendCellText.
func (w *RowWriter) String(s []byte) error {
	t, start, err := w.begin()
	if err != nil {
		return err
	}
	var sp Special
	w.cells, sp, err = appendText(w.cells, t, s, false)
	return w.end(start, sp, err)
}

// Null takes null.
func (w *RowWriter) Null() error { return w.Cell(nullCell, None) }

// Default takes the column's default, null where it has none.
func (w *RowWriter) Default() error {
	if c := w.Next(); c != nil && c.Default != nil {
		return w.Cell(c.Default, None)
	}
	return w.Null()
}

// Cell takes a cell as it is: one that AppendCellJSON or AppendCellText made for the
// column's type, or that was read from a row with the same type. It is not checked.
func (w *RowWriter) Cell(fragment []byte, sp Special) error {
	_, start, err := w.begin()
	if err != nil {
		return err
	}
	if len(fragment) == 0 || sp > maxSpecial {
		err = reject("not a cell")
	}
	w.cells = append(w.cells, fragment...)
	return w.end(start, sp, err)
}

// Int takes an integer: as number in numeric columns, as 0 or 1 in boolean ones, as
// days, seconds, milliseconds, microseconds or nanoseconds since 1970 in date and
// timestamp columns (see AppendCellJSON).
func (w *RowWriter) Int(v int64) error {
	t, start, err := w.begin()
	if err != nil {
		return err
	}
	var sp Special
	if t.Integer() {
		w.cells, err = appendInt(w.cells, t, v)
		w.cells, sp, err = finish(w.cells, start, t, None, err)
	} else {
		var text [20]byte
		w.cells, sp, err = appendWhole(w.cells, t, strconv.AppendInt(text[:0], v, 10))
	}
	return w.end(start, sp, err)
}

// Float takes a number: rounded to single precision in float columns; exactly, or not
// at all, in integer, boolean and decimal ones.
func (w *RowWriter) Float(v float64) error {
	t, start, err := w.begin()
	if err != nil {
		return err
	}
	var sp Special
	if t.Floating() {
		w.cells, sp, err = appendFloat(w.cells, t, v)
		w.cells, sp, err = finish(w.cells, start, t, sp, err)
	} else if math.IsNaN(v) || math.IsInf(v, 0) {
		err = reject("%v is not a %s", v, t.Kind)
	} else {
		var text [32]byte
		w.cells, sp, err = appendWhole(w.cells, t, strconv.AppendFloat(text[:0], v, 'e', -1, 64))
	}
	return w.end(start, sp, err)
}

// appendWhole renders a number for the types that do not take it as it is.
func appendWhole(dst []byte, t *Type, text []byte) ([]byte, Special, error) {
	was := len(dst)
	dst, sp, err := appendNumber(dst, t, text, false)
	return finish(dst, was, t, sp, err)
}

// Bool takes a truth value, for boolean columns only.
func (w *RowWriter) Bool(v bool) error {
	t, start, err := w.begin()
	if err != nil {
		return err
	}
	if t.Kind != KindBoolean {
		err = reject("%t is not a %s", v, t.Kind)
	} else {
		w.cells = appendBool(w.cells, v, false)
	}
	return w.end(start, None, err)
}

// Bytes takes raw bytes, for binary columns, and UTF-8 for text ones.
func (w *RowWriter) Bytes(b []byte) error {
	t, start, err := w.begin()
	if err != nil {
		return err
	}
	switch t.Kind {
	case KindBinary:
		w.cells, err = appendBytes(w.cells, t, b)
	case KindString:
		w.cells, err = appendString(w.cells, t, b)
	default:
		err = reject("bytes are not a %s", t.Kind)
	}
	w.cells, _, err = finish(w.cells, start, t, None, err)
	return w.end(start, None, err)
}

// Date takes a number of days since 1970-01-01, for date and timestamp columns.
func (w *RowWriter) Date(days int64) error {
	if days < minDay || days > maxDay {
		days = maxDay + 1 // let it be refused as all other times are
	}
	return w.time(days*daySeconds, 0)
}

// Timestamp takes a number of microseconds since 1970, for timestamp columns, and date
// columns at midnight. Digits beyond the column's precision are cut.
func (w *RowWriter) Timestamp(micros int64) error {
	second := floorDiv(micros, 1_000_000)
	return w.time(second, int(micros-second*1_000_000)*1000)
}

// Time is Timestamp for times that need nanoseconds.
func (w *RowWriter) Time(t time.Time) error { return w.time(t.Unix(), t.Nanosecond()) }

func (w *RowWriter) time(second int64, nanos int) error {
	t, start, err := w.begin()
	if err != nil {
		return err
	}
	if t.Kind != KindDate && t.Kind != KindTimestamp {
		err = reject("a time is not a %s", t.Kind)
	} else {
		w.cells, err = appendTime(w.cells, t, second, nanos, false)
	}
	return w.end(start, None, err)
}

// begin opens the next column's cell: its type, and where its text starts.
func (w *RowWriter) begin() (t *Type, start int, err error) {
	c := w.Next()
	if c == nil {
		return nil, 0, &ValueError{Reason: "more values than the row has columns"}
	}
	if len(w.ends) > 0 {
		w.cells = append(w.cells, ',')
	}
	return c.Type, len(w.cells), nil
}

// end closes the cell, or takes it back.
func (w *RowWriter) end(start int, sp Special, err error) error {
	if err == nil && len(w.cells) > MaxRowBytes {
		err = reject("the row is longer than %d bytes", MaxRowBytes)
	}
	if err != nil {
		if len(w.ends) > 0 {
			start-- // the comma
		}
		w.cells = w.cells[:start]
		if v, ok := err.(*ValueError); ok { // all of ours are
			v.Column = w.Next().Name
		}
		return err
	}
	if sp != None {
		w.specials = append(w.specials, special{len(w.ends), sp})
	}
	w.ends = append(w.ends, uint32(len(w.cells)))
	return nil
}

// Row appends the finished row to dst. time is the row's event time, or when it was
// written if it has none, in Unix microseconds. It is an error if columns are missing.
func (w *RowWriter) Row(dst []byte, time int64) ([]byte, error) {
	n := len(w.ends)
	if w.schema == nil || n == 0 || n != len(w.schema.Columns) {
		if c := w.Next(); c != nil {
			return dst, &ValueError{Column: c.Name, Reason: fmt.Sprintf("no value; only %d of %d columns have one", n, len(w.schema.Columns))}
		}
		return dst, &ValueError{Reason: "the schema is missing, or has no columns, or too many"}
	}
	var flags byte
	width := 2
	if len(w.cells) > maxNarrowCells {
		flags, width = flagWide, 4
	}
	if rowHeader+2+len(w.specials)*specialSize+(n+1)*width+len(w.cells) > MaxRowBytes {
		return dst, &ValueError{Reason: fmt.Sprintf("the row is longer than %d bytes", MaxRowBytes)}
	}
	if len(w.specials) > 0 {
		flags |= flagSpecials
	}
	dst = append(dst, rowFormat, flags)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(n))
	dst = binary.LittleEndian.AppendUint32(dst, w.schema.ID)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(time))
	if len(w.specials) > 0 {
		dst = binary.LittleEndian.AppendUint16(dst, uint16(len(w.specials)))
		for _, s := range w.specials {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(s.column))
			dst = append(dst, byte(s.kind))
		}
	}
	// The cells start at 0 and behind the comma behind each cell's end.
	if width == 2 {
		dst = append(dst, 0, 0)
		for _, end := range w.ends {
			dst = binary.LittleEndian.AppendUint16(dst, uint16(end+1))
		}
	} else {
		dst = append(dst, 0, 0, 0, 0)
		for _, end := range w.ends {
			dst = binary.LittleEndian.AppendUint32(dst, end+1)
		}
	}
	return append(dst, w.cells...), nil
}
