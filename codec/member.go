package codec

import (
	"encoding/binary"
	"math/bits"
)

// NextMember is NextField and Value in one call: the next field of the innermost open
// object and its value. kind is JSONInvalid at the object's end and after an error.
//
// It is meant for many small objects: names and values of the plain kinds, texts without
// escapes and whole numbers, cost half as much as by the two calls.
func (s *Scanner) NextMember() (name, value []byte, kind JSONKind) {
	b, i := s.b, s.i
	if s.err != nil || s.depth == 0 || i >= len(b) {
		return s.anyMember()
	}
	if !s.first {
		if b[i] == '}' {
			s.i, s.depth = i+1, s.depth-1
			return nil, nil, JSONInvalid
		}
		if b[i] != ',' {
			return s.anyMember()
		}
		i = oneSpace(b, i+1)
	}
	end := plainText(b, i)
	if end < 0 || end == len(b) || b[end] != ':' {
		return s.anyMember()
	}
	name = b[i+1 : end-1]
	i = oneSpace(b, end+1)
	if end = plainText(b, i); end > 0 {
		kind = JSONString
	} else {
		// A number that begins with a zero, goes on behind its digits, or is none at all
		// is left to the others.
		if end = digits(b, i); end == i || end == len(b) || b[i] == '0' || b[end] != ',' && b[end] != '}' {
			return s.anyMember()
		}
		kind = JSONNumber
	}
	s.i, s.first = end, false
	return name, b[i:end], kind
}

func (s *Scanner) anyMember() (name, value []byte, kind JSONKind) {
	name, ok := s.NextField()
	if !ok {
		return nil, nil, JSONInvalid
	}
	value, kind = s.Value()
	return name, value, kind
}

// oneSpace passes a space, which some clients write behind commas and colons.
func oneSpace(b []byte, i int) int {
	if i < len(b) && b[i] == ' ' {
		i++
	}
	return i
}

// plainText returns where the string of ASCII without escapes ends that starts at b[i],
// -1 where there is none.
func plainText(b []byte, i int) (end int) {
	if i >= len(b) || b[i] != '"' {
		return -1
	}
	for i++; len(b)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		if stop := notPlain(w) | w&highBits; stop != 0 {
			if i += bits.TrailingZeros64(stop) >> 3; b[i] != '"' {
				return -1
			}
			return i + 1
		}
	}
	end, high := plainRun(b, i)
	if high || end == len(b) || b[end] != '"' {
		return -1
	}
	return end + 1
}
