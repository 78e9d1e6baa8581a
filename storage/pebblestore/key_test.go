package pebblestore

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"testing"

	"quiver/storage"
)

func TestFormatIsPinned(t *testing.T) {
	f := func(w storage.Write, version uint64, key, value string) {
		t.Helper()
		k := appendKey([]byte("k"), &w.Key)
		v := appendValue([]byte("v"), &w, version)
		if got := hex.EncodeToString(k[1:]); got != key {
			t.Errorf("key is %s, want %s", got, key)
		}
		if got := hex.EncodeToString(v[1:]); got != value {
			t.Errorf("value is %s, want %s", got, value)
		}
		if len(k)-1 != keyLen(&w.Key) || len(v)-1 != envelopeLen(&w) {
			t.Errorf("lengths %d %d, want %d %d", len(k)-1, len(v)-1, keyLen(&w.Key), envelopeLen(&w))
		}
	}
	k := storage.Key{Table: 0x01020304, Route: []byte("ab"), Suffix: []byte("c")}
	f(storage.Write{Key: k, Row: []byte("row")}, 7, "01020304616263", "10"+"0000000000000007"+"02"+"726f77")
	f(storage.Write{Key: k, Row: []byte("row"), Expire: 9}, 7, "01020304616263", "12"+"0000000000000007"+"02"+"0000000000000009"+"726f77")
	f(storage.Write{Key: k, Row: []byte("row"), Delete: true}, 7, "01020304616263", "11"+"0000000000000007"+"02")
	f(storage.Write{Key: k, Delete: true, Expire: -1}, 1<<63, "01020304616263", "13"+"8000000000000000"+"02"+"ffffffffffffffff")
	long := storage.Key{Route: bytes.Repeat([]byte{1}, 200)}
	f(storage.Write{Key: long}, 1, "00000000"+hex.EncodeToString(long.Route), "10"+"0000000000000001"+"c801")
	st := make([]byte, stateLen)
	state{counter: 5, commits: 6}.put(st)
	if got := hex.EncodeToString(st); got != "10"+"0000000000000005"+"0000000000000006" {
		t.Errorf("state is %s", got)
	}
}

func TestValueRoundTrip(t *testing.T) {
	rng := newRand(t)
	for range 500 {
		w := storage.Write{Row: make([]byte, rng.IntN(40)), Delete: rng.IntN(4) == 0}
		w.Route = make([]byte, rng.IntN(1+rng.IntN(storage.MaxKey)))
		if rng.IntN(2) == 0 {
			w.Expire = int64(rng.Uint64())
		}
		version := rng.Uint64()
		e, row, err := parseValue(appendValue(nil, &w, version))
		if err != nil || e.version != version || e.expire != w.Expire || e.dead != w.Delete || e.routeLen != len(w.Route) {
			t.Fatalf("got %+v %v of %+v", e, err, w)
		}
		if w.Delete != (row == nil) || !w.Delete && !bytes.Equal(row, w.Row) {
			t.Fatalf("got row %x, want %x", row, w.Row)
		}
	}
}

// TestKeyOrder checks that disk keys order by table, route, suffix, and that the
// bounds of tables and routes hold exactly what they should.
func TestKeyOrder(t *testing.T) {
	var keys []storage.Key
	for _, table := range []uint32{0, 1, 0xff, 0x100, 1<<32 - 2, 1<<32 - 1} {
		for _, route := range []string{"\x00\x00", "\x00\xff", "a\x00", "b\xff", "\xff\x00", "\xff\xff"} {
			for _, suffix := range []string{"", "\x00", "\x00\x00", "a", "\xff", "\xff\xff"} {
				keys = append(keys, storage.Key{Table: table, Route: []byte(route), Suffix: []byte(suffix)})
			}
		}
	}
	disk := make([][]byte, len(keys))
	for i := range keys {
		disk[i] = appendKey(nil, &keys[i])
		if bytes.Compare(stateKey, disk[i]) >= 0 {
			t.Fatalf("the state key is not below %x", disk[i])
		}
	}
	if !slices.IsSortedFunc(disk, bytes.Compare) {
		t.Fatal("disk keys are not in the order of keys")
	}
	within := func(k, lower, upper []byte) bool { return bytes.Compare(k, lower) >= 0 && bytes.Compare(k, upper) < 0 }
	for i, k := range keys {
		table, tableEnd := appendTable(nil, k.Table), appendTableEnd(nil, k.Table)
		prefix := appendKey(nil, &storage.Key{Table: k.Table, Route: k.Route})
		prefixEnd := appendAfterPrefix(nil, prefix)
		for j, d := range disk {
			if got, want := within(d, table, tableEnd), keys[j].Table == k.Table; got != want {
				t.Fatalf("key %x in table %x: %v", d, k.Table, got)
			}
			want := keys[j].Table == k.Table && bytes.Equal(keys[j].Route, k.Route)
			if got := within(d, prefix, prefixEnd); got != want {
				t.Fatalf("key %x in route %x: %v", d, disk[i], got)
			}
		}
		if within(stateKey, table, tableEnd) {
			t.Fatalf("the state key lies in table %x", k.Table)
		}
	}
}

func TestHeadOrder(t *testing.T) {
	rng := newRand(t)
	for range 2000 {
		x, y := make([]byte, rng.IntN(11)), make([]byte, rng.IntN(11))
		for _, p := range [][]byte{x, y} {
			for i := range p {
				p[i] = byte(rng.IntN(2) * rng.IntN(256))
			}
		}
		hx, hy := head(x), head(y)
		if c := bytes.Compare(x, y); hx < hy && c >= 0 || hx > hy && c <= 0 {
			t.Fatalf("heads of %x and %x are in the wrong order", x, y)
		}
	}
}

func FuzzParseValue(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendValue(nil, &storage.Write{Row: []byte("row"), Expire: 5}, 3))
	f.Add(appendValue(nil, &storage.Write{Delete: true}, 3))
	f.Add([]byte{0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, v []byte) {
		e, row, err := parseValue(v)
		if err != nil {
			if !errors.Is(err, storage.ErrCorrupt) {
				t.Fatalf("got %v", err)
			}
			return
		}
		if e.dead != (row == nil) || e.routeLen < 0 || e.routeLen > storage.MaxKey || len(row) > len(v) {
			t.Fatalf("got %+v with a row of %d bytes from %x", e, len(row), v)
		}
	})
}
