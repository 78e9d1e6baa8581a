package catalog

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// reader takes the values of one document out of its syntax tree, strictly: unknown
// and repeated keys and values of another type are problems, and reading goes on
// after each so that all are found.
type reader struct {
	in  *chunk
	out *collector
}

// field is one key that a mapping may have.
type field struct {
	key  string
	need bool // must be there, and not null
	read func(ast.Node)
}

// at reports a problem at a node.
func (r *reader) at(n ast.Node, format string, args ...any) {
	line, column := position(n)
	r.in.report(r.out, line, column, format, args...)
}

// mapping reads the fields of a mapping; what names it in messages ("a feature"). A
// null counts as absent.
func (r *reader) mapping(n ast.Node, what string, fields ...field) {
	pairs, ok := pairsOf(n)
	if !ok {
		r.at(n, "expected %s as a mapping of keys to values, found %s", what, describe(n))
		return
	}
	seen := make(map[string]ast.Node, len(pairs))
	for _, pair := range pairs {
		key, ok := keyOf(pair)
		if !ok {
			r.at(pair.Key, "expected a key, found %s", describe(pair.Key))
			continue
		}
		if first, ok := seen[key]; ok {
			line, _ := position(first)
			r.at(pair.Key, "key %s appears twice; it stands in line %d already", quote(key), line+r.in.before)
			continue
		}
		seen[key] = pair.Key
		f := find(fields, key)
		switch {
		case f == nil:
			r.at(pair.Key, "unknown key %s in %s%s", quote(key), what, r.hint(key, fields))
		case isNull(pair.Value) && !f.need:
		case isNull(pair.Value):
			r.at(pair.Key, "%s has no value", quote(key))
		default:
			f.read(pair.Value)
		}
	}
	for _, f := range fields {
		if f.need && seen[f.key] == nil {
			r.at(n, "%s has no %s", what, quote(f.key))
		}
	}
}

func find(fields []field, key string) *field {
	for i := range fields {
		if fields[i].key == key {
			return &fields[i]
		}
	}
	return nil
}

// hint helps with an unknown key.
func (r *reader) hint(key string, fields []field) string {
	if strings.ContainsAny(key, ")>]\"'") {
		return `; between braces, put a value that holds a comma in quotes, such as type: "decimal(10,2)"`
	}
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.key
	}
	return suggest(key, known)
}

// list reads the elements of a sequence; what names them in messages ("features").
func (r *reader) list(what string, most int, each func(ast.Node)) func(ast.Node) {
	return func(n ast.Node) {
		seq, ok := n.(*ast.SequenceNode)
		if !ok {
			r.at(n, "expected a list of %s, found %s%s", what, describe(n), inBrackets(n))
			return
		}
		for i, e := range seq.Values {
			if i == most {
				r.at(e, "more than %d %s", most, what)
				return
			}
			each(e)
		}
	}
}

func inBrackets(n ast.Node) string {
	if s, ok := n.(*ast.StringNode); ok && len(s.Value) <= maxName && !strings.ContainsAny(s.Value, "\n") {
		return fmt.Sprintf("; write [%s]", s.Value)
	}
	return ""
}

// names reads a list of texts.
func (r *reader) names(dst *[]string, what string) func(ast.Node) {
	return r.list(what, maxColumns, func(n ast.Node) {
		var s string
		r.text(&s)(n)
		*dst = append(*dst, s)
	})
}

// text reads a text. A plain number or true and false are refused, because YAML takes
// 007 for 7: they must stand in quotes.
func (r *reader) text(dst *string) func(ast.Node) {
	return func(n ast.Node) {
		s, ok := textOf(n)
		switch {
		case !ok && isScalar(n) && !isNull(n):
			r.at(n, "expected text, found %s; put it in quotes", describe(n))
		case !ok:
			r.at(n, "expected text, found %s", describe(n))
		case len(s) > maxText:
			r.at(n, "longer than %d bytes", maxText)
		default:
			*dst = s
		}
	}
}

// integer reads a whole number from low to high.
func (r *reader) integer(dst *int64, low, high int64) func(ast.Node) {
	return func(n ast.Node) {
		i, ok := n.(*ast.IntegerNode)
		if !ok {
			r.at(n, "expected a whole number, found %s", describe(n))
			return
		}
		var v int64
		switch x := i.Value.(type) {
		case int64:
			v = x
		case uint64:
			if v = int64(x); x > math.MaxInt64 {
				v = math.MaxInt64
			}
		default:
			r.at(n, "expected a whole number, found %s", describe(n))
			return
		}
		if v < low || v > high {
			r.at(n, "%s is not between %d and %d", i.Token.Value, low, high)
			return
		}
		*dst = v
	}
}

func (r *reader) number(dst *int, low, high int) func(ast.Node) {
	return func(n ast.Node) {
		v := int64(*dst)
		r.integer(&v, int64(low), int64(high))(n)
		*dst = int(v)
	}
}

// boolean reads true or false.
func (r *reader) boolean(dst *bool) func(ast.Node) {
	return func(n ast.Node) {
		b, ok := n.(*ast.BoolNode)
		if !ok {
			r.at(n, "expected true or false, found %s", describe(n))
			return
		}
		*dst = b.Value
	}
}

// length reads a length of time.
func (r *reader) length(dst *duration) func(ast.Node) {
	return func(n ast.Node) {
		s, ok := textOf(n)
		if i, isInt := n.(*ast.IntegerNode); isInt {
			s, ok = i.Token.Value, true // without a unit: the message says so
		}
		if !ok {
			r.at(n, "expected a length of time such as 720h, found %s", describe(n))
			return
		}
		d, err := parseDuration(s)
		if err != nil {
			r.at(n, "%s", err)
			return
		}
		*dst = d
	}
}

// value reads anything as JSON.
func (r *reader) value(dst *json.RawMessage) func(ast.Node) {
	return func(n ast.Node) {
		if b, ok := r.appendJSON(nil, n); ok {
			*dst = b
		}
	}
}

func (r *reader) appendJSON(dst []byte, n ast.Node) ([]byte, bool) {
	switch n := n.(type) {
	case *ast.NullNode:
		return append(dst, "null"...), true
	case *ast.BoolNode:
		return strconv.AppendBool(dst, n.Value), true
	case *ast.IntegerNode:
		if numeral(n.Token.Value) {
			return append(dst, n.Token.Value...), true
		}
		return fmt.Append(dst, n.Value), true
	case *ast.FloatNode:
		if numeral(n.Token.Value) {
			return append(dst, n.Token.Value...), true
		}
		return strconv.AppendFloat(dst, n.Value, 'g', -1, 64), true
	case *ast.StringNode:
		// The parser takes 1e5 and numbers beyond 64 bits for text.
		if n.Token.Type == token.StringType && numeral(n.Value) {
			return append(dst, n.Value...), true
		}
		return appendText(dst, n.Value), true
	case *ast.LiteralNode:
		return appendText(dst, n.Value.Value), true
	case *ast.SequenceNode:
		dst = append(dst, '[')
		for i, e := range n.Values {
			if i > 0 {
				dst = append(dst, ',')
			}
			var ok bool
			if dst, ok = r.appendJSON(dst, e); !ok {
				return nil, false
			}
		}
		return append(dst, ']'), true
	}
	pairs, ok := pairsOf(n)
	if !ok {
		r.at(n, "expected a value, found %s", describe(n))
		return nil, false
	}
	dst = append(dst, '{')
	for i, pair := range pairs {
		key, ok := keyOf(pair)
		if !ok {
			r.at(pair.Key, "expected a key, found %s", describe(pair.Key))
			return nil, false
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendText(dst, key), ':')
		if dst, ok = r.appendJSON(dst, pair.Value); !ok {
			return nil, false
		}
	}
	return append(dst, '}'), true
}

// numeral reports whether a text is a JSON number.
func numeral(s string) bool {
	return s != "" && (s[0] == '-' || s[0] >= '0' && s[0] <= '9') && json.Valid([]byte(s))
}

func appendText(dst []byte, s string) []byte { return append(dst, marshal(s)...) }

// pairsOf returns the pairs of a mapping; {} is one without any.
func pairsOf(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// keyOf returns the text of a key.
func keyOf(pair *ast.MappingValueNode) (string, bool) {
	var n ast.Node = pair.Key
	if k, ok := n.(*ast.MappingKeyNode); ok {
		n = k.Value
	}
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		if n.Value != nil {
			return n.Value.Value, true
		}
	}
	return "", false
}

func isNull(n ast.Node) bool {
	_, ok := n.(*ast.NullNode)
	return ok || n == nil
}

func isScalar(n ast.Node) bool {
	_, ok := n.(ast.ScalarNode)
	return ok
}

// describe names what a node is, with its text when that is short.
func describe(n ast.Node) string {
	switch n := n.(type) {
	case nil:
		return "nothing"
	case *ast.NullNode:
		return "nothing"
	case *ast.BoolNode:
		return n.Token.Value
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "the number " + n.GetToken().Value
	case *ast.StringNode:
		return "the text " + quote(n.Value)
	case *ast.LiteralNode:
		return "a block of text"
	case *ast.SequenceNode:
		return "a list"
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a mapping"
	case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
		return "an anchor or alias; write the value out"
	case *ast.TagNode:
		return "a tag; leave it out"
	case *ast.DirectiveNode:
		return "a directive; leave it out"
	}
	return "something else"
}

// position returns the line and column (from 1) where a node begins.
func position(n ast.Node) (line, column int) {
	switch m := n.(type) {
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return position(m.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return position(m.Key)
	}
	if n == nil {
		return 1, 1
	}
	tk := n.GetToken()
	if tk == nil || tk.Position == nil {
		return 1, 1
	}
	return tk.Position.Line, tk.Position.Column
}

// step follows one element of a path (a key or an index) down a tree; nil when it is
// not there.
func step(n ast.Node, element any) ast.Node {
	switch e := element.(type) {
	case string:
		pairs, _ := pairsOf(n)
		for _, pair := range pairs {
			if key, ok := keyOf(pair); ok && key == e && !isNull(pair.Value) {
				return pair.Value
			}
		}
	case int:
		if seq, ok := n.(*ast.SequenceNode); ok && e < len(seq.Values) {
			return seq.Values[e]
		}
	}
	return nil
}

// advance returns how many columns of the source the first n bytes of a scalar's
// value take, opening quote and escapes included. A scalar over several lines has no
// such place: it gives 0.
func advance(node ast.Node, n int) int {
	s, ok := node.(*ast.StringNode)
	if !ok || n > len(s.Value) || strings.ContainsAny(s.Token.Origin, "\n\r") && strings.ContainsAny(strings.TrimSpace(s.Token.Origin), "\n\r") {
		return 0
	}
	before := s.Value[:n]
	columns := utf8.RuneCountInString(before)
	switch s.Token.Type {
	case token.SingleQuoteType: // '' for one
		return 1 + columns + strings.Count(before, "'")
	case token.DoubleQuoteType:
		if strings.Contains(s.Token.Origin, `\`) {
			columns = escapedColumns(strings.TrimSpace(s.Token.Origin), columns)
		}
		return 1 + columns
	}
	return columns
}

// escapedColumns returns how many columns the first n characters take inside a
// double-quoted text.
func escapedColumns(origin string, n int) int {
	runes := []rune(strings.TrimPrefix(origin, `"`))
	i := 0
	for ; n > 0 && i < len(runes); n-- {
		if runes[i] != '\\' || i+1 == len(runes) {
			i++
			continue
		}
		switch runes[i+1] {
		case 'x':
			i += 4
		case 'u':
			i += 6
		case 'U':
			i += 10
		default:
			i += 2
		}
	}
	return min(i, len(runes))
}
