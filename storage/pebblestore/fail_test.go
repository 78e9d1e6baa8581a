package pebblestore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"quiver/storage"
)

// faultyDisk fails write operations, from the n-th on or the n-th alone.
type faultyDisk struct {
	n     int64
	alone bool
	all   bool // also those after which the process cannot go on at all
	count atomic.Int64
	hit   atomic.Bool
}

func (d *faultyDisk) maybe(op errorfs.Op) error {
	if !d.all && op.Kind == errorfs.OpFileSync && strings.HasPrefix(path.Base(op.Path), "shard-") {
		// A folder of a shard. Where Pebble moves the marker of a manifest
		// it panics if this fails, on a goroutine of its own: the process
		// ends, and the test with it.
		return nil
	}
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpLink, errorfs.OpRename, errorfs.OpReuseForWrite, errorfs.OpFileWrite,
		errorfs.OpFileWriteAt, errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
	default:
		return nil
	}
	at := d.count.Add(1)
	if d.n == 0 || at < d.n || d.alone && at > d.n {
		return nil
	}
	d.hit.Store(true)
	return errorfs.ErrInjected
}

// failScript runs failScriptTo and remembers what was acknowledged.
func failScript(s *Store, acked *sync.Map) error {
	return failScriptTo(s, func(route string, version uint64) { acked.Store(route, version) })
}

// failScriptTo writes to a store, with a bulk load in between, and reports what was
// acknowledged: routes of table 1 with their version, and of the loaded table 2 with
// "bulk" in front. It may not return, if the store ends the process.
func failScriptTo(s *Store, ack func(route string, version uint64)) error {
	ctx := context.Background()
	for i := range uint64(40) {
		ws := []storage.Write{
			{Key: crashKey(1, i%10), Version: i + 1, Row: bytes.Repeat([]byte{byte(i)}, 2000)},
			{Key: crashKey(1, 100+i), Version: i + 1, Row: bytes.Repeat([]byte{byte(i)}, 2000)},
		}
		if err := s.Apply(ctx, ws); err != nil {
			return err
		}
		for _, w := range ws {
			ack(string(w.Route), w.Version)
		}
		if i != 15 {
			continue
		}
		l, err := s.BulkLoad(ctx, 2)
		if err != nil {
			return err
		}
		for j := range uint64(50) {
			if err := l.Add(storage.Write{Key: crashKey(2, j), Version: 7, Row: []byte("bulk")}); err != nil {
				return err
			}
		}
		if err := l.Commit(ctx); err != nil {
			return err
		}
		for j := range uint64(50) {
			ack("bulk"+string(crashKey(2, j).Route), 7)
		}
	}
	return nil
}

// verifyAcked checks that a store has what was acknowledged.
func verifyAcked(t *testing.T, what string, s *Store, acked map[string]uint64) {
	t.Helper()
	for route, version := range acked {
		k := storage.Key{Table: 1, Route: []byte(route)}
		if len(route) > 8 {
			k = storage.Key{Table: 2, Route: []byte(route[4:])}
		}
		if row, got, err := read(t, s, k); err != nil || got < version || row == nil {
			t.Errorf("%s: table %d route %x has version %d, %d was acknowledged, %v", what, k.Table, k.Route, got, version, err)
		}
	}
}

// TestEveryWriteFails lets the n-th write, sync, rename … of a script fail, for every
// other n, once for good and once just that one. After it the process ends or the call is
// refused, nothing is acknowledged that is not on the disk, and the folder opens
// again with everything that was acknowledged.
//
// Logs are not rotated here: a failure of that ends the process in the middle of
// Pebble (TestChildWriteFails).
func TestEveryWriteFails(t *testing.T) {
	rng := newRand(t)
	run := func(n int64, alone bool) (d *faultyDisk, exited bool) {
		disk := &crashFS{MemFS: vfs.NewCrashableMem()}
		mustClose(t, mustOpen(t, "data", small(t, disk, 2)))
		d = &faultyDisk{n: n, alone: alone}
		o := small(t, errorfs.Wrap(disk, errorfs.InjectorFunc(d.maybe)), 2)
		o.CacheBytes = 1 << 20
		exit := make(chan struct{})
		var once sync.Once
		o.Exit = func(string) { once.Do(func() { close(exit) }) }
		o.Log = func(slog.Level, string) {}
		var acked sync.Map
		done := make(chan error, 1)
		go func() {
			s, err := Open("data", o)
			if err == nil {
				err = failScript(s, &acked)
				if !s.failed.Load() {
					err = errors.Join(err, s.Close())
				}
			}
			done <- err
		}()
		select {
		case <-exit:
			exited = true
		case err := <-done:
			if err == nil && d.hit.Load() && !alone {
				t.Errorf("operation %d failed for good and nobody noticed", n)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("operation %d: the store hangs", n)
		}
		want := map[string]uint64{}
		acked.Range(func(k, v any) bool { want[k.(string)] = v.(uint64); return true })
		crashed := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(2) * 50, RNG: rand.New(rand.NewPCG(rng.Uint64(), 0))})
		s := mustOpen(t, "data", small(t, crashed, 0))
		verifyAcked(t, fmt.Sprintf("operation %d (alone %v, exited %v)", n, alone, exited), s, want)
		mustClose(t, s)
		return d, exited
	}
	whole, _ := run(0, false)
	total := whole.count.Load()
	step := int64(2)
	if raceEnabled || testing.Short() {
		step = 9
	}
	exits := 0
	for n := 1 + rng.Int64N(step); n <= total; n += step {
		for _, alone := range []bool{false, true} {
			if _, exited := run(n, alone); exited {
				exits++
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d operations, every %d. failed; %d runs ended the process", total, step, exits)
	if exits == 0 {
		t.Fatal("no failure ended the process")
	}
}

// TestFailedSync fails one sync of the log: the call must not be acknowledged.
func TestFailedSync(t *testing.T) {
	var broken atomic.Bool
	disk := &crashFS{MemFS: vfs.NewCrashableMem()}
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		sync := op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData || op.Kind == errorfs.OpFileSyncTo
		if sync && broken.Load() && len(op.Path) > 4 && op.Path[len(op.Path)-4:] == ".log" {
			return errorfs.ErrInjected
		}
		return nil
	}))
	o := small(t, fs, 1)
	texts := make(chan string, 10)
	o.Exit = func(text string) { texts <- text }
	o.Log = func(slog.Level, string) {}
	s := mustOpen(t, "data", o)
	write(t, s, storage.Write{Key: crashKey(1, 1), Version: 1, Row: []byte("before")})
	broken.Store(true)
	ended := make(chan string, 1)
	go func() {
		result := "the goroutine ended"
		defer func() { ended <- result }()
		result = fmt.Sprint("Apply returned ", s.Apply(context.Background(), []storage.Write{{Key: crashKey(1, 1), Version: 2, Row: []byte("after")}}))
	}()
	if got := <-ended; got != "the goroutine ended" {
		t.Fatalf("%s", got)
	}
	if text := <-texts; text == "" {
		t.Fatal("the process ends without a reason")
	}
	// Others that come meanwhile get no acknowledgement either.
	if err := s.Apply(context.Background(), []storage.Write{{Key: crashKey(1, 3), Version: 1}}); err == nil {
		t.Fatal("a later write was acknowledged")
	}
	crashed := mustOpen(t, "data", small(t, disk.CrashClone(vfs.CrashCloneCfg{}), 0))
	if row, _, err := read(t, crashed, crashKey(1, 1)); string(row) != "before" || err != nil {
		t.Fatalf("got %q %v", row, err)
	}
	mustClose(t, crashed)
}

// fullDisk answers writes of table and log files with ENOSPC.
func TestDiskFull(t *testing.T) {
	var full atomic.Bool
	disk := vfs.NewMem()
	disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 20, TotalBytes: 1 << 40})
	fs := errorfs.Wrap(disk, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if full.Load() && (op.Kind == errorfs.OpFileWrite || op.Kind == errorfs.OpFileSync || op.Kind == errorfs.OpFileSyncData) {
			// The reserve gives enough space for what was under way.
			if _, err := disk.Stat("data/" + ballastFile); err == nil {
				return syscall.ENOSPC
			}
		}
		return nil
	}))
	o := small(t, fs, 1)
	o.BallastBytes = 1 << 20
	var logged []string
	o.Log = func(level slog.Level, text string) {
		if level >= slog.LevelWarn && strings.Contains(text, "space") {
			logged = append(logged, text)
		}
	}
	s := mustOpen(t, "data", o)
	if _, err := disk.Stat("data/" + ballastFile); err != nil {
		t.Fatalf("there is no reserve: %v", err)
	}
	k := crashKey(1, 1)
	write(t, s, storage.Write{Key: k, Version: 1, Row: []byte("a")})
	full.Store(true)
	write(t, s, storage.Write{Key: k, Version: 2, Row: []byte("b")}) // met the full disk and was saved
	refused := func() {
		t.Helper()
		if err := s.Apply(context.Background(), []storage.Write{{Key: k, Version: 3, Row: []byte("c")}}); !errors.Is(err, storage.ErrFull) {
			t.Fatalf("Apply: got %v, want ErrFull", err)
		}
		if _, err := s.BulkLoad(context.Background(), 2); !errors.Is(err, storage.ErrFull) {
			t.Fatalf("BulkLoad: got %v, want ErrFull", err)
		}
		if row, _, err := read(t, s, k); string(row) != "b" || err != nil {
			t.Fatalf("reading while full: %q %v", row, err)
		}
	}
	refused()
	if !s.Stats().Full.Load() {
		t.Fatal("the statistics do not say so")
	}
	full.Store(false)
	refused() // space is looked for now and then, and there is still little
	disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 40, TotalBytes: 1 << 40})
	s.ballast.mu.Lock()
	s.ballast.next = time.Time{}
	s.ballast.mu.Unlock()
	write(t, s, storage.Write{Key: k, Version: 3, Row: []byte("c")})
	if _, err := disk.Stat("data/" + ballastFile); err != nil {
		t.Fatalf("the reserve was not put back: %v", err)
	}
	// A disk that is full again and again is not news.
	for range 3 {
		s.ballast.release()
		s.ballast.mu.Lock()
		s.ballast.next = time.Time{}
		s.ballast.mu.Unlock()
		if err := s.ballast.mayWrite(); err != nil {
			t.Fatal(err)
		}
	}
	s.ballast.told = time.Time{}
	s.ballast.release()
	want := []string{
		"disk is full: writes are refused until there is space", "there is space again: writes are taken",
		"disk is full: writes are refused until there is space (4 times since this was last said)",
	}
	if !slices.Equal(logged, want) {
		t.Errorf("logged %q, want %q", logged, want)
	}
	mustClose(t, s)
}
