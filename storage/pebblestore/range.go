package pebblestore

import (
	"context"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"quiver/storage"
)

// checkEvery is how many rows a range reads between looks at its context.
const checkEvery = 64

// Range implements storage.Ranger. Each shard is read as it was when its turn came.
func (s *Store) Range(ctx context.Context, table uint32, from storage.Key, f func(k storage.Key, version uint64, row []byte) bool) error {
	if !s.running.enter() {
		return storage.ErrClosed
	}
	defer s.running.leave()
	from.Table = table
	return s.list(ctx, appendKey(nil, &from), table, func(w storage.Write) bool {
		return w.Delete || f(w.Key, w.Version, w.Row)
	})
}

// List implements storage.Ranger.
func (s *Store) List(ctx context.Context, table uint32, f func(w storage.Write) bool) error {
	if !s.running.enter() {
		return storage.ErrClosed
	}
	defer s.running.leave()
	return s.list(ctx, appendTable(nil, table), table, f)
}

// list calls f for all that a table has from lower on in each shard.
func (s *Store) list(ctx context.Context, lower []byte, table uint32, f func(w storage.Write) bool) error {
	upper := appendTableEnd(nil, table)
	more := true
	for _, sh := range s.shards {
		err := sh.scan(ctx, lower, upper, func(key []byte, e envelope, row []byte) (bool, error) {
			route, suffix, err := splitKey(key, e.routeLen)
			if err != nil {
				return false, err
			}
			w := storage.Write{Key: storage.Key{Table: table, Route: route, Suffix: suffix}, Version: e.version, Expire: e.expire, Delete: e.dead}
			if !e.dead {
				w.Row = row
			}
			more = f(w)
			return more, nil
		})
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// RangeRoute implements storage.Ranger.
func (s *Store) RangeRoute(ctx context.Context, table uint32, route, fromSuffix []byte, f func(suffix []byte, version uint64, row []byte) bool) error {
	if !s.running.enter() {
		return storage.ErrClosed
	}
	defer s.running.leave()
	lower := appendKey(nil, &storage.Key{Table: table, Route: route, Suffix: fromSuffix})
	prefix := lower[:tableLen+len(route)]
	return s.shardOf(route).scan(ctx, lower, appendAfterPrefix(nil, prefix), func(key []byte, e envelope, row []byte) (bool, error) {
		return e.dead || f(key[len(prefix):len(key):len(key)], e.version, row), nil
	})
}

func (s *Store) shardOf(route []byte) *shard { return s.shards[shardOf(route, len(s.shards))] }

// splitKey gives back the route and suffix of a disk key.
func splitKey(key []byte, routeLen int) (route, suffix []byte, err error) {
	end := tableLen + routeLen
	if end > len(key) {
		return nil, nil, fmt.Errorf("%w: a key of %d bytes with a route of %d", storage.ErrCorrupt, len(key), routeLen)
	}
	if end == len(key) {
		return key[tableLen:end:end], nil, nil
	}
	return key[tableLen:end:end], key[end:len(key):len(key)], nil
}

// scan calls f for the rows and tombstones of a shard in [lower, upper), until it returns
// false or an error.
func (sh *shard) scan(ctx context.Context, lower, upper []byte, f func(key []byte, e envelope, row []byte) (bool, error)) (err error) {
	defer func() {
		if err != nil && ctx.Err() == nil {
			err = fmt.Errorf("cannot read a range from %s: %w", sh.name, asCorrupt(err))
		}
	}()
	it, err := sh.db.NewIter(&pebble.IterOptions{LowerBound: lower, UpperBound: upper})
	if err != nil {
		return err
	}
	defer func() {
		if cerr := it.Close(); err == nil {
			err = cerr
		}
	}()
	n := 0
	for ok, err := step(sh, it.First); ; ok, err = step(sh, it.Next) {
		if err != nil {
			return err
		}
		if !ok {
			return it.Error()
		}
		if n%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		n++
		v, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		e, row, err := parseValue(v)
		if err != nil {
			return err
		}
		if more, err := f(it.Key(), e, row); err != nil || !more {
			return err
		}
	}
}

// step moves an iterator, turning a panic on damaged data into an error. It wraps
// single steps, not the whole scan, so that panics of the caller's function stay
// its own.
func step(sh *shard, move func() bool) (ok bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			sh.store.stats.Panics.Add(1)
			err = fmt.Errorf("%w: reading panicked: %v", storage.ErrCorrupt, r)
		}
	}()
	return move(), nil
}

// Floor implements storage.Floorer.
func (s *Store) Floor(ctx context.Context, table uint32, route, suffix, dst []byte) (row, foundSuffix []byte, version uint64, found bool, err error) {
	if !s.running.enter() {
		return dst, nil, 0, false, storage.ErrClosed
	}
	defer s.running.leave()
	if err := ctx.Err(); err != nil {
		return dst, nil, 0, false, err
	}
	sh := s.shardOf(route)
	a := s.floors.Get().(*floorer)
	defer s.floors.Put(a)
	row, foundSuffix, version, found, err = a.floor(sh, table, route, suffix, dst)
	if err != nil {
		return dst, nil, 0, false, fmt.Errorf("cannot read from %s: %w", sh.name, asCorrupt(err))
	}
	return row, foundSuffix, version, found, nil
}

// floorer is the scratch of one Floor, pooled.
type floorer struct {
	lower, upper []byte
	io           pebble.IterOptions
}

func (a *floorer) floor(sh *shard, table uint32, route, suffix, dst []byte) (row, foundSuffix []byte, version uint64, found bool, err error) {
	k := storage.Key{Table: table, Route: route}
	a.lower = appendKey(a.lower[:0], &k)
	if suffix == nil {
		a.upper = appendAfterPrefix(a.upper[:0], a.lower)
	} else {
		// The first key above the wanted one is that with a zero byte behind.
		k.Suffix = suffix
		a.upper = append(appendKey(a.upper[:0], &k), 0)
	}
	a.io = pebble.IterOptions{LowerBound: a.lower, UpperBound: a.upper}
	var it *pebble.Iterator
	defer func() {
		if r := recover(); r != nil {
			sh.store.stats.Panics.Add(1)
			err = fmt.Errorf("%w: reading panicked: %v", storage.ErrCorrupt, r)
			closeQuietly(it)
		}
	}()
	if it, err = sh.db.NewIter(&a.io); err != nil {
		return dst, nil, 0, false, err
	}
	for ok := it.Last(); ok; ok = it.Prev() {
		v, err := it.ValueAndErr()
		if err != nil {
			return dst, nil, 0, false, closeAfter(it, err)
		}
		e, stored, err := parseValue(v)
		if err != nil {
			return dst, nil, 0, false, closeAfter(it, err)
		}
		if e.dead {
			continue
		}
		row, foundSuffix = append(dst, stored...), append([]byte{}, it.Key()[len(a.lower):]...)
		return row, foundSuffix, e.version, true, it.Close()
	}
	return dst, nil, 0, false, it.Close()
}

// DropTable implements storage.TableDropper. It excises the table from every shard:
// files that hold nothing else are forgotten whole, the others are cut by metadata,
// and the change is durable in the manifest. A range deletion would instead stay in
// the way of reads until compactions have rewritten the data; DESIGN.md has more.
func (s *Store) DropTable(ctx context.Context, table uint32) error {
	if !s.running.enter() {
		return storage.ErrClosed
	}
	defer s.running.leave()
	for _, sh := range s.shards {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := sh.drop(ctx, table); err != nil {
			return fmt.Errorf("cannot drop table %d from %s: %w", table, sh.name, asCorrupt(err))
		}
	}
	return nil
}

func (sh *shard) drop(ctx context.Context, table uint32) error {
	sh.idle.begin()
	err := sh.db.Excise(ctx, pebble.KeyRange{Start: appendTable(nil, table), End: appendTableEnd(nil, table)})
	sh.idle.end()
	sh.idle.drain() // the files excised are obsolete
	return err
}
