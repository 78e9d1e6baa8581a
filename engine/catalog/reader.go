package catalog

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"quiver/codec"
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
	key   string
	need  bool // must be there, and not null
	read  func(ast.Node)
	given func() // called before read, where being given matters; may be nil
}

// at reports a problem at a node.
func (r *reader) at(n ast.Node, format string, args ...any) {
	if r.out.full() {
		return
	}
	r.in.report(r.out, r.in.place(n, -1), format, args...)
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
			r.at(pair.Key, "key %s appears twice; it stands in line %d already", quote(key), r.in.place(first, -1).line)
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
			if f.given != nil {
				f.given()
			}
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

// dictionary reads a mapping whose keys are names of the user's choice; what names
// them in messages ("columns"). A null counts as absent.
func (r *reader) dictionary(what string, most int, each func(key string, value ast.Node)) func(ast.Node) {
	return func(n ast.Node) {
		pairs, ok := pairsOf(n)
		if !ok {
			r.at(n, "expected a mapping of %s, found %s", what, describe(n))
			return
		}
		seen := make(map[string]bool, len(pairs))
		for i, pair := range pairs {
			key, ok := keyOf(pair)
			switch {
			case i == most:
				r.at(pair.Key, "more than %d %s", most, what)
				return
			case !ok:
				r.at(pair.Key, "expected a name, found %s", describe(pair.Key))
			case seen[key]:
				r.at(pair.Key, "%s appears twice among the %s", quote(key), what)
			case !isNull(pair.Value):
				each(key, pair.Value)
			}
			seen[key] = true
		}
	}
}

// text reads a text. Plain numbers, true and false are refused, because YAML takes
// 007 for 7: they must stand in quotes.
func (r *reader) text(dst *string) func(ast.Node) {
	return func(n ast.Node) {
		s, ok := textOf(n)
		switch {
		case !ok && isNumberOrBool(n):
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
		text, ok := numberOf(n)
		v, err := strconv.ParseInt(text, 10, 64)
		switch {
		case !ok || err != nil && !errors.Is(err, strconv.ErrRange):
			r.at(n, "expected a whole number, found %s", describe(n))
		case err != nil || v < low || v > high:
			r.at(n, "%s is not between %d and %d", text, low, high)
		default:
			*dst = v
		}
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
	return measured(r, dst, "a length of time such as 720h", parseDuration)
}

// measured reads a number with a unit; what says which, for people.
func measured[T any](r *reader, dst *T, what string, parse func(string) (T, error)) func(ast.Node) {
	return func(n ast.Node) {
		text, ok := textOf(n)
		if number, isNumber := numberOf(n); isNumber {
			text, ok = number, true // without a unit: parse says so
		}
		if !ok {
			r.at(n, "expected %s, found %s", what, describe(n))
			return
		}
		v, err := parse(text)
		if err != nil {
			r.at(n, "%s", err)
			return
		}
		*dst = v
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
	if number, ok := numberOf(n); ok {
		return append(dst, number...), true
	}
	if text, ok := textOf(n); ok {
		return codec.AppendQuoted(dst, []byte(text)), true
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return append(dst, "null"...), true
	case *ast.BoolNode:
		return strconv.AppendBool(dst, n.Value), true
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
		dst = append(codec.AppendQuoted(dst, []byte(key)), ':')
		if dst, ok = r.appendJSON(dst, pair.Value); !ok {
			return nil, false
		}
	}
	return append(dst, '}'), true
}

// numberOf returns a plain number as JSON writes it. What a number is, YAML's core
// schema says: the parser also takes 0_ and 1_000 for numbers, which are text, and
// 1e5 and numbers beyond 64 bits for text, which are numbers.
func numberOf(n ast.Node) (string, bool) {
	text := ""
	switch n := n.(type) {
	case *ast.IntegerNode:
		text = n.Token.Value
	case *ast.FloatNode:
		text = n.Token.Value
	case *ast.StringNode:
		if n.Token.Type == token.StringType {
			text = n.Value
		}
	}
	if text == "" || strings.IndexByte("0123456789+-.", text[0]) < 0 {
		return "", false
	}
	m := coreNumber.FindStringSubmatch(text)
	if m == nil {
		return "", false
	}
	if m[1] != "" {
		v, err := strconv.ParseUint(m[1], 0, 64)
		return strconv.FormatUint(v, 10), err == nil
	}
	sign, whole, fraction, exponent := strings.TrimPrefix(m[2], "+"), m[3], m[4], m[5]
	if strings.Trim(whole+fraction, ".") == "" {
		return "", false
	}
	if fraction == "." {
		fraction = ""
	}
	whole = strings.TrimLeft(whole, "0")
	return sign + cmp.Or(whole, "0") + fraction + exponent, true
}

// coreNumber has the parts hexadecimal or octal; sign, whole digits, fraction, exponent.
var coreNumber = regexp.MustCompile(`^(?:(0x[0-9a-fA-F]+|0o[0-7]+)|([-+]?)([0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?)$`)

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
		_, isNumber := numberOf(n)
		return n.Value, !isNumber
	case *ast.LiteralNode:
		if n.Value != nil {
			return n.Value.Value, true
		}
	case *ast.IntegerNode:
		_, isNumber := numberOf(n)
		return n.Token.Value, !isNumber
	case *ast.FloatNode:
		_, isNumber := numberOf(n)
		return n.Token.Value, !isNumber
	}
	return "", false
}

func isNull(n ast.Node) bool {
	_, ok := n.(*ast.NullNode)
	return ok || n == nil
}

func isNumberOrBool(n ast.Node) bool {
	switch n.(type) {
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return true
	}
	return false
}

// describe names what a node is, with its text when that is short.
func describe(n ast.Node) string {
	if number, ok := numberOf(n); ok {
		return "the number " + number
	}
	switch n := n.(type) {
	case nil:
		return "nothing"
	case *ast.NullNode:
		return "nothing"
	case *ast.BoolNode:
		return n.Token.Value
	case *ast.InfinityNode, *ast.NanNode:
		return "the number " + n.GetToken().Value
	case *ast.StringNode:
		return "the text " + quote(n.Value)
	case *ast.IntegerNode, *ast.FloatNode:
		return "the text " + quote(n.GetToken().Value)
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
