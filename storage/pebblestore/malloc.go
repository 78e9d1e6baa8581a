//go:build linux && cgo

package pebblestore

// #include <malloc.h>
//
// static void one_arena(void) {
// #ifdef __GLIBC__
// 	mallopt(M_ARENA_MAX, 1);
// #endif
// }
import "C"

// oneArena makes the C library keep one heap. Pebble's blocks and memtables live in its
// memory; glibc otherwise gives up to 8 threads per core a heap of their own, each of
// which keeps what was freed in it: with 384 MiB of caches a process grew to 687 MiB
// beside loads, with one heap to 467. Blocks are made when they are read from the disk,
// so threads do not wait for each other to speak of.
func oneArena() { C.one_arena() }
