package expr

import (
	"bytes"
	"strconv"

	"quiver/codec"
	"quiver/engine/expr/chrono"
	"quiver/engine/expr/vec"
)

// printer writes trees as text that Parse reads back as the same tree, and notes where
// it puts every node.
type printer struct{ b []byte }

func (p *printer) text(s string) { p.b = append(p.b, s...) }

func (p *printer) quote(s string) { p.b = codec.AppendQuoted(p.b, []byte(s)) }

// node writes one node; binary operations go into parentheses unless they are the
// whole.
func (p *printer) node(n *Node) {
	start := len(p.b)
	n.Pos, n.End = start, start
	switch sign := n.Op.sign(); {
	case sign != "":
		p.operand(n.Args[0])
		p.text(" ")
		n.Pos = len(p.b)
		p.text(sign)
		n.End = len(p.b)
		p.text(" ")
		p.operand(n.Args[1])
	case n.Op == OpNeg || n.Op == OpNot:
		p.text(n.Op.String())
		n.End = len(p.b)
		p.operand(n.Args[0])
	case n.Op.method() != nil:
		p.method(n, n.Op.method())
	default:
		p.function(n)
		n.End = len(p.b)
	}
}

// operand writes a node that something is done with.
func (p *printer) operand(n *Node) {
	if n.Op.sign() == "" && n.Op != OpNeg && n.Op != OpNot {
		p.node(n)
		return
	}
	p.text("(")
	p.node(n)
	p.text(")")
}

// list writes operands between commas.
func (p *printer) list(args []*Node) {
	for i, a := range args {
		if i > 0 {
			p.text(", ")
		}
		p.node(a)
	}
}

// function writes what is no method.
func (p *printer) function(n *Node) {
	switch n.Op {
	case OpCol, OpVar:
		p.text(n.Op.String() + "(")
		n.NamePos = len(p.b)
		p.quote(n.Name)
		p.text(")")
	case OpLit:
		p.literal(n)
	case OpDatetime:
		p.datetime(n.Int)
	case OpNow:
		p.text("now()")
	case OpCase:
		for i := 0; i+1 < len(n.Args); i += 2 {
			if i > 0 {
				p.text(".")
			}
			p.text("when(")
			p.node(n.Args[i])
			p.text(").then(")
			p.node(n.Args[i+1])
			p.text(")")
		}
		if len(n.Args)%2 == 1 {
			p.text(".otherwise(")
			p.node(n.Args[len(n.Args)-1])
			p.text(")")
		}
	case OpFromEpoch:
		p.text("from_epoch(")
		p.list(n.Args)
		p.text(", ")
		p.quote(n.Unit.String())
		p.text(")")
	case OpRepeat:
		p.text("repeat(")
		p.list(n.Args)
		p.text(")")
	case OpStruct, OpZip:
		if n.Type != nil {
			p.text(typeText(inner(n.Type)))
		} else {
			p.text("Struct")
		}
		p.text("." + n.Op.String() + "(")
		for i, a := range n.Args {
			if i > 0 {
				p.text(", ")
			}
			p.text(n.Fields[i] + "=")
			p.node(a)
		}
		p.text(")")
	}
}

// datetime writes an instant as a literal in UTC, without the zeros at its end.
func (p *printer) datetime(micros int64) {
	days, ofDay := chrono.DayOf(micros)
	year, month, day := chrono.Date(days)
	parts := DatetimeParts{
		year, month, day, int(ofDay / chrono.Hour), int(ofDay / chrono.Minute % 60), int(ofDay / chrono.Second % 60),
		int(ofDay / chrono.Millisecond % 1000), int(ofDay % chrono.Millisecond),
	}
	n := len(parts)
	for n > 3 && parts[n-1] == 0 {
		n--
	}
	p.text("datetime(")
	for i, v := range parts[:n] {
		if i > 0 {
			p.text(", ")
		}
		p.text(strconv.Itoa(v))
	}
	p.text(")")
}

// method writes a method call.
func (p *printer) method(n *Node, m *method) {
	operand := n.Args[0]
	if operand.Op == OpCase {
		p.text("(") // so that .when and .otherwise of it end before the method
		p.node(operand)
		p.text(")")
	} else {
		p.operand(operand)
	}
	if m.space != spaceCore {
		p.text("." + spaceNames[m.space])
	}
	if n.Op == OpPart {
		if n.Zone != "" {
			p.text(".with_tz(")
			n.ZonePos = len(p.b)
			p.quote(n.Zone)
			p.text(")")
		}
		p.text(".")
		n.Pos = len(p.b)
		p.text(n.Unit.String())
		n.End = len(p.b)
		return
	}
	p.text(".")
	n.Pos = len(p.b)
	p.text(m.name)
	n.End = len(p.b)
	p.text("(")
	args := n.Args[1:]
	for i, q := range m.params {
		if q.kind == paramExpr && len(args) == 0 || q.kind == paramZone && n.Zone == "" {
			break // only the last can be left out
		}
		if i > 0 {
			p.text(", ")
		}
		switch q.kind {
		case paramExpr:
			p.node(args[0])
			args = args[1:]
		case paramText:
			n.NamePos = len(p.b)
			p.quote(n.Name)
		case paramZone:
			n.ZonePos = len(p.b)
			p.quote(n.Zone)
		case paramUnit:
			p.quote(n.Unit.String())
		case paramInt:
			p.text(strconv.FormatInt(n.Int, 10))
		case paramNum:
			p.b = vec.AppendFloat(p.b, n.Num)
		case paramType:
			p.text(typeText(n.Type))
		}
	}
	p.text(")")
}

// literal writes lit(value) or lit(value, type).
func (p *printer) literal(n *Node) {
	p.text("lit(")
	n.NamePos = len(p.b)
	switch {
	case bytes.Equal(n.Lit, []byte(`"NaN"`)) && kindOf(n.Type) == codec.KindDouble:
		p.text(`float("nan")`)
	case bytes.Equal(n.Lit, []byte(`"+infinity"`)) && kindOf(n.Type) == codec.KindDouble:
		p.text(`float("inf")`)
	case bytes.Equal(n.Lit, []byte(`"-infinity"`)) && kindOf(n.Type) == codec.KindDouble:
		p.text(`float("-inf")`)
	default:
		p.value(n.Lit)
	}
	if !natural(n) {
		p.text(", " + typeText(n.Type))
	}
	p.text(")")
}

// natural reports whether a literal's type is the one its text alone would give it.
func natural(n *Node) bool {
	if n.Type == nil {
		return true
	}
	if n.Type.Optional || n.Type.Check != nil || len(n.Lit) == 0 {
		return false
	}
	switch n.Type.Kind {
	case codec.KindBoolean:
		return n.Lit[0] == 't' || n.Lit[0] == 'f'
	case codec.KindString:
		return n.Lit[0] == '"' && n.Type.Length == 0
	case codec.KindBigInt:
		return !bytes.ContainsAny(n.Lit, ".eE\"")
	case codec.KindDouble:
		return string(n.Lit) == `"NaN"` || bytes.HasSuffix(n.Lit, []byte(`infinity"`)) || n.Lit[0] != '"' && bytes.ContainsAny(n.Lit, ".eE")
	}
	return false
}

// value writes JSON as a Python literal.
func (p *printer) value(lit []byte) {
	for i := 0; i < len(lit); {
		switch rest := lit[i:]; {
		case rest[0] == '"':
			end := 1
			for end < len(rest) && rest[end] != '"' {
				if rest[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(rest))
			text, err := codec.AppendUnquoted(nil, rest[:end])
			if err != nil {
				text = rest[:end] // not JSON at all: Check says so
			}
			p.b = codec.AppendQuoted(p.b, text)
			i += end
		case bytes.HasPrefix(rest, []byte("true")):
			p.text("True")
			i += 4
		case bytes.HasPrefix(rest, []byte("false")):
			p.text("False")
			i += 5
		case bytes.HasPrefix(rest, []byte("null")):
			p.text("None")
			i += 4
		default:
			p.b = append(p.b, rest[0])
			i++
		}
	}
}

// typeText writes a type as Parse reads it.
func typeText(t *codec.Type) string {
	if t != nil && t.Text != "" && t.Spelling == codec.SpellingFennel {
		return t.Text
	}
	return vec.TypeName(t)
}
