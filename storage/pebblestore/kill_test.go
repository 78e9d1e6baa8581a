package pebblestore

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"quiver/storage"
)

var kills = flag.Int("kills", 20, "rounds of TestKill")

// The tests here run this test binary again as a child that writes and dies. What
// the child is to do is in its environment.
const (
	childEnv    = "PEBBLESTORE_CHILD"      // what to do
	childDirEnv = "PEBBLESTORE_CHILD_DIR"  // in which folder
	childNEnv   = "PEBBLESTORE_CHILD_FAIL" // which operation fails, and how
)

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "":
		code := m.Run()
		endBench()
		os.Exit(code)
	case "write":
		childWrites(os.Getenv(childDirEnv))
	case "fail":
		childFails(os.Getenv(childDirEnv))
	}
}

// start runs a child and returns its output.
func start(t *testing.T, what, dir string, env ...string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childEnv+"="+what, childDirEnv+"="+dir), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

const killWriters, killRoutes = 4, 20

// childWrites writes until it is killed and prints every acknowledgement as "table
// route version". Each writer has routes of its own and writes growing versions; in
// table 2 the store numbers.
func childWrites(dir string) {
	s, err := Open(dir, Options{MemTableBytes: 256 << 10, CacheBytes: 8 << 20, BallastBytes: -1, Shards: 2})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	// One write call per acknowledgement, so that the parent never reads half a line.
	var mu sync.Mutex
	say := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf(format, args...)
	}
	say("ready\n")
	var b storage.Batch
	ctx := context.Background()
	var base uint64
	for r := range uint64(killWriters * killRoutes) {
		b.Add(crashKey(1, r))
	}
	if err := s.Get(ctx, &b); err != nil {
		say("error %v\n", err)
		os.Exit(1)
	}
	for i := range b.Keys {
		_, version, _ := b.Row(i)
		base = max(base, version)
	}
	var wg sync.WaitGroup
	for id := range uint64(killWriters) {
		wg.Go(func() {
			for n := base + 1; ; n++ {
				var ws []storage.Write
				for i := range n % 5 {
					r := id*killRoutes + (n+i)%killRoutes
					ws = append(ws, storage.Write{Key: crashKey(1, r), Version: n, Row: killRow(r, n)})
				}
				numbered := id*killRoutes + n%killRoutes
				ws = append(ws, storage.Write{Key: crashKey(2, numbered), Row: killRow(numbered, n)})
				if err := s.Apply(ctx, ws); err != nil {
					say("error %v\n", err)
					os.Exit(1)
				}
				var line strings.Builder
				for _, w := range ws {
					fmt.Fprintf(&line, "ack %d %x %d\n", w.Table, w.Route, n)
				}
				say("%s", line.String())
			}
		})
	}
	wg.Wait()
}

func killRow(route, n uint64) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "%d.%d;", n, route), int(1+n%50))
}

// TestKill kills a process that writes, at random moments, and checks that whatever
// it had acknowledged is there. It proves nothing about the disk's cache (TestCrash
// does); it does about buffers in the process, on a real file system.
func TestKill(t *testing.T) {
	rng := newRand(t)
	n := *kills
	if raceEnabled || testing.Short() {
		n = min(n, 5)
	}
	dir := filepath.Join(t.TempDir(), "data")
	acked := map[string]uint64{} // "table route" -> n
	lines := 0
	for round := range n {
		cmd, out := start(t, "write", dir)
		in := bufio.NewScanner(out)
		if !in.Scan() || in.Text() != "ready" {
			t.Fatalf("the child says %q", in.Text())
		}
		timer := time.AfterFunc(time.Duration(20+rng.IntN(120))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		for in.Scan() {
			var table, route string
			var version uint64
			if _, err := fmt.Sscanf(in.Text(), "ack %s %s %d", &table, &route, &version); err != nil {
				if strings.HasPrefix(in.Text(), "error") {
					t.Fatalf("the child says %q", in.Text())
				}
				continue // the last line may be cut off
			}
			acked[table+" "+route] = max(acked[table+" "+route], version)
			lines++
		}
		_ = cmd.Wait()
		timer.Stop()
		s := mustOpen(t, dir, small(t, nil, 0))
		for key, version := range acked {
			table, hexRoute, _ := strings.Cut(key, " ")
			route, err := hex.DecodeString(hexRoute)
			if err != nil {
				t.Fatal(err)
			}
			k := storage.Key{Table: uint32(table[0] - '0'), Route: route}
			row, stored, err := read(t, s, k)
			var have, of uint64
			if _, serr := fmt.Sscanf(string(row), "%d.%d;", &have, &of); serr != nil || err != nil {
				t.Fatalf("round %d: %s: row %.40q: %v %v", round, key, row, serr, err)
			}
			if have < version || !bytes.Equal(row, killRow(of, have)) || k.Table == 1 && stored != have {
				t.Errorf("round %d: %s is at %d (version %d), %d was acknowledged", round, key, have, stored, version)
			}
		}
		mustClose(t, s)
		if t.Failed() {
			return
		}
	}
	t.Logf("%d kills, %d acknowledged rows", n, lines)
	if lines < n {
		t.Fatal("next to nothing was acknowledged")
	}
}

// childFails runs the script of TestEveryWriteFails on a disk that fails.
func childFails(dir string) {
	d := &faultyDisk{all: true}
	var alone int
	if _, err := fmt.Sscanf(os.Getenv(childNEnv), "%d %d", &d.n, &alone); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	d.alone = alone == 1
	s, err := Open(dir, Options{
		MemTableBytes: 32 << 10, CacheBytes: 8 << 20, BallastBytes: -1, Shards: 2, FS: errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(d.maybe)),
		Log: func(slog.Level, string) {},
	})
	if err != nil {
		return
	}
	err = failScriptTo(s, func(route string, version uint64) { fmt.Printf("ack %x %d\n", route, version) })
	if err == nil {
		_ = s.Close()
		fmt.Printf("done %d\n", d.count.Load())
	}
}

// TestChildWriteFails is TestEveryWriteFails in a process of its own, with logs
// rotated and manifests moved, for a sample of the operations.
func TestChildWriteFails(t *testing.T) {
	rng := newRand(t)
	samples := 16
	if raceEnabled || testing.Short() {
		samples = 4
	}
	var total int64 = 400
	var died atomic.Int64
	for i := range samples {
		fail := int64(1) + rng.Int64N(total)
		if i == 0 {
			fail = 1 << 40 // none; tells how many there are
		}
		dir := filepath.Join(t.TempDir(), "data")
		mustClose(t, mustOpen(t, dir, small(t, nil, 2)))
		cmd, out := start(t, "fail", dir, fmt.Sprintf("%s=%d %d", childNEnv, fail, rng.IntN(2)))
		acked := map[string]uint64{}
		done := false
		for in := bufio.NewScanner(out); in.Scan(); {
			var route string
			var version uint64
			if _, err := fmt.Sscanf(in.Text(), "done %d", &version); err == nil {
				done = true
				if i == 0 {
					total = int64(version)
				}
			} else if _, err := fmt.Sscanf(in.Text(), "ack %s %d", &route, &version); err == nil {
				b, err := hex.DecodeString(route)
				if err != nil {
					t.Fatal(err)
				}
				acked[string(b)] = version
			}
		}
		if err := cmd.Wait(); err != nil {
			died.Add(1)
		}
		if i == 0 && !done {
			t.Fatal("the script does not run through without failures")
		}
		s := mustOpen(t, dir, small(t, nil, 0))
		verifyAcked(t, fmt.Sprint("operation ", fail), s, acked)
		mustClose(t, s)
	}
	t.Logf("%d operations, %d sampled, %d ended the process", total, samples-1, died.Load())
}
