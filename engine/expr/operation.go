package expr

import (
	"quiver/codec"
	"quiver/engine/expr/vec"
)

// operation compiles an operation whose operands are computed.
func (c *compiler) operation(e *expr, at place, args []operand) operand {
	switch {
	case e.op == OpField:
		return c.field(e, args[0])
	case e.op == opFit:
		return c.fit(e, at, c.full(args[0], at.dom))
	}
	dst := c.reg(e.typ, at.dom)
	if e.op.sign() != "" && vec.ShapeOf(e.args[0].typ) <= vec.ShapeBits || e.op == OpPow {
		c.emit(binaryStep(e, at, dst, c.wide(args[0], at.dom), c.wide(args[1], at.dom)))
		return dst
	}
	for i := range args {
		args[i] = c.each(args[i], at.dom)
	}
	switch e.op {
	case OpEq, OpNe:
		c.emit(equalStep(e, at, dst, args))
	case OpNeg, OpNot, OpIsNull, OpAbs, OpCeil, OpFloor, OpRound, OpSqrt, OpLog, OpSin, OpCos, OpTan, OpAsin, OpAcos, OpAtan,
		OpIsNaN, OpIsInf, OpToString, OpFromEpoch:
		c.emit(unaryStep(e, at, dst, c.full(args[0], at.dom)))
	case OpStrLen, OpLower, OpUpper, OpContains, OpStartsWith, OpEndsWith, OpConcat, OpStrptime, OpParse, OpSplit, OpJSONExtract, OpToInt:
		c.emit(textStep(e, at, dst, args))
	case OpSince, OpSinceEpoch, OpPart, OpStrftime:
		for i := range args {
			args[i] = c.full(args[i], at.dom)
		}
		c.emit(timeStep(e, at, dst, args))
	case OpListLen, OpListAt, OpListContains, OpListHasNull, OpListSum, OpListMin, OpListMax, OpListAll, OpListAny, OpListMean:
		if e.op == OpListAt {
			args[1] = c.wide(args[1], at.dom)
		}
		c.emit(listStep(e, at, dst, args))
	case OpRepeat:
		c.emit(repeatStep(e, at, dst, args[0], c.wide(args[1], at.dom)))
	case OpZip:
		c.emit(zipStep(at, dst, args))
	case OpStruct:
		for i := range args {
			args[i] = c.full(args[i], at.dom)
		}
		c.emit(func(s *Scratch) error {
			s.join(s.regs[dst.reg], e.typ, s.n[at.dom], args)
			return nil
		})
	case OpDictLen, OpDictGet, OpDictContains:
		c.emit(dictStep(e, at, dst, args))
	}
	return dst
}

// field compiles struct.get: the column of the field, null also where the struct is.
func (c *compiler) field(e *expr, v operand) operand {
	t := e.args[0].typ
	kid := c.kid(v, t, e.n.Name)
	if !t.Optional {
		return kid
	}
	dst := c.reg(e.typ, v.dom)
	bits := c.bitmap()
	c.emit(func(s *Scratch) error {
		src, k, d := s.regs[v.reg], s.regs[kid.reg], s.regs[dst.reg]
		d.View(k, e.typ)
		d.Valid = s.bitmaps[bits] // the view must not write to the validity it shows
		valid(d, src.Len, arg{src, 1}, arg{k, 1})
		s.bitmaps[bits] = d.Valid
		return nil
	})
	return dst
}

// fit compiles the check of a result against the restrictions of its declared type.
func (c *compiler) fit(e *expr, at place, v operand) operand {
	show := c.reg(e.want, at.dom)
	c.emit(func(s *Scratch) error {
		col := s.regs[show.reg]
		col.View(s.regs[v.reg], e.want)
		for i := range col.Len {
			if col.Null(i) {
				continue
			}
			if err := col.Fits(i); err != nil {
				if err := s.fail(e, at, i, "%v", err); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return v
}

// cases compiles when(..).then(..).otherwise(..). Every branch is computed over all
// rows, but errors of a branch count only for the rows that take it.
func (c *compiler) cases(e *expr) operand {
	outer := c.at
	fails := mayFail(e)
	n := len(e.args) / 2
	preds, sels, thens := make([]operand, n), make([]int, n), make([]operand, n)
	rest := outer.mask // rows that no branch before has taken
	dom := one
	if fails {
		dom = outer.dom
	}
	for k := range n {
		preds[k] = c.value(e.args[2*k])
		dom = max(dom, preds[k].dom)
		sels[k] = c.bitmap()
		if fails {
			// The branches must know their rows while they are computed.
			pred := c.wide(preds[k], outer.dom)
			next := c.bitmap()
			c.emit(selectStep(outer.dom, pred, sels[k], rest, next))
			rest = next
			c.at.mask = sels[k]
		}
		thens[k] = c.value(e.args[2*k+1])
		dom = max(dom, thens[k].dom)
		if fails {
			c.at.mask = rest
		}
	}
	otherwise := c.value(e.args[2*n])
	dom = max(dom, otherwise.dom)
	c.at = outer
	if !fails {
		rest := -1
		for k := range n {
			next := c.bitmap()
			c.emit(selectStep(dom, c.wide(preds[k], dom), sels[k], rest, next))
			rest = next
		}
	}
	return c.merge(e.typ, dom, sels, thens, otherwise)
}

// selectStep sets sel to the rows of rest in which pred is true, and next to the others.
func selectStep(dom int, pred operand, sel, rest, next int) step {
	return func(s *Scratch) error {
		n := s.n[dom]
		p := s.regs[pred.reg]
		chosen, left := s.bitmaps[sel].Resize(n), s.bitmaps[next].Resize(n)
		for w := range chosen {
			v := p.Bits[w]
			if len(p.Valid) > 0 {
				v &= p.Valid[w]
			}
			r := ^uint64(0)
			if rest >= 0 {
				r = s.bitmaps[rest][w]
			}
			chosen[w], left[w] = v&r, r&^v
		}
		s.bitmaps[sel], s.bitmaps[next] = chosen, left
		return nil
	}
}

// merge compiles the choice between columns: the k-th where the k-th bitmap has a bit
// (no two have the same), and otherwise the last.
func (c *compiler) merge(t *codec.Type, dom int, sels []int, thens []operand, otherwise operand) operand {
	dst := c.reg(t, dom)
	switch vec.ShapeOf(t) {
	case vec.ShapeInts, vec.ShapeFloats, vec.ShapeBits:
	default:
		all := append(thens[:len(thens):len(thens)], otherwise)
		for k := range all {
			all[k] = c.each(all[k], dom)
		}
		c.emit(func(s *Scratch) error {
			n, d := s.n[dom], s.regs[dst.reg]
			d.Reset(t)
			for i := range n {
				pick := len(sels)
				for k, sel := range sels {
					if s.bitmaps[sel].Get(i) {
						pick = k
						break
					}
				}
				from := s.arg(all[pick], dom)
				if from.null(i) {
					d.PushNull()
				} else if err := d.PushRow(from.Column, i*from.step); err != nil {
					return err
				}
			}
			return nil
		})
		return dst
	}
	otherwise = c.wide(otherwise, dom)
	for k := range thens {
		thens[k] = c.wide(thens[k], dom)
	}
	c.emit(func(s *Scratch) error {
		n, d := s.n[dom], s.regs[dst.reg]
		d.Make(n)
		from := s.regs[otherwise.reg]
		for k, sel := range sels {
			then := s.regs[thens[k].reg]
			choose(d, s.bitmaps[sel], then, from, n)
			from = d
		}
		return nil
	})
	return dst
}

// choose makes dst a where sel has a bit and b elsewhere; b may be dst itself.
func choose(dst *vec.Column, sel vec.Bitmap, a, b *vec.Column, n int) {
	switch vec.ShapeOf(dst.Type) {
	case vec.ShapeInts:
		chooseFlat(dst.Ints, sel, a.Ints, b.Ints)
	case vec.ShapeFloats:
		chooseFlat(dst.Floats, sel, a.Floats, b.Floats)
	case vec.ShapeBits:
		for w := range dst.Bits {
			dst.Bits[w] = a.Bits[w]&sel[w] | b.Bits[w]&^sel[w]
		}
	}
	if len(a.Valid) == 0 && len(b.Valid) == 0 {
		dst.Valid = dst.Valid[:0]
		return
	}
	av, bv := a.Valid, b.Valid // b may be dst
	dst.Valid = dst.Valid.Resize(n)
	for w := range dst.Valid {
		x, y := ^uint64(0), ^uint64(0)
		if len(av) > 0 {
			x = av[w]
		}
		if len(bv) > 0 {
			y = bv[w]
		}
		dst.Valid[w] = x&sel[w] | y&^sel[w]
	}
}

// chooseFlat works in stretches of 64 rows.
func chooseFlat[T int64 | float64](dst []T, sel vec.Bitmap, a, b []T) {
	for w, bits := range sel {
		lo := w * 64
		hi := min(lo+64, len(dst))
		switch bits {
		case 0:
			copy(dst[lo:hi], b[lo:hi])
		case ^uint64(0):
			copy(dst[lo:hi], a[lo:hi])
		default:
			d, x, y := dst[lo:hi], a[lo:hi], b[lo:hi]
			x, y = x[:len(d)], y[:len(d)]
			for i := range d {
				v := y[i]
				if bits&1 != 0 {
					v = x[i]
				}
				d[i] = v
				bits >>= 1
			}
		}
	}
}

// fillNull compiles x.fillnull(y). Errors of y count only for the rows where x is null.
func (c *compiler) fillNull(e *expr) operand {
	x := c.value(e.args[0])
	outer := c.at
	nulls := -1
	if mayFail(e.args[1]) {
		x = c.full(x, outer.dom)
		nulls = c.bitmap()
		c.emit(func(s *Scratch) error {
			bits := s.bitmaps[nulls].Resize(s.n[outer.dom])
			bits.Fill(false)
			if v := s.regs[x.reg].Valid; len(v) > 0 {
				for w := range bits {
					bits[w] = ^v[w]
				}
			}
			if outer.mask >= 0 {
				for w := range bits {
					bits[w] &= s.bitmaps[outer.mask][w]
				}
			}
			s.bitmaps[nulls] = bits
			return nil
		})
		c.at.mask = nulls
	}
	y := c.value(e.args[1])
	c.at = outer
	dom := max(x.dom, y.dom)
	given := c.full(x, dom)
	sel := c.bitmap()
	c.emit(func(s *Scratch) error {
		bits := s.bitmaps[sel].Resize(s.n[dom])
		if v := s.regs[given.reg].Valid; len(v) > 0 {
			copy(bits, v)
		} else {
			bits.Fill(true)
		}
		s.bitmaps[sel] = bits
		return nil
	})
	return c.merge(e.typ, dom, []int{sel}, []operand{given}, y)
}

// lambda compiles list.map and list.filter: the body is computed over all elements of
// all rows at once.
func (c *compiler) lambda(e *expr) operand {
	outer, outerVar := c.at, c.variable
	list := c.full(c.value(e.args[0]), outer.dom)
	dom := c.domain()
	elem := c.alias(e.args[0].typ.Elem, dom)
	mask := -1
	if mayFail(e.args[1]) {
		*c.needRow[dom] = true
		if outer.mask >= 0 {
			mask = c.bitmap()
		}
	}
	need := c.needRow[dom]
	c.emit(func(s *Scratch) error {
		l := s.regs[list.reg]
		s.regs[elem.reg] = l.Kids[0]
		s.n[dom] = l.Kids[0].Len
		if !*need {
			return nil
		}
		s.rowOf[dom] = s.rowOf[dom][:0]
		for i := range l.Len {
			for range l.Off[i+1] - l.Off[i] {
				s.rowOf[dom] = append(s.rowOf[dom], int32(i))
			}
		}
		if mask >= 0 {
			bits := s.bitmaps[mask].Resize(s.n[dom])
			for k, i := range s.rowOf[dom] {
				bits.Set(k, s.bitmaps[outer.mask].Get(int(i)))
			}
			s.bitmaps[mask] = bits
		}
		return nil
	})
	c.at, c.variable = place{dom, mask}, elem
	body := c.full(c.value(e.args[1]), dom)
	c.at, c.variable = outer, outerVar

	dst := c.reg(e.typ, outer.dom)
	if e.op == OpListMap {
		c.emit(func(s *Scratch) error {
			l, d := s.regs[list.reg], s.regs[dst.reg]
			s.join(d, e.typ, l.Len, []operand{body})
			d.Off, d.Valid = l.Off, l.Valid
			return nil
		})
		return dst
	}
	c.emit(func(s *Scratch) error {
		l, keep, d := s.regs[list.reg], s.regs[body.reg], s.regs[dst.reg]
		d.Reset(e.typ)
		s.index = s.index[:0]
		for i := range l.Len {
			for k := int(l.Off[i]); k < int(l.Off[i+1]); k++ {
				if keep.True(k) {
					s.index = append(s.index, int32(k))
				}
			}
			d.Off = append(d.Off, int32(len(s.index)))
		}
		d.Len = l.Len
		valid(d, l.Len, arg{l, 1})
		return d.Kids[0].Gather(l.Kids[0], s.index)
	})
	return dst
}
