package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"quiver/codec"
)

// csvSource reads CSV as RFC 4180 has it: the first line names the columns, fields are
// separated by commas, a field in quotes may hold commas, line ends and doubled quotes.
// Empty lines between rows are skipped.
type csvSource struct {
	rec    csvRecords
	layout *layout
	width  int // fields in the header
}

func openCSV(r io.Reader, file string, t *Target, o Options) (*csvSource, error) {
	s := &csvSource{rec: csvRecords{lines: newLines(r)}}
	err := s.rec.next()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: the file is empty; its first line must name the columns", file)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	place := fmt.Sprintf("%s:%d", file, s.rec.line)
	names := make([]string, len(s.rec.ends))
	for i := range names {
		names[i] = string(s.rec.field(i))
	}
	if len(names) == 1 && strings.ContainsAny(names[0], ";\t|") {
		return nil, fmt.Errorf("%s: the header %q has one column; columns are separated by commas", place, shorten([]byte(names[0])))
	}
	s.width = len(names)
	s.layout, err = newColumns(t).match(place, names, o.IgnoreUnknown)
	return s, err
}

func (s *csvSource) line() int64 { return s.rec.line }

func (s *csvSource) next(w *codec.RowWriter) error {
	if err := s.rec.next(); err != nil {
		return err
	}
	if n := len(s.rec.ends); n != s.width {
		return &BadRow{Reason: fmt.Sprintf("the row has %d fields, the header %d", n, s.width)}
	}
	cols := s.layout.target.Schema.Columns
	for i, from := range s.layout.from {
		if from < 0 {
			if err := w.Default(); err != nil {
				return badCell(nil, err)
			}
			continue
		}
		v := s.rec.field(from)
		// An empty field is null, but for text, which can be empty.
		if len(v) == 0 && cols[i].Type.Kind != codec.KindString {
			if s.layout.required[i] {
				return &BadRow{Column: cols[i].Name, Reason: "is empty, and " + s.layout.role(i) + " cannot be null"}
			}
			if err := w.Null(); err != nil {
				return badCell(v, err)
			}
			continue
		}
		if err := w.String(v); err != nil {
			return badCell(v, err)
		}
	}
	return nil
}

// csvRecords splits lines into records of fields. It reads like encoding/csv, which it
// is compared with in tests, but in bounded memory: there, a forgotten closing quote
// reads the rest of the file into one field.
type csvRecords struct {
	lines *lines
	line  int64  // where the record begins
	text  []byte // the fields, one after another
	ends  []int  // where each of them ends in text
	gap   int    // bytes between fields: 1 where text is the line itself, else 0
	buf   []byte // the text of records with quotes
}

// field returns field i of the record, which lives until the next record is read.
func (c *csvRecords) field(i int) []byte {
	start := 0
	if i > 0 {
		start = c.ends[i-1] + c.gap
	}
	return c.text[start:c.ends[i]]
}

// next reads the next record. A *BadRow is about this record alone.
func (c *csvRecords) next() error {
	line, err := c.lines.next()
	for err == nil && len(line) == 0 {
		line, err = c.lines.next()
	}
	c.line = c.lines.n
	if err != nil {
		return err
	}
	c.ends = c.ends[:0]
	if bytes.IndexByte(line, '"') >= 0 {
		return c.quoted(line)
	}
	c.text, c.gap = line, 1
	for start := 0; ; {
		n := bytes.IndexByte(line[start:], ',')
		if n < 0 {
			c.ends = append(c.ends, len(c.text))
			return nil
		}
		c.ends = append(c.ends, start+n)
		start += n + 1
	}
}

// quoted splits a record that has quotes in it, reading on while one is open.
func (c *csvRecords) quoted(line []byte) error {
	c.buf, c.gap = c.buf[:0], 0
	for {
		if len(line) == 0 || line[0] != '"' {
			field := line
			n := bytes.IndexByte(line, ',')
			if n >= 0 {
				field = line[:n]
			}
			if bytes.IndexByte(field, '"') >= 0 {
				return &BadRow{Reason: fmt.Sprintf("field %d has a quote inside but does not begin with one; put it in quotes and double those within", len(c.ends)+1)}
			}
			c.buf = append(c.buf, field...)
			c.ends = append(c.ends, len(c.buf))
			if n < 0 {
				break
			}
			line = line[n+1:]
			continue
		}
		rest, err := c.inQuotes(line[1:])
		if err != nil {
			return err
		}
		c.ends = append(c.ends, len(c.buf))
		if len(rest) == 0 {
			break
		}
		if rest[0] != ',' {
			return &BadRow{Reason: fmt.Sprintf("field %d goes on behind its closing quote; double the quotes within", len(c.ends))}
		}
		line = rest[1:]
	}
	c.text = c.buf
	return nil
}

// inQuotes appends a field up to its closing quote and returns what stands behind.
func (c *csvRecords) inQuotes(line []byte) ([]byte, error) {
	for {
		n := bytes.IndexByte(line, '"')
		if n < 0 {
			if len(c.buf)+len(line) > codec.MaxRowBytes {
				return nil, fmt.Errorf("the quoted field %d is longer than %d MiB; a closing quote may be missing", len(c.ends)+1, codec.MaxRowBytes>>20)
			}
			c.buf = append(append(c.buf, line...), '\n')
			var err error
			if line, err = c.lines.next(); errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("the file ends inside the quoted field %d, which has no closing quote", len(c.ends)+1)
			} else if err != nil {
				return nil, err
			}
			continue
		}
		c.buf = append(c.buf, line[:n]...)
		line = line[n+1:]
		if len(line) == 0 || line[0] != '"' {
			return line, nil
		}
		c.buf = append(c.buf, '"')
		line = line[1:]
	}
}
