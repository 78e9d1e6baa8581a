package querylog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quiver/engine/complain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 21, 5, 59, 0, 0, time.UTC)

// open returns a Log that writes at once only when it is closed.
func open(t *testing.T, o Options) *Log {
	t.Helper()
	if o.Flush == 0 {
		o.Flush = time.Hour
	}
	if o.Now == nil {
		o.Now = func() time.Time { return start }
	}
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	return l
}

func add(l *Log, text string) { l.Add(func(dst []byte) []byte { return append(dst, text...) }) }

// read returns what the files hold, by name; every line is whole.
func read(t *testing.T, dir string) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	names, err := list(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if len(raw) > 0 && raw[len(raw)-1] != '\n' {
			t.Errorf("%s ends with half a line: %q", name, raw[max(0, len(raw)-40):])
		}
		all[name] = strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	}
	return all
}

// TestStarts adds lines over three runs, the second of which is killed within a line.
func TestStarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for i := range 3 {
		l := open(t, Options{Dir: dir})
		add(l, fmt.Sprint(`{"run":`, i, `}`))
		add(l, fmt.Sprint(`{"more":`, i, `}`))
		l.Close()
		l.Close()
		if add(l, "{}"); l.Written() != 2 || l.Dropped() != 1 {
			t.Errorf("run %d: %d written, %d dropped", i, l.Written(), l.Dropped())
		}
		if i == 1 {
			path := filepath.Join(dir, "queries-2026-11-21T05-000002.jsonl")
			raw, err := os.ReadFile(path)
			if err == nil {
				err = os.WriteFile(path, append(raw, `{"half":`+strings.Repeat("x", 200<<10)...), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	want := fmt.Sprint(map[string][]string{
		"queries-2026-11-21T05-000001.jsonl": {`{"run":0}`, `{"more":0}`},
		"queries-2026-11-21T05-000002.jsonl": {`{"run":1}`, `{"more":1}`},
		"queries-2026-11-21T05-000003.jsonl": {`{"run":2}`, `{"more":2}`},
	})
	if got := fmt.Sprint(read(t, dir)); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}

// TestRepair cuts files that a crash may have left.
func TestRepair(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		dir := t.TempDir()
		path := filepath.Join(dir, "queries-2026-11-21T05-000001.jsonl")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := repair(dir); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%.40q becomes %.40q (%v), want %.40q", text, got, err, want)
		}
	}
	long := strings.Repeat("x", 200<<10)
	f("", "")
	f("{}\n", "{}\n")
	f("{}\n{", "{}\n")
	f("{", "")
	f(long, "")
	f("{}\n"+long, "{}\n")
	f(long+"\n{}", long+"\n")
}

// TestRotation goes through files by size and hour, and keeps the newest.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "other.jsonl"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	now := start
	o := Options{Dir: dir, LineBytes: 4 << 10, FileBytes: 4 << 10, KeepBytes: 20 << 10, KeepFiles: 4, Now: func() time.Time { return now }}
	line := func(i int) string { return fmt.Sprintf(`{"n":%d,"x":"%s"}`, i, strings.Repeat("x", 1000)) }
	l := open(t, o)
	for i := range 10 {
		add(l, line(i))
	}
	l.Close()
	if got := read(t, dir); len(got) != 3 || len(got["queries-2026-11-21T05-000001.jsonl"]) != 4 || len(got["queries-2026-11-21T05-000003.jsonl"]) != 2 {
		t.Errorf("by size: %d files", len(got))
	}
	// An hour begins between two writes of one run.
	l = open(t, o)
	if _, err := l.files.write([]byte("{}\n"), now); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Minute)
	add(l, line(10))
	l.Close()
	names, err := list(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"queries-2026-11-21T05-000002.jsonl", "queries-2026-11-21T05-000003.jsonl", "queries-2026-11-21T05-000004.jsonl", "queries-2026-11-21T06-000001.jsonl"}
	if !slices.Equal(names, want) {
		t.Errorf("files %v, want the newest %v", names, want)
	}
	var total int64
	for range 20 {
		l = open(t, o)
		for i := range 30 {
			add(l, line(i))
		}
		l.Close()
	}
	names, err = list(dir)
	for _, name := range names {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	if err != nil || len(names) > o.KeepFiles || total > o.KeepBytes || total < o.KeepBytes/2 {
		t.Errorf("%d files of %d bytes are kept (%v)", len(names), total, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "other.jsonl")); err != nil {
		t.Errorf("a file of somebody else: %v", err)
	}
}

// TestBounds drops and counts what does not fit into memory.
func TestBounds(t *testing.T) {
	f := func(o Options, size, count, written int) {
		t.Helper()
		o.Dir = t.TempDir()
		l := open(t, o)
		called := 0
		for range count {
			l.Add(func(dst []byte) []byte {
				called++
				return append(dst, bytes.Repeat([]byte("x"), size)...)
			})
		}
		l.Close()
		if l.Written() != uint64(written) || l.Dropped() != uint64(count-written) {
			t.Errorf("%+v: %d written, %d dropped, %d made; want %d written", o, l.Written(), l.Dropped(), called, written)
		}
	}
	f(Options{}, 10, 100, 100)
	f(Options{QueueLines: 7}, 10, 100, 7)
	f(Options{LineBytes: 4 << 10}, 4<<10, 3, 0)
	f(Options{LineBytes: 4 << 10}, 4<<10-1, 3, 3)
	f(Options{LineBytes: 4 << 10, QueueBytes: 1}, 1, 3, 1) // a line always fits
}

// broken is a file that fails.
type broken struct {
	file
	left     int // bytes until it fails
	truncate error
}

var errFull = errors.New("disk full")

func (b *broken) Write(p []byte) (int, error) {
	if n := min(b.left, len(p)); n < len(p) {
		_, err := b.file.Write(p[:n])
		b.left = 0
		return n, errors.Join(err, errFull)
	}
	b.left -= len(p)
	return b.file.Write(p)
}

func (b *broken) Truncate(size int64) error {
	return errors.Join(b.truncate, b.file.Truncate(size))
}

// TestFullDisk fails within a line and goes on when there is room again.
func TestFullDisk(t *testing.T) {
	f := func(truncate error, want string) {
		t.Helper()
		dir := t.TempDir()
		b := &broken{left: 8, truncate: truncate}
		all := files{dir: dir, fileBytes: 1 << 20, keepBytes: 4 << 20, keepFiles: 9, create: func(path string) (file, error) {
			f, err := createFile(path)
			b.file = f
			return b, err
		}}
		write := func(text string, failed bool) {
			t.Helper()
			n, err := all.write([]byte(text), start)
			if failed != errors.Is(err, errFull) || !failed && n != len(text) || failed && n != 0 {
				t.Errorf("%q: %d bytes, %v", text, n, err)
			}
		}
		write("{1}\n", false)
		write("{2}\n{3}\n", true)
		b.left, b.truncate = 1<<20, nil
		write("{4}\n", false)
		if err := all.finish(); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(read(t, dir)); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
	f(nil, `map[queries-2026-11-21T05-000001.jsonl:[{1} {4}]]`)
	f(fs.ErrPermission, `map[queries-2026-11-21T05-000001.jsonl:[{1}] queries-2026-11-21T05-000002.jsonl:[{4}]]`)
}

// TestDropsCounted loses a folder and gets it back.
func TestDropsCounted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := &Log{Options: Options{Now: time.Now}, files: files{dir: dir, fileBytes: 1 << 20, keepBytes: 4 << 20, keepFiles: 9, create: createFile}}
	l.complaints = complain.New(nil)
	l.write([]byte("{}\n{}\n"), 2)
	if l.Dropped() != 2 || l.Written() != 0 {
		t.Errorf("%d dropped, %d written", l.Dropped(), l.Written())
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	l.write([]byte("{}\n{}\n{}\n"), 3)
	if l.Dropped() != 2 || l.Written() != 3 {
		t.Errorf("%d dropped, %d written", l.Dropped(), l.Written())
	}
	if err := l.files.finish(); err != nil {
		t.Fatal(err)
	}
}

// TestConcurrent adds from many goroutines while files change.
func TestConcurrent(t *testing.T) {
	dir := t.TempDir()
	l := open(t, Options{Dir: dir, LineBytes: 4 << 10, FileBytes: 16 << 10, QueueBytes: 64 << 10, Flush: time.Millisecond})
	var wg sync.WaitGroup
	const workers, each = 8, 500
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				add(l, fmt.Sprintf(`{"w":%d,"i":%d}`, w, i))
			}
		})
	}
	wg.Wait()
	l.Close()
	seen := map[string]bool{}
	for _, lines := range read(t, dir) {
		for _, line := range lines {
			if !json.Valid([]byte(line)) || seen[line] {
				t.Fatalf("damaged or twice: %s", line)
			}
			seen[line] = true
		}
	}
	if uint64(len(seen)) != l.Written() || l.Written()+l.Dropped() != workers*each {
		t.Errorf("%d lines, %d written, %d dropped", len(seen), l.Written(), l.Dropped())
	}
}

// TestAllocations adds without allocating once memory is there.
func TestAllocations(t *testing.T) {
	l := open(t, Options{Dir: t.TempDir(), QueueLines: 1 << 30, Flush: time.Hour})
	line := bytes.Repeat([]byte("x"), 1000)
	one := func() { l.Add(func(dst []byte) []byte { return append(dst, line...) }) }
	for range 5000 {
		one()
	}
	if n := testing.AllocsPerRun(100, one); n >= 1 {
		t.Errorf("%g allocations a line", n)
	}
}
