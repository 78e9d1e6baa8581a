package trees

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"quiver/engine/predict"
	"quiver/engine/predict/predicttest"
)

const testdata = "../testdata/"

// fixture returns a model file by its name: "xgb_binary.json".
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	return predicttest.File(t, testdata+name+".gz")
}

// open reads a model file.
func open(t testing.TB, name string) *Ensemble {
	t.Helper()
	e, err := Read(fixture(t, name), Limits{})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return e
}

// held returns the held-out rows for a model.
func held(t testing.TB, e *Ensemble) predict.Rows {
	t.Helper()
	return predicttest.Rows(t, predicttest.Read(t, testdata+"rows.csv.gz"), e.Inputs())
}

// worst returns the greatest difference, relative to values above one, and the row
// where it is.
func worst(got, want []float64, width int) (float64, int) {
	top, at := -1.0, 0
	for i := range got {
		d := math.Abs(got[i]-want[i]) / max(1, math.Abs(want[i]))
		if d > top || d != d {
			top, at = d, i/width
			if d != d {
				break
			}
		}
	}
	return top, at
}

// The answers of the training libraries on 1,000 held-out rows are ours.
func TestPredictEqualsTheLibraries(t *testing.T) {
	flips := 0
	f := func(file string) {
		t.Helper()
		e := open(t, file)
		rows := held(t, e)
		name, _, _ := strings.Cut(file, ".")
		want := predicttest.Numbers(t, testdata+name+".answers.csv.gz")
		if want.Rows != rows.N {
			t.Fatalf("%s: %d answers for %d rows", file, want.Rows, rows.N)
		}
		got := make([]float64, rows.N*e.Output().Width)
		if err := e.Predict(got, rows); err != nil {
			t.Fatal(err)
		}
		if name == "xgb_softmax" { // answers with the class alone
			for i := range rows.N {
				if best := argmax(got[i*3 : i*3+3]); float64(best) != want.Number[i] {
					t.Errorf("%s: row %d is class %d, want %v", file, i, best, want.Number[i])
				}
			}
			return
		}
		if want.Width != e.Output().Width {
			t.Fatalf("%s: %d outputs, want %d", file, e.Output().Width, want.Width)
		}
		d, at := worst(got, want.Number, want.Width)
		if !(d <= 1e-5) {
			t.Errorf("%s: row %d differs by %g: got %v, want %v", file, at, d, got[at*want.Width:(at+1)*want.Width], want.Row(at))
		}
		for i := range rows.N {
			if want.Width > 1 && argmax(got[i*want.Width:(i+1)*want.Width]) != argmax(want.Row(i)) ||
				want.Width == 1 && e.output.Kind == predict.Probability && (got[i] >= 0.5) != (want.Number[i] >= 0.5) {
				t.Errorf("%s: row %d has another class: got %v, want %v", file, i, got[i*want.Width:(i+1)*want.Width], want.Row(i))
				flips++
			}
		}
		// One row alone takes another path through the code.
		for i := range 50 {
			one := make([]float64, want.Width)
			n := len(e.Inputs())
			if err := e.Predict(one, predict.Rows{N: 1, Number: rows.Number[i*n : (i+1)*n]}); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(one) != fmt.Sprint(got[i*want.Width:(i+1)*want.Width]) {
				t.Errorf("%s: row %d alone gives %v, among others %v", file, i, one, got[i*want.Width:(i+1)*want.Width])
			}
		}
		t.Logf("%-22s %3d trees %5d nodes: largest difference %.1e", file, e.Trees(), e.Nodes(), d)
	}
	f("xgb_binary.json")
	f("xgb_regression.json")
	f("xgb_regression.ubj")
	f("xgb_absolute.ubj")
	f("xgb_poisson.json")
	f("xgb_multi.ubj")
	f("xgb_softmax.json")
	f("xgb_dart.json")
	f("xgb_forest.json")
	f("xgb_category.json")
	f("xgb_onehot.json")
	f("xgb_stopped.json")
	f("xgb17_binary.json")
	f("xgb17_regression.json")
	f("xgb17_multi.json")
	f("xgb21_binary.json")
	f("xgb21_regression.json")
	f("xgb21_multi.json")
	f("lgb_binary.txt")
	f("lgb_regression.txt")
	f("lgb_zero.txt")
	f("lgb_nomissing.txt")
	f("lgb_sqrt.txt")
	f("lgb_poisson.txt")
	f("lgb_multi.txt")
	f("lgb_ova.txt")
	f("lgb_forest.txt")
	f("lgb_category.txt")
	f("lgb22_binary.txt")
	f("lgb22_multi.txt")
	f("lgb33_binary.txt")
	f("lgb33_multi.txt")
	t.Logf("float32 threshold flips: %d", flips)
}

func argmax(v []float64) int {
	best := 0
	for i := range v {
		if v[i] > v[best] {
			best = i
		}
	}
	return best
}

// TreeSHAP gives the libraries' pred_contribs, and adds up.
func TestAttributeEqualsTheLibraries(t *testing.T) {
	f := func(file string) {
		t.Helper()
		e := open(t, file)
		rows := held(t, e)
		name, _, _ := strings.Cut(file, ".")
		want := predicttest.Numbers(t, testdata+name+".contribs.csv.gz")
		n := len(e.Inputs())
		rows.N = min(want.Rows, attributed)
		rows.Number = rows.Number[:rows.N*n]
		if want.Width != e.groups*(n+1) {
			t.Fatalf("%s: %d columns, want %d", file, want.Width, e.groups*(n+1))
		}
		sums := make([]float64, rows.N*e.groups)
		link := e.link
		e.link = linkIdentity
		if err := e.Predict(sums, rows); err != nil {
			t.Fatal(err)
		}
		e.link = link
		got := make([]float64, rows.N*n)
		top, gap := 0.0, 0.0
		for g := range e.groups {
			base, err := e.Attribute(got, rows, g)
			if err != nil {
				t.Fatal(err)
			}
			for i := range rows.N {
				w := want.Row(i)[g*(n+1) : (g+1)*(n+1)]
				sum := base
				for f := range n {
					sum += got[i*n+f]
				}
				d, _ := worst(append(got[i*n:(i+1)*n:(i+1)*n], base), w, 1)
				if !(d <= 1e-5) {
					t.Fatalf("%s: row %d output %d differs by %g:\ngot  %v %v\nwant %v", file, i, g, d, got[i*n:(i+1)*n], base, w)
				}
				top = max(top, d)
				gap = max(gap, math.Abs(sum-sums[i*e.groups+g])/max(1, math.Abs(sum)))
			}
		}
		if gap > 1e-5 {
			t.Errorf("%s: contributions and base miss the score by %g", file, gap)
		}
		t.Logf("%-22s largest difference %.1e, sums miss the score by %.1e", file, top, gap)
	}
	f("xgb_binary.json")
	f("xgb_regression.ubj")
	f("xgb_multi.ubj")
	f("xgb_dart.json")
	f("xgb_category.json")
	f("xgb_onehot.json")
	f("lgb_binary.txt")
	f("lgb_regression.txt")
	f("lgb_zero.txt")
	f("lgb_multi.txt")
	f("lgb_category.txt")
}
