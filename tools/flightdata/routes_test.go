package main

import (
	"archive/tar"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

func TestPercentile(t *testing.T) {
	f := func(p int, want int64, sorted ...int64) {
		t.Helper()
		if got := percentile(sorted, p); got != want {
			t.Errorf("percentile(%v, %d) = %d, want %d", sorted, p, got, want)
		}
	}
	f(50, 7, 7)
	f(90, 7, 7)
	f(50, 1, 1, 2)
	f(90, 2, 1, 2)
	f(50, 5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
	f(90, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
}

func TestRun(t *testing.T) {
	from, out := t.TempDir(), t.TempDir()
	at := func(day int) int64 { return time.Date(2001, 1, day, 23, 59, 0, 0, time.UTC).UnixMicro() }
	rows := []flight{
		{at(3), 16, 100, "SFO", "JFK"},
		{at(1), -4, 100, "SFO", "JFK"},
		{at(2), 15, 101, "SFO", "JFK"},
		{at(9), 0, 7, "JFK", "SFO"},
	}
	if err := parquet.WriteFile(filepath.Join(from, flights), rows); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(from, airports), []byte("iata\nSFO\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(from, out); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(out, routes))
	if err != nil {
		t.Fatal(err)
	}
	want := header +
		"JFK,SFO,1,7,0,0,0,0,0,2001-01-09,2001-01-09\n" +
		"SFO,JFK,3,100,9,15,16,16,0.3333,2001-01-01,2001-01-03\n"
	if string(got) != want {
		t.Errorf("routes:\n%swant:\n%s", got, want)
	}
	if got, _ := os.ReadFile(filepath.Join(out, airports)); string(got) != "iata\nSFO\n" {
		t.Errorf("airports: %q", got)
	}
}

func TestUnpack(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "p.tgz")
	write := func(names ...string) {
		f, err := os.Create(archive)
		if err != nil {
			t.Fatal(err)
		}
		z := gzip.NewWriter(f)
		w := tar.NewWriter(z)
		for _, n := range names {
			if err := w.WriteHeader(&tar.Header{Name: n, Mode: 0o600, Size: int64(len(n))}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.Write([]byte(n)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write("package/data/"+airports, "package/readme", "package/data/"+flights)
	if err := unpack(dir, archive); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, flights)); string(got) != "package/data/"+flights {
		t.Errorf("unpacked %q", got)
	}
	write("package/data/" + airports)
	if err := unpack(dir, archive); err == nil || !strings.Contains(err.Error(), "holds no package/data/"+flights) {
		t.Errorf("unpack of an incomplete archive: %v", err)
	}
}

// TestDemoData checks what is committed: 3,376 airports, and 3 million flights on
// routes between them.
func TestDemoData(t *testing.T) {
	dir := filepath.Join("..", "..", "cmd", "quiver", "demo")
	lines := func(name string) [][]string {
		t.Helper()
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		var out [][]string
		for _, l := range strings.Split(strings.TrimSpace(string(b)), "\n")[1:] {
			out = append(out, strings.Split(l, ","))
		}
		return out
	}
	known := map[string]bool{}
	for _, l := range lines(airports) {
		known[l[0]] = true
	}
	if len(known) != 3376 {
		t.Errorf("%d airports, want 3376", len(known))
	}
	total := 0
	for _, l := range lines(routes) {
		if !known[l[0]] || !known[l[1]] {
			t.Errorf("route %s-%s leads to an unknown airport", l[0], l[1])
		}
		n := 0
		for _, c := range l[2] {
			n = 10*n + int(c-'0')
		}
		total += n
	}
	if total != 3_000_000 {
		t.Errorf("the routes have %d flights, want 3000000", total)
	}
}
