package expr

import (
	"quiver/codec"
	"quiver/engine/expr/vec"
)

// litCall reads lit(value) or lit(value, type). The opening parenthesis is the token.
func (p *parser) litCall(name token) (*Node, *Error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.keyword() && p.tok.text == "v" {
		if err := p.skipKeyword(); err != nil {
			return nil, err
		}
	}
	n, err := p.literal(false)
	if err != nil {
		return nil, err
	}
	at, end := n.Pos, n.End
	n.Pos = name.pos
	if p.is(",") {
		if err := p.advance(); err != nil {
			return nil, err
		}
		if !p.is(")") {
			if p.keyword() && p.tok.text == "type" {
				if err := p.skipKeyword(); err != nil {
					return nil, err
				}
			}
			if n.Type, err = p.typeText(p.tok.pos, typeEnd(p.lex.text, p.tok.pos)); err != nil {
				return nil, err
			}
			n.NamePos = at
		}
	}
	if n.Type == untyped {
		return nil, p.errorf(at, end, "the type of this literal cannot be told").hint("write lit(%s, List[int]) or whatever it is", p.lex.text[at:min(end, at+20)])
	}
	n.End = p.tok.end
	if err := p.expect(")"); err != nil {
		return nil, err
	}
	return p.node(n)
}

// untyped marks literals that need a type said: empty lists and dictionaries.
var untyped = &codec.Type{}

// literal reads a value written out, as a node with its JSON and its natural type. bare
// says that it stands in an expression, not in lit().
func (p *parser) literal(bare bool) (*Node, *Error) {
	n := &Node{Op: OpLit, Pos: p.tok.pos}
	var err *Error
	n.Lit, n.Type, err = p.value(nil, 0)
	if err != nil {
		return nil, err
	}
	n.End = p.lex.pos
	if p.tok.kind != tokenEnd {
		n.End = p.tok.pos
	}
	for n.End > n.Pos && isSpace(p.lex.text[n.End-1]) {
		n.End--
	}
	if !bare {
		return n, nil
	}
	if n.Type == untyped {
		return nil, p.errorf(n.Pos, n.End, "the type of this literal cannot be told").hint("write lit([], List[int]) or whatever it is")
	}
	return p.node(n)
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' }

// value appends a Python literal as JSON and returns its natural type: nil for None,
// untyped where there is none.
func (p *parser) value(dst []byte, depth int) ([]byte, *codec.Type, *Error) {
	if depth > 20 {
		return nil, nil, p.errorf(p.tok.pos, p.tok.end, "too many lists within each other")
	}
	tok := p.tok
	var t *codec.Type
	switch {
	case tok.kind == tokenInt || tok.kind == tokenFloat || p.is("-"):
		sign := ""
		if p.is("-") {
			sign = "-"
			if err := p.advance(); err != nil {
				return nil, nil, err
			}
			if p.tok.kind == tokenName && p.tok.text == "float" {
				return p.floatCall(dst, "-")
			}
			if p.tok.kind != tokenInt && p.tok.kind != tokenFloat {
				return nil, nil, p.unexpected("a number")
			}
		}
		n, err := p.numberLit(tok.pos, sign)
		if err != nil {
			return nil, nil, err
		}
		p.nodes--
		return append(dst, n.Lit...), n.Type, nil
	case tok.kind == tokenString:
		dst, t = codec.AppendQuoted(dst, []byte(tok.text)), typeStr
	case tok.kind == tokenName:
		switch tok.text {
		case "True":
			dst, t = append(dst, "true"...), typeBool
		case "False":
			dst, t = append(dst, "false"...), typeBool
		case "None":
			dst = append(dst, "null"...)
		case "float":
			return p.floatCall(dst, "")
		default:
			e := p.unexpected("a value written out")
			if tok.text == "datetime" {
				return nil, nil, e.hint("datetime(...) stands without lit")
			}
			return nil, nil, e.hint("lit takes numbers, text, True, False, None, lists and structs")
		}
	case p.is("["):
		return p.listValue(dst, depth)
	case p.is("{"):
		return p.dictValue(dst, depth)
	default:
		return nil, nil, p.unexpected("a value written out")
	}
	return dst, t, p.advance()
}

// floatCall reads float("nan") and the like.
func (p *parser) floatCall(dst []byte, sign string) ([]byte, *codec.Type, *Error) {
	name := p.tok
	if err := p.advance(); err != nil {
		return nil, nil, err
	}
	var arg Node
	if err := p.arguments(&arg, "float", []param{{name: "text", kind: paramText}}); err != nil {
		return nil, nil, err
	}
	c := vec.New(typeFloat)
	var l vec.Loader
	if err := l.PushJSON(c, codec.AppendQuoted(nil, []byte(arg.Name))); err != nil {
		return nil, nil, p.errorf(name.pos, p.lex.pos, "float(%q) is not a number", arg.Name)
	}
	if sign == "-" {
		c.Floats[0] = -c.Floats[0]
	}
	return c.AppendFennel(dst, 0), typeFloat, nil
}

// listValue appends a list.
func (p *parser) listValue(dst []byte, depth int) ([]byte, *codec.Type, *Error) {
	if err := p.advance(); err != nil {
		return nil, nil, err
	}
	dst = append(dst, '[')
	var elem *codec.Type
	for i := 0; !p.is("]"); i++ {
		at := p.tok
		if i > 0 {
			dst = append(dst, ',')
		}
		var t *codec.Type
		var err *Error
		if dst, t, err = p.value(dst, depth+1); err != nil {
			return nil, nil, err
		}
		switch {
		case i == 0:
			elem = t
		case elem == untyped || t == untyped:
			elem = untyped
		default:
			common, ok := lca(elem, t)
			if !ok {
				return nil, nil, p.errorf(at.pos, at.end, "a list of %s cannot hold %s", vec.TypeName(elem), vec.TypeName(t))
			}
			elem = common
		}
		if p.is(",") {
			if err := p.advance(); err != nil {
				return nil, nil, err
			}
		} else if !p.is("]") {
			return nil, nil, p.unexpected("',' or ']'")
		}
	}
	dst = append(dst, ']')
	if elem == nil || elem == untyped {
		return dst, untyped, p.advance()
	}
	return dst, listOf(elem), p.advance()
}

// dictValue appends a dictionary, which is a struct and needs a type.
func (p *parser) dictValue(dst []byte, depth int) ([]byte, *codec.Type, *Error) {
	if err := p.advance(); err != nil {
		return nil, nil, err
	}
	dst = append(dst, '{')
	for i := 0; !p.is("}"); i++ {
		if i > 0 {
			dst = append(dst, ',')
		}
		if p.tok.kind != tokenString {
			return nil, nil, p.unexpected("a field's name in quotes")
		}
		dst = append(codec.AppendQuoted(dst, []byte(p.tok.text)), ':')
		if err := p.advance(); err != nil {
			return nil, nil, err
		}
		if err := p.expect(":"); err != nil {
			return nil, nil, err
		}
		var err *Error
		if dst, _, err = p.value(dst, depth+1); err != nil {
			return nil, nil, err
		}
		if p.is(",") {
			if err := p.advance(); err != nil {
				return nil, nil, err
			}
		} else if !p.is("}") {
			return nil, nil, p.unexpected("',' or '}'")
		}
	}
	return append(dst, '}'), untyped, p.advance()
}
