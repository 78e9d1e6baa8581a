package pebblestore

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"quiver/storage"
)

// shard is one Pebble database.
type shard struct {
	store   *Store
	index   int
	name    string
	options *pebble.Options
	db      *pebble.DB
	idle    *idle
	misses  missRate // of Get
	fresh   missRate // of the version checks of Apply

	damages, failures seldom

	// mu orders commits: it is held while stored versions are read, the batch
	// is built and handed to Pebble, and released before the wait for the
	// disk, so that waiting commits share one sync.
	mu    sync.Mutex
	state state // as in the last batch; guarded by mu
	// damaged is why the state could not be read. Such a shard still answers
	// reads of what is not damaged, and takes no writes.
	damaged error
}

// open opens the shard's database and reads its state. A shard of a new store may
// exist already, empty, if making the store was cut short.
func (sh *shard) open(isNew bool) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: opening panicked: %v", storage.ErrCorrupt, r)
		}
		if err != nil {
			err = fmt.Errorf("%s: %w", sh.name, err)
		}
	}()
	o := sh.store.pebbleOptions(sh, sh.store.fs)
	o.ErrorIfNotExists = !isNew
	o.ErrorIfNotPristine = isNew
	o.EnsureDefaults()
	sh.options = o
	db, err := pebble.Open(sh.store.fs.PathJoin(sh.store.dir, sh.name), o)
	switch {
	case errors.Is(err, pebble.ErrDBDoesNotExist):
		return fmt.Errorf("%w: the folder of this shard is missing or empty", storage.ErrCorrupt)
	case errors.Is(err, pebble.ErrDBNotPristine):
		return fmt.Errorf("%w: it has rows but there is no %s file; restore it", storage.ErrCorrupt, formatFile)
	case err != nil:
		return asCorrupt(err)
	}
	sh.db = db
	sh.idle.start(db)
	err = sh.readState()
	if errors.Is(err, storage.ErrCorrupt) {
		sh.damaged = err
		sh.store.stats.ReadOnly.Add(1)
		sh.store.o.Log(slog.LevelError, fmt.Sprintf("%s takes no writes: %v", sh.name, err))
		return nil
	}
	return err
}

// readState reads the counters that the last batch left; a new shard has none.
func (sh *shard) readState() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: reading panicked: %v", storage.ErrCorrupt, r)
		}
	}()
	v, closer, err := sh.db.Get(stateKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return asCorrupt(err)
	}
	sh.state, err = parseState(v)
	return errors.Join(err, closer.Close())
}

// mayWrite tells why the shard takes no writes, nil if it does.
func (sh *shard) mayWrite() error {
	switch {
	case sh.store.failed.Load():
		return storage.ErrClosed
	case sh.damaged != nil:
		return fmt.Errorf("%s takes no writes since its state is damaged, restore a checkpoint: %w", sh.name, sh.damaged)
	}
	return nil
}

func (sh *shard) close() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s: closing panicked: %v", sh.name, r)
		}
	}()
	sh.idle.close()
	if err := sh.db.Close(); err != nil {
		return fmt.Errorf("%s: %w", sh.name, err)
	}
	return nil
}

// asCorrupt marks Pebble's corruption errors as ours. The marks of its error
// library are invisible to errors.Is of the standard library.
func asCorrupt(err error) error {
	if err != nil && pebble.IsCorruptionError(err) && !errors.Is(err, storage.ErrCorrupt) {
		return &corruptError{err}
	}
	return err
}

// corruptError is a storage.ErrCorrupt with Pebble's cause, of which it shows the
// first line.
type corruptError struct{ cause error }

func (e *corruptError) Error() string {
	line, _, _ := strings.Cut(e.cause.Error(), "\n")
	return storage.ErrCorrupt.Error() + ": " + line
}

func (e *corruptError) Unwrap() []error { return []error{storage.ErrCorrupt, e.cause} }
