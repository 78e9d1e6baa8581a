package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"quiver/storage"
)

func testGetApply(t *testing.T, s storage.Store) {
	k := key(7, 1, "")
	want(t, "never written", get(t, s, k), missing(0))
	apply(t, s)
	apply(t, s, put(k, 5, "hello"))
	want(t, "written", get(t, s, k), has("hello", 5))
	apply(t, s, put(k, 6, ""))
	want(t, "an empty row is a row", get(t, s, k), has("", 6))
	apply(t, s, storage.Write{Key: k, Version: 7})
	want(t, "a nil row is an empty row", get(t, s, k), has("", 7))
	apply(t, s, storage.Write{Key: k, Version: 8, Row: []byte("gone soon"), Expire: 1})
	want(t, "expiry is not judged by reads", get(t, s, k), has("gone soon", 8))
	if err := s.Get(context.Background(), &storage.Batch{}); err != nil {
		t.Fatalf("Get of an empty batch: %v", err)
	}
}

func testVersions(t *testing.T, s storage.Store) {
	k := key(1, 4, "x")
	f := func(version uint64, row string, after answer) {
		t.Helper()
		apply(t, s, put(k, version, row))
		want(t, fmt.Sprintf("after version %d", version), get(t, s, k), after)
	}
	f(10, "a", has("a", 10))
	f(9, "older", has("a", 10))
	f(10, "equal", has("equal", 10))
	f(11, "newer", has("newer", 11))
	f(1, "oldest", has("newer", 11))
	f(storage.MaxVersion, "last", has("last", storage.MaxVersion))
	f(storage.MaxVersion-1, "not", has("last", storage.MaxVersion))
	f(storage.MaxVersion, "again", has("again", storage.MaxVersion))
}

func testTombstones(t *testing.T, s storage.Store) {
	k := key(1, 3, "")
	apply(t, s, put(k, 10, "a"))
	apply(t, s, del(k, 9))
	want(t, "an older delete is dropped", get(t, s, k), has("a", 10))
	apply(t, s, del(k, 20))
	want(t, "deleted", get(t, s, k), missing(20))
	apply(t, s, put(k, 19, "late"))
	want(t, "an older write stays dropped", get(t, s, k), missing(20))
	apply(t, s, put(k, 20, "equal"))
	want(t, "an equal write revives", get(t, s, k), has("equal", 20))
	apply(t, s, del(k, 20))
	want(t, "an equal delete deletes", get(t, s, k), missing(20))
	apply(t, s, put(k, 21, "new"))
	want(t, "a newer write revives", get(t, s, k), has("new", 21))
	never := key(1, 5, "")
	apply(t, s, del(never, 3))
	want(t, "a delete of nothing leaves its version", get(t, s, never), missing(3))
	apply(t, s, storage.Write{Key: never, Version: 4, Delete: true, Row: []byte("ignored"), Expire: 9})
	want(t, "the row of a delete is ignored", get(t, s, never), missing(4))
}

func testNextVersion(t *testing.T, s storage.Store) {
	k, other := key(1, 2, ""), key(2, 2, "s")
	var last uint64
	f := func(w storage.Write, row string, found bool) {
		t.Helper()
		apply(t, s, w)
		got := get(t, s, w.Key)
		if got.row != row || got.found != found || got.version <= last {
			t.Fatalf("got %+v, want row %q and a version above %d", got, row, last)
		}
		last = got.version
	}
	f(put(k, storage.NextVersion, "a"), "a", true)
	f(put(k, storage.NextVersion, "b"), "b", true)
	f(put(other, storage.NextVersion, "c"), "c", true) // same route, same shard
	f(del(k, storage.NextVersion), "", false)
	f(put(k, storage.NextVersion, "d"), "d", true)

	apply(t, s, put(k, 1<<60, "given"))
	want(t, "a given version above the number wins", get(t, s, k), has("given", 1<<60))
	f(put(k, storage.NextVersion, "e"), "e", true) // replaces whatever is stored
	if last >= 1<<60 {
		t.Fatalf("version %d: a given version moved the counter", last)
	}
	var ws []storage.Write
	for i := range 50 {
		ws = append(ws, put(key(3, 2, fmt.Sprint(i)), storage.NextVersion, "x"))
	}
	apply(t, s, ws...)
	for i := range 50 {
		got := get(t, s, key(3, 2, fmt.Sprint(i)))
		if !got.found || got.version <= last {
			t.Fatalf("write %d of one call: got %+v after version %d", i, got, last)
		}
		last = got.version
	}
}

func testSameKey(t *testing.T, s storage.Store) {
	f := func(r int, after answer, ws ...storage.Write) {
		t.Helper()
		for i := range ws {
			ws[i].Key = key(1, r, "")
		}
		apply(t, s, ws...)
		got := get(t, s, key(1, r, ""))
		if after.version == 0 {
			got.version = 0
		}
		want(t, fmt.Sprintf("key %d", r), got, after)
	}
	p := func(version uint64, row string) storage.Write { return put(storage.Key{}, version, row) }
	d := func(version uint64) storage.Write { return del(storage.Key{}, version) }
	f(1, has("c", 3), p(1, "a"), p(2, "b"), p(3, "c"))
	f(2, has("a", 3), p(3, "a"), p(2, "b"), p(1, "c"))
	f(3, has("b", 2), p(2, "a"), p(2, "b"), p(1, "c"))
	f(4, missing(5), p(4, "a"), d(5), p(4, "b"))
	f(5, has("b", 5), d(5), p(5, "b"), d(4))
	f(6, has("b", 0), p(0, "a"), p(0, "b"))
	f(7, missing(0), p(0, "a"), p(0, "b"), d(0))
	f(8, has("b", 0), p(1<<60, "a"), p(0, "b"))
	f(9, has("c", 1<<60), p(0, "a"), p(0, "b"), p(1<<60, "c"), p(1<<59, "d"))
	f(10, has("d", 0), p(1<<60, "a"), p(0, "b"), p(1<<60, "c"), p(0, "d"))
	f(1, has("z", 4), p(2, "x"), p(4, "z"), p(3, "y")) // over what is stored
	f(2, has("y", 3), p(1, "x"), p(3, "y"), p(2, "z"))
}

func testKeysApart(t *testing.T, s storage.Store) {
	var keys []storage.Key
	for _, table := range []uint32{0, 1, 2, 0xff, 0x100, 0x00760000, 1<<32 - 1} {
		for r := range 6 {
			for _, suffix := range []string{"", "\x00", "\x00\x00", "a", "ab", "\xff", "\xff\xff"} {
				keys = append(keys, key(table, r, suffix))
			}
		}
	}
	var ws []storage.Write
	for i, k := range keys {
		ws = append(ws, put(k, uint64(i+1), keyText(k)))
	}
	apply(t, s, ws...)
	for i, got := range getAll(t, s, keys...) {
		want(t, keyText(keys[i]), got, has(keyText(keys[i]), uint64(i+1)))
	}
	for _, k := range []storage.Key{key(3, 1, ""), key(1, 7, ""), key(1, 1, "b"), key(0, 1, "\x00\x00\x00")} {
		want(t, keyText(k), get(t, s, k), missing(0))
	}
}

func testLargeBatch(t *testing.T, s storage.Store) {
	const n = 700
	rowOf := func(i int) string { return string(bytes.Repeat([]byte{byte(i)}, i%300)) }
	var ws []storage.Write
	for i := 0; i < n; i += 2 {
		ws = append(ws, put(key(9, i, ""), uint64(i+1), rowOf(i)))
	}
	apply(t, s, ws...)
	b := &storage.Batch{}
	for round := range 3 {
		b.Reset()
		var order []int
		for i := range n {
			order = append(order, i*397%n) // unsorted
		}
		order = append(order, order[:50]...) // some keys twice
		for _, i := range order {
			b.Add(key(9, i, ""))
		}
		if err := s.Get(context.Background(), b); err != nil {
			t.Fatal(err)
		}
		for at, i := range order {
			row, version, err := b.Row(at)
			if err != nil {
				t.Fatalf("round %d key %d: %v", round, i, err)
			}
			if i%2 != 0 {
				if row != nil || version != 0 {
					t.Fatalf("round %d key %d: got a row that was never written", round, i)
				}
				continue
			}
			if string(row) != rowOf(i) || version != uint64(i+1) || row == nil {
				t.Fatalf("round %d key %d: got %d bytes version %d", round, i, len(row), version)
			}
		}
	}
}

// testMemory checks that the store keeps nothing of the caller's and that rows stay
// as they were read.
func testMemory(t *testing.T, s storage.Store) {
	k := storage.Key{Table: 1, Route: route(2), Suffix: []byte("abc")}
	w := put(k, 1, "first")
	apply(t, s, w)
	for _, p := range [][]byte{w.Row, w.Route, w.Suffix} {
		clear(p)
	}
	k = key(1, 2, "abc")
	b := &storage.Batch{}
	b.Add(k)
	if err := s.Get(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	row, _, _ := b.Row(0)
	if string(row) != "first" {
		t.Fatalf("the store kept the caller's memory: read %q", row)
	}
	if cap(row) > len(row) {
		t.Fatalf("a row of %d bytes has capacity %d: appending to it would overwrite its neighbour", len(row), cap(row))
	}
	apply(t, s, put(k, 2, "FIRST"), put(key(1, 2, "abd"), 2, "other"))
	getAll(t, s, k, key(1, 2, "abd"))
	if string(row) != "first" {
		t.Fatalf("a row that was read changed to %q", row)
	}
	clear(row) // not allowed, and must not reach the store
	want(t, "after the caller spoiled its row", get(t, s, k), has("FIRST", 2))
}

func testInvalid(t *testing.T, s storage.Store) {
	good := put(key(1, 1, ""), 1, "good")
	f := func(name string, bad storage.Write) {
		t.Helper()
		if err := s.Apply(context.Background(), []storage.Write{good, bad}); !errors.Is(err, storage.ErrInvalid) {
			t.Fatalf("%s: got %v, want ErrInvalid", name, err)
		}
		want(t, name+": nothing was written", get(t, s, good.Key), missing(0))
	}
	f("version above the greatest", put(key(1, 1, ""), storage.MaxVersion+1, "x"))
	f("giant key", put(storage.Key{Table: 1, Route: route(1), Suffix: make([]byte, storage.MaxKey)}, 1, "x"))
	f("giant row", storage.Write{Key: key(1, 1, ""), Version: 1, Row: make([]byte, storage.MaxRow+1)})
}

func testCancelled(t *testing.T, s storage.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	k := key(1, 1, "")
	b := &storage.Batch{}
	b.Add(k)
	if err := s.Get(ctx, b); !errors.Is(err, context.Canceled) {
		t.Fatalf("Get: got %v", err)
	}
	if err := s.Apply(ctx, []storage.Write{put(k, 1, "x")}); !errors.Is(err, context.Canceled) {
		t.Fatalf("Apply: got %v", err)
	}
	want(t, "a cancelled Apply that did not start", get(t, s, k), missing(0))
}

func testClosed(t *testing.T, s storage.Store) {
	ctx := context.Background()
	k := key(1, 1, "")
	apply(t, s, put(k, 1, "x"))
	var load storage.Bulk
	if bl, ok := s.(storage.BulkLoader); ok {
		var err error
		if load, err = bl.BulkLoad(ctx, 2); err != nil {
			t.Fatal(err)
		}
		if err := load.Add(put(key(2, 1, ""), 1, "x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	f := func(name string, err error) {
		t.Helper()
		// A wrapper has every ability and may find that its store has not.
		if !errors.Is(err, storage.ErrClosed) && !errors.Is(err, errors.ErrUnsupported) {
			t.Fatalf("%s after Close: got %v, want ErrClosed", name, err)
		}
	}
	b := &storage.Batch{}
	b.Add(k)
	f("Get", s.Get(ctx, b))
	f("Apply", s.Apply(ctx, []storage.Write{put(k, 2, "y")}))
	f("Close", s.Close())
	if load != nil {
		f("Commit", load.Commit(ctx))
		if err := load.Abort(); err != nil {
			t.Fatalf("Abort after Close: %v", err)
		}
	}
	if r, ok := s.(storage.Ranger); ok {
		f("Range", r.Range(ctx, 1, storage.Key{}, func(storage.Key, uint64, []byte) bool { return true }))
		f("List", r.List(ctx, 1, func(storage.Write) bool { return true }))
		f("RangeRoute", r.RangeRoute(ctx, 1, route(1), nil, func([]byte, uint64, []byte) bool { return true }))
	}
	if fl, ok := s.(storage.Floorer); ok {
		_, _, _, _, err := fl.Floor(ctx, 1, route(1), nil, nil)
		f("Floor", err)
	}
	if d, ok := s.(storage.TableDropper); ok {
		f("DropTable", d.DropTable(ctx, 1))
	}
	if bl, ok := s.(storage.BulkLoader); ok {
		_, err := bl.BulkLoad(ctx, 3)
		f("BulkLoad", err)
	}
	if c, ok := s.(storage.Checkpointer); ok {
		f("Checkpoint", c.Checkpoint(ctx, t.TempDir()+"/copy"))
	}
}
