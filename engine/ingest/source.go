package ingest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"quiver/codec"
)

// Options says how files are read.
type Options struct {
	// IgnoreUnknown leaves out columns of the file that the group does not have;
	// otherwise they are errors.
	IgnoreUnknown bool
}

// rowReader reads the rows of one file format.
type rowReader interface {
	// next gives the next row's cells to w, in the order of its schema. io.EOF
	// ends the file; a *BadRow, without File and Line, is about this row alone.
	next(w *codec.RowWriter) error
	// line is where the row that next read begins.
	line() int64
}

// Source reads the rows of one file for one group. Use it from one goroutine;
// Progress may be called from any.
type Source struct {
	file   string
	target Target
	rows   rowReader
	writer codec.RowWriter
	good   int64
	read   atomic.Int64 // Parquet: rows; else bytes of the file as it is on disk
	size   int64
	close  []func() error
}

// Extensions are the file names that Open knows, for help texts.
const Extensions = ".csv .jsonl .ndjson .parquet, and .csv.gz .jsonl.zst and so on"

// Open opens a file by its extension: .csv, .jsonl (or .ndjson) or .parquet, the first
// two also with .gz or .zst behind. It reads as much as is needed to check that the
// file's columns are the group's.
func Open(path string, t Target, o Options) (*Source, error) {
	name := strings.ToLower(filepath.Base(path))
	packed := filepath.Ext(name)
	if packed == ".gz" || packed == ".zst" {
		name = strings.TrimSuffix(name, packed)
	} else {
		packed = ""
	}
	kind := filepath.Ext(name)
	switch kind {
	case ".csv", ".jsonl", ".ndjson":
	case ".parquet":
		if packed != "" {
			return nil, fmt.Errorf("%s: Parquet files are compressed inside and must be read from anywhere in them; unpack the %s first", path, packed)
		}
	default:
		return nil, fmt.Errorf("%s: cannot tell its format from its name; known are %s", path, Extensions)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s := &Source{file: path, target: t, close: []func() error{f.Close}}
	if err := s.open(f, kind, packed, o); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Source) open(f *os.File, kind, packed string, o Options) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.IsDir() {
		return fmt.Errorf("%s: is a folder; name the files in it", s.file)
	}
	s.size = info.Size()
	if kind == ".parquet" {
		p, err := openParquet(f, s.size, s.file, &s.target, o)
		if err != nil {
			return err
		}
		s.rows, s.size, s.close = p, p.file.NumRows(), append(s.close, p.close)
		return nil
	}
	r, closer, err := unpack(&counted{f, &s.read}, packed)
	if err != nil {
		return fmt.Errorf("%s: %w", s.file, err)
	}
	s.close = append(s.close, closer)
	if kind != ".csv" {
		s.rows = openJSONL(r, &s.target, o)
		return nil
	}
	s.rows, err = openCSV(r, s.file, &s.target, o)
	return err
}

// Next appends the next row to dst and returns it: finished, of the target's schema.
// io.EOF ends the file. A *BadRow is about one row, and the next call goes on behind
// it; after any other error the source is useless.
func (s *Source) Next(dst []byte) ([]byte, error) {
	s.writer.Reset(s.target.Schema)
	err := s.rows.next(&s.writer)
	if errors.Is(err, io.EOF) {
		return nil, io.EOF
	}
	if err == nil {
		dst, err = s.finish(dst)
	}
	if err == nil {
		s.good++
	} else {
		err = s.place(err)
	}
	if _, ok := s.rows.(*parquetSource); ok {
		s.read.Store(s.rows.line())
	}
	return dst, err
}

// place says in err where it happened.
func (s *Source) place(err error) error {
	var bad *BadRow
	if errors.As(err, &bad) {
		bad.File, bad.Line = s.file, s.rows.line()
		return bad
	}
	return fmt.Errorf("%s:%d: %w", s.file, s.rows.line(), err)
}

// finish appends the row that the writer holds, under its event time.
func (s *Source) finish(dst []byte) ([]byte, error) {
	was := len(dst)
	dst, err := s.writer.Row(dst, s.target.Now)
	if err != nil {
		return dst, badCell(nil, err)
	}
	i := s.target.EventTime
	if i < 0 {
		return dst, nil
	}
	row, err := codec.ParseRow(dst[was:])
	if err != nil {
		return dst, err
	}
	col := &s.target.Schema.Columns[i]
	at, ok := codec.CellTime(col.Type, row.Cell(i))
	if !ok {
		return dst, &BadRow{Column: col.Name, Reason: "is no time", Value: shorten(row.Cell(i)), HasValue: true}
	}
	return s.writer.Row(dst[:was], at)
}

// Rows is how many good rows Next returned.
func (s *Source) Rows() int64 { return s.good }

// Progress returns how much of the file has been read and how much there is, both in
// the same unit.
func (s *Source) Progress() (done, total int64) { return s.read.Load(), s.size }

// Close releases the file.
func (s *Source) Close() error {
	var errs []error
	for i := len(s.close) - 1; i >= 0; i-- {
		errs = append(errs, s.close[i]())
	}
	s.close = nil
	return errors.Join(errs...)
}

// counted counts the bytes read from a file.
type counted struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}
