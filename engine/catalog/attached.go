package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// attachedSpec is a file that a definition names, once it was read.
type attachedSpec struct {
	Name   string `json:"name"`
	Packed []byte `json:"gzip,omitempty"`
	// Sum stands for Packed in revision files: its SHA-256, which names the file that
	// holds it.
	Sum string `json:"sha256,omitempty"`
}

func (a attachedSpec) same(b attachedSpec) bool {
	return a.Name == b.Name && string(a.Packed) == string(b.Packed)
}

// attachedTo returns the files of a definition, which are the spec's.
func attachedTo(s spec) []attachedSpec {
	switch s := s.(type) {
	case *generationSpec:
		return s.Files
	case *connectionSpec:
		return s.Files
	default:
		return nil
	}
}

// detach returns an object's definition with the names of its files in place of what
// they hold, which it adds to kept.
func detach(o object, kept map[string][]byte) []byte {
	files := slices.Clone(attachedTo(o.source()))
	if len(files) == 0 {
		return o.definition()
	}
	for i := range files {
		sum := sha256.Sum256(files[i].Packed)
		files[i].Sum = hex.EncodeToString(sum[:])
		kept[files[i].Sum], files[i].Packed = files[i].Packed, nil
	}
	switch s := o.source().(type) {
	case *generationSpec:
		c := *s
		c.Files = files
		return marshal(&c)
	default:
		c := *s.(*connectionSpec)
		c.Files = files
		return marshal(&c)
	}
}

// filesDir is the folder of the files of all revisions.
func filesDir(dir string) string { return filepath.Join(dir, "files") }

// attach reads the files of a definition that was read from a revision.
func attach(dir string, s spec) error {
	files := attachedTo(s)
	for i := range files {
		f := &files[i]
		if f.Sum == "" {
			continue // written by an older Quiver, all in one
		}
		b, err := os.ReadFile(filepath.Join(filesDir(dir), filepath.Base(f.Sum)))
		if err != nil {
			return fmt.Errorf("file %s of %s: %w", quote(f.Name), s.key(), err)
		}
		if sum := sha256.Sum256(b); hex.EncodeToString(sum[:]) != f.Sum {
			return fmt.Errorf("%w: what file %s of %s holds is not what it is named after", ErrDamaged, quote(f.Name), s.key())
		}
		f.Packed, f.Sum = b, ""
	}
	return nil
}

// keepFiles writes the files that are not there yet, durably.
func (d disk) keepFiles(dir string, kept map[string][]byte) error {
	if len(kept) == 0 {
		return nil
	}
	folder := filesDir(dir)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("cannot create the folder of attached files: %w", err)
	}
	for sum, b := range kept {
		path := filepath.Join(folder, sum)
		if info, err := os.Stat(path); err == nil && info.Size() == int64(len(b)) {
			continue
		}
		err := d.writeSynced(path+temporary, b)
		if err == nil {
			err = d.rename(path+temporary, path)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("cannot write an attached file: %w", err), ignoreMissing(os.Remove(path+temporary)))
		}
	}
	return errors.Join(d.syncDir(folder), d.syncDir(dir))
}

// sweepFiles removes the files that no revision names any more. If a revision cannot be
// read, nobody knows which these are, and all stay.
func sweepFiles(dir string) error {
	entries, err := os.ReadDir(filesDir(dir))
	if len(entries) == 0 {
		return ignoreMissing(err)
	}
	revisions, err := revisionsIn(dir)
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, n := range revisions {
		head, err := readHead(revisionPath(dir, n))
		if err != nil {
			return nil
		}
		for _, sum := range head.Files {
			used[sum] = true
		}
	}
	for _, e := range entries {
		if !used[e.Name()] {
			err = errors.Join(err, ignoreMissing(os.Remove(filepath.Join(filesDir(dir), e.Name()))))
		}
	}
	return err
}

// sums returns the names of files in order.
func sums(kept map[string][]byte) []string { return slices.Sorted(maps.Keys(kept)) }
