package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go"

	"quiver/codec"
)

// parquetSource reads Parquet column by column: one decoded page of each needed column
// is in memory at a time, and columns that the group does not have are not decoded.
//
// How the file's types meet the group's (anything else is an error before the first
// row):
//
//	group            file
//	integers         INT32, INT64, signed or unsigned, in range; DECIMAL without fraction
//	float, double    FLOAT, DOUBLE, FLOAT16, integers, DECIMAL
//	decimal          DECIMAL of any physical type, integers
//	boolean          BOOLEAN, integers 0 and 1
//	string           STRING, ENUM, JSON, UUID, byte arrays without annotation
//	binary           byte arrays of every kind
//	date             DATE
//	timestamp        TIMESTAMP in ms, us or ns, INT96, DATE; integers as epoch numbers
//	array, Embedding LIST in all its legacy shapes, repeated fields
//	struct           groups, fields by name
//	map              MAP with text or integer keys
//	complex types    also STRING or JSON columns that hold JSON text
//
// A timestamp that is "not adjusted to UTC" is taken as if it were UTC. A column of
// all nulls may have any type. A damaged page header can make the library reserve up to
// 2 GiB before it finds the page cut off.
type parquetSource struct {
	name   string
	file   *parquet.File
	layout *layout
	cells  []*cell // by column of the group, nil where the file lacks it
	leaves []*leaf // all that are read
	nested []*leaf // those of them with repeated values
	group  int     // row group being read
	left   int64   // rows left in it
	row    int64   // number of the row that next read, from 1
	text   []byte  // scratch for one cell
	failed error   // sticky
}

// openParquet reads the file's schema and binds it to the target's.
func openParquet(r io.ReaderAt, size int64, name string, t *Target, o Options) (p *parquetSource, err error) {
	defer caught(name+": ", &err)
	if err := checkFooter(r, size); err != nil {
		return nil, fmt.Errorf("%s: is not a Parquet file, or a damaged one: %w", name, err)
	}
	f, err := parquet.OpenFile(r, size, parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true), parquet.ReadBufferSize(readBuffer))
	if err != nil {
		return nil, fmt.Errorf("%s: is not a Parquet file, or a damaged one: %w", name, err)
	}
	p = &parquetSource{name: name, file: f, group: -1, cells: make([]*cell, len(t.Schema.Columns))}
	tops := f.Root().Columns()
	names := make([]string, len(tops))
	for i, c := range tops {
		names[i] = c.Name()
	}
	if p.layout, err = newColumns(t).match(name, names, o.IgnoreUnknown); err != nil {
		return nil, err
	}
	b := &binder{logical: logicalTypes(f), ignoreUnknown: o.IgnoreUnknown}
	for i, from := range p.layout.from {
		if from < 0 {
			continue
		}
		col := &t.Schema.Columns[i]
		c, err := b.bind(tops[from], col.Type, true)
		if err != nil {
			return nil, fmt.Errorf("%s: column %q: %w", name, col.Name, err)
		}
		p.cells[i] = c
		p.leaves = append(p.leaves, c.leaves...)
	}
	for _, l := range p.leaves {
		if l.repeated {
			p.nested = append(p.nested, l)
		}
	}
	return p, nil
}

// checkFooter checks the length of the file's footer, for which the library would take
// memory before it looks at the length of the file.
func checkFooter(r io.ReaderAt, size int64) error {
	const magic, tail = "PAR1", 8
	var b [tail]byte
	if size < int64(len(magic))+tail {
		return errors.New("it is too short")
	}
	if _, err := r.ReadAt(b[:], size-tail); err != nil {
		return err
	}
	if string(b[4:]) != magic {
		return errors.New("it does not end with " + magic)
	}
	if n := int64(binary.LittleEndian.Uint32(b[:])); n > size-tail-int64(len(magic)) {
		return fmt.Errorf("its footer of %d bytes is longer than the file", n)
	}
	return nil
}

// caught makes an error of a panic of the Parquet library, which some damaged files
// cause it to.
func caught(place string, err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("%sthe Parquet file is damaged: %v", place, r)
	}
}

func (p *parquetSource) line() int64 { return p.row }

func (p *parquetSource) close() error {
	var errs []error
	for _, l := range p.leaves {
		errs = append(errs, l.close())
	}
	return errors.Join(errs...)
}

func (p *parquetSource) next(w *codec.RowWriter) (err error) {
	if p.failed != nil {
		return p.failed
	}
	defer p.stick(&err)
	for p.left == 0 {
		if err := p.nextGroup(); err != nil {
			return err
		}
	}
	p.left--
	p.row++
	// A bad cell does not end the row: the columns behind it must move on as well.
	var bad error
	for i, c := range p.cells {
		var err error
		switch {
		case c == nil && bad == nil:
			if err = w.Default(); err != nil {
				err = badCell(nil, err)
			}
		case c != nil:
			err = p.cell(w, i, c, bad != nil)
		}
		if err != nil && bad == nil {
			bad = err
		}
	}
	for _, l := range p.nested {
		if v := l.peek(); v != nil && v.RepetitionLevel() != 0 {
			return fmt.Errorf("the Parquet file is damaged: column %s has values that belong to no row", l.name)
		}
	}
	for _, l := range p.leaves {
		if l.err != nil {
			return l.err
		}
	}
	return bad
}

// stick keeps an error that is not about one row alone, a panic of the library included.
func (p *parquetSource) stick(err *error) {
	if r := recover(); r != nil {
		*err = fmt.Errorf("the Parquet file is damaged: %v", r)
	}
	if *err != nil {
		var bad *BadRow
		if !errors.As(*err, &bad) {
			p.failed = *err
		}
	}
}

// cell moves the columns of one cell on by one row, and gives the cell to w unless the
// row is bad already.
func (p *parquetSource) cell(w *codec.RowWriter, i int, c *cell, skip bool) error {
	name := p.layout.target.Schema.Columns[i].Name
	if c.kind == leafCell {
		v := c.leaf.take()
		switch {
		case v == nil:
			return c.leaf.short()
		case skip:
			return nil
		case v.IsNull() && p.layout.required[i]:
			return &BadRow{Column: name, Reason: "is null, and " + p.layout.role(i) + " cannot be"}
		}
		if err := c.write(w, v, &p.text); err != nil {
			return badCell(c.show(v), err)
		}
		return nil
	}
	var a assembly
	p.text = a.append(p.text[:0], c)
	switch {
	case a.err != nil:
		return a.err
	case skip:
		return nil
	case a.bad != nil:
		return &BadRow{Column: name, Reason: a.bad.Error()}
	case len(p.text) > codec.MaxRowBytes:
		return &BadRow{Column: name, Reason: fmt.Sprintf("has more than %d MiB", codec.MaxRowBytes>>20)}
	}
	if err := w.JSON(p.text); err != nil {
		return badCell(p.text, err)
	}
	return nil
}

// nextGroup goes to the next row group, io.EOF behind the last one.
func (p *parquetSource) nextGroup() error {
	groups := p.file.RowGroups()
	if p.group++; p.group >= len(groups) {
		return io.EOF
	}
	g := groups[p.group]
	chunks := g.ColumnChunks()
	for _, l := range p.leaves {
		if err := l.open(chunks[l.index]); err != nil {
			return err
		}
	}
	p.left = g.NumRows()
	return nil
}

// leaf reads the values of one leaf column of the present row group.
type leaf struct {
	name     string
	index    int
	repeated bool
	pages    parquet.Pages
	page     parquet.Page
	values   parquet.ValueReader
	buf      []parquet.Value // values decoded from page; byte arrays point into it
	pos, n   int
	err      error // sticky; io.EOF is none
}

// leafBuffer is how many values of a column are decoded at once.
const leafBuffer = 512

func (l *leaf) open(c parquet.ColumnChunk) error {
	if err := l.close(); err != nil {
		return err
	}
	if l.buf == nil {
		l.buf = make([]parquet.Value, leafBuffer)
	}
	l.pages = c.Pages()
	return nil
}

func (l *leaf) close() error {
	if l.page != nil {
		parquet.Release(l.page)
	}
	l.page, l.values, l.pos, l.n = nil, nil, 0, 0
	if l.pages == nil {
		return nil
	}
	pages := l.pages
	l.pages = nil
	return pages.Close()
}

// peek returns the next value, nil behind the last one of the row group and after an
// error. It lives until the next call of peek or take.
func (l *leaf) peek() *parquet.Value {
	if l.pos < l.n {
		return &l.buf[l.pos]
	}
	return l.fill()
}

// take returns the next value and goes past it.
func (l *leaf) take() *parquet.Value {
	v := l.peek()
	if v != nil {
		l.pos++
	}
	return v
}

// fill decodes further values; the old ones die.
func (l *leaf) fill() *parquet.Value {
	for l.err == nil && l.pages != nil {
		if l.values != nil {
			n, err := l.values.ReadValues(l.buf)
			if err != nil && !errors.Is(err, io.EOF) {
				l.fail(err)
				return nil
			}
			if l.pos, l.n = 0, n; n > 0 {
				return &l.buf[0]
			}
			parquet.Release(l.page)
			l.page, l.values = nil, nil
		}
		page, err := l.pages.ReadPage()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			l.fail(err)
			return nil
		}
		l.page, l.values = page, page.Values()
	}
	l.pos, l.n = 0, 0
	return nil
}

// short is the error for a column with fewer values than its row group has rows.
func (l *leaf) short() error {
	if l.err == nil {
		l.err = fmt.Errorf("the Parquet file is damaged: column %s ends before its row group", l.name)
	}
	return l.err
}

func (l *leaf) fail(err error) { l.err = fmt.Errorf("cannot read column %s: %w", l.name, err) }
