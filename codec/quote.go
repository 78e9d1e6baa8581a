package codec

import (
	"errors"
	"unicode/utf16"
	"unicode/utf8"
)

// errText is what AppendUnquoted returns for tokens that are no text.
var (
	errNotString = errors.New("not a JSON string")
	errEscape    = errors.New("bad escape in a JSON string")
	errSurrogate = errors.New("half of a surrogate pair in a JSON string")
	errUTF8      = errors.New("not valid UTF-8")
)

const hexDigits = "0123456789abcdef"

// AppendQuoted appends s as a JSON string: quotation mark, backslash and control
// characters escaped, everything else as it is (no HTML escaping). Bytes that are not
// valid UTF-8 become U+FFFD, so the result is always valid JSON; who must not lose
// bytes checks utf8.Valid first.
func AppendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if plain[c] {
			i++
			continue
		}
		size := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, size = utf8.DecodeRune(s[i:]); r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			if c < ' ' {
				dst = append(dst, `\u00`...)
				dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
			} else {
				dst = append(dst, "\uFFFD"...)
			}
		}
		i += size
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// AppendUnquoted appends the text that a JSON string token (with its quotes) stands
// for. It fails, leaving dst as it was, on tokens that are no legal JSON string, on
// invalid UTF-8 and on halves of surrogate pairs, which no UTF-8 text can hold.
func AppendUnquoted(dst, token []byte) ([]byte, error) {
	if len(token) < 2 || token[0] != '"' || token[len(token)-1] != '"' {
		return dst, errNotString
	}
	s := token[1 : len(token)-1]
	n := plainPrefix(s)
	if n == len(s) {
		return append(dst, s...), nil
	}
	return appendUnescaped(dst, s, n)
}

// appendUnescaped appends the text of the inside of a JSON string whose first n bytes
// are plain.
func appendUnescaped(dst, s []byte, n int) ([]byte, error) {
	was := len(dst)
	dst = append(dst, s[:n]...)
	for i := n; i < len(s); {
		c := s[i]
		switch {
		case plain[c]:
			dst = append(dst, c)
			i++
		case c >= utf8.RuneSelf:
			r, size := utf8.DecodeRune(s[i:])
			if r == utf8.RuneError && size == 1 {
				return dst[:was], errUTF8
			}
			dst = append(dst, s[i:i+size]...)
			i += size
		case c != '\\':
			return dst[:was], errNotString // a bare quote or a control character
		default:
			if i+1 == len(s) {
				return dst[:was], errEscape
			}
			e := unescape[s[i+1]]
			if e != 0 {
				dst = append(dst, e)
				i += 2
				continue
			}
			r, ok := hex4(s[i:])
			if !ok {
				return dst[:was], errEscape
			}
			i += 6
			if utf16.IsSurrogate(r) {
				low, _ := hex4(s[i:])
				if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
					return dst[:was], errSurrogate
				}
				i += 6
			}
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst, nil
}

// unescape maps the letter of a two-character escape to what it means; 0 is none.
var unescape = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// hex4 reads \uXXXX at the start of s.
func hex4(s []byte) (rune, bool) {
	if len(s) < 6 || s[0] != '\\' || s[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, c := range s[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}
