package expr

import (
	"slices"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

// structure checks Name.expr(..) and Name.zip(..).
func (c *checker) structure(n *Node, hint *codec.Type) (*expr, *Error) {
	declared := inner(base(n.Type))
	if declared == nil {
		// The type that is wanted, if it has these fields.
		declared = inner(hint)
		if n.Op == OpZip && declared != nil {
			declared = inner(declared.Elem)
		}
		if kindOf(declared) != codec.KindStruct || len(declared.Fields) != len(n.Args) {
			declared = nil
		}
		for i := range n.Fields {
			if declared != nil {
				if _, ok := fieldType(declared, n.Fields[i]); !ok {
					declared = nil
				}
			}
		}
	} else if declared.Kind != codec.KindStruct {
		return nil, c.errorf(n, "%s is no struct", vec.TypeName(declared))
	}
	x := &expr{op: n.Op, n: n}
	result := &codec.Type{Kind: codec.KindStruct, Spelling: codec.SpellingFennel}
	for i, name := range n.Fields {
		if slices.Contains(n.Fields[:i], name) {
			return nil, c.errorf(n, "field %q is given twice", name)
		}
		var want, wantArg *codec.Type
		if declared != nil {
			t, ok := fieldType(declared, name)
			if !ok {
				return nil, c.errorf(n.Args[i], "%s has no field %q", vec.TypeName(declared), name)
			}
			want, wantArg = t, t
			if n.Op == OpZip {
				wantArg = listOf(t)
			}
		}
		arg, err := c.node(n.Args[i], wantArg)
		if err != nil {
			return nil, err
		}
		given := arg.typ
		if n.Op == OpZip {
			if k := kindOf(given); given == nil || given.Optional || k != codec.KindArray && k != codec.KindEmbedding {
				return nil, c.errorf(n.Args[i], "zip needs a list for field %q, found %s", name, vec.TypeName(given))
			}
			given = given.Elem
		}
		switch {
		case want == nil && given == nil && n.Op == OpStruct:
			return nil, c.errorf(n.Args[i], "the type of field %q cannot be told", name).hint("write struct<...>.expr(...)")
		case want == nil:
			want = given
		case !promotable(given, want):
			return nil, c.errorf(n.Args[i], "field %q is %s, found %s", name, vec.TypeName(want), vec.TypeName(given))
		}
		if n.Op == OpZip {
			arg = promote(arg, listOf(want))
		} else {
			arg = promote(arg, want)
		}
		x.args = append(x.args, arg)
		result.Fields = append(result.Fields, codec.Field{Name: name, Type: want})
	}
	if declared != nil {
		if len(declared.Fields) != len(n.Fields) {
			return nil, c.errorf(n, "%s needs %d fields, found %d", vec.TypeName(declared), len(declared.Fields), len(n.Fields))
		}
		// In the order of the type, whatever the order of writing.
		args := make([]*expr, len(x.args))
		for i, f := range declared.Fields {
			args[i] = x.args[slices.Index(n.Fields, f.Name)]
		}
		x.args, result = args, declared
	}
	if x.typ = result; n.Op == OpZip {
		x.typ = listOf(result)
	}
	return x, nil
}

// field checks struct.get.
func (c *checker) field(x *expr) (*expr, *Error) {
	arg := x.args[0].typ
	if kindOf(arg) != codec.KindStruct {
		return nil, c.errorf(x.n, "struct.get needs a struct, found %s", vec.TypeName(arg))
	}
	t, ok := fieldType(arg, x.n.Name)
	if !ok {
		return nil, errorAt(c.text, c.at(x.n.NamePos, x.n), x.n.End, "%s has no field %q", vec.TypeName(inner(arg)), x.n.Name)
	}
	x.typ = optionalIf(t, arg)
	return x, nil
}
