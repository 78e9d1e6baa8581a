package expr

import (
	"math"

	"quiver/codec"
	"quiver/engine/expr/chrono"
	"quiver/engine/expr/vec"
)

// num checks the namespace of numbers.
func (c *checker) num(x *expr) (*expr, *Error) {
	arg := x.args[0].typ
	if !isNumeric(arg) {
		return nil, c.errorf(x.n, "%s needs a number, found %s", x.op, vec.TypeName(arg))
	}
	switch x.op {
	case OpAbs:
		if x.typ = arg; arg == nil {
			x.typ = optional(typeInt)
		}
	case OpCeil, OpFloor:
		x.typ = optionalIf(typeInt, arg)
	case OpRound:
		if x.typ = optionalIf(typeInt, arg); x.n.Int > 0 {
			x.typ = optionalIf(typeFloat, arg)
			x.args[0] = promote(x.args[0], x.typ)
		}
	case OpToString:
		x.typ = optionalIf(typeStr, arg)
	case OpIsNaN, OpIsInf:
		x.typ = optionalIf(typeBool, arg)
	case OpPow:
		exp := x.args[1].typ
		if !isNumeric(exp) {
			return nil, c.errorf(x.n.Args[1], "pow needs a number for the exponent, found %s", vec.TypeName(exp))
		}
		if arg == nil || exp == nil {
			return null(x.n, optional(typeFloat)), nil
		}
		x.typ, _ = lca(arg, exp)
		x.args = []*expr{promote(x.args[0], x.typ), promote(x.args[1], x.typ)}
	default: // sqrt, log, the trigonometric functions
		x.typ = optionalIf(typeFloat, arg)
		if arg != nil {
			x.args[0] = promote(x.args[0], x.typ)
		}
		if x.op == OpLog && math.IsNaN(x.n.Num) {
			return nil, c.errorf(x.n, "the base of a logarithm must be a number")
		}
	}
	if arg == nil {
		return null(x.n, x.typ), nil
	}
	return x, nil
}

// str checks the namespace of text.
func (c *checker) str(x *expr) (*expr, *Error) {
	arg := x.args[0].typ
	if !isKind(arg, codec.KindString) {
		return nil, c.errorf(x.n, "%s needs str, found %s", x.op, vec.TypeName(arg))
	}
	nulls := []*codec.Type{arg}
	var typ *codec.Type
	switch x.op {
	case OpStrLen, OpToInt:
		typ = typeInt
	case OpLower, OpUpper:
		typ = typeStr
	case OpContains, OpStartsWith, OpEndsWith, OpConcat:
		other := x.args[1].typ
		if !isKind(other, codec.KindString) {
			return nil, c.errorf(x.n.Args[1], "%s needs str for its argument, found %s", x.op, vec.TypeName(other))
		}
		nulls = append(nulls, other)
		if typ = typeBool; x.op == OpConcat {
			typ = typeStr
		}
	case OpStrptime:
		typ = typeDatetime
		f, err := chrono.NewReader(x.n.Name)
		if err != nil {
			return nil, c.textError(x.n, x.n.NamePos, x.n.Name, err)
		}
		x.format = f
		if err := c.zone(x); err != nil {
			return nil, err
		}
	case OpParse:
		typ = base(x.n.Type)
		if typ == nil {
			return nil, c.errorf(x.n, "parse needs a type")
		}
	case OpSplit:
		typ = listOf(typeStr)
	case OpJSONExtract:
		typ = optional(typeStr)
		path, err := parsePath(x.n.Name)
		if err != nil {
			return nil, c.textError(x.n, x.n.NamePos, x.n.Name, err)
		}
		x.path = path
	}
	x.typ = optionalIf(typ, nulls...)
	for _, t := range nulls {
		if t == nil {
			return null(x.n, x.typ), nil
		}
	}
	return x, nil
}

// dt checks the namespace of datetimes.
func (c *checker) dt(x *expr) (*expr, *Error) {
	arg := x.args[0].typ
	if !isKind(arg, codec.KindTimestamp) {
		return nil, c.errorf(x.n, "%s needs datetime, found %s", x.op, vec.TypeName(arg))
	}
	nulls := []*codec.Type{arg}
	typ := typeInt
	switch x.op {
	case OpSince, OpSinceEpoch:
		if x.n.Unit == Month || unitMicros(x.n.Unit) == 0 {
			return nil, c.errorf(x.n, "a month is not a fixed time; %s takes year, week, day, hour, minute, second, millisecond and microsecond", x.op)
		}
		if x.op == OpSince {
			other := x.args[1].typ
			if !isKind(other, codec.KindTimestamp) {
				return nil, c.errorf(x.n.Args[1], "since needs datetime for its argument, found %s", vec.TypeName(other))
			}
			nulls = append(nulls, other)
		}
	case OpPart:
		if x.n.Unit == UnitNone || int(x.n.Unit) >= len(unitNames) {
			return nil, c.errorf(x.n, "a part of a datetime without its name")
		}
		if err := c.zone(x); err != nil {
			return nil, err
		}
	case OpStrftime:
		typ = typeStr
		f, err := chrono.NewFormat(x.n.Name)
		if err != nil {
			return nil, c.textError(x.n, x.n.NamePos, x.n.Name, err)
		}
		x.format = f
		if err := c.zone(x); err != nil {
			return nil, err
		}
	}
	x.typ = optionalIf(typ, nulls...)
	for _, t := range nulls {
		if t == nil {
			return null(x.n, x.typ), nil
		}
	}
	return x, nil
}

// unitMicros returns a unit in microseconds; a year has 365 days, a month none.
func unitMicros(u Unit) int64 {
	switch u {
	case Microsecond:
		return 1
	case Millisecond:
		return chrono.Millisecond
	case Second:
		return chrono.Second
	case Minute:
		return chrono.Minute
	case Hour:
		return chrono.Hour
	case Day:
		return chrono.Day
	case Week:
		return 7 * chrono.Day
	case Year:
		return 365 * chrono.Day
	}
	return 0
}

// element returns the type of the elements of a list.
func (c *checker) element(x *expr) (*codec.Type, *Error) {
	arg := x.args[0].typ
	switch kindOf(arg) {
	case codec.KindArray, codec.KindEmbedding:
		return arg.Elem, nil
	case codec.KindInvalid:
		return nil, nil
	}
	return nil, c.errorf(x.n, "%s needs a list, found %s", x.op, vec.TypeName(arg))
}

// list checks the namespace of lists, but for filter and map.
func (c *checker) list(x *expr) (*expr, *Error) {
	elem, err := c.element(x)
	if err != nil {
		return nil, err
	}
	arg := x.args[0].typ
	var typ *codec.Type
	switch x.op {
	case OpListLen:
		typ = typeInt
	case OpListAt:
		if arg == nil {
			return nil, c.errorf(x.n, "list.at needs a list, found null")
		}
		if index := x.args[1].typ; kindOf(index) != codec.KindBigInt || nullable(index) {
			return nil, c.errorf(x.n.Args[1], "list.at needs int for the index, found %s", vec.TypeName(index))
		}
		typ = optional(elem)
	case OpListContains:
		typ = typeBool
		if arg != nil {
			item := x.args[1].typ
			if !promotable(item, elem) {
				return nil, c.errorf(x.n.Args[1], "a list of %s cannot contain %s", vec.TypeName(elem), vec.TypeName(item))
			}
			x.args[1] = promote(x.args[1], elem)
			typ = optionalIf(typeBool, elem)
		}
	case OpListHasNull:
		typ = typeBool
	case OpListSum, OpListMin, OpListMax, OpListMean:
		if !isNumeric(elem) {
			return nil, c.errorf(x.n, "%s needs a list of numbers, found %s", x.op, vec.TypeName(arg))
		}
		if arg != nil && elem == nil { // repeat(None, 3)
			elem = optional(typeInt)
		}
		switch {
		case x.op == OpListMean:
			typ = optional(typeFloat)
		case arg == nil:
			typ = typeInt
		case x.op == OpListSum:
			typ = elem
		default:
			typ = optional(elem)
		}
	case OpListAll, OpListAny:
		if !isKind(elem, codec.KindBoolean) {
			return nil, c.errorf(x.n, "%s needs a list of bool, found %s", x.op, vec.TypeName(arg))
		}
		typ = optionalIf(typeBool, elem)
		if arg == nil {
			typ = typeBool
		}
	}
	x.typ = optionalIf(typ, arg)
	if arg == nil {
		return null(x.n, x.typ), nil
	}
	if elem != nil && arg.Elem == nil { // give a list of nothing but null the type it stands for
		x.args[0] = promote(x.args[0], listOf(elem))
	}
	return x, nil
}

// lambda checks list.filter and list.map.
func (c *checker) lambda(n *Node) (*expr, *Error) {
	if c.inLambda {
		return nil, c.errorf(n, "%s inside of another one", n.Op).hint("variables go one level deep")
	}
	list, err := c.node(n.Args[0], nil)
	if err != nil {
		return nil, err
	}
	x := &expr{op: n.Op, n: n, args: []*expr{list, nil}}
	elem, err := c.element(x)
	if err != nil {
		return nil, err
	}
	if list.typ == nil {
		return nil, c.errorf(n, "%s needs a list, found null", n.Op)
	}
	c.inLambda, c.variable, c.varType = true, n.Name, elem
	x.args[1], err = c.node(n.Args[1], nil)
	c.inLambda = false
	if err != nil {
		return nil, err
	}
	body := x.args[1].typ
	if n.Op == OpListMap {
		x.typ = optionalIf(listOf(body), list.typ)
		return x, nil
	}
	if kindOf(body) != codec.KindBoolean || nullable(body) {
		return nil, c.errorf(n.Args[1], "list.filter needs bool, found %s", vec.TypeName(body)).
			hint("a predicate that may be null needs .fillnull(False)")
	}
	x.typ = list.typ
	if list.typ.Kind == codec.KindEmbedding { // fewer elements than it had
		x.typ = optionalIf(listOf(elem), list.typ)
	}
	return x, nil
}

// dict checks the namespace of dictionaries.
func (c *checker) dict(x *expr) (*expr, *Error) {
	arg := x.args[0].typ
	if kindOf(arg) != codec.KindMap {
		return nil, c.errorf(x.n, "%s needs a dictionary, found %s", x.op, vec.TypeName(arg))
	}
	if x.op == OpDictLen {
		x.typ = optionalIf(typeInt, arg)
		return x, nil
	}
	key := x.args[1].typ
	if !isKind(key, codec.KindString) {
		return nil, c.errorf(x.n.Args[1], "the key of a dictionary is str, found %s", vec.TypeName(key))
	}
	if x.op == OpDictContains {
		x.typ = optionalIf(typeBool, arg, key)
		if key == nil {
			return null(x.n, x.typ), nil
		}
		return x, nil
	}
	typ := optional(arg.Elem)
	if key == nil {
		return null(x.n, typ), nil
	}
	if len(x.args) == 3 {
		given := x.args[2].typ
		if !promotable(given, typ) {
			return nil, c.errorf(x.n.Args[2], "the default of a dictionary of %s cannot be %s", vec.TypeName(arg.Elem), vec.TypeName(given))
		}
		typ, _ = lca(arg.Elem, given)
		x.args[2] = promote(x.args[2], typ)
	}
	x.typ = optionalIf(typ, arg, key)
	return x, nil
}
