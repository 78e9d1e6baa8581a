package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const crashYAML = `kind: FeatureGroup
store: s
name: acked
key: [id]
features:
  - {name: id, type: bigint}
  - {name: value, type: bigint}
---
kind: FeatureView
store: s
name: acked
from:
  - {group: acked}
`

// crashCycles is how often the server is killed; the race detector's build of this
// test makes no difference to the program under test.
const crashCycles = 100

// TestKill kills the server with SIGKILL while it takes writes, again and again: every
// row whose write was answered must be there after the next start.
func TestKill(t *testing.T) {
	cycles := crashCycles
	if testing.Short() {
		cycles = 10
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	ok(t, "apply", "--data", dir, "-f", write(t, "acked.yaml", crashYAML))

	next := 0            // id of the next row
	var acked, all []int // rows whose write was answered: since the last start, ever
	var slowest time.Duration
	for range cycles {
		began := time.Now()
		s := start(t, "serve", "--data", dir, "--no-auth", "--log-level", "warn")
		slowest = max(slowest, time.Since(began))
		s.mustHold(t, seed, acked)
		acked = s.writeUntilKilled(t, &next, time.Duration(5+random.IntN(60))*time.Millisecond)
		all = append(all, acked...)
	}
	s := start(t, "serve", "--data", dir, "--no-auth")
	s.mustHold(t, seed, all)
	s.stop(t)
	if len(all) < 10*cycles {
		t.Errorf("only %d rows were acknowledged in %d cycles: the test proves nothing", len(all), cycles)
	}
	t.Logf("%d kills, %d acknowledged rows, slowest start %s", cycles, len(all), slowest.Round(time.Millisecond))
}

// crashLoad is how many rows are loaded at once.
const crashLoad = 20

// valueOf is what row id holds.
func valueOf(id int) int { return id*7 + 1 }

// writeUntilKilled writes rows from several clients, by put and by load, kills the
// server after a while, and returns the rows whose write was answered.
func (s *server) writeUntilKilled(t *testing.T, next *int, after time.Duration) []int {
	t.Helper()
	var mu sync.Mutex
	var acked []int
	take := func(n int) (first int) {
		mu.Lock()
		defer mu.Unlock()
		first = *next
		*next += n
		return first
	}
	web := &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{}}
	defer web.CloseIdleConnections()
	var clients sync.WaitGroup
	for range 3 {
		clients.Go(func() {
			for {
				id := take(1)
				body := fmt.Sprintf(`{"store":"s","group":"acked","columns":{"id":"%d","value":"%d"}}`, id, valueOf(id))
				res, err := web.Post(s.admin+"/api/put", "application/json", strings.NewReader(body))
				if err != nil {
					return // killed
				}
				_, err = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				if err != nil {
					return
				}
				if res.StatusCode != 200 {
					t.Errorf("put of row %d: status %d", id, res.StatusCode)
					return
				}
				mu.Lock()
				acked = append(acked, id)
				mu.Unlock()
			}
		})
	}
	clients.Go(func() {
		c := &client{base: s.admin, http: web, done: nothing}
		for {
			first := take(crashLoad)
			var rows strings.Builder
			rows.WriteString("id,value\n")
			for id := first; id < first+crashLoad; id++ {
				fmt.Fprintf(&rows, "%d,%d\n", id, valueOf(id))
			}
			l := &loading{client: c, stderr: io.Discard, store: "s", group: "acked"}
			if _, err := l.run(t.Context(), []string{write(t, "rows.csv", rows.String())}); err != nil {
				return // killed
			}
			mu.Lock()
			for id := first; id < first+crashLoad; id++ {
				acked = append(acked, id)
			}
			mu.Unlock()
		}
	})
	time.Sleep(after)
	_ = s.end(t, syscall.SIGKILL) // "signal: killed"
	clients.Wait()
	return acked
}

// mustHold reads rows and compares their values.
func (s *server) mustHold(t *testing.T, seed uint64, ids []int) {
	t.Helper()
	const batch = 1000
	for len(ids) > 0 {
		n := min(batch, len(ids))
		var entries strings.Builder
		for i, id := range ids[:n] {
			if i > 0 {
				entries.WriteByte(',')
			}
			fmt.Fprintf(&entries, `{"id":%d}`, id)
		}
		status, got := s.post(t, "/0.1.0/batch_feature_store", "", `{"featureStoreName":"s","featureViewName":"acked","featureViewVersion":1,"entries":[`+entries.String()+`]}`)
		var answer struct {
			Features [][]*int
			Status   []string
		}
		if err := json.Unmarshal([]byte(got), &answer); err != nil || status != 200 || len(answer.Features) != n {
			t.Fatalf("seed %d: status %d, %v: %.200s", seed, status, err, got)
		}
		for i, id := range ids[:n] {
			f := answer.Features[i]
			if answer.Status[i] != "COMPLETE" || len(f) != 2 || f[0] == nil || f[1] == nil || *f[0] != id || *f[1] != valueOf(id) {
				t.Fatalf("seed %d: row %d was acknowledged and is %s %v now", seed, id, answer.Status[i], f)
			}
		}
		ids = ids[n:]
	}
}

// TestFullDisk starts, loads and reads on a file system of a few megabytes. Who may not
// mount one runs the test again in a user namespace, where everybody may.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		out, err := exec.Command("unshare", "--user", "--map-root-user", "--mount", os.Args[0], "-test.run=^TestFullDisk$").CombinedOutput()
		if err != nil {
			t.Errorf("in a user namespace (this test mounts a small file system; where that is forbidden run it as root): %v\n%s", err, out)
		}
		return
	}
	disk := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Fatalf("cannot mount a small file system: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "-l", disk).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	// Full at the start.
	filler := filepath.Join(disk, "filler")
	fill(t, filler)
	r := quiver(t, "serve", "--data", filepath.Join(disk, "data"), "--no-auth", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0")
	if r.code == 0 || !strings.Contains(r.stderr, "no space left on device") || strings.Contains(r.stderr, "goroutine ") || strings.Contains(r.stderr, "panic") {
		t.Errorf("a start on a full disk: exit %d\n%s", r.code, r.stderr)
	}
	// Full during a load: the rows before are read on, and the load says why it failed.
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(disk, "small")
	conf := write(t, "q.yaml", "storage: {shards: 1, memTable: 1MiB, ballast: 4MiB}\n")
	s := start(t, "serve", "--data", dir, "--no-auth", "--config", conf, "--apply", write(t, "users.yaml", usersYAML))
	ok(t, "put", "--server", s.admin, "--store", "shop", "--group", "users", "id=1", "name=Ann")
	big := strings.Builder{}
	big.WriteString("id,name\n")
	noise := rand.New(rand.NewPCG(1, 2))
	for i := range 150_000 {
		fmt.Fprintf(&big, "%d,", 1000+i)
		for range 60 {
			fmt.Fprintf(&big, "%016x", noise.Uint64())
		}
		big.WriteByte('\n')
	}
	r = quiver(t, "load", "--server", s.admin, "--store", "shop", "--group", "users", write(t, "big.csv", big.String()))
	if r.code != 1 || !strings.Contains(strings.ToLower(r.stderr), "space") {
		t.Errorf("a load that fills the disk: exit %d\n%s", r.code, r.stderr)
	}
	if status, got := s.post(t, "/0.1.0/feature_store", "", fmt.Sprintf(userRequest, 1)); status != 200 || !strings.Contains(got, "Ann") {
		t.Errorf("a read from a full disk: %d %s\n%s", status, got, s.stderr.String())
	}
	s.stop(t)
}

// fill writes a file until the disk is full.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<20); ; {
		if _, err := f.Write(block); err != nil {
			return
		}
	}
}
