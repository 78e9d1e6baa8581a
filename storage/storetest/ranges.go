package storetest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"quiver/storage"
)

func sortEntries(es []entry) {
	slices.SortFunc(es, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.route, b.route), cmp.Compare(a.suffix, b.suffix))
	})
}

// suffixes in order.
var suffixes = []string{"", "\x00", "\x00\x00", "\x01", "a", "a\x00", "ab", "b", "\xff", "\xff\x00", "\xff\xff"}

func testRange(t *testing.T, s storage.Store) {
	r := ability[storage.Ranger](t, s)
	const table = 500
	var all []entry
	var ws []storage.Write
	for i := range 40 {
		for _, suffix := range suffixes[:1+i%len(suffixes)] {
			e := entry{string(route(i)), suffix, fmt.Sprint(i, suffix), uint64(i + 1)}
			all = append(all, e)
			ws = append(ws, put(key(table, i, suffix), e.version, e.row))
			// Neighbouring tables must not show.
			ws = append(ws, put(key(table-1, i, suffix), 1, "below"), put(key(table+1, i, suffix), 1, "above"))
		}
		dead := key(table, i, "dead")
		ws = append(ws, put(dead, 1, "dead"), del(dead, 2))
	}
	apply(t, s, ws...)
	sortEntries(all)
	f := func(from storage.Key) {
		t.Helper()
		at, _ := slices.BinarySearchFunc(all, from, func(e entry, k storage.Key) int {
			return cmp.Or(cmp.Compare(e.route, string(k.Route)), cmp.Compare(e.suffix, string(k.Suffix)))
		})
		if got := rangeAll(t, r, table, from); !slices.Equal(got, all[at:]) {
			t.Fatalf("Range from %s gave %d rows, want %d:\n%+v\n%+v", keyText(from), len(got), len(all)-at, got, all[at:])
		}
	}
	f(storage.Key{})
	f(storage.Key{Table: table + 1})
	for i := range 41 { // the last was never written
		f(storage.Key{Route: route(i)})
		f(key(table, i, "a"))
		f(key(table, i, "\xff\xff\xff"))
	}
	f(storage.Key{Route: []byte{0xff, 0xff, 0xff}})
	if got := rangeAll(t, r, 12345, storage.Key{}); got != nil {
		t.Fatalf("Range of a table without rows gave %d", len(got))
	}

	n := 0
	err := r.Range(context.Background(), table, storage.Key{}, func(k storage.Key, _ uint64, row []byte) bool {
		n++
		// f may use the store.
		want(t, "Get within Range", get(t, s, storage.Key{Table: table, Route: bytes.Clone(k.Route), Suffix: bytes.Clone(k.Suffix)}).noVersion(), has(string(row), 0))
		return n < 5
	})
	if err != nil || n != 5 {
		t.Fatalf("Range stopped by f: %d calls, %v", n, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n = 0
	err = r.Range(ctx, table, storage.Key{}, func(storage.Key, uint64, []byte) bool { n++; cancel(); return true })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("Range of %d rows under a cancelled context: %d calls, %v", len(all), n, err)
	}
}

func (a answer) noVersion() answer { a.version = 0; return a }

// testList copies a table by what List gives: rows and tombstones, and their versions.
func testList(t *testing.T, s storage.Store) {
	r := ability[storage.Ranger](t, s)
	const from, to = 700, 701
	var ws []storage.Write
	for i := range 30 {
		w := put(key(from, i, suffixes[i%3]), uint64(10+i), fmt.Sprint(i))
		if i%3 == 0 {
			w = del(w.Key, w.Version)
		} else if i%3 == 1 {
			w.Expire = 1_000_000
		}
		ws = append(ws, w, put(key(from-1, i, ""), 1, "below"))
	}
	apply(t, s, ws...)
	var copies []storage.Write
	err := r.List(context.Background(), from, func(w storage.Write) bool {
		copies = append(copies, storage.Write{
			Key:     storage.Key{Table: to, Route: bytes.Clone(w.Route), Suffix: bytes.Clone(w.Suffix)},
			Version: w.Version, Expire: w.Expire, Delete: w.Delete, Row: bytes.Clone(w.Row),
		})
		return true
	})
	if err != nil || len(copies) != 30 {
		t.Fatalf("List: %d of 30, %v", len(copies), err)
	}
	apply(t, s, copies...)
	expiring := 0
	for i := range 30 {
		k := key(to, i, suffixes[i%3])
		answer := has(fmt.Sprint(i), uint64(10+i))
		if i%3 == 0 {
			answer = missing(uint64(10 + i))
		}
		want(t, "the copy", get(t, s, k), answer)
	}
	for _, w := range copies {
		if w.Expire == 1_000_000 {
			expiring++
		}
	}
	if expiring != 10 {
		t.Fatalf("List: %d rows expire, want 10", expiring)
	}
	n := 0
	if err := r.List(context.Background(), from, func(storage.Write) bool { n++; return n < 5 }); err != nil || n != 5 {
		t.Fatalf("List stopped by f: %d calls, %v", n, err)
	}
}

func testRangeRoute(t *testing.T, s storage.Store) {
	r := ability[storage.Ranger](t, s)
	var ws []storage.Write
	for i := range 3 {
		for j, suffix := range suffixes {
			ws = append(ws, put(key(4, i, suffix), uint64(j+1), fmt.Sprint(i, suffix)))
		}
	}
	ws = append(ws, del(key(4, 1, "aa"), 3), put(key(3, 1, "b"), 1, "other table"), put(key(5, 1, "b"), 1, "other table"))
	apply(t, s, ws...)
	f := func(i int, from []byte, wantSuffixes []string) {
		t.Helper()
		got := rangeRoute(t, r, 4, route(i), from)
		var list []entry
		for _, suffix := range wantSuffixes {
			list = append(list, entry{string(route(i)), suffix, fmt.Sprint(i, suffix), uint64(slices.Index(suffixes, suffix) + 1)})
		}
		if !slices.Equal(got, list) {
			t.Fatalf("RangeRoute(%d, %q) = %+v, want %+v", i, from, got, list)
		}
	}
	for i := range 3 {
		f(i, nil, suffixes)
		f(i, []byte{}, suffixes)
		for j, suffix := range suffixes {
			f(i, []byte(suffix), suffixes[j:])
		}
		f(i, []byte("aa"), []string{"ab", "b", "\xff", "\xff\x00", "\xff\xff"})
		f(i, []byte("\xff\xff\xff"), nil)
	}
	f(7, nil, nil)
	n := 0
	if err := r.RangeRoute(context.Background(), 4, route(0), nil, func([]byte, uint64, []byte) bool { n++; return false }); err != nil || n != 1 {
		t.Fatalf("RangeRoute stopped by f: %d calls, %v", n, err)
	}
}

func testFloor(t *testing.T, s storage.Store) {
	fl := ability[storage.Floorer](t, s)
	var ws []storage.Write
	for i := range 4 {
		for j, suffix := range []string{"b", "d", "d\x00", "\xff\xff"} {
			ws = append(ws, put(key(6, i, suffix), uint64(j+1), fmt.Sprint(i, suffix)))
		}
	}
	ws = append(ws, del(key(6, 1, "\xff\xff"), 9), del(key(6, 1, "c"), 9), put(key(6, 3, ""), 7, "plain"),
		del(key(6, 5, "x"), 1), put(key(5, 5, "x"), 1, "other table"))
	apply(t, s, ws...)
	f := func(i int, suffix []byte, wantSuffix, wantRow string, version uint64) {
		t.Helper()
		row, found, v, ok, err := fl.Floor(context.Background(), 6, route(i), suffix, []byte("dst:"))
		if err != nil || !ok || string(row) != "dst:"+wantRow || string(found) != wantSuffix || v != version {
			t.Fatalf("Floor(%d, %q) = %q %q %d %v %v, want %q %q %d", i, suffix, row, found, v, ok, err, wantRow, wantSuffix, version)
		}
	}
	none := func(i int, suffix []byte) {
		t.Helper()
		row, found, v, ok, err := fl.Floor(context.Background(), 6, route(i), suffix, []byte("dst:"))
		if err != nil || ok || v != 0 || found != nil || string(row) != "dst:" {
			t.Fatalf("Floor(%d, %q) = %q %q %d %v %v, want nothing", i, suffix, row, found, v, ok, err)
		}
	}
	f(0, nil, "\xff\xff", "0\xff\xff", 4)
	f(0, []byte("\xff\xff\xff"), "\xff\xff", "0\xff\xff", 4)
	f(0, []byte("d"), "d", "0d", 2)
	f(0, []byte("d\x00"), "d\x00", "0d\x00", 3)
	f(0, []byte("cz"), "b", "0b", 1)
	f(0, []byte("b"), "b", "0b", 1)
	none(0, []byte("a"))
	none(0, []byte{})
	f(1, nil, "d\x00", "1d\x00", 3) // above it lies a tombstone
	f(1, []byte("c"), "b", "1b", 1)
	f(3, []byte{}, "", "plain", 7)
	f(3, []byte("a"), "", "plain", 7)
	none(5, nil) // only a tombstone
	none(9, nil)
}

func testDropTable(t *testing.T, s storage.Store) {
	d := ability[storage.TableDropper](t, s)
	var ws []storage.Write
	for i := range 60 {
		for _, table := range []uint32{0, 9, 10, 11, 1<<32 - 1} {
			ws = append(ws, put(key(table, i, ""), 5, "x"), del(key(table, i, "dead"), 5), put(key(table, i, "n"), storage.NextVersion, "x"))
		}
	}
	apply(t, s, ws...)
	before := get(t, s, key(11, 0, "n")).version
	f := func(table uint32, rest ...uint32) {
		t.Helper()
		if err := d.DropTable(context.Background(), table); err != nil {
			t.Fatalf("DropTable(%d): %v", table, err)
		}
		for i := range 60 {
			want(t, "dropped row", get(t, s, key(table, i, "")), missing(0))
			want(t, "dropped tombstone", get(t, s, key(table, i, "dead")), missing(0))
		}
		if r, ok := s.(storage.Ranger); ok {
			if got := rangeAll(t, r, table, storage.Key{}); len(got) != 0 {
				t.Fatalf("a dropped table has %d rows", len(got))
			}
		}
		for _, other := range rest {
			for i := range 60 {
				want(t, "row of another table", get(t, s, key(other, i, "")), has("x", 5))
				want(t, "tombstone of another table", get(t, s, key(other, i, "dead")), missing(5))
			}
		}
	}
	f(10, 0, 9, 11, 1<<32-1)
	f(10, 0, 9, 11, 1<<32-1) // again
	f(77, 0, 9, 11, 1<<32-1) // never written
	f(1<<32-1, 0, 9, 11)
	f(0, 9, 11)
	apply(t, s, put(key(11, 0, "n"), storage.NextVersion, "y"))
	if got := get(t, s, key(11, 0, "n")); got.version <= before {
		t.Fatalf("version %d after DropTable is not above %d", got.version, before)
	}
}
