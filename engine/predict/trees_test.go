package predict_test

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"sync"
	"testing"

	"quiver/engine/predict"
	"quiver/engine/predict/predicttest"
	"quiver/engine/predict/trees"
)

// sheet is a table of held-out or background rows.
func sheet(t testing.TB, name string) predicttest.Sheet {
	t.Helper()
	return predicttest.Read(t, "testdata/"+name+".csv.gz")
}

// endpoint puts a predictor around a model file; its features are the model's own.
func endpoint(t testing.TB, file string, c predict.Config) *predict.Predictor {
	t.Helper()
	m, err := trees.Read(predicttest.File(t, "testdata/"+file+".gz"), trees.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range m.Inputs() {
		f := predict.Feature{Name: in.Name}
		if in.Categories != nil {
			f.Type = predict.TextFeature
		}
		c.Features = append(c.Features, f)
	}
	p, err := predict.New(m, c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// score fills a batch with rows from a sheet, as JSON text, and scores it.
func score(t testing.TB, p *predict.Predictor, b *predict.Batch, s predicttest.Sheet, from, n int) {
	t.Helper()
	if err := b.Reset(n); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		for k, name := range s.Names {
			if cell := s.Cells[from+i][k]; cell != "" {
				b.Set(i, []byte(name), strconv.AppendQuote(nil, cell))
			}
		}
	}
	if err := p.Predict(context.Background(), b); err != nil {
		t.Fatal(err)
	}
}

// From the text of a request to the answer, the libraries' predictions come out.
func TestEndToEnd(t *testing.T) {
	rows := sheet(t, "rows")
	f := func(file, answers string, task predict.Task) {
		t.Helper()
		p := endpoint(t, file, predict.Config{Task: task})
		want := predicttest.Numbers(t, "testdata/"+answers+".answers.csv.gz")
		b := p.NewBatch()
		score(t, p, b, rows, 0, len(rows.Cells))
		for i, r := range b.Results {
			got := r.Probas
			switch {
			case task == predict.Regression:
				got = []float64{r.Value}
			case task == predict.Binary:
				got = r.Probas[1:]
			}
			for k, v := range got {
				if d := math.Abs(v - want.Row(i)[k]); !(d <= 1e-5*max(1, math.Abs(v))) || r.Ignored {
					t.Fatalf("%s: row %d: got %v, want %v", file, i, r, want.Row(i))
				}
			}
		}
	}
	f("xgb_binary.json", "xgb_binary", predict.Binary)
	f("xgb_category.json", "xgb_category", predict.Binary)
	f("xgb_multi.ubj", "xgb_multi", predict.Multiclass)
	f("lgb_regression.txt", "lgb_regression", predict.Regression)
	f("lgb_category.txt", "lgb_category", predict.Binary)
}

// A model without the words of its categories needs them from the definition, in the
// order of training.
func TestCategoriesFromDefinition(t *testing.T) {
	m, err := trees.Read(predicttest.File(t, "testdata/lgb_category.txt.gz"), trees.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var features []predict.Feature
	for i, in := range m.Inputs() {
		f := predict.Feature{Name: fmt.Sprint("column ", i)}
		if in.Categories != nil {
			f.Type = predict.TextFeature
			f.Categories = in.Categories
			f.Missing = predict.Handling{Action: predict.DropRow}
		}
		features = append(features, f)
	}
	p, err := predict.New(m, predict.Config{Features: features})
	if err != nil {
		t.Fatal(err)
	}
	b := p.NewBatch()
	f := func(origin, destination, want string) {
		t.Helper()
		if err := b.Reset(1); err != nil {
			t.Fatal(err)
		}
		b.Set(0, []byte("column 4"), []byte(origin))
		b.Set(0, []byte("column 5"), []byte(destination))
		if err := p.Predict(context.Background(), b); err != nil {
			t.Fatal(err)
		}
		if got := b.Results[0].Reason; got != want {
			t.Errorf("%s to %s: got reason %q, want %q", origin, destination, got, want)
		}
	}
	f(`"TX"`, `"CA"`, "")
	f(`"TX"`, `null`, predict.IgnoredByModel)
	f(`"TX"`, `"Atlantis"`, predict.IgnoredByModel)
}

// TREESHAP through the endpoint gives the library's contributions, the largest first.
func TestTreeShap(t *testing.T) {
	rows := sheet(t, "rows")
	f := func(file, contribs string, c predict.Config, groups int) {
		t.Helper()
		p := endpoint(t, file, c)
		want := predicttest.Numbers(t, "testdata/"+contribs+".contribs.csv.gz")
		e, err := p.Explanation(predict.Ask{Enabled: predict.On, Method: predict.TreeShap, N: 5})
		if err != nil {
			t.Fatal(err)
		}
		b := p.NewBatch()
		score(t, p, b, rows, 0, 100)
		if err := p.Explain(context.Background(), b, e); err != nil {
			t.Fatal(err)
		}
		features := p.Features()
		n := len(features)
		for i, r := range b.Results {
			group := 0
			if groups > 1 {
				group = r.Class
			}
			w := want.Row(i)[group*(n+1) : group*(n+1)+n]
			if len(r.Explanations) != 5 {
				t.Fatalf("%s: row %d has %d explanations", file, i, len(r.Explanations))
			}
			for _, got := range r.Explanations {
				for k, name := range features {
					if name == got.Feature && !(math.Abs(got.Value-w[k]) <= 1e-5*max(1, math.Abs(w[k]))) {
						t.Errorf("%s: row %d: %v, want %v", file, i, got, w[k])
					}
				}
			}
			least := math.Abs(r.Explanations[4].Value)
			larger := 0
			for _, v := range w {
				if math.Abs(v) > least+1e-5 {
					larger++
				}
			}
			if larger > 4 {
				t.Errorf("%s: row %d: %v are not the largest of %v", file, i, r.Explanations, w)
			}
		}
	}
	f("xgb_binary.json", "xgb_binary", predict.Config{Task: predict.Binary}, 1)
	f("lgb_regression.txt", "lgb_regression", predict.Config{Task: predict.Regression}, 1)
	f("xgb_multi.ubj", "xgb_multi", predict.Config{Task: predict.Multiclass}, 3)
}

// All methods explain the same model: with enough steps SHAPLEY adds up to the distance
// from the background's mean, whatever the model.
func TestShapleyOfTrees(t *testing.T) {
	background := readBackground(t)
	p := endpoint(t, "xgb_binary.json", predict.Config{Task: predict.Binary, Explain: predict.Explaining{Background: background, Seed: 1}})
	rows := sheet(t, "rows")
	e, err := p.Explanation(predict.Ask{Enabled: predict.On, Method: predict.Shapley, N: 20, Steps: 1000})
	if err != nil {
		t.Fatal(err)
	}
	logit := func(v float64) float64 { return math.Log(v / (1 - v)) }
	all := p.NewBatch()
	score(t, p, all, sheet(t, "background"), 0, 1000)
	mean := 0.0
	for _, r := range all.Results {
		mean += logit(r.Probas[1]) / 1000
	}
	b := p.NewBatch()
	score(t, p, b, rows, 0, 5)
	if err := p.Explain(context.Background(), b, e); err != nil {
		t.Fatal(err)
	}
	for i, r := range b.Results {
		sum := 0.0
		for _, c := range r.Explanations {
			sum += c.Value
		}
		if want := logit(r.Probas[1]) - mean; math.Abs(sum-want) > 1e-6 {
			t.Errorf("row %d: the contributions add up to %v, want %v", i, sum, want)
		}
	}
}

// One predictor serves many goroutines. Run it with -race.
func TestConcurrent(t *testing.T) {
	rows := sheet(t, "rows")
	p := endpoint(t, "xgb_category.json", predict.Config{Task: predict.Binary, Explain: predict.Explaining{Background: readBackground(t)}})
	run := func(i int) string {
		e, err := p.Explanation(predict.Ask{Enabled: predict.On, Method: []predict.Method{predict.ICE, predict.Shapley, predict.TreeShap}[i%3], Steps: 25})
		if err != nil {
			t.Error(err)
			return ""
		}
		b := p.NewBatch()
		score(t, p, b, rows, i, 3)
		if err := p.Explain(context.Background(), b, e); err != nil {
			t.Error(err)
		}
		return fmt.Sprint(b.Results)
	}
	var want [30]string
	for i := range want {
		want[i] = run(i)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range want {
				if got := run(i); got != want[i] {
					t.Errorf("row %d: got %s, want %s", i, got, want[i])
				}
			}
		})
	}
	wg.Wait()
}

func readBackground(t testing.TB) *predict.Background {
	t.Helper()
	return predicttest.Background(t, "testdata/background.csv.gz")
}

// BenchmarkExplain explains one row of a model of 100 trees and 20 features, 4
// explanations: all features are candidates.
func BenchmarkExplain(b *testing.B) {
	rows := sheet(b, "rows")
	p := endpoint(b, "xgb_binary.json", predict.Config{Task: predict.Binary, Explain: predict.Explaining{Background: readBackground(b)}})
	for _, m := range []predict.Method{predict.ICE, predict.Shapley, predict.TreeShap} {
		e, err := p.Explanation(predict.Ask{Enabled: predict.On, Method: m, N: 4, Steps: 100})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(m.String(), func(b *testing.B) {
			batch := p.NewBatch()
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				score(b, p, batch, rows, i, 1)
				if err := p.Explain(context.Background(), batch, e); err != nil {
					b.Fatal(err)
				}
				i = (i + 1) % len(rows.Cells)
			}
		})
	}
}

// BenchmarkScore goes from JSON tokens to a result.
func BenchmarkScore(b *testing.B) {
	rows := sheet(b, "rows")
	p := endpoint(b, "xgb_binary.json", predict.Config{Task: predict.Binary})
	tokens := make([][]byte, len(rows.Names))
	names := make([][]byte, len(rows.Names))
	for k, cell := range rows.Cells[1] {
		names[k] = []byte(rows.Names[k])
		tokens[k] = strconv.AppendQuote(nil, cell)
	}
	for _, n := range []int{1, 100} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			batch := p.NewBatch()
			b.ReportAllocs()
			for b.Loop() {
				if err := batch.Reset(n); err != nil {
					b.Fatal(err)
				}
				for i := range n {
					for k := range names {
						batch.Set(i, names[k], tokens[k])
					}
				}
				if err := p.Predict(context.Background(), batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/row")
		})
	}
}
