package webhook

import (
	"errors"
	"fmt"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

var (
	errShape  = errors.New("data must be an object of columns or a list of row objects")
	errRagged = errors.New("columns have different lengths")
)

// split cuts the data of a call into row objects. Most of them alias data.
func split(data []byte, maxRows int) ([][]byte, error) {
	s := codec.NewScanner(data)
	s.AllowNaN(true)
	var rows [][]byte
	switch s.Peek() {
	case codec.JSONString:
		raw, _ := s.Value()
		text, err := codec.AppendUnquoted(nil, raw)
		if err != nil || len(text) == 0 || text[0] != '{' && text[0] != '[' {
			return nil, errShape
		}
		return split(text, maxRows)
	case codec.JSONArray:
		s.Array()
		for s.NextElement() {
			raw, kind := s.Value()
			if kind != codec.JSONObject && s.Err() == nil {
				return nil, fmt.Errorf("row %d is no object", len(rows))
			}
			if rows = append(rows, raw); len(rows) > maxRows {
				return nil, vec.RowsError(maxRows)
			}
		}
	case codec.JSONObject:
		first := true
		s.Object()
		for name, ok := s.NextField(); ok; name, ok = s.NextField() {
			quoted := codec.AppendQuoted(nil, name)
			n := 0
			if !s.Array() {
				return nil, fmt.Errorf("column %s is no list", quoted)
			}
			for s.NextElement() {
				raw, _ := s.Value()
				if first {
					if len(rows) == maxRows {
						return nil, vec.RowsError(maxRows)
					}
					rows = append(rows, []byte{'{'})
				}
				if n >= len(rows) {
					return nil, errRagged
				}
				if len(rows[n]) > 1 {
					rows[n] = append(rows[n], ',')
				}
				rows[n] = append(append(append(rows[n], quoted...), ':'), raw...)
				n++
			}
			if n != len(rows) {
				return nil, errRagged
			}
			first = false
		}
		for i := range rows {
			rows[i] = append(rows[i], '}')
		}
	default:
		return nil, errShape
	}
	if err := s.End(); err != nil {
		return nil, fmt.Errorf("data is not JSON: %w", err)
	}
	return rows, nil
}

// join makes a list of row objects.
func join(rows [][]byte) []byte {
	out := []byte{'['}
	for i, row := range rows {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, row...)
	}
	return append(out, ']')
}

// field returns the raw value of a member of an object, the last of equal names; nil
// when there is none.
func field(object []byte, name string) (raw []byte, kind codec.JSONKind) {
	s := codec.NewScanner(object)
	s.AllowNaN(true)
	if s.Peek() != codec.JSONObject {
		return nil, codec.JSONNull
	}
	s.Object()
	for have, ok := s.NextField(); ok; have, ok = s.NextField() {
		value, k := s.Value()
		if string(have) == name {
			raw, kind = value, k
		}
	}
	return raw, kind
}
