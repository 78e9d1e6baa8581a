package pebblestore

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
)

const (
	formatFile = "FORMAT"
	lockFile   = "LOCK"
	ownerFile  = "LOCK-owner"
	// folderFormat is raised when keys, values or the files of the folder
	// change their meaning.
	folderFormat = 1
)

func shardName(i int) string { return fmt.Sprintf("shard-%03d", i) }

// makeFolder makes dir and returns its one true name: the lock of a file is known
// by name within a process, and the file system would hand it out a second time
// under another spelling.
func makeFolder(fs vfs.FS, dir string) (string, error) {
	if err := fs.MkdirAll(dir, 0o755); err != nil {
		return dir, err
	}
	if vfs.Root(fs) != vfs.Default {
		return dir, nil
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return dir, err
	}
	return filepath.EvalSymlinks(abs)
}

// shardCount tells how many shards the folder has, or is to have if it is new.
func (s *Store) shardCount() (n int, isNew bool, err error) {
	text, err := readFile(s.o.FS, s.o.FS.PathJoin(s.dir, formatFile))
	if errors.Is(err, fs.ErrNotExist) {
		n = s.o.newShards()
		return n, true, s.checkNew(n)
	}
	if err != nil {
		return 0, false, err
	}
	var format int
	if _, err := fmt.Sscanf(string(text), "quiver store\nformat %d\nshards %d\n", &format, &n); err != nil || n < 1 || n > maxShards {
		return 0, false, fmt.Errorf("%w: file %s is not readable: %.60q", storage.ErrCorrupt, formatFile, text)
	}
	if format != folderFormat {
		return 0, false, fmt.Errorf("the folder has format %d and this program reads format %d: use the release that wrote it", format, folderFormat)
	}
	if s.o.Shards != 0 && s.o.Shards != n {
		return 0, false, fmt.Errorf("the folder has %d shards and %d are configured; run: quiver reshard --data %s --shards %d", n, s.o.Shards, s.dir, s.o.Shards)
	}
	return n, false, nil
}

// checkNew refuses a folder without FORMAT that has more shards than a new store of
// n would: a crash while the store was made leaves at most n, and all empty.
func (s *Store) checkNew(n int) error {
	names, err := s.o.FS.List(s.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		var i int
		if _, err := fmt.Sscanf(name, "shard-%03d", &i); err == nil && strings.HasPrefix(name, "shard-") && i >= n {
			return fmt.Errorf("%w: there is %s but no %s file; restore it, or empty the folder", storage.ErrCorrupt, name, formatFile)
		}
	}
	return nil
}

// writeFormat pins the number of shards. It is the last step of making a store: a
// folder with this file has all its shards.
func writeFormat(fs vfs.FS, dir string, n int) error {
	text := fmt.Sprintf("quiver store\nformat %d\nshards %d\n", folderFormat, n)
	if err := writeFile(fs, dir, formatFile, []byte(text)); err != nil {
		return err
	}
	return syncDir(fs, fs.PathDir(dir))
}

// readFile reads a small file.
func readFile(fs vfs.FS, name string) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(f)
	return text, errors.Join(err, f.Close())
}

// writeFile replaces a small file so that after a crash it is the old or the new.
func writeFile(fs vfs.FS, dir, name string, text []byte) error {
	temp := fs.PathJoin(dir, name+".tmp")
	f, err := fs.Create(temp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(temp, fs.PathJoin(dir, name)); err != nil {
		return err
	}
	return syncDir(fs, dir)
}

// syncDir makes the names in dir durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
