package webhook

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/engine/expr"
	"quiver/engine/expr/vec"
	"quiver/engine/fail"
)

// target is a group that an endpoint feeds, compiled: which fields of a row are read as
// what, and what each column of the group is made of.
type target struct {
	*catalog.Target
	feed     *feed
	disorder int64    // how far behind the newest event time rows may be, microseconds; 0: as far as they are
	frames   []fields // a field that is read as several types stands in several frames
	columns  []source // by physical column
	where    []int    // physical columns that Where reads
}

// fields are what one frame reads of every row.
type fields struct {
	names []string
	types []*codec.Type
}

// place is a column of a frame.
type place struct{ frame, column int }

// source says what a column is made of: with a path or a program from other fields,
// else from a value or from one field. The zero source is a column that was taken away.
type source struct {
	used    bool
	typ     *codec.Type
	from    place
	path    []string
	value   []byte
	program *expr.Program
	inputs  []place
}

func newTarget(t *catalog.Target) *target {
	g := t.Ref
	c := &target{Target: t, frames: make([]fields, 1), columns: make([]source, len(g.Schema.Columns))}
	for i := range g.Schema.Columns {
		column := &g.Schema.Columns[i]
		if column.Name == "" {
			continue
		}
		s := source{used: true, typ: readAs(g, i)}
		at := slices.IndexFunc(t.Preproc, func(p catalog.Preproc) bool { return p.Slot == i })
		switch {
		case at < 0:
			s.from = c.read(column.Name, s.typ)
		case t.Preproc[at].Expr != nil:
			s.program = t.Preproc[at].Expr
			for n, name := range s.program.Columns() {
				s.inputs = append(s.inputs, c.read(name, s.program.Types()[n]))
			}
		case t.Preproc[at].Value != nil:
			s.value = t.Preproc[at].Value
		default:
			name, path := parsePath(t.Preproc[at].Ref)
			if s.path = path; path == nil {
				s.from = c.read(name, s.typ)
			} else {
				s.from = c.read(name, anyText)
			}
		}
		c.columns[i] = s
	}
	if t.Where != nil {
		for _, name := range t.Where.Columns() {
			c.where = append(c.where, g.Schema.Index(name))
		}
	}
	return c
}

// anyText is the type as which JSON is read that is descended into.
var anyText = &codec.Type{Kind: codec.KindString, Spelling: codec.SpellingFennel, Optional: true, Text: "Optional[str]"}

// readAs is the type of a column as logged values have it. Columns spelled in SQL's words
// may be null but for the key and the event time; those with a default may be absent.
func readAs(g *catalog.Group, slot int) *codec.Type {
	t := g.Schema.Columns[slot].Type
	if t.Optional || slot == g.EventTimeColumn || slices.Contains(g.KeyColumns, slot) {
		return t
	}
	if t.Spelling == codec.SpellingFennel && g.Schema.Columns[slot].Default == nil {
		return t
	}
	free := *t
	free.Optional = true
	return &free
}

// parsePath takes A[B][C] apart.
func parsePath(ref string) (name string, path []string) {
	name, rest, ok := strings.Cut(ref, "[")
	if !ok || !strings.HasSuffix(rest, "]") || name == "" {
		return ref, nil
	}
	return name, strings.Split(strings.TrimSuffix(rest, "]"), "][")
}

// read adds a field to the frames and returns its place.
func (c *target) read(name string, t *codec.Type) place {
	for i := 0; ; i++ {
		if i == len(c.frames) {
			c.frames = append(c.frames, fields{})
		}
		f := &c.frames[i]
		at := slices.Index(f.names, name)
		if at >= 0 && f.types[at] != t && !f.types[at].Equal(t) {
			continue
		}
		if at < 0 {
			at = len(f.names)
			f.names, f.types = append(f.names, name), append(f.types, t)
		}
		return place{i, at}
	}
}

// batch is the memory of one conversion.
type batch struct {
	at      int64 // time of the call, microseconds
	maxRows int
	loader  vec.Loader
	writer  codec.RowWriter
	cell    []byte
}

func newBatch(at int64, maxRows int) *batch {
	return &batch{at: at, maxRows: maxRows, loader: vec.Loader{Now: at}}
}

// bad is the error of a value that does not fit.
func (c *target) bad(column string, row int, reason string) error {
	if column != "" {
		column = fmt.Sprintf("column %q, ", column)
	}
	return fail.Errorf(fail.BadRow, "Cannot log to group %s: %srow %d: %s.", c.Ref.Name, column, row, strings.TrimSuffix(reason, "."))
}

// because turns an error of reading or of an expression into the caller's.
func (c *target) because(err error, column string) error {
	var v *vec.ValueError
	var run *expr.RunError
	switch {
	case errors.As(err, &v):
		if v.Column != "" {
			column = v.Column
		}
		return c.bad(column, v.Row, v.Reason)
	case errors.As(err, &run):
		return c.bad(column, run.Row, run.Error())
	case errors.As(err, new(vec.RowsError)):
		return fail.Wrap(fail.TooLarge, err, "Cannot log to group %s: %v.", c.Ref.Name, err)
	}
	return fail.Wrap(fail.Malformed, err, "Cannot log to group %s: %v.", c.Ref.Name, err)
}

// convert makes changes of data: rows to store, or with deleted those whose key is to go.
// Of the latter only keys and event times are looked at; times stand in for event times
// that are null.
func (c *target) convert(b *batch, data []byte, deleted bool, times []int64) ([]engine.Change, error) {
	view := c
	if deleted {
		view = c.keysOnly()
	}
	frames := make([]vec.Frame, len(view.frames))
	n := 0
	for i := range frames {
		frames[i].Reset(view.frames[i].names, view.frames[i].types)
		if len(view.frames[i].names) == 0 {
			rows, err := split(data, b.maxRows)
			if err != nil {
				return nil, c.because(err, "")
			}
			n = len(rows)
			continue
		}
		if err := b.loader.Load(&frames[i], data, b.maxRows); err != nil {
			return nil, c.because(err, "")
		}
		n = frames[i].Rows
	}
	columns := make([]*vec.Column, len(view.columns))
	for slot := range view.columns {
		var err error
		if columns[slot], err = view.columns[slot].make(b, frames, n); err != nil {
			return nil, c.because(err, c.Ref.Schema.Columns[slot].Name)
		}
	}
	var keep *vec.Column
	if c.Where != nil && !deleted {
		in := make([]*vec.Column, len(c.where))
		for i, slot := range c.where {
			in[i] = columns[slot]
		}
		var err error
		if keep, err = c.Where.NewScratch().Eval(in, n, b.at); err != nil {
			return nil, c.because(err, "where")
		}
	}
	changes := make([]engine.Change, 0, n)
	for i := range n {
		if keep != nil && !keep.True(i) {
			continue
		}
		row, err := view.row(b, columns, i, deleted, times)
		if err != nil {
			return nil, err
		}
		changes = append(changes, engine.Change{Row: row, Delete: deleted})
	}
	return changes, nil
}

// make computes a column of n rows; nil for one that is not used.
func (s *source) make(b *batch, frames []vec.Frame, n int) (*vec.Column, error) {
	switch {
	case !s.used:
		return nil, nil
	case s.program != nil:
		in := make([]*vec.Column, len(s.inputs))
		for i, p := range s.inputs {
			in[i] = frames[p.frame].Columns[p.column]
		}
		return s.program.NewScratch().Eval(in, n, b.at)
	case s.value == nil && s.path == nil:
		return frames[s.from.frame].Columns[s.from.column], nil
	}
	out := vec.New(s.typ)
	for i := range n {
		raw := s.value
		if s.path != nil {
			raw = descend(frames[s.from.frame].Columns[s.from.column], i, s.path)
		}
		if err := b.loader.PushJSON(out, raw); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// descend follows a path into the JSON of row i; null where it ends early.
func descend(c *vec.Column, i int, path []string) []byte {
	if c.Null(i) {
		return []byte("null")
	}
	raw := c.Text(i)
	for _, name := range path {
		if raw, _ = field(raw, strings.Trim(name, `"'`)); raw == nil {
			return []byte("null")
		}
	}
	return raw
}

// row writes row i and checks that it can be stored.
func (c *target) row(b *batch, columns []*vec.Column, i int, deleted bool, times []int64) ([]byte, error) {
	g := c.Ref
	b.writer.Reset(g.Schema)
	timeless := g.EventTimeColumn < 0
	for slot := range columns {
		column := &g.Schema.Columns[slot]
		var err error
		switch v := columns[slot]; {
		case v == nil:
			err = b.writer.Null()
		case v.Null(i) && deleted && slot == g.EventTimeColumn:
			timeless = true
			err = b.writer.Null()
		case v.Null(i) && column.Default != nil && !column.Type.Optional:
			err = b.writer.Default()
		default:
			var sp codec.Special
			if b.cell, sp, err = v.AppendCell(b.cell[:0], i); err == nil {
				err = b.writer.Cell(b.cell, sp)
			}
		}
		if err != nil {
			return nil, c.bad(column.Name, i, err.Error())
		}
	}
	var row []byte
	var err error
	if deleted && timeless {
		row, err = b.writer.Row(nil, times[i])
	} else {
		row, err = engine.FinishRow(g, &b.writer, b.at, nil)
	}
	if err == nil {
		err = engine.CheckRow(g, row)
	}
	if err != nil {
		return nil, c.bad("", i, fail.AsError(err).Text)
	}
	return row, nil
}

// keysOnly is the target with nothing but the key and the event time, which may be null.
func (c *target) keysOnly() *target {
	k := &target{Target: c.Target, columns: make([]source, len(c.columns))}
	k.frames = make([]fields, 1)
	for slot, s := range c.columns {
		event := slot == c.Ref.EventTimeColumn
		if !event && !slices.Contains(c.Ref.KeyColumns, slot) {
			continue
		}
		if event {
			free := *s.typ
			free.Optional = true
			s.typ = &free
		}
		switch {
		case s.program != nil:
			inputs := s.inputs
			s.inputs = nil
			for _, p := range inputs {
				f := &c.frames[p.frame]
				s.inputs = append(s.inputs, k.read(f.names[p.column], f.types[p.column]))
			}
		case s.value == nil:
			f := &c.frames[s.from.frame]
			t := f.types[s.from.column]
			if s.path == nil {
				t = s.typ
			}
			s.from = k.read(f.names[s.from.column], t)
		}
		k.columns[slot] = s
	}
	return k
}
