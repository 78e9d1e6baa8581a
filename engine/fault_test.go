package engine_test

import (
	"context"
	"errors"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/engine/fail"
	"quiver/storage"
	"quiver/storage/memstore"
)

// brokenTable fails every read of one table, like a damaged shard.
type brokenTable struct {
	*memstore.Store
	table uint32
}

func (b *brokenTable) Get(ctx context.Context, batch *storage.Batch) error {
	if err := b.Store.Get(ctx, batch); err != nil {
		return err
	}
	for i, k := range batch.Keys {
		if k.Table == b.table {
			batch.SetError(i, errors.New("bad sector"))
		}
	}
	return nil
}

const faultDefinitions = `
kind: FeatureGroup
store: s
name: left
key: [id]
features: [{name: id, type: bigint}, {name: a, type: bigint}]
---
kind: FeatureGroup
store: s
name: right
key: [rid]
features: [{name: rid, type: bigint}, {name: b, type: bigint}]
---
kind: FeatureView
store: s
name: v
from: [{group: left}, {group: right}]
servingKeys:
  - {from: 0, name: id, required: true}
  - {from: 1, name: rid, required: true}
`

// TestOneGroupFailing: a group that cannot be read gives ERROR to the entries that need
// it, names itself, and leaves the others alone.
func TestOneGroupFailing(t *testing.T) {
	store := &brokenTable{Store: memstore.New()}
	e := enginetest.NewOver(t, store)
	enginetest.Apply(t, e, faultDefinitions)
	enginetest.Load(t, e, engine.Ref{Store: "s", Name: "left"}, []string{"1", "10"})
	enginetest.Load(t, e, engine.Ref{Store: "s", Name: "right"}, []string{"1", "20"})
	store.table = e.Snapshot().Group("s", "right", 0).Table

	var q engine.Query
	var v engine.Vectors
	if err := e.Open(&q, auth.All(), []byte("s"), []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	q.NewEntry()
	q.Key([]byte("id"), []byte("1"))
	q.Key([]byte("rid"), []byte("1"))
	q.EndEntry()
	q.NewEntry()
	q.Key([]byte("id"), []byte("1")) // rid not given: the broken group is not asked
	q.EndEntry()
	if err := e.Read(context.Background(), &q, &v); err != nil {
		t.Fatal(err)
	}
	if v.Status(0) != engine.Failed || v.Err(0).Code != fail.ReadFailed || v.Found(0, 0) != engine.FoundRow || v.Found(0, 1) != engine.ReadError {
		t.Errorf("entry 0: %v %v", v.Status(0), v.Err(0))
	}
	if got := string(v.AppendVector([]byte("x"), 0)); got != "x[null,null,null,null]" {
		t.Errorf("entry 0: %s", got)
	}
	if v.Status(1) != engine.Missing || v.Err(1) != nil {
		t.Errorf("entry 1: %v %v", v.Status(1), v.Err(1))
	}
	if got := string(v.AppendVector(nil, 1)); got != "[1,10,null,null]" {
		t.Errorf("entry 1: %s", got)
	}
}
