package vec

import (
	"bytes"
	"math"
	"strconv"

	"quiver/codec"
)

// integer reads a JSON number that is written without fraction and exponent.
func integer(raw []byte) (int64, bool) {
	neg := len(raw) > 0 && raw[0] == '-'
	digits := raw
	if neg {
		digits = raw[1:]
	}
	if len(digits) == 0 || len(digits) > 19 {
		return 0, false
	}
	var v uint64
	for _, d := range digits {
		if d-'0' > 9 {
			return 0, false
		}
		v = v*10 + uint64(d-'0')
	}
	if neg {
		return -int64(v), v <= 1<<63
	}
	return int64(v), v <= math.MaxInt64
}

// whole reads a JSON number without fraction, however it is written: 20, 20.0, 2e1.
func whole(raw []byte) (int64, bool) {
	if v, ok := integer(raw); ok {
		return v, true
	}
	var buf [32]byte
	text, _, err := codec.AppendCellJSON(buf[:0], bigint, raw)
	if err != nil {
		return 0, false
	}
	return integer(text)
}

var bigint = &codec.Type{Kind: codec.KindBigInt, Text: "int", Spelling: codec.SpellingFennel}

// cut reads a JSON number as an integer, without what is behind its point.
func cut(raw []byte) (int64, bool) {
	if !bytes.ContainsAny(raw, "eE") {
		if dot := bytes.IndexByte(raw, '.'); dot > 0 {
			return integer(raw[:dot])
		}
		return 0, false
	}
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || !(f > -9.3e18 && f < 9.3e18) {
		return 0, false
	}
	f = math.Trunc(f)
	if f < -(1<<63) || f >= 1<<63 {
		return 0, false
	}
	return int64(f), true
}

// AppendCompact appends valid JSON without the white space between its tokens.
func AppendCompact(dst, raw []byte) []byte {
	inString := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case inString && c == '\\':
			dst = append(dst, c)
			i++
			c = raw[i]
		case c == '"':
			inString = !inString
		case !inString && c <= ' ':
			continue
		}
		dst = append(dst, c)
	}
	return dst
}
