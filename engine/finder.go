package engine

import (
	"context"
	"encoding/binary"
	"slices"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/storage"
)

// Finder finds the rows of a group by the columns of one of its indexes, for many
// records at once. It is made to be pooled. The order of calls is
//
//	Engine.OpenIndex, then per record Search, then Engine.Find, then Rows.
type Finder struct {
	group *catalog.Group
	index *catalog.Index
	order []int // by column of the index: the position of its token
	limit int

	searches []search
	keys     []byte // the searches' values, and the routes of hits
	hits     []hit
	from     int // the first hit of the search under way
	collect  func(suffix []byte, version uint64, row []byte) bool
	batch    storage.Batch
	rows     []codec.Row
	memory   storage.Arena // of rows
}

// search is one value that is looked for.
type search struct {
	value       []byte // nil: one that no row can have
	first, last int    // its hits; then its rows
}

// hit is a row that may have the value: an entry may be left over from a row that was
// replaced.
type hit struct {
	route   []byte
	arrived uint64
}

// Hits of one search that are looked at, and hits that are looked at together.
const (
	maxHits     = 10_000
	hitsPerRead = 4096
)

// OpenIndex starts lookups in a group by the columns of one of its indexes, which may be
// in any order. Each finds up to limit rows. It fails with BadKeyName when there is no
// such index. What f found before is let go.
func (e *Engine) OpenIndex(f *Finder, g *catalog.Group, columns []string, limit int) error {
	f.Reset()
	f.group, f.limit = g, limit
	for i := range g.Indexes {
		x := &g.Indexes[i]
		if f.order = appendPositions(f.order[:0], x.Columns, columns); len(f.order) == len(columns) {
			f.index = x
			return nil
		}
	}
	return fail.Errorf(fail.BadKeyName, "Group %s has no index of the columns %v.", g.Name, columns)
}

// appendPositions appends where each of the wanted columns is in given, if they are the
// same set.
func appendPositions(dst []int, wanted, given []string) []int {
	if len(wanted) != len(given) {
		return dst
	}
	for _, w := range wanted {
		at := slices.Index(given, w)
		if at < 0 {
			return dst[:0]
		}
		dst = append(dst, at)
	}
	return dst
}

// Reset lets go of everything that was found and asked for.
func (f *Finder) Reset() {
	clear(f.searches)
	clear(f.hits)
	clear(f.rows)
	f.batch.Reset()
	f.memory.Reset()
	f.group, f.index = nil, nil
	f.searches, f.hits, f.rows, f.keys = f.searches[:0], f.hits[:0], f.rows[:0], f.keys[:0]
}

// Search adds a lookup: tokens are the raw JSON values of the columns, none of them
// null. A value that a column cannot hold finds nothing.
func (f *Finder) Search(tokens [][]byte) {
	start := len(f.keys)
	keys, err := tokenRoute(append(f.keys, indexEntry), f.group, f.index.Slots, f.order, tokens)
	if err != nil {
		f.searches = append(f.searches, search{})
		return
	}
	f.keys = keys
	f.searches = append(f.searches, search{value: keys[start:len(keys):len(keys)]})
}

// Rows returns what search i found, the row that arrived first first. They are f's until
// it is reset. Expired rows are left out.
func (f *Finder) Rows(i int) []codec.Row {
	s := &f.searches[i]
	return f.rows[s.first:s.last]
}

// Find does all searches of f. The rows of many searches are read together.
func (e *Engine) Find(ctx context.Context, f *Finder) error {
	ranger, ok := storage.As[storage.Ranger](e.store)
	if !ok {
		return fail.Wrap(fail.ReadFailed, errNoRanger, "This store keeps no indexes.")
	}
	if f.collect == nil {
		f.collect = f.add
	}
	done := 0
	for i := range f.searches {
		s := &f.searches[i]
		s.first, f.from = len(f.hits), len(f.hits)
		if s.value != nil {
			if err := ranger.RangeRoute(ctx, f.index.Table, s.value, nil, f.collect); err != nil {
				return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
			}
		}
		s.last = len(f.hits)
		slices.SortFunc(f.hits[s.first:], func(a, b hit) int {
			if a.arrived < b.arrived {
				return -1
			}
			return 1
		})
		if len(f.hits) < hitsPerRead && i < len(f.searches)-1 {
			continue
		}
		if err := e.readHits(ctx, f, f.searches[done:i+1]); err != nil {
			return err
		}
		done = i + 1
	}
	return nil
}

// add takes an entry of the index.
func (f *Finder) add(suffix []byte, _ uint64, row []byte) bool {
	if len(row) == 8 {
		start := len(f.keys)
		f.keys = append(f.keys, suffix...)
		f.hits = append(f.hits, hit{f.keys[start:len(f.keys):len(f.keys)], binary.BigEndian.Uint64(row)})
	}
	return len(f.hits)-f.from < maxHits
}

// readHits turns the hits of some searches into rows: those that live and still have the
// value, up to the limit of each.
func (e *Engine) readHits(ctx context.Context, f *Finder, some []search) error {
	f.batch.Reset()
	for i := range f.hits {
		f.batch.Add(storage.Key{Table: f.group.Table, Route: f.hits[i].route})
	}
	if f.batch.Len() > 0 {
		if err := e.store.Get(ctx, &f.batch); err != nil {
			return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
		}
	}
	now := e.now()
	for i := range some {
		s := &some[i]
		first, last := s.first, s.last
		s.first = len(f.rows)
		for k := first; k < last && len(f.rows)-s.first < f.limit; k++ {
			if err := f.take(k, s.value, now); err != nil {
				return err
			}
		}
		s.last = len(f.rows)
	}
	clear(f.hits)
	f.hits = f.hits[:0]
	return nil
}

// take adds the row of hit k if it lives and has the value.
func (f *Finder) take(k int, value []byte, now int64) error {
	stored, _, err := f.batch.Row(k)
	if err != nil {
		return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	if stored == nil {
		return nil
	}
	start := len(f.keys)
	has, err := appendIndexRoute(f.keys, f.group, f.index, stored)
	if err != nil {
		return err
	}
	if has == nil || string(has[start:]) != string(value) {
		return nil
	}
	row, err := codec.ParseRow(f.memory.Copy(stored))
	if err != nil {
		return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
	}
	if f.group.TTL == 0 || now-row.Time() <= f.group.TTL.Microseconds() {
		f.rows = append(f.rows, row)
	}
	return nil
}
