package codec

// decimal is a number taken apart without rounding: 0.d1d2d3... times ten to the power
// of point. digits holds neither leading nor trailing zeros; n = 0 is zero.
type decimal struct {
	neg    bool
	more   bool // non-zero digits did not fit; they lie far behind maxPrecision
	n      int
	point  int
	digits [maxPrecision + maxScale + 1]byte // ASCII
}

// maxExponent bounds point; every decimal type's range ends long before it.
const maxExponent = 1 << 20

// parse reads text as numberText defines it.
func (d *decimal) parse(s []byte) bool {
	if !numberText(s) {
		return false
	}
	if s[0] == '-' || s[0] == '+' {
		d.neg = s[0] == '-'
		s = s[1:]
	}
	fraction := false
	i := 0
	for ; i < len(s); i++ {
		c := s[i]
		if c == '.' {
			fraction = true
			continue
		}
		if c|0x20 == 'e' {
			break
		}
		switch {
		case d.n == 0 && c == '0': // leading zero
			if fraction {
				d.point--
			}
			continue
		case d.n < len(d.digits):
			d.digits[d.n] = c
			d.n++
		case c != '0':
			d.more = true
		}
		if !fraction {
			d.point++
		}
	}
	if i < len(s) {
		d.point += exponent(s[i+1:])
	}
	for d.n > 0 && d.digits[d.n-1] == '0' {
		d.n--
	}
	if d.n == 0 {
		d.neg, d.point = false, 0
	}
	return true
}

// exponent reads the digits behind the e, cut off at maxExponent.
func exponent(s []byte) int {
	neg := s[0] == '-'
	if neg || s[0] == '+' {
		s = s[1:]
	}
	v := 0
	for _, c := range s {
		if v = v*10 + int(c-'0'); v > maxExponent {
			v = maxExponent
			break
		}
	}
	if neg {
		return -v
	}
	return v
}

// fit reports whether d fits the type, and if not, why. Digits beyond the scale are cut
// where the type's spelling says so.
func (d *decimal) fit(t *Type) (reason string, ok bool) {
	if d.point > t.Precision-t.Scale && d.n > 0 {
		return "has too many digits before the point", false
	}
	if d.n-d.point > t.Scale || d.more {
		if t.Spelling != SpellingFennel {
			return "has too many digits after the point", false
		}
		if d.n = min(d.n, max(d.point+t.Scale, 0)); d.n == 0 {
			d.neg = false
		}
	}
	return "", true
}

// at returns the digit at a position relative to the point: -1 is the one before it.
func (d *decimal) at(i int) byte {
	if i += d.point; i >= 0 && i < d.n {
		return d.digits[i]
	}
	return '0'
}

// appendDecimal renders text as a bare number with exactly Scale fraction digits.
func appendDecimal(dst []byte, t *Type, text []byte) ([]byte, error) {
	var d decimal
	if !d.parse(text) {
		return dst, mismatch(t, text)
	}
	if reason, ok := d.fit(t); !ok {
		return dst, reject("%s %s for %s(%d,%d)", abbreviate(text), reason, t.Kind, t.Precision, t.Scale)
	}
	return d.append(dst, t.Scale), nil
}

func (d *decimal) append(dst []byte, scale int) []byte {
	if d.neg {
		dst = append(dst, '-')
	}
	if d.point <= 0 || d.n == 0 {
		dst = append(dst, '0')
	} else {
		for i := -d.point; i < 0; i++ {
			dst = append(dst, d.at(i))
		}
	}
	if scale > 0 {
		dst = append(dst, '.')
		for i := range scale {
			dst = append(dst, d.at(i))
		}
	}
	return dst
}
