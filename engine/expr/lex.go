package expr

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"quiver/engine/expr/vec"
)

type tokenKind uint8

const (
	tokenEnd    tokenKind = iota
	tokenName             // text is the name
	tokenInt              // text is the number in decimal digits
	tokenFloat            // text is the number as JSON
	tokenString           // text is what the literal means
	tokenSign             // text is the operator or bracket
)

type token struct {
	kind     tokenKind
	text     string
	pos, end int
}

// lexer splits an expression into tokens, as Python would.
type lexer struct {
	text string
	pos  int
}

// signs are the operators and brackets, the longer before the shorter. Those that
// expressions do not have are read too, so that messages can name them.
var signs = [...]string{
	"**", "//", "==", "!=", "<=", ">=", "<<", ">>", "->", ":=", "+", "-", "*", "/", "%", "<", ">", "&", "|", "^", "~", "=",
	"(", ")", "[", "]", "{", "}", ",", ".", ":", ";", "@", "!",
}

// next reads a token.
func (l *lexer) next() (token, *Error) {
	l.space()
	start := l.pos
	if start == len(l.text) {
		return token{kind: tokenEnd, pos: start, end: start}, nil
	}
	r, size := utf8.DecodeRuneInString(l.text[start:])
	switch {
	case r == '"' || r == '\'':
		return l.str(start, false)
	case r == '_' || unicode.IsLetter(r):
		for l.pos < len(l.text) {
			r, size := utf8.DecodeRuneInString(l.text[l.pos:])
			if r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
				break
			}
			l.pos += size
		}
		name := l.text[start:l.pos]
		if l.pos < len(l.text) && (l.text[l.pos] == '"' || l.text[l.pos] == '\'') {
			switch strings.ToLower(name) {
			case "r":
				return l.str(start, true)
			case "u":
				return l.str(start, false)
			default:
				return token{}, errorAt(l.text, start, l.pos, "text of the kind %s'...' is not supported", name)
			}
		}
		return token{tokenName, name, start, l.pos}, nil
	case r >= '0' && r <= '9' || r == '.' && start+1 < len(l.text) && isDigit(l.text[start+1]):
		return l.number(start)
	}
	for _, s := range signs {
		if strings.HasPrefix(l.text[start:], s) {
			l.pos += len(s)
			return token{tokenSign, s, start, l.pos}, nil
		}
	}
	return token{}, errorAt(l.text, start, start+size, "unexpected character %q", r)
}

// space skips white space and comments.
func (l *lexer) space() {
	for l.pos < len(l.text) {
		r, size := utf8.DecodeRuneInString(l.text[l.pos:])
		switch {
		case unicode.IsSpace(r):
			l.pos += size
		case r == '\\' && l.pos+1 < len(l.text) && l.text[l.pos+1] == '\n':
			l.pos += 2
		case r == '#':
			n := strings.IndexByte(l.text[l.pos:], '\n')
			if n < 0 {
				n = len(l.text) - l.pos
			}
			l.pos += n
		default:
			return
		}
	}
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// number reads an integer or a float in any of Python's notations.
func (l *lexer) number(start int) (token, *Error) {
	digits := func() {
		for l.pos < len(l.text) && (isDigit(l.text[l.pos]) || l.text[l.pos] == '_') {
			l.pos++
		}
	}
	bad := func() (token, *Error) {
		return token{}, errorAt(l.text, start, l.pos, "bad number %s", l.text[start:l.pos])
	}
	if l.text[start] == '0' && start+1 < len(l.text) && strings.IndexByte("xXoObB", l.text[start+1]) >= 0 {
		for l.pos++; l.pos < len(l.text) && (l.text[l.pos] == '_' || isWord(l.text[l.pos])); {
			l.pos++
		}
		v, err := strconv.ParseUint(l.text[start:l.pos], 0, 64)
		if err != nil {
			return bad()
		}
		return token{tokenInt, strconv.FormatUint(v, 10), start, l.pos}, nil
	}
	digits()
	float := false
	if l.pos < len(l.text) && l.text[l.pos] == '.' {
		float = true
		l.pos++
		digits()
	}
	if l.pos < len(l.text) && l.text[l.pos]|0x20 == 'e' {
		at := l.pos
		l.pos++
		if l.pos < len(l.text) && (l.text[l.pos] == '-' || l.text[l.pos] == '+') {
			l.pos++
		}
		if l.pos == len(l.text) || !isDigit(l.text[l.pos]) {
			l.pos = at + 1
			return bad()
		}
		float = true
		digits()
	}
	if l.pos < len(l.text) && isWord(l.text[l.pos]) { // 12abc, 1j
		for l.pos < len(l.text) && isWord(l.text[l.pos]) {
			l.pos++
		}
		return bad()
	}
	text := l.text[start:l.pos]
	if strings.Contains(text, "__") || strings.HasSuffix(text, "_") || strings.Contains(text, "_.") || strings.Contains(text, "._") ||
		strings.Contains(text, "_e") || strings.Contains(text, "_E") {
		return bad()
	}
	text = strings.ReplaceAll(text, "_", "")
	if !float {
		if len(text) > 1 && text[0] == '0' && strings.Trim(text, "0") != "" {
			return bad() // Python refuses 012
		}
		v, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return token{}, errorAt(l.text, start, l.pos, "the number %s does not fit 64 bits", text)
		}
		return token{tokenInt, strconv.FormatUint(v, 10), start, l.pos}, nil
	}
	v, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return token{}, errorAt(l.text, start, l.pos, "the number %s is too large for a float", text)
	}
	return token{tokenFloat, string(vec.AppendFloat(nil, v)), start, l.pos}, nil
}

func isWord(c byte) bool {
	return isDigit(c) || c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= utf8.RuneSelf
}

// str reads a string literal whose quotes begin at l.pos.
func (l *lexer) str(start int, raw bool) (token, *Error) {
	quote := l.text[l.pos : l.pos+1]
	if strings.HasPrefix(l.text[l.pos:], strings.Repeat(quote, 3)) {
		quote = l.text[l.pos : l.pos+3]
	}
	l.pos += len(quote)
	var b []byte
	for l.pos < len(l.text) {
		c := l.text[l.pos]
		switch {
		case strings.HasPrefix(l.text[l.pos:], quote):
			l.pos += len(quote)
			return token{tokenString, string(b), start, l.pos}, nil
		case c == '\n' && len(quote) == 1:
			return token{}, errorAt(l.text, start, l.pos, "the closing quote is missing")
		case c == '\\' && l.pos+1 < len(l.text):
			if raw {
				b = append(b, c, l.text[l.pos+1])
				l.pos += 2
				continue
			}
			var err *Error
			if b, err = l.escape(b); err != nil {
				return token{}, err
			}
		default:
			b = append(b, c)
			l.pos++
		}
	}
	return token{}, errorAt(l.text, start, l.pos, "the closing quote is missing")
}

// escape reads the escape at l.pos. Unknown ones stand for themselves, as in Python.
func (l *lexer) escape(b []byte) ([]byte, *Error) {
	start := l.pos
	c := l.text[l.pos+1]
	l.pos += 2
	if i := strings.IndexByte(`\'"abfnrtv`, c); i >= 0 {
		return append(b, "\\'\"\a\b\f\n\r\t\v"[i]), nil
	}
	digits, base := 0, 16
	switch c {
	case '\n':
		return b, nil
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	case '0', '1', '2', '3', '4', '5', '6', '7':
		base = 8
		l.pos--
		for digits < 3 && l.pos+digits < len(l.text) && l.text[l.pos+digits]-'0' < 8 {
			digits++
		}
	default:
		return append(b, '\\', c), nil
	}
	end := min(l.pos+digits, len(l.text))
	v, err := strconv.ParseUint(l.text[l.pos:end], base, 32)
	if err != nil || end-l.pos < digits || v > unicode.MaxRune || v >= 0xd800 && v < 0xe000 {
		return nil, errorAt(l.text, start, end, "bad escape %s", l.text[start:end])
	}
	l.pos = end
	return utf8.AppendRune(b, rune(v)), nil
}
