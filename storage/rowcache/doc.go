// Package rowcache keeps hot rows in memory in front of any storage.Store. It is
// itself a Store, so nothing above knows of it.
//
// # Memory
//
// The budget is cut into shards by a hash of the key. A shard is two flat pieces of
// memory without pointers, which the garbage collector never looks into:
//
//	index   buckets of 8 slots, one cache line each; a slot is 8 bytes:
//	        tag (19 bits of the hash) | lines (5 bits, cache lines of the entry) |
//	        place (40 bits, in units of 8 bytes)
//	slab    a ring of entries, written at the head, the oldest overwritten:
//	        route length uint16 | suffix length uint16 | row length uint32 |
//	        version uint64 | table uint32 | flags uint8 | 3 spare |
//	        route | suffix | row | padding to 8 bytes
//
// Places count upwards for ever, so "overwritten" is one comparison and eviction
// costs nothing. A hit in the oldest quarter of the ring is copied to the head,
// which makes the order close to least recently used. A full bucket gives up its
// oldest slot. Keys that have no row are kept too, as entries without a row.
//
// # Never stale
//
// A row that was replaced must not be served once anybody can have seen the new one.
// Each shard counts writes per stripe of keys:
//
//	write   begin: generation+1, writers+1, entry removed → inner Apply → writers-1
//	read    look up; on a miss note the generation (none while writers > 0)
//	        → inner Get → fill only if the generation is still the same
//
// So while a write is under way its keys are neither served from the cache nor
// filled, and a reader that looked before the write began cannot fill after it. Rows
// that are written together under one route are read together: a batch that finds some
// keys here and may not fill what it did not find asks the inner store for all.
//
// # Why our own
//
// DESIGN.md beside this file holds the measurement against a library.
package rowcache
