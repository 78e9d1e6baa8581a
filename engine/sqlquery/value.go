package sqlquery

import (
	"bytes"
	"strconv"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// value is what is bound to one parameter. Text is set for all kinds but null.
type value struct {
	kind  kind
	text  string
	whole int64
	real  float64
}

type kind uint8

const (
	null kind = iota
	text
	integer
	number
	boolean // whole is 0 or 1
)

// Value finds the value of a parameter by its name: a JSON token (NaN and infinities
// allowed, which are missing values, so null); ok is false when it was not given.
type Value func(name string) (token []byte, ok bool)

// values are those of a query's parameters, in the order of its placeholders.
func values(parameters []catalog.SQLParameter, get Value) ([]value, error) {
	all := make([]value, len(parameters))
	for i, p := range parameters {
		token, ok := get(p.Name)
		if !ok {
			return nil, fail.Errorf(fail.Malformed, "Parameter %q is missing.", p.Name)
		}
		var err error
		if all[i], err = parse(token); err != nil {
			return nil, err
		}
		if !all[i].become(p.Type) {
			return nil, fail.Errorf(fail.Malformed, "Parameter %q is of type %s, which %.60s is not.", p.Name, p.Type, token)
		}
	}
	return all, nil
}

// parse reads a JSON token. Integers keep all their digits, and so do numbers that are
// handed on as text; arrays and objects are text, as they stand in the request.
func parse(token []byte) (v value, err error) {
	switch c := token[0]; {
	case c == '"':
		b, err := codec.AppendUnquoted(nil, token)
		if err != nil {
			return v, fail.Errorf(fail.Malformed, "The body is not valid JSON: %v.", err)
		}
		return value{kind: text, text: string(b)}, nil
	case c == 't':
		return value{kind: boolean, text: "true", whole: 1}, nil
	case c == 'f':
		return value{kind: boolean, text: "false"}, nil
	case c == '[' || c == '{':
		return value{kind: text, text: string(token)}, nil
	case c >= '0' && c <= '9', c == '-' && len(token) > 1 && token[1] <= '9':
		return parseNumber(string(token)), nil
	}
	return v, nil // null, NaN, an infinity
}

// parseNumber takes what JSON writes as a number. One that no integer of 64 bits and no
// float holds stays text.
func parseNumber(s string) value {
	if !bytes.ContainsAny([]byte(s), ".eE") {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return value{kind: text, text: s}
		}
		return value{kind: integer, text: s, whole: v}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return value{kind: text, text: s}
	}
	return value{kind: number, text: s, real: f}
}

// become makes the value one of a declared type; false when it cannot be one. Null is of
// every type.
func (v *value) become(t catalog.SQLType) bool {
	if t == catalog.SQLAny || v.kind == null {
		return true
	}
	switch t {
	case catalog.SQLText:
		v.kind = text
	case catalog.SQLBoolean:
		switch v.text {
		case "true", "1":
			*v = value{kind: boolean, text: "true", whole: 1}
		case "false", "0":
			*v = value{kind: boolean, text: "false"}
		default:
			return false
		}
	case catalog.SQLInteger, catalog.SQLNumber:
		if v.kind == text {
			if !isNumber(v.text) {
				return false
			}
			*v = parseNumber(v.text)
		}
		return v.kind == integer || v.kind == number && t == catalog.SQLNumber
	}
	return true
}

// isNumber reports whether a text is a number as JSON writes them.
func isNumber(s string) bool {
	sc := codec.NewScanner([]byte(s))
	_, kind := sc.Value()
	return sc.End() == nil && kind == codec.JSONNumber
}
