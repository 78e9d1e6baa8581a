package memstore

import (
	"bytes"
	"context"
	"slices"
	"sort"
	"sync"

	"quiver/storage"
)

// Store is an in-memory storage.Store that is also a Ranger, Floorer, TableDropper
// and BulkLoader. Make one with New. Its methods may be called from many
// goroutines.
type Store struct {
	mu      sync.RWMutex
	tables  map[uint32]table
	counter uint64 // the last number given to a NextVersion write
	closed  bool
}

// table maps a route to its rows, ordered by suffix. A list is never changed in
// place once a reader may have seen it, except by appending behind its end.
type table map[string][]row

// row is one stored row or tombstone. data is nil for a tombstone only; neither it
// nor suffix is ever changed.
type row struct {
	suffix  []byte
	version uint64
	expire  int64
	dead    bool
	data    []byte
}

// New returns an empty store.
func New() *Store { return &Store{tables: map[uint32]table{}} }

// find is the place of suffix among rows, and whether it is there.
func find(rows []row, suffix []byte) (int, bool) {
	if len(rows) == 1 { // plain rows
		c := bytes.Compare(rows[0].suffix, suffix)
		if c < 0 {
			return 1, false
		}
		return 0, c == 0
	}
	return slices.BinarySearchFunc(rows, suffix, func(r row, s []byte) int { return bytes.Compare(r.suffix, s) })
}

// Get implements storage.Store.
func (s *Store) Get(ctx context.Context, b *storage.Batch) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return storage.ErrClosed
	}
	for i := range b.Keys {
		k := &b.Keys[i]
		rows := s.tables[k.Table][string(k.Route)]
		at, found := find(rows, k.Suffix)
		switch {
		case !found:
			b.SetMissing(i, 0)
		case rows[at].dead:
			b.SetMissing(i, rows[at].version)
		default:
			b.SetRow(i, rows[at].version, b.Arena().Copy(rows[at].data))
		}
	}
	return nil
}

// Apply implements storage.Store, but for durability: the rows live as long as the
// process.
func (s *Store) Apply(ctx context.Context, ws []storage.Write) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := storage.CheckAll(ws); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return storage.ErrClosed
	}
	for i := range ws {
		w := &ws[i]
		version := w.Version
		if version == storage.NextVersion {
			s.counter++
			version = s.counter
		}
		s.put(w, version, w.Version == storage.NextVersion)
	}
	return nil
}

// put stores w under version, unless something newer is there and always is false.
func (s *Store) put(w *storage.Write, version uint64, always bool) {
	t := s.tables[w.Table]
	if t == nil {
		t = table{}
		s.tables[w.Table] = t
	}
	rows := t[string(w.Route)]
	at, found := find(rows, w.Suffix)
	if found && !always && version < rows[at].version {
		return
	}
	r := row{suffix: bytes.Clone(w.Suffix), version: version, expire: w.Expire, dead: w.Delete}
	if !w.Delete {
		r.data = append([]byte{}, w.Row...)
	}
	switch {
	case found:
		rows = slices.Clone(rows)
		rows[at] = r
	case at == len(rows):
		rows = append(rows, r)
	default:
		rows = slices.Insert(slices.Clip(rows), at, r)
	}
	t[string(w.Route)] = rows
}

// Close implements storage.Store: the rows are gone.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return storage.ErrClosed
	}
	s.closed = true
	s.tables = nil
	return nil
}

// DropTable implements storage.TableDropper.
func (s *Store) DropTable(ctx context.Context, id uint32) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return storage.ErrClosed
	}
	delete(s.tables, id)
	return nil
}

// rowsOf returns the rows of one route, or ErrClosed. The list stays as it is.
func (s *Store) rowsOf(id uint32, route []byte) ([]row, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, storage.ErrClosed
	}
	return s.tables[id][string(route)], nil
}

// lists returns the routes of a table from the given one on, in order, each with
// its rows.
func (s *Store) lists(id uint32, from []byte) (routes []string, rows [][]row, err error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return nil, nil, storage.ErrClosed
	}
	t := s.tables[id]
	for r := range t {
		if r >= string(from) {
			routes = append(routes, r)
		}
	}
	sort.Strings(routes)
	rows = make([][]row, len(routes))
	for i, r := range routes {
		rows[i] = t[r]
	}
	return routes, rows, nil
}
