package expr

import (
	"fmt"
	"math"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

// Compile turns a checked expression into steps over columns. It does not fail: what is
// wrong with an expression Check has said, and constants whose value cannot be had
// fail when they are evaluated.
func Compile(c *Checked) *Program {
	return compile(c.tree, fold(c.tree, c.root), c.typ, c.columns, c.types)
}

// New parses, checks and compiles an expression.
func New(text string, schema map[string]*codec.Type, want *codec.Type) (*Program, error) {
	t, err := Parse(text)
	if err != nil {
		return nil, err
	}
	c, err := Check(t, schema, want)
	if err != nil {
		return nil, err
	}
	return Compile(c), nil
}

func compile(t *Tree, root *expr, typ *codec.Type, columns []string, types []*codec.Type) *Program {
	p := &Program{tree: t, typ: typ, columns: columns, types: types, domains: 2, now: -1}
	c := &compiler{p: p, at: place{dom: rows, mask: -1}, known: map[string]operand{}, needRow: map[int]*bool{}}
	for _, t := range types {
		c.reg(columnType(t), rows)
	}
	p.out = c.full(c.value(root), rows)
	return p
}

// maxFolded is how large the value of a constant may be to be computed beforehand.
const maxFolded = 1 << 20

// fold replaces what is made of literals alone by its value, unless that cannot be had:
// then it fails when it is evaluated, if anybody asks for it.
func fold(t *Tree, e *expr) *expr {
	if e.op == OpDatetime {
		lit := vec.New(typeDatetime)
		lit.PushInt(e.n.Int)
		return &expr{op: OpLit, n: e.n, typ: typeDatetime, lit: lit}
	}
	if len(e.args) == 0 {
		return e
	}
	folded := *e
	folded.args = make([]*expr, len(e.args))
	constant := e.op != OpRepeat
	for i, a := range e.args {
		folded.args[i] = fold(t, a)
		if folded.args[i].op != OpLit {
			constant = false
		}
	}
	if e.op == OpListMap || e.op == OpListFilter {
		constant = folded.args[0].op == OpLit && closed(folded.args[1])
	}
	if !constant {
		return &folded
	}
	s := compile(t, &folded, e.typ, nil, nil).NewScratch()
	out, err := s.Eval(nil, 1, 0)
	if err != nil {
		return &folded
	}
	lit := vec.New(e.typ)
	if lit.PushRow(out, 0) != nil || lit.Size() > maxFolded {
		return &folded
	}
	return &expr{op: OpLit, n: e.n, typ: e.typ, lit: lit}
}

// closed reports whether the body of a list.map depends on nothing but its variable.
func closed(e *expr) bool {
	if e.op == OpCol || e.op == OpNow || e.op == OpRepeat {
		return false
	}
	for _, a := range e.args {
		if !closed(a) {
			return false
		}
	}
	return true
}

// place is where a step runs: over the rows of which domain, and for which of them
// anybody wants the result; mask is the number of a bitmap, -1 for all.
type place struct{ dom, mask int }

type compiler struct {
	p        *Program
	at       place
	variable operand            // of the list.map around
	known    map[string]operand // what was computed already
	needRow  map[int]*bool      // domains: whether the rows of elements are asked for
}

// reg makes a register.
func (c *compiler) reg(t *codec.Type, dom int) operand {
	c.p.regs = append(c.p.regs, t)
	c.p.lits = append(c.p.lits, nil)
	return operand{len(c.p.regs) - 1, dom}
}

// alias makes a register that will show a column of another one.
func (c *compiler) alias(t *codec.Type, dom int) operand {
	v := c.reg(t, dom)
	c.p.aliases = append(c.p.aliases, v.reg)
	return v
}

func (c *compiler) bitmap() int {
	c.p.bitmaps++
	return c.p.bitmaps - 1
}

func (c *compiler) emit(s step) { c.p.steps = append(c.p.steps, s) }

// full returns v with as many rows as a domain has, repeating it if it has only one.
func (c *compiler) full(v operand, dom int) operand {
	if v.dom == dom {
		return v
	}
	key := fmt.Sprintf("full %d %d", v.reg, dom)
	if k, ok := c.known[key]; ok {
		return k
	}
	if v.dom == rows {
		// A column inside of list.map: the value of the element's row.
		dst := c.reg(c.p.regs[v.reg], dom)
		*c.needRow[dom] = true
		c.emit(func(s *Scratch) error {
			return s.regs[dst.reg].Gather(s.regs[v.reg], s.rowOf[dom])
		})
		c.known[key] = dst
		return dst
	}
	dst := c.reg(c.p.regs[v.reg], dom)
	c.emit(func(s *Scratch) error { return broadcast(s.regs[dst.reg], s.regs[v.reg], s.n[dom]) })
	c.known[key] = dst
	return dst
}

// wide returns v with at least as many rows as a domain has. For literals that costs
// nothing once the scratch has seen a batch of that size.
func (c *compiler) wide(v operand, dom int) operand {
	shape := vec.ShapeOf(c.p.regs[v.reg])
	if v.dom != one || dom != rows || c.p.lits[v.reg] == nil || shape == vec.ShapeNull || shape > vec.ShapeBits {
		return c.full(v, dom)
	}
	key := fmt.Sprintf("wide %d", v.reg)
	if k, ok := c.known[key]; ok {
		return k
	}
	dst := c.reg(c.p.regs[v.reg], dom)
	c.p.consts = append(c.p.consts, constant{dst.reg, v.reg})
	c.known[key] = dst
	return dst
}

// each returns v so that it has a value for each row of a domain: in a register of as
// many rows, or of one.
func (c *compiler) each(v operand, dom int) operand {
	if v.dom == one {
		return v
	}
	return c.full(v, dom)
}

// broadcast makes dst n times the first row of src.
func broadcast(dst, src *vec.Column, n int) error {
	dst.Make(n)
	if src.Null(0) {
		switch vec.ShapeOf(src.Type) {
		case vec.ShapeInts:
			clear(dst.Ints)
		case vec.ShapeFloats:
			clear(dst.Floats)
		case vec.ShapeBits:
			dst.Bits.Fill(false)
		case vec.ShapeNull:
			return nil
		default:
			for range n {
				dst.PushNull()
			}
			return nil
		}
		dst.Valid = dst.Valid.Resize(n)
		dst.Valid.Fill(false)
		return nil
	}
	switch vec.ShapeOf(src.Type) {
	case vec.ShapeInts:
		for i := range dst.Ints {
			dst.Ints[i] = src.Ints[0]
		}
	case vec.ShapeFloats:
		for i := range dst.Floats {
			dst.Floats[i] = src.Floats[0]
		}
	case vec.ShapeBits:
		dst.Bits.Fill(src.Bits.Get(0))
	default:
		for range n {
			if err := dst.PushRow(src, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

// fallible reports whether an operation itself can fail on data.
func fallible(e *expr) bool {
	switch e.op {
	case OpFromEpoch, OpRepeat, OpStrptime, OpParse, OpToInt, opFit:
		return true
	case OpCeil, OpFloor:
		return kindOf(e.args[0].typ) == codec.KindDouble
	case OpRound:
		return e.n.Int == 0 && kindOf(e.args[0].typ) == codec.KindDouble
	case OpPow:
		return kindOf(e.typ) == codec.KindBigInt
	}
	return false
}

// mayFail reports whether an expression can fail anywhere.
func mayFail(e *expr) bool {
	if fallible(e) {
		return true
	}
	for _, a := range e.args {
		if mayFail(a) {
			return true
		}
	}
	return false
}

// value compiles an expression and returns where its value is.
func (c *compiler) value(e *expr) operand {
	switch e.op {
	case OpCol:
		for i, name := range c.p.columns {
			if name == e.n.Name {
				return operand{i, rows}
			}
		}
	case OpVar:
		return c.variable
	case OpLit:
		return c.literal(e)
	case OpNow:
		if c.p.now < 0 {
			c.p.now = c.reg(typeDatetime, one).reg
		}
		return operand{c.p.now, one}
	case OpCase:
		return c.cases(e)
	case OpFillNull:
		return c.fillNull(e)
	case OpListMap, OpListFilter:
		return c.lambda(e)
	case opCast:
		return c.cast(c.value(e.args[0]), e.args[0].typ, e.typ)
	}
	args := make([]operand, len(e.args))
	at := place{dom: one, mask: -1}
	for i, a := range e.args {
		args[i] = c.value(a)
		at.dom = max(at.dom, args[i].dom)
	}
	if fallible(e) {
		at = c.at
	}
	key := fmt.Sprintf("%d %v %d %d %q %q %d %d %x %s", e.op, args, at.dom, at.mask, e.n.Name, e.n.Zone, e.n.Unit, e.n.Int,
		math.Float64bits(e.n.Num), vec.TypeName(e.typ))
	if e.op == OpParse || e.op == opFit {
		key += fmt.Sprintf(" %p %p", e.n.Type, e.want)
	}
	if v, ok := c.known[key]; ok {
		return v
	}
	v := c.operation(e, at, args)
	c.known[key] = v
	return v
}

// literal puts a value into a register.
func (c *compiler) literal(e *expr) operand {
	key := fmt.Sprintf("lit %p", e.lit)
	if kindOf(e.typ) <= codec.KindString || kindOf(e.typ) == codec.KindTimestamp {
		key = "lit " + vec.TypeName(e.typ) + string(e.lit.AppendFennel(nil, 0))
	}
	if v, ok := c.known[key]; ok {
		return v
	}
	v := c.reg(e.typ, one)
	c.p.lits[v.reg] = e.lit
	c.known[key] = v
	return v
}

// cast promotes a value.
func (c *compiler) cast(v operand, from, to *codec.Type) operand {
	switch {
	case from == nil && to != nil:
		return c.literal(null(nil, to))
	case from == nil || vec.SameShape(from, to):
		return v
	}
	key := fmt.Sprintf("cast %d %s", v.reg, vec.TypeName(to))
	if k, ok := c.known[key]; ok {
		return k
	}
	dst := c.reg(to, v.dom)
	switch to.Kind {
	case codec.KindDouble:
		c.emit(func(s *Scratch) error {
			n := s.n[v.dom]
			src, d := s.regs[v.reg], s.regs[dst.reg]
			d.Make(n)
			for i, x := range src.Ints[:n] {
				d.Floats[i] = float64(x)
			}
			valid(d, n, arg{src, 1})
			return nil
		})
	case codec.KindStruct:
		kids := make([]operand, len(to.Fields))
		for i, f := range to.Fields {
			t, _ := fieldType(from, f.Name)
			kids[i] = c.cast(c.kid(v, from, f.Name), t, f.Type)
			kids[i] = c.full(kids[i], v.dom) // nulls of a field that was null
		}
		c.emit(func(s *Scratch) error {
			src, d := s.regs[v.reg], s.regs[dst.reg]
			s.join(d, to, src.Len, kids)
			d.Valid = src.Valid
			return nil
		})
	default: // lists
		dom := c.domain()
		kid := c.alias(from.Elem, dom)
		c.emit(func(s *Scratch) error {
			s.regs[kid.reg] = s.regs[v.reg].Kids[0]
			s.n[dom] = s.regs[kid.reg].Len
			return nil
		})
		elems := c.full(c.cast(kid, from.Elem, to.Elem), dom)
		c.emit(func(s *Scratch) error {
			src, d := s.regs[v.reg], s.regs[dst.reg]
			s.join(d, to, src.Len, []operand{elems})
			d.Off, d.Valid = src.Off, src.Valid
			return nil
		})
	}
	c.known[key] = dst
	return dst
}

// domain makes a domain.
func (c *compiler) domain() int {
	c.p.domains++
	c.needRow[c.p.domains-1] = new(bool)
	return c.p.domains - 1
}

// kid returns the column of a field of a struct, whatever rows of the struct are null.
func (c *compiler) kid(v operand, t *codec.Type, name string) operand {
	at := 0
	for t.Fields[at].Name != name {
		at++
	}
	dst := c.alias(t.Fields[at].Type, v.dom)
	c.emit(func(s *Scratch) error {
		s.regs[dst.reg] = s.regs[v.reg].Kids[at]
		return nil
	})
	return dst
}

// join makes d a column out of registers.
func (s *Scratch) join(d *vec.Column, t *codec.Type, n int, kids []operand) {
	d.Kids = d.Kids[:0]
	for _, k := range kids {
		d.Kids = append(d.Kids, s.regs[k.reg])
	}
	d.Join(t, n, d.Kids...)
}
