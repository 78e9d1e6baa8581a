package expr

import (
	"quiver/codec"
)

// Expressions compute with base types: every integer is an int of 64 bits, every float a
// float of 64, text has no length, and the restrictions between, oneof and regex count
// as the type they restrict. The type of null is nil.
var (
	typeInt      = &codec.Type{Kind: codec.KindBigInt, Spelling: codec.SpellingFennel, Text: "int"}
	typeFloat    = &codec.Type{Kind: codec.KindDouble, Spelling: codec.SpellingFennel, Text: "float"}
	typeBool     = &codec.Type{Kind: codec.KindBoolean, Spelling: codec.SpellingFennel, Text: "bool"}
	typeStr      = &codec.Type{Kind: codec.KindString, Spelling: codec.SpellingFennel, Text: "str"}
	typeBytes    = &codec.Type{Kind: codec.KindBinary, Spelling: codec.SpellingFennel, Text: "bytes"}
	typeDate     = &codec.Type{Kind: codec.KindDate, Spelling: codec.SpellingFennel, Text: "date"}
	typeDatetime = &codec.Type{Kind: codec.KindTimestamp, Precision: 6, Spelling: codec.SpellingFennel, Text: "datetime"}
)

// base returns the type that expressions see for columns of type t.
func base(t *codec.Type) *codec.Type {
	if t == nil {
		return nil
	}
	var b *codec.Type
	switch t.Kind {
	case codec.KindTinyInt, codec.KindSmallInt, codec.KindInt, codec.KindBigInt:
		b = typeInt
	case codec.KindFloat, codec.KindDouble:
		b = typeFloat
	case codec.KindBoolean:
		b = typeBool
	case codec.KindString:
		b = typeStr
	case codec.KindBinary:
		b = typeBytes
	case codec.KindDate:
		b = typeDate
	case codec.KindTimestamp:
		b = typeDatetime
	case codec.KindDecimal:
		b = &codec.Type{Kind: codec.KindDecimal, Precision: 38, Scale: t.Scale, Spelling: codec.SpellingFennel}
	case codec.KindEmbedding:
		b = &codec.Type{Kind: codec.KindEmbedding, Length: t.Length, Elem: typeFloat, Spelling: codec.SpellingFennel}
	case codec.KindArray, codec.KindMap:
		b = &codec.Type{Kind: t.Kind, Elem: base(t.Elem), Spelling: codec.SpellingFennel}
	case codec.KindStruct:
		b = &codec.Type{Kind: codec.KindStruct, Spelling: codec.SpellingFennel}
		for _, f := range t.Fields {
			b.Fields = append(b.Fields, codec.Field{Name: f.Name, Type: base(f.Type)})
		}
	default:
		return nil
	}
	if t.Optional {
		return optional(b)
	}
	return b
}

// columnType returns the type that expressions see for a column of type t. It is the
// base type, but for types spelled in SQL's words, where null is a value of everything
// inside of arrays, structs and maps.
func columnType(t *codec.Type) *codec.Type {
	b := base(t)
	if t == nil || !t.Complex() || t.Spelling == codec.SpellingFennel || t.Kind == codec.KindEmbedding {
		return b
	}
	loose := *b
	if t.Elem != nil {
		loose.Elem = optional(columnType(t.Elem))
	}
	loose.Fields = nil
	for _, f := range t.Fields {
		loose.Fields = append(loose.Fields, codec.Field{Name: f.Name, Type: optional(columnType(f.Type))})
	}
	return &loose
}

// optional returns Optional[t].
func optional(t *codec.Type) *codec.Type {
	if t == nil || t.Optional {
		return t
	}
	o := *t
	o.Optional = true
	o.Text = "Optional[" + t.Text + "]"
	return &o
}

// optionalIf returns Optional[t] if any of the others can be null, else t.
func optionalIf(t *codec.Type, others ...*codec.Type) *codec.Type {
	for _, o := range others {
		if nullable(o) {
			return optional(t)
		}
	}
	return t
}

// inner returns T of Optional[T], and every other type as it is.
func inner(t *codec.Type) *codec.Type {
	if t == nil || !t.Optional {
		return t
	}
	i := *t
	i.Optional = false
	if len(t.Text) > 10 && t.Text[:9] == "Optional[" {
		i.Text = t.Text[9 : len(t.Text)-1]
	}
	return &i
}

// nullable reports whether values of the type can be null.
func nullable(t *codec.Type) bool { return t == nil || t.Optional }

// kindOf returns the kind of a type, KindInvalid for that of null.
func kindOf(t *codec.Type) codec.Kind {
	if t == nil {
		return codec.KindInvalid
	}
	return t.Kind
}

func isNumeric(t *codec.Type) bool {
	k := kindOf(t)
	return k == codec.KindInvalid || k == codec.KindBigInt || k == codec.KindDouble
}

func isKind(t *codec.Type, kind codec.Kind) bool {
	k := kindOf(t)
	return k == codec.KindInvalid || k == kind
}

func listOf(elem *codec.Type) *codec.Type {
	return &codec.Type{Kind: codec.KindArray, Elem: elem, Spelling: codec.SpellingFennel}
}

// promotable reports whether every value of base type from is one of base type to: T to
// T, null to Optional[T], T to Optional[T], int to float, and a struct to one whose
// fields have the same names and promotable types. Nothing else is.
func promotable(from, to *codec.Type) bool {
	if from == nil {
		return nullable(to)
	}
	if to == nil || from.Optional && !to.Optional {
		return false
	}
	switch {
	case from.Kind == codec.KindBigInt && to.Kind == codec.KindDouble:
		return true
	case from.Kind != to.Kind:
		return false
	case from.Kind == codec.KindStruct:
		if len(from.Fields) != len(to.Fields) {
			return false
		}
		for _, f := range from.Fields {
			t, ok := fieldType(to, f.Name)
			if !ok || !promotable(f.Type, t) {
				return false
			}
		}
		return true
	}
	return sameBut(from, to)
}

// sameBut reports whether two base types are the same, or differ only in being Optional.
func sameBut(t, u *codec.Type) bool {
	if t == nil || u == nil {
		return t == u
	}
	if t.Kind != u.Kind || t.Scale != u.Scale || t.Length != u.Length || len(t.Fields) != len(u.Fields) {
		return false
	}
	for i := range t.Fields {
		if t.Fields[i].Name != u.Fields[i].Name || !same(t.Fields[i].Type, u.Fields[i].Type) {
			return false
		}
	}
	return t.Elem == u.Elem || same(t.Elem, u.Elem)
}

// same reports whether two base types are the same.
func same(t, u *codec.Type) bool {
	return t == u || t != nil && u != nil && t.Optional == u.Optional && sameBut(t, u)
}

// lca returns the smallest type that two base types can both be promoted to.
func lca(t, u *codec.Type) (*codec.Type, bool) {
	if t == nil {
		return optional(u), true
	}
	if u == nil {
		return optional(t), true
	}
	ti, ui := inner(t), inner(u)
	var common *codec.Type
	switch {
	case promotable(ti, ui):
		common = ui
	case promotable(ui, ti):
		common = ti
	default:
		return nil, false
	}
	return optionalIf(common, t, u), true
}

// fieldType returns the type of a field of a struct.
func fieldType(t *codec.Type, name string) (*codec.Type, bool) {
	for _, f := range t.Fields {
		if f.Name == name {
			return f.Type, true
		}
	}
	return nil, false
}

// matches reports whether a value of base type t can be the result where want is
// declared: want may be what t can be promoted to, or a restriction of t.
func matches(t, want *codec.Type) bool {
	if t != nil && want.Check != nil {
		return sameBut(t, base(want)) && (want.Optional || !t.Optional)
	}
	return promotable(t, base(want)) || promotable(t, columnType(want))
}
