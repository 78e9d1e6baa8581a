package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrRow is what errors about stored bytes that are no row wrap.
var ErrRow = errors.New("not a row")

// MaxRowBytes is how long a row may be.
const MaxRowBytes = 16 << 20

// The parts of a row's header; doc.go draws it.
const (
	rowFormat      = 1
	rowHeader      = 16 // bytes before the specials
	flagWide       = 1  // offsets are 32 bits wide
	flagSpecials   = 2  // a list of special cells follows the header
	rowFlags       = flagWide | flagSpecials
	specialSize    = 3
	maxNarrowCells = 1<<16 - 1
)

// Row reads one stored row. It is a small value over the stored bytes: it owns nothing,
// and is good as long as they are.
type Row struct {
	b       []byte
	table   uint32 // where the offsets start
	cells   uint32 // where the text of the cells starts
	columns uint16
	flags   byte
}

// ParseRow checks the header and all offsets of a row, so that no method of the Row can
// fail later, whatever the bytes are. The texts of the cells are not looked at. Errors
// wrap ErrRow.
func ParseRow(b []byte) (Row, error) {
	if len(b) < rowHeader || b[0] != rowFormat || b[1]&^rowFlags != 0 || len(b) > MaxRowBytes {
		return Row{}, headerError(b)
	}
	r := Row{b: b, flags: b[1], columns: binary.LittleEndian.Uint16(b[2:])}
	at := rowHeader
	if r.flags&flagSpecials != 0 {
		var ok bool
		if at, ok = r.parseSpecials(); !ok {
			return Row{}, fmt.Errorf("%w: bad list of special cells", ErrRow)
		}
	}
	r.table = uint32(at)
	n := int(r.columns)
	if r.flags&flagWide != 0 {
		return r.parseWide(at, n)
	}
	if len(b)-at < 2*n {
		return Row{}, tableError(b)
	}
	r.cells = uint32(at + 2*n)
	last := -1
	for table := b[at : at+2*n]; len(table) >= 2; table = table[2:] {
		end := int(binary.LittleEndian.Uint16(table))
		if end <= last { // a cell starts behind the comma behind the last one's end
			return Row{}, tableError(b)
		}
		last = end
	}
	if n == 0 {
		last = 0
	}
	if at+2*n+last != len(b) {
		return Row{}, tableError(b)
	}
	return r, nil
}

func (r Row) parseWide(at, n int) (Row, error) {
	if len(r.b)-at < 4*n {
		return Row{}, tableError(r.b)
	}
	r.cells = uint32(at + 4*n)
	last := int64(-1)
	for i := range n {
		end := int64(binary.LittleEndian.Uint32(r.b[at+4*i:]))
		if end <= last {
			return Row{}, tableError(r.b)
		}
		last = end
	}
	if n == 0 {
		last = 0
	}
	if int64(at+4*n)+last != int64(len(r.b)) {
		return Row{}, tableError(r.b)
	}
	return r, nil
}

// parseSpecials checks the list of special cells and returns where it ends.
func (r Row) parseSpecials() (end int, ok bool) {
	b := r.b[rowHeader:]
	if len(b) < 2 {
		return 0, false
	}
	n := int(binary.LittleEndian.Uint16(b))
	if n == 0 || len(b) < 2+n*specialSize {
		return 0, false
	}
	last := -1
	for i := range n {
		s := b[2+i*specialSize:]
		column := int(binary.LittleEndian.Uint16(s))
		if column <= last || column >= int(r.columns) || s[2] == 0 || Special(s[2]) > maxSpecial {
			return 0, false
		}
		last = column
	}
	return rowHeader + 2 + n*specialSize, true
}

func headerError(b []byte) error {
	switch {
	case len(b) < rowHeader:
		return fmt.Errorf("%w: %d bytes are too few", ErrRow, len(b))
	case len(b) > MaxRowBytes:
		return fmt.Errorf("%w: %d bytes are too many", ErrRow, len(b))
	}
	return fmt.Errorf("%w: unknown format %d, flags %#x", ErrRow, b[0], b[1])
}

func tableError(b []byte) error {
	return fmt.Errorf("%w: offsets do not fit its %d bytes", ErrRow, len(b))
}

// Columns returns how many columns the row has: those its schema had when it was
// written.
func (r Row) Columns() int { return int(r.columns) }

// SchemaID returns the ID of the schema the row was written with.
func (r Row) SchemaID() uint32 { return binary.LittleEndian.Uint32(r.b[4:8]) }

// Time returns the row's event time, or when it was written if it has none, in Unix
// microseconds.
func (r Row) Time() int64 { return int64(binary.LittleEndian.Uint64(r.b[8:16])) }

// end returns where column i's text ends, counted from the first cell.
func (r Row) end(i int) int {
	if r.flags&flagWide == 0 {
		return int(binary.LittleEndian.Uint16(r.b[int(r.table)+2*i:]))
	}
	return int(binary.LittleEndian.Uint32(r.b[int(r.table)+4*i:]))
}

// Cell returns the JSON text of column i, nil where the row has no such column. It
// points into the row.
func (r Row) Cell(i int) []byte { return r.Run(i, i+1) }

// Run returns the JSON texts of the columns from..to-1 with commas between them, in one
// slice that points into the row; nil where the row does not have them all or to <= from.
func (r Row) Run(from, to int) []byte {
	if from < 0 || from >= to || to > int(r.columns) {
		return nil
	}
	start := 0
	if from > 0 {
		start = r.end(from-1) + 1
	}
	end := r.end(to - 1)
	cells := r.b[r.cells:]
	return cells[start:end:end]
}

// Special returns what the cell of column i is when its text is null.
func (r Row) Special(i int) Special {
	if r.flags&flagSpecials == 0 {
		return None
	}
	return r.findSpecial(i)
}

func (r Row) findSpecial(i int) Special {
	for s := r.b[rowHeader+2 : r.table]; len(s) >= specialSize; s = s[specialSize:] {
		if int(binary.LittleEndian.Uint16(s)) == i {
			return Special(s[2])
		}
	}
	return None
}
