package engine

import (
	"context"
	"encoding/binary"
	"slices"

	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/storage"
)

// buildIndexes gives every row its entry in the indexes that are not marked as built:
// those added to a group that had rows already. It runs after the definitions changed,
// so that writers keep the index in step meanwhile; entries it writes for rows that are
// replaced at the same time are dropped by lookups like any other leftover.
func (e *Engine) buildIndexes(ctx context.Context, snap *catalog.Snapshot) error {
	for _, g := range snap.Groups() {
		for i := range g.Indexes {
			if err := e.buildIndex(ctx, g, &g.Indexes[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) buildIndex(ctx context.Context, g *catalog.Group, x *catalog.Index) error {
	marker := storage.Key{Table: x.Table, Route: []byte{indexBuilt}}
	var b storage.Batch
	b.Add(marker)
	if err := e.store.Get(ctx, &b); err != nil {
		return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	if row, _, err := b.Row(0); err != nil || row != nil {
		return err
	}
	if err := e.indexTable(ctx, g, x); err != nil {
		return err
	}
	return e.apply(ctx, []storage.Write{{Key: marker, Row: []byte{1}}})
}

// indexTable writes the entries of all rows there are.
func (e *Engine) indexTable(ctx context.Context, g *catalog.Group, x *catalog.Index) error {
	ranger, ok := storage.As[storage.Ranger](e.store)
	if !ok {
		return fail.Wrap(fail.ReadFailed, errNoRanger, "This store keeps no indexes.")
	}
	var ws []storage.Write
	var failed error
	flush := func() bool {
		failed = e.apply(ctx, ws)
		ws = ws[:0]
		return failed == nil
	}
	err := ranger.Range(ctx, g.Table, storage.Key{}, func(k storage.Key, _ uint64, row []byte) bool {
		var value []byte
		if value, failed = appendIndexRoute(nil, g, x, row); failed != nil {
			return false
		}
		if value != nil {
			ws = append(ws, storage.Write{
				Key: storage.Key{Table: x.Table, Route: value, Suffix: slices.Clone(k.Route)},
				Row: binary.BigEndian.AppendUint64(nil, e.arrival.next(e.now())),
			})
		}
		return len(ws) < 1000 || flush()
	})
	if err == nil && failed == nil && len(ws) > 0 {
		flush()
	}
	if err == nil {
		err = failed
	}
	if err != nil {
		return fail.Wrap(fail.WriteFailed, err, "Cannot build index %s of group %s.", x.Name, g.Name)
	}
	return nil
}
