//go:build cgo

package onnx

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"quiver/engine/predict"
	"quiver/engine/predict/onnx/library"
	"quiver/engine/predict/predicttest"
)

const testdata = testdata0

// start opens ONNX Runtime; without it the tests fail, and say what to install.
func start(t testing.TB) *Runtime {
	t.Helper()
	r, err := Open(predicttest.ONNXLibrary(t), "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func load(t testing.TB, name string, task predict.Task) *Model {
	t.Helper()
	m, err := start(t).Load(predicttest.File(t, testdata+name+".onnx.gz"), Options{Task: task})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// scikit-learn's own answers on 1,000 held-out rows are ours, but for rows that lie on
// a threshold: ONNX trees are single precision. Those are counted.
func TestPredictEqualsScikitLearn(t *testing.T) {
	sheet := predicttest.Read(t, testdata+"rows.csv.gz")
	f := func(name string, task predict.Task, labels string) {
		t.Helper()
		m := load(t, name, task)
		if got := strings.Join(m.Output().Labels, ","); got != labels {
			t.Errorf("%s: labels %q, want %q", name, got, labels)
		}
		rows := predicttest.Rows(t, sheet, m.Inputs())
		want := predicttest.Numbers(t, testdata+name+".answers.csv.gz")
		if m.Output().Width != want.Width {
			t.Fatalf("%s: %d outputs, want %d", name, m.Output().Width, want.Width)
		}
		got := make([]float64, rows.N*want.Width)
		if err := m.Predict(got, rows); err != nil {
			t.Fatal(err)
		}
		flips, worst := 0, 0.0
		for i := range rows.N {
			d := 0.0
			for k, w := range want.Row(i) {
				d = max(d, math.Abs(got[i*want.Width+k]-w)/max(1, math.Abs(w)))
			}
			if d <= 1e-5 {
				worst = max(worst, d)
			} else {
				flips++
				t.Logf("%s: row %d: got %v, want %v", name, i, got[i*want.Width:(i+1)*want.Width], want.Row(i))
			}
		}
		if flips > 2 {
			t.Errorf("%s: %d of %d rows differ", name, flips, rows.N)
		}
		t.Logf("%-12s largest difference %.1e, float32 threshold flips: %d of %d rows", name, worst, flips, rows.N)
	}
	f("onnx_forest", predict.Binary, "0,1")
	f("onnx_hundred", predict.Binary, "0,1")
	f("onnx_zipmap", predict.Binary, "late,on time")
	f("onnx_multi", predict.Multiclass, "0,1,2")
	f("onnx_boost", predict.Regression, "")
	f("onnx_net", predict.Regression, "")
	f("onnx_cluster", predict.Clustering, "cluster_0,cluster_1,cluster_2,cluster_3,cluster_4")
	f("onnx_mixed", predict.Binary, "late,on time")
}

// close allows for the order of single-precision sums, which ONNX Runtime chooses by the
// size of a batch.
func close(a, b float64) bool { return math.Abs(a-b) <= 1e-6*max(1, math.Abs(b)) }

// However rows are divided into batches, each gets the same answer.
func TestBatches(t *testing.T) {
	sheet := predicttest.Read(t, testdata+"rows.csv.gz")
	f := func(name string) {
		t.Helper()
		m := load(t, name, predict.Binary)
		all := predicttest.Rows(t, sheet, m.Inputs())
		p := m.plan
		want := make([]float64, all.N*m.Output().Width)
		if err := m.Predict(want, all); err != nil {
			t.Fatal(err)
		}
		for _, n := range []int{0, 1, 2, 3, 4, 7, 8, 9, 33, 64, 65, 100, 600} {
			got := make([]float64, n*m.Output().Width)
			rows := predict.Rows{N: n, Number: all.Number[:n*p.numbers], Text: all.Text[:n*p.texts]}
			if err := m.Predict(got, rows); err != nil {
				t.Fatal(err)
			}
			for i, v := range got {
				if !close(v, want[i]) {
					t.Errorf("%s: of %d rows, row %d gets %v, among 1000 %v", name, n, i/m.Output().Width, v, want[i])
					break
				}
			}
		}
	}
	f("onnx_zipmap")
	f("onnx_mixed")
}

func TestPick(t *testing.T) {
	var m Model
	for _, n := range batchSizes {
		m.sizes = append(m.sizes, size{rows: n})
	}
	f := func(n, want int) {
		t.Helper()
		if got := m.pick(n).rows; got != want {
			t.Errorf("pick(%d) = %d, want %d", n, got, want)
		}
	}
	f(1, 1)
	f(3, 1)
	f(4, 8)
	f(8, 8)
	f(9, 8)
	f(31, 8)
	f(32, 64)
	f(64, 64)
	f(65, 64)
	f(255, 64)
	f(256, 512)
	f(513, 512)
	f(9999, 512)
}

// A predictor over an ONNX model goes from request to explained answer.
func TestEndToEnd(t *testing.T) {
	sheet := predicttest.Read(t, testdata+"rows.csv.gz")
	m := load(t, "onnx_mixed", predict.Binary)
	features := []predict.Feature{
		{Name: "origin_state", Type: predict.TextFeature}, // inputs with names need no order
		{Name: "destination_state", Type: predict.TextFeature},
		{Name: "distance"},
		{Name: "hour"},
		{Name: "weekday"},
		{Name: "origin_delay"},
	}
	p, err := predict.New(m, predict.Config{
		Task: predict.Binary, Classes: []string{"on time", "late"}, Features: features,
		Explain: predict.Explaining{Background: predicttest.Background(t, testdata+"background.csv.gz")},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := predicttest.Numbers(t, testdata+"onnx_mixed.answers.csv.gz")
	b := p.NewBatch()
	if err := b.Reset(20); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		for k, name := range sheet.Names {
			b.Set(i, []byte(name), fmt.Appendf(nil, "%q", sheet.Cells[i][k]))
		}
	}
	if err := p.Predict(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for _, method := range []predict.Method{predict.ICE, predict.Shapley} {
		e, err := p.Explanation(predict.Ask{Enabled: predict.On, Method: method, N: 6})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Explain(t.Context(), b, e); err != nil {
			t.Fatal(err)
		}
		for i, r := range b.Results {
			// The file's classes are "late" and "on time"; the definition turned them round.
			if math.Abs(r.Probas[1]-want.Row(i)[0]) > 1e-5 || r.Prediction != map[bool]string{true: "late", false: "on time"}[r.Probas[1] >= 0.5] {
				t.Errorf("row %d: got %+v, want %v", i, r, want.Row(i))
			}
			if len(r.Explanations) != 6 {
				t.Errorf("row %d has %d explanations", i, len(r.Explanations))
			}
		}
	}
	if _, err := p.Explanation(predict.Ask{Enabled: predict.On, Method: predict.TreeShap}); err == nil {
		t.Error("an ONNX model took TREESHAP")
	}
}

// Many goroutines may use one model. Run it with -race.
func TestConcurrent(t *testing.T) {
	m := load(t, "onnx_mixed", predict.Binary)
	rows := predicttest.Rows(t, predicttest.Read(t, testdata+"rows.csv.gz"), m.Inputs())
	p := m.plan
	want := make([]float64, rows.N*2)
	if err := m.Predict(want, rows); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 60 {
				n := 1 + (g*7+i*13)%90
				at := (g*101 + i*17) % (rows.N - n)
				got := make([]float64, n*2)
				part := predict.Rows{N: n, Number: rows.Number[at*p.numbers : (at+n)*p.numbers], Text: rows.Text[at*p.texts : (at+n)*p.texts]}
				if err := m.Predict(got, part); err != nil {
					t.Error(err)
					return
				}
				for k, v := range got {
					if !close(v, want[at*2+k]) {
						t.Errorf("rows %d to %d get other answers", at, at+n)
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

func TestClosed(t *testing.T) {
	m := load(t, "onnx_net", predict.Regression)
	rows := predict.Rows{N: 1, Number: make([]float64, 20)}
	dst := make([]float64, 1)
	if err := m.Predict(dst, rows); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := m.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Predict(dst, rows); err == nil {
		t.Error("a closed model answers")
	}
}

func TestSizes(t *testing.T) {
	m := load(t, "onnx_mixed", predict.Binary)
	f := func(dst int, rows predict.Rows) {
		t.Helper()
		if err := m.Predict(make([]float64, dst), rows); err == nil {
			t.Errorf("%d rows of %d numbers and %d texts were taken, with room for %d", rows.N, len(rows.Number), len(rows.Text), dst)
		}
	}
	f(2, predict.Rows{N: 1, Number: make([]float64, 4)})
	f(2, predict.Rows{N: 1, Number: make([]float64, 3), Text: make([]string, 2)})
	f(1, predict.Rows{N: 1, Number: make([]float64, 4), Text: make([]string, 2)})
	f(2, predict.Rows{N: -1, Number: make([]float64, 4), Text: make([]string, 2)})
}

func TestOpen(t *testing.T) {
	start(t)
	f := func(path, sum, want string) {
		t.Helper()
		if _, err := Open(path, sum); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q, %q): got error %v, want %q", path, sum, err, want)
		}
	}
	f("another", "", "already loaded")
	verify := func(path string, known []string, want string) {
		t.Helper()
		if err := library.Verify(path, known); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Verify(%q): got error %v, want %q", path, err, want)
		}
	}
	verify(t.TempDir()+"/none", nil, "go run ./tools/onnxruntime")
	verify("doc.go", nil, "SHA-256")
	verify("doc.go", []string{strings.Repeat("0", 64)}, "SHA-256")
}

// BenchmarkPredict evaluates models with 20 features.
func BenchmarkPredict(b *testing.B) {
	sheet := predicttest.Read(b, testdata+"rows.csv.gz")
	for _, name := range []string{"onnx_forest", "onnx_zipmap", "onnx_net", "onnx_mixed"} {
		task := predict.Binary
		if name == "onnx_net" {
			task = predict.Regression
		}
		m := load(b, name, task)
		all := predicttest.Rows(b, sheet, m.Inputs())
		for _, n := range []int{1, 10, 100, 512} {
			b.Run(fmt.Sprintf("%s/rows=%d", name, n), func(b *testing.B) {
				dst := make([]float64, n*m.Output().Width)
				rows := predict.Rows{N: n, Number: all.Number[:n*m.plan.numbers], Text: all.Text[:n*m.plan.texts]}
				b.ReportAllocs()
				for b.Loop() {
					if err := m.Predict(dst, rows); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
			})
		}
	}
}
