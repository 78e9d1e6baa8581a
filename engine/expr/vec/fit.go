package vec

import (
	"fmt"
	"math"

	"quiver/codec"
)

// restricted reports whether values that have the right shape may still not fit t.
func restricted(t *codec.Type) bool {
	return t.Check != nil || t.Length > 0 && ShapeOf(t) == ShapeBytes
}

// fits checks row i against the restrictions of the column's type, by the rules of
// package codec.
func (c *Column) fits(i int) error {
	_, _, err := c.AppendCell(nil, i)
	return err
}

// Fits checks row i, which is not null, against what the column's type asks beyond its
// shape: ranges of narrow integers and floats, lengths, and Fennel's between, oneof and
// regex, all the way down.
func (c *Column) Fits(i int) error {
	t := c.Type
	switch ShapeOf(t) {
	case ShapeInts:
		if t.Integer() {
			if lo, hi := t.IntRange(); c.Ints[i] < lo || c.Ints[i] > hi {
				return fmt.Errorf("%d is out of range of %s", c.Ints[i], TypeName(t))
			}
		}
	case ShapeFloats:
		if f := c.Floats[i]; t.Kind == codec.KindFloat && !math.IsInf(f, 0) && math.IsInf(float64(float32(f)), 0) {
			return fmt.Errorf("%g is out of range of %s", f, TypeName(t))
		}
	case ShapeList, ShapeMap:
		kid := c.Kids[len(c.Kids)-1]
		for k := int(c.Off[i]); k < int(c.Off[i+1]); k++ {
			if kid.Null(k) {
				continue
			}
			if err := kid.Fits(k); err != nil {
				return fmt.Errorf("element %d: %w", k-int(c.Off[i]), err)
			}
		}
	case ShapeStruct:
		for k, kid := range c.Kids {
			if kid.Null(i) {
				continue
			}
			if err := kid.Fits(i); err != nil {
				return fmt.Errorf("field %q: %w", t.Fields[k].Name, err)
			}
		}
	}
	if restricted(t) {
		return c.fits(i)
	}
	return nil
}

// Restricted reports whether Fits can fail for a value of type t.
func Restricted(t *codec.Type) bool {
	if t == nil {
		return false
	}
	if restricted(t) || t.Integer() && t.Kind != codec.KindBigInt || t.Kind == codec.KindFloat || t.Elem != nil && Restricted(t.Elem) {
		return true
	}
	for _, f := range t.Fields {
		if Restricted(f.Type) {
			return true
		}
	}
	return false
}
