package vec

import (
	"errors"
	"fmt"

	"quiver/codec"
)

// RowsError says that data has more rows than this.
type RowsError int

func (e RowsError) Error() string { return fmt.Sprintf("more than %d rows", int(e)) }

// Frame is named columns of equal length.
type Frame struct {
	Names   []string
	Columns []*Column
	Rows    int

	seen []bool
}

// Reset empties the frame and gives it columns, keeping memory. names and types are in
// step.
func (f *Frame) Reset(names []string, types []*codec.Type) {
	f.Names = append(f.Names[:0], names...)
	f.Columns = f.Columns[:min(cap(f.Columns), len(types))]
	for len(f.Columns) < len(types) {
		f.Columns = append(f.Columns, nil)
	}
	for i, t := range types {
		if f.Columns[i] == nil {
			f.Columns[i] = &Column{}
		}
		f.Columns[i].Reset(t)
	}
	f.Rows = 0
}

// Size returns how much memory the frame's columns hold on to, in bytes.
func (f *Frame) Size() int {
	n := 0
	for _, c := range f.Columns[:cap(f.Columns)] {
		if c != nil {
			n += c.Size()
		}
	}
	return n
}

// Load reads the data of a log or extract request into an empty frame: an object of
// columns or a list of row objects, or a string that holds either. Columns that the
// frame does not have are skipped. Of an object of columns every column of the frame
// must be there, and all must be equally long; in a row object an Optional one may be
// absent and is null. maxRows bounds what is read.
//
// Errors are *ValueError where one value is at fault, and RowsError. The frame then holds some of the
// data and must be Reset.
func (l *Loader) Load(f *Frame, data []byte, maxRows int) error {
	s := codec.NewScanner(data)
	s.AllowNaN(true)
	var err error
	switch s.Peek() {
	case codec.JSONObject:
		err = l.columns(f, &s, maxRows)
	case codec.JSONArray:
		err = l.rows(f, &s, maxRows)
	case codec.JSONString:
		raw, _ := s.Value()
		text, e := codec.AppendUnquoted(nil, raw)
		if e == nil && len(text) > 0 && (text[0] == '{' || text[0] == '[') {
			return l.Load(f, text, maxRows)
		}
		fallthrough
	default:
		return errors.New("data must be an object of columns or a list of row objects")
	}
	if err != nil {
		return err
	}
	if err := s.End(); err != nil {
		return fmt.Errorf("data is not JSON: %w", err)
	}
	return nil
}

// columns reads an object of columns.
func (l *Loader) columns(f *Frame, s *codec.Scanner, maxRows int) error {
	f.seen = resize(f.seen, len(f.Names))
	clear(f.seen)
	s.Object()
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		at := f.find(name, 0)
		if at < 0 {
			s.Value()
			continue
		}
		f.Columns[at].Reset(f.Columns[at].Type) // of equal names the last counts
		f.seen[at] = true
		if err := l.column(f, at, s, maxRows); err != nil {
			return err
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("data is not JSON: %w", err)
	}
	for i, seen := range f.seen {
		if !seen {
			return fmt.Errorf("json does not contain column %q", f.Names[i])
		}
		if n := f.Columns[i].Len; i == 0 {
			f.Rows = n
		} else if n != f.Rows {
			return fmt.Errorf("columns have different lengths: %q has %d rows, %q has %d", f.Names[0], f.Rows, f.Names[i], n)
		}
	}
	return nil
}

// column reads the array of one column.
func (l *Loader) column(f *Frame, at int, s *codec.Scanner, maxRows int) error {
	c := f.Columns[at]
	if s.Peek() != codec.JSONArray {
		raw, _ := s.Value()
		return fmt.Errorf("column %q must be an array, found %s", f.Names[at], abbreviate(raw))
	}
	ints := c.Type != nil && c.Type.Integer() && !restricted(c.Type) // most keys are
	var lo, hi int64
	if ints {
		lo, hi = c.Type.IntRange()
	}
	s.Array()
	for s.NextElement() {
		if c.Len == maxRows {
			return RowsError(maxRows)
		}
		if ints {
			if v, ok := s.Int(); ok && lo <= v && v <= hi {
				c.PushInt(v)
				continue
			} else if ok {
				return &ValueError{Column: f.Names[at], Row: c.Len, Reason: outOfRange(v, c.Type)}
			}
		}
		if err := l.push(c, s, 0, true); err != nil {
			if s.Err() != nil {
				return fmt.Errorf("data is not JSON: %w", s.Err())
			}
			return &ValueError{Column: f.Names[at], Row: c.Len, Reason: err.Error()}
		}
	}
	return nil
}

// rows reads a list of row objects.
func (l *Loader) rows(f *Frame, s *codec.Scanner, maxRows int) error {
	s.Array()
	f.seen = resize(f.seen, len(f.Names))
	for s.NextElement() {
		if f.Rows == maxRows {
			return RowsError(maxRows)
		}
		if s.Peek() != codec.JSONObject {
			raw, _ := s.Value()
			return fmt.Errorf("row %d must be an object, found %s", f.Rows, abbreviate(raw))
		}
		if err := l.row(f, s); err != nil {
			return err
		}
		f.Rows++
	}
	return nil
}

// row reads one row object.
func (l *Loader) row(f *Frame, s *codec.Scanner) error {
	clear(f.seen)
	next := 0 // rows tend to have their columns in the same order
	s.Object()
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		at := f.find(name, next)
		if at < 0 {
			s.Value()
			continue
		}
		next = at + 1
		c := f.Columns[at]
		c.Truncate(f.Rows)
		f.seen[at] = true
		if err := l.push(c, s, 0, true); err != nil {
			if s.Err() != nil {
				break
			}
			return &ValueError{Column: f.Names[at], Row: f.Rows, Reason: err.Error()}
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("data is not JSON: %w", err)
	}
	for i, seen := range f.seen {
		if seen {
			continue
		}
		c := f.Columns[i]
		if c.Type != nil && !c.Type.Optional {
			return &ValueError{Column: f.Names[i], Row: f.Rows, Reason: "is missing and not Optional"}
		}
		c.PushNull()
	}
	return nil
}

// find returns the position of a column, looking from a guess on; -1 if there is none.
func (f *Frame) find(name []byte, from int) int {
	for i := range f.Names {
		at := from + i
		if at >= len(f.Names) {
			at -= len(f.Names)
		}
		if f.Names[at] == string(name) {
			return at
		}
	}
	return -1
}
