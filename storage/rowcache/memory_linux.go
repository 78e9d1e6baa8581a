package rowcache

import (
	"fmt"
	"syscall"
	"unsafe"
)

// madvHugePage asks for 2 MiB pages (MADV_HUGEPAGE): random reads over hundreds of
// megabytes otherwise spend as long on address translation as on the data.
const madvHugePage = 14

// allocate returns size bytes of zeroed memory outside the Go heap. size is a multiple
// of 8, and the memory is aligned to a page.
func allocate(size int) ([]byte, error) {
	b, err := syscall.Mmap(-1, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, fmt.Errorf("cannot map %d bytes for the row cache: %w", size, err)
	}
	_ = syscall.Madvise(b, madvHugePage) // a hint: kernels without huge pages refuse it
	return b, nil
}

func release(b []byte) error { return syscall.Munmap(b) }

// words views page-aligned memory as 64-bit words.
func words(b []byte) []uint64 {
	return unsafe.Slice((*uint64)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/8)
}
