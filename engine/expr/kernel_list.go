package expr

import (
	"bytes"
	"math"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

// listStep compiles the operations on lists but for filter and map.
func listStep(e *expr, at place, dst operand, args []operand) step {
	switch e.op {
	case OpListAt:
		return func(s *Scratch) error {
			n := s.n[at.dom]
			l, index := s.arg(args[0], at.dom), s.regs[args[1].reg]
			s.index = s.index[:0]
			for i := range n {
				lo, hi := l.span(i)
				at := index.Ints[i]
				if at < 0 {
					at += int64(hi - lo)
				}
				if at < 0 || at >= int64(hi-lo) {
					s.index = append(s.index, -1)
				} else {
					s.index = append(s.index, int32(lo)+int32(at))
				}
			}
			return s.regs[dst.reg].Gather(l.Kids[0], s.index)
		}
	case OpListContains:
		return containsStep(e, at, dst, args)
	}
	fold := foldInts
	switch k := kindOf(e.args[0].typ.Elem); {
	case e.op == OpListLen:
		fold = func(d, kid *vec.Column, i, lo, hi int, _ Op) bool {
			d.Ints[i] = int64(hi - lo)
			return true
		}
	case e.op == OpListHasNull:
		fold = func(d, kid *vec.Column, i, lo, hi int, _ Op) bool {
			d.Bits.Set(i, anyNull(kid, lo, hi))
			return true
		}
	case e.op == OpListAll || e.op == OpListAny:
		fold = foldBools
	case e.op == OpListMean:
		fold = foldMean
	case k == codec.KindDouble:
		fold = foldFloats
	}
	return func(s *Scratch) error {
		n := s.n[at.dom]
		l, d := s.arg(args[0], at.dom), s.regs[dst.reg]
		d.Make(n)
		valid(d, n, l)
		kid := l.Kids[0]
		for i := range n {
			lo, hi := l.span(i)
			if !fold(d, kid, i, lo, hi, e.op) {
				setNull(d, i, n)
			}
		}
		return nil
	}
}

// span returns which elements a row of lists or maps has.
func (a arg) span(i int) (lo, hi int) {
	i *= a.step
	return int(a.Off[i]), int(a.Off[i+1])
}

// setNull makes row i of n null in a column that a kernel fills in.
func setNull(d *vec.Column, i, n int) {
	if len(d.Valid) == 0 {
		d.Valid = d.Valid.Resize(n)
		d.Valid.Fill(true)
	}
	d.Valid.Set(i, false)
}

func anyNull(c *vec.Column, lo, hi int) bool {
	if len(c.Valid) == 0 {
		return false
	}
	for k := lo; k < hi; k++ {
		if !c.Valid.Get(k) {
			return true
		}
	}
	return false
}

// foldInts computes sum, min and max of integers; it says false for null.
func foldInts(d, kid *vec.Column, i, lo, hi int, op Op) bool {
	d.Ints[i] = 0
	if anyNull(kid, lo, hi) || lo == hi && op != OpListSum {
		return false
	}
	values := kid.Ints[lo:hi]
	if op == OpListSum {
		for _, v := range values {
			d.Ints[i] += v
		}
		return true
	}
	best := values[0]
	for _, v := range values[1:] {
		if op == OpListMin {
			best = min(best, v)
		} else {
			best = max(best, v)
		}
	}
	d.Ints[i] = best
	return true
}

// foldFloats is foldInts for floats. The least and greatest leave NaN out, unless there
// is nothing else.
func foldFloats(d, kid *vec.Column, i, lo, hi int, op Op) bool {
	d.Floats[i] = 0
	if anyNull(kid, lo, hi) || lo == hi && op != OpListSum {
		return false
	}
	values := kid.Floats[lo:hi]
	if op == OpListSum {
		for _, v := range values {
			d.Floats[i] += v
		}
		return true
	}
	best := math.NaN()
	for _, v := range values {
		if best != best || op == OpListMin && v < best || op == OpListMax && v > best {
			best = v
		}
	}
	d.Floats[i] = best
	return true
}

// foldMean computes the mean of numbers of either kind.
func foldMean(d, kid *vec.Column, i, lo, hi int, _ Op) bool {
	d.Floats[i] = 0
	if lo == hi || anyNull(kid, lo, hi) {
		return false
	}
	sum := 0.0
	if vec.ShapeOf(kid.Type) == vec.ShapeInts {
		for _, v := range kid.Ints[lo:hi] {
			sum += float64(v)
		}
	} else {
		for _, v := range kid.Floats[lo:hi] {
			sum += v
		}
	}
	d.Floats[i] = sum / float64(hi-lo)
	return true
}

// foldBools computes all and any: all is null if there is a null, any only if there is
// no true.
func foldBools(d, kid *vec.Column, i, lo, hi int, op Op) bool {
	nulls, all, some := false, true, false
	for k := lo; k < hi; k++ {
		switch {
		case kid.Null(k):
			nulls = true
		case kid.Bits.Get(k):
			some = true
		default:
			all = false
		}
	}
	if op == OpListAny {
		d.Bits.Set(i, some)
		return some || !nulls
	}
	d.Bits.Set(i, all)
	return !nulls
}

// containsStep compiles list.contains.
func containsStep(e *expr, at place, dst operand, args []operand) step {
	shape := vec.ShapeOf(e.args[0].typ.Elem)
	return func(s *Scratch) error {
		n := s.n[at.dom]
		l, item, d := s.arg(args[0], at.dom), s.arg(args[1], at.dom), s.regs[dst.reg]
		d.Make(n)
		d.Bits.Fill(false)
		valid(d, n, l)
		kid := l.Kids[0]
		for i := range n {
			lo, hi := l.span(i)
			if lo == hi {
				continue // false, whatever the item is; null lists are null already
			}
			if item.null(i) {
				setNull(d, i, n)
				continue
			}
			switch {
			case find(shape, kid, lo, hi, item.Column, i*item.step):
				d.Bits.Set(i, true)
			case anyNull(kid, lo, hi):
				setNull(d, i, n)
			}
		}
		return nil
	}
}

// find reports whether an item is among the elements lo to hi-1; nulls are no elements.
func find(shape vec.Shape, kid *vec.Column, lo, hi int, item *vec.Column, at int) bool {
	nulls := len(kid.Valid) > 0
	for k := lo; k < hi; k++ {
		if nulls && !kid.Valid.Get(k) {
			continue
		}
		var same bool
		switch shape {
		case vec.ShapeInts:
			same = kid.Ints[k] == item.Ints[at]
		case vec.ShapeBytes:
			same = bytes.Equal(kid.Text(k), item.Text(at))
		default:
			same = vec.Equal(kid, k, item, at)
		}
		if same {
			return true
		}
	}
	return false
}

func repeatStep(e *expr, at place, dst, value, count operand) step {
	return func(s *Scratch) error {
		v, times, d := s.arg(value, at.dom), s.regs[count.reg], s.regs[dst.reg]
		d.Reset(d.Type)
		for i := range s.n[at.dom] {
			n := times.Ints[i]
			if n < 0 {
				if err := s.fail(e, at, i, "%d times", n); err != nil {
					return err
				}
				n = 0
			}
			if n > int64(vec.MaxElems-d.Kids[0].Len) {
				if err := s.fail(e, at, i, "%d times: %v", n, vec.ErrTooLarge); err != nil {
					return err
				}
				n = 0
			}
			for range n {
				if err := d.Kids[0].PushRow(v.Column, i*v.step); err != nil {
					return err
				}
			}
			if err := d.PushList(); err != nil {
				return err
			}
		}
		return nil
	}
}

// zipStep compiles Struct.zip: lists of structs as long as the shortest of the lists.
func zipStep(at place, dst operand, args []operand) step {
	return func(s *Scratch) error {
		d := s.regs[dst.reg]
		d.Reset(d.Type)
		structs := d.Kids[0]
		for i := range s.n[at.dom] {
			n := math.MaxInt
			for _, v := range args {
				lo, hi := s.arg(v, at.dom).span(i)
				n = min(n, hi-lo)
			}
			if structs.Len+n > vec.MaxElems {
				return vec.ErrTooLarge
			}
			for k, v := range args {
				list := s.arg(v, at.dom)
				lo, _ := list.span(i)
				if err := structs.Kids[k].PushRange(list.Kids[0], lo, lo+n); err != nil {
					return err
				}
			}
			for range n {
				structs.PushStruct()
			}
			if err := d.PushList(); err != nil {
				return err
			}
		}
		return nil
	}
}

// dictStep compiles the operations on dictionaries.
func dictStep(e *expr, at place, dst operand, args []operand) step {
	switch e.op {
	case OpDictLen:
		return func(s *Scratch) error {
			n := s.n[at.dom]
			m, d := s.arg(args[0], at.dom), s.regs[dst.reg]
			d.Make(n)
			for i := range n {
				lo, hi := m.span(i)
				d.Ints[i] = int64(hi - lo)
			}
			valid(d, n, m)
			return nil
		}
	case OpDictContains:
		return func(s *Scratch) error {
			n := s.n[at.dom]
			m, key, d := s.arg(args[0], at.dom), s.arg(args[1], at.dom), s.regs[dst.reg]
			d.Make(n)
			for i := range n {
				d.Bits.Set(i, m.Find(i*m.step, key.text(i)) >= 0)
			}
			valid(d, n, m, key)
			return nil
		}
	}
	return func(s *Scratch) error {
		m, key, d := s.arg(args[0], at.dom), s.arg(args[1], at.dom), s.regs[dst.reg]
		d.Reset(d.Type)
		for i := range s.n[at.dom] {
			if m.null(i) || key.null(i) {
				d.PushNull()
				continue
			}
			from := arg{m.Kids[1], 1}
			at0 := m.Find(i*m.step, key.text(i))
			if at0 < 0 && len(args) == 3 {
				from = s.arg(args[2], at.dom)
				at0 = i * from.step
			}
			if at0 < 0 || from.Null(at0) {
				d.PushNull()
			} else if err := d.PushRow(from.Column, at0); err != nil {
				return err
			}
		}
		return nil
	}
}
