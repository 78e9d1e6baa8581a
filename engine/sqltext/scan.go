package sqltext

import (
	"fmt"
	"strings"
)

// Dialect is whose SQL a text is.
type Dialect uint8

// The dialects. MySQL is MariaDB as well, without the mode NO_BACKSLASH_ESCAPES.
const (
	SQLite Dialect = iota
	Postgres
	MySQL
)

// Kind says what a token is.
type Kind uint8

// The kinds of tokens.
const (
	Space    Kind = iota // white space and comments
	Word                 // a keyword, or a name without quotes
	Number               // as far as it concerns us: digits, letters and dots
	Quoted               // a string or a quoted name, with its quotes
	Mark                 // ? where a parameter goes
	Operator             // ?? of PostgreSQL: one question mark of an operator
	End                  // ; between statements
	Other                // any other byte
)

// Token is a piece of a text: what is between two offsets.
type Token struct {
	Kind     Kind
	From, To int
}

// Error is a fault of a text.
type Error struct {
	Offset int // in bytes
	Text   string
}

func (e *Error) Error() string { return e.Text }

func errorf(at int, format string, args ...any) *Error {
	return &Error{at, fmt.Sprintf(format, args...)}
}

// Scan cuts a text into tokens, which together are the whole text.
func Scan(text string, d Dialect) ([]Token, error) {
	var all []Token
	for at := 0; at < len(text); {
		kind, end, err := next(text, at, d)
		if err != nil {
			return nil, err
		}
		all = append(all, Token{kind, at, end})
		at = end
	}
	return all, nil
}

// next returns the kind of the token that begins at an offset, and where it ends.
func next(text string, at int, d Dialect) (Kind, int, error) {
	rest := text[at:]
	c := rest[0]
	switch {
	case c == 0:
		return 0, 0, errorf(at, "a byte 0 is no SQL")
	case isSpace(c):
		return Space, at + 1, nil
	case strings.HasPrefix(rest, "--") && (d != MySQL || len(rest) == 2 || rest[2] <= ' '), c == '#' && d == MySQL:
		return Space, line(text, at), nil
	case strings.HasPrefix(rest, "/*"):
		end, err := comment(text, at, d)
		return Space, end, err
	case c == '\'':
		end, err := quoted(text, at, d == MySQL, "string")
		return Quoted, end, err
	case c == '"':
		end, err := quoted(text, at, d == MySQL, "quoted name")
		return Quoted, end, err
	case c == '`' && d != Postgres:
		end, err := quoted(text, at, false, "quoted name")
		return Quoted, end, err
	case c == '[' && d == SQLite:
		if n := strings.IndexByte(rest, ']'); n > 0 {
			return Quoted, at + n + 1, nil
		}
		return 0, 0, errorf(at, "a quoted name that begins here does not end")
	case c == '$' && d == Postgres:
		return dollar(text, at)
	case c == ';':
		return End, at + 1, nil
	case c == '?':
		return mark(text, at, d)
	case d == SQLite && (c == ':' || c == '@' || c == '$'):
		return 0, 0, errorf(at, "parameters are written as a plain ?, not as %s", firstWord(rest))
	case c >= '0' && c <= '9':
		return Number, at + length(rest, func(c byte) bool { return isWord(c) || c == '.' }), nil
	case isWord(c):
		end := at + length(rest, isWord)
		if d == Postgres && end-at == 1 && c|0x20 == 'e' && end < len(text) && text[end] == '\'' {
			end, err := quoted(text, end, true, "string")
			return Quoted, end, err
		}
		return Word, end, nil
	}
	return Other, at + 1, nil
}

// mark tells a parameter from an operator. What would run together with a parameter's
// number is refused.
func mark(text string, at int, d Dialect) (Kind, int, error) {
	end := at + 1
	switch {
	case end == len(text):
	case text[end] == '?' && d == Postgres:
		return Operator, end + 1, nil
	case text[end] == '?':
		return 0, 0, errorf(at, "two parameters with nothing between them")
	case isWord(text[end]) || text[end] == '$':
		return 0, 0, errorf(at, "parameters are written as a plain ?, not as %s", firstWord(text[at:]))
	}
	return Mark, end, nil
}

// line returns the end of a line, which is part of the comment.
func line(text string, at int) int {
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		return at + n + 1
	}
	return len(text)
}

// comment returns the end of a comment in /* */: PostgreSQL nests them, SQLite does not
// ask for an end, and in MySQL some are not comments at all.
func comment(text string, at int, d Dialect) (int, error) {
	if d == MySQL && (strings.HasPrefix(text[at+2:], "!") || strings.HasPrefix(text[at+2:], "M!")) {
		return 0, errorf(at, "comments that are executed are not taken; write their content out")
	}
	depth, i := 1, at+2
	for i < len(text) && depth > 0 {
		switch {
		case strings.HasPrefix(text[i:], "*/"):
			depth--
			i += 2
		case d == Postgres && strings.HasPrefix(text[i:], "/*"):
			depth++
			i += 2
		default:
			i++
		}
	}
	if depth > 0 && d != SQLite {
		return 0, errorf(at, "a comment that begins here does not end")
	}
	return i, nil
}

// quoted returns the end of what begins with a quote and ends with the same one. Two
// quotes stand for one, and so, with escapes, does one behind a backslash.
func quoted(text string, at int, escapes bool, what string) (int, error) {
	q := text[at]
	for i := at + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && escapes:
			i++
		case text[i] == 0:
			return 0, errorf(i, "a byte 0 is no SQL")
		case text[i] != q:
		case i+1 < len(text) && text[i+1] == q:
			i++
		default:
			return i + 1, nil
		}
	}
	return 0, errorf(at, "a %s that begins here does not end", what)
}

// dollar reads a string between dollar quotes, $$ or $tag$.
func dollar(text string, at int) (Kind, int, error) {
	n := 1
	for at+n < len(text) && isWord(text[at+n]) && (n > 1 || text[at+n] > '9') {
		n++
	}
	if at+n == len(text) || text[at+n] != '$' {
		return 0, 0, errorf(at, "parameters are written as a plain ?, not as %s", firstWord(text[at:]))
	}
	tag := text[at : at+n+1]
	end := strings.Index(text[at+len(tag):], tag)
	if end < 0 {
		return 0, 0, errorf(at, "a string that begins with %s here does not end", tag)
	}
	return Quoted, at + end + 2*len(tag), nil
}

func isSpace(c byte) bool {
	return c == ' ' || c >= '\t' && c <= '\r'
}

// isWord reports whether a byte can be part of a name. A dollar sign is one, but cannot
// begin one; neither can a digit.
func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || c >= 0x80
}

func length(s string, in func(byte) bool) int {
	n := 1
	for n < len(s) && (in(s[n]) || s[n] == '$') {
		n++
	}
	return n
}

// firstWord is the beginning of a text, for messages.
func firstWord(s string) string {
	return s[:min(length(s, isWord), 20)]
}
