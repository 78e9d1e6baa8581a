package codec

import "unicode/utf8"

// scanString checks the JSON string that starts at b[i], a quote, and returns where
// it ends (behind its closing quote), or a message and where the trouble is. escapes
// tells whether it has any.
func scanString(b []byte, i int) (end int, escapes bool, msg string) {
	start := i + 1
	i, high := plainRun(b, start)
	for i < len(b) {
		switch b[i] {
		case '"':
			if high && !utf8.Valid(b[start:i]) {
				return badUTF8(b, start), escapes, errUTF8.Error()
			}
			return i + 1, escapes, ""
		case '\\':
			escapes = true
			if i+1 < len(b) && unescape[b[i+1]] != 0 {
				i += 2
			} else if _, ok := hex4(b[i:]); ok {
				i += 6
			} else {
				return i, escapes, errEscape.Error()
			}
		default:
			return i, escapes, "control character in a JSON string"
		}
		var h bool
		i, h = plainRun(b, i)
		high = high || h
	}
	return len(b), escapes, "string not closed"
}

// badUTF8 returns where the first invalid UTF-8 at or behind b[i] is.
func badUTF8(b []byte, i int) int {
	for i < len(b) {
		r, size := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		i += size
	}
	return i
}

// scanNumber checks the JSON number that starts at b[i] and returns where it ends, or
// where the trouble is.
func scanNumber(b []byte, i int) (end int, ok bool) {
	if i < len(b) && b[i] == '-' {
		i++
	}
	if i == len(b) || !isDigit(b[i]) {
		return i, false
	}
	if b[i] == '0' {
		i++
	} else {
		i = digits(b, i)
	}
	if i < len(b) && b[i] == '.' {
		if i++; i == len(b) || !isDigit(b[i]) {
			return i, false
		}
		i = digits(b, i)
	}
	if i < len(b) && b[i]|0x20 == 'e' {
		if i++; i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		if i == len(b) || !isDigit(b[i]) {
			return i, false
		}
		i = digits(b, i)
	}
	return i, true
}

// plainNumbers returns the start of the first element of an array, of which one starts at
// b[i], that is no number without exponent followed by a comma at once.
func plainNumbers(b []byte, i int) int {
	for {
		at := i
		if at < len(b) && b[at] == '-' {
			at++
		}
		switch {
		case at == len(b) || !isDigit(b[at]):
			return i
		case b[at] == '0':
			at++
		default:
			at = digits(b, at+1)
		}
		if at < len(b) && b[at] == '.' {
			end := digits(b, at+1)
			if end == at+1 {
				return i
			}
			at = end
		}
		if at == len(b) || b[at] != ',' {
			return i
		}
		i = at + 1
	}
}

// digits returns the end of the digits that start at b[i].
func digits(b []byte, i int) int {
	for i < len(b) && isDigit(b[i]) {
		i++
	}
	return i
}

// scanNaN is scanNumber for the words that are no JSON.
func scanNaN(b []byte, i int) (end int, ok bool) {
	for _, w := range [...]string{"NaN", "Infinity", "-Infinity"} {
		if len(b)-i >= len(w) && string(b[i:i+len(w)]) == w {
			return i + len(w), true
		}
	}
	return i, false
}
