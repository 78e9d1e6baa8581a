package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"quiver/bench/workload"
	"quiver/engine/enginetest"
	"quiver/httpfront"
	"quiver/httpfront/hopsworks"
	"quiver/httpfront/wire"
)

// benchServer serves a table of 100 rows and returns the server's address.
func benchServer(t *testing.T) string {
	t.Helper()
	e := enginetest.New(t)
	table := &workload.Table{View: "v", Features: 20, Groups: 1, Rows: 100, Seed: 1}
	if err := workload.Apply(e, []*workload.Table{table}); err != nil {
		t.Fatal(err)
	}
	if err := table.Load(context.Background(), e); err != nil {
		t.Fatal(err)
	}
	d, err := hopsworks.New(e, hopsworks.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := httpfront.New(httpfront.Options{Listen: "127.0.0.1:0", Dialects: []wire.Dialect{d}, DrainDelay: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return s.Addr().String()
}

func TestBench(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the load generator needs Linux")
	}
	addr := benchServer(t)
	dir := t.TempDir()
	csv, jsonl, text := filepath.Join(dir, "keys.csv"), filepath.Join(dir, "keys.jsonl"), filepath.Join(dir, "keys.txt")
	for path, content := range map[string]string{csv: "id\n1\n2\n3\n", jsonl: "{\"id\":7}\n{\"id\":\"8\"}\n", text: "1"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// f runs the command and wants an exit code and texts on stdout and stderr.
	f := func(code int, stdout, stderr string, args ...string) string {
		t.Helper()
		all := append([]string{"bench", "--server", addr, "--store", "bench", "--view", "v", "--version", "1", "--warm-up", "10ms", "--requests", "300"}, args...)
		var out, errs strings.Builder
		if got := run(all, &out, &errs); got != code {
			t.Fatalf("%v exits with %d, want %d: %s", args, got, code, errs.String())
		}
		if !strings.Contains(out.String(), stdout) || !strings.Contains(errs.String(), stderr) {
			t.Fatalf("%v prints\n%s\n%s\nwant %q and %q in it", args, out.String(), errs.String(), stdout, stderr)
		}
		return out.String()
	}
	f(0, "single: latency of 300 requests", "", "--keys", "id=0..99", "--verify")
	f(0, "batch of 10", "", "--keys", "id=0..99", "--verify", "--shape", "batch", "--batch", "10", "--order", "zipf", "--detailed")
	f(0, "closed", "", "--keys", csv, "--verify", "--order", "sequential")
	f(0, "5000", "", "--keys", jsonl, "--verify", "--rate", "5000", "--per-connection", "--threads", "2")

	var results []struct {
		Requests uint64             `json:"requests"`
		Checked  uint64             `json:"checked"`
		Latency  map[string]float64 `json:"latencyMicros"`
	}
	out := f(0, "", "", "--keys", "id=0..99", "--misses", "0.5", "--verify", "--output", "json", "--pid", strconv.Itoa(os.Getpid()))
	if err := json.Unmarshal([]byte(out), &results); err != nil || len(results) != 1 {
		t.Fatalf("%v in %s", err, out)
	}
	if r := results[0]; r.Requests != 300 || r.Checked != 300 || r.Latency["p99"] <= 0 {
		t.Errorf("the results are %+v", r)
	}

	// Half of the keys of this range have no row.
	f(1, "errors: ", "requests failed", "--keys", "id=0..199", "--verify", "--seed", "1", "--order", "sequential")
	f(0, "", "the first answer is not complete", "--keys", "id=100..199")
	f(1, "", "Provided primary key", "--keys", "nope=0..99")
	f(1, "", "Feature view does not exist.", "--keys", "id=0..99", "--view", "other")
	f(1, "", "cannot read the keys", "--keys", filepath.Join(dir, "none.csv"))
	f(2, "", ".jsonl", "--keys", text)
	f(2, "", "not a range", "--keys", "id=..")
	f(2, "", "plain HTTP", "--keys", "id=0..99", "--server", "https://"+addr)
	f(2, "", "--batch 0", "--keys", "id=0..99", "--shape", "batch", "--batch", "0")
	f(2, "", "--shape", "--keys", "id=0..99", "--shape", "wide")
	f(1, "", "cannot begin", "--keys", "id=0..99", "--server", "127.0.0.1:1")
}
