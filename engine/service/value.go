package service

import (
	"bytes"

	"quiver/codec"
)

// present returns a copy-free token, nil when it stands for a missing value: null, and
// the NaN and infinities of Python.
func present(token []byte) []byte {
	if len(token) == 0 {
		return nil
	}
	switch last := token[len(token)-1]; {
	case token[0] == 'n', token[0] == 'N', token[0] == 'I', token[0] == '-' && last == 'y':
		return nil
	}
	return token
}

// appendKey reads a token as a key of a type: 42, "42", 42.0 and 4.2e1 are one integer,
// and of one instant all spellings are one time. It works on text: no integer goes through
// a float. key is what the column would hold, and echo how this API prints it; a value
// that the column cannot hold is its own key, which no row has, and printed as it was
// given, or missing if it is no JSON. What is made is appended to dst.
func appendKey(dst []byte, t *codec.Type, token []byte) (_, key, echo []byte) {
	dst, token = appendSpelling(dst, t, token)
	start := len(dst)
	dst, _, err := codec.AppendCellJSON(dst, t, token)
	switch key = dst[start:len(dst):len(dst)]; {
	case err == nil && string(key) != "null": // as which optional columns take the empty text
		dst, echo = appendRendered(dst, t, key)
		return dst, key, echo
	case err == nil:
		return dst, token, key
	case !validToken(token):
		return dst, token, nil
	default:
		return dst, token, token
	}
}

// appendSpelling gives a token another spelling where its column would not take it for
// what it means: a whole number with a point for an integer or a truth value, and what is
// no text for a text, whole numbers without a point. The value is the token itself, or is
// appended to dst.
func appendSpelling(dst []byte, t *codec.Type, token []byte) (_, value []byte) {
	quoted := token[0] == '"'
	number := !quoted && (token[0] == '-' || token[0] >= '0' && token[0] <= '9')
	word := token[0] == 't' || token[0] == 'f'
	text := t.Kind == codec.KindString
	if !t.Integer() && t.Kind != codec.KindBoolean && !(text && (number || word)) {
		return dst, token
	}
	inner := token
	if quoted {
		inner = token[1 : len(token)-1]
	}
	if whole, zeros, ok := bytes.Cut(inner, dot); ok && len(zeros) > 0 && len(bytes.Trim(zeros, "0")) == 0 {
		inner = whole
	} else if quoted || !text {
		return dst, token
	}
	if !quoted && !text {
		return dst, inner
	}
	start := len(dst)
	dst = append(append(append(dst, '"'), inner...), '"')
	return dst, dst[start:len(dst):len(dst)]
}

var dot = []byte(".")

// validToken reports whether a token is strict JSON.
func validToken(token []byte) bool {
	s := codec.NewScanner(token)
	s.Value()
	return s.End() == nil
}

// appendValue returns a cell as JSON; nil is null. The value is the cell's own, or is
// appended to dst.
func appendValue(dst []byte, t *codec.Type, cell []byte) (_, value []byte) {
	if string(cell) == "null" {
		return dst, nil
	}
	return appendRendered(dst, t, cell)
}

// appendRendered prints a cell as this API does: truth values as true and false, times
// in ISO 8601 with at least milliseconds. The value is the cell itself, or is appended
// to dst.
func appendRendered(dst []byte, t *codec.Type, cell []byte) (_, value []byte) {
	switch t.Kind {
	case codec.KindBoolean:
		if v, ok := codec.CellBool(cell); ok {
			if v {
				return dst, yes
			}
			return dst, no
		}
	case codec.KindTimestamp:
		return appendISOTime(dst, cell)
	}
	return dst, cell
}

var yes, no = []byte("true"), []byte("false")

// appendISOTime turns "2017-01-01 00:00:59" into "2017-01-01T00:00:59.000Z".
func appendISOTime(dst, cell []byte) (_, value []byte) {
	day, clock, ok := bytes.Cut(bytes.Trim(cell, `"`), []byte(" "))
	if !ok {
		return dst, cell
	}
	second, fraction, _ := bytes.Cut(clock, dot)
	start := len(dst)
	dst = append(append(dst, '"'), day...)
	dst = append(append(dst, 'T'), second...)
	dst = append(append(dst, '.'), fraction...)
	for n := len(fraction); n < 3; n++ {
		dst = append(dst, '0')
	}
	dst = append(dst, `Z"`...)
	return dst, dst[start:len(dst):len(dst)]
}
