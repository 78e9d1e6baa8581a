package faultstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"quiver/storage"
	"quiver/storage/faultstore"
	"quiver/storage/memstore"
	"quiver/storage/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storage.Store { return faultstore.New(memstore.New()) })
}

var errBroken = errors.New("broken")

func key(table uint32, route string) storage.Key {
	return storage.Key{Table: table, Route: []byte(route)}
}

func TestKeyFaults(t *testing.T) {
	ctx := context.Background()
	s := faultstore.New(memstore.New())
	ws := []storage.Write{{Key: key(1, "a"), Version: 1, Row: []byte("x")}, {Key: key(1, "b"), Version: 1, Row: []byte("y")}}
	if err := s.Apply(ctx, ws); err != nil {
		t.Fatal(err)
	}
	s.Set(faultstore.Faults{Key: func(_ faultstore.Op, k storage.Key) error {
		if string(k.Route) == "b" || k.Table == 2 {
			return errBroken
		}
		return nil
	}})
	var b storage.Batch
	b.Add(key(1, "a"))
	b.Add(key(1, "b"))
	b.Add(key(1, "c"))
	if err := s.Get(ctx, &b); err != nil {
		t.Fatal(err)
	}
	f := func(i int, wantRow string, wantErr error) {
		t.Helper()
		if row, _, err := b.Row(i); string(row) != wantRow || !errors.Is(err, wantErr) {
			t.Fatalf("key %d: got %q %v, want %q %v", i, row, err, wantRow, wantErr)
		}
	}
	f(0, "x", nil)
	f(1, "", errBroken)
	f(2, "", nil)

	fails := func(name string, err error) {
		t.Helper()
		if !errors.Is(err, errBroken) {
			t.Fatalf("%s: got %v", name, err)
		}
	}
	fails("Apply", s.Apply(ctx, ws))
	fails("Range", s.Range(ctx, 1, storage.Key{}, func(storage.Key, uint64, []byte) bool { return true }))
	fails("List", s.List(ctx, 1, func(storage.Write) bool { return true }))
	fails("RangeRoute", s.RangeRoute(ctx, 1, []byte("b"), nil, func([]byte, uint64, []byte) bool { return true }))
	_, _, _, _, err := s.Floor(ctx, 1, []byte("b"), nil, nil)
	fails("Floor", err)
	fails("DropTable", s.DropTable(ctx, 2))
	_, err = s.BulkLoad(ctx, 2)
	fails("BulkLoad", err)
	l, err := s.BulkLoad(ctx, 3)
	if err != nil {
		t.Fatal(err)
	}
	fails("Add", l.Add(storage.Write{Key: key(3, "b"), Version: 1}))
}

func TestCallFaults(t *testing.T) {
	ctx := context.Background()
	s := faultstore.New(memstore.New())
	w := []storage.Write{{Key: key(1, "a"), Version: 1, Row: []byte("x")}}
	found := func() bool {
		s.Set(faultstore.Faults{})
		var b storage.Batch
		b.Add(w[0].Key)
		if err := s.Get(ctx, &b); err != nil {
			t.Fatal(err)
		}
		row, _, _ := b.Row(0)
		return row != nil
	}
	fail := func(op faultstore.Op) error {
		if op == faultstore.Apply {
			return errBroken
		}
		return nil
	}
	s.Set(faultstore.Faults{Call: fail})
	if err := s.Apply(ctx, w); !errors.Is(err, errBroken) || found() {
		t.Fatalf("Call: got %v, written %v", err, found())
	}
	s.Set(faultstore.Faults{After: fail})
	if err := s.Apply(ctx, w); !errors.Is(err, errBroken) || !found() {
		t.Fatalf("After: got %v, written %v", err, found())
	}
	if n := s.Calls(faultstore.Apply); n != 2 {
		t.Fatalf("%d calls were counted, want 2", n)
	}
	if err := s.Checkpoint(ctx, "x"); !errors.Is(err, errors.ErrUnsupported) {
		t.Fatalf("Checkpoint over memstore: got %v", err)
	}
}

func TestDelay(t *testing.T) {
	s := faultstore.New(memstore.New())
	s.Set(faultstore.Faults{Delay: func(faultstore.Op) time.Duration { return time.Hour }})
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
	defer cancel()
	if err := s.Get(ctx, &storage.Batch{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	s.Set(faultstore.Faults{Delay: func(faultstore.Op) time.Duration { return 20 * time.Millisecond }})
	start := time.Now()
	if err := s.Get(context.Background(), &storage.Batch{}); err != nil || time.Since(start) < 20*time.Millisecond {
		t.Fatalf("got %v after %v", err, time.Since(start))
	}
}
