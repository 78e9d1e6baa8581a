package ingest

import (
	"io"

	"quiver/codec"
)

// jsonlSource reads one JSON object a line; empty lines are skipped. Objects need not
// have the same fields, nor in the same order.
type jsonlSource struct {
	lines         *lines
	columns       *columns
	ignoreUnknown bool
	values        []jsonValue // by column, of the present row
	order         []int       // columns in the order of the row before: most rows repeat it
}

type jsonValue struct {
	raw  []byte
	kind codec.JSONKind
}

func openJSONL(r io.Reader, t *Target, o Options) *jsonlSource {
	return &jsonlSource{
		lines: newLines(r), columns: newColumns(t), ignoreUnknown: o.IgnoreUnknown,
		values: make([]jsonValue, len(t.Schema.Columns)),
	}
}

func (s *jsonlSource) line() int64 { return s.lines.n }

func (s *jsonlSource) next(w *codec.RowWriter) error {
	line, err := s.lines.next()
	for err == nil && blank(line) {
		line, err = s.lines.next()
	}
	if err != nil {
		return err
	}
	if err := s.scan(line); err != nil {
		return err
	}
	cols := s.columns.target.Schema.Columns
	for i := range s.values {
		switch v := &s.values[i]; {
		case v.kind == codec.JSONInvalid && s.columns.required[i]:
			return &BadRow{Column: cols[i].Name, Reason: "is missing, and " + s.columns.role(i) + " must be there"}
		case v.kind == codec.JSONNull && s.columns.required[i]:
			return &BadRow{Column: cols[i].Name, Reason: "is null, and " + s.columns.role(i) + " cannot be"}
		case v.kind == codec.JSONInvalid:
			if err := w.Default(); err != nil {
				return badCell(nil, err)
			}
		default:
			if err := w.JSON(v.raw); err != nil {
				return badCell(v.raw, err)
			}
		}
	}
	return nil
}

// scan finds the line's values by column.
func (s *jsonlSource) scan(line []byte) error {
	clear(s.values)
	sc := codec.NewScanner(line)
	if sc.Peek() != codec.JSONObject {
		return &BadRow{Reason: "the line is not a JSON object", Value: shorten(line), HasValue: true}
	}
	sc.AllowNaN(true) // as the codec does: Python's json module writes it
	sc.Object()
	n := 0
	for name, ok := sc.NextField(); ok; name, ok = sc.NextField() {
		i := s.column(n, name)
		if i < 0 && !s.ignoreUnknown {
			return &BadRow{Reason: s.columns.unknown(string(name))}
		}
		raw, kind := sc.Value()
		if kind == codec.JSONInvalid {
			break
		}
		if i >= 0 {
			if s.values[i].kind != codec.JSONInvalid {
				return &BadRow{Column: s.columns.target.Schema.Columns[i].Name, Reason: "is there twice"}
			}
			s.values[i] = jsonValue{raw, kind}
		}
		n++
	}
	if err := sc.End(); err != nil {
		return &BadRow{Reason: "the line is not valid JSON: " + err.Error()}
	}
	return nil
}

// column finds the column of the n-th field, trying first where it was in the row
// before.
func (s *jsonlSource) column(n int, name []byte) int {
	if n < len(s.order) {
		if i := s.order[n]; i >= 0 && s.columns.target.Schema.Columns[i].Name == string(name) {
			return i
		}
	}
	i := s.columns.find(string(name))
	if n < len(s.order) {
		s.order[n] = i
	} else if n == len(s.order) && n < len(s.values) {
		s.order = append(s.order, i)
	}
	return i
}

func blank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\t' && c != '\r' {
			return false
		}
	}
	return true
}
