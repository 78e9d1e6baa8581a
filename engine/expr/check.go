package expr

import (
	"slices"
	"strings"

	"quiver/codec"
	"quiver/engine/expr/chrono"
	"quiver/engine/expr/vec"
)

// Operations that only the checker puts into an expression.
const (
	opCast = opCount + iota // the argument promoted to the type
	opFit                   // the argument, checked against the restrictions of want
)

// expr is a checked node: it has a type, its promotions are operations of their own,
// and its literals are values.
type expr struct {
	op   Op
	n    *Node
	typ  *codec.Type // a base type; nil is that of null
	args []*expr

	lit    *vec.Column // OpLit: one row
	want   *codec.Type // opFit
	format *chrono.Format
	zone   *chrono.Zone
	path   []pathStep
}

// Checked is an expression whose names and types are right for a schema.
type Checked struct {
	tree    *Tree
	typ     *codec.Type
	root    *expr
	columns []string
	types   []*codec.Type
}

// Type returns the type of the results: the declared one if there is one, else the
// natural one. nil is the type of an expression that is always null.
func (c *Checked) Type() *codec.Type { return c.typ }

// Tree returns the expression.
func (c *Checked) Tree() *Tree { return c.tree }

// Check finds the types of an expression over columns of the given types. want is the
// type declared for its result, nil if none is: the natural type must be promotable to
// it, or be the type that it restricts. Errors are *Error.
func Check(t *Tree, schema map[string]*codec.Type, want *codec.Type) (*Checked, error) {
	c := &checker{text: t.Text, schema: schema}
	root, err := c.node(t.Root, base(want))
	if err != nil {
		return nil, err
	}
	typ := root.typ
	if want != nil {
		if !matches(root.typ, want) {
			return nil, c.errorf(t.Root, "the expression gives %s, which is no %s", vec.TypeName(root.typ), vec.TypeName(want))
		}
		root = c.declare(root, want)
		typ = want
	}
	return &Checked{tree: t, typ: typ, root: root, columns: c.columns, types: c.types}, nil
}

type checker struct {
	text    string
	schema  map[string]*codec.Type
	columns []string // read so far
	types   []*codec.Type

	inLambda bool
	variable string // of the list.map or list.filter around
	varType  *codec.Type
}

// errorf makes an error with the caret under the node.
func (c *checker) errorf(n *Node, format string, args ...any) *Error {
	return errorAt(c.text, n.Pos, n.End, format, args...)
}

// promote returns e as a value of type to, to which its type must be promotable.
func promote(e *expr, to *codec.Type) *expr {
	if same(e.typ, to) {
		return e
	}
	return &expr{op: opCast, n: e.n, typ: to, args: []*expr{e}}
}

// declare returns e, which matches want, as a value of it.
func (c *checker) declare(e *expr, want *codec.Type) *expr {
	to := base(want)
	if !promotable(e.typ, to) {
		to = columnType(want)
	}
	e = promote(e, to)
	if vec.Restricted(want) {
		e = &expr{op: opFit, n: e.n, typ: e.typ, args: []*expr{e}, want: want}
	}
	return e
}

// null returns a null of the given type, for operations on nothing but null.
func null(n *Node, t *codec.Type) *expr {
	lit := vec.New(t)
	lit.PushNull()
	return &expr{op: OpLit, n: n, typ: t, lit: lit}
}

// node checks one node. hint is the type that is wanted of it, if one is; it only
// matters for literals and structs whose type is not said.
func (c *checker) node(n *Node, hint *codec.Type) (*expr, *Error) {
	switch n.Op {
	case OpCol:
		return c.column(n)
	case OpVar:
		if !c.inLambda || n.Name != c.variable {
			e := c.errorf(n, "variable %q is not defined here", n.Name)
			if c.inLambda {
				return nil, e.hint("the variable is %q", c.variable)
			}
			return nil, e.hint("variables exist inside list.map and list.filter")
		}
		return &expr{op: OpVar, n: n, typ: c.varType}, nil
	case OpLit:
		return c.literal(n, hint)
	case OpNow, OpDatetime:
		return &expr{op: n.Op, n: n, typ: typeDatetime}, nil
	case OpCase:
		return c.cases(n, hint)
	case OpZip, OpStruct:
		return c.structure(n, hint)
	case OpListFilter, OpListMap:
		return c.lambda(n)
	case OpAs:
		arg, err := c.node(n.Args[0], base(n.Type))
		if err != nil {
			return nil, err
		}
		if !matches(arg.typ, n.Type) {
			return nil, c.errorf(n, "%s is no %s", vec.TypeName(arg.typ), vec.TypeName(n.Type)).
				hint("astype labels, it does not convert; .num.to_string and .str.parse do")
		}
		return c.declare(arg, n.Type), nil
	case OpFillNull:
		return c.fillNull(n, hint)
	}
	args := make([]*expr, len(n.Args))
	for i, a := range n.Args {
		var err *Error
		if args[i], err = c.node(a, nil); err != nil {
			return nil, err
		}
	}
	x := &expr{op: n.Op, n: n, args: args}
	if n.Op.sign() != "" {
		return c.binary(x)
	}
	switch m := n.Op.method(); {
	case m == nil || m.space == spaceCore:
		return c.core(x)
	case m.space == spaceNum:
		return c.num(x)
	case m.space == spaceStr:
		return c.str(x)
	case m.space == spaceDt:
		return c.dt(x)
	case m.space == spaceList:
		return c.list(x)
	case m.space == spaceDict:
		return c.dict(x)
	default:
		return c.field(x)
	}
}

func (c *checker) column(n *Node) (*expr, *Error) {
	t, ok := c.schema[n.Name]
	if !ok || kindOf(t) == codec.KindInvalid {
		e := c.errorf(n, "there is no column %q", n.Name)
		var names []string
		for name := range c.schema {
			names = append(names, name)
		}
		slices.Sort(names)
		if len(names) > 10 {
			names = append(names[:10], "...")
		}
		if len(names) > 0 {
			e = e.hint("columns are %s", strings.Join(names, ", "))
		}
		return nil, e
	}
	if !slices.Contains(c.columns, n.Name) {
		c.columns = append(c.columns, n.Name)
		c.types = append(c.types, t)
	}
	return &expr{op: OpCol, n: n, typ: columnType(t)}, nil
}

// literal reads the value of a literal.
func (c *checker) literal(n *Node, hint *codec.Type) (*expr, *Error) {
	if n.Type == nil {
		if string(n.Lit) != "null" {
			return nil, c.errorf(n, "a literal without a type")
		}
		return null(n, nil), nil
	}
	if k, bad := unliteral(n.Type); bad {
		e := c.errorf(n, "literals of type %s are not supported", k)
		if k == "datetime" {
			e = e.hint("write datetime(2024, 1, 31)")
		}
		return nil, e
	}
	t := n.Type
	if t.Text == "" && t.Kind == codec.KindArray && kindOf(hint) == codec.KindArray && promotable(base(t.Elem), hint.Elem) {
		t = inner(hint) // [1, 2] where a list of floats is wanted
	}
	lit := vec.New(t)
	var l vec.Loader
	if err := l.PushJSON(lit, n.Lit); err != nil {
		return nil, c.errorf(n, "%s", strings.TrimPrefix(err.Error(), "row 0: "))
	}
	lit.Type = base(t)
	return &expr{op: OpLit, n: n, typ: base(t), lit: lit}, nil
}

// unliteral finds a type that no literal has.
func unliteral(t *codec.Type) (string, bool) {
	switch kindOf(t) {
	case codec.KindTimestamp, codec.KindDate, codec.KindBinary, codec.KindMap:
		return vec.TypeName(inner(t)), true
	case codec.KindArray:
		return unliteral(t.Elem)
	case codec.KindStruct:
		for _, f := range t.Fields {
			if k, bad := unliteral(f.Type); bad {
				return k, true
			}
		}
	}
	return "", false
}

// binary checks the infix operators.
func (c *checker) binary(x *expr) (*expr, *Error) {
	l, r := x.args[0].typ, x.args[1].typ
	found := vec.TypeName(l) + " and " + vec.TypeName(r)
	var operand *codec.Type // what both sides are promoted to
	switch x.op {
	case OpAnd, OpOr:
		if !isKind(l, codec.KindBoolean) || !isKind(r, codec.KindBoolean) {
			e := c.errorf(x.n, "both sides of %s must be bool, found %s", x.op, found)
			if !isKind(l, codec.KindBoolean) != !isKind(r, codec.KindBoolean) {
				e = e.hint("%s binds more than comparisons: write (a > 1) %s (b > 2)", x.op, x.op)
			}
			return nil, e
		}
		operand = optionalIf(typeBool, l, r)
		x.typ = operand
	case OpEq, OpNe:
		common, ok := lca(l, r)
		if !ok {
			return nil, c.errorf(x.n, "both sides of %s must have the same type, found %s", x.op, found)
		}
		operand = common
		x.typ = optionalIf(typeBool, common)
	default:
		if !isNumeric(l) || !isNumeric(r) {
			e := c.errorf(x.n, "both sides of %s must be numbers, found %s", x.op, found)
			switch {
			case x.op == OpAdd && isKind(l, codec.KindString) && isKind(r, codec.KindString):
				e = e.hint("write a.str.concat(b)")
			case isKind(l, codec.KindTimestamp) && isKind(r, codec.KindTimestamp):
				e = e.hint("write a.dt.since(b)")
			}
			return nil, e
		}
		operand, _ = lca(l, r) // numbers always have one
		switch x.op {
		case OpAdd, OpSub, OpMul, OpMod, OpFloorDiv:
			if x.typ = operand; operand == nil {
				x.typ = optional(typeInt)
			}
		case OpDiv:
			operand = optionalIf(typeFloat, l, r)
			x.typ = operand
		default:
			x.typ = optionalIf(typeBool, operand)
		}
	}
	if x.op != OpAnd && x.op != OpOr && (l == nil || r == nil) {
		return null(x.n, x.typ), nil
	}
	x.args = []*expr{promote(x.args[0], operand), promote(x.args[1], operand)}
	return x, nil
}

// cases checks when(..).then(..).otherwise(..).
func (c *checker) cases(n *Node, hint *codec.Type) (*expr, *Error) {
	x := &expr{op: OpCase, n: n}
	var typ *codec.Type
	first := true
	for i, a := range n.Args {
		isWhen := i%2 == 0 && i+1 < len(n.Args)
		want := hint
		if isWhen {
			want = nil
		}
		arg, err := c.node(a, want)
		if err != nil {
			return nil, err
		}
		if isWhen {
			if !isKind(arg.typ, codec.KindBoolean) {
				return nil, c.errorf(a, "when needs bool, found %s", vec.TypeName(arg.typ))
			}
			arg = promote(arg, optionalIf(typeBool, arg.typ))
		} else if first {
			typ, first = arg.typ, false
		} else {
			common, ok := lca(typ, arg.typ)
			if !ok {
				return nil, c.errorf(a, "the branches must have the same type, found %s after %s", vec.TypeName(arg.typ), vec.TypeName(typ))
			}
			typ = common
		}
		x.args = append(x.args, arg)
	}
	if len(x.args)%2 == 0 {
		x.args = append(x.args, null(n, nil))
		typ = optional(typ)
	}
	if x.typ = typ; typ == nil {
		return null(n, nil), nil
	}
	for i := range x.args {
		if i%2 == 1 || i == len(x.args)-1 {
			x.args[i] = promote(x.args[i], typ)
		}
	}
	return x, nil
}

func (c *checker) fillNull(n *Node, hint *codec.Type) (*expr, *Error) {
	arg, err := c.node(n.Args[0], hint)
	if err != nil {
		return nil, err
	}
	if hint == nil {
		hint = inner(arg.typ)
	}
	fill, err := c.node(n.Args[1], hint)
	if err != nil {
		return nil, err
	}
	if arg.typ == nil {
		return fill, nil
	}
	typ, ok := lca(inner(arg.typ), fill.typ)
	if !ok {
		return nil, c.errorf(n, "%s cannot be filled with %s", vec.TypeName(arg.typ), vec.TypeName(fill.typ))
	}
	// The argument may be null although the result is not, so it is promoted to the
	// Optional type.
	return &expr{op: OpFillNull, n: n, typ: typ, args: []*expr{promote(arg, optionalIf(typ, arg.typ)), promote(fill, typ)}}, nil
}

// core checks the remaining operations that are in no namespace.
func (c *checker) core(x *expr) (*expr, *Error) {
	arg := x.args[0].typ
	switch x.op {
	case OpNot:
		if !isKind(arg, codec.KindBoolean) {
			return nil, c.errorf(x.n, "~ needs bool, found %s", vec.TypeName(arg))
		}
		x.typ = optionalIf(typeBool, arg)
	case OpNeg:
		if !isNumeric(arg) {
			return nil, c.errorf(x.n, "- needs a number, found %s", vec.TypeName(arg))
		}
		if x.typ = arg; arg == nil {
			x.typ = optional(typeFloat)
		}
	case OpIsNull:
		x.typ = typeBool
		return x, nil
	case OpFromEpoch:
		if !isKind(arg, codec.KindBigInt) {
			return nil, c.errorf(x.n, "from_epoch needs int, found %s", vec.TypeName(arg))
		}
		if x.n.Unit != Second && x.n.Unit != Millisecond && x.n.Unit != Microsecond {
			return nil, c.errorf(x.n, "from_epoch takes second, millisecond or microsecond, not %s", x.n.Unit)
		}
		x.typ = optionalIf(typeDatetime, arg)
	case OpRepeat:
		if count := x.args[1].typ; kindOf(count) != codec.KindBigInt || nullable(count) {
			return nil, c.errorf(x.n.Args[1], "repeat needs int for the count, found %s", vec.TypeName(count))
		}
		x.typ = listOf(arg)
		return x, nil
	default:
		return nil, c.errorf(x.n, "unknown operation %s", x.op)
	}
	if arg == nil {
		return null(x.n, x.typ), nil
	}
	return x, nil
}

// at returns a position inside of a node's call, or that of the node if it is unknown.
func (c *checker) at(pos int, n *Node) int {
	if pos > 0 {
		return pos
	}
	return n.Pos
}

// textError makes an error with the caret under a literal argument of a node.
func (c *checker) textError(n *Node, pos int, text string, err error) *Error {
	if pos == 0 {
		return c.errorf(n, "%v", err)
	}
	return errorAt(c.text, pos, pos+len(text)+2, "%v", err)
}

// zone finds the time zone of a node.
func (c *checker) zone(x *expr) *Error {
	z, err := loadZone(x.n.Zone)
	if err != nil {
		return c.textError(x.n, x.n.ZonePos, x.n.Zone, err)
	}
	x.zone = z
	return nil
}
