package pebblestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"quiver/storage"
)

// Checkpoint implements storage.Checkpointer: a folder that Open opens, with every
// row that was acknowledged before the call and perhaps some of those written
// meanwhile. dir must not exist or be empty, and should lie on the same file system:
// then table files are linked, not copied, and the copy takes milliseconds but keeps
// disk space in use until it is removed. The file FORMAT comes last, so half a
// checkpoint does not open.
func (s *Store) Checkpoint(ctx context.Context, dir string) (err error) {
	if !s.running.enter() {
		return storage.ErrClosed
	}
	defer s.running.leave()
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot checkpoint to %s: %w", dir, asFull(err))
		}
	}()
	if err := s.fs.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	names, err := s.fs.List(dir)
	if err != nil {
		return err
	}
	if len(names) > 0 {
		return errors.New("the folder is not empty; name a new one")
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.fs.RemoveAll(dir))
		}
	}()
	acked := s.acked.values() // no more than what the checkpoint will have
	for _, sh := range s.shards {
		if err := ctx.Err(); err != nil {
			return err
		}
		// Without the flush, what the log still buffers would be missing.
		if err := sh.db.Checkpoint(s.fs.PathJoin(dir, sh.name), pebble.WithFlushedWAL()); err != nil {
			return fmt.Errorf("%s: %w", sh.name, asCorrupt(err))
		}
	}
	if err := writeAcked(s.fs, dir, acked); err != nil {
		return err
	}
	return writeFormat(s.fs, dir, len(s.shards))
}
