package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

const (
	fileName    = "keys.json"
	lockName    = "keys.lock"
	fileVersion = 1
	maxFile     = 64 << 20        // bytes of a key file we are willing to read
	lockWait    = 5 * time.Second // for another process that changes keys
)

// document is the content of keys.json.
type document struct {
	Version    int      `json:"version"`
	LookupSalt string   `json:"lookupSalt"` // for keys of free form, which are found by their hash
	Keys       []record `json:"keys"`
}

// mark tells one version of the file from another. Every version is a new file renamed
// into place, so its inode and time differ.
type mark struct {
	inode uint64
	size  int64
	mtime int64 // Unix nanoseconds
}

// keyFile is the file of keys in a folder.
type keyFile struct{ dir string }

func (f keyFile) path() string { return filepath.Join(f.dir, fileName) }

// mark describes the file as it is now; the zero mark is an absent file.
func (f keyFile) mark() mark {
	info, err := os.Stat(f.path())
	if err != nil {
		return mark{}
	}
	return markOf(info)
}

func markOf(info fs.FileInfo) mark {
	m := mark{size: info.Size(), mtime: info.ModTime().UnixNano()}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		m.inode = st.Ino
	}
	return m
}

// read returns the file's content and its mark, also with an error. An absent file is
// an empty document.
func (f keyFile) read() (document, mark, error) {
	empty := document{Version: fileVersion, LookupSalt: newSalt()}
	in, err := os.Open(f.path())
	if errors.Is(err, fs.ErrNotExist) {
		return empty, mark{}, nil
	}
	if err != nil {
		return document{}, mark{}, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return document{}, mark{}, err
	}
	m := markOf(info)
	text, err := io.ReadAll(io.LimitReader(in, maxFile))
	if err != nil {
		return document{}, m, fmt.Errorf("%s: %w", f.path(), err)
	}
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		return document{}, m, fmt.Errorf("%s: %w", f.path(), err)
	}
	if doc.Version != fileVersion {
		return document{}, m, fmt.Errorf("%s: version %d of the file is not one this program knows (%d)", f.path(), doc.Version, fileVersion)
	}
	return doc, m, nil
}

// write replaces the file as a whole: a crash leaves the old one or the new one.
func (f keyFile) write(doc document) (m mark, err error) {
	text, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return mark{}, err
	}
	out, err := os.CreateTemp(f.dir, fileName+".*.tmp") // mode 0600
	if err != nil {
		return mark{}, err
	}
	defer func() {
		if err != nil {
			_ = out.Close() // the first error is the one to tell
			_ = os.Remove(out.Name())
		}
	}()
	if _, err := out.Write(append(text, '\n')); err != nil {
		return mark{}, err
	}
	if err := out.Sync(); err != nil {
		return mark{}, err
	}
	info, err := out.Stat()
	if err != nil {
		return mark{}, err
	}
	if err := out.Close(); err != nil {
		return mark{}, err
	}
	if err := os.Rename(out.Name(), f.path()); err != nil {
		return mark{}, err
	}
	return markOf(info), syncDir(f.dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// lock keeps other processes from changing the keys until unlock is called.
func (f keyFile) lock() (unlock func(), err error) {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, err
	}
	l, err := os.OpenFile(filepath.Join(f.dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(lockWait); ; time.Sleep(10 * time.Millisecond) {
		err = syscall.Flock(int(l.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = l.Close() }, nil // closing gives the lock back
		}
		if (err != syscall.EWOULDBLOCK && err != syscall.EINTR) || time.Now().After(deadline) {
			_ = l.Close()
			return nil, fmt.Errorf("%s is locked by another process that changes keys: %w", l.Name(), err)
		}
	}
}
