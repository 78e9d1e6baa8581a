package expr

import (
	"fmt"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

// Program is a compiled expression: a list of steps, each of which computes one column
// from others, over all rows of a batch. It is safe for concurrent use; each goroutine
// needs a Scratch of its own.
type Program struct {
	tree    *Tree
	typ     *codec.Type
	columns []string
	types   []*codec.Type

	steps   []step
	regs    []*codec.Type // types of the registers; the first len(columns) are the inputs
	lits    []*vec.Column // values of the registers that are literals, else nil
	domains int
	bitmaps int
	consts  []constant
	aliases []int // registers that show columns of others, maybe the caller's
	now     int   // register of now(), -1 if it does not occur
	out     operand
}

// constant is a literal of a flat type that kernels read row by row: dst repeats src at
// least as often as a batch has rows.
type constant struct{ dst, src int }

// step computes one register.
type step func(s *Scratch) error

// Type returns the type of the results; see Checked.Type.
func (p *Program) Type() *codec.Type { return p.typ }

// Tree returns the expression.
func (p *Program) Tree() *Tree { return p.tree }

// Columns returns the names of the columns that Eval needs, in the order in which it
// needs them. The slice is the program's.
func (p *Program) Columns() []string { return p.columns }

// Types returns the types of Columns as they were checked. The slice is the program's.
func (p *Program) Types() []*codec.Type { return p.types }

// UsesNow reports whether the expression asks for the time.
func (p *Program) UsesNow() bool { return p.now >= 0 }

// The domains say how many rows a register has.
const (
	one  = 0 // one, which stands for every row: literals, now(), and what is made of them
	rows = 1 // those of the batch
	// From 2 on: the elements of a list, inside of list.map and list.filter.
)

// operand is a register and the domain of its rows.
type operand struct{ reg, dom int }

// Scratch is the memory in which a Program runs. It grows to what the largest batch
// needs and then stays, so that evaluation does not allocate. It is not safe for
// concurrent use.
type Scratch struct {
	p       *Program
	regs    []*vec.Column
	seen    []*codec.Type // types of input columns that were found to fit
	filled  int           // how far the constants are repeated
	n       []int         // rows of every domain
	rowOf   [][]int32     // of the elements of a domain: their row
	bitmaps []vec.Bitmap
	index   []int32
	loader  vec.Loader
	view    vec.Column // the result with its declared type
}

// NewScratch returns memory to run the program in.
func (p *Program) NewScratch() *Scratch {
	s := &Scratch{
		p:       p,
		regs:    make([]*vec.Column, len(p.regs)),
		seen:    make([]*codec.Type, len(p.columns)),
		n:       make([]int, p.domains),
		rowOf:   make([][]int32, p.domains),
		bitmaps: make([]vec.Bitmap, p.bitmaps),
		loader:  vec.Loader{Rules: vec.ParseRules},
	}
	alias := make([]bool, len(p.regs))
	for _, reg := range p.aliases {
		alias[reg] = true
	}
	for i, t := range p.regs {
		switch {
		case i < len(p.columns), alias[i]:
		case p.lits[i] != nil:
			s.regs[i] = p.lits[i] // only read
		default:
			s.regs[i] = vec.New(t)
		}
	}
	return s
}

// Size returns how much memory the scratch holds on to, in bytes. Pools drop giants.
func (s *Scratch) Size() int {
	n := 4 * cap(s.index)
	for i, c := range s.regs {
		if i >= len(s.p.columns) && c != nil && s.p.lits[i] == nil {
			n += c.Size()
		}
	}
	for _, b := range s.bitmaps {
		n += 8 * cap(b)
	}
	for _, r := range s.rowOf {
		n += 4 * cap(r)
	}
	return n
}

// Eval runs the program over a batch of n rows. in are the columns that
// Program.Columns names, of the types that it was checked with (other widths of the
// same kind of number are fine) and with n rows each; now is the time of the request in
// microseconds. Errors of the data are *RunError.
//
// The result has n rows and the type Program.Type. It must not be changed, shares memory
// with the scratch and with in, and is valid until the next Eval.
func (s *Scratch) Eval(in []*vec.Column, n int, now int64) (*vec.Column, error) {
	p := s.p
	if len(in) != len(p.columns) {
		return nil, fmt.Errorf("%d columns where the expression reads %d", len(in), len(p.columns))
	}
	if n < 0 || n > vec.MaxElems {
		return nil, fmt.Errorf("a batch of %d rows", n)
	}
	for i, c := range in {
		if c == nil || c.Len != n {
			return nil, fmt.Errorf("column %q does not have the %d rows of the batch", p.columns[i], n)
		}
		if s.seen[i] != c.Type {
			if !vec.SameShape(c.Type, p.types[i]) {
				return nil, fmt.Errorf("column %q is %s, not %s", p.columns[i], vec.TypeName(c.Type), vec.TypeName(p.types[i]))
			}
			s.seen[i] = c.Type
		}
		s.regs[i] = c
	}
	s.n[one], s.n[rows] = 1, n
	if p.now >= 0 {
		c := s.regs[p.now]
		c.Make(1)
		c.Ints[0] = now
	}
	if n > s.filled {
		for _, k := range p.consts {
			_ = broadcast(s.regs[k.dst], s.regs[k.src], n) // flat values are never too large
		}
		s.filled = n
	}
	for _, step := range p.steps {
		if err := step(s); err != nil {
			s.release()
			if err == vec.ErrTooLarge {
				return nil, &RunError{Reason: err.Error(), Text: p.tree.Text, End: len(p.tree.Text)}
			}
			return nil, err
		}
	}
	s.view.View(s.regs[p.out.reg], p.typ)
	s.release()
	if p.typ != nil && !p.typ.Optional && s.view.HasNulls() {
		for i := range n {
			if s.view.Null(i) {
				return nil, &RunError{Row: i, Reason: "null where " + vec.TypeName(p.typ) + " is not Optional", Text: p.tree.Text, End: len(p.tree.Text)}
			}
		}
	}
	return &s.view, nil
}

// release lets go of the caller's columns.
func (s *Scratch) release() {
	clear(s.regs[:len(s.p.columns)])
	for _, reg := range s.p.aliases {
		s.regs[reg] = nil
	}
}

// arg is an operand during a step: row i of it is row i*step of the column.
type arg struct {
	*vec.Column
	step int
}

// arg returns an operand for a step over a domain. A register of one row steps by 0.
func (s *Scratch) arg(v operand, dom int) arg {
	a := arg{Column: s.regs[v.reg], step: 1}
	if v.dom == one && dom != one {
		a.step = 0
	}
	return a
}

func (a arg) null(i int) bool { return a.Column.Null(i * a.step) }

func (a arg) text(i int) []byte { return a.Column.Text(i * a.step) }

// valid sets which of n rows of dst are null: those in which any argument is.
func valid(dst *vec.Column, n int, args ...arg) {
	dst.Valid = dst.Valid[:0]
	for _, a := range args {
		if len(a.Valid) == 0 || a.step == 0 && a.Valid.Get(0) {
			continue
		}
		if a.step == 0 {
			dst.Valid = dst.Valid.Resize(n)
			dst.Valid.Fill(false)
			return
		}
		words := vec.Words(n)
		if len(dst.Valid) == 0 {
			dst.Valid = dst.Valid.Resize(n)
			copy(dst.Valid, a.Valid[:words])
			continue
		}
		for w := range words {
			dst.Valid[w] &= a.Valid[w]
		}
	}
}

// fail returns the error of a row, or nil if nobody asked for the row: because it is in
// a branch of when, or of fillnull, that is not taken.
func (s *Scratch) fail(e *expr, at place, row int, format string, args ...any) error {
	if at.mask >= 0 && !s.bitmaps[at.mask].Get(row) {
		return nil
	}
	if at.dom > rows {
		row = int(s.rowOf[at.dom][row])
	}
	return &RunError{Row: row, Reason: e.op.String() + ": " + fmt.Sprintf(format, args...), Text: s.p.tree.Text, Pos: e.n.Pos, End: e.n.End}
}
