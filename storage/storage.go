// Package storage is the shelf: opaque keys to opaque rows, in numbered tables,
// with a version per row. It knows nothing of feature groups, types or joins.
//
// A store keeps, per key, the row with the greatest version it was ever given.
// Everything above (what a row means, which rows have expired, who may read) is
// the engine's business. The contract is small enough to be met by an LSM tree on
// the local disk (pebblestore), by a Go map (memstore) and by a Redis or Valkey
// Cluster: rows are opaque bytes, reads are point reads, and all keys that one
// commit touches atomically share a Route.
package storage

import (
	"context"
	"errors"
	"math"
)

// Key names one row.
//
// Table is a physical table id handed out by the catalog and never used twice.
// Route decides the shard: all keys with equal Route bytes live together whatever
// their table, so that the groups of one entity are read from one place. Suffix
// tells apart several rows under one Route (history, index entries, stream
// records); it is empty for plain rows.
//
// A store orders keys by Table, then Route, then Suffix, bytewise. Routes must be
// self-delimiting (no route a prefix of another within a table), which every key
// the codec writes is.
type Key struct {
	Table  uint32
	Route  []byte
	Suffix []byte
}

// Write is one change to one key.
type Write struct {
	Key
	// Version orders writes to one key: a write older than what is stored is
	// dropped, an equal one replaces it (the later arrival wins).
	// NextVersion asks the store for a number above all those it gave out
	// before in that shard, restarts included. Such a write replaces whatever
	// is stored without looking at it; a later write with a version of its own
	// is compared with the number. So write a table in one of the two ways.
	Version uint64
	// Expire is a hint in Unix microseconds after which the row may be
	// swept; 0 keeps it. A read never judges by it.
	Expire int64
	// Together, in the first write of an Apply, asks that all of its rows appear at
	// once to every Get of several keys, across routes and tables. Stores that are
	// a Fencer do so. Readers wait meanwhile, so it is not for large loads.
	Together bool
	// Delete leaves a tombstone carrying Version, so that an older write
	// arriving later stays dropped. Row is ignored.
	Delete bool
	Row    []byte
}

// NextVersion as Write.Version lets the store number the write.
const NextVersion = uint64(0)

// MaxVersion is the greatest version a caller may give.
const MaxVersion = uint64(math.MaxUint64 - 1)

// Store is what the engine reads from and writes to. Its methods may be called
// from many goroutines at once; a Batch belongs to one call at a time.
type Store interface {
	// Get fills b: for each key its row and version, or nothing, or an error
	// for that key alone. The returned error is for the call as a whole
	// (closed store, cancelled context); then b's slots mean nothing.
	Get(ctx context.Context, b *Batch) error
	// Apply makes the writes durable before it returns nil: a crash of the
	// process or of the machine after that loses none of them. Writes that
	// share a Route become visible and durable together; across routes there
	// is no atomicity. Several writes to one key count as made one after
	// another, in order. The store does not keep ws or what it points to.
	// After an error, some writes may have been made, but for ErrInvalid,
	// ErrFull and ErrClosed: then none was.
	Apply(ctx context.Context, ws []Write) error
	// Close waits for running calls. Later calls return ErrClosed.
	Close() error
}

// Ranger is an optional Store ability used off the read path: to replay
// streams, build indexes, inspect and verify.
type Ranger interface {
	// Range calls f for the live rows of a table in key order within each
	// shard (shards one after another), starting at the first key >= from
	// (route then suffix; the zero Key starts at the beginning, from.Table is
	// ignored), until f returns false. The slices passed to f die when it
	// returns. f may use the store.
	Range(ctx context.Context, table uint32, from Key, f func(k Key, version uint64, row []byte) bool) error
	// RangeRoute does the same for the rows of one route, ordered by suffix.
	RangeRoute(ctx context.Context, table uint32, route, fromSuffix []byte, f func(suffix []byte, version uint64, row []byte) bool) error
	// List is Range over all of a table for those who copy it: f gets rows and
	// tombstones as the writes that make them again.
	List(ctx context.Context, table uint32, f func(w Write) bool) error
}

// Floorer is an optional Store ability: the live row of one route with the greatest
// suffix <= the given one (a nil suffix means the greatest of all; an empty one only
// finds the row without suffix). found is false where there is none. row is appended
// to dst; foundSuffix is the caller's to keep.
type Floorer interface {
	Floor(ctx context.Context, table uint32, route, suffix, dst []byte) (row, foundSuffix []byte, version uint64, found bool, err error)
}

// TableDropper is an optional Store ability: forget every row and tombstone of a
// table, durably when it returns nil. The table id is never written again.
type TableDropper interface {
	DropTable(ctx context.Context, table uint32) error
}

// BulkLoader is an optional Store ability: fill an empty table that nobody reads
// yet, much faster than Apply.
type BulkLoader interface {
	// BulkLoad starts filling table, which must be empty (tombstones count
	// as rows), else ErrNotEmpty.
	BulkLoad(ctx context.Context, table uint32) (Bulk, error)
}

// Bulk collects the rows of one new table. Add may be called from one goroutine
// only, with keys in any order, and copies what it is given; of equal keys the
// greatest version wins, and of equal versions (NextVersion included: all of one
// load share one number per shard) the later one. Nothing is promised until Commit
// returns nil, when everything is visible and durable; after an error of Commit
// drop the table. Call Commit or Abort, once. Abort throws the work away; it does
// nothing after Commit.
type Bulk interface {
	Add(w Write) error
	Commit(ctx context.Context) error
	Abort() error
}

// Checkpointer is an optional Store ability: a consistent copy of everything
// acknowledged so far in a new folder.
type Checkpointer interface {
	Checkpoint(ctx context.Context, dir string) error
}

// Errors every store uses; test with errors.Is.
var (
	ErrClosed  = errors.New("store is closed")
	ErrCorrupt = errors.New("stored data is damaged")
	ErrLocked  = errors.New("data folder is in use by another process")
	ErrFull    = errors.New("no space left for writes")
	// ErrNotEmpty answers a bulk load of a table that has rows.
	ErrNotEmpty = errors.New("table is not empty")
	// ErrInvalid marks a write that no store accepts; the text says why.
	ErrInvalid = errors.New("write is not valid")
)
