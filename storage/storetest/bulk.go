package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"quiver/storage"
)

func testBulkLoad(t *testing.T, s storage.Store) {
	bl := ability[storage.BulkLoader](t, s)
	ctx := context.Background()
	const table, n = 30, 500
	apply(t, s, put(key(table-1, 3, ""), 1, "below"), put(key(table+1, 3, ""), 1, "above"),
		put(key(table-1, 4, ""), storage.NextVersion, "n"))
	load, err := bl.BulkLoad(ctx, table)
	if err != nil {
		t.Fatal(err)
	}
	add := func(w storage.Write) {
		t.Helper()
		if err := load.Add(w); err != nil {
			t.Fatalf("Add: %v", err)
		}
		for _, p := range [][]byte{w.Route, w.Suffix, w.Row} {
			clear(p) // Add copies
		}
	}
	for i := range n {
		i = i * 199 % n // any order
		add(put(key(table, i, ""), uint64(i+1), fmt.Sprint("row ", i)))
		add(put(key(table, i, "s"), storage.NextVersion, "first"))
		add(storage.Write{Key: key(table, i, "t"), Version: 3, Row: []byte("t"), Expire: 77})
	}
	for i := range n {
		add(put(key(table, i, "s"), storage.NextVersion, "second"))
		switch i % 4 {
		case 0:
			add(put(key(table, i, ""), uint64(i+1), "equal and later"))
		case 1:
			add(put(key(table, i, ""), uint64(i), "older"))
		case 2:
			add(put(key(table, i, ""), uint64(i+2), "newer"))
		case 3:
			add(del(key(table, i, ""), uint64(i+9)))
		}
	}
	want(t, "before Commit", get(t, s, key(table, 5, "")), missing(0))
	if err := load.Commit(ctx); err != nil {
		t.Fatalf("Commit: %v", err)
	}
	if err := load.Abort(); err != nil {
		t.Fatalf("Abort after Commit: %v", err)
	}
	if err := load.Add(put(key(table, 0, ""), 1, "x")); err == nil {
		t.Fatal("Add after Commit was accepted")
	}
	for i := range n {
		got := getAll(t, s, key(table, i, ""), key(table, i, "s"), key(table, i, "t"))
		switch i % 4 {
		case 0:
			want(t, "equal", got[0], has("equal and later", uint64(i+1)))
		case 1:
			want(t, "older", got[0], has(fmt.Sprint("row ", i), uint64(i+1)))
		case 2:
			want(t, "newer", got[0], has("newer", uint64(i+2)))
		case 3:
			want(t, "deleted", got[0], missing(uint64(i+9)))
		}
		if got[1].row != "second" || got[1].version == 0 {
			t.Fatalf("numbered row: got %+v", got[1])
		}
		want(t, "third", got[2], has("t", 3))
	}
	want(t, "table below", get(t, s, key(table-1, 3, "")), has("below", 1))
	want(t, "table above", get(t, s, key(table+1, 3, "")), has("above", 1))
	if r, ok := s.(storage.Ranger); ok {
		if got := rangeAll(t, r, table, storage.Key{}); len(got) != n*3-n/4 {
			t.Fatalf("Range gave %d rows, want %d", len(got), n*3-n/4)
		}
	}
	// Later writes go on top, by version, and numbers go on from the load's.
	k := key(table, 2, "")
	apply(t, s, put(k, 1, "old"))
	want(t, "older write over a loaded row", get(t, s, k), has("newer", 4))
	apply(t, s, put(k, 1000, "new"))
	want(t, "newer write over a loaded row", get(t, s, k), has("new", 1000))
	for i := range n {
		k := key(table, i, "s")
		before := get(t, s, k).version
		apply(t, s, put(k, storage.NextVersion, "third"))
		if got := get(t, s, k); got.row != "third" || got.version <= before {
			t.Fatalf("numbered write over a loaded row: got %+v after version %d", got, before)
		}
	}
}

func testBulkRefused(t *testing.T, s storage.Store) {
	bl := ability[storage.BulkLoader](t, s)
	ctx := context.Background()
	apply(t, s, put(key(1, 1, ""), 1, "x"), del(key(2, 1, ""), 1))
	for table := range uint32(2) {
		if _, err := bl.BulkLoad(ctx, table+1); !errors.Is(err, storage.ErrNotEmpty) {
			t.Fatalf("BulkLoad of a table with rows: got %v, want ErrNotEmpty", err)
		}
	}
	load := func(table uint32) storage.Bulk {
		t.Helper()
		l, err := bl.BulkLoad(ctx, table)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Add(put(key(table, 1, ""), 1, "x")); err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := load(3)
	if err := l.Add(put(key(4, 1, ""), 1, "x")); !errors.Is(err, storage.ErrInvalid) {
		t.Fatalf("Add of another table's row: got %v, want ErrInvalid", err)
	}
	if err := l.Add(put(key(3, 1, ""), storage.MaxVersion+1, "x")); !errors.Is(err, storage.ErrInvalid) {
		t.Fatalf("Add of an invalid write: got %v, want ErrInvalid", err)
	}
	if err := l.Abort(); err != nil {
		t.Fatal(err)
	}
	if err := l.Commit(ctx); err == nil {
		t.Fatal("Commit after Abort succeeded")
	}
	want(t, "after Abort", get(t, s, key(3, 1, "")), missing(0))

	l, other := load(5), load(5) // two loads of one table: the first to commit wins
	if err := l.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if err := other.Commit(ctx); !errors.Is(err, storage.ErrNotEmpty) {
		t.Fatalf("second Commit into one table: got %v, want ErrNotEmpty", err)
	}
	l = load(6)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := l.Commit(cancelled); !errors.Is(err, context.Canceled) {
		t.Fatalf("Commit under a cancelled context: got %v", err)
	}
	want(t, "after a cancelled Commit", get(t, s, key(6, 1, "")), missing(0))
	empty, err := bl.BulkLoad(ctx, 7)
	if err != nil {
		t.Fatal(err)
	}
	if err := empty.Commit(ctx); err != nil {
		t.Fatalf("Commit of nothing: %v", err)
	}
}
