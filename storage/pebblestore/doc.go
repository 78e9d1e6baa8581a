// Package pebblestore keeps rows in N Pebble databases on the local disk, sharded
// by the hash of a key's route. DESIGN.md beside this file says why it is built so,
// with the measurements.
//
// # Folder
//
//	DIR/
//	  FORMAT        text: format of this folder and number of shards, fixed for good
//	  LOCK          held while the store is open
//	  LOCK-owner    text: who holds it
//	  ACKED         per shard, the last commit that was acknowledged (see below)
//	  BALLAST       reserved space, given back when the disk is full
//	  bulk-…/       a bulk load in progress; removed at Open
//	  shard-000/ …  one Pebble database each
//
// A key lives in shard xxhash64(Route) mod N, whatever its table.
//
// # Key
//
//	0        4                  4+r               4+r+s
//	┌────────┬──────────────────┬──────────────────┐
//	│ table  │ route, r bytes   │ suffix, s bytes  │
//	│ uint32 │                  │                  │
//	└────────┴──────────────────┴──────────────────┘
//	 big endian
//
// Routes of a table are self-delimiting (storage.Key), so bytewise order of these
// keys is the order by table, then route, then suffix, and two keys never meet in
// the same bytes. What separates route from suffix again, for Range, is the length
// of the route in the value: behind the key it would break the order of suffixes
// that are prefixes of each other, and in front it would break the order of routes.
// A point read only steps over it.
//
// # Value
//
//	 0       1            9           9+l            9+l+e
//	 ┌───────┬────────────┬────────────┬──────────────┬─────────┐
//	 │ head  │ version    │ r: length  │ expire       │ row …   │
//	 │       │ uint64     │ of route,  │ int64, µs;   │         │
//	 │       │            │ uvarint    │ only if set  │         │
//	 └───────┴────────────┴────────────┴──────────────┴─────────┘
//	          big endian                big endian
//
//	head: 0x10 (format 1) + 0x01 tombstone, no row + 0x02 expire is set
//
// A deleted row is a value with the tombstone bit, never a Pebble deletion: its
// version must stay.
//
// # State of a shard
//
// Under the one-byte key 00, which sorts before every table and lies in none:
//
//	┌────────┬──────────────────┬──────────────────┐
//	│ 0x10   │ counter, uint64  │ commits, uint64  │ big endian
//	└────────┴──────────────────┴──────────────────┘
//
// counter is the last number given to a NextVersion write; commits counts the
// batches written to this shard. Every batch carries both, so they are as durable
// as the rows they belong to. ACKED holds, per shard, a value of commits that was
// acknowledged; a shard that opens with fewer has lost acknowledged rows.
package pebblestore
