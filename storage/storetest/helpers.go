package storetest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"quiver/storage"
)

// route returns the i-th of many self-delimiting routes: even ones are 9 bytes with
// zero and 0xff bytes in them, odd ones are words ended by a zero byte. Their order
// is not that of i.
func route(i int) []byte {
	if i%2 == 0 {
		x := uint64(i) * 0x9e3779b97f4a7c15
		if i%4 == 0 {
			x |= 0xff00
		} else {
			x &^= 0xff00
		}
		return binary.BigEndian.AppendUint64([]byte{1}, x)
	}
	return append(fmt.Appendf([]byte{2}, "%dword\xff", i*7919%1009), 0)
}

func key(table uint32, r int, suffix string) storage.Key {
	k := storage.Key{Table: table, Route: route(r)}
	if suffix != "" {
		k.Suffix = []byte(suffix)
	}
	return k
}

func put(k storage.Key, version uint64, row string) storage.Write {
	return storage.Write{Key: k, Version: version, Row: []byte(row)}
}

func del(k storage.Key, version uint64) storage.Write {
	return storage.Write{Key: k, Version: version, Delete: true}
}

func apply(t *testing.T, s storage.Store, ws ...storage.Write) {
	t.Helper()
	if err := s.Apply(context.Background(), ws); err != nil {
		t.Fatalf("Apply: %v", err)
	}
}

// answer is one slot of a batch, as the tests compare them.
type answer struct {
	row     string
	found   bool
	version uint64
}

func missing(version uint64) answer         { return answer{version: version} }
func has(row string, version uint64) answer { return answer{row: row, found: true, version: version} }

// getAll reads keys in one batch.
func getAll(t *testing.T, s storage.Store, keys ...storage.Key) []answer {
	t.Helper()
	b := &storage.Batch{}
	for _, k := range keys {
		b.Add(k)
	}
	if err := s.Get(context.Background(), b); err != nil {
		t.Fatalf("Get: %v", err)
	}
	out := make([]answer, b.Len())
	for i := range out {
		row, version, err := b.Row(i)
		if err != nil {
			t.Fatalf("Get of key %d %s: %v", i, keyText(keys[i]), err)
		}
		out[i] = answer{row: string(row), found: row != nil, version: version}
	}
	return out
}

func get(t *testing.T, s storage.Store, k storage.Key) answer {
	t.Helper()
	return getAll(t, s, k)[0]
}

func want(t *testing.T, what string, got, want answer) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: got %+v, want %+v", what, got, want)
	}
}

func keyText(k storage.Key) string {
	return fmt.Sprintf("%d/%x/%q", k.Table, k.Route, k.Suffix)
}

// entry is one row of a range.
type entry struct {
	route, suffix, row string
	version            uint64
}

// rangeAll reads all rows of a table from a key on, in one order whatever the
// shards, and checks that the store's own order is right within each route.
func rangeAll(t *testing.T, s storage.Ranger, table uint32, from storage.Key) []entry {
	t.Helper()
	var out []entry
	var last storage.Key
	err := s.Range(context.Background(), table, from, func(k storage.Key, version uint64, row []byte) bool {
		if k.Table != table {
			t.Fatalf("Range of table %d gave a row of table %d", table, k.Table)
		}
		if bytes.Equal(k.Route, last.Route) && bytes.Compare(k.Suffix, last.Suffix) <= 0 && last.Route != nil {
			t.Fatalf("Range gave suffix %q after %q", k.Suffix, last.Suffix)
		}
		last = storage.Key{Route: append([]byte{}, k.Route...), Suffix: bytes.Clone(k.Suffix)}
		out = append(out, entry{string(k.Route), string(k.Suffix), string(row), version})
		return true
	})
	if err != nil {
		t.Fatalf("Range: %v", err)
	}
	sortEntries(out)
	return out
}

func rangeRoute(t *testing.T, s storage.Ranger, table uint32, r, from []byte) []entry {
	t.Helper()
	var out []entry
	err := s.RangeRoute(context.Background(), table, r, from, func(suffix []byte, version uint64, row []byte) bool {
		out = append(out, entry{string(r), string(suffix), string(row), version})
		return true
	})
	if err != nil {
		t.Fatalf("RangeRoute: %v", err)
	}
	return out
}
