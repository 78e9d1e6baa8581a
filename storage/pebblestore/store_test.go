package pebblestore

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
	"quiver/storage/storetest"
)

// small returns options for tests: little memory, so that flushes and compactions
// happen, no ballast.
func small(t testing.TB, fs vfs.FS, shards int) Options {
	return Options{
		Shards: shards, FS: fs,
		CacheBytes: 8 << 20, MemTableBytes: 256 << 10, BulkBytes: 1 << 20, BallastBytes: -1,
		Log: func(level slog.Level, text string) {
			if level >= slog.LevelError {
				t.Log(text)
			}
		},
		Exit: func(text string) { t.Errorf("the store ended the process: %s", text) },
	}
}

func mustOpen(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestStore(t *testing.T) {
	for _, shards := range []int{1, 3} {
		t.Run(fmt.Sprint(shards, " shards"), func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) storage.Store { return mustOpen(t, "data", small(t, vfs.NewMem(), shards)) })
		})
	}
}

func TestHistoriesWithReopen(t *testing.T) {
	var o Options
	storetest.History(t, storetest.HistoryOptions{
		Ops: 500, Histories: 2,
		Open: func(t *testing.T) storage.Store {
			o = small(t, nil, 2)
			return mustOpen(t, t.TempDir(), o)
		},
		Reopen: func(t *testing.T, s storage.Store) storage.Store {
			mustClose(t, s.(*Store))
			return mustOpen(t, s.(*Store).dir, o)
		},
	})
}

// TestForbiddenWords keeps two Pebble options out of the package: rows written with
// the first are lost by kill -9 alone, the second has no log at all.
func TestForbiddenWords(t *testing.T) {
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"pebble." + "NoSync", "Disable" + "WAL"} {
			if strings.Contains(string(text), word) {
				t.Errorf("%s has %s", name, word)
			}
		}
	}
}
