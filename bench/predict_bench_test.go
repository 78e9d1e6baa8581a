package bench_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"quiver/bench/lab"
	"quiver/engine/predict"
	"quiver/engine/predict/onnx"
	"quiver/engine/predict/predicttest"
	"quiver/engine/predict/trees"
)

const predictFixtures = "../engine/predict/testdata"

// BenchmarkPredict is what a prediction by 100 trees over 20 features costs, of which 10
// are looked up: the bare model, HTTP with a fixed body, the same with a call of the
// model, the product, and the product with SHAPLEY explanations of 100 steps, 4 of them
// returned. beyond-us/op is the server's CPU time beyond that of HTTP with a call of the
// model: a model that nothing else drives out of the processor's caches is twice as
// fast, which no server has.
func BenchmarkPredict(b *testing.B) {
	path := predicttest.ONNXLibrary(b)
	runtime, err := onnx.Open(path, "")
	if err != nil {
		b.Fatal(err)
	}
	models := map[lab.Target]predict.Model{}
	for t, file := range lab.ModelFiles {
		data := predicttest.File(b, filepath.Join(predictFixtures, file+".gz"))
		if t == lab.ONNX {
			models[t], err = runtime.Load(data, onnx.Options{Task: predict.Binary})
		} else {
			models[t], err = trees.Read(data, trees.Limits{})
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	for t, m := range models {
		rows := predicttest.Rows(b, predicttest.Read(b, filepath.Join(predictFixtures, "rows.csv.gz")), m.Inputs())
		b.Run("bare/"+string(t), func(b *testing.B) {
			width, in := m.Output().Width, len(m.Inputs())
			dst := make([]float64, width)
			defer cpuClock(b)()
			for i := range b.N {
				r := i % rows.N
				if err := m.Predict(dst, predict.Rows{N: 1, Number: rows.Number[r*in : (r+1)*in]}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	l, err := lab.StartPredict(context.Background(), lab.PredictConfig{Folder: predictFixtures, Library: path, Rows: uint32(*rowCount)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	}()
	cpu := map[lab.Target]float64{}
	beside := map[lab.Target]lab.Target{lab.Trees: lab.TreesBare, lab.ONNX: lab.ONNXBare}
	for _, t := range []lab.Target{lab.Ceiling, lab.TreesBare, lab.Trees, lab.ONNXBare, lab.ONNX, lab.TreesShapley, lab.ONNXShapley} {
		b.Run(string(t), func(b *testing.B) {
			load := lab.Load{Connections: httpConnections, Requests: uint64(b.N), Duration: time.Minute, WarmUp: 50 * time.Millisecond}
			if t == lab.TreesShapley || t == lab.ONNXShapley {
				load.Connections = 1 // its latency is the work of one processor
			}
			r, err := l.Run(context.Background(), t, &lab.Prediction, load)
			if err != nil {
				b.Fatal(err)
			}
			cpu[t] = float64(r.ServerCPU()) / 1e3
			b.ReportMetric(float64(r.Elapsed)/float64(b.N), "ns/op")
			b.ReportMetric(r.Allocations(), "server-allocs/op")
			b.ReportMetric(cpu[t], "server-cpu-us/op")
			b.ReportMetric(r.PerSecond(), "req/s")
			b.ReportMetric(float64(r.Percentile(50))/1e3, "p50-us")
			b.ReportMetric(float64(r.Percentile(99))/1e3, "p99-us")
			if bare, ok := cpu[beside[t]]; ok {
				b.ReportMetric(cpu[t]-bare, "beyond-us/op")
			}
		})
	}
}
