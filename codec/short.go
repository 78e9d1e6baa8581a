package codec

import (
	"math"
	"strconv"
)

// Numbers of few digits need no search for their shortest text. A decimal of at most
// DBL_DIG (15) digits, FLT_DIG (6) for float, in the range of normal numbers is the only
// one of so few digits that reads as the float nearest to it, so without trailing zeros it
// is that float's shortest text, the one strconv finds.

// short is a decimal of few digits: digits / 10^places, digits above 0.
type short struct {
	digits uint64
	places int
	neg    bool
}

// shortDigits is the first number with too many digits for a float of so many bits.
func shortDigits(bits int) uint64 {
	if bits == 32 {
		return 1e6
	}
	return 1e15
}

// parseShort reads text of the form -?[0-9]+(\.[0-9]+)? that has few digits.
func parseShort(text []byte, bits int) (s short, ok bool) {
	if len(text) > 0 && text[0] == '-' {
		s.neg, text = true, text[1:]
	}
	if len(text) == 0 || len(text) > 18 { // no more fit digits
		return s, false
	}
	point := -1
	for i, c := range text {
		if c == '.' && point < 0 {
			point = i
			continue
		}
		if !isDigit(c) {
			return s, false
		}
		s.digits = s.digits*10 + uint64(c-'0')
	}
	if point >= 0 {
		s.places = len(text) - 1 - point
		if point == 0 || s.places == 0 {
			return s, false
		}
	}
	return s, s.digits > 0 && s.digits < shortDigits(bits)
}

// shortFloat finds the short number that reads as f, if it has at most three places.
func shortFloat(f float64) (s short, ok bool) {
	a := math.Abs(f)
	if !(a >= 1e-3 && a < 1e12) {
		return s, false
	}
	s = short{digits: uint64(a*1000 + 0.5), places: 3, neg: f < 0}
	// The quotient of two exact numbers is the float nearest to it.
	return s, s.digits < shortDigits(64) && float64(s.digits)/1000 == a
}

// append renders the number as strconv does with format 'g' and as few digits as needed.
func (s short) append(dst []byte) []byte {
	for s.digits%10 == 0 {
		s.digits /= 10
		s.places--
	}
	if s.neg {
		dst = append(dst, '-')
	}
	var buf [20]byte
	digits := strconv.AppendUint(buf[:0], s.digits, 10)
	point := len(digits) - s.places // where it is, counted from the first digit
	switch {
	case point < -3 || point > 6:
		dst = append(dst, digits[0])
		if len(digits) > 1 {
			dst = append(append(dst, '.'), digits[1:]...)
		}
		exp := point - 1
		if exp < 0 {
			dst, exp = append(dst, 'e', '-'), -exp
		} else {
			dst = append(dst, 'e', '+')
		}
		return append(dst, byte('0'+exp/10), byte('0'+exp%10))
	case point <= 0:
		dst = append(dst, "0.000"[:2-point]...)
		return append(dst, digits...)
	case point >= len(digits):
		dst = append(dst, digits...)
		return append(dst, "00000"[:point-len(digits)]...)
	default:
		dst = append(append(dst, digits[:point]...), '.')
		return append(dst, digits[point:]...)
	}
}
