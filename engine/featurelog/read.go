package featurelog

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"quiver/codec"
	"quiver/engine/expr/chrono"
)

// File is one complete file.
type File struct {
	Workflow string `json:"workflow"`
	Hour     string `json:"hour"` // 2026-11-21T05, UTC
	Path     string `json:"path"`
	Rows     int64  `json:"rows"`
	Bytes    int64  `json:"bytes"`
}

// Filter chooses files.
type Filter struct {
	Workflow    string // "" is all
	From, Until string // hours as in File, both inclusive; "" is no bound
}

// List returns the complete files of a folder by workflow, hour and age. It may run while
// a Log writes to the folder.
func List(dir string, want Filter) ([]File, error) {
	var all []File
	err := eachHour(dir, func(workflow, hour, path string) error {
		if want.Workflow != "" && workflow != want.Workflow || hour < want.From || want.Until != "" && hour > want.Until {
			return nil
		}
		files, err := os.ReadDir(path)
		if err != nil {
			return err
		}
		for _, f := range files {
			if !strings.HasSuffix(f.Name(), ".parquet") {
				continue
			}
			one := File{Workflow: workflow, Hour: hour, Path: filepath.Join(path, f.Name())}
			r, err := open(one.Path)
			if err != nil {
				return err
			}
			one.Rows, one.Bytes = r.file.NumRows(), r.file.Size()
			all = append(all, one)
			if err := r.disk.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list the feature log: %w", err)
	}
	return all, nil
}

// reader is an open file.
type reader struct {
	disk  *os.File
	file  *parquet.File
	names []string
	cells []func(dst []byte, v parquet.Value) []byte
}

func open(path string) (_ *reader, err error) {
	disk, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("cannot read %s: %w", path, err), disk.Close())
		}
	}()
	defer caught(&err) // a damaged file
	info, err := disk.Stat()
	if err != nil {
		return nil, err
	}
	f, err := parquet.OpenFile(disk, info.Size(), parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
	if err != nil {
		return nil, err
	}
	r := &reader{disk: disk, file: f}
	var texts []string
	if list, ok := f.Lookup(metaJSON); ok {
		if err := json.Unmarshal([]byte(list), &texts); err != nil {
			return nil, err
		}
	}
	for _, c := range f.Root().Columns() {
		if !c.Leaf() || c.Repeated() {
			return nil, fmt.Errorf("column %q is nested, so the file is no feature log", c.Name())
		}
		r.names = append(r.names, c.Name())
		r.cells = append(r.cells, printer(c.Type(), slices.Contains(texts, c.Name())))
	}
	return r, nil
}

// printer returns how values of a column look as JSON.
func printer(t parquet.Type, text bool) func(dst []byte, v parquet.Value) []byte {
	var time, date, utf8 bool
	if logical := t.LogicalType(); logical != nil {
		switch logical.Value.(type) {
		case *format.TimestampType:
			time = true
		case *format.DateType:
			date = true
		case *format.StringType:
			utf8 = true
		}
	}
	switch kind := t.Kind(); {
	case text:
		return func(dst []byte, v parquet.Value) []byte { return append(dst, v.ByteArray()...) }
	case kind == parquet.Int64 && time:
		return func(dst []byte, v parquet.Value) []byte {
			return append(chrono.AppendInstant(append(dst, '"'), v.Int64()), '"')
		}
	case kind == parquet.Int32 && date:
		return func(dst []byte, v parquet.Value) []byte {
			return append(chrono.AppendDate(append(dst, '"'), int64(v.Int32())), '"')
		}
	case kind == parquet.Int64:
		return func(dst []byte, v parquet.Value) []byte { return strconv.AppendInt(dst, v.Int64(), 10) }
	case kind == parquet.Double:
		return appendDouble
	case kind == parquet.Boolean:
		return func(dst []byte, v parquet.Value) []byte { return strconv.AppendBool(dst, v.Boolean()) }
	case utf8:
		return func(dst []byte, v parquet.Value) []byte { return codec.AppendQuoted(dst, v.ByteArray()) }
	default:
		return func(dst []byte, v parquet.Value) []byte {
			return append(base64.StdEncoding.AppendEncode(append(dst, '"'), v.Bytes()), '"')
		}
	}
}

func appendDouble(dst []byte, v parquet.Value) []byte {
	switch f := v.Double(); {
	case f != f:
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 0):
		if f > 0 {
			return append(dst, `"+infinity"`...)
		}
		return append(dst, `"-infinity"`...)
	default:
		return strconv.AppendFloat(dst, f, 'g', -1, 64)
	}
}

// ErrStop ends Read without an error.
var ErrStop = errors.New("stop")

// Read calls f with every row of a file as a JSON object: workflow first, then the
// columns in their order. row is valid during the call. f ends it by returning ErrStop
// or an error of its own.
func Read(one File, f func(row []byte) error) (err error) {
	r, err := open(one.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.disk.Close()) }()
	head := codec.AppendQuoted([]byte(`{"workflow":`), []byte(one.Workflow))
	for _, g := range r.file.RowGroups() {
		if err := r.group(g, head, f); err != nil {
			if errors.Is(err, ErrStop) {
				return nil
			}
			return fmt.Errorf("cannot read %s: %w", one.Path, err)
		}
	}
	return nil
}

func (r *reader) group(g parquet.RowGroup, head []byte, f func(row []byte) error) (err error) {
	rows := g.Rows()
	defer func() { err = errors.Join(err, rows.Close()) }()
	defer caught(&err)
	some := make([]parquet.Row, 64)
	var line []byte
	for {
		n, err := rows.ReadRows(some)
		for _, row := range some[:n] {
			line = append(line[:0], head...)
			for i, v := range row {
				line = append(codec.AppendQuoted(append(line, ','), []byte(r.names[i])), ':')
				if v.IsNull() {
					line = append(line, "null"...)
				} else {
					line = r.cells[i](line, v)
				}
			}
			if err := f(append(line, '}')); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
	}
}
