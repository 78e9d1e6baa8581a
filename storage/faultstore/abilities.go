package faultstore

import (
	"context"

	"quiver/storage"
)

// Range implements storage.Ranger. Faults.Key is asked for each row as well, and
// its error ends the range.
func (s *Store) Range(ctx context.Context, table uint32, from storage.Key, f func(k storage.Key, version uint64, row []byte) bool) error {
	return s.each(ctx, Range, func(inner storage.Ranger, good func(storage.Key) bool) error {
		return inner.Range(ctx, table, from, func(k storage.Key, version uint64, row []byte) bool {
			return good(k) && f(k, version, row)
		})
	})
}

// List implements storage.Ranger, as Range does and with its faults.
func (s *Store) List(ctx context.Context, table uint32, f func(w storage.Write) bool) error {
	return s.each(ctx, Range, func(inner storage.Ranger, good func(storage.Key) bool) error {
		return inner.List(ctx, table, func(w storage.Write) bool { return good(w.Key) && f(w) })
	})
}

// RangeRoute implements storage.Ranger, as Range does.
func (s *Store) RangeRoute(ctx context.Context, table uint32, route, fromSuffix []byte, f func(suffix []byte, version uint64, row []byte) bool) error {
	return s.each(ctx, RangeRoute, func(inner storage.Ranger, good func(storage.Key) bool) error {
		return inner.RangeRoute(ctx, table, route, fromSuffix, func(suffix []byte, version uint64, row []byte) bool {
			return good(storage.Key{Table: table, Route: route, Suffix: suffix}) && f(suffix, version, row)
		})
	})
}

// each runs a range of the inner store with the faults of op; good is to be asked for each
// row, and false ends the range.
func (s *Store) each(ctx context.Context, op Op, run func(inner storage.Ranger, good func(storage.Key) bool) error) error {
	inner, ok := s.inner.(storage.Ranger)
	if !ok {
		return s.unsupported(op)
	}
	faults := s.faults.Load()
	if err := s.before(ctx, faults, op); err != nil {
		return err
	}
	var failed error
	err := run(inner, func(k storage.Key) bool {
		failed = faults.key(op, k)
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return faults.after(op, err)
}

// Floor implements storage.Floorer. Faults.Key is asked for the key that was asked
// for.
func (s *Store) Floor(ctx context.Context, table uint32, route, suffix, dst []byte) (row, foundSuffix []byte, version uint64, found bool, err error) {
	inner, ok := s.inner.(storage.Floorer)
	if !ok {
		return dst, nil, 0, false, s.unsupported(Floor)
	}
	f := s.faults.Load()
	if err := s.before(ctx, f, Floor); err != nil {
		return dst, nil, 0, false, err
	}
	if err := f.key(Floor, storage.Key{Table: table, Route: route, Suffix: suffix}); err != nil {
		return dst, nil, 0, false, err
	}
	row, foundSuffix, version, found, err = inner.Floor(ctx, table, route, suffix, dst)
	if err = f.after(Floor, err); err != nil {
		return dst, nil, 0, false, err
	}
	return row, foundSuffix, version, found, nil
}

// DropTable implements storage.TableDropper.
func (s *Store) DropTable(ctx context.Context, table uint32) error {
	inner, ok := s.inner.(storage.TableDropper)
	if !ok {
		return s.unsupported(Drop)
	}
	f := s.faults.Load()
	if err := s.before(ctx, f, Drop); err != nil {
		return err
	}
	if err := f.key(Drop, storage.Key{Table: table}); err != nil {
		return err
	}
	return f.after(Drop, inner.DropTable(ctx, table))
}

// Checkpoint implements storage.Checkpointer.
func (s *Store) Checkpoint(ctx context.Context, dir string) error {
	inner, ok := s.inner.(storage.Checkpointer)
	if !ok {
		return s.unsupported(Checkpoint)
	}
	f := s.faults.Load()
	if err := s.before(ctx, f, Checkpoint); err != nil {
		return err
	}
	return f.after(Checkpoint, inner.Checkpoint(ctx, dir))
}

// BulkLoad implements storage.BulkLoader.
func (s *Store) BulkLoad(ctx context.Context, table uint32) (storage.Bulk, error) {
	inner, ok := s.inner.(storage.BulkLoader)
	if !ok {
		return nil, s.unsupported(Load)
	}
	f := s.faults.Load()
	if err := s.before(ctx, f, Load); err != nil {
		return nil, err
	}
	if err := f.key(Load, storage.Key{Table: table}); err != nil {
		return nil, err
	}
	l, err := inner.BulkLoad(ctx, table)
	if err != nil {
		return nil, err
	}
	return &bulk{s: s, inner: l}, nil
}

// bulk is a load with faults; they are those set at the time of each call.
type bulk struct {
	s     *Store
	inner storage.Bulk
}

func (l *bulk) Add(w storage.Write) error {
	f := l.s.faults.Load()
	if err := l.s.before(context.Background(), f, Add); err != nil {
		return err
	}
	if err := f.key(Add, w.Key); err != nil {
		return err
	}
	return f.after(Add, l.inner.Add(w))
}

func (l *bulk) Commit(ctx context.Context) error {
	f := l.s.faults.Load()
	if err := l.s.before(ctx, f, Commit); err != nil {
		return err
	}
	return f.after(Commit, l.inner.Commit(ctx))
}

func (l *bulk) Abort() error { return l.inner.Abort() }
