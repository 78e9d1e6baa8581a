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

// appendKey gives a token the form that keys of a type are compared in, so that 42, "42"
// and 42.0 are one key. It works on text: no integer goes through a float. The key is
// the token itself, or is appended to dst.
func appendKey(dst []byte, t *codec.Type, token []byte) (_, key []byte) {
	quoted := token[0] == '"'
	number := !quoted && (token[0] == '-' || token[0] >= '0' && token[0] <= '9')
	text := t.Kind == codec.KindString
	if !t.Integer() && !(text && number) {
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

// appendEcho prints a key in its column's type; a value that the column cannot hold
// stays as it was given, or is missing if it is no JSON. It may return the key itself.
func appendEcho(dst []byte, t *codec.Type, key []byte) (_, echo []byte) {
	start := len(dst)
	dst, _, err := codec.AppendCellJSON(dst, t, key)
	switch {
	case err == nil:
		return appendRendered(dst, t, dst[start:len(dst):len(dst)])
	case !validToken(key):
		return dst, nil
	default:
		return dst, key
	}
}

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
