package expr

import (
	"bytes"

	"quiver/engine/expr/vec"
)

// Comparisons of floats follow a total order in which NaN equals itself and is greater
// than every number. They make 64 bits at a time; shifting the result by one each time
// is faster than shifting the new bit to its place.

// compareGt sets bit i of d to a[i] > b[i].
func compareGt[T int64 | float64](d vec.Bitmap, a, b []T) {
	for w := range d {
		x := a[w*64 : min(w*64+64, len(a))]
		y := b[w*64:][:len(x)]
		var bits uint64
		for i := range x {
			bits = bits>>1 | (bit(!(x[i] <= y[i]))&bit(y[i] == y[i]))<<63
		}
		d[w] = bits >> (64 - len(x))
	}
}

// compareGe sets bit i of d to a[i] >= b[i].
func compareGe[T int64 | float64](d vec.Bitmap, a, b []T) {
	for w := range d {
		x := a[w*64 : min(w*64+64, len(a))]
		y := b[w*64:][:len(x)]
		var bits uint64
		for i := range x {
			bits = bits>>1 | (bit(x[i] >= y[i])|bit(x[i] != x[i]))<<63
		}
		d[w] = bits >> (64 - len(x))
	}
}

// compareEq sets bit i of d to a[i] == b[i].
func compareEq[T int64 | float64](d vec.Bitmap, a, b []T) {
	for w := range d {
		x := a[w*64 : min(w*64+64, len(a))]
		y := b[w*64:][:len(x)]
		var bits uint64
		for i := range x {
			bits = bits>>1 | (bit(x[i] == y[i])|bit(x[i] != x[i])&bit(y[i] != y[i]))<<63
		}
		d[w] = bits >> (64 - len(x))
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
func logicStep(op Op, at place, dst, x, y operand) step {
	return func(s *Scratch) error {
		n := s.n[at.dom]
		a, b, d := s.regs[x.reg], s.regs[y.reg], s.regs[dst.reg]
		d.Make(n)
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
		d.Valid = d.Valid.Resize(n)
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

// equalStep compiles == and != of what is not flat; see binaryStep for the rest.
func equalStep(e *expr, at place, dst operand, args []operand) step {
	text := vec.ShapeOf(e.args[0].typ) == vec.ShapeBytes
	return func(s *Scratch) error {
		n := s.n[at.dom]
		a, b, d := s.arg(args[0], at.dom), s.arg(args[1], at.dom), s.regs[dst.reg]
		d.Make(n)
		d.Bits.Fill(false)
		for i := range n {
			if text && bytes.Equal(a.text(i), b.text(i)) || !text && vec.Equal(a.Column, i*a.step, b.Column, i*b.step) {
				d.Bits.Set(i, true)
			}
		}
		if e.op == OpNe {
			invert(d.Bits)
		}
		valid(d, n, a, b)
		return nil
	}
}

func invert(b vec.Bitmap) {
	for w := range b {
		b[w] = ^b[w]
	}
}
