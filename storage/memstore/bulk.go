package memstore

import (
	"context"
	"errors"
	"fmt"

	"quiver/storage"
)

// bulk collects the rows of one table in a private store and hands the table over
// at Commit.
type bulk struct {
	s      *Store
	table  uint32
	number uint64 // what its NextVersion rows carry
	rows   *Store
	done   bool
}

// BulkLoad implements storage.BulkLoader.
func (s *Store) BulkLoad(ctx context.Context, table uint32) (storage.Bulk, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.mayLoad(table); err != nil {
		return nil, err
	}
	s.counter++
	return &bulk{s: s, table: table, number: s.counter, rows: New()}, nil
}

// mayLoad tells whether table may be bulk loaded. The caller holds the lock.
func (s *Store) mayLoad(table uint32) error {
	if s.closed {
		return storage.ErrClosed
	}
	if len(s.tables[table]) > 0 {
		return fmt.Errorf("cannot bulk load table %d: %w", table, storage.ErrNotEmpty)
	}
	return nil
}

var errBulkDone = errors.New("bulk load is already committed or aborted")

// Add implements storage.Bulk.
func (l *bulk) Add(w storage.Write) error {
	if l.done {
		return errBulkDone
	}
	if w.Table != l.table {
		return fmt.Errorf("%w: row of table %d in a bulk load of table %d", storage.ErrInvalid, w.Table, l.table)
	}
	if err := w.Check(); err != nil {
		return err
	}
	version := w.Version
	if version == storage.NextVersion {
		version = l.number
	}
	l.rows.put(&w, version, false)
	return nil
}

// Commit implements storage.Bulk.
func (l *bulk) Commit(ctx context.Context) error {
	if l.done {
		return errBulkDone
	}
	l.done = true
	if err := ctx.Err(); err != nil {
		return err
	}
	l.s.mu.Lock()
	defer l.s.mu.Unlock()
	if err := l.s.mayLoad(l.table); err != nil {
		return err
	}
	if t := l.rows.tables[l.table]; t != nil {
		l.s.tables[l.table] = t
	}
	return nil
}

// Abort implements storage.Bulk.
func (l *bulk) Abort() error {
	l.done, l.rows = true, nil
	return nil
}
