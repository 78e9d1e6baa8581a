package codec

import (
	"bytes"
	"slices"
)

// appendComplex renders a JSON array or object by the types inside.
func appendComplex(dst []byte, t *Type, tok []byte, kind JSONKind) ([]byte, error) {
	s := NewScanner(tok)
	s.AllowNaN(true)
	switch {
	case t.Kind == KindStruct && kind == JSONObject:
		return appendStruct(dst, t, &s)
	case t.Kind == KindMap && kind == JSONObject:
		return appendMap(dst, t, &s)
	case (t.Kind == KindArray || t.Kind == KindEmbedding) && kind == JSONArray:
		return appendArray(dst, t, &s)
	}
	return dst, mismatch(t, tok)
}

func appendArray(dst []byte, t *Type, s *Scanner) ([]byte, error) {
	s.Array()
	dst = append(dst, '[')
	n := 0
	for ; s.NextElement(); n++ {
		if n > 0 {
			dst = append(dst, ',')
		}
		raw, kind := s.Value()
		was := len(dst)
		var sp Special
		var err error
		if dst, sp, err = appendValue(dst, t.Elem, raw, kind, true); err != nil {
			return dst, reject("element %d: %v", n, err)
		}
		if t.Kind == KindEmbedding && (sp != None || isNull(dst[was:])) {
			return dst, reject("element %d: %s is no number", n, abbreviate(raw))
		}
	}
	if t.Kind == KindEmbedding && n != t.Length {
		return dst, reject("%d elements where Embedding[%d] needs %d", n, t.Length, t.Length)
	}
	return append(dst, ']'), nil
}

// member is one field of a JSON object.
type member struct {
	name []byte // without quotes and escapes
	raw  []byte // nil: absent
	kind JSONKind
}

// fewMembers is how many fields an object may have before it costs an allocation.
const fewMembers = 16

// appendStruct renders the fields of the type in declared order. Absent fields are
// null, unknown ones are dropped, and of equal names the last counts.
func appendStruct(dst []byte, t *Type, s *Scanner) ([]byte, error) {
	var few [fewMembers]member
	values := few[:]
	if len(t.Fields) > len(values) {
		values = make([]member, len(t.Fields))
	}
	s.Object()
	next := 0 // where the field most likely is
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		raw, kind := s.Value()
		for i := range t.Fields {
			at := next + i
			if at >= len(t.Fields) {
				at -= len(t.Fields)
			}
			if t.Fields[at].Name == string(name) {
				values[at] = member{raw: raw, kind: kind}
				next = at + 1
				break
			}
		}
	}
	if err := s.Err(); err != nil {
		return dst, reject("not JSON: %v", err)
	}
	dst = append(dst, '{')
	for i := range t.Fields {
		f := &t.Fields[i]
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(AppendQuoted(dst, stringBytes(f.Name)), ':')
		var err error
		if values[i].raw == nil {
			if dst, _, err = appendNull(dst, f.Type, true); err != nil {
				return dst, reject("field %s is missing", f.Name)
			}
			continue
		}
		if dst, _, err = appendValue(dst, f.Type, values[i].raw, values[i].kind, true); err != nil {
			return dst, reject("field %s: %v", f.Name, err)
		}
	}
	return append(dst, '}'), nil
}

// appendMap renders a map with its keys in byte order, so that equal maps are equal
// bytes. Of equal keys the last counts.
func appendMap(dst []byte, t *Type, s *Scanner) ([]byte, error) {
	var few [fewMembers]member
	members := few[:0]
	s.Object()
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		raw, kind := s.Value()
		members = append(members, member{name, raw, kind})
	}
	if err := s.Err(); err != nil {
		return dst, reject("not JSON: %v", err)
	}
	slices.SortStableFunc(members, func(a, b member) int { return bytes.Compare(a.name, b.name) })
	dst = append(dst, '{')
	first := true
	for i, m := range members {
		if i+1 < len(members) && bytes.Equal(m.name, members[i+1].name) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(AppendQuoted(dst, m.name), ':')
		var err error
		if dst, _, err = appendValue(dst, t.Elem, m.raw, m.kind, true); err != nil {
			return dst, reject("key %s: %v", abbreviate(m.name), err)
		}
	}
	return append(dst, '}'), nil
}
