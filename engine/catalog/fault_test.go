package catalog

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

var errInjected = errors.New("injected")

// failAt is a disk whose nth sync or rename fails, counted from 0; -1 for none. steps
// counts them.
func failAt(n int, steps *int) disk {
	step := func() error {
		*steps++
		if *steps-1 == n {
			return errInjected
		}
		return nil
	}
	return disk{
		sync: func(f *os.File) error {
			if err := step(); err != nil {
				return err
			}
			return f.Sync()
		},
		rename: func(from, to string) error {
			if err := step(); err != nil {
				return err
			}
			return os.Rename(from, to)
		},
	}
}

// TestCommitFails lets each sync and rename of a commit fail in turn: the revision before
// stays in force, the error says so, and a restart finds the one before or, only where
// the error says that this is not known, the new one.
func TestCommitFails(t *testing.T) {
	f := func(n int) (steps int) {
		t.Helper()
		dir := t.TempDir()
		c := mustOpen(t, dir)
		mustApply(t, c, groupText("a"))
		before := c.Current()
		files := []File{{Name: "test.yaml", Text: []byte(groupText("b"))}}
		next, _, err := c.Prepare(files, false)
		if err != nil {
			t.Fatal(err)
		}
		c.ledger.disk = failAt(n, &steps)
		err = c.Commit(next)
		if n < 0 {
			if err != nil {
				t.Fatal(err)
			}
			return steps
		}
		if !errors.Is(err, errInjected) || !strings.Contains(err.Error(), fmt.Sprintf("Revision %d stays in force", before.Revision)) || c.Current() != before {
			t.Errorf("step %d: %v, revision %d", n, err, c.Current().Revision)
		}
		unknown := strings.Contains(err.Error(), "not known")
		// A second process sees what a restart would.
		now := mustOpenCopy(t, dir, "").Current()
		if now.Group("s", "a", 1) == nil || !unknown && now.Revision != before.Revision {
			t.Errorf("step %d (%v): a restart finds revision %d", n, err, now.Revision)
		}
		c.ledger.disk = realDisk
		next, _, err = c.Prepare(files, false)
		if err != nil {
			t.Fatal(err)
		}
		if err = c.Commit(next); unknown != (err != nil) {
			t.Errorf("step %d: the next commit gives %v", n, err)
		}
		if unknown {
			if _, reserve := c.ReserveTable(); !errors.Is(err, errInjected) || !errors.Is(reserve, errInjected) {
				t.Errorf("step %d: later changes give %v and %v", n, err, reserve)
			}
			return steps
		}
		if got := mustOpenCopy(t, dir, "").Current(); got.Revision != before.Revision+1 || got.Group("s", "b", 1) == nil {
			t.Errorf("step %d: the change that was made in the end is revision %d after a restart", n, got.Revision)
		}
		return steps
	}
	steps := f(-1)
	if steps != 6 { // of the ledger and of the revision: sync, rename, sync of the folder
		t.Errorf("a commit has %d steps, want 6", steps)
	}
	for n := range steps {
		f(n)
	}
}
