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
	maxNarrowCells = 1<<16 - 2 // bytes of cells that 16-bit offsets can address
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
	r := Row{b: b, flags: b[1], columns: binary.LittleEndian.Uint16(b[2:]), table: rowHeader}
	if r.flags&flagSpecials != 0 {
		end, ok := r.parseSpecials()
		if !ok {
			return Row{}, fmt.Errorf("%w: bad list of special cells", ErrRow)
		}
		r.table = uint32(end)
	}
	if r.flags&flagWide != 0 {
		return r.parseWide()
	}
	size := 2*int(r.columns) + 2
	if r.columns == 0 || len(b)-int(r.table) < size {
		return Row{}, tableError(b)
	}
	r.cells = r.table + uint32(size)
	starts := b[r.table:r.cells]
	if !ascending(starts) || int(binary.LittleEndian.Uint16(starts[size-2:]))-1 != len(b)-int(r.cells) {
		return Row{}, tableError(b)
	}
	return r, nil
}

// ascending reports whether a list of 16-bit numbers begins with 0 and each is greater
// than the one before. It compares four pairs at a time: below 1<<15, y > x means that
// y + 1<<15 - x - 1 keeps its top bit.
func ascending(list []byte) bool {
	const tops, ones = 0x8000_8000_8000_8000, 0x0001_0001_0001_0001
	if list[0] != 0 || list[1] != 0 {
		return false
	}
	for len(list) >= 10 {
		x, y := binary.LittleEndian.Uint64(list), binary.LittleEndian.Uint64(list[2:])
		if (x|y)&tops != 0 {
			break
		}
		if (y|tops-x-ones)&tops != tops {
			return false
		}
		list = list[8:]
	}
	for len(list) >= 4 {
		if binary.LittleEndian.Uint16(list[2:]) <= binary.LittleEndian.Uint16(list) {
			return false
		}
		list = list[2:]
	}
	return true
}

func (r Row) parseWide() (Row, error) {
	size := 4*int(r.columns) + 4
	if r.columns == 0 || len(r.b)-int(r.table) < size {
		return Row{}, tableError(r.b)
	}
	r.cells = r.table + uint32(size)
	last := int64(-1)
	for starts := r.b[r.table:r.cells]; len(starts) >= 4; starts = starts[4:] {
		start := int64(binary.LittleEndian.Uint32(starts))
		if start <= last || last < 0 && start != 0 {
			return Row{}, tableError(r.b)
		}
		last = start
	}
	if last-1 != int64(len(r.b))-int64(r.cells) {
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

// Bytes returns the stored bytes of the row; they are what ParseRow got.
func (r Row) Bytes() []byte { return r.b }

// SchemaID returns the ID of the schema the row was written with.
func (r Row) SchemaID() uint32 { return binary.LittleEndian.Uint32(r.b[4:8]) }

// Time returns the row's event time, or when it was written if it has none, in Unix
// microseconds.
func (r Row) Time() int64 { return int64(binary.LittleEndian.Uint64(r.b[8:16])) }

// Cell returns the JSON text of column i, nil where the row has no such column. It
// points into the row.
func (r Row) Cell(i int) []byte {
	if uint(i) >= uint(r.columns) || r.flags&flagWide != 0 {
		return r.Run(i, i+1)
	}
	span := binary.LittleEndian.Uint32(r.b[int(r.table)+2*i:])
	end := r.cells + span>>16 - 1
	return r.b[r.cells+span&0xFFFF : end : end]
}

// Run returns the JSON texts of the columns from..to-1 with commas between them, in one
// slice that points into the row; nil where the row does not have them all or to <= from.
func (r Row) Run(from, to int) []byte {
	if from < 0 || from >= to || to > int(r.columns) {
		return nil
	}
	end := r.cells + r.start(to) - 1
	return r.b[r.cells+r.start(from) : end : end]
}

// start returns where column i's text starts, counted from the first cell; column n
// would start behind one more comma.
func (r Row) start(i int) uint32 {
	if r.flags&flagWide == 0 {
		return uint32(binary.LittleEndian.Uint16(r.b[int(r.table)+2*i:]))
	}
	return binary.LittleEndian.Uint32(r.b[int(r.table)+4*i:])
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
