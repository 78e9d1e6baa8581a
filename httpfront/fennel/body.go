package fennel

import (
	"bytes"

	"quiver/codec"
	"quiver/engine/fail"
)

// member is one wanted member of a request's object: the names it goes by, and its value.
type member struct {
	names []string
	raw   []byte
	kind  codec.JSONKind
}

// readBody finds members in the object that is a request's body. Of equal names the last
// counts; other members are ignored. The values alias body.
func readBody(body []byte, members ...*member) error {
	s := codec.NewScanner(body)
	s.AllowNaN(true)
	if s.Peek() != codec.JSONObject {
		return fail.Errorf(fail.Malformed, "The body must be a JSON object. (A form, as some clients make of a dictionary, is none.)")
	}
	s.Object()
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		raw, kind := s.Value()
		for _, m := range members {
			for _, n := range m.names {
				if n == string(name) {
					m.raw, m.kind = raw, kind
				}
			}
		}
	}
	if err := s.End(); err != nil {
		return fail.Wrap(fail.Malformed, err, "The body is not JSON: %v.", err)
	}
	return nil
}

func named(names ...string) *member { return &member{names: names, kind: codec.JSONNull} }

func (m *member) absent() bool { return m.raw == nil || m.kind == codec.JSONNull }

// text returns a string member, "" when it is absent.
func (m *member) text(need bool) (string, error) {
	switch {
	case m.absent() && !need:
		return "", nil
	case m.absent():
		return "", fail.Errorf(fail.Malformed, "The body lacks the field %q.", m.names[0])
	case m.kind != codec.JSONString:
		return "", fail.Errorf(fail.Malformed, "Field %q must be a string.", m.names[0])
	}
	out, err := codec.AppendUnquoted(nil, m.raw)
	if err != nil {
		return "", fail.Wrap(fail.Malformed, err, "Field %q: %v.", m.names[0], err)
	}
	return string(out), nil
}

// list returns the raw elements of a list member; nil when it is absent.
func (m *member) list(need bool, most int) ([][]byte, error) {
	switch {
	case m.absent() && !need:
		return nil, nil
	case m.absent():
		return nil, fail.Errorf(fail.Malformed, "The body lacks the field %q.", m.names[0])
	case m.kind != codec.JSONArray:
		return nil, fail.Errorf(fail.Malformed, "Field %q must be a list.", m.names[0])
	}
	s := codec.NewScanner(m.raw)
	s.AllowNaN(true)
	s.Array()
	all := [][]byte{}
	for s.NextElement() {
		raw, _ := s.Value()
		if all = append(all, raw); len(all) > most {
			return nil, fail.Errorf(fail.TooLarge, "Field %q has more than %d elements.", m.names[0], most)
		}
	}
	return all, nil
}

// texts returns a list of strings. Those without escapes share the memory of one.
func (m *member) texts(need bool, most int) ([]string, error) {
	raw, err := m.list(need, most)
	if err != nil {
		return nil, err
	}
	all := make([]string, len(raw))
	whole := string(m.raw)
	for i, r := range raw {
		if len(r) > 0 && r[0] == '"' && bytes.IndexByte(r, '\\') < 0 {
			at := cap(m.raw) - cap(r) // r is a part of m.raw
			all[i] = whole[at+1 : at+len(r)-1]
			continue
		}
		one := member{names: m.names, raw: r, kind: codec.JSONNumber}
		if len(r) > 0 && r[0] == '"' {
			one.kind = codec.JSONString
		}
		if all[i], err = one.text(true); err != nil {
			return nil, fail.Errorf(fail.Malformed, "Field %q must be a list of strings.", m.names[0])
		}
	}
	return all, nil
}
