//go:build amd64 || arm64

package rowcache

import "unsafe"

// prefetch asks for lines (at least one) cache lines of 64 bytes from at on and returns
// at once. What is not mapped is not an error. Go has no such intrinsic outside the
// runtime, and a plain load in its place makes the processor wait: DESIGN.md has both.
//
//go:noescape
func prefetch(at unsafe.Pointer, lines uint64)
