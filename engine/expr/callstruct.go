package expr

import (
	"slices"

	"quiver/codec"
)

// structCall reads .expr(field=value, ..) or .zip(field=list, ..) behind the name or the
// type of a struct.
func (p *parser) structCall(name token, typ *codec.Type) (*Node, *Error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	n := &Node{Name: name.text, Type: typ, Pos: name.pos, End: p.tok.end}
	switch p.tok.text {
	case "expr":
		n.Op = OpStruct
	case "zip":
		n.Op = OpZip
	default:
		return nil, p.errorf(name.pos, name.end, "unknown name %s", name.text).
			hint("a column is written col(%q); structs have %s.expr(...) and %s.zip(...)", name.text, name.text, name.text)
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.expect("("); err != nil {
		return nil, err
	}
	return p.fields(n, ")")
}

// fields reads field=value, .. up to the closing sign.
func (p *parser) fields(n *Node, end string) (*Node, *Error) {
	for !p.is(end) {
		at := p.tok
		if !p.keyword() {
			return nil, p.unexpected("a field as name=value")
		}
		if err := p.skipKeyword(); err != nil {
			return nil, err
		}
		if err := p.field(n, at); err != nil {
			return nil, err
		}
		if p.is(",") {
			if err := p.advance(); err != nil {
				return nil, err
			}
		} else if !p.is(end) {
			return nil, p.unexpected("',' or '" + end + "'")
		}
	}
	if len(n.Args) == 0 {
		return nil, p.errorf(n.Pos, n.End, "a struct has at least one field")
	}
	if err := p.expect(end); err != nil {
		return nil, err
	}
	return p.node(n)
}

// field reads the value of a field of a struct.
func (p *parser) field(n *Node, name token) *Error {
	if slices.Contains(n.Fields, name.text) {
		return p.errorf(name.pos, name.end, "field %s is given twice", name.text)
	}
	v, err := p.expr()
	if err != nil {
		return err
	}
	n.Fields = append(n.Fields, name.text)
	n.Args = append(n.Args, v)
	return nil
}

// makeStruct reads make_struct(field=value, ..) or make_struct({"field": value, ..}, T).
func (p *parser) makeStruct(name token) (*Node, *Error) {
	n := &Node{Op: OpStruct, Name: "Struct", Pos: name.pos, End: name.end}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if !p.is("{") {
		return p.fields(n, ")")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	for !p.is("}") {
		at := p.tok
		if at.kind != tokenString {
			return nil, p.unexpected("a field's name in quotes")
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if err := p.expect(":"); err != nil {
			return nil, err
		}
		if err := p.field(n, at); err != nil {
			return nil, err
		}
		if p.is(",") {
			if err := p.advance(); err != nil {
				return nil, err
			}
		} else if !p.is("}") {
			return nil, p.unexpected("',' or '}'")
		}
	}
	if len(n.Args) == 0 {
		return nil, p.errorf(n.Pos, n.End, "a struct has at least one field")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.is(",") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.keyword() && p.tok.text == "type" {
			if err := p.skipKeyword(); err != nil {
				return nil, err
			}
		}
		var err *Error
		if n.Type, err = p.typeText(p.tok.pos, typeEnd(p.lex.text, p.tok.pos)); err != nil {
			return nil, err
		}
	}
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	return p.node(n)
}
