package codec

import "unsafe"

// b2s views b as a string without copying. The string is valid only while b is
// unchanged; it must not be kept.
func b2s(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
