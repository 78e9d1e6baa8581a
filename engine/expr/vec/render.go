package vec

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"

	"quiver/codec"
	"quiver/engine/expr/chrono"
)

// AppendFennel appends row i as Fennel's API answers values (Fennel contract, section
// 2.4): datetimes always with six fraction digits, NaN and the infinities as strings,
// whole floats with a decimal point, bytes as base64, structs with their fields sorted
// by name.
func (c *Column) AppendFennel(dst []byte, i int) []byte {
	if c.Type == nil || c.Null(i) {
		return append(dst, "null"...)
	}
	switch c.Type.Kind {
	case codec.KindTinyInt, codec.KindSmallInt, codec.KindInt, codec.KindBigInt:
		return strconv.AppendInt(dst, c.Ints[i], 10)
	case codec.KindFloat, codec.KindDouble:
		switch f := c.Floats[i]; {
		case f != f:
			return append(dst, `"NaN"`...)
		case math.IsInf(f, 1):
			return append(dst, `"+infinity"`...)
		case math.IsInf(f, -1):
			return append(dst, `"-infinity"`...)
		default:
			return AppendFloat(dst, f)
		}
	case codec.KindBoolean:
		return strconv.AppendBool(dst, c.Bits.Get(i))
	case codec.KindString:
		return codec.AppendQuoted(dst, c.Text(i))
	case codec.KindDecimal:
		return append(dst, c.Text(i)...)
	case codec.KindBinary:
		dst = append(dst, '"')
		dst = base64.StdEncoding.AppendEncode(dst, c.Text(i))
		return append(dst, '"')
	case codec.KindDate:
		dst = chrono.AppendDate(append(dst, '"'), c.Ints[i])
		return append(dst, '"')
	case codec.KindTimestamp:
		dst = chrono.AppendInstant(append(dst, '"'), c.Ints[i])
		return append(dst, '"')
	case codec.KindArray, codec.KindEmbedding:
		dst = append(dst, '[')
		for k := c.Off[i]; k < c.Off[i+1]; k++ {
			if k > c.Off[i] {
				dst = append(dst, ',')
			}
			dst = c.Kids[0].AppendFennel(dst, int(k))
		}
		return append(dst, ']')
	case codec.KindMap:
		dst = append(dst, '{')
		for k := c.Off[i]; k < c.Off[i+1]; k++ {
			if k > c.Off[i] {
				dst = append(dst, ',')
			}
			dst = append(c.Kids[0].AppendFennel(dst, int(k)), ':')
			dst = c.Kids[1].AppendFennel(dst, int(k))
		}
		return append(dst, '}')
	case codec.KindStruct:
		dst = append(dst, '{')
		for n, k := range c.sorted {
			if n > 0 {
				dst = append(dst, ',')
			}
			dst = append(quoted(dst, c.Type.Fields[k].Name), ':')
			dst = c.Kids[k].AppendFennel(dst, i)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

// AppendCell appends row i as a canonical cell, the way rows store it and the Hopsworks
// API prints it; see codec.AppendCellJSON. What does not fit the column's type (a text
// too long, a number out of range) is a *codec.ValueError, and dst is returned as it was.
func (c *Column) AppendCell(dst []byte, i int) ([]byte, codec.Special, error) {
	if c.Type == nil || c.Null(i) {
		return append(dst, "null"...), codec.None, nil
	}
	t := c.Type
	if t.Check == nil {
		switch t.Kind {
		case codec.KindBigInt:
			return strconv.AppendInt(dst, c.Ints[i], 10), codec.None, nil
		case codec.KindDouble:
			return appendDouble(dst, c.Floats[i])
		case codec.KindBoolean:
			return append(dst, '0'+byte(c.Bits[i>>6]>>(i&63)&1)), codec.None, nil
		case codec.KindString:
			if t.Length == 0 {
				return codec.AppendQuoted(dst, c.Text(i)), codec.None, nil
			}
		}
	}
	// Everything else takes the way of JSON that comes in, behind dst.
	was := len(dst)
	dst = c.AppendFennel(dst, i)
	end := len(dst)
	dst, sp, err := codec.AppendCellJSON(dst, t, dst[was:end:end])
	if err != nil {
		return dst[:was], codec.None, err
	}
	return dst[:was+copy(dst[was:], dst[end:])], sp, nil
}

func appendDouble(dst []byte, f float64) ([]byte, codec.Special, error) {
	switch {
	case f != f:
		return append(dst, "null"...), codec.NaN, nil
	case math.IsInf(f, 1):
		return append(dst, "null"...), codec.PosInf, nil
	case math.IsInf(f, -1):
		return append(dst, "null"...), codec.NegInf, nil
	}
	return strconv.AppendFloat(dst, f, 'g', -1, 64), codec.None, nil
}

// AppendFloat appends the shortest decimal that reads back as f, always with a point or
// an exponent: 1.0, 0.1, 1e16, 1.5e-7. From 1e-5 to below 1e16 there is no exponent.
// The rest are NaN, inf and -inf.
func AppendFloat(dst []byte, f float64) []byte {
	switch {
	case f != f:
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "inf"...)
	case math.IsInf(f, -1):
		return append(dst, "-inf"...)
	}
	was := len(dst)
	if a := math.Abs(f); a != 0 && (a < 1e-5 || a >= 1e16) {
		dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
		e := was + slices.Index(dst[was:], 'e') + 1
		digits := e // where the exponent goes on after what 1e16 has no need of
		if dst[e] == '-' {
			e++
			digits = e
		} else {
			digits++
		}
		if dst[digits] == '0' {
			digits++
		}
		return dst[:e+copy(dst[e:], dst[digits:])]
	}
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	if slices.Index(dst[was:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}

// quoted appends a field's name as a JSON string.
func quoted(dst []byte, name string) []byte {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return codec.AppendQuoted(dst, []byte(name))
		}
	}
	dst = append(dst, '"')
	dst = append(dst, name...)
	return append(dst, '"')
}

// sort notes in which order AppendFennel writes the fields of a struct.
func (c *Column) sort() {
	c.sorted = c.sorted[:0]
	for k := range c.Type.Fields {
		c.sorted = append(c.sorted, int32(k))
	}
	slices.SortFunc(c.sorted, func(a, b int32) int {
		if c.Type.Fields[a].Name < c.Type.Fields[b].Name {
			return -1
		}
		return 1
	})
}
