package engine

import (
	"context"
	"encoding/binary"
	"slices"

	"quiver/codec"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/storage"
)

// Found rows of one index lookup, in the order they arrived.
type Matches struct {
	Group *catalog.Group
	Rows  []codec.Row // own memory
}

// Find returns up to limit rows of a group whose columns have the given values (raw
// JSON tokens, as in a request). The columns are the group's key or those of one of its
// indexes, in any order. Of several matches the one that arrived first comes first.
// Expired rows are left out.
func (e *Engine) Find(ctx context.Context, who auth.Principal, ref Ref, columns []string, tokens [][]byte, limit int) (Matches, error) {
	g, err := e.group(ref)
	if err != nil {
		return Matches{}, err
	}
	if !who.MayReadStore(g.StoreKey) {
		return Matches{}, forbidden(g.StoreKey)
	}
	m := Matches{Group: g}
	var routes [][]byte
	if slots := columnSlots(g, g.Key, columns); slots != nil {
		route, err := tokenRoute(nil, g, g.KeyColumns, slots, tokens)
		if err != nil {
			return m, err
		}
		routes = [][]byte{route}
		err = e.readRows(ctx, &m, routes, nil, nil, 1)
		return m, err
	}
	x, order := findIndex(g, columns)
	if x == nil {
		return m, fail.Errorf(fail.BadKeyName, "Columns %v are neither the key of group %s nor one of its indexes.", columns, g.Name)
	}
	value, err := tokenRoute([]byte{indexEntry}, g, x.Slots, order, tokens)
	if err != nil {
		return m, err
	}
	if routes, err = e.indexEntries(ctx, x, value, limit); err != nil {
		return m, err
	}
	err = e.readRows(ctx, &m, routes, x, value, limit)
	return m, err
}

// columnSlots maps wanted columns to positions in given; nil when they are not the same
// set.
func columnSlots(g *catalog.Group, wanted, given []string) []int {
	if len(wanted) != len(given) || len(wanted) == 0 {
		return nil
	}
	out := make([]int, len(wanted))
	for i, w := range wanted {
		if out[i] = slices.Index(given, w); out[i] < 0 {
			return nil
		}
	}
	return out
}

func findIndex(g *catalog.Group, columns []string) (*catalog.Index, []int) {
	for i := range g.Indexes {
		if order := columnSlots(g, g.Indexes[i].Columns, columns); order != nil {
			return &g.Indexes[i], order
		}
	}
	return nil, nil
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

// maxEntries bounds how many entries of one index value a lookup looks at; some of them
// may be left over from replaced rows.
const maxEntries = 10_000

// indexEntries returns the routes of the rows that may have the value, first arrived
// first.
func (e *Engine) indexEntries(ctx context.Context, x *catalog.Index, value []byte, limit int) ([][]byte, error) {
	ranger, ok := storage.As[storage.Ranger](e.store)
	if !ok {
		return nil, fail.Wrap(fail.ReadFailed, errNoRanger, "This store keeps no indexes.")
	}
	type entry struct {
		route   []byte
		arrived uint64
	}
	var entries []entry
	err := ranger.RangeRoute(ctx, x.Table, value, nil, func(suffix []byte, _ uint64, row []byte) bool {
		if len(row) == 8 {
			entries = append(entries, entry{slices.Clone(suffix), binary.BigEndian.Uint64(row)})
		}
		return len(entries) < maxEntries
	})
	if err != nil {
		return nil, fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.arrived < b.arrived {
			return -1
		}
		return 1
	})
	routes := make([][]byte, len(entries))
	for i := range entries {
		routes[i] = entries[i].route
	}
	return routes, nil
}

// readRows adds to m the rows at routes that live and, with an index, still have the
// value, up to limit.
func (e *Engine) readRows(ctx context.Context, m *Matches, routes [][]byte, x *catalog.Index, value []byte, limit int) error {
	var b storage.Batch
	for _, r := range routes {
		b.Add(storage.Key{Table: m.Group.Table, Route: r})
	}
	if err := e.store.Get(ctx, &b); err != nil {
		return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	now := e.now()
	for i := range routes {
		stored, _, err := b.Row(i)
		if err != nil {
			return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
		}
		if stored == nil {
			continue
		}
		if x != nil {
			has, err := indexRoute(m.Group, x, stored)
			if err != nil {
				return err
			}
			if string(has) != string(value) {
				continue
			}
		}
		row, err := codec.ParseRow(slices.Clone(stored))
		if err != nil {
			return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
		}
		if m.Group.TTL > 0 && now-row.Time() > m.Group.TTL.Microseconds() {
			continue
		}
		if m.Rows = append(m.Rows, row); len(m.Rows) == limit {
			break
		}
	}
	return nil
}

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
		if value, failed = indexRoute(g, x, row); failed != nil {
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
