package codec

import "unsafe"

// stringBytes returns the bytes of s without a copy. They must not be changed, nor
// kept longer than s.
func stringBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// b2s views b as a string without copying. The string is valid only while b is
// unchanged; it must not be kept.
func b2s(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
