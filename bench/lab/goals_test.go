package lab

import (
	"context"
	"math"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quiver/bench/workload"
)

// program builds the product.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "quiver")
	if out, err := exec.Command("go", "build", "-o", path, "quiver/cmd/quiver").CombinedOutput(); err != nil {
		t.Fatalf("cannot build the product: %v\n%s", err, out)
	}
	return path
}

// check checks that goals were measured, not how good they are.
func check(t *testing.T, goals []Goal, err error, want ...string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if len(goals) != len(want) {
		t.Fatalf("%d goals, want %d: %+v", len(goals), len(want), goals)
	}
	for i, g := range goals {
		if !strings.Contains(g.Name, want[i]) {
			t.Errorf("goal %d is %q, want %q", i, g.Name, want[i])
		}
		if math.IsNaN(g.Value) || math.IsInf(g.Value, 0) || g.Value == 0 || len(g.Raw) == 0 {
			t.Errorf("%s was not measured: %+v", g.Name, g)
		}
		for _, raw := range g.Raw {
			if raw == "" || strings.Contains(raw, "NaN") || strings.Contains(raw, "%!") {
				t.Errorf("%s comes from %q", g.Name, raw)
			}
		}
	}
}

func TestMeasureOthers(t *testing.T) {
	goals, err := MeasureOthers(context.Background(), OthersConfig{
		Rows: 200, Others: 30, Connections: 2, Turns: 7, Closed: 50 * time.Millisecond, Open: 50 * time.Millisecond,
	})
	check(t, goals, err, "30 other views: rate", "p99", "CPU")
}

func TestMeasureProduct(t *testing.T) {
	product := program(t)
	t.Run("writes", func(t *testing.T) {
		goals, err := MeasureWrites(context.Background(), WritesConfig{
			Program: product, Rows: 500, Calls: 50, RowsPerCall: 4, Connections: 2, Turns: 2, Window: 200 * time.Millisecond, Sustained: 400 * time.Millisecond,
		})
		check(t, goals, err, "200 upserts/s beside reads, cached: rate", "cached: p99", "quiver: rate", "quiver: p99")
	})
	t.Run("loads", func(t *testing.T) {
		goals, err := MeasureLoads(context.Background(), LoadsConfig{
			Program: product, Rows: 700, Read: 500, Rate: 500, Turns: 1, Idle: 200 * time.Millisecond,
		})
		check(t, goals, err, "parquet of 5 columns: rows/s", "p99", "csv of 5 columns: rows/s", "p99",
			"parquet of 20 columns: rows/s", "p99", "csv of 20 columns: rows/s", "p99")
	})
	t.Run("memory", func(t *testing.T) {
		goals, err := MeasureMemory(context.Background(), MemoryConfig{Program: product, Rows: 700, Starts: 1, Load: 100 * time.Millisecond})
		check(t, goals, err, "memory", "start to ready")
	})
	t.Run("profile", func(t *testing.T) {
		p, err := startProduct(context.Background(), product, filepath.Join(t.TempDir(), "data"), nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.profile(context.Background(), filepath.Join(t.TempDir(), "absent"), "p", time.Second)(); err == nil {
			t.Error("a profile in a folder that is not there is no error")
		}
		if err := p.stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestStartProductFails(t *testing.T) {
	if _, err := startProduct(context.Background(), "/bin/true", t.TempDir(), nil, nil); err == nil || !strings.Contains(err.Error(), "does not say where") {
		t.Errorf("a program that serves nothing gives %v", err)
	}
	table := &workload.Table{View: "v", Features: 3, Groups: 1, Rows: 1}
	if err := writeRows(filepath.Join(t.TempDir(), "absent", "f"), formCSV, table); err == nil {
		t.Error("a file in a folder that is not there is no error")
	}
}

func TestSpread(t *testing.T) {
	f := func(n int, wantMid, wantLow, wantHigh float64) {
		t.Helper()
		values := make([]float64, n)
		for i := range values {
			values[n-1-i] = float64(i)
		}
		if mid, low, high := spread(values); mid != wantMid || low != wantLow || high != wantHigh {
			t.Errorf("%d values lie at %g, %g to %g", n, mid, low, high)
		}
	}
	f(0, 0, 0, 0)
	f(1, 0, 0, 0)
	f(5, 2, 0, 4)
	f(101, 50, 40, 60)
}
