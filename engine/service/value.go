package service

import (
	"bytes"

	"quiver/codec"
	"quiver/engine/catalog"
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

// keyToken gives a token the form that keys of a type are compared in, so that 42, "42"
// and 42.0 are one key. It works on text: no integer goes through a float.
func keyToken(t *codec.Type, token []byte) []byte {
	quoted := token[0] == '"'
	text := token
	if quoted {
		text = token[1 : len(token)-1]
	}
	number := !quoted && (token[0] == '-' || token[0] >= '0' && token[0] <= '9')
	if t.Integer() || t.Kind == codec.KindString && number {
		if whole, zeros, ok := bytes.Cut(text, []byte(".")); ok && len(zeros) > 0 && len(bytes.Trim(zeros, "0")) == 0 {
			text = whole
		}
		return retoken(t, text, quoted)
	}
	return token
}

// retoken prints the text of a key as a token for its column.
func retoken(t *codec.Type, text []byte, quoted bool) []byte {
	if t.Kind == codec.KindString || quoted {
		return append(append([]byte{'"'}, text...), '"')
	}
	return text
}

// echo prints a key in its column's type; a value that the column cannot hold stays as
// it was given.
func echo(t *codec.Type, token []byte) []byte {
	cell, _, err := codec.AppendCellJSON(nil, t, token)
	if err != nil {
		if !validToken(token) {
			return nil
		}
		return token
	}
	return render(t, cell)
}

// validToken reports whether a token is strict JSON.
func validToken(token []byte) bool {
	s := codec.NewScanner(token)
	s.Value()
	return s.End() == nil
}

// value returns a column of a row as JSON; nil is null.
func value(g *catalog.Group, row codec.Row, slot int) []byte {
	column := &g.Schema.Columns[slot]
	cell := column.Default
	if slot < row.Columns() {
		cell = row.Cell(slot)
	}
	if cell == nil || string(cell) == "null" {
		return nil
	}
	return render(column.Type, cell)
}

// render prints a cell as this API does: truth values as true and false, times in ISO
// 8601 with at least milliseconds. It may return the cell itself.
func render(t *codec.Type, cell []byte) []byte {
	switch t.Kind {
	case codec.KindBoolean:
		if v, ok := codec.CellBool(cell); ok {
			if v {
				return []byte("true")
			}
			return []byte("false")
		}
	case codec.KindTimestamp:
		return isoTime(cell)
	}
	return cell
}

// isoTime turns "2017-01-01 00:00:59" into "2017-01-01T00:00:59.000Z".
func isoTime(cell []byte) []byte {
	text := bytes.Trim(cell, `"`)
	day, clock, ok := bytes.Cut(text, []byte(" "))
	if !ok {
		return cell
	}
	second, fraction, _ := bytes.Cut(clock, []byte("."))
	out := append([]byte{'"'}, day...)
	out = append(out, 'T')
	out = append(out, second...)
	out = append(out, '.')
	out = append(out, fraction...)
	for n := len(fraction); n < 3; n++ {
		out = append(out, '0')
	}
	return append(out, `Z"`...)
}
