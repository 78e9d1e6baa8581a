package catalog

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// place is where something stands in a file.
type place struct{ line, column int } // both from 1

// span is what a token takes of the text of its chunk.
type span struct{ from, to int }

// spans finds the tokens in the text. The parser's own columns go wrong behind an
// escape in double quotes; but its tokens come in order, with nothing but white space
// between them.
func (c *chunk) spans() map[*token.Token]span {
	if c.found != nil {
		return c.found
	}
	c.found = make(map[*token.Token]span, len(c.tokens))
	at := 0
	for _, tk := range c.tokens {
		raw := strings.TrimSpace(tk.Origin)
		if tk.Type == token.DoubleQuoteType {
			raw = `"` // it does not keep all of its escapes
		}
		n := strings.Index(c.text[at:], raw)
		if n < 0 || strings.TrimSpace(c.text[at:at+n]) != "" {
			break // the parser's word has to do for the rest
		}
		s := span{at + n, at + n + len(raw)}
		if tk.Type == token.DoubleQuoteType {
			s.to = closingQuote(c.text, s.from)
		}
		c.found[tk] = s
		at = s.to
	}
	return c.found
}

// closingQuote returns the offset behind the double-quoted text that begins at from.
func closingQuote(text string, from int) int {
	for i := from + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// place returns where byte n of the value of a scalar stands; -1 is where any node
// begins, its quotes included.
func (c *chunk) place(node ast.Node, n int) place {
	tk := firstToken(node)
	s, ok := c.spans()[tk]
	if !ok || n < 0 {
		return c.at(tk)
	}
	return c.placeOf(s.from + within(tk, c.text[s.from:s.to], n))
}

// at returns where a token, which may be nil, stands.
func (c *chunk) at(tk *token.Token) place {
	if s, ok := c.spans()[tk]; ok && tk.Type != token.InvalidType {
		return c.placeOf(s.from)
	}
	if tk == nil || tk.Position == nil {
		return place{c.before + 1, 1}
	}
	// A token that the parser made up, for a value that is not there, may stand
	// behind the end of its line.
	n := 0
	for row := range strings.Lines(c.text) {
		if n++; n == tk.Position.Line {
			most := utf8.RuneCountInString(strings.TrimRight(row, "\r\n")) + 1
			return place{n + c.before, min(max(tk.Position.Column, 1), most)}
		}
	}
	return place{max(n, 1) + c.before, 1}
}

// placeOf returns where a byte of the chunk stands.
func (c *chunk) placeOf(at int) place {
	start := strings.LastIndexByte(c.text[:at], '\n') + 1
	return place{
		line:   c.before + 1 + strings.Count(c.text[:at], "\n"),
		column: 1 + utf8.RuneCountInString(c.text[start:at]),
	}
}

// firstToken returns the token that a node begins with.
func firstToken(n ast.Node) *token.Token {
	switch m := n.(type) {
	case nil:
		return nil
	case *ast.MappingNode:
		if !m.IsFlowStyle && len(m.Values) > 0 {
			return firstToken(m.Values[0])
		}
	case *ast.MappingValueNode:
		return firstToken(m.Key)
	}
	return n.GetToken()
}

// within returns the offset, in the source of a scalar, of byte n of its value. A
// scalar of several lines has no such place: it gives 0.
func within(tk *token.Token, source string, n int) int {
	if strings.ContainsRune(source, '\n') {
		return 0
	}
	switch tk.Type {
	case token.SingleQuoteType: // where '' is one quote
		i := 1
		for ; n > 0 && i < len(source); n-- {
			if strings.HasPrefix(source[i:], "''") {
				i++
			}
			i++
		}
		return min(i, len(source))
	case token.DoubleQuoteType:
		return withinEscapes(source, n)
	}
	return min(n, len(source))
}

// withinEscapes does it for a text in double quotes, where an escape of several
// characters stands for the bytes of one.
func withinEscapes(source string, n int) int {
	i := 1
	for n > 0 && i < len(source) {
		if source[i] != '\\' || i+1 == len(source) {
			i++
			n--
			continue
		}
		digits := 0
		switch source[i+1] {
		case 'x':
			digits = 2
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		}
		end := min(i+2+digits, len(source))
		r, err := strconv.ParseUint(source[i+2:end], 16, 32)
		if err != nil || !utf8.ValidRune(rune(r)) {
			r = ' ' // \n and the like, which are one byte
		}
		i = end
		n -= utf8.RuneLen(rune(r))
	}
	return min(i, len(source))
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
