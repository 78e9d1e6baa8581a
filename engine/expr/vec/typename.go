package vec

import (
	"strconv"

	"quiver/codec"
)

// TypeName writes a type in Fennel's words, from what it is and not as it was spelled:
// Optional[List[int]]. A nil type, and KindInvalid, is the type of null.
func TypeName(t *codec.Type) string { return string(appendType(nil, t)) }

func appendType(dst []byte, t *codec.Type) []byte {
	if t == nil || t.Kind == codec.KindInvalid {
		return append(dst, "null"...)
	}
	if t.Optional {
		inner := *t
		inner.Optional = false
		dst = append(dst, "Optional["...)
		dst = appendType(dst, &inner)
		return append(dst, ']')
	}
	if k := t.Check; k != nil {
		base := *t
		base.Check = nil
		return appendCheck(dst, &base, k)
	}
	switch t.Kind {
	case codec.KindBigInt:
		return append(dst, "int"...)
	case codec.KindInt:
		return append(dst, "int32"...)
	case codec.KindFloat:
		return append(dst, "float32"...)
	case codec.KindDouble:
		return append(dst, "float"...)
	case codec.KindBoolean:
		return append(dst, "bool"...)
	case codec.KindString:
		if t.Length == 0 {
			return append(dst, "str"...)
		}
		return appendLength(append(dst, "varchar"...), t.Length, '(', ')')
	case codec.KindBinary:
		return append(dst, "bytes"...)
	case codec.KindTimestamp:
		return append(dst, "datetime"...)
	case codec.KindDecimal:
		return appendLength(append(dst, "Decimal"...), t.Scale, '[', ']')
	case codec.KindEmbedding:
		return appendLength(append(dst, "Embedding"...), t.Length, '[', ']')
	case codec.KindArray:
		dst = appendType(append(dst, "List["...), t.Elem)
		return append(dst, ']')
	case codec.KindMap:
		dst = appendType(append(dst, "Dict[str, "...), t.Elem)
		return append(dst, ']')
	case codec.KindStruct:
		dst = append(dst, "struct<"...)
		for i, f := range t.Fields {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(append(dst, f.Name...), ':')
			dst = appendType(dst, f.Type)
		}
		return append(dst, '>')
	}
	return append(dst, t.Kind.String()...)
}

// appendCheck writes between(..), oneof(..) and regex(..).
func appendCheck(dst []byte, base *codec.Type, k *codec.Check) []byte {
	switch {
	case k.Pattern != "":
		dst = codec.AppendQuoted(append(dst, "regex("...), []byte(k.Pattern))
	case k.OneOf != nil:
		dst = appendType(append(dst, "oneof("...), base)
		dst = append(dst, ", ["...)
		for i, o := range k.OneOf {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(dst, o...)
		}
		dst = append(dst, ']')
	default:
		dst = appendType(append(dst, "between("...), base)
		dst = append(append(append(append(dst, ", "...), k.Min...), ", "...), k.Max...)
		if k.StrictMin || k.StrictMax {
			dst = strconv.AppendBool(append(dst, ", strict_min="...), k.StrictMin)
			dst = strconv.AppendBool(append(dst, ", strict_max="...), k.StrictMax)
		}
	}
	return append(dst, ')')
}

func appendLength(dst []byte, n int, open, end byte) []byte {
	dst = strconv.AppendInt(append(dst, open), int64(n), 10)
	return append(dst, end)
}
