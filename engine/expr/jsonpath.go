package expr

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

// pathStep is one step of a JSON path: a name, or an index.
type pathStep struct {
	name  string
	index int // -1: by name
}

const maxPath = 64 // steps

// parsePath reads a JSON path: $ followed by .name, ["name"] and [0].
func parsePath(text string) ([]pathStep, error) {
	bad := func(why string) ([]pathStep, error) {
		return nil, fmt.Errorf("%q is no JSON path: %s", text, why)
	}
	rest, ok := strings.CutPrefix(text, "$")
	if !ok {
		return bad("it must begin with $")
	}
	var path []pathStep
	for rest != "" {
		if len(path) == maxPath {
			return bad(fmt.Sprintf("more than %d steps", maxPath))
		}
		switch {
		case rest[0] == '.':
			name := rest[1:]
			if n := strings.IndexFunc(name, func(r rune) bool {
				return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
			}); n >= 0 {
				name = name[:n]
			}
			if name == "" {
				return bad("a name is missing behind a point")
			}
			path = append(path, pathStep{name, -1})
			rest = rest[1+len(name):]
		case len(rest) > 1 && rest[0] == '[' && (rest[1] == '"' || rest[1] == '\''):
			end := strings.Index(rest[2:], rest[1:2]+"]")
			if end < 0 {
				return bad("a closing quote and bracket are missing")
			}
			path = append(path, pathStep{rest[2 : 2+end], -1})
			rest = rest[2+end+2:]
		case rest[0] == '[':
			end := strings.IndexByte(rest, ']')
			if end < 0 {
				return bad("a closing bracket is missing")
			}
			index, err := strconv.ParseUint(rest[1:end], 10, 31)
			if err != nil || rest[1] == '+' {
				return bad("an index must be a number that is not negative")
			}
			path = append(path, pathStep{index: int(index)})
			rest = rest[end+1:]
		default:
			return bad(fmt.Sprintf("unexpected %q", rest))
		}
	}
	return path, nil
}

// extract appends what the path leads to in a JSON text: strings without their quotes,
// everything else as compact JSON. It says false, and leaves dst as it was, if there is
// no such thing, and if the text is no JSON.
func extract(dst []byte, text []byte, path []pathStep) ([]byte, bool) {
	s := codec.NewScanner(text)
	raw, kind := s.Value()
	if s.End() != nil {
		return dst, false
	}
	for _, step := range path {
		s := codec.NewScanner(raw)
		var found []byte
		switch {
		case step.index < 0 && kind == codec.JSONObject:
			s.Object()
			for name, ok := s.NextField(); ok; name, ok = s.NextField() {
				v, k := s.Value()
				if string(name) == step.name {
					found, kind = v, k // of equal names the last counts
				}
			}
		case step.index >= 0 && kind == codec.JSONArray:
			s.Array()
			for i := 0; s.NextElement(); i++ {
				v, k := s.Value()
				if i == step.index {
					found, kind = v, k
					break
				}
			}
		}
		if found == nil {
			return dst, false
		}
		raw = found
	}
	if kind == codec.JSONString {
		dst, err := codec.AppendUnquoted(dst, raw)
		return dst, err == nil
	}
	return vec.AppendCompact(dst, raw), true
}
