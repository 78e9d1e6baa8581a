package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const featuresYAML = `kind: FeatureGroup
store: default
name: ages
key: [id]
features:
  - {name: id, type: int}
  - {name: age, type: int}
---
kind: Featureset
store: default
name: F
features:
  - {name: id, type: int}
  - {name: age, type: int, lookup: {group: ages, field: age}, default: 0}
  - {name: ratio, type: "Optional[float]", expr: "when(col('id') > 1).then(col('age') / 4)"}
`

// TestFeaturesLog has extract log features, reads them while the server runs and after
// it ended, and after it was killed with a file half written.
func TestFeaturesLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	conf := write(t, "q.yaml", "featurelog: {interval: 50ms}\n")
	serve := func() *server {
		return start(t, "serve", "--data", dir, "--no-auth", "--config", conf, "--apply", write(t, "f.yaml", featuresYAML))
	}
	extract := func(s *server, members string) {
		t.Helper()
		status, body := s.post(t, "/api/v1/extract", "", `{"inputs":["F.id"],"outputs":["F.age","F.ratio"],"data":{"F.id":[1,2]}`+members+`}`)
		if status != 200 || body != `{"F.age":[0,0],"F.ratio":[null,0.0]}` {
			t.Fatal(status, body)
		}
	}
	const half = ".part-1.tmp"
	log := filepath.Join(dir, featuresDir)

	s := serve()
	ok(t, "put", "--server", s.admin, "--store", "default", "--group", "ages", "id=7", "age=30")
	extract(s, "")
	extract(s, `,"log":true`)
	extract(s, `,"log":true,"workflow":"a/b"`)
	extract(s, `,"log":true,"sampling_rate":0`)
	for end := time.Now().Add(20 * time.Second); !s.metric(t, "quiver_featurelog_rows_total 4"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no 4 rows are counted")
		}
	}
	if !s.metric(t, "quiver_featurelog_dropped_total 0") || !s.metric(t, "quiver_webhook_dropped_total 0") {
		t.Error("metrics are missing")
	}
	rows := func(want int, args ...string) string {
		t.Helper()
		out := ok(t, append([]string{"features-log"}, args...)...)
		if got := strings.Count(out, "\n"); got != want {
			t.Fatalf("%d rows, want %d:\n%s", got, want, out)
		}
		return out
	}
	rows(4, "export", "--data", dir)
	for i, line := range strings.Split(strings.TrimSpace(rows(2, "head", "--data", dir, "--workflow", "a/b")), "\n") {
		tail := fmt.Sprintf(`"F.id":%d,"F.age":0,"F.ratio":%s}`, i+1, []string{"null", "0"}[i])
		if !strings.HasPrefix(line, `{"workflow":"a/b","timestamp":"20`) || !strings.HasSuffix(line, tail) {
			t.Error(line)
		}
	}
	rows(1, "head", "--data", dir, "-n", "1")
	rows(0, "export", "--data", dir, "--until", "2020-01-01T00")
	if out := ok(t, "features-log", "list", "--data", dir); !strings.Contains(out, "4 rows in 2 files") {
		t.Error(out)
	}

	// A kill leaves half a file at most, which nobody reads and the next start removes.
	if err := s.end(t, syscall.SIGKILL); err == nil {
		t.Error("the server was not killed")
	}
	if err := os.WriteFile(filepath.Join(log, half), []byte("PAR1"), 0o600); err != nil {
		t.Fatal(err)
	}
	rows(4, "export", "--data", dir)

	// An orderly end writes everything.
	conf = write(t, "q.yaml", "featurelog: {interval: 1h}\n")
	s = serve()
	if _, err := os.Stat(filepath.Join(log, half)); !os.IsNotExist(err) {
		t.Errorf("half a file is still there: %v", err)
	}
	extract(s, `,"log":true`)
	s.stop(t)
	to := filepath.Join(t.TempDir(), "rows.jsonl")
	ok(t, "features-log", "export", "--data", dir, "--to", to)
	if text, err := os.ReadFile(to); err != nil || strings.Count(string(text), "\n") != 6 {
		t.Errorf("%s %v", text, err)
	}
	fails(t, 2, `quiver: --from: "now" is not an hour such as 2026-11-21T05`, "features-log", "list", "--data", dir, "--from", "now")
}
