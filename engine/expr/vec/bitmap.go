package vec

import "math/bits"

// Bitmap is one bit per row, the first row in the lowest bit of the first word. Bits
// beyond the last row mean nothing.
type Bitmap []uint64

// Words returns how many words n rows need.
func Words(n int) int { return (n + 63) >> 6 }

// Get returns bit i.
func (b Bitmap) Get(i int) bool { return b[i>>6]>>(i&63)&1 != 0 }

// Set sets bit i to v.
func (b Bitmap) Set(i int, v bool) {
	if v {
		b[i>>6] |= 1 << (i & 63)
	} else {
		b[i>>6] &^= 1 << (i & 63)
	}
}

// Fill sets every bit of every word to v.
func (b Bitmap) Fill(v bool) {
	var w uint64
	if v {
		w = ^w
	}
	for i := range b {
		b[i] = w
	}
}

// Count returns how many of the first n bits are set.
func (b Bitmap) Count(n int) int {
	count := 0
	for i := range n >> 6 {
		count += bits.OnesCount64(b[i])
	}
	if n&63 != 0 {
		count += bits.OnesCount64(b[n>>6] << (64 - n&63))
	}
	return count
}

// All reports whether the first n bits are all set.
func (b Bitmap) All(n int) bool {
	for i := range n >> 6 {
		if b[i] != ^uint64(0) {
			return false
		}
	}
	return n&63 == 0 || ^b[n>>6]<<(64-n&63) == 0
}

// Any reports whether one of the first n bits is set.
func (b Bitmap) Any(n int) bool {
	for i := range n >> 6 {
		if b[i] != 0 {
			return true
		}
	}
	return n&63 != 0 && b[n>>6]<<(64-n&63) != 0
}

// Resize returns a bitmap for n rows that uses b's memory if it is large enough. What
// its bits say is unspecified.
func (b Bitmap) Resize(n int) Bitmap { return resize(b, Words(n)) }

// resize returns s with length n and unspecified contents.
func resize[S ~[]E, E any](s S, n int) S {
	if cap(s) >= n {
		return s[:n]
	}
	return make(S, n, n+n/4)
}
