package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"quiver/storage"
)

// files lists the files of a shard whose names end so, with their sizes.
func files(t testing.TB, fs *vfs.MemFS, dir, ending string) []string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, name := range names {
		if strings.HasSuffix(name, ending) || ending == "MANIFEST" && strings.HasPrefix(name, ending) {
			out = append(out, fs.PathJoin(dir, name))
		}
	}
	return out
}

// flip changes one bit of a file in place and returns how to undo it.
func flip(t testing.TB, fs *vfs.MemFS, name string, at int, bit int) (undo func()) {
	t.Helper()
	data, err := fs.UnsafeGetFileDataBuffer(name)
	if err != nil {
		t.Fatal(err)
	}
	data[at] ^= 1 << bit
	return func() { data[at] ^= 1 << bit }
}

func size(t testing.TB, fs *vfs.MemFS, name string) int {
	t.Helper()
	data, err := fs.UnsafeGetFileDataBuffer(name)
	if err != nil {
		t.Fatal(err)
	}
	return len(data)
}

func corruptRow(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "row %d.", i), 40) }

const corruptRows = 600

// corruptStore makes a folder with one flushed table file per shard. The blocks are
// small, since Pebble looks long at damaged ones (damage).
func corruptStore(t *testing.T, blockBytes int) *vfs.MemFS {
	fs := vfs.NewMem()
	o := small(t, fs, 2)
	o.BlockBytes = blockBytes
	s := mustOpen(t, "data", o)
	for i := range corruptRows {
		write(t, s, storage.Write{Key: crashKey(1, uint64(i)), Version: 1, Row: corruptRow(i)})
	}
	for _, sh := range s.shards {
		if err := sh.db.Flush(); err != nil {
			t.Fatal(err)
		}
		if err := sh.db.Compact(context.Background(), []byte{0}, []byte{0xff}, false); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, s)
	return fs
}

// readAll reads every row in one batch and returns how many keys failed; a wrong or
// missing row is an error of the test.
func readAll(t *testing.T, s *Store, what string) (failed []int) {
	t.Helper()
	var b storage.Batch
	for i := range corruptRows {
		b.Add(crashKey(1, uint64(i)))
	}
	if err := s.Get(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	for i := range corruptRows {
		row, _, err := b.Row(i)
		switch {
		case errors.Is(err, storage.ErrCorrupt):
			failed = append(failed, i)
		case err != nil:
			t.Errorf("%s: row %d: error %v is not ErrCorrupt", what, i, err)
		case !bytes.Equal(row, corruptRow(i)):
			t.Errorf("%s: row %d is %.60q (nil %v)", what, i, row, row == nil)
		}
	}
	return failed
}

// TestFlippedTableBits flips single bits of table files. Every key then has its row or
// ErrCorrupt, never another row or none, and the process lives.
func TestFlippedTableBits(t *testing.T) {
	rng := newRand(t)
	fs := corruptStore(t, 2<<10)
	n := 100
	if raceEnabled {
		n = 20
	}
	some, hits := 0, 0
	for i := range n {
		all := files(t, fs, fs.PathJoin("data", shardName(i%2)), ".sst")
		name := all[rng.IntN(len(all))]
		at := rng.IntN(size(t, fs, name))
		if i%5 == 0 { // index, filter, properties and footer lie at the end
			at = size(t, fs, name) - 1 - rng.IntN(1200)
		}
		what := fmt.Sprintf("%s byte %d of %d", name, at, size(t, fs, name))
		undo := flip(t, fs, name, at, rng.IntN(8))
		o := small(t, fs, 0)
		o.Log = func(slog.Level, string) {}
		s, err := Open("data", o)
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		failed := readAll(t, s, what)
		if len(failed) > 0 {
			hits++
			if s.stats.Corruptions.Load() == 0 && s.stats.Panics.Load() == 0 {
				t.Errorf("%s: %d keys failed and nothing was counted", what, len(failed))
			}
			if len(failed) < corruptRows/4 {
				some++
			}
			k := crashKey(1, uint64(failed[0]))
			// Whatever must know the stored version fails as well; others go on.
			// and a shard whose state is damaged takes no writes at all.
			if err := s.Apply(context.Background(), []storage.Write{{Key: k, Version: 2, Row: []byte("new")}}); !errors.Is(err, storage.ErrCorrupt) {
				t.Errorf("%s: Apply to a damaged key: got %v", what, err)
			}
			if err := s.Range(context.Background(), 1, storage.Key{}, func(storage.Key, uint64, []byte) bool { return true }); !errors.Is(err, storage.ErrCorrupt) {
				t.Errorf("%s: Range: got %v", what, err)
			}
			for _, f := range failed {
				if shardOf(crashKey(1, uint64(f)).Route, 2) != i%2 {
					t.Errorf("%s: row %d of the other shard failed", what, f)
				}
			}
		}
		mustClose(t, s)
		undo()
		if t.Failed() {
			return
		}
	}
	t.Logf("%d flips, %d noticed, %d of them for some keys only", n, hits, some)
	if some == 0 {
		t.Error("no flip hit single blocks: the test tests little")
	}
}

// TestFlippedLogBits flips single bits of logs and manifests. The folder opens with
// every acknowledged row or is refused; nothing is lost in silence.
func TestFlippedLogBits(t *testing.T) {
	rng := newRand(t)
	build := func() *vfs.MemFS {
		disk := &crashFS{MemFS: vfs.NewCrashableMem()}
		s := mustOpen(t, "data", small(t, disk, 2))
		for i := range corruptRows {
			write(t, s, storage.Write{Key: crashKey(1, uint64(i)), Version: 1, Row: corruptRow(i)})
		}
		// The record of acknowledgements lags at most ackedEvery behind.
		if err := s.acked.write(); err != nil {
			t.Fatal(err)
		}
		crashed := disk.CrashClone(vfs.CrashCloneCfg{})
		mustClose(t, s)
		return crashed
	}
	disk := build()
	n := 120
	if raceEnabled {
		n = 20
	}
	mustClose(t, mustOpen(t, "data", small(t, disk.CrashClone(vfs.CrashCloneCfg{}), 0)))
	refused, byUs, quiet := 0, 0, 0
	for i := range n {
		fs := disk.CrashClone(vfs.CrashCloneCfg{}) // opening changes files
		ending := ".log"
		if i%4 == 3 {
			ending = "MANIFEST"
		}
		all := files(t, fs, fs.PathJoin("data", shardName(i%2)), ending)
		name := all[rng.IntN(len(all))]
		length := size(t, fs, name)
		if length == 0 {
			continue
		}
		at := rng.IntN(length)
		if i%3 == 0 { // damage near the end is what looks like a torn write
			at = length - 1 - rng.IntN(min(length, 400))
		}
		what := fmt.Sprintf("%s byte %d of %d", name, at, length)
		flip(t, fs, name, at, rng.IntN(8))
		o := small(t, fs, 0)
		o.Log = func(slog.Level, string) {}
		s, err := Open("data", o)
		if err != nil {
			if !errors.Is(err, storage.ErrCorrupt) {
				t.Errorf("%s: error %v is not ErrCorrupt", what, err)
			}
			refused++
			if strings.Contains(err.Error(), "were acknowledged") {
				byUs++
			}
			continue
		}
		quiet++
		if failed := readAll(t, s, what); len(failed) > 0 {
			t.Errorf("%s: %d rows damaged", what, len(failed))
		}
		mustClose(t, s)
	}
	t.Logf("%d flips, %d refused to open (%d only because of the record of acknowledgements), %d without effect", n, refused, byUs, quiet)
	if refused == 0 {
		t.Error("no flip was noticed")
	}
}

// TestDamageIsRemembered reads a damaged block twice: the second time it must not
// cost what the first did.
func TestDamageIsRemembered(t *testing.T) {
	fs := corruptStore(t, 32<<10)
	name := files(t, fs, "data/shard-000", ".sst")[0]
	flip(t, fs, name, 50_000, 0) // in the second block
	flip(t, fs, name, 50_001, 0) // two bits, so that Pebble tries all
	o := small(t, fs, 0)
	o.Log = func(slog.Level, string) {}
	s := mustOpen(t, "data", o)
	var bad storage.Key
	var first time.Duration
	for i := range corruptRows {
		start := time.Now()
		if _, _, err := read(t, s, crashKey(1, uint64(i))); errors.Is(err, storage.ErrCorrupt) {
			bad, first = crashKey(1, uint64(i)), time.Since(start)
			break
		}
	}
	if bad.Route == nil {
		t.Fatal("no row is damaged")
	}
	again := first // the quickest of many: other work on the machine only adds
	for range 50 {
		start := time.Now()
		if _, _, err := read(t, s, bad); !errors.Is(err, storage.ErrCorrupt) {
			t.Fatalf("got %v", err)
		}
		again = min(again, time.Since(start))
	}
	t.Logf("first read of a damaged block %v, then %v", first, again)
	if again > first/10 {
		t.Errorf("every read of a damaged block costs %v, the first %v: have Pebble's words changed?", again, first)
	}
	mustClose(t, s)
}

// TestForeignValue reads a value that is not one of ours.
func TestForeignValue(t *testing.T) {
	s := mustOpen(t, "data", small(t, vfs.NewMem(), 1))
	bad, good := crashKey(1, 1), crashKey(1, 2)
	write(t, s, storage.Write{Key: good, Version: 1, Row: []byte("x")})
	if err := s.shards[0].db.Set(appendKey(nil, &bad), []byte("what?"), nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := read(t, s, bad); !errors.Is(err, storage.ErrCorrupt) {
		t.Fatalf("got %v, want ErrCorrupt", err)
	}
	if row, _, err := read(t, s, good); string(row) != "x" || err != nil {
		t.Fatalf("the other key: %q %v", row, err)
	}
	mustClose(t, s)
}

// TestPanics turns panics below into errors of the keys concerned.
func TestPanics(t *testing.T) {
	s := mustOpen(t, "data", small(t, vfs.NewMem(), 2))
	for i := range 10 {
		write(t, s, storage.Write{Key: crashKey(1, uint64(i)), Version: 1, Row: []byte("x")})
	}
	// A closed Pebble database panics on every use.
	if err := s.shards[1].close(); err != nil {
		t.Fatal(err)
	}
	var b storage.Batch
	for i := range 10 {
		b.Add(crashKey(1, uint64(i)))
	}
	if err := s.Get(context.Background(), &b); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		row, _, err := b.Row(i)
		if broken := shardOf(b.Keys[i].Route, 2) == 1; broken != errors.Is(err, storage.ErrCorrupt) || !broken && string(row) != "x" {
			t.Errorf("key %d: %q %v", i, row, err)
		}
	}
	if s.stats.Panics.Load() == 0 {
		t.Error("the panics were not counted")
	}
	if err := s.shards[0].close(); err != nil {
		t.Fatal(err)
	}
}
