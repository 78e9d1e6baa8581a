package avro

import (
	"fmt"
	"strconv"

	"quiver/codec"
)

// Schema returns the Avro schema in which values of type t are expected where the user
// gives none, as JSON: the union of null and the type, and the same for everything
// inside. Integers below 64 bits are int; decimals are bytes; timestamps count
// microseconds. It is an error if a struct field has a name that Avro does not allow.
func Schema(t *codec.Type) (string, error) {
	s := schemaWriter{}
	s.nullable(t)
	return string(s.text), s.err
}

type schemaWriter struct {
	text    []byte
	records int // names must be unique
	err     error
}

func (s *schemaWriter) nullable(t *codec.Type) {
	s.text = append(s.text, `["null",`...)
	s.value(t)
	s.text = append(s.text, ']')
}

func (s *schemaWriter) value(t *codec.Type) {
	switch t.Kind {
	case codec.KindTinyInt, codec.KindSmallInt, codec.KindInt:
		s.text = append(s.text, `"int"`...)
	case codec.KindBigInt:
		s.text = append(s.text, `"long"`...)
	case codec.KindFloat, codec.KindDouble, codec.KindBoolean, codec.KindString:
		s.text = strconv.AppendQuote(s.text, t.Kind.String())
	case codec.KindBinary:
		s.text = append(s.text, `"bytes"`...)
	case codec.KindDecimal:
		s.text = fmt.Appendf(s.text, `{"type":"bytes","logicalType":"decimal","precision":%d,"scale":%d}`, t.Precision, t.Scale)
	case codec.KindDate:
		s.text = append(s.text, `{"type":"int","logicalType":"date"}`...)
	case codec.KindTimestamp:
		s.text = append(s.text, `{"type":"long","logicalType":"timestamp-micros"}`...)
	case codec.KindArray, codec.KindEmbedding:
		s.text = append(s.text, `{"type":"array","items":`...)
		s.nullable(t.Elem)
		s.text = append(s.text, '}')
	case codec.KindMap:
		s.text = append(s.text, `{"type":"map","values":`...)
		s.nullable(t.Elem)
		s.text = append(s.text, '}')
	case codec.KindStruct:
		s.records++
		s.text = fmt.Appendf(s.text, `{"type":"record","name":"r%d","fields":[`, s.records)
		for i, f := range t.Fields {
			if i > 0 {
				s.text = append(s.text, ',')
			}
			if !validName(f.Name) {
				s.err = fmt.Errorf("cannot make an Avro schema for %s: field %q has no Avro name (letters, digits and _ only)", t.Text, f.Name)
			}
			s.text = fmt.Appendf(s.text, `{"name":%q,"type":`, f.Name)
			s.nullable(f.Type)
			s.text = append(s.text, '}')
		}
		s.text = append(s.text, "]}"...)
	default:
		s.err = fmt.Errorf("cannot make an Avro schema for type %s", t.Kind)
	}
}

func validName(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
