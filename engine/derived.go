package engine

import (
	"context"
	"encoding/binary"
	"slices"
	"sync"

	"github.com/cespare/xxhash/v2"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/storage"
)

// Derived rows: what a group with indexes or a history keeps beside its table.
//
//	index    table of the index | route: the indexed values as key bytes |
//	         suffix: the row's route            → 8 bytes: order of arrival
//	history  history table | the row's route | suffix: time, order-preserving
//	                                            → the replaced row; empty: it was deleted
//
// An index entry lies with its value, so a lookup asks one shard, and is written
// before its row and removed after it. A lookup reads the row behind each entry and
// drops entries whose row says otherwise, so at no moment, a crash included, does a
// row lack its entry or a lookup see a row that does not match. History rows share
// the row's route and are written with it in one step.

// keyLocks keeps apart writers that must read a row before they replace it.
type keyLocks [256]sync.Mutex

// lock locks the stripes of all routes, in order, and returns how to unlock them.
func (l *keyLocks) lock(routes [][]byte) (unlock func()) {
	stripes := make([]uint8, len(routes))
	for i, r := range routes {
		stripes[i] = uint8(xxhash.Sum64(r))
	}
	slices.Sort(stripes)
	stripes = slices.Compact(stripes)
	for _, s := range stripes {
		l[s].Lock()
	}
	return func() {
		for _, s := range stripes {
			l[s].Unlock()
		}
	}
}

// derives reports whether writes to g must keep derived rows in step.
func derives(g *catalog.Group) bool { return len(g.Indexes) > 0 || g.HistoryTable != 0 }

// applyDerived applies writes to a group that keeps derived rows.
func (e *Engine) applyDerived(ctx context.Context, g *catalog.Group, ws []storage.Write) error {
	routes := make([][]byte, len(ws))
	for i := range ws {
		routes[i] = ws[i].Route
	}
	defer e.keys.lock(routes)()
	for rest := ws; len(rest) > 0; {
		n := distinct(rest) // one key twice in a call: as if in two calls
		if err := e.applyDistinct(ctx, g, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}

// distinct returns how many writes there are before a key repeats.
func distinct(ws []storage.Write) int {
	seen := make(map[string]struct{}, len(ws))
	for i := range ws {
		if _, ok := seen[string(ws[i].Route)]; ok {
			return i
		}
		seen[string(ws[i].Route)] = struct{}{}
	}
	return len(ws)
}

func (e *Engine) applyDistinct(ctx context.Context, g *catalog.Group, ws []storage.Write) error {
	var b storage.Batch
	for i := range ws {
		b.Add(ws[i].Key)
	}
	if err := e.store.Get(ctx, &b); err != nil {
		return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	var before, after []storage.Write // index entries to add, to remove
	main := slices.Clone(ws)
	for i := range ws {
		old, version, err := b.Row(i)
		if err != nil {
			return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
		}
		wins := ws[i].Version == storage.NextVersion || ws[i].Version >= version
		main = appendHistory(main, g, &ws[i], old, version, wins)
		if !wins {
			continue
		}
		for x := range g.Indexes {
			if before, after, err = e.indexChange(before, after, g, &g.Indexes[x], &ws[i], old); err != nil {
				return err
			}
		}
	}
	for _, step := range [][]storage.Write{before, main, after} {
		if len(step) > 0 {
			if err := e.apply(ctx, step); err != nil {
				return err
			}
		}
	}
	return nil
}

// appendHistory adds the history rows that a write leaves: the row it replaces, or
// itself when it comes late.
func appendHistory(dst []storage.Write, g *catalog.Group, w *storage.Write, old []byte, version uint64, wins bool) []storage.Write {
	if g.HistoryTable == 0 || version == 0 || w.Version == version {
		return dst
	}
	kept, row := version, old
	if !wins {
		kept, row = w.Version, w.Row
		if w.Delete {
			row = nil
		}
	}
	h := storage.Write{
		Key:     storage.Key{Table: g.HistoryTable, Route: w.Route, Suffix: binary.BigEndian.AppendUint64(nil, kept)},
		Version: storage.NextVersion,
		Row:     row,
	}
	if h.Row == nil {
		h.Row = []byte{}
	}
	h.Expire = versionTime(kept) + g.History.Microseconds()
	return append(dst, h)
}

// versionTime is the inverse of timeVersion.
func versionTime(v uint64) int64 { return int64(v ^ 1<<63) }

// indexChange adds what one index needs when w replaces old.
func (e *Engine) indexChange(before, after []storage.Write, g *catalog.Group, x *catalog.Index, w *storage.Write, old []byte) (add, remove []storage.Write, err error) {
	var was, is []byte
	if old != nil {
		if was, err = appendIndexRoute(nil, g, x, old); err != nil {
			return nil, nil, err
		}
	}
	if !w.Delete {
		if is, err = appendIndexRoute(nil, g, x, w.Row); err != nil {
			return nil, nil, err
		}
	}
	if was != nil && is != nil && string(was) == string(is) {
		return before, after, nil // keeps its place in the order of arrival
	}
	if is != nil {
		before = append(before, storage.Write{
			Key: storage.Key{Table: x.Table, Route: is, Suffix: w.Route},
			Row: binary.BigEndian.AppendUint64(nil, e.arrival.next(e.now())),
		})
	}
	if was != nil {
		after = append(after, storage.Write{Key: storage.Key{Table: x.Table, Route: was, Suffix: w.Route}, Delete: true})
	}
	return before, after, nil
}

// appendIndexRoute appends the key bytes of a row's indexed columns; nil when one is null:
// null equals nothing, so such rows are not found by the index.
func appendIndexRoute(route []byte, g *catalog.Group, x *catalog.Index, row []byte) ([]byte, error) {
	r, err := codec.ParseRow(row)
	if err != nil {
		return nil, fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	route = append(route, indexEntry)
	for _, slot := range x.Slots {
		column := &g.Schema.Columns[slot]
		cell := column.Default
		if slot < r.Columns() {
			cell = r.Cell(slot)
		}
		if cell == nil || string(cell) == "null" {
			return nil, nil
		}
		if route, err = codec.AppendKeyCell(route, column.Type, cell); err != nil {
			return nil, fail.Wrap(fail.BadRow, err, "Column %q of group %s cannot be indexed: %v.", column.Name, g.Name, err)
		}
	}
	return route, nil
}

// The first byte of a route in an index table.
const (
	indexEntry byte = 'e'
	indexBuilt byte = 'b' // the marker that every row of the group has its entry
)

// arrivals numbers index entries in the order their rows arrived, restarts included,
// as long as the clock does not go back by more than the server was down.
type arrivals struct {
	mu   sync.Mutex
	last uint64
}

func (a *arrivals) next(now int64) uint64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = max(a.last+1, uint64(now))
	return a.last
}
