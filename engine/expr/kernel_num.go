package expr

import (
	"math"
	"strconv"

	"quiver/codec"
	"quiver/engine/expr/chrono"
	"quiver/engine/expr/vec"
)

// binaryStep compiles an operator whose operands have the same type and as many rows as
// its result.
func binaryStep(e *expr, at place, dst, x, y operand) step {
	ints := kindOf(e.args[0].typ) == codec.KindBigInt
	switch e.op {
	case OpAnd, OpOr:
		return logicStep(e.op, at, dst, x, y)
	case OpPow:
		if ints {
			return intPowStep(e, at, dst, x, y)
		}
	case OpGt, OpGe, OpLt, OpLe, OpEq, OpNe:
		return compareStep(e, at, dst, x, y)
	}
	var intOp func(d, a, b []int64)
	var floatOp func(d, a, b []float64)
	switch e.op {
	case OpAdd:
		intOp, floatOp = add[int64], add[float64]
	case OpSub:
		intOp, floatOp = sub[int64], sub[float64]
	case OpMul:
		intOp, floatOp = mul[int64], mul[float64]
	case OpDiv:
		floatOp = divide
	case OpMod:
		intOp, floatOp = modInts, modFloats
	case OpFloorDiv:
		intOp, floatOp = floorDivInts, floorDivFloats
	case OpPow:
		floatOp = powFloats
	}
	return func(s *Scratch) error {
		n := s.n[at.dom]
		a, b, d := s.regs[x.reg], s.regs[y.reg], s.regs[dst.reg]
		d.Make(n)
		if ints {
			intOp(d.Ints, a.Ints, b.Ints)
		} else {
			floatOp(d.Floats, a.Floats, b.Floats)
		}
		valid(d, n, arg{a, 1}, arg{b, 1})
		return nil
	}
}

// compareStep compiles the comparisons of flat values.
func compareStep(e *expr, at place, dst, x, y operand) step {
	if e.op == OpLt || e.op == OpLe {
		x, y = y, x
	}
	compareInts, compareFloats := compareEq[int64], compareEq[float64]
	switch e.op {
	case OpGt, OpLt:
		compareInts, compareFloats = compareGt[int64], compareGt[float64]
	case OpGe, OpLe:
		compareInts, compareFloats = compareGe[int64], compareGe[float64]
	}
	shape := vec.ShapeOf(e.args[0].typ)
	return func(s *Scratch) error {
		n := s.n[at.dom]
		a, b, d := s.regs[x.reg], s.regs[y.reg], s.regs[dst.reg]
		d.Make(n)
		switch shape {
		case vec.ShapeInts:
			compareInts(d.Bits, a.Ints[:n], b.Ints)
		case vec.ShapeFloats:
			compareFloats(d.Bits, a.Floats[:n], b.Floats)
		default:
			for w := range d.Bits {
				d.Bits[w] = ^(a.Bits[w] ^ b.Bits[w])
			}
		}
		if e.op == OpNe {
			invert(d.Bits)
		}
		valid(d, n, arg{a, 1}, arg{b, 1})
		return nil
	}
}

func add[T int64 | float64](d, a, b []T) {
	a, b = a[:len(d)], b[:len(d)]
	for i := range d {
		d[i] = a[i] + b[i]
	}
}

func sub[T int64 | float64](d, a, b []T) {
	a, b = a[:len(d)], b[:len(d)]
	for i := range d {
		d[i] = a[i] - b[i]
	}
}

func mul[T int64 | float64](d, a, b []T) {
	a, b = a[:len(d)], b[:len(d)]
	for i := range d {
		d[i] = a[i] * b[i]
	}
}

func divide(d, a, b []float64) {
	a, b = a[:len(d)], b[:len(d)]
	for i := range d {
		d[i] = a[i] / b[i]
	}
}

func floorDivInts(d, a, b []int64) {
	a, b = a[:len(d)], b[:len(d)]
	for i := range d {
		d[i] = floorDiv(a[i], b[i])
	}
}

// floorDiv rounds towards the lesser; by zero it is 0.
func floorDiv(a, b int64) int64 {
	if b == 0 {
		return 0
	}
	q := a / b
	if a%b != 0 && (a^b) < 0 {
		q--
	}
	return q
}

func floorDivFloats(d, a, b []float64) {
	a, b = a[:len(d)], b[:len(d)]
	for i := range d {
		d[i] = math.Floor(a[i] / b[i])
	}
}

// modInts is the remainder of floorDiv, with the sign of the divisor; by zero it is 0.
func modInts(d, a, b []int64) {
	a, b = a[:len(d)], b[:len(d)]
	for i := range d {
		if b[i] == 0 {
			d[i] = 0
			continue
		}
		r := a[i] % b[i]
		if r != 0 && (r^b[i]) < 0 {
			r += b[i]
		}
		d[i] = r
	}
}

// modFloats has the sign of the divisor, as in Python; by zero it is NaN.
func modFloats(d, a, b []float64) {
	a, b = a[:len(d)], b[:len(d)]
	for i := range d {
		r := math.Mod(a[i], b[i])
		if r == 0 {
			r = math.Copysign(0, b[i])
		} else if (r < 0) != (b[i] < 0) {
			r += b[i]
		}
		d[i] = r
	}
}

func powFloats(d, a, b []float64) {
	a, b = a[:len(d)], b[:len(d)]
	for i := range d {
		d[i] = math.Pow(a[i], b[i])
	}
}

func intPowStep(e *expr, at place, dst, x, y operand) step {
	return func(s *Scratch) error {
		n := s.n[at.dom]
		a, b, d := s.regs[x.reg], s.regs[y.reg], s.regs[dst.reg]
		d.Make(n)
		valid(d, n, arg{a, 1}, arg{b, 1})
		for i := range d.Ints {
			exp := b.Ints[i]
			if exp < 0 && !d.Null(i) {
				if err := s.fail(e, at, i, "%d to the power of %d is no int", a.Ints[i], exp); err != nil {
					return err
				}
			}
			d.Ints[i] = intPow(a.Ints[i], exp)
		}
		return nil
	}
}

// intPow wraps around like multiplication; of a negative exponent it makes nothing of
// use.
func intPow(base, exp int64) int64 {
	result := int64(1)
	for ; exp > 0; exp >>= 1 {
		if exp&1 != 0 {
			result *= base
		}
		base *= base
	}
	return result
}

// unaryStep compiles an operation on one column.
func unaryStep(e *expr, at place, dst, x operand) step {
	ints := kindOf(e.args[0].typ) == codec.KindBigInt
	switch e.op {
	case OpNot:
		return func(s *Scratch) error {
			a, d := s.regs[x.reg], s.regs[dst.reg]
			d.Make(a.Len)
			for w := range d.Bits {
				d.Bits[w] = ^a.Bits[w]
			}
			valid(d, a.Len, arg{a, 1})
			return nil
		}
	case OpIsNull:
		return func(s *Scratch) error {
			a, d := s.regs[x.reg], s.regs[dst.reg]
			d.Make(a.Len)
			d.Bits.Fill(false)
			if len(a.Valid) > 0 {
				for w := range d.Bits {
					d.Bits[w] = ^a.Valid[w]
				}
			}
			return nil
		}
	case OpIsNaN, OpIsInf:
		return func(s *Scratch) error {
			a, d := s.regs[x.reg], s.regs[dst.reg]
			d.Make(a.Len)
			d.Bits.Fill(false)
			for i, f := range a.Floats { // none for a column of ints
				if e.op == OpIsNaN && f != f || e.op == OpIsInf && math.IsInf(f, 0) {
					d.Bits.Set(i, true)
				}
			}
			valid(d, a.Len, arg{a, 1})
			return nil
		}
	case OpToString:
		return toStringStep(dst, x)
	case OpFromEpoch:
		return fromEpochStep(e, at, dst, x)
	case OpCeil, OpFloor, OpRound:
		if ints && kindOf(e.typ) == codec.KindBigInt {
			return intStep(dst, x, func(v int64) int64 { return v })
		}
		if kindOf(e.typ) == codec.KindBigInt {
			return wholeStep(e, at, dst, x)
		}
		unit := math.Pow(10, float64(e.n.Int))
		return floatStep(dst, x, func(f float64) float64 { return roundTo(f, unit) })
	case OpNeg:
		if ints {
			return intStep(dst, x, func(v int64) int64 { return -v })
		}
		return floatStep(dst, x, func(f float64) float64 { return -f })
	case OpAbs:
		if ints {
			return intStep(dst, x, func(v int64) int64 { return max(v, -v) })
		}
		return floatStep(dst, x, math.Abs)
	case OpSqrt:
		return floatStep(dst, x, math.Sqrt)
	case OpLog:
		return floatStep(dst, x, logarithm(e.n.Num))
	case OpSin:
		return floatStep(dst, x, math.Sin)
	case OpCos:
		return floatStep(dst, x, math.Cos)
	case OpTan:
		return floatStep(dst, x, math.Tan)
	case OpAsin:
		return floatStep(dst, x, math.Asin)
	case OpAcos:
		return floatStep(dst, x, math.Acos)
	default:
		return floatStep(dst, x, math.Atan)
	}
}

func intStep(dst, x operand, f func(int64) int64) step {
	return func(s *Scratch) error {
		a, d := s.regs[x.reg], s.regs[dst.reg]
		d.Make(a.Len)
		for i, v := range a.Ints {
			d.Ints[i] = f(v)
		}
		valid(d, a.Len, arg{a, 1})
		return nil
	}
}

func floatStep(dst, x operand, f func(float64) float64) step {
	return func(s *Scratch) error {
		a, d := s.regs[x.reg], s.regs[dst.reg]
		d.Make(a.Len)
		for i, v := range a.Floats {
			d.Floats[i] = f(v)
		}
		valid(d, a.Len, arg{a, 1})
		return nil
	}
}

// roundTo rounds half away from zero; unit is ten to the number of digits.
func roundTo(f, unit float64) float64 {
	if g := math.Round(f*unit) / unit; !math.IsInf(g, 0) && g == g {
		return g
	}
	return f // so large that it has no digits to round, NaN, or infinite
}

// logarithm is ln x / ln base; bases that are not positive have none.
func logarithm(base float64) func(float64) float64 {
	if !(base > 0) {
		return func(float64) float64 { return math.NaN() }
	}
	ln := math.Log(base)
	if base == math.E {
		return math.Log
	}
	return func(f float64) float64 { return math.Log(f) / ln }
}

// wholeStep compiles ceil, floor and round of floats to ints.
func wholeStep(e *expr, at place, dst, x operand) step {
	f := math.Round
	switch e.op {
	case OpCeil:
		f = math.Ceil
	case OpFloor:
		f = math.Floor
	}
	return func(s *Scratch) error {
		a, d := s.regs[x.reg], s.regs[dst.reg]
		d.Make(a.Len)
		valid(d, a.Len, arg{a, 1})
		for i, v := range a.Floats {
			v = f(v)
			if !(v >= -1<<63 && v < 1<<63) {
				if !d.Null(i) {
					if err := s.fail(e, at, i, "%s is no int", vec.AppendFloat(nil, a.Floats[i])); err != nil {
						return err
					}
				}
				v = 0
			}
			d.Ints[i] = int64(v)
		}
		return nil
	}
}

func toStringStep(dst, x operand) step {
	return func(s *Scratch) error {
		a, d := s.regs[x.reg], s.regs[dst.reg]
		d.Reset(d.Type)
		var buf [32]byte
		for i := range a.Len {
			if a.Null(i) {
				d.PushNull()
				continue
			}
			text := buf[:0]
			if len(a.Ints) > 0 {
				text = strconv.AppendInt(text, a.Ints[i], 10)
			} else {
				text = vec.AppendFloat(text, a.Floats[i])
			}
			if err := d.PushText(text); err != nil {
				return err
			}
		}
		return nil
	}
}

func fromEpochStep(e *expr, at place, dst, x operand) step {
	unit := unitMicros(e.n.Unit)
	return func(s *Scratch) error {
		a, d := s.regs[x.reg], s.regs[dst.reg]
		d.Make(a.Len)
		valid(d, a.Len, arg{a, 1})
		for i, v := range a.Ints {
			if v < chrono.MinMicros/unit || v > chrono.MaxMicros/unit {
				if !d.Null(i) {
					if err := s.fail(e, at, i, "%d %ss are %v", v, e.n.Unit, chrono.ErrRange); err != nil {
						return err
					}
				}
				v = 0
			}
			d.Ints[i] = v * unit
		}
		return nil
	}
}
