package pebblestore

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
)

// ballast is a file that only takes space. A log that cannot be written ends the
// process; when the disk is full, removing this file lets the write that met it be
// repeated, and from then on new writes are refused with ErrFull while reads go on.
// When enough space is free again the file is put back and writes are taken.
//
// Space is reserved where the file system can (fallocate on Linux); elsewhere the
// file is empty and a full disk ends the process.
type ballast struct {
	s    *Store
	fs   vfs.FS // without the wrapper that calls release
	name string
	size int64 // 0 for none

	mu   sync.Mutex
	next time.Time // when to look for space again

	telling sync.Mutex // of its own: release runs inside writes
	told    time.Time  // when it was last said that the disk is full
	times   int        // how often it has been since
}

const (
	ballastFile = "BALLAST"
	ballastLook = time.Second
	ballastTell = time.Minute
)

// openBallast puts the file there. A store without room for it opens all the same.
func (s *Store) openBallast(fs vfs.FS) *ballast {
	b := &ballast{s: s, fs: fs, name: fs.PathJoin(s.dir, ballastFile), size: max(0, s.o.BallastBytes)}
	if b.size == 0 {
		return b
	}
	if err := b.put(); err != nil {
		s.o.Log(slog.LevelWarn, fmt.Sprintf("no space is kept in reserve: %v", err))
	}
	return b
}

// put reserves the space.
func (b *ballast) put() error {
	f, err := b.fs.OpenReadWrite(b.name, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	err = f.Preallocate(0, b.size)
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(fmt.Errorf("cannot reserve %d MiB: %w", b.size>>20, err), b.fs.Remove(b.name))
	}
	return nil
}

// release is called when a write met a full disk, before it is repeated once. It
// runs inside the write and does no more than it must.
func (b *ballast) release() {
	b.s.stats.Full.Store(true)
	if b.size == 0 {
		return
	}
	err := b.fs.Remove(b.name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.s.o.Log(slog.LevelError, fmt.Sprintf("disk is full and the reserve cannot be released: %v", err))
		return
	}
	b.tell()
}

// tell logs that the disk is full, once a minute: one that is nearly full becomes so
// again and again.
func (b *ballast) tell() {
	b.telling.Lock()
	defer b.telling.Unlock()
	b.times++
	now := time.Now()
	if now.Sub(b.told) < ballastTell {
		return
	}
	text := "disk is full: writes are refused until there is space"
	if b.times > 1 {
		text += fmt.Sprintf(" (%d times since this was last said)", b.times)
	}
	b.told, b.times = now, 0
	b.s.o.Log(slog.LevelError, text)
}

// relieve logs that there is space again, if the last time there was none was logged.
func (b *ballast) relieve() {
	b.telling.Lock()
	defer b.telling.Unlock()
	if b.times == 0 {
		b.s.o.Log(slog.LevelWarn, "there is space again: writes are taken")
	}
}

// mayWrite returns ErrFull while the disk is full. Now and then it looks whether
// that is over.
func (b *ballast) mayWrite() error {
	if !b.s.stats.Full.Load() {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := time.Now(); now.After(b.next) {
		b.next = now.Add(ballastLook)
		usage, err := b.fs.GetDiskUsage(b.s.dir)
		// Twice the reserve, so that what is left after putting it back is
		// not gone with the next flush.
		if err == nil && usage.AvailBytes > uint64(2*b.size)+uint64(b.s.o.MemTableBytes) && (b.size == 0 || b.put() == nil) {
			b.s.stats.Full.Store(false)
			b.relieve()
			return nil
		}
	}
	return fmt.Errorf("%w: free some on the disk of %s", storage.ErrFull, b.s.dir)
}

// asFull marks errors of a full disk as ours.
func asFull(err error) error {
	if errors.Is(err, syscall.ENOSPC) && !errors.Is(err, storage.ErrFull) {
		return fmt.Errorf("%w: %w", storage.ErrFull, err)
	}
	return err
}
