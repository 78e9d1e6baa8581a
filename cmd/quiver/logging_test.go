package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"quiver/codec"
	"quiver/engine"
)

var long = flag.Bool("long", false, "run the two minutes of TestKillWhileLogging")

const loggingYAML = `kind: FeatureGroup
store: default
name: rows
key: [id]
eventTime: ts
features:
  - {name: id, type: int}
  - {name: batch, type: int}
  - {name: ts, type: datetime}
---
kind: FeatureGroup
store: default
name: events
eventTime: ts
features:
  - {name: id, type: int}
  - {name: batch, type: int}
  - {name: ts, type: datetime}
---
kind: Webhook
store: default
name: hook
endpoints:
  - {name: both, into: [{group: rows}, {group: events}]}
---
kind: Featureset
store: default
name: F
features:
  - {name: id, type: int}
  - {name: batch, type: "Optional[int]", lookup: {group: rows, field: batch}}
  - {name: next, type: "Optional[int]", expr: 'col("batch") + 1'}
`

// maxBatch is the most rows of a logged batch. Row i of batch b has the id b*maxBatch+i.
const maxBatch = 50

// TestKillWhileLogging has 64 clients log batches through one endpoint into a group with
// a key and one of events, and extract them, while the server is killed with SIGKILL and
// started again. What was acknowledged is there, exactly once; of what was not, each
// batch is there as a whole, in both groups, or not at all.
func TestKillWhileLogging(t *testing.T) {
	t.Parallel()
	kills, total := 4, 12*time.Second
	switch {
	case *long:
		kills, total = 20, 2*time.Minute
	case testing.Short():
		kills, total = 2, 2*time.Second
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	ok(t, "apply", "--data", dir, "-f", write(t, "logging.yaml", loggingYAML))
	conf := write(t, "q.yaml", "fennel: {maxKeys: 100000000}\n")

	l := &logged{t: t, seed: seed}
	cycle := total / time.Duration(kills)
	var slowest time.Duration
	serve := func() *server {
		began := time.Now()
		s := start(t, "serve", "--data", dir, "--no-auth", "--log-level", "warn", "--config", conf)
		slowest = max(slowest, time.Since(began))
		return s
	}
	whole := 0 // batches that were cut off and are there
	checked := 0
	for range kills {
		s := serve()
		whole += l.mustBeWhole(s, checked)
		checked = len(l.sizes)
		l.clients(s, cycle/2+time.Duration(random.Int64N(int64(cycle))))
		if t.Failed() {
			t.Fatalf("seed %d: see above; the server said\n%s", seed, s.stderr.String())
		}
	}
	s := serve()
	whole += l.mustBeWhole(s, checked)
	l.mustHoldRows(s)
	s.stop(t)
	l.mustHoldEvents(dir)

	rows, acked := 0, 0
	for b, n := range l.sizes {
		if l.acked[b] {
			acked++
			rows += n
		}
	}
	if acked < 20*kills || l.extracts.Load() < int64(20*kills) {
		t.Errorf("%d batches and %d extracts with %d kills: the test proves nothing", acked, l.extracts.Load(), kills)
	}
	t.Logf("%d kills, %d batches of %d rows acknowledged, %d cut off (%d of them there), %d extracts, %d of them between the rows of a batch, slowest start %s",
		kills, acked, rows, len(l.sizes)-acked, whole, l.extracts.Load(), l.between.Load(), slowest.Round(time.Millisecond))
}

// logged is what clients sent, by batch, and what became of it.
type logged struct {
	t    *testing.T
	seed uint64

	mu    sync.Mutex
	sizes []int // rows
	acked []bool
	there []bool // whether a batch was there after the start that followed it

	extracts, between atomic.Int64
}

// clients log and extract until the server is killed after a while.
func (l *logged) clients(s *server, after time.Duration) {
	web := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer web.CloseIdleConnections()
	var down atomic.Bool
	call := func(path, body string) (string, bool) {
		res, err := web.Post(s.front+path, "application/json", strings.NewReader(body))
		var out []byte
		if err == nil {
			out, err = io.ReadAll(res.Body)
			_ = res.Body.Close()
		}
		switch {
		case err != nil && !down.Load():
			l.t.Errorf("seed %d: %s fails while the server is up: %v", l.seed, path, err)
		case err == nil && res.StatusCode != 200:
			l.t.Errorf("seed %d: %s: %d %.200s", l.seed, path, res.StatusCode, out)
		case err == nil:
			return string(out), true
		}
		return "", false
	}
	l.mu.Lock()
	first := uint64(len(l.sizes))
	l.mu.Unlock()
	var clients sync.WaitGroup
	for client := range uint64(64) {
		random := rand.New(rand.NewPCG(l.seed+first, client))
		clients.Go(func() {
			for {
				b, n := l.next(random)
				if _, up := call("/api/v1/log", batchBody(b, n)); !up {
					return
				}
				l.mu.Lock()
				l.acked[b] = true
				// One of the latest, which others may just be logging, and any one.
				recent, any := max(0, len(l.sizes)-1-random.IntN(64)), random.IntN(len(l.sizes))
				l.mu.Unlock()
				for _, b := range []int{b, recent, any} {
					if !l.extract(call, b) {
						return
					}
				}
				time.Sleep(time.Duration(random.IntN(200)) * time.Millisecond)
			}
		})
	}
	time.Sleep(after)
	down.Store(true)
	_ = s.end(l.t, syscall.SIGKILL) // "signal: killed"
	clients.Wait()
}

// next makes up a batch.
func (l *logged) next(random *rand.Rand) (b, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n = 1 + random.IntN(maxBatch)
	l.sizes, l.acked, l.there = append(l.sizes, n), append(l.acked, false), append(l.there, false)
	return len(l.sizes) - 1, n
}

// batchBody logs a batch. Times grow with batches, so that the last events are those of
// the last batches.
func batchBody(b, n int) string {
	var out strings.Builder
	out.WriteString(`{"webhook":"hook","endpoint":"both","data":[`)
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		fmt.Fprintf(&out, `{"id":%d,"batch":%d,"ts":%d}`, b*maxBatch+i, b, 1_600_000_000_000_000+b)
	}
	out.WriteString("]}")
	return out.String()
}

// extract reads a batch as its clients do. What was acknowledged before must be there.
func (l *logged) extract(call func(path, body string) (string, bool), b int) bool {
	l.mu.Lock()
	n, acked := l.sizes[b], l.acked[b]
	l.mu.Unlock()
	text, up := call("/api/v1/extract", extractBody(b, b+1))
	if !up {
		return false
	}
	l.extracts.Add(1)
	found := l.count(text, b, b+1)[0]
	switch {
	case acked && found != n:
		l.t.Errorf("seed %d: batch %d was acknowledged: %d rows, and %d are there", l.seed, b, n, found)
	case found != 0 && found < n: // counted: a reader does not wait for a writer whom the disk holds up
		l.between.Add(1)
	}
	return true
}

// extractBody asks for every row that batches from, from+1, .. to-1 may have.
func extractBody(from, to int) string {
	out := []byte(`{"inputs":["F.id"],"outputs":["F.batch","F.next"],"data":{"F.id":[`)
	for id := from * maxBatch; id < to*maxBatch; id++ {
		if id > from*maxBatch {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, int64(id), 10)
	}
	return string(append(out, "]}}"...))
}

// count returns how many rows of batches from..to-1 an answer to extractBody has.
func (l *logged) count(text string, from, to int) []int {
	var a struct {
		Batch []*int `json:"F.batch"`
		Next  []*int `json:"F.next"`
	}
	found := make([]int, to-from)
	if err := json.Unmarshal([]byte(text), &a); err != nil || len(a.Batch) != len(found)*maxBatch || len(a.Next) != len(a.Batch) {
		l.t.Errorf("seed %d: %v: %.200s", l.seed, err, text)
		return found
	}
	for i := range a.Batch {
		b, next := a.Batch[i], a.Next[i]
		switch {
		case b == nil && next == nil:
		case b == nil || next == nil || *b != from+i/maxBatch || *next != *b+1:
			l.t.Errorf("seed %d: row %d of batch %d has other values: %.200s", l.seed, i%maxBatch, from+i/maxBatch, text)
		default:
			found[i/maxBatch]++
		}
	}
	return found
}

// mustBeWhole reads all batches from a number on out of both groups, and returns how
// many of those are there that were not acknowledged.
func (l *logged) mustBeWhole(s *server, from int) (extra int) {
	events := l.events(s, from)
	for i, rows := range l.rows(s, from) {
		b := from + i
		l.there[b] = rows > 0
		l.judge(b, "rows", rows)
		l.judge(b, "events", events[b])
		if rows != events[b] {
			l.t.Errorf("seed %d: batch %d has %d rows and %d events", l.seed, b, rows, events[b])
		}
		if rows > 0 && !l.acked[b] {
			extra++
		}
	}
	return extra
}

// rows extracts all batches from a number on and returns how many rows each has.
func (l *logged) rows(s *server, from int) []int {
	var all []int
	const step = 200
	for ; from < len(l.sizes); from += step {
		to := min(from+step, len(l.sizes))
		status, text := s.post(l.t, "/api/v1/extract", "", extractBody(from, to))
		if status != 200 {
			l.t.Fatalf("seed %d: extract: %d %.200s", l.seed, status, text)
		}
		all = append(all, l.count(text, from, to)...)
	}
	return all
}

// mustHoldRows reads every batch once more: what was there after one kill must be there
// after all of them, and nothing else.
func (l *logged) mustHoldRows(s *server) {
	for b, rows := range l.rows(s, 0) {
		want := 0
		if l.there[b] {
			want = l.sizes[b]
		}
		if rows != want {
			l.t.Errorf("seed %d: batch %d (acknowledged: %v) has %d rows in the end, want %d", l.seed, b, l.acked[b], rows, want)
		}
	}
}

// judge holds the rows of a batch that are in a group against what was sent.
func (l *logged) judge(b int, group string, found int) {
	if n := l.sizes[b]; found != n && (found != 0 || l.acked[b]) {
		l.t.Errorf("seed %d: batch %d of %d rows (acknowledged: %v) has %d in %s", l.seed, b, n, l.acked[b], found, group)
	}
}

// events asks the server for the last events and counts them by batch.
func (l *logged) events(s *server, from int) map[int]int {
	n := 0
	for _, size := range l.sizes[from:] {
		n += size
	}
	res, err := http.Get(fmt.Sprintf("%s/api/v1/dataset/events/inspect?n=%d", s.front, n))
	if err != nil {
		l.t.Fatal(err)
	}
	defer res.Body.Close()
	var rows []struct{ ID, Batch int }
	if err := json.NewDecoder(res.Body).Decode(&rows); err != nil || res.StatusCode != 200 {
		l.t.Fatalf("seed %d: the last %d events: %d %v", l.seed, n, res.StatusCode, err)
	}
	count := map[int]int{}
	for _, r := range rows {
		if r.ID/maxBatch != r.Batch {
			l.t.Errorf("seed %d: event %+v", l.seed, r)
		}
		count[r.Batch]++
	}
	return count
}

// mustHoldEvents opens the folder after the server's end and counts every event: there
// is none twice, none half and none that nobody sent.
func (l *logged) mustHoldEvents(dir string) {
	c := defaultConfig()
	c.Data, c.NoAuth = dir, true
	f, err := openFolder(c, slog.New(slog.DiscardHandler))
	if err != nil {
		l.t.Fatal(err)
	}
	ids := map[int64]int{}
	err = f.engine.Events(l.t.Context(), engine.Ref{Store: "default", Name: "events"}, func(r codec.Row) bool {
		id, _ := codec.CellInt(r.Cell(0))
		ids[id]++
		return true
	})
	if err != nil {
		l.t.Error(err)
	}
	if err := f.close(l.t.Context()); err != nil {
		l.t.Error(err)
	}
	want := 0
	for b, n := range l.sizes {
		if !l.there[b] {
			continue
		}
		want += n
		for i := range n {
			if got := ids[int64(b*maxBatch+i)]; got != 1 {
				l.t.Errorf("seed %d: row %d of batch %d is there as %d events", l.seed, i, b, got)
			}
		}
	}
	if len(ids) != want {
		l.t.Errorf("seed %d: %d different events, want %d", l.seed, len(ids), want)
	}
}
