//go:build cgo

package dataiku_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/predict"
	"quiver/engine/predict/onnx"
	"quiver/engine/predict/predicttest"
	"quiver/engine/service"
	"quiver/httpfront"
	"quiver/httpfront/dataiku"
	"quiver/httpfront/fronttest"
)

// TestONNX: models of scikit-learn in ONNX files answer over a socket what the library
// says of held-out rows: classes with their probabilities as a tensor and as the maps
// that skl2onnx makes by default, numbers, and clusters.
func TestONNX(t *testing.T) {
	const fixtures = "../../engine/predict/testdata/"
	runtime, err := onnx.Open(predicttest.ONNXLibrary(t), "")
	if err != nil {
		t.Fatal(err)
	}
	sheet := predicttest.Read(t, fixtures+"rows.csv.gz")
	var features []string
	for _, name := range sheet.Names[:20] {
		features = append(features, "{name: "+name+", type: double}")
	}
	text := "{kind: Service, name: s, auth: public, mapping: {v1: 1}}\n---\nkind: Generation\nservice: s\nname: v1\nendpoints:\n"
	var files []catalog.File
	for _, e := range [][3]string{{"onnx_forest", "binary", ""}, {"onnx_zipmap", "binary", ""}, {"onnx_multi", "multiclass", ""}, {"onnx_boost", "regression", ""}, {"onnx_cluster", "clustering", ""}} {
		files = append(files, catalog.File{Name: e[0] + ".onnx", Text: predicttest.File(t, fixtures+e[0]+".onnx.gz"), Attached: true})
		text += fmt.Sprintf("  - {name: %s, type: prediction, model: %s.onnx, task: %s, features: [%s]}\n", e[0], e[0], e[1], strings.Join(features, ", "))
	}
	e := enginetest.New(t)
	s := service.New(e)
	s.ONNX = func(data []byte, task predict.Task) (predict.Model, error) {
		return runtime.Load(data, onnx.Options{Task: task})
	}
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Apply(append(files, catalog.File{Name: "d.yaml", Text: []byte(text)}), false); err != nil {
		t.Fatal(err)
	}
	front := fronttest.Start(t, httpfront.Options{Dialects: dataiku.New(e, s, dataiku.Options{})})
	const rows = 50
	var items []string
	for _, cells := range sheet.Cells[:rows] {
		var b strings.Builder
		for k, name := range sheet.Names[:20] {
			if cells[k] != "" {
				fmt.Fprintf(&b, `,"%s":%s`, name, cells[k])
			}
		}
		items = append(items, `{"features":{`+b.String()[1:]+`}}`)
	}
	type result struct {
		Prediction any
		Probas     map[string]float64
		Ignored    bool
	}
	f := func(endpoint string, right func(r result, want []float64) bool) {
		t.Helper()
		want := predicttest.Numbers(t, fixtures+endpoint+".answers.csv.gz")
		res := front.Do(fronttest.Request{Method: "POST", Target: "/public/api/v1/s/" + endpoint + "/predict-multi", Body: `{"items":[` + strings.Join(items, ",") + `]}`})
		var body struct{ Results []result }
		if err := json.Unmarshal([]byte(res.Body), &body); err != nil || res.Status != 200 || len(body.Results) != rows {
			t.Fatalf("%s: %d %v %s", endpoint, res.Status, err, res.Body)
		}
		for i, r := range body.Results {
			if r.Ignored || !right(r, want.Row(i)) {
				t.Errorf("%s, row %d: %+v, want %v", endpoint, i, r, want.Row(i))
			}
		}
	}
	close := func(a, b float64) bool { return math.Abs(a-b) <= 1e-5*max(1, math.Abs(b)) }
	probas := func(labels ...string) func(r result, want []float64) bool {
		return func(r result, want []float64) bool {
			best := 0
			for k, label := range labels {
				if v, ok := r.Probas[label]; !ok || !close(v, want[k]) {
					return false
				}
				if want[k] > want[best] {
					best = k
				}
			}
			return r.Prediction == labels[best] && len(r.Probas) == len(labels)
		}
	}
	f("onnx_forest", probas("0", "1"))
	f("onnx_zipmap", probas("late", "on time"))
	f("onnx_multi", probas("0", "1", "2"))
	f("onnx_boost", func(r result, want []float64) bool { v, ok := r.Prediction.(float64); return ok && close(v, want[0]) })
	f("onnx_cluster", func(r result, want []float64) bool {
		return r.Prediction == fmt.Sprintf("cluster_%d", int(want[0])) && r.Probas == nil
	})
}
