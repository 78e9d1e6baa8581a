package memstore_test

import (
	"context"
	"testing"

	"quiver/storage"
	"quiver/storage/memstore"
	"quiver/storage/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(*testing.T) storage.Store { return memstore.New() })
}

func TestGetAllocates0(t *testing.T) {
	s := memstore.New()
	ctx := context.Background()
	k := storage.Key{Table: 1, Route: []byte("route"), Suffix: []byte("s")}
	if err := s.Apply(ctx, []storage.Write{{Key: k, Version: 1, Row: []byte("row")}}); err != nil {
		t.Fatal(err)
	}
	var b storage.Batch
	n := testing.AllocsPerRun(100, func() {
		b.Reset()
		b.Add(k)
		if err := s.Get(ctx, &b); err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Fatalf("Get allocates %v times, want 0", n)
	}
}
