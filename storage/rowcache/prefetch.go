//go:build amd64 || arm64

package rowcache

// prefetchBucket asks for the cache line of a bucket and returns at once. Go has no such
// intrinsic outside its runtime, and a plain load in its place makes the processor wait:
// DESIGN.md has both.
//
//go:noescape
func prefetchBucket(slots *uint64)

// prefetchEntry asks for lines (at least one) cache lines of 64 bytes from at on.
//
//go:noescape
func prefetchEntry(at *byte, lines uint64)
