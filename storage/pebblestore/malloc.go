//go:build linux && cgo

package pebblestore

// #include <malloc.h>
//
// __attribute__((constructor)) static void one_heap(void) {
// #ifdef __GLIBC__
// 	mallopt(M_ARENA_MAX, 1);
// #endif
// }
import "C"

// The C library keeps one heap in programs that have this package. Pebble's blocks and
// memtables live in its memory, and glibc otherwise gives up to 8 threads per core a heap
// of their own, each of which keeps what was freed in it: with 384 MiB of caches a process
// grew to 687 MiB, with one heap to 451. Blocks are made when they are read from the disk,
// so threads do not wait for each other to speak of. It has to be said before a second
// thread asks for memory, hence before main.
