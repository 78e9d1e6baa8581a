package memstore

import (
	"context"

	"quiver/storage"
)

// Range implements storage.Ranger. It shows the table as it was when the call
// began; f may use the store.
func (s *Store) Range(ctx context.Context, table uint32, from storage.Key, f func(k storage.Key, version uint64, row []byte) bool) error {
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
			if !r.dead && !f(storage.Key{Table: table, Route: []byte(route), Suffix: r.suffix}, r.version, r.data) {
				return nil
			}
		}
	}
	return nil
}

// RangeRoute implements storage.Ranger.
func (s *Store) RangeRoute(ctx context.Context, table uint32, route, fromSuffix []byte, f func(suffix []byte, version uint64, row []byte) bool) error {
	rows, err := s.list(table, route)
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
	rows, err := s.list(table, route)
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
