package expr

import (
	"bytes"

	"quiver/engine/expr/vec"
)

// Comparisons of floats follow a total order in which NaN equals itself and is greater
// than every number.

// compareGt sets bit i of d to a[i] > b[i].
func compareGt[T int64 | float64](d vec.Bitmap, a, b []T) {
	b = b[:len(a)]
	for w := range d {
		lo := w * 64
		x := a[lo:min(lo+64, len(a))]
		y := b[lo:]
		y = y[:len(x)]
		var bits uint64
		for i := range x {
			v := bit(x[i] > y[i]) | bit(x[i] != x[i])&bit(y[i] == y[i])
			bits |= v << (i & 63)
		}
		d[w] = bits
	}
}

// compareGe sets bit i of d to a[i] >= b[i].
func compareGe[T int64 | float64](d vec.Bitmap, a, b []T) {
	b = b[:len(a)]
	for w := range d {
		lo := w * 64
		x := a[lo:min(lo+64, len(a))]
		y := b[lo:]
		y = y[:len(x)]
		var bits uint64
		for i := range x {
			v := bit(x[i] >= y[i]) | bit(x[i] != x[i])
			bits |= v << (i & 63)
		}
		d[w] = bits
	}
}

// compareEq sets bit i of d to a[i] == b[i].
func compareEq[T int64 | float64](d vec.Bitmap, a, b []T) {
	b = b[:len(a)]
	for w := range d {
		lo := w * 64
		x := a[lo:min(lo+64, len(a))]
		y := b[lo:]
		y = y[:len(x)]
		var bits uint64
		for i := range x {
			v := bit(x[i] == y[i]) | bit(x[i] != x[i])&bit(y[i] != y[i])
			bits |= v << (i & 63)
		}
		d[w] = bits
	}
}

// bit is 1 for true; the compiler makes it one instruction.
func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// logicStep compiles & and | by Kleene's logic: false & null is false, true | null is
// true, and every other null makes null.
func logicStep(op Op, dst, x, y operand) step {
	return func(s *Scratch) error {
		a, b, d := s.regs[x.reg], s.regs[y.reg], s.regs[dst.reg]
		d.Make(a.Len)
		if len(a.Valid) == 0 && len(b.Valid) == 0 {
			for w := range d.Bits {
				if op == OpAnd {
					d.Bits[w] = a.Bits[w] & b.Bits[w]
				} else {
					d.Bits[w] = a.Bits[w] | b.Bits[w]
				}
			}
			return nil
		}
		d.Valid = d.Valid.Resize(a.Len)
		for w := range d.Bits {
			av, bv := ^uint64(0), ^uint64(0)
			if len(a.Valid) > 0 {
				av = a.Valid[w]
			}
			if len(b.Valid) > 0 {
				bv = b.Valid[w]
			}
			at, bt := a.Bits[w]&av, b.Bits[w]&bv   // true
			af, bf := ^a.Bits[w]&av, ^b.Bits[w]&bv // false
			if op == OpAnd {
				d.Bits[w] = at & bt
				d.Valid[w] = at&bt | af | bf
			} else {
				d.Bits[w] = at | bt
				d.Valid[w] = at | bt | af&bf
			}
		}
		return nil
	}
}

// equal compiles == and !=.
func (c *compiler) equal(e *expr, at place, dst operand, args []operand) {
	shape := vec.ShapeOf(e.args[0].typ)
	if shape <= vec.ShapeBits {
		for i := range args {
			args[i] = c.full(args[i], at.dom)
		}
	}
	c.emit(func(s *Scratch) error {
		n := s.n[at.dom]
		a, b, d := s.arg(args[0], at.dom), s.arg(args[1], at.dom), s.regs[dst.reg]
		d.Make(n)
		switch shape {
		case vec.ShapeInts:
			compareEq(d.Bits, a.Ints, b.Ints)
		case vec.ShapeFloats:
			compareEq(d.Bits, a.Floats, b.Floats)
		case vec.ShapeBits:
			for w := range d.Bits {
				d.Bits[w] = ^(a.Bits[w] ^ b.Bits[w])
			}
		case vec.ShapeBytes:
			d.Bits.Fill(false)
			for i := range n {
				if bytes.Equal(a.text(i), b.text(i)) {
					d.Bits.Set(i, true)
				}
			}
		default:
			d.Bits.Fill(false)
			for i := range n {
				if vec.Equal(a.Column, i*a.step, b.Column, i*b.step) {
					d.Bits.Set(i, true)
				}
			}
		}
		if e.op == OpNe {
			for w := range d.Bits {
				d.Bits[w] = ^d.Bits[w]
			}
		}
		valid(d, n, a, b)
		return nil
	})
}
