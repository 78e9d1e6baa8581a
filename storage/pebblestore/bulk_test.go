package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"quiver/storage"
)

// TestBulkSpills loads far more than its memory takes, with every key several times
// in any order, so that runs go to files and are merged on two levels.
func TestBulkSpills(t *testing.T) {
	rng := newRand(t)
	ctx := context.Background()
	fs := vfs.NewMem()
	o := small(t, fs, 2)
	o.BulkBytes = 16 << 10 // chunks of 4 KiB
	s := mustOpen(t, "data", o)
	l, err := s.BulkLoad(ctx, 3)
	if err != nil {
		t.Fatal(err)
	}
	const keys = 4000
	type kept struct {
		version uint64
		row     string
	}
	want := map[uint64]kept{}
	for i := range 4 * keys {
		k, version := rng.Uint64N(keys), 1+rng.Uint64N(5)
		row := fmt.Sprintf("%d:%s", i, strings.Repeat("x", rng.IntN(60)))
		if err := l.Add(storage.Write{Key: crashKey(3, k), Version: version, Row: []byte(row)}); err != nil {
			t.Fatal(err)
		}
		if version >= want[k].version {
			want[k] = kept{version, row}
		}
	}
	b := l.(*bulk)
	levels := map[int]int{}
	for _, r := range b.runs {
		levels[r.level]++
	}
	if len(levels) < 2 || len(b.runs) > 2*maxRuns+chunksInMemory {
		t.Fatalf("%d runs on levels %v: the test tests little", len(b.runs), levels)
	}
	if err := l.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	n := 0
	err = s.Range(ctx, 3, storage.Key{}, func(k storage.Key, version uint64, row []byte) bool {
		n++
		id := head(k.Route)
		if w := want[id]; w.version != version || w.row != string(row) {
			t.Errorf("key %d is version %d %q, want %d %q", id, version, row, w.version, w.row)
		}
		return true
	})
	if err != nil || n != len(want) {
		t.Fatalf("%d rows, want %d, %v", n, len(want), err)
	}
	noTemporaries(t, fs)
	mustClose(t, s)
}

func noTemporaries(t *testing.T, fs vfs.FS) {
	t.Helper()
	names, err := fs.List("data")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, bulkPrefix) {
			t.Fatalf("%s was left behind", name)
		}
	}
}

// TestBulkLeftovers aborts loads and opens a folder in which one was cut short.
func TestBulkLeftovers(t *testing.T) {
	ctx := context.Background()
	disk := &crashFS{MemFS: vfs.NewCrashableMem()}
	o := small(t, disk, 2)
	o.BulkBytes = 4 << 10
	s := mustOpen(t, "data", o)
	fill := func() storage.Bulk {
		t.Helper()
		l, err := s.BulkLoad(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 300 {
			if err := l.Add(storage.Write{Key: crashKey(1, uint64(i)), Row: make([]byte, 30)}); err != nil {
				t.Fatal(err)
			}
		}
		return l
	}
	l := fill()
	if err := errors.Join(l.Abort(), l.Abort()); err != nil {
		t.Fatal(err)
	}
	noTemporaries(t, disk)
	fill()
	crashed := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: newRand(t)})
	mustClose(t, s)
	if names, _ := crashed.List("data/bulk-2"); len(names) == 0 {
		t.Fatal("no temporary files to clean up: the test tests little")
	}
	s = mustOpen(t, "data", small(t, crashed, 0))
	noTemporaries(t, crashed)
	if row, version, err := read(t, s, crashKey(1, 1)); row != nil || version != 0 || err != nil {
		t.Fatalf("got %q %d %v", row, version, err)
	}
	mustClose(t, s)
}

// TestBulkFailures breaks temporary files: the load fails, nothing is visible, the
// store goes on.
func TestBulkFailures(t *testing.T) {
	ctx := context.Background()
	mem := vfs.NewMem()
	var bad func(op errorfs.Op) error
	fs := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if bad == nil || !strings.Contains(op.Path, bulkPrefix) {
			return nil
		}
		return bad(op)
	}))
	o := small(t, fs, 2)
	o.BulkBytes = 4 << 10
	o.Log = func(slog.Level, string) {}
	s := mustOpen(t, "data", o)
	table := uint32(0)
	f := func(name string, b func(op errorfs.Op) error, want error) {
		t.Helper()
		table++
		l, err := s.BulkLoad(ctx, table)
		if err != nil {
			t.Fatal(err)
		}
		bad = b
		var failed error
		for i := 0; i < 300 && failed == nil; i++ {
			failed = l.Add(storage.Write{Key: crashKey(table, uint64(i)), Row: bytes.Repeat([]byte{byte(i)}, 30)})
		}
		err = l.Commit(ctx)
		bad = nil
		if !errors.Is(err, want) || failed != nil && !errors.Is(failed, want) {
			t.Errorf("%s: Add gave %v, Commit %v, want %v", name, failed, err, want)
		}
		for i := range 300 {
			if row, _, err := read(t, s, crashKey(table, uint64(i))); row != nil || err != nil {
				t.Fatalf("%s: row %d is there: %q %v", name, i, row, err)
			}
		}
		noTemporaries(t, mem)
	}
	on := func(kind errorfs.OpKind, err error, part string) func(op errorfs.Op) error {
		return func(op errorfs.Op) error {
			if op.Kind == kind && strings.Contains(op.Path, part) {
				return err
			}
			return nil
		}
	}
	f("creating a run", on(errorfs.OpCreate, errorfs.ErrInjected, "run"), errorfs.ErrInjected)
	f("writing a run", on(errorfs.OpFileWrite, errorfs.ErrInjected, "run"), errorfs.ErrInjected)
	f("opening a run", on(errorfs.OpOpen, errorfs.ErrInjected, "run"), errorfs.ErrInjected)
	f("reading a run", on(errorfs.OpFileReadAt, errorfs.ErrInjected, "run"), errorfs.ErrInjected)
	f("creating a table", on(errorfs.OpCreate, errorfs.ErrInjected, "sst"), errorfs.ErrInjected)
	f("syncing a table", on(errorfs.OpFileSyncData, errorfs.ErrInjected, "shard-001"), errorfs.ErrInjected)
	flipped := false
	f("a run that reads otherwise than it was written", func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt && strings.Contains(op.Path, "run") && !flipped {
			flipped = true
			flip(t, mem, op.Path, 40, 3)
		}
		return nil
	}, storage.ErrCorrupt)
	s.numbersGoOn(t)
	mustClose(t, s)
}

// numbersGoOn checks that the store still takes writes.
func (s *Store) numbersGoOn(t *testing.T) {
	t.Helper()
	for i := range 10 {
		k := crashKey(999, uint64(i))
		write(t, s, storage.Write{Key: k, Row: []byte("a")})
		_, first, _ := read(t, s, k)
		write(t, s, storage.Write{Key: k, Row: []byte("b")})
		if row, second, err := read(t, s, k); string(row) != "b" || second <= first || err != nil {
			t.Fatalf("got %q %d after %d, %v", row, second, first, err)
		}
	}
}

// TestTableFilesAreCut writes more than one table file per shard.
func TestTableFilesAreCut(t *testing.T) {
	s := mustOpen(t, "data", small(t, vfs.NewMem(), 1))
	w := &tableWriter{sh: s.shards[0], fs: s.o.FS, prefix: "data/cut", limit: 10_000}
	for i := range 100 {
		k := crashKey(1, uint64(i))
		write := storage.Write{Key: k, Row: make([]byte, 1000)}
		if err := w.add(appendKey(nil, &k), appendValue(nil, &write, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	if n := len(w.names); n < 8 || n > 12 {
		t.Fatalf("%d files of 10 rows each", n)
	}
	if err := s.shards[0].ingest(context.Background(), 1, w.names); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		if row, _, err := read(t, s, crashKey(1, uint64(i))); len(row) != 1000 || err != nil {
			t.Fatalf("row %d: %d bytes, %v", i, len(row), err)
		}
	}
	mustClose(t, s)
}
