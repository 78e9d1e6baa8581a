package expr

import (
	"math"
	"unicode/utf8"

	"quiver/codec"
)

// Parse reads an expression as Fennel's users write it in Python. Errors are *Error.
func Parse(text string) (*Tree, error) {
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	if err := checkShape(root); err != nil {
		return nil, errorAt(text, 0, 0, "%v", err)
	}
	return &Tree{Text: text, Root: root}, nil
}

func parse(text string) (*Node, *Error) {
	if len(text) > MaxText {
		return nil, errorAt(text, 0, 0, "expression of %d bytes; at most %d are allowed", len(text), MaxText)
	}
	if !utf8.ValidString(text) {
		return nil, errorAt("", 0, 0, "the expression is not valid UTF-8")
	}
	p := &parser{lex: lexer{text: text}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	n, err := p.expr()
	if err != nil {
		return nil, err
	}
	if p.tok.kind != tokenEnd {
		return nil, p.unexpected("an operator or the end")
	}
	return n, nil
}

// parser is a recursive descent with one token of look-ahead.
type parser struct {
	lex   lexer
	tok   token
	depth int
	nodes int
}

func (p *parser) advance() *Error {
	tok, err := p.lex.next()
	p.tok = tok
	return err
}

func (p *parser) errorf(pos, end int, format string, args ...any) *Error {
	return errorAt(p.lex.text, pos, end, format, args...)
}

// unexpected says what was found instead of what.
func (p *parser) unexpected(what string) *Error {
	if p.tok.kind == tokenEnd {
		return p.errorf(p.tok.pos, p.tok.pos, "the expression ends here; expected %s", what)
	}
	e := p.errorf(p.tok.pos, p.tok.end, "expected %s, found %s", what, p.lex.text[p.tok.pos:p.tok.end])
	if len(e.Msg) > 200 {
		e.Msg = "expected " + what
	}
	switch p.tok.text {
	case "and":
		return e.hint("write (a) & (b)")
	case "or":
		return e.hint("write (a) | (b)")
	case "if":
		return e.hint("write when(p).then(a).otherwise(b)")
	case "in":
		return e.hint("write list.contains(x)")
	case "is":
		return e.hint("write x.isnull()")
	case "**":
		return e.hint("write x.num.pow(y)")
	case "^":
		return e.hint("xor is not supported; a != b is xor of booleans")
	case "=":
		return e.hint("== compares")
	case "[":
		return e.hint("write .list.at(i), .dict.get(key) or .struct.get(field)")
	}
	return e
}

// is reports whether the token is this operator or bracket.
func (p *parser) is(sign string) bool { return p.tok.kind == tokenSign && p.tok.text == sign }

func (p *parser) expect(sign string) *Error {
	if !p.is(sign) {
		return p.unexpected("'" + sign + "'")
	}
	return p.advance()
}

// node counts nodes while they are made, so that a long text stops early.
func (p *parser) node(n *Node) (*Node, *Error) {
	if p.nodes++; p.nodes > MaxNodes {
		return nil, p.errorf(n.Pos, n.End, "more than %d operations in one expression", MaxNodes)
	}
	return n, nil
}

func (p *parser) enter() *Error {
	if p.depth++; p.depth > MaxDepth {
		return p.errorf(p.tok.pos, p.tok.end, "more than %d operations within each other", MaxDepth)
	}
	return nil
}

// expr reads a whole expression. As in Python comparisons bind less than | and &.
func (p *parser) expr() (*Node, *Error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	left, err := p.binary(2)
	if err != nil || p.tok.kind != tokenSign {
		return left, err
	}
	op, level := operator(p.tok.text)
	if level != 1 {
		return left, nil
	}
	at := p.tok
	if err := p.advance(); err != nil {
		return nil, err
	}
	right, err := p.binary(2)
	if err != nil {
		return nil, err
	}
	if _, level := operator(p.tok.text); level == 1 && p.tok.kind == tokenSign {
		return nil, p.errorf(p.tok.pos, p.tok.end, "comparisons cannot be chained").
			hint("& and | bind more than comparisons: write (a < b) & (b < c)")
	}
	return p.node(&Node{Op: op, Args: []*Node{left, right}, Pos: at.pos, End: at.end})
}

// binary reads operators that bind at least as tightly as level.
func (p *parser) binary(level int) (*Node, *Error) {
	if level > 5 {
		return p.unary()
	}
	left, err := p.binary(level + 1)
	for err == nil && p.tok.kind == tokenSign {
		op, l := operator(p.tok.text)
		if l != level {
			break
		}
		at := p.tok
		if err := p.advance(); err != nil {
			return nil, err
		}
		right, e := p.binary(level + 1)
		if e != nil {
			return nil, e
		}
		left, err = p.node(&Node{Op: op, Args: []*Node{left, right}, Pos: at.pos, End: at.end})
	}
	return left, err
}

// unary reads - and ~, and numbers with their sign.
func (p *parser) unary() (*Node, *Error) {
	if !p.is("-") && !p.is("~") {
		if p.tok.kind == tokenName && p.tok.text == "not" {
			return nil, p.errorf(p.tok.pos, p.tok.end, "not is not supported").hint("write ~(x)")
		}
		return p.postfix()
	}
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	at := p.tok
	if err := p.advance(); err != nil {
		return nil, err
	}
	if at.text == "-" && (p.tok.kind == tokenInt || p.tok.kind == tokenFloat) {
		return p.numberLit(at.pos, "-")
	}
	arg, err := p.unary()
	if err != nil {
		return nil, err
	}
	op := OpNeg
	if at.text == "~" {
		op = OpNot
	}
	return p.node(&Node{Op: op, Args: []*Node{arg}, Pos: at.pos, End: at.end})
}

// numberLit makes a literal of the number token.
func (p *parser) numberLit(pos int, sign string) (*Node, *Error) {
	n := &Node{Op: OpLit, Lit: []byte(sign + p.tok.text), Type: typeFloat, Pos: pos, End: p.tok.end}
	if p.tok.kind == tokenInt {
		n.Type = typeInt
		if string(n.Lit) == "-0" {
			n.Lit = n.Lit[1:]
		}
		if len(p.tok.text) > 19 || len(p.tok.text) == 19 && p.tok.text > "9223372036854775807" && (sign == "" || p.tok.text != "9223372036854775808") {
			return nil, p.errorf(pos, p.tok.end, "the number %s does not fit 64 bits", n.Lit)
		}
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.is(".") {
		return nil, p.errorf(p.tok.pos, p.tok.end, "a bare number has no methods").hint("write lit(%s).num", n.Lit)
	}
	return p.node(n)
}

// postfix reads an operand and the methods called on it.
func (p *parser) postfix() (*Node, *Error) {
	n, sticky, err := p.primary()
	if err != nil {
		return nil, err
	}
	zone := ""
	zonePos := 0
	for {
		if p.is("[") || p.is("(") {
			e := p.unexpected("an operator or a method")
			if p.is("(") {
				e.Msg, e.Hint = "this cannot be called", ""
			}
			return nil, e
		}
		if !p.is(".") {
			return n, nil
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
		if p.tok.kind != tokenName {
			return nil, p.unexpected("a method")
		}
		name := p.tok
		if sp, ok := namespace(name.text); ok {
			if err := p.advance(); err != nil {
				return nil, err
			}
			if !p.is(".") {
				return nil, p.errorf(p.tok.pos, p.tok.end, "expected a method of .%s", name.text).hint("%s", methodNames(sp))
			}
			if sp != sticky {
				sticky, zone, zonePos = sp, "", 0
			}
			if err := p.advance(); err != nil {
				return nil, err
			}
			if p.tok.kind != tokenName {
				return nil, p.unexpected("a method of ." + name.text)
			}
			name = p.tok
			if sp == spaceDt && name.text == "with_tz" {
				if zone, zonePos, err = p.withZone(); err != nil {
					return nil, err
				}
				continue
			}
			m := findMethod(sp, name.text)
			if m == nil {
				return nil, p.unknownMethod(sp, name)
			}
			if n, err = p.method(n, m, zone, zonePos); err != nil {
				return nil, err
			}
			sticky, zone, zonePos = m.result, "", 0
			continue
		}
		if sticky == spaceDt && name.text == "with_tz" {
			if zone, zonePos, err = p.withZone(); err != nil {
				return nil, err
			}
			continue
		}
		m := findMethod(sticky, name.text)
		if m == nil {
			m = findMethod(spaceCore, name.text)
		}
		if m == nil {
			if n.Op == OpCase && (name.text == "when" || name.text == "otherwise" || name.text == "then") {
				return nil, p.errorf(name.pos, name.end, ".%s must follow .then directly", name.text)
			}
			return nil, p.unknownMethod(sticky, name)
		}
		if n, err = p.method(n, m, zone, zonePos); err != nil {
			return nil, err
		}
		sticky, zone, zonePos = m.result, "", 0
	}
}

// withZone reads with_tz("Area/City"); the name is the token.
func (p *parser) withZone() (zone string, pos int, err *Error) {
	call := Node{}
	if err := p.advance(); err != nil {
		return "", 0, err
	}
	params := []param{{name: "timezone", kind: paramZone}}
	if err := p.arguments(&call, "with_tz", params); err != nil {
		return "", 0, err
	}
	return call.Zone, call.ZonePos, nil
}

// method reads a call of a method on n; its name is the token.
func (p *parser) method(n *Node, m *method, zone string, zonePos int) (*Node, *Error) {
	call := &Node{Op: m.op, Args: []*Node{n}, Unit: m.unit, Pos: p.tok.pos, End: p.tok.end}
	if m.op == OpPart || m.op == OpStrftime {
		call.Zone, call.ZonePos = zone, zonePos
	}
	switch m.op {
	case OpSince, OpSinceEpoch:
		call.Unit = Second
	case OpLog:
		call.Num = math.E
	}
	name := p.tok
	if err := p.advance(); err != nil {
		return nil, err
	}
	params := m.params
	if m.property {
		params = []param{{name: "timezone", kind: paramZone, optional: true}}
		if !p.is("(") {
			return p.node(call)
		}
	}
	if !p.is("(") {
		return nil, p.errorf(name.pos, name.end, "%s must be called", name.text).hint("write .%s(...)", name.text)
	}
	if err := p.arguments(call, name.text, params); err != nil {
		return nil, err
	}
	if m.op == OpRound && (call.Int < 0 || call.Int > 400) {
		return nil, p.errorf(call.NamePos, call.NamePos+1, "precision must be between 0 and 400")
	}
	return p.node(call)
}

// namespace returns the namespace with the given name.
func namespace(name string) (space, bool) {
	for i, s := range spaceNames {
		if s == name && i > 0 {
			return space(i), true
		}
	}
	return spaceCore, false
}

func findMethod(sp space, name string) *method {
	for i := range methods {
		if m := &methods[i]; m.space == sp && m.name == name {
			return m
		}
	}
	return nil
}

// methodNames lists the methods of a namespace.
func methodNames(sp space) string {
	list := ""
	for i := range methods {
		if methods[i].space == sp {
			list += ", " + methods[i].name
		}
	}
	if sp == spaceDt {
		list += ", with_tz"
	}
	return list[2:]
}

// unknownMethod says which namespaces do have a method, or which methods there are.
func (p *parser) unknownMethod(sp space, name token) *Error {
	e := p.errorf(name.pos, name.end, "unknown method %s", name.text)
	if sp != spaceCore {
		e = p.errorf(name.pos, name.end, "unknown method %s of .%s", name.text, spaceNames[sp])
	}
	for i := range methods {
		if m := &methods[i]; m.name == name.text && m.space != spaceCore {
			return e.hint("did you mean .%s.%s", spaceNames[m.space], m.name)
		}
	}
	if sp != spaceCore {
		return e.hint(".%s has %s", spaceNames[sp], methodNames(sp))
	}
	return e.hint("methods are isnull, fillnull, astype and those of .num .str .dt .list .dict .struct")
}

// primary reads an operand: a literal, a function call, or an expression in parentheses.
// sticky is the namespace whose methods may follow without naming it.
func (p *parser) primary() (n *Node, sticky space, err *Error) {
	tok := p.tok
	switch tok.kind {
	case tokenInt, tokenFloat:
		n, err = p.numberLit(tok.pos, "")
		return n, spaceCore, err
	case tokenString, tokenEnd:
		if tok.kind == tokenEnd {
			return nil, spaceCore, p.unexpected("a value")
		}
		n, err = p.literal(true)
		return n, spaceCore, err
	case tokenSign:
		switch tok.text {
		case "(":
			if err := p.advance(); err != nil {
				return nil, spaceCore, err
			}
			if n, err = p.expr(); err != nil {
				return nil, spaceCore, err
			}
			if p.is(",") {
				return nil, spaceCore, p.errorf(p.tok.pos, p.tok.end, "tuples are not supported")
			}
			return n, spaceCore, p.expect(")")
		case "[":
			n, err = p.literal(true)
			return n, spaceCore, err
		case "{":
			return nil, spaceCore, p.errorf(tok.pos, tok.end, "dictionary literals are not supported").
				hint(`a struct is Name.expr(field=value) or lit({"field": 1}, struct<field:int>)`)
		case "+":
			return nil, spaceCore, p.errorf(tok.pos, tok.end, "a sign + is not supported")
		}
		return nil, spaceCore, p.unexpected("a value")
	}
	return p.call()
}

// structType reads struct<...> if that is what comes next; the name struct is the token.
func (p *parser) structType() (*codec.Type, *Error) {
	start := p.tok.pos
	end := typeEnd(p.lex.text, start)
	return p.typeText(start, end)
}
