package expr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Error is a mistake in an expression that is found before it is run: in its syntax, its
// names or its types.
type Error struct {
	Text     string // the whole expression
	Pos, End int    // the part of it that is wrong, in bytes
	Msg      string
	Hint     string // how to write it instead, may be ""
}

// errorAt makes an Error.
func errorAt(text string, pos, end int, format string, args ...any) *Error {
	pos = max(0, min(pos, len(text)))
	return &Error{Text: text, Pos: pos, End: max(pos, min(end, len(text))), Msg: fmt.Sprintf(format, args...)}
}

// hint adds a hint.
func (e *Error) hint(format string, args ...any) *Error {
	e.Hint = fmt.Sprintf(format, args...)
	return e
}

// Line and Column count from 1, columns in characters.
func (e *Error) Line() int { return 1 + strings.Count(e.Text[:e.Pos], "\n") }

// Column is the character of the line at which the mistake begins.
func (e *Error) Column() int {
	start := strings.LastIndexByte(e.Text[:e.Pos], '\n') + 1
	return 1 + utf8.RuneCountInString(e.Text[start:e.Pos])
}

// Error returns the message with line, column and hint in one line, and the line of the
// text with a caret under the mistake.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d, column %d: %s", e.Line(), e.Column(), e.Msg)
	if e.Hint != "" {
		fmt.Fprintf(&b, " (%s)", e.Hint)
	}
	if excerpt := e.Excerpt(); excerpt != "" {
		b.WriteByte('\n')
		b.WriteString(excerpt)
	}
	return b.String()
}

// Excerpt returns the line of the text that the mistake is in, indented and cut to what
// is near, and below it a line with the caret.
func (e *Error) Excerpt() string {
	const before, after = 60, 40 // characters shown around the mistake
	start := strings.LastIndexByte(e.Text[:e.Pos], '\n') + 1
	end := len(e.Text)
	if n := strings.IndexByte(e.Text[e.Pos:], '\n'); n >= 0 {
		end = e.Pos + n
	}
	left := []rune(clean(e.Text[start:e.Pos]))
	right := []rune(clean(e.Text[e.Pos:end]))
	width := max(1, utf8.RuneCountInString(clean(e.Text[e.Pos:min(e.End, end)])))
	prefix, suffix := "", ""
	if len(left) > before {
		left, prefix = left[len(left)-before:], "..."
	}
	if len(right) > after {
		right, suffix = right[:after], "..."
	}
	if len(left)+len(right) == 0 {
		return ""
	}
	return "  " + prefix + string(left) + string(right) + suffix + "\n  " +
		strings.Repeat(" ", len(prefix)+len(left)) + "^" + strings.Repeat("~", min(width, max(1, len(right)))-1)
}

// clean makes every character one column wide.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
}

// RunError is a mistake that only shows when an expression meets data: a text that
// strptime cannot read, a negative exponent of integers.
type RunError struct {
	Row      int    // of the batch, the first is 0
	Reason   string // what and why, in one line
	Text     string // the expression
	Pos, End int    // the operation in it
}

func (e *RunError) Error() string {
	return fmt.Sprintf("row %d: %s (in %s)", e.Row, e.Reason, e.snippet())
}

// snippet is the expression around the operation that failed.
func (e *RunError) snippet() string {
	const before, after = 50, 50 // characters
	pos := max(0, min(e.Pos, len(e.Text)))
	left, right := []rune(clean(e.Text[:pos])), []rune(clean(e.Text[pos:]))
	prefix, suffix := "", ""
	if len(left) > before {
		left, prefix = left[len(left)-before:], "..."
	}
	if len(right) > after {
		right, suffix = right[:after], "..."
	}
	return prefix + string(left) + string(right) + suffix
}
