package engine_test

import (
	"context"
	"fmt"
	"math"
	"sync"
	"testing"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/storage"
	"quiver/storage/memstore"
	"quiver/storage/pebblestore"
	"quiver/storage/rowcache"
)

// TestEraseWithoutEventTime erases keys while rows with them are being written: whatever
// comes first, they are gone afterwards, and stay so.
func TestEraseWithoutEventTime(t *testing.T) {
	f := func(name string, store storage.Store) {
		t.Run(name, func(t *testing.T) {
			e := enginetest.NewOver(t, store)
			enginetest.Apply(t, e, "kind: FeatureGroup\nstore: default\nname: g\nkey: [k]\nfeatures: [{name: k, type: int}, {name: v, type: int}]\n")
			ref := engine.Ref{Store: "default", Name: "g"}
			write := func(k int) {
				g := e.Snapshot().Group("default", "g", 0)
				var w codec.RowWriter
				w.Reset(g.Schema)
				if err := w.Int(int64(k)); err != nil {
					t.Error(err)
				}
				if err := w.Int(1); err != nil {
					t.Error(err)
				}
				row, err := engine.FinishRow(g, &w, 1, nil)
				if err == nil {
					err = e.ChangeRows(context.Background(), ref, []engine.Change{{Row: row}})
				}
				if err != nil {
					t.Error(err)
				}
			}
			const keys = 50
			var writers sync.WaitGroup
			for range 4 {
				writers.Go(func() {
					for k := range keys {
						write(k)
					}
				})
			}
			for k := 0; k < keys; k += 2 {
				if err := e.DeleteRows(context.Background(), ref, []engine.Removal{{Key: [][]byte{fmt.Append(nil, k)}, Time: math.MaxInt64}}); err != nil {
					t.Error(err)
				}
			}
			writers.Wait()
			write(0)
			write(1)
			for k := range keys {
				_, found, err := e.AsOf(context.Background(), auth.All(), ref, [][][]byte{{fmt.Append(nil, k)}}, []int64{e.Now()})
				if err != nil || found[0] != (k%2 == 1) {
					t.Errorf("key %d: found %v %v", k, found, err)
				}
			}
		})
	}
	f("memory", memstore.New())
	p, err := pebblestore.Open(t.TempDir(), pebblestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := rowcache.New(p, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	f("rowcache over pebble", c)
}
