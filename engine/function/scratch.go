package function

import (
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// What every worker runs; it loads the user's file.
var (
	//go:embed runner.py
	runnerPython string
	//go:embed runner.R
	runnerR string
)

// scratch is a pool's folder:
//
//	lock       held while the server lives, so that the next one can tell leftovers
//	runner.py  or runner.R
//	code/      the user's files, unless they have a folder of their own
//	w*/        the working folder of one worker, empty when it starts, removed after it
type scratch struct {
	dir    string
	runner string // path
	lock   *os.File
}

const scratchPrefix = "quiver-function-"

// newScratch makes the folder, and removes those that killed servers left behind.
func newScratch(c *Config) (_ *scratch, err error) {
	sweep(c.Scratch)
	s := &scratch{}
	if s.dir, err = os.MkdirTemp(c.Scratch, scratchPrefix); err != nil {
		return nil, fmt.Errorf("cannot make a scratch folder: %w", err)
	}
	defer func() {
		if err != nil {
			s.remove()
		}
	}()
	if s.lock, err = os.Create(filepath.Join(s.dir, "lock")); err != nil {
		return nil, fmt.Errorf("cannot make a scratch folder: %w", err)
	}
	if err := syscall.Flock(int(s.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, fmt.Errorf("cannot lock scratch folder %s: %w", s.dir, err)
	}
	s.runner = filepath.Join(s.dir, "runner.py")
	text := runnerPython
	if c.Language == R {
		s.runner, text = filepath.Join(s.dir, "runner.R"), runnerR
	}
	if err := s.write(s.runner, text); err != nil {
		return nil, err
	}
	for name, text := range c.Files {
		if err := s.write(filepath.Join(s.code(), filepath.FromSlash(name)), text); err != nil {
			return nil, err
		}
	}
	// Workers may run as somebody else, who may look and go through.
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return nil, fmt.Errorf("cannot open scratch folder %s: %w", s.dir, err)
	}
	return s, nil
}

func (s *scratch) code() string { return filepath.Join(s.dir, "code") }

func (s *scratch) write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("cannot make a folder for code: %w", err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("cannot write code: %w", err)
	}
	return nil
}

// worker makes the working folder of one worker.
func (s *scratch) worker(c *Config) (string, error) {
	dir, err := os.MkdirTemp(s.dir, "w")
	if err == nil && c.UID != 0 {
		err = os.Chown(dir, c.UID, c.GID)
	}
	if err != nil {
		return "", fmt.Errorf("cannot make a worker's folder: %w", err)
	}
	return dir, nil
}

func (s *scratch) remove() {
	_ = os.RemoveAll(s.dir) // what cannot be removed now the next server's sweep tries again
	if s.lock != nil {
		_ = s.lock.Close()
	}
}

// sweep removes folders whose server is gone. A folder younger than a minute may be
// one whose server has not locked it yet.
func sweep(parent string) {
	found, err := filepath.Glob(filepath.Join(parent, scratchPrefix+"*"))
	if err != nil {
		return
	}
	for _, dir := range found {
		if info, err := os.Stat(dir); err != nil || time.Since(info.ModTime()) < time.Minute {
			continue
		}
		lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR, 0)
		if err != nil {
			continue // somebody else's
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = os.RemoveAll(dir)
		}
		_ = lock.Close()
	}
}
