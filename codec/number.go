package codec

import (
	"math"
	"strconv"
)

// parseInt reads a whole text -?[0-9]+ that fits 64 bits; leading zeros are allowed.
func parseInt(s []byte) (int64, bool) {
	neg := len(s) > 0 && s[0] == '-'
	if neg {
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, false
	}
	var v uint64
	if len(s) <= 18 { // cannot overflow
		for _, c := range s {
			if !isDigit(c) {
				return 0, false
			}
			v = v*10 + uint64(c-'0')
		}
	} else {
		for _, c := range s {
			d := uint64(c - '0')
			if !isDigit(c) || v > (math.MaxUint64-d)/10 {
				return 0, false
			}
			v = v*10 + d
		}
	}
	return signed(v, neg)
}

func signed(v uint64, neg bool) (int64, bool) {
	if neg {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v <= math.MaxInt64
}

// parseWhole reads a number without fraction however it is written: 20, 20.0, 2e1.
// It never goes through a float.
func parseWhole(s []byte) (int64, bool) {
	if v, ok := parseInt(s); ok {
		return v, true
	}
	var d decimal
	if !d.parse(s) || d.more || d.n > d.point && d.n > 0 || d.point > 19 {
		return 0, false
	}
	var v uint64
	for i := range max(d.point, 0) {
		c := uint64(0)
		if i < d.n {
			c = uint64(d.digits[i] - '0')
		}
		if v > (math.MaxUint64-c)/10 {
			return 0, false
		}
		v = v*10 + c
	}
	return signed(v, d.neg)
}

func appendIntText(dst []byte, t *Type, text []byte) ([]byte, error) {
	v, ok := parseInt(text)
	if !ok {
		if v, ok = parseWhole(text); !ok {
			return dst, mismatch(t, text)
		}
		return appendInt(dst, t, v)
	}
	if err := checkInt(t, v); err != nil {
		return dst, err
	}
	if text[0] >= '1' && text[0] <= '9' { // no sign, no leading zeros: it is the cell
		return append(dst, text...), nil
	}
	return strconv.AppendInt(dst, v, 10), nil
}

func appendInt(dst []byte, t *Type, v int64) ([]byte, error) {
	if err := checkInt(t, v); err != nil {
		return dst, err
	}
	return strconv.AppendInt(dst, v, 10), nil
}

func checkInt(t *Type, v int64) error {
	if lo, hi := t.IntRange(); v < lo || v > hi {
		return reject("%d is out of range of %s (%d to %d)", v, t.Kind, lo, hi)
	}
	return nil
}

// floatBits is the width strconv wants for a float type.
func (t *Type) floatBits() int {
	if t.Kind == KindFloat {
		return 32
	}
	return 64
}

func appendFloatText(dst []byte, t *Type, text []byte) ([]byte, Special, error) {
	if s, ok := parseShort(text, t.floatBits()); ok {
		return s.append(dst), None, nil
	}
	if !numberText(text) {
		sp := specialText(text)
		if sp == None {
			return dst, None, mismatch(t, text)
		}
		return append(dst, nullCell...), sp, nil
	}
	f, err := strconv.ParseFloat(string(text), t.floatBits())
	if err != nil { // the grammar was checked, so it is the range
		return dst, None, reject("%s is out of range of %s", abbreviate(text), t.Kind)
	}
	return appendFloat(dst, t, f)
}

// appendFloat renders the shortest text that reads back as the same float32 or
// float64: 48, 147.5, 1e+06. The exponent begins where C++ streams and %g begin it,
// which is what the public API's clients have always seen for short numbers.
func appendFloat(dst []byte, t *Type, f float64) ([]byte, Special, error) {
	switch {
	case f != f:
		return append(dst, nullCell...), NaN, nil
	case f > math.MaxFloat64:
		return append(dst, nullCell...), PosInf, nil
	case f < -math.MaxFloat64:
		return append(dst, nullCell...), NegInf, nil
	}
	bits := t.floatBits()
	if bits == 32 && math.IsInf(float64(float32(f)), 0) {
		return dst, None, reject("%g is out of range of float", f)
	}
	if bits == 64 {
		if s, ok := shortFloat(f); ok {
			return s.append(dst), None, nil
		}
	}
	return strconv.AppendFloat(dst, f, 'g', -1, bits), None, nil
}

// numberText reports whether s is a decimal number as plain text: JSON's grammar, and
// besides a leading plus, leading zeros, and a point without digits on one side.
func numberText(s []byte) bool {
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	start := i
	i = digits(s, i)
	n := i - start
	if i < len(s) && s[i] == '.' {
		start = i + 1
		i = digits(s, start)
		n += i - start
	}
	if n == 0 {
		return false
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '-' || s[i] == '+') {
			i++
		}
		start = i
		if i = digits(s, i); i == start {
			return false
		}
	}
	return i == len(s)
}

// specialText reads the names of NaN and the infinities in any case.
func specialText(s []byte) Special {
	if equalFold(s, "nan") {
		return NaN
	}
	sp := PosInf
	if len(s) > 0 && (s[0] == '+' || s[0] == '-') {
		if s[0] == '-' {
			sp = NegInf
		}
		s = s[1:]
	}
	if equalFold(s, "inf") || equalFold(s, "infinity") {
		return sp
	}
	return None
}
