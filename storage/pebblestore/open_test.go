package pebblestore

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
)

func write(t testing.TB, s storage.Store, ws ...storage.Write) {
	t.Helper()
	if err := s.Apply(context.Background(), ws); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, s storage.Store, k storage.Key) (row []byte, version uint64, err error) {
	t.Helper()
	var b storage.Batch
	b.Add(k)
	if err := s.Get(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	return b.Row(0)
}

func TestSecondOpenIsLocked(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := mustOpen(t, dir, small(t, nil, 1))
	f := func(name string) {
		t.Helper()
		_, err := Open(name, small(t, nil, 1))
		if !errors.Is(err, storage.ErrLocked) {
			t.Fatalf("second Open: got %v, want ErrLocked", err)
		}
		for _, want := range []string{name, fmt.Sprintf("process %d", os.Getpid())} {
			if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
				t.Fatalf("second Open says %q, want one line with %q", err, want)
			}
		}
	}
	f(dir)
	// The same folder under other names: the lock of a process on a file is lost
	// when the process opens and closes it a second time.
	f(dir + "/../data/.")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	f(link)
	write(t, s, storage.Write{Key: crashKey(1, 1), Version: 1, Row: []byte("x")})
	mustClose(t, s)
	s = mustOpen(t, link, small(t, nil, 0))
	if row, _, err := read(t, s, crashKey(1, 1)); string(row) != "x" || err != nil {
		t.Fatalf("got %q %v", row, err)
	}
	mustClose(t, s)
}

func TestShardCount(t *testing.T) {
	fs := vfs.NewMem()
	mustClose(t, mustOpen(t, "data", small(t, fs, 3)))
	s := mustOpen(t, "data", small(t, fs, 0))
	if s.Shards() != 3 {
		t.Fatalf("%d shards, want the 3 there are", s.Shards())
	}
	mustClose(t, s)
	_, err := Open("data", small(t, fs, 4))
	if err == nil || !strings.Contains(err.Error(), "quiver reshard --data data --shards 4") {
		t.Fatalf("another number of shards: got %v", err)
	}
	if _, err := Open("data", small(t, fs, -1)); err == nil {
		t.Fatal("-1 shards were accepted")
	}
	if n := (&Options{}).newShards(); n < 1 || n > 16 {
		t.Fatalf("%d shards by default", n)
	}
}

// TestBrokenFolder opens folders that somebody has meddled with.
func TestBrokenFolder(t *testing.T) {
	f := func(name string, spoil func(fs vfs.FS) error, want string) {
		t.Helper()
		fs := vfs.NewMem()
		s := mustOpen(t, "data", small(t, fs, 2))
		write(t, s, storage.Write{Key: crashKey(1, 1), Version: 1, Row: []byte("x")}, storage.Write{Key: crashKey(1, 2), Version: 1, Row: []byte("x")})
		mustClose(t, s)
		if err := spoil(fs); err != nil {
			t.Fatal(err)
		}
		_, err := Open("data", small(t, fs, 2))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("%s: got %v, want %q", name, err, want)
		}
		// And nothing was made worse, or left locked.
		_, again := Open("data", small(t, fs, 2))
		if again == nil || again.Error() != err.Error() {
			t.Fatalf("%s: the second time got %v", name, again)
		}
	}
	format := func(text string) func(fs vfs.FS) error {
		return func(fs vfs.FS) error { return writeFile(fs, "data", formatFile, []byte(text)) }
	}
	f("no FORMAT", func(fs vfs.FS) error { return fs.Remove("data/FORMAT") }, "it has rows but there is no FORMAT")
	f("bad FORMAT", format("what?"), "FORMAT is not readable")
	f("later FORMAT", format("quiver store\nformat 2\nshards 2\n"), "format 2 and this program reads format 1")
	f("no shard", func(fs vfs.FS) error { return fs.RemoveAll("data/shard-001") }, "shard-001")
	f("no manifest", func(fs vfs.FS) error {
		names, err := fs.List("data/shard-000")
		for _, name := range names {
			if strings.HasPrefix(name, "MANIFEST") {
				err = errors.Join(err, fs.Remove("data/shard-000/"+name))
			}
		}
		return err
	}, "shard-000")
	f("fewer commits than acknowledged", func(fs vfs.FS) error {
		return writeAcked(fs, "data", []uint64{1000, 0})
	}, "1000 were acknowledged")
}

// TestHalfMade opens folders whose first Open was cut short.
func TestHalfMade(t *testing.T) {
	fs := vfs.NewMem()
	mustClose(t, mustOpen(t, "data", small(t, fs, 3)))
	if err := errors.Join(fs.Remove("data/FORMAT"), fs.RemoveAll("data/shard-002")); err != nil {
		t.Fatal(err)
	}
	s := mustOpen(t, "data", small(t, fs, 3))
	write(t, s, storage.Write{Key: crashKey(1, 1), Version: 1, Row: []byte("x")})
	mustClose(t, s)
	s = mustOpen(t, "data", small(t, fs, 0))
	if row, _, err := read(t, s, crashKey(1, 1)); string(row) != "x" || err != nil {
		t.Fatalf("got %q %v", row, err)
	}
	mustClose(t, s)
}

func TestAcceptLoss(t *testing.T) {
	fs := vfs.NewMem()
	s := mustOpen(t, "data", small(t, fs, 1))
	write(t, s, storage.Write{Key: crashKey(1, 1), Version: 1, Row: []byte("x")})
	mustClose(t, s)
	if err := writeAcked(fs, "data", []uint64{2}); err != nil {
		t.Fatal(err)
	}
	if _, err := Open("data", small(t, fs, 1)); !errors.Is(err, storage.ErrCorrupt) {
		t.Fatalf("got %v, want ErrCorrupt", err)
	}
	o := small(t, fs, 1)
	o.AcceptLoss = true
	mustClose(t, mustOpen(t, "data", o))
	mustClose(t, mustOpen(t, "data", small(t, fs, 1))) // once is enough
}

func TestCheckpoint(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	s := mustOpen(t, filepath.Join(dir, "data"), small(t, nil, 2))
	for i := range 200 {
		write(t, s, storage.Write{Key: crashKey(1, uint64(i)), Row: []byte{byte(i)}})
	}
	l, err := s.BulkLoad(ctx, 2)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 200 {
		if err := l.Add(storage.Write{Key: crashKey(2, uint64(i)), Row: []byte{byte(i)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	copyDir := filepath.Join(dir, "deep/copy")
	if err := s.Checkpoint(ctx, copyDir); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint(ctx, copyDir); err == nil {
		t.Fatal("a second checkpoint into one folder succeeded")
	}
	_, number, _ := read(t, s, crashKey(1, 0))
	write(t, s, storage.Write{Key: crashKey(1, 0), Row: []byte("later")})
	c := mustOpen(t, copyDir, small(t, nil, 0))
	for table := range uint32(2) {
		for i := range 200 {
			if row, _, err := read(t, c, crashKey(table+1, uint64(i))); err != nil || len(row) != 1 || row[0] != byte(i) {
				t.Fatalf("table %d row %d of the copy: %q %v", table+1, i, row, err)
			}
		}
	}
	// The copy goes on numbering where it was.
	write(t, c, storage.Write{Key: crashKey(1, 0), Row: []byte("copy")})
	if _, again, _ := read(t, c, crashKey(1, 0)); again <= number {
		t.Fatalf("the copy gave number %d after %d", again, number)
	}
	mustClose(t, c)
	mustClose(t, s)
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	s = mustOpen(t, filepath.Join(dir, "data"), small(t, nil, 0))
	if err := s.Checkpoint(cancelled, filepath.Join(dir, "no")); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "no")); !os.IsNotExist(err) {
		t.Fatalf("a failed checkpoint left its folder: %v", err)
	}
	mustClose(t, s)
}

// TestCloseWaits closes a store under load: running calls finish, later ones get
// ErrClosed, nothing panics.
func TestCloseWaits(t *testing.T) {
	ctx := context.Background()
	s := mustOpen(t, "data", small(t, vfs.NewMem(), 2))
	for i := range 100 {
		write(t, s, storage.Write{Key: crashKey(1, uint64(i)), Version: 1, Row: []byte("x")})
	}
	calls := []func() error{
		func() error { return s.Apply(ctx, []storage.Write{{Key: crashKey(1, 5), Row: []byte("y")}}) },
		func() error {
			var b storage.Batch
			b.Add(crashKey(1, 7))
			return s.Get(ctx, &b)
		},
		func() error {
			return s.Range(ctx, 1, storage.Key{}, func(k storage.Key, _ uint64, _ []byte) bool {
				var b storage.Batch
				b.Add(k)
				// A call within a call while Close waits must not block.
				err := s.Get(ctx, &b)
				return err == nil
			})
		},
		func() error { _, _, _, _, err := s.Floor(ctx, 1, crashKey(1, 7).Route, nil, nil); return err },
		func() error {
			l, err := s.BulkLoad(ctx, 9)
			if err != nil {
				return err
			}
			return l.Abort()
		},
	}
	done := make(chan error, len(calls))
	started := make(chan struct{}, len(calls))
	for _, call := range calls {
		go func() {
			for n := 0; ; n++ {
				if n == 3 {
					started <- struct{}{}
				}
				if err := call(); err != nil {
					done <- err
					return
				}
			}
		}()
	}
	for range calls {
		<-started
	}
	mustClose(t, s)
	for range calls {
		if err := <-done; !errors.Is(err, storage.ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	}
	if err := s.Close(); !errors.Is(err, storage.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
}
