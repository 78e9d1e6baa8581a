//go:build cgo && !race

package onnx

import (
	"testing"

	"quiver/engine/predict"
	"quiver/engine/predict/predicttest"
)

// A call without text allocates nothing once its binding is there.
func TestAllocations(t *testing.T) {
	f := func(name string, task predict.Task, n int) {
		t.Helper()
		m := load(t, name, task)
		rows := predicttest.Rows(t, predicttest.Read(t, testdata+"rows.csv.gz"), m.Inputs())
		rows = predict.Rows{N: n, Number: rows.Number[:n*m.plan.numbers]}
		dst := make([]float64, n*m.Output().Width)
		if got := testing.AllocsPerRun(100, func() {
			if err := m.Predict(dst, rows); err != nil {
				t.Fatal(err)
			}
		}); got >= 1 {
			t.Errorf("%s: %d rows allocate %v times", name, n, got)
		}
	}
	f("onnx_zipmap", predict.Binary, 1)
	f("onnx_forest", predict.Binary, 100)
	f("onnx_net", predict.Regression, 7)
	f("onnx_cluster", predict.Clustering, 7)
}
