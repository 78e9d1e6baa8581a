package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const servicesYAML = `kind: FeatureGroup
store: default
name: people
key: [id]
features: [{name: id, type: int}, {name: name, type: string}]
---
{kind: Service, name: s, auth: public, mapping: {v1: 1}}
---
kind: Generation
service: s
name: v1
endpoints: [{name: e, type: lookup, enrich: [{group: people, keys: [id], columns: [name]}]}]
`

// metric reports whether the metrics of the server have a line.
func (s *server) metric(t *testing.T, want string) bool {
	t.Helper()
	res, err := http.Get(s.admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(text), "\n"+want+"\n")
}

// TestQueryLog logs queries, is killed with half a line on disk, goes on, and ends.
func TestQueryLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	definitions := write(t, "s.yaml", servicesYAML)
	serve := func(args ...string) *server {
		return start(t, "serve", append([]string{"--data", dir, "--no-auth", "--apply", definitions}, args...)...)
	}
	lookup := func(s *server) {
		t.Helper()
		if status, body := s.post(t, "/public/api/v1/s/e/lookup", "", `{"data":{"id":1},"context":{"n":1}}`); status != 200 {
			t.Fatal(status, body)
		}
	}
	lines := func(want int) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(dir, queriesDir, "queries-*.jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, name := range files {
			raw, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(raw)) {
				var q struct {
					Message struct {
						Generation, KeyID string
						Data, Context     map[string]int
						Results           []any
						Timing            map[string]int
					}
				}
				if err := json.Unmarshal([]byte(line), &q); err != nil || q.Message.Generation != "v1" || q.Message.Context["n"] != 1 ||
					q.Message.Data["id"] != 1 || len(q.Message.Results) != 1 || len(q.Message.Timing) == 0 {
					t.Errorf("%v: %s", err, line)
				}
				n++
			}
		}
		if n != want {
			t.Errorf("%d lines, want %d", n, want)
		}
	}

	s := serve()
	lookup(s)
	s.stop(t)
	if _, err := os.Stat(filepath.Join(dir, queriesDir)); !os.IsNotExist(err) {
		t.Errorf("queries are logged unasked: %v", err)
	}

	conf := write(t, "q.yaml", "dataiku: {queryLog: {enabled: true}}\n")
	s = serve("--config", conf)
	lookup(s)
	for end := time.Now().Add(20 * time.Second); !s.metric(t, "quiver_querylog_records_total 1"); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no query is counted")
		}
	}
	if !s.metric(t, "quiver_querylog_dropped_total 0") {
		t.Error("drops are not counted")
	}
	lines(1)
	if err := s.end(t, syscall.SIGKILL); err == nil {
		t.Error("the server was not killed")
	}
	files, err := filepath.Glob(filepath.Join(dir, queriesDir, "*"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	f, err := os.OpenFile(files[0], os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = f.WriteString(`{"timestamp":"2026`)
		_ = f.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	s = serve("--config", conf)
	for range 3 {
		lookup(s)
	}
	s.stop(t)
	lines(4)
}
