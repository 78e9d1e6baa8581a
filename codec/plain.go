package codec

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// plain marks the ASCII bytes that stand for themselves inside a JSON string.
var plain = func() (t [256]bool) {
	for c := ' '; c < utf8.RuneSelf; c++ {
		t[c] = c != '"' && c != '\\'
	}
	return t
}()

// Eight bytes at a time: the same bit of every byte.
const (
	lowBits  = 0x0101_0101_0101_0101
	highBits = 0x8080_8080_8080_8080
)

// notPlain marks, by their high bits, the bytes of w that are a quote, a backslash or a
// control character. Only the lowest mark is exact: a borrow may set marks above it.
func notPlain(w uint64) uint64 {
	quote := w ^ '"'*lowBits
	slash := w ^ '\\'*lowBits
	return ((w-' '*lowBits)&^w | (quote-lowBits)&^quote | (slash-lowBits)&^slash) & highBits
}

// plainRun returns where the first quote, backslash or control character at or behind
// b[i] is, len(b) if there is none, and whether there are bytes above ASCII before it.
func plainRun(b []byte, i int) (end int, high bool) {
	var seen uint64
	for len(b)-i >= 8 {
		w := binary.LittleEndian.Uint64(b[i:])
		if stop := notPlain(w); stop != 0 {
			n := uint(bits.TrailingZeros64(stop)) &^ 7
			return i + int(n>>3), (seen|w&(1<<n-1))&highBits != 0
		}
		seen |= w
		i += 8
	}
	high = seen&highBits != 0
	for i < len(b) && (plain[b[i]] || b[i] >= utf8.RuneSelf) {
		high = high || b[i] >= utf8.RuneSelf
		i++
	}
	return i, high
}

// plainPrefix is how many leading bytes of s stand for themselves; bytes above ASCII,
// which need a check, do not count.
func plainPrefix(s []byte) int {
	end, high := plainRun(s, 0)
	if !high {
		return end
	}
	for i, c := range s {
		if !plain[c] {
			return i
		}
	}
	return len(s)
}
