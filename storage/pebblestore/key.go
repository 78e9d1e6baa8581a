package pebblestore

import (
	"encoding/binary"
	"fmt"

	"github.com/cespare/xxhash/v2"

	"quiver/storage"
)

// tableLen is how many bytes of a key name its table.
const tableLen = 4

// appendKey appends the disk key of k to dst; doc.go draws it.
func appendKey(dst []byte, k *storage.Key) []byte {
	dst = binary.BigEndian.AppendUint32(dst, k.Table)
	dst = append(dst, k.Route...)
	return append(dst, k.Suffix...)
}

func putKey(dst []byte, k *storage.Key) {
	binary.BigEndian.PutUint32(dst, k.Table)
	n := tableLen + copy(dst[tableLen:], k.Route)
	copy(dst[n:], k.Suffix)
}

func keyLen(k *storage.Key) int { return tableLen + len(k.Route) + len(k.Suffix) }

// appendTable appends the first key that table may have, which is less than all of
// its keys and greater than those of the tables below.
func appendTable(dst []byte, table uint32) []byte { return binary.BigEndian.AppendUint32(dst, table) }

// appendTableEnd appends a key above all of table's and at most the first of the
// next one.
func appendTableEnd(dst []byte, table uint32) []byte {
	if table == 1<<32-1 {
		// No key begins with five times 0xff and is as long: routes and
		// suffixes end before.
		for range tableLen + storage.MaxKey + 1 {
			dst = append(dst, 0xff)
		}
		return dst
	}
	return binary.BigEndian.AppendUint32(dst, table+1)
}

// appendAfterPrefix appends a key above all that begin with prefix and at most the
// first that is above them.
func appendAfterPrefix(dst, prefix []byte) []byte {
	for n := len(prefix); n > 0; n-- {
		if prefix[n-1] != 0xff {
			dst = append(dst, prefix[:n]...)
			dst[len(dst)-1]++
			return dst
		}
	}
	return appendTableEnd(dst, 1<<32-1)
}

// shardOf is the shard of a route among n.
func shardOf(route []byte, n int) int {
	if n == 1 {
		return 0
	}
	return int(xxhash.Sum64(route) % uint64(n))
}

// The head byte of a value.
const (
	headFormat    = 0x10
	headTombstone = 0x01
	headExpire    = 0x02
	headMask      = headTombstone | headExpire
)

// envelope is what a value says about its row.
type envelope struct {
	version  uint64
	expire   int64
	routeLen int
	dead     bool
}

// envelopeLen is the size of w's value.
func envelopeLen(w *storage.Write) int {
	n := 1 + 8 + uvarintLen(uint64(len(w.Route)))
	if w.Expire != 0 {
		n += 8
	}
	if !w.Delete {
		n += len(w.Row)
	}
	return n
}

func uvarintLen(x uint64) int {
	n := 1
	for ; x >= 0x80; x >>= 7 {
		n++
	}
	return n
}

// appendValue appends the value of w under the given version.
func appendValue(dst []byte, w *storage.Write, version uint64) []byte {
	head := byte(headFormat)
	if w.Delete {
		head |= headTombstone
	}
	if w.Expire != 0 {
		head |= headExpire
	}
	dst = append(dst, head)
	dst = binary.BigEndian.AppendUint64(dst, version)
	dst = binary.AppendUvarint(dst, uint64(len(w.Route)))
	if w.Expire != 0 {
		dst = binary.BigEndian.AppendUint64(dst, uint64(w.Expire))
	}
	if w.Delete {
		return dst
	}
	return append(dst, w.Row...)
}

// parseValue reads a value. row aliases v and is nil for a tombstone only. The
// error wraps storage.ErrCorrupt.
func parseValue(v []byte) (e envelope, row []byte, err error) {
	if len(v) < 10 || v[0]&^headMask != headFormat {
		return e, nil, badValue(v)
	}
	e.version = binary.BigEndian.Uint64(v[1:])
	at := 10
	if e.routeLen = int(v[9]); e.routeLen >= 0x80 {
		x, n := binary.Uvarint(v[9:])
		if n <= 0 || x > storage.MaxKey {
			return e, nil, badValue(v)
		}
		e.routeLen, at = int(x), 9+n
	}
	if v[0]&headMask == 0 {
		return e, v[at:], nil
	}
	if v[0]&headExpire != 0 {
		if len(v) < at+8 {
			return e, nil, badValue(v)
		}
		e.expire = int64(binary.BigEndian.Uint64(v[at:]))
		at += 8
	}
	if v[0]&headTombstone != 0 {
		if len(v) != at {
			return e, nil, badValue(v)
		}
		e.dead = true
		return e, nil, nil
	}
	return e, v[at:], nil
}

func badValue(v []byte) error {
	return fmt.Errorf("%w: value of %d bytes with head %x is not one of ours", storage.ErrCorrupt, len(v), v[:min(len(v), 10)])
}

// state is what a shard keeps about itself, under stateKey.
type state struct {
	counter uint64 // last number given to a NextVersion write
	commits uint64 // batches written
}

// stateKey sorts before every table's keys, which have at least four bytes.
var stateKey = []byte{0}

const stateLen = 1 + 8 + 8

func (s state) put(dst []byte) {
	dst[0] = headFormat
	binary.BigEndian.PutUint64(dst[1:], s.counter)
	binary.BigEndian.PutUint64(dst[9:], s.commits)
}

func parseState(v []byte) (state, error) {
	if len(v) != stateLen || v[0] != headFormat {
		return state{}, fmt.Errorf("%w: state of a shard is %x", storage.ErrCorrupt, v[:min(len(v), stateLen)])
	}
	return state{counter: binary.BigEndian.Uint64(v[1:]), commits: binary.BigEndian.Uint64(v[9:])}, nil
}
