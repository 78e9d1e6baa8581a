package engine

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"quiver/codec"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/storage"
)

// AsOf returns, for each key of a group, the row as it was at a time (Unix
// microseconds): the newest with an event time at or before it. keys are raw JSON
// tokens in the order of the group's key columns. A key without such a row gives the
// zero Row and false, and so does one that was deleted as of math.MaxInt64. Groups without a history know only their present rows.
func (e *Engine) AsOf(ctx context.Context, who auth.Principal, ref Ref, keys [][][]byte, times []int64) ([]codec.Row, []bool, error) {
	g, err := e.group(ref)
	if err != nil {
		return nil, nil, err
	}
	if !who.MayReadStore(g.StoreKey) {
		return nil, nil, forbidden(g.StoreKey)
	}
	order := make([]int, len(g.KeyColumns))
	for i := range order {
		order[i] = i
	}
	var b storage.Batch
	for _, key := range keys {
		if len(key) != len(g.KeyColumns) {
			return nil, nil, fail.Errorf(fail.BadKeyName, "Group %s has %d key columns, not %d.", g.Name, len(g.KeyColumns), len(key))
		}
		route, err := tokenRoute(nil, g, g.KeyColumns, order, key)
		if err != nil {
			return nil, nil, err
		}
		b.Add(storage.Key{Table: g.Table, Route: route})
	}
	if err := e.store.Get(ctx, &b); err != nil {
		return nil, nil, fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	rows, found := make([]codec.Row, len(keys)), make([]bool, len(keys))
	for i := range keys {
		stored, version, err := b.Row(i)
		if err == nil && stored == nil && version == erased {
			continue
		}
		if err == nil && version > timeVersion(times[i]) {
			stored, err = e.historyFloor(ctx, g.HistoryTable, b.Keys[i].Route, times[i])
		}
		if err != nil {
			return nil, nil, fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
		}
		if len(stored) == 0 {
			continue
		}
		if rows[i], err = codec.ParseRow(slices.Clone(stored)); err != nil {
			return nil, nil, fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
		}
		found[i] = true
	}
	return rows, found, nil
}

// erased is the version of keys that were deleted as of the end of time: they are gone
// from what was before as well.
var erased = timeVersion(math.MaxInt64)

// historyFloor returns the replaced row that was present at a time; nil when there was
// none, empty when the key was deleted then.
func (e *Engine) historyFloor(ctx context.Context, table uint32, route []byte, at int64) ([]byte, error) {
	floorer, ok := storage.As[storage.Floorer](e.store)
	if table == 0 || !ok {
		return nil, nil
	}
	row, _, _, found, err := floorer.Floor(ctx, table, route, binary.BigEndian.AppendUint64(nil, timeVersion(at)), nil)
	if err != nil || !found {
		return nil, err
	}
	return row, nil
}

// tokenRoute appends the key bytes of physical columns whose tokens are at order.
func tokenRoute(dst []byte, g *catalog.Group, slots, order []int, tokens [][]byte) ([]byte, error) {
	for i, slot := range slots {
		column := &g.Schema.Columns[slot]
		var err error
		if dst, err = codec.AppendKeyJSON(dst, column.Type, tokens[order[i]]); err != nil {
			return nil, &fail.Error{
				Code: fail.BadKeyValue, Name: column.Name, Err: err,
				Text: "Key '" + column.Name + "' should be in '" + column.Type.Kind.SQL() + "' format.",
			}
		}
	}
	return dst, nil
}
