package codec

import "unsafe"

// stringBytes returns the bytes of s without a copy. They must not be changed, nor
// kept longer than s.
func stringBytes(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }
