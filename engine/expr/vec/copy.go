package vec

import "bytes"

// PushRow adds row i of src, whose type must have the same shape.
func (c *Column) PushRow(src *Column, i int) error { return c.PushRange(src, i, i+1) }

// PushRange adds rows from to to-1 of src, whose type must have the same shape (its
// struct fields in the same order). It fails only with ErrTooLarge; the column then
// holds some of the rows, and can be truncated.
func (c *Column) PushRange(src *Column, from, to int) error {
	if from >= to {
		return nil
	}
	n := to - from
	switch ShapeOf(src.Type) {
	case ShapeInts:
		c.Ints = append(c.Ints, src.Ints[from:to]...)
	case ShapeFloats:
		c.Floats = append(c.Floats, src.Floats[from:to]...)
	case ShapeBits:
		c.Bits = grow(c.Bits, Words(c.Len+n))
		copyBits(c.Bits, c.Len, src.Bits, from, n)
	case ShapeBytes:
		lo, hi := src.Off[from], src.Off[to]
		if len(c.Bytes)+int(hi-lo) > MaxBytes {
			return ErrTooLarge
		}
		c.pushOffsets(src, from, to, int32(len(c.Bytes)))
		c.Bytes = append(c.Bytes, src.Bytes[lo:hi]...)
	case ShapeList, ShapeMap:
		lo, hi := int(src.Off[from]), int(src.Off[to])
		base := c.Kids[0].Len
		if base+hi-lo > MaxElems {
			return ErrTooLarge
		}
		for k := range c.Kids {
			if err := c.Kids[k].PushRange(src.Kids[k], lo, hi); err != nil {
				return err
			}
		}
		c.pushOffsets(src, from, to, int32(base))
	case ShapeStruct:
		for k := range c.Kids {
			if err := c.Kids[k].PushRange(src.Kids[k], from, to); err != nil {
				return err
			}
		}
	}
	c.pushValid(src, from, n)
	return nil
}

// pushOffsets adds the offsets of rows whose contents will begin at base.
func (c *Column) pushOffsets(src *Column, from, to int, base int32) {
	shift := base - src.Off[from]
	for _, o := range src.Off[from+1 : to+1] {
		c.Off = append(c.Off, o+shift)
	}
}

// pushValid makes the column n rows longer, null where src is.
func (c *Column) pushValid(src *Column, from, n int) {
	at := c.Len
	c.Len += n
	if len(c.Valid) == 0 {
		if len(src.Valid) == 0 {
			return
		}
		c.Valid = grow(c.Valid, Words(c.Len))
		c.Valid.Fill(true)
	} else {
		c.Valid = grow(c.Valid, Words(c.Len))
	}
	if len(src.Valid) > 0 {
		copyBits(c.Valid, at, src.Valid, from, n)
		return
	}
	for i := at; i < c.Len; i++ {
		c.Valid.Set(i, true)
	}
}

// copyBits copies n bits; both bitmaps must be long enough.
func copyBits(dst Bitmap, at int, src Bitmap, from, n int) {
	if at&63 == 0 && from&63 == 0 {
		copy(dst[at>>6:Words(at+n)], src[from>>6:Words(from+n)])
		return
	}
	for i := range n {
		dst.Set(at+i, src.Get(from+i))
	}
}

// grow returns s with length n, its elements kept.
func grow[S ~[]E, E any](s S, n int) S {
	if n <= cap(s) {
		return s[:n]
	}
	t := make(S, n, n+n/2)
	copy(t, s)
	return t
}

// Gather makes c, of a type with src's shape, the rows rows[0], rows[1], .. of src; a
// negative number stands for null. c and src must be different columns. It fails only
// with ErrTooLarge.
func (c *Column) Gather(src *Column, rows []int32) error {
	c.Reset(c.Type)
	n := len(rows)
	switch ShapeOf(src.Type) {
	case ShapeInts:
		c.Ints = resize(c.Ints, n)
		gather(c.Ints, src.Ints, rows)
	case ShapeFloats:
		c.Floats = resize(c.Floats, n)
		gather(c.Floats, src.Floats, rows)
	case ShapeBits:
		c.Bits = c.Bits.Resize(n)
		c.Bits.Fill(false)
		for i, r := range rows {
			if r >= 0 && src.Bits.Get(int(r)) {
				c.Bits.Set(i, true)
			}
		}
	default:
		for _, r := range rows {
			if r < 0 || src.Null(int(r)) {
				c.PushNull()
			} else if err := c.PushRange(src, int(r), int(r)+1); err != nil {
				return err
			}
		}
		return nil
	}
	c.Len = n
	nulls := len(src.Valid) > 0
	for i := 0; i < n && !nulls; i++ {
		nulls = rows[i] < 0
	}
	if !nulls {
		return nil
	}
	c.Valid = c.Valid.Resize(n)
	c.Valid.Fill(true)
	for i, r := range rows {
		if r < 0 || src.Null(int(r)) {
			c.Valid.Set(i, false)
		}
	}
	return nil
}

func gather[T int64 | float64](dst, src []T, rows []int32) {
	for i, r := range rows {
		if r >= 0 {
			dst[i] = src[r]
		} else {
			dst[i] = 0
		}
	}
}

// Equal reports whether row i of a and row j of b, two columns of the same shape, hold
// the same value. Nulls inside of lists, maps and structs equal each other, and NaN
// equals NaN. Of two rows that are themselves null it says true, of one false.
func Equal(a *Column, i int, b *Column, j int) bool {
	if an, bn := a.Null(i), b.Null(j); an || bn {
		return an && bn
	}
	switch ShapeOf(a.Type) {
	case ShapeInts:
		return a.Ints[i] == b.Ints[j]
	case ShapeFloats:
		x, y := a.Floats[i], b.Floats[j]
		return x == y || x != x && y != y
	case ShapeBits:
		return a.Bits.Get(i) == b.Bits.Get(j)
	case ShapeBytes:
		return string(a.Text(i)) == string(b.Text(j))
	case ShapeList:
		at, n := int(a.Off[i]), int(a.Off[i+1]-a.Off[i])
		bt := int(b.Off[j])
		if n != int(b.Off[j+1])-bt {
			return false
		}
		for k := range n {
			if !Equal(a.Kids[0], at+k, b.Kids[0], bt+k) {
				return false
			}
		}
	case ShapeMap:
		if a.Off[i+1]-a.Off[i] != b.Off[j+1]-b.Off[j] {
			return false
		}
		at, bt := int(a.Off[i]), int(b.Off[j])
		for k := range int(a.Off[i+1]) - at {
			if !Equal(a.Kids[0], at+k, b.Kids[0], bt+k) || !Equal(a.Kids[1], at+k, b.Kids[1], bt+k) {
				return false
			}
		}
	case ShapeStruct:
		for k := range a.Kids {
			if !Equal(a.Kids[k], i, b.Kids[k], j) {
				return false
			}
		}
	}
	return true
}

// Find returns where the entry with the given key of row i of a column of maps is among
// the rows of Kids, -1 if there is none.
func (c *Column) Find(i int, key []byte) int {
	keys := c.Kids[0]
	lo, hi := int(c.Off[i]), int(c.Off[i+1])
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		switch bytes.Compare(keys.Text(mid), key) {
		case 0:
			return mid
		case -1:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return -1
}
