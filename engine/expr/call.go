package expr

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"quiver/codec"
)

// call reads a name and what it begins: a function, a literal, or a struct.
func (p *parser) call() (n *Node, sticky space, err *Error) {
	name := p.tok
	switch name.text {
	case "True", "False", "None", "float":
		n, err = p.literal(true)
		return n, spaceCore, err
	case "true", "false", "null":
		return nil, spaceCore, p.errorf(name.pos, name.end, "unknown name %s", name.text).
			hint("Python writes %s", map[string]string{"true": "True", "false": "False", "null": "None"}[name.text])
	case "lambda", "for", "else", "and", "or", "if", "in", "is", "await", "yield", "not":
		return nil, spaceCore, p.unexpected("a value")
	}
	var typ *codec.Type
	if name.text == "struct" {
		if rest := strings.TrimLeft(p.lex.text[name.end:], " \t\r\n"); strings.HasPrefix(rest, "<") {
			if typ, err = p.structType(); err != nil {
				return nil, spaceCore, err
			}
			if !p.is(".") {
				return nil, spaceCore, p.unexpected(".expr(...) or .zip(...)")
			}
			n, err = p.structCall(name, typ)
			return n, sticky, err
		}
	}
	if err = p.advance(); err != nil {
		return nil, spaceCore, err
	}
	if p.is(".") {
		if n, err = p.structCall(name, nil); n != nil && n.Op == OpZip {
			sticky = spaceList
		}
		return n, sticky, err
	}
	if !p.is("(") {
		return nil, spaceCore, p.errorf(name.pos, name.end, "unknown name %s", name.text).
			hint("a column is written col(%q), a variable of list.map var(%q)", name.text, name.text)
	}
	n = &Node{Pos: name.pos, End: name.end}
	params := []param{{name: "name", kind: paramText}}
	switch name.text {
	case "col":
		n.Op = OpCol
		params[0].name = "col"
	case "var":
		n.Op = OpVar
		params[0].name = "var"
	case "now":
		n.Op, params = OpNow, nil
	case "from_epoch":
		n.Op, sticky = OpFromEpoch, spaceDt
		params = []param{{name: "duration"}, {name: "unit", kind: paramUnit}}
	case "repeat":
		n.Op = OpRepeat
		params = []param{{name: "value"}, {name: "by"}}
	case "lit":
		n, err = p.litCall(name)
		return n, spaceCore, err
	case "when":
		n, err = p.when(name)
		return n, spaceCore, err
	case "datetime":
		n, err = p.datetime(name)
		return n, spaceDt, err
	case "make_struct":
		n, err = p.makeStruct(name)
		return n, spaceCore, err
	default:
		e := p.errorf(name.pos, name.end, "unknown function %s", name.text)
		for i := range methods {
			if m := &methods[i]; m.name == name.text {
				return nil, spaceCore, e.hint("it is a method: x%s.%s(...)", dotted(m.space), m.name)
			}
		}
		return nil, spaceCore, e.hint("there are col, lit, var, now, when, datetime, from_epoch, repeat, make_struct")
	}
	if err = p.arguments(n, name.text, params); err != nil {
		return nil, spaceCore, err
	}
	n, err = p.node(n)
	return n, sticky, err
}

func dotted(sp space) string {
	if sp == spaceCore {
		return ""
	}
	return "." + spaceNames[sp]
}

// arguments reads a parenthesised argument list into n as the parameters say. The
// opening parenthesis is the token.
func (p *parser) arguments(n *Node, name string, params []param) *Error {
	open := p.tok
	if err := p.expect("("); err != nil {
		return err
	}
	var given [4]bool
	var values [4]*Node
	named := false
	for i := 0; !p.is(")"); i++ {
		at := p.tok
		k := i
		if p.keyword() {
			named = true
			k = slices.IndexFunc(params, func(q param) bool { return q.name == at.text })
			if k < 0 {
				return p.errorf(at.pos, at.end, "%s has no argument %s", name, at.text).hint("%s", signature(name, params))
			}
			if err := p.skipKeyword(); err != nil {
				return err
			}
		} else if named {
			return p.errorf(at.pos, at.end, "an argument without a name follows one with a name")
		}
		if k >= len(params) {
			return p.errorf(at.pos, at.end, "too many arguments").hint("%s", signature(name, params))
		}
		if given[k] {
			return p.errorf(at.pos, at.end, "argument %s is given twice", params[k].name)
		}
		given[k] = true
		value, err := p.argument(n, params[k])
		if err != nil {
			return err
		}
		values[k] = value
		if p.is(",") {
			if err := p.advance(); err != nil {
				return err
			}
		} else if !p.is(")") {
			return p.unexpected("',' or ')'")
		}
	}
	for k, q := range params {
		if !given[k] && !q.optional {
			return p.errorf(open.pos, p.tok.end, "argument %s of %s is missing", q.name, name).hint("%s", signature(name, params))
		}
		if values[k] != nil {
			n.Args = append(n.Args, values[k])
		}
	}
	return p.expect(")")
}

// signature shows how a function is called.
func signature(name string, params []param) string {
	var list []string
	for _, q := range params {
		s := q.name
		if q.optional {
			s = "[" + s + "]"
		}
		list = append(list, s)
	}
	return name + "(" + strings.Join(list, ", ") + ")"
}

// keyword reports whether the token is the name of an argument.
func (p *parser) keyword() bool {
	if p.tok.kind != tokenName {
		return false
	}
	rest := strings.TrimLeft(p.lex.text[p.tok.end:], " \t\r\n")
	return strings.HasPrefix(rest, "=") && !strings.HasPrefix(rest, "==")
}

// skipKeyword passes the name of an argument and its equals sign.
func (p *parser) skipKeyword() *Error {
	if err := p.advance(); err != nil {
		return err
	}
	return p.advance()
}

// argument reads the value of one parameter into n, or returns it if it is an
// expression.
func (p *parser) argument(n *Node, q param) (*Node, *Error) {
	at := p.tok
	switch q.kind {
	case paramExpr:
		return p.expr()
	case paramType:
		t, err := p.typeText(at.pos, typeEnd(p.lex.text, at.pos))
		n.Type = t
		return nil, err
	case paramText, paramZone, paramUnit:
		if at.kind != tokenString {
			return nil, p.errorf(at.pos, at.end, "%s must be a text in quotes", q.name)
		}
		switch q.kind {
		case paramText:
			n.Name, n.NamePos = at.text, at.pos
		case paramZone:
			n.Zone, n.ZonePos = at.text, at.pos
			if at.text == "" {
				return nil, p.errorf(at.pos, at.end, "the time zone is empty")
			}
		default:
			unit := slices.Index(unitNames[:], strings.ToLower(at.text))
			if unit <= 0 {
				return nil, p.errorf(at.pos, at.end, "%q is not a unit of time", at.text).
					hint("units are year, month, week, day, hour, minute, second, millisecond and microsecond")
			}
			n.Unit, n.NamePos = Unit(unit), at.pos
		}
		return nil, p.advance()
	}
	sign := ""
	if p.is("-") {
		sign = "-"
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	n.NamePos = at.pos
	if q.kind == paramInt {
		v, err := strconv.ParseInt(sign+p.tok.text, 10, 64)
		if p.tok.kind != tokenInt || err != nil {
			return nil, p.errorf(at.pos, p.tok.end, "%s must be a whole number, written out", q.name)
		}
		n.Int = v
		return nil, p.advance()
	}
	v, err := strconv.ParseFloat(sign+p.tok.text, 64)
	if p.tok.kind != tokenInt && p.tok.kind != tokenFloat || err != nil {
		return nil, p.errorf(at.pos, p.tok.end, "%s must be a number, written out", q.name)
	}
	n.Num = v
	return nil, p.advance()
}

// typeEnd returns where the type that starts at pos ends: at the comma, point or
// parenthesis that is outside of its brackets and quotes.
func typeEnd(text string, pos int) int {
	depth := 0
	for i := pos; i < len(text); i++ {
		switch c := text[i]; c {
		case '(', '[', '<', '{':
			depth++
		case ')', ']', '>', '}':
			if depth == 0 {
				return i
			}
			depth--
			if depth == 0 && c == '>' { // struct<...>.zip( )
				return i + 1
			}
		case ',', '.':
			if depth == 0 {
				return i
			}
		case '"', '\'':
			for i++; i < len(text) && text[i] != c; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		}
	}
	return len(text)
}

// typeText reads the type between pos and end, and the token behind it.
func (p *parser) typeText(pos, end int) (*codec.Type, *Error) {
	text := p.lex.text[pos:end]
	t, err := codec.ParseType(text, codec.SpellingFennel)
	if err != nil {
		var te *codec.TypeError
		if errors.As(err, &te) {
			return nil, p.errorf(pos+te.Offset, pos+te.Offset+1, "%s", te.Msg)
		}
		return nil, p.errorf(pos, end, "%v", err)
	}
	p.lex.pos = end
	return t, p.advance()
}

// when reads when(p).then(x)[.when(..).then(..)][.otherwise(y)] into one node.
func (p *parser) when(name token) (*Node, *Error) {
	n := &Node{Op: OpCase, Pos: name.pos, End: name.end}
	for {
		if err := p.arguments(n, "when", []param{{name: "expr"}}); err != nil {
			return nil, err
		}
		if !p.follows("then") {
			return nil, p.errorf(name.pos, name.end, "when without .then(...)").hint("write when(p).then(a).otherwise(b)")
		}
		if err := p.skipKeyword(); err != nil { // the point and the name
			return nil, err
		}
		if err := p.arguments(n, "then", []param{{name: "expr"}}); err != nil {
			return nil, err
		}
		if p.follows("otherwise") {
			if err := p.skipKeyword(); err != nil {
				return nil, err
			}
			if err := p.arguments(n, "otherwise", []param{{name: "expr"}}); err != nil {
				return nil, err
			}
			return p.node(n)
		}
		if !p.follows("when") {
			return p.node(n)
		}
		if err := p.skipKeyword(); err != nil {
			return nil, err
		}
	}
}

// follows reports whether the token is a point that the given name stands behind.
func (p *parser) follows(name string) bool {
	if !p.is(".") {
		return false
	}
	ahead := lexer{text: p.lex.text, pos: p.lex.pos}
	tok, err := ahead.next()
	return err == nil && tok.kind == tokenName && tok.text == name
}

// datetime reads datetime(year, month, day, ..).
func (p *parser) datetime(name token) (*Node, *Error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	var parts DatetimeParts
	var at [len(datetimeParts) + 1]token
	var given [len(datetimeParts) + 1]bool
	zone := ""
	named := false
	for i := 0; !p.is(")"); i++ {
		at0 := p.tok
		k := i
		if p.keyword() {
			named = true
			k = slices.IndexFunc(datetimeParts[:], func(q struct {
				name     string
				min, max int
			},
			) bool {
				return q.name == at0.text
			})
			if at0.text == "timezone" {
				k = len(datetimeParts)
			}
			if k < 0 {
				return nil, p.errorf(at0.pos, at0.end, "datetime has no argument %s", at0.text)
			}
			if err := p.skipKeyword(); err != nil {
				return nil, err
			}
		} else if named {
			return nil, p.errorf(at0.pos, at0.end, "an argument without a name follows one with a name")
		}
		if k > len(datetimeParts) {
			return nil, p.errorf(at0.pos, at0.end, "too many arguments")
		}
		if given[k] {
			return nil, p.errorf(at0.pos, at0.end, "argument %s is given twice", at0.text)
		}
		given[k], at[k] = true, p.tok
		var arg Node
		q := param{name: "timezone", kind: paramZone}
		if k < len(datetimeParts) {
			q = param{name: datetimeParts[k].name, kind: paramInt}
		}
		if _, err := p.argument(&arg, q); err != nil {
			return nil, err
		}
		if k < len(datetimeParts) {
			parts[k] = int(arg.Int)
		} else {
			zone = arg.Zone
		}
		if p.is(",") {
			if err := p.advance(); err != nil {
				return nil, err
			}
		} else if !p.is(")") {
			return nil, p.unexpected("',' or ')'")
		}
	}
	end := p.tok.end
	if err := p.advance(); err != nil {
		return nil, err
	}
	for k := range 3 {
		if !given[k] {
			return nil, p.errorf(name.pos, end, "argument %s of datetime is missing", datetimeParts[k].name)
		}
	}
	n, part, err := NewDatetime(parts, zone)
	if err != nil {
		tok := token{pos: name.pos, end: end}
		switch {
		case part >= 0:
			tok = at[part]
		case given[len(datetimeParts)]:
			tok = at[len(datetimeParts)]
		}
		return nil, p.errorf(tok.pos, tok.end, "%v", err)
	}
	n.Pos, n.End = name.pos, end
	return p.node(n)
}
