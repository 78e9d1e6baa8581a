package predict

import (
	"bytes"
	"math"
	"strconv"

	"quiver/codec"
)

// set reads one JSON token, which must be valid, into the columns of a row; scratch is
// for unquoted text and is returned. What is no value of the feature's type is missing.
func (f *feature) set(number []float64, text []string, token, scratch []byte) (state, []byte) {
	if len(token) == 0 {
		return absent, scratch
	}
	var plain []byte
	quoted := token[0] == '"'
	switch {
	case quoted:
		var err error
		if scratch, err = codec.AppendUnquoted(scratch[:0], token); err != nil {
			return absent, scratch
		}
		plain = scratch
	case token[0] == '[':
		if f.Length == 0 {
			return absent, scratch
		}
		return f.vector(number, token), scratch
	case token[0] == '{' || string(token) == "null" || f.Length > 0:
		return absent, scratch
	default:
		plain = token
	}
	return f.plain(number, text, plain, quoted), scratch
}

// plain reads a value without quotes; quoted says that it had some, or comes from a
// file in which nothing has.
func (f *feature) plain(number []float64, text []string, v []byte, quoted bool) (st state) {
	switch {
	case f.Length > 0:
		return f.vector(number, v)
	case f.text:
		// A bare word is NaN or an infinity, or a boolean, which is text like any other.
		if len(v) == 0 || !quoted && isSpecial(v) {
			return absent
		}
		text[f.column] = string(v)
		return given
	case f.codes != nil:
		number[f.column], st = f.code(v, !quoted)
	default:
		number[f.column], st = f.number(v)
	}
	return st
}

// isSpecial reports whether a bare token is NaN, Infinity or -Infinity.
func isSpecial(v []byte) bool {
	switch string(v) {
	case "NaN", "Infinity", "-Infinity":
		return true
	}
	return false
}

// code finds a category by its spelling, then, for numbers and truth values, by the
// shortest spelling. An empty text is missing unless it is a category.
func (f *feature) code(v []byte, bare bool) (float64, state) {
	if c, ok := f.codes[string(v)]; ok {
		return c, given
	}
	if len(v) == 0 || bare && isSpecial(v) {
		return math.NaN(), absent
	}
	if x, ok := parseNumber(v); ok {
		var digits [32]byte
		if c, ok := f.codes[string(strconv.AppendFloat(digits[:0], x, 'g', -1, 64))]; ok {
			return c, given
		}
	} else if x, ok := parseBool(v); ok {
		if c, ok := f.codes[strconv.FormatBool(x)]; ok {
			return c, given
		}
	}
	return math.NaN(), unknown
}

// number reads a number, a truth value or a time.
func (f *feature) number(v []byte) (float64, state) {
	if f.Type == TimeFeature {
		return seconds(v)
	}
	if x, ok := parseNumber(v); ok {
		return x, given
	}
	if x, ok := parseBool(v); ok {
		if x {
			return 1, given
		}
		return 0, given
	}
	return math.NaN(), absent
}

var (
	instants = &codec.Type{Kind: codec.KindTimestamp, Precision: 6}
	epochs   = &codec.Type{Kind: codec.KindBigInt}
)

// seconds reads a time: ISO 8601 text, or a whole number of seconds, milliseconds,
// microseconds or nanoseconds, told apart by its size.
func seconds(v []byte) (float64, state) {
	v = bytes.TrimSpace(v)
	if micros, ok := codec.CellTime(epochs, v); ok {
		return float64(micros) / 1e6, given
	}
	var quoted [64]byte
	if len(v) == 0 || len(v) > len(quoted)-2 {
		return math.NaN(), absent
	}
	cell := append(append(append(quoted[:0], '"'), v...), '"')
	if micros, ok := codec.CellTime(instants, cell); ok {
		return float64(micros) / 1e6, given
	}
	return math.NaN(), absent
}

// vector reads an array of exactly Length numbers; null elements are NaN.
func (f *feature) vector(number []float64, token []byte) state {
	s := codec.NewScanner(token)
	s.AllowNaN(true)
	n := 0
	for s.Array(); s.NextElement(); n++ {
		v, kind := s.Value()
		if n == f.Length || kind > codec.JSONNumber {
			return absent
		}
		x, ok := parseNumber(v)
		if !ok {
			x = math.NaN()
		}
		number[f.column+n] = x
	}
	if s.End() != nil || n != f.Length {
		return absent
	}
	return given
}

// parseNumber reads a finite decimal number, with spaces around it if need be.
func parseNumber(v []byte) (float64, bool) {
	if x, ok := parseDecimal(v); ok {
		return x, true
	}
	v = bytes.TrimSpace(v)
	if len(v) == 0 {
		return 0, false
	}
	for _, c := range v { // no hexadecimal, no underscores, no words
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return 0, false
		}
	}
	x, err := strconv.ParseFloat(string(v), 64)
	return x, err == nil
}

// parseDecimal reads a number of at most 15 digits without an exponent, as almost all
// are, in a third of the time of strconv. Its digits and the power of ten that divides
// them are exact, so the quotient is the nearest float64 (W. D. Clinger: How to Read
// Floating Point Numbers Accurately, 1990). It is false for what is written otherwise.
func parseDecimal(v []byte) (float64, bool) {
	negative := len(v) > 0 && v[0] == '-'
	if negative {
		v = v[1:]
	}
	n, mantissa, fraction := 0, uint64(0), -1 // digits, and those behind the point
	for _, c := range v {
		switch {
		case c >= '0' && c <= '9' && n < 15:
			mantissa = 10*mantissa + uint64(c-'0')
			n++
			if fraction >= 0 {
				fraction++
			}
		case c == '.' && fraction < 0:
			fraction = 0
		default:
			return 0, false
		}
	}
	if n == 0 {
		return 0, false
	}
	x := float64(mantissa)
	if fraction > 0 {
		x /= powers[fraction]
	}
	if negative {
		x = -x
	}
	return x, true
}

// powers are powers of ten that float64s hold exactly.
var powers = [16]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15}

// parseBool reads the words true and false, as JSON and Python write them.
func parseBool(v []byte) (value, ok bool) {
	switch string(v) {
	case "true", "True", "TRUE":
		return true, true
	case "false", "False", "FALSE":
		return false, true
	}
	return false, false
}
