package sqlquery

import (
	"strconv"

	"quiver/engine/fail"
)

// Column is a column of a result.
type Column struct{ Name, Type string } // the type as the database calls it

// Result is what one query gave.
type Result struct {
	Columns []Column // none: the query gave no rows, not even an empty list of them
	Updated int64    // rows that were changed

	cells []byte // all in one piece
	ends  []int  // where each cell ends in cells; ^end for a null
}

// Rows returns the number of rows.
func (r *Result) Rows() int {
	if len(r.Columns) == 0 {
		return 0
	}
	return len(r.ends) / len(r.Columns)
}

// Cell returns the text of a cell, which is the result's; null says that there is none.
func (r *Result) Cell(row, column int) (text []byte, null bool) {
	i := row*len(r.Columns) + column
	from := 0
	if i > 0 {
		from = max(r.ends[i-1], ^r.ends[i-1])
	}
	if r.ends[i] < 0 {
		return nil, true
	}
	return r.cells[from:r.ends[i]], false
}

// sink collects the rows of one call within its limits.
type sink struct {
	*Result
	rows, bytes int // what is left
	limits      limits
	name        string // of the connection
}

type limits struct{ rows, bytes int }

func (s *sink) row() error {
	if s.rows--; s.rows < 0 {
		return fail.Errorf(fail.TooLarge, "The answer has more than %d rows, which is the most that connection %q allows (maxRows).", s.limits.rows, s.name)
	}
	return nil
}

// room says whether n more bytes fit.
func (s *sink) room(n int) error {
	if s.bytes -= n; s.bytes < 0 {
		return fail.Errorf(fail.TooLarge, "The answer has more than %d bytes, which is the most that connection %q allows (maxBytes).", s.limits.bytes, s.name)
	}
	return nil
}

func (s *sink) null() { s.ends = append(s.ends, ^len(s.cells)) }

// text adds a cell.
func (s *sink) text(b []byte) error {
	if err := s.room(len(b)); err != nil {
		return err
	}
	s.cells = append(s.cells, b...)
	s.ends = append(s.ends, len(s.cells))
	return nil
}

// added ends a cell that was appended to cells behind from.
func (s *sink) added(from int) error {
	s.ends = append(s.ends, len(s.cells))
	return s.room(len(s.cells) - from)
}

func (s *sink) integer(v int64) error {
	from := len(s.cells)
	s.cells = strconv.AppendInt(s.cells, v, 10)
	return s.added(from)
}

func (s *sink) unsigned(v uint64) error {
	from := len(s.cells)
	s.cells = strconv.AppendUint(s.cells, v, 10)
	return s.added(from)
}

// float adds a floating point number of so many bits, with as many digits as it takes.
func (s *sink) float(v float64, bits int) error {
	from := len(s.cells)
	s.cells = appendFloat(s.cells, v, bits)
	return s.added(from)
}

// binary adds bytes in hexadecimal, as PostgreSQL writes them: \x6162.
func (s *sink) binary(b []byte) error {
	if err := s.room(2*len(b) + 2); err != nil {
		return err
	}
	s.cells = append(s.cells, `\x`...)
	for _, c := range b {
		s.cells = append(s.cells, digits[c>>4], digits[c&15])
	}
	s.ends = append(s.ends, len(s.cells))
	return nil
}

const digits = "0123456789abcdef"

// appendFloat writes a number so that it reads as one with a fraction: 63.0, 1e+20.
func appendFloat(dst []byte, v float64, bits int) []byte {
	from := len(dst)
	form := byte('f')
	if a := max(v, -v); a != 0 && (a < 1e-4 || a >= 1e15) {
		form = 'e'
	}
	dst = strconv.AppendFloat(dst, v, form, -1, bits)
	return point(dst, from)
}

// point adds .0 to a number without a point or an exponent.
func point(dst []byte, from int) []byte {
	for _, c := range dst[from:] {
		if c != '-' && (c < '0' || c > '9') {
			return dst
		}
	}
	return append(dst, ".0"...)
}
