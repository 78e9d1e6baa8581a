package ingest

import (
	"fmt"
	"strings"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"quiver/codec"
	"quiver/codec/avro"
)

// cellKind is the shape of a value in a Parquet file.
type cellKind uint8

const (
	leafCell cellKind = iota
	structCell
	listCell
	mapCell
)

// cell is a group's column, or a value inside one, bound to columns of the file.
//
// Levels are Parquet's: a value with a definition level below def says that this cell
// (or something around it) is null; one below some says that a list or map is empty.
type cell struct {
	kind   cellKind
	def    int
	leaves []*leaf // all leaves below; the first one's levels speak for the cell

	leaf  *leaf // leafCell
	conv  conv
	scale int           // of decimals
	avro  *avro.Decoder // convAvro

	names  []string // structCell: field names as JSON, with colon
	fields []*cell  // nil where the file lacks the field

	rep  int   // listCell, mapCell: repetition level of a further element
	some int   // definition level from which there is an element
	key  *cell // mapCell
	elem *cell // listCell, mapCell
}

// binder binds types to columns.
type binder struct {
	logical       []*format.LogicalType // by leaf index
	ignoreUnknown bool
}

// logicalTypes lists the annotations of the file's leaf columns, some of which the
// library's types leave out.
func logicalTypes(f *parquet.File) []*format.LogicalType {
	var out []*format.LogicalType
	schema := f.Metadata().Schema
	for i := range schema {
		if schema[i].Type.Valid {
			out = append(out, &schema[i].LogicalType)
		}
	}
	return out
}

// bind makes the cell that reads values of type t from col. top is true for whole
// columns, which may also hold complex values as JSON text.
func (b *binder) bind(col *parquet.Column, t *codec.Type, top bool) (*cell, error) {
	if col.Repeated() {
		// A repeated field outside a LIST is a list by itself, never null.
		return b.list(col, col, t, col.MaxDefinitionLevel()-1)
	}
	return b.value(col, t, top)
}

// value binds one value: a column that is not repeated, or one element of one that is.
func (b *binder) value(col *parquet.Column, t *codec.Type, top bool) (*cell, error) {
	if col.Leaf() {
		return b.leaf(col, t, top)
	}
	switch t.Kind {
	case codec.KindArray, codec.KindEmbedding:
		if rep := repeatedChild(col); rep != nil {
			return b.list(col, rep, t, col.MaxDefinitionLevel())
		}
	case codec.KindMap:
		if rep := repeatedChild(col); rep != nil && len(rep.Columns()) == 2 {
			return b.dict(col, rep, t)
		}
	case codec.KindStruct:
		if repeatedChild(col) == nil || !annotated(col) {
			return b.record(col, t)
		}
	}
	return nil, mismatch(col, t)
}

// mismatch is the error for a column whose type cannot become t.
func mismatch(col *parquet.Column, t *codec.Type) error {
	return fmt.Errorf("the group's type is %s, the file's %s", typeText(t), describe(col))
}

func typeText(t *codec.Type) string {
	if t.Text != "" {
		return t.Text
	}
	return t.Kind.String()
}

// repeatedChild returns the one child of a LIST or MAP.
func repeatedChild(col *parquet.Column) *parquet.Column {
	if cs := col.Columns(); len(cs) == 1 && cs[0].Repeated() {
		return cs[0]
	}
	return nil
}

// annotated reports whether a group says that it is a LIST or MAP.
func annotated(col *parquet.Column) bool {
	l := col.Type().LogicalType()
	if l == nil {
		return false
	}
	switch l.Value.(type) {
	case *format.ListType, *format.MapType:
		return true
	}
	return false
}

// describe names the type of a column for messages.
func describe(col *parquet.Column) string {
	s := col.Type().String()
	switch {
	case col.Leaf():
		if l := col.Type().LogicalType(); l != nil && l.Value != nil {
			s = fmt.Sprintf("%s (%s)", l, col.Type().Kind())
		}
	case annotated(col):
	default:
		names := make([]string, 0, len(col.Columns()))
		for _, c := range col.Columns() {
			names = append(names, c.Name())
		}
		s = "a group of " + list(names)
	}
	if col.Repeated() {
		s = "repeated " + s
	}
	return s
}

// list binds the elements of rep, which is a LIST's repeated child or a repeated column
// itself; outer is the column that can be null.
func (b *binder) list(outer, rep *parquet.Column, t *codec.Type, def int) (*cell, error) {
	if t.Kind != codec.KindArray && t.Kind != codec.KindEmbedding {
		return nil, mismatch(outer, t)
	}
	// Writers disagree on whether the repeated child is the element or wraps it;
	// these are the rules of the format's specification.
	elem := rep
	wraps := outer != rep && !rep.Leaf() && len(rep.Columns()) == 1 &&
		rep.Name() != "array" && rep.Name() != outer.Name()+"_tuple" && !rep.Columns()[0].Repeated()
	if wraps {
		elem = rep.Columns()[0]
	}
	e, err := b.value(elem, t.Elem, false)
	if err != nil {
		return nil, fmt.Errorf("in its elements: %w", err)
	}
	return &cell{kind: listCell, def: def, leaves: e.leaves, rep: rep.MaxRepetitionLevel(), some: rep.MaxDefinitionLevel(), elem: e}, nil
}

// text is the type that map keys are read as.
var text = &codec.Type{Kind: codec.KindString, Text: "string"}

func (b *binder) dict(col, rep *parquet.Column, t *codec.Type) (*cell, error) {
	keyCol, valueCol := rep.Columns()[0], rep.Columns()[1]
	if !keyCol.Leaf() || keyCol.Repeated() {
		return nil, mismatch(col, t)
	}
	k, err := b.leaf(keyCol, text, false)
	if err != nil {
		if k, err = b.leaf(keyCol, &codec.Type{Kind: codec.KindBigInt, Text: "string or bigint"}, false); err != nil {
			return nil, fmt.Errorf("in its keys: %w", err)
		}
	}
	v, err := b.bind(valueCol, t.Elem, false)
	if err != nil {
		return nil, fmt.Errorf("in its values: %w", err)
	}
	return &cell{
		kind: mapCell, def: col.MaxDefinitionLevel(), leaves: append([]*leaf{k.leaf}, v.leaves...),
		rep: rep.MaxRepetitionLevel(), some: rep.MaxDefinitionLevel(), key: k, elem: v,
	}, nil
}

// record binds a group of fields by name: exactly, then without regard to case.
func (b *binder) record(col *parquet.Column, t *codec.Type) (*cell, error) {
	c := &cell{kind: structCell, def: col.MaxDefinitionLevel(), fields: make([]*cell, len(t.Fields))}
	for _, f := range t.Fields {
		c.names = append(c.names, string(codec.AppendQuoted(nil, []byte(f.Name)))+":")
	}
	for _, child := range col.Columns() {
		i := fieldIndex(t, child.Name())
		if i < 0 {
			if b.ignoreUnknown {
				continue
			}
			return nil, fmt.Errorf("its type %s has no field %q, the file has; --ignore-unknown leaves it out", typeText(t), child.Name())
		}
		if c.fields[i] != nil {
			return nil, fmt.Errorf("the file has field %q twice", t.Fields[i].Name)
		}
		f, err := b.bind(child, t.Fields[i].Type, false)
		if err != nil {
			return nil, fmt.Errorf("in field %q: %w", t.Fields[i].Name, err)
		}
		c.fields[i] = f
		c.leaves = append(c.leaves, f.leaves...)
	}
	if len(c.leaves) == 0 {
		return nil, mismatch(col, t)
	}
	return c, nil
}

func fieldIndex(t *codec.Type, name string) int {
	found := -1
	for i, f := range t.Fields {
		if f.Name == name {
			return i
		}
		if strings.EqualFold(f.Name, name) {
			found = i
		}
	}
	return found
}

// leaf binds a column of plain values.
func (b *binder) leaf(col *parquet.Column, t *codec.Type, top bool) (*cell, error) {
	logical := b.logical[col.Index()].Value
	if logical == nil {
		// Old writers annotate in another way, which the library translates.
		if l := col.Type().LogicalType(); l != nil {
			logical = l.Value
		}
	}
	v, scale := convOf(col.Type(), logical, t, top)
	if v == convNone {
		return nil, mismatch(col, t)
	}
	l := &leaf{name: strings.Join(col.Path(), "."), index: col.Index(), repeated: col.MaxRepetitionLevel() > 0}
	c := &cell{kind: leafCell, def: col.MaxDefinitionLevel(), leaves: []*leaf{l}, leaf: l, conv: v, scale: scale}
	if v == convAvro {
		var err error
		if c.avro, err = avro.ForType(t); err != nil {
			return nil, err
		}
	}
	return c, nil
}
