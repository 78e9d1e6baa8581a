package memstore

import (
	"context"

	"quiver/storage"
)

// Range implements storage.Ranger. It shows the table as it was when the call
// began; f may use the store.
func (s *Store) Range(ctx context.Context, table uint32, from storage.Key, f func(k storage.Key, version uint64, row []byte) bool) error {
	return s.list(ctx, table, from, func(w storage.Write) bool { return w.Delete || f(w.Key, w.Version, w.Row) })
}

// List implements storage.Ranger.
func (s *Store) List(ctx context.Context, table uint32, f func(w storage.Write) bool) error {
	return s.list(ctx, table, storage.Key{}, f)
}

// list calls f for all that a table has, as it was when the call began.
func (s *Store) list(ctx context.Context, table uint32, from storage.Key, f func(w storage.Write) bool) error {
	routes, lists, err := s.lists(table, from.Route)
	if err != nil {
		return err
	}
	for i, route := range routes {
		rows := lists[i]
		if route == string(from.Route) {
			at, _ := find(rows, from.Suffix)
			rows = rows[at:]
		}
		for _, r := range rows {
			if err := ctx.Err(); err != nil {
				return err
			}
			w := storage.Write{Key: storage.Key{Table: table, Route: []byte(route), Suffix: r.suffix}, Version: r.version, Expire: r.expire, Delete: r.dead, Row: r.data}
			if !f(w) {
				return nil
			}
		}
	}
	return nil
}

// RangeRoute implements storage.Ranger.
func (s *Store) RangeRoute(ctx context.Context, table uint32, route, fromSuffix []byte, f func(suffix []byte, version uint64, row []byte) bool) error {
	rows, err := s.rowsOf(table, route)
	if err != nil {
		return err
	}
	at, _ := find(rows, fromSuffix)
	for _, r := range rows[at:] {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !r.dead && !f(r.suffix, r.version, r.data) {
			return nil
		}
	}
	return nil
}

// Floor implements storage.Floorer.
func (s *Store) Floor(ctx context.Context, table uint32, route, suffix, dst []byte) (row, foundSuffix []byte, version uint64, found bool, err error) {
	if err := ctx.Err(); err != nil {
		return dst, nil, 0, false, err
	}
	rows, err := s.rowsOf(table, route)
	if err != nil {
		return dst, nil, 0, false, err
	}
	at := len(rows)
	if suffix != nil {
		var exact bool
		if at, exact = find(rows, suffix); exact {
			at++
		}
	}
	for at--; at >= 0; at-- {
		if r := rows[at]; !r.dead {
			return append(dst, r.data...), append([]byte{}, r.suffix...), r.version, true, nil
		}
	}
	return dst, nil, 0, false, nil
}
