//go:build cgo

package dataiku_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quiver/engine"
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

// session is an ONNX model that counts itself while it is open.
type session struct {
	predict.Model
	open *atomic.Int64
}

func (s session) Close() error {
	s.open.Add(-1)
	return s.Model.(io.Closer).Close()
}

// TestModelsComeAndGo: ten times a generation with new models takes over and the one
// before is removed, while requests run. None fails, and neither models nor memory stay
// behind.
func TestModelsComeAndGo(t *testing.T) {
	const fixtures = "../../engine/predict/testdata/"
	library, err := onnx.Open(predicttest.ONNXLibrary(t), "")
	if err != nil {
		t.Fatal(err)
	}
	var open atomic.Int64
	e := enginetest.New(t)
	s := service.New(e)
	s.ONNX = func(data []byte, task predict.Task) (predict.Model, error) {
		m, err := library.Load(data, onnx.Options{Task: task})
		if err != nil {
			return nil, err
		}
		open.Add(1)
		return session{m, &open}, nil
	}
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	sheet := predicttest.Read(t, fixtures+"rows.csv.gz")
	var features []string
	for _, name := range sheet.Names[:20] {
		features = append(features, "{name: "+name+", type: double}")
	}
	var files []catalog.File
	for name, file := range map[string]string{"a.json": "xgb_binary.json.gz", "b.onnx": "onnx_hundred.onnx.gz", "background.csv": "background.csv.gz"} {
		files = append(files, catalog.File{Name: name, Text: predicttest.File(t, fixtures+file), Attached: true})
	}
	enginetest.Apply(t, e, "{kind: Service, name: s, auth: public}")
	take := func(round int) {
		t.Helper()
		text := fmt.Sprintf("kind: Generation\nservice: s\nname: g%d\nendpoints:\n", round)
		for _, model := range []string{"a.json", "b.onnx"} {
			text += fmt.Sprintf("  - {name: %s, type: prediction, model: %s, task: binary, explanations: {background: background.csv, importance: {hour: 1}}, features: [%s]}\n",
				model, model, strings.Join(features, ", "))
		}
		if _, err := e.Apply(append([]catalog.File{{Name: "d.yaml", Text: []byte(text)}}, files...), false); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SwitchTo("s", ""); err != nil {
			t.Fatal(err)
		}
		if round > 0 {
			if _, err := e.Remove(catalog.KindGeneration, engine.Ref{Store: "s", Name: fmt.Sprintf("g%d", round-1)}, false); err != nil {
				t.Fatal(err)
			}
		}
	}
	take(0)

	front := fronttest.Start(t, httpfront.Options{Dialects: dataiku.New(e, s, dataiku.Options{})})
	stop := make(chan struct{})
	var asked, failed atomic.Int64
	var users sync.WaitGroup
	for i := range 2 {
		users.Go(func() {
			target := "/public/api/v1/s/" + []string{"a.json", "b.onnx"}[i%2] + "/predict"
			for {
				select {
				case <-stop:
					return
				default:
				}
				res := front.Do(fronttest.Request{Method: "POST", Target: target, Body: `{"features":{"hour":18,"distance":700}}`})
				if asked.Add(1); res.Status != 200 || !strings.Contains(res.Body, `"ignored":false`) {
					failed.Add(1)
					t.Errorf("%d %s", res.Status, res.Body)
					return
				}
			}
		})
	}
	wait := func() { // some requests under way with the present generation
		for until := asked.Load() + 20; asked.Load() < until && failed.Load() == 0; {
			time.Sleep(time.Millisecond)
		}
	}
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // pools give up what they hold at the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	take(1)
	wait()
	before := heap()
	for round := 2; round < 12; round++ {
		take(round)
		wait()
	}
	after := heap()
	close(stop)
	users.Wait()
	if n := open.Load(); n != 1 {
		t.Errorf("%d ONNX sessions are open, want that of the last generation", n)
	}
	// What one generation holds: it is measured, so that the test knows what a leak is.
	take(12)
	if _, err := e.Remove(catalog.KindService, engine.Ref{Name: "s"}, true); err != nil {
		t.Fatal(err)
	}
	one := after - heap()
	t.Logf("%d requests; one generation holds %d KiB, after ten more there are %d KiB more", asked.Load(), one>>10, (after-before)>>10)
	if one < 100<<10 || after-before > 5*one {
		t.Errorf("ten generations later %d KiB more are in use, one holds %d KiB", (after-before)>>10, one>>10)
	}
	if n := open.Load(); n != 0 {
		t.Errorf("%d ONNX sessions are open without a service", n)
	}
}
