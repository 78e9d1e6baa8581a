package featurelog

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

func join(dir, name string) string { return filepath.Join(dir, name) }

func isTemporary(name string) bool {
	return strings.HasPrefix(name, ".part-") && strings.HasSuffix(name, ".tmp")
}

// encode makes a folder's name of a workflow's.
func encode(workflow string) string {
	var b strings.Builder
	for i := range len(workflow) {
		switch c := workflow[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.' && i > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

func decode(folder string) string {
	s, err := url.PathUnescape(folder)
	if err != nil {
		return folder // made by somebody else
	}
	return s
}

// makeFolder makes folder below root, and sees to it that the new names last.
func makeFolder(root, folder string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	for at := folder; at != root; at = filepath.Dir(at) {
		if err := syncFolder(filepath.Dir(at)); err != nil {
			return err
		}
	}
	return syncFolder(filepath.Dir(root))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// forgetHours removes the hours that ended before limit.
func forgetHours(dir string, limit time.Time) error {
	return eachHour(dir, func(_, hour, path string) error {
		at, err := time.Parse(hourLayout, hour)
		if err != nil || !at.Add(time.Hour).Before(limit) {
			return nil
		}
		return os.RemoveAll(path)
	})
}

// eachHour calls f for every folder of an hour, in order, until it fails.
func eachHour(dir string, f func(workflow, hour, path string) error) error {
	workflows, err := os.ReadDir(dir)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, w := range workflows {
		name, ok := strings.CutPrefix(w.Name(), "workflow=")
		if !ok {
			continue
		}
		hours, err := os.ReadDir(filepath.Join(dir, w.Name()))
		if err != nil {
			return err
		}
		for _, h := range hours {
			if hour, ok := strings.CutPrefix(h.Name(), "hour="); ok {
				if err := f(decode(name), hour, filepath.Join(dir, w.Name(), h.Name())); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
