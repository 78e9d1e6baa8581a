package vec

import (
	"errors"

	"quiver/codec"
)

// Limits of one column. They keep the offsets within 32 bits and what one expression
// can make of a small request within reason.
const (
	MaxBytes = 1 << 28 // of text in one column
	MaxElems = 1 << 24 // of elements of the lists or maps of one column
)

// ErrTooLarge is returned when a column would pass MaxBytes or MaxElems.
var ErrTooLarge = errors.New("more than 256 MiB of text or 16 million elements in one column")

// Shape says which fields of a Column hold its values.
type Shape uint8

// The shapes.
const (
	ShapeNull   Shape = iota // nothing but nulls
	ShapeInts                // integers, dates, datetimes
	ShapeFloats              //
	ShapeBits                // booleans
	ShapeBytes               // text, bytes, decimals
	ShapeList                // lists and embeddings
	ShapeMap                 //
	ShapeStruct              //
)

// shapes are the shapes of the kinds.
var shapes = [256]Shape{
	codec.KindTinyInt: ShapeInts, codec.KindSmallInt: ShapeInts, codec.KindInt: ShapeInts, codec.KindBigInt: ShapeInts,
	codec.KindDate: ShapeInts, codec.KindTimestamp: ShapeInts,
	codec.KindFloat: ShapeFloats, codec.KindDouble: ShapeFloats,
	codec.KindBoolean: ShapeBits,
	codec.KindString:  ShapeBytes, codec.KindBinary: ShapeBytes, codec.KindDecimal: ShapeBytes,
	codec.KindArray: ShapeList, codec.KindEmbedding: ShapeList,
	codec.KindMap:    ShapeMap,
	codec.KindStruct: ShapeStruct,
}

// ShapeOf returns the shape of columns of type t; a nil type, and KindInvalid, is the
// type of null.
func ShapeOf(t *codec.Type) Shape {
	if t == nil {
		return ShapeNull
	}
	return shapes[t.Kind]
}

// SameShape reports whether columns of types t and u hold their values alike, all the
// way down; struct fields must have the same names in the same order.
func SameShape(t, u *codec.Type) bool {
	if t == u {
		return true
	}
	s := ShapeOf(t)
	if s != ShapeOf(u) {
		return false
	}
	switch s {
	case ShapeNull:
		return true
	case ShapeInts:
		return (t.Kind == codec.KindDate) == (u.Kind == codec.KindDate) &&
			(t.Kind == codec.KindTimestamp) == (u.Kind == codec.KindTimestamp)
	case ShapeBytes:
		return t.Kind == u.Kind && (t.Kind != codec.KindDecimal || t.Scale == u.Scale)
	case ShapeList:
		return (t.Kind == u.Kind) && t.Length == u.Length && SameShape(t.Elem, u.Elem)
	case ShapeMap:
		return SameShape(t.Elem, u.Elem)
	case ShapeStruct:
		if len(t.Fields) != len(u.Fields) {
			return false
		}
		for i := range t.Fields {
			if t.Fields[i].Name != u.Fields[i].Name || !SameShape(t.Fields[i].Type, u.Fields[i].Type) {
				return false
			}
		}
	}
	return true
}

// textType is the type of the keys of maps.
var textType = &codec.Type{Kind: codec.KindString, Spelling: codec.SpellingFennel, Text: "str"}

// Column is a vector of Len values of one type; the package comment says what is where.
// The fields are open to kernels; everybody else uses the methods.
type Column struct {
	Type   *codec.Type // nil: only nulls
	Len    int
	Valid  Bitmap // empty: no row is null
	Bits   Bitmap
	Ints   []int64
	Floats []float64
	Off    []int32
	Bytes  []byte
	Kids   []*Column

	sorted []int32 // struct: the fields in order of their names
}

// New returns an empty column of type t.
func New(t *codec.Type) *Column {
	c := &Column{}
	c.Reset(t)
	return c
}

// Reset empties the column and gives it type t, keeping its memory.
func (c *Column) Reset(t *codec.Type) {
	same := c.Type == t && t != nil
	c.Type = t
	c.Len = 0
	c.Valid, c.Bits = c.Valid[:0], c.Bits[:0]
	c.Ints, c.Floats = c.Ints[:0], c.Floats[:0]
	c.Off, c.Bytes = c.Off[:0], c.Bytes[:0]
	switch ShapeOf(t) {
	case ShapeBytes:
		c.Off = append(c.Off, 0)
	case ShapeList:
		c.Off = append(c.Off, 0)
		c.kids(1)
		c.Kids[0].Reset(t.Elem)
	case ShapeMap:
		c.Off = append(c.Off, 0)
		c.kids(2)
		c.Kids[0].Reset(textType)
		c.Kids[1].Reset(t.Elem)
	case ShapeStruct:
		c.kids(len(t.Fields))
		for i, f := range t.Fields {
			c.Kids[i].Reset(f.Type)
		}
		if !same {
			c.sort()
		}
	}
}

// kids makes Kids n columns.
func (c *Column) kids(n int) {
	c.Kids = c.Kids[:min(n, cap(c.Kids))]
	for len(c.Kids) < n {
		c.Kids = append(c.Kids, nil)
	}
	for i, k := range c.Kids {
		if k == nil {
			c.Kids[i] = &Column{}
		}
	}
}

// Size returns how much memory the column holds on to, in bytes. Pools drop giants.
func (c *Column) Size() int {
	n := 8*(cap(c.Valid)+cap(c.Bits)+cap(c.Ints)+cap(c.Floats)) + 4*cap(c.Off) + cap(c.Bytes)
	for _, k := range c.Kids[:cap(c.Kids)] {
		if k != nil {
			n += k.Size()
		}
	}
	return n
}

// Null reports whether row i is null.
func (c *Column) Null(i int) bool { return len(c.Valid) > 0 && !c.Valid.Get(i) }

// HasNulls reports whether any row is null.
func (c *Column) HasNulls() bool { return len(c.Valid) > 0 && !c.Valid.All(c.Len) }

// True reports whether row i of a boolean column is true: neither false nor null.
func (c *Column) True(i int) bool { return c.Bits.Get(i) && !c.Null(i) }

// Text returns the bytes of row i of a column of texts, bytes or decimals. They are
// the column's own.
func (c *Column) Text(i int) []byte { return c.Bytes[c.Off[i]:c.Off[i+1]] }

// Field returns the column of the named field of a column of structs, nil if there is
// none. Rows whose struct is null are null or anything in it.
func (c *Column) Field(name string) *Column {
	for i, f := range c.Type.Fields {
		if f.Name == name {
			return c.Kids[i]
		}
	}
	return nil
}

// grown notes that a row was added and whether it is null.
func (c *Column) grown(valid bool) {
	i := c.Len
	c.Len++
	if len(c.Valid) == 0 {
		if valid {
			return
		}
		c.Valid = append(c.Valid, make([]uint64, Words(c.Len))...)
		c.Valid.Fill(true)
	} else if i>>6 == len(c.Valid) {
		c.Valid = append(c.Valid, 0)
	}
	c.Valid.Set(i, valid)
}

func (c *Column) pushBit(v bool) {
	if c.Len>>6 == len(c.Bits) {
		c.Bits = append(c.Bits, 0)
	}
	c.Bits.Set(c.Len, v)
}

// PushNull adds a null. It is up to the caller whether the type admits it.
func (c *Column) PushNull() {
	c.pushZero()
	c.grown(false)
}

// pushZero adds the value that stands below a null.
func (c *Column) pushZero() {
	switch ShapeOf(c.Type) {
	case ShapeInts:
		c.Ints = append(c.Ints, 0)
	case ShapeFloats:
		c.Floats = append(c.Floats, 0)
	case ShapeBits:
		c.pushBit(false)
	case ShapeBytes, ShapeList, ShapeMap:
		c.Off = append(c.Off, c.Off[c.Len])
	case ShapeStruct:
		for _, k := range c.Kids {
			k.PushNull()
		}
	}
}

// PushInt adds an integer, a date (days) or a datetime (microseconds).
func (c *Column) PushInt(v int64) {
	c.Ints = append(c.Ints, v)
	c.grown(true)
}

// PushFloat adds a float.
func (c *Column) PushFloat(v float64) {
	c.Floats = append(c.Floats, v)
	c.grown(true)
}

// PushBool adds a boolean.
func (c *Column) PushBool(v bool) {
	c.pushBit(v)
	c.grown(true)
}

// PushText adds a copy of a text, of bytes, or of a decimal that is written with
// exactly the digits of its scale. It fails only with ErrTooLarge.
func (c *Column) PushText(v []byte) error {
	if len(c.Bytes)+len(v) > MaxBytes {
		return ErrTooLarge
	}
	c.Bytes = append(c.Bytes, v...)
	c.Off = append(c.Off, int32(len(c.Bytes)))
	c.grown(true)
	return nil
}

// PushList ends a row of a list or map column: its elements are those that were pushed
// to the kids since the row before. It fails only with ErrTooLarge, and then the new
// elements are gone.
func (c *Column) PushList() error {
	n := c.Kids[0].Len
	if n > MaxElems {
		for _, k := range c.Kids {
			k.Truncate(int(c.Off[c.Len]))
		}
		return ErrTooLarge
	}
	c.Off = append(c.Off, int32(n))
	c.grown(true)
	return nil
}

// PushStruct ends a row of a struct column, after one value was pushed to every kid.
func (c *Column) PushStruct() { c.grown(true) }

// Truncate cuts the column back to its first n rows, and takes away what was pushed to
// the kids for a row that was never finished.
func (c *Column) Truncate(n int) {
	n = min(n, c.Len)
	c.Len = n
	if len(c.Valid) > 0 {
		c.Valid = c.Valid[:Words(n)]
	}
	switch ShapeOf(c.Type) {
	case ShapeInts:
		c.Ints = c.Ints[:n]
	case ShapeFloats:
		c.Floats = c.Floats[:n]
	case ShapeBits:
		c.Bits = c.Bits[:Words(n)]
	case ShapeBytes:
		c.Off = c.Off[:n+1]
		c.Bytes = c.Bytes[:c.Off[n]]
	case ShapeList, ShapeMap:
		c.Off = c.Off[:n+1]
		for _, k := range c.Kids {
			k.Truncate(int(c.Off[n]))
		}
	case ShapeStruct:
		for _, k := range c.Kids {
			k.Truncate(n)
		}
	}
}

// Make gives the column n rows for a kernel to fill in: its flat memory is sized, what
// it says is unspecified, and no row is null. Columns with offsets become empty instead,
// for rows to be pushed.
func (c *Column) Make(n int) {
	c.Valid = c.Valid[:0]
	switch ShapeOf(c.Type) {
	case ShapeInts:
		c.Ints, c.Len = resize(c.Ints, n), n
	case ShapeFloats:
		c.Floats, c.Len = resize(c.Floats, n), n
	case ShapeBits:
		c.Bits, c.Len = c.Bits.Resize(n), n
	case ShapeNull:
		c.Valid, c.Len = c.Valid.Resize(n), n
		c.Valid.Fill(false)
	default:
		c.Reset(c.Type)
	}
}

// View makes c show src as type t, whose columns have the same shape. c must not be
// written to, and shows nothing sensible once src changes.
func (c *Column) View(src *Column, t *codec.Type) {
	kids, sorted, same := c.Kids, c.sorted, c.Type == t
	*c = *src
	c.Type, c.Kids, c.sorted = t, kids, sorted
	switch ShapeOf(t) {
	case ShapeList:
		c.kids(1)
		c.Kids[0].View(src.Kids[0], t.Elem)
	case ShapeMap:
		c.kids(2)
		c.Kids[0].View(src.Kids[0], textType)
		c.Kids[1].View(src.Kids[1], t.Elem)
	case ShapeStruct:
		c.kids(len(t.Fields))
		for i, f := range t.Fields {
			c.Kids[i].View(src.Kids[i], f.Type)
		}
		if !same {
			c.sort()
		}
	}
}

// Join makes c a column of n structs or lists of type t out of kids that others own;
// like a View it must not be written to. The caller sets Off of lists, and Valid.
func (c *Column) Join(t *codec.Type, n int, kids ...*Column) {
	same := c.Type == t
	c.Type, c.Len, c.Valid = t, n, nil
	c.Kids = append(c.Kids[:0], kids...)
	if ShapeOf(t) == ShapeStruct && !same {
		c.sort()
	}
}
