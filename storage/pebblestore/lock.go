package pebblestore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
)

// lock is the hold on a folder.
type lock struct {
	fs    vfs.FS
	owner string
	file  io.Closer
}

// takeLock locks dir for this process, or says which one has it. The owner's pid is
// in a file of its own: opening and closing the locked file again would drop a
// POSIX lock.
func takeLock(fs vfs.FS, dir string) (*lock, error) {
	file, err := fs.Lock(fs.PathJoin(dir, lockFile))
	if err != nil {
		if !isLocked(err) {
			return nil, err
		}
		text, _ := readFile(fs, fs.PathJoin(dir, ownerFile))
		if owner := strings.TrimSpace(string(text)); owner != "" {
			return nil, fmt.Errorf("%w: %s has it open; stop that process or use another folder", storage.ErrLocked, owner)
		}
		return nil, fmt.Errorf("%w: stop that process or use another folder (%v)", storage.ErrLocked, err)
	}
	l := &lock{fs: fs, owner: fs.PathJoin(dir, ownerFile), file: file}
	if err := l.sign(); err != nil {
		return nil, errors.Join(err, l.release())
	}
	return l, nil
}

func (l *lock) sign() error {
	f, err := l.fs.Create(l.owner, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "process %d\n", os.Getpid())
	return errors.Join(err, f.Close())
}

func (l *lock) release() error {
	err := l.fs.Remove(l.owner)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, l.file.Close())
}

// isLocked tells a lock that is held from a file system that has none.
func isLocked(err error) bool {
	return errors.Is(err, syscall.EAGAIN) || strings.Contains(err.Error(), "lock held by current process")
}
