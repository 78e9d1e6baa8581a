package predict

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
)

// additive is the model of the golden cases: 2·x1 + g(x2) - x3 with g(a) = 0.5, g(b) = 1
// and g(c) = 0. text selects how x2 comes.
type additive struct {
	text  bool
	calls int // rows evaluated
}

func (m *additive) Inputs() []Input {
	x2 := Input{Name: "x2", Categories: []string{"a", "b", "c"}}
	if m.text {
		x2 = Input{Name: "x2", Type: Text}
	}
	return []Input{{Name: "x1"}, x2, {Name: "x3"}}
}

func (m *additive) Output() Output { return Output{Kind: Value, Width: 1} }

func (m *additive) Predict(dst []float64, rows Rows) error {
	m.calls += rows.N
	width := len(rows.Number) / max(1, rows.N)
	for i := range rows.N {
		x := rows.Number[i*width : (i+1)*width]
		if m.text {
			dst[i] = 2*x[0] + map[string]float64{"a": 0.5, "b": 1}[rows.Text[i]] - x[1]
		} else {
			dst[i] = 2*x[0] + [...]float64{0.5, 1, 0}[int(x[1])] - x[2]
		}
	}
	return nil
}

// goldenBackground has 100 rows: x1 is 1 to 20, x2 is half a, 30 b and 20 c, and x3 is 0
// to 4.
func goldenBackground(t *testing.T) *Background {
	t.Helper()
	var s strings.Builder
	s.WriteString("x1,x2,x3\n")
	for i := range 100 {
		x2 := "a"
		switch {
		case i%10 >= 8:
			x2 = "c"
		case i%10 >= 5:
			x2 = "b"
		}
		fmt.Fprintf(&s, "%d,%s,%d\n", i/5+1, x2, i%5)
	}
	b, err := ReadBackground(strings.NewReader(s.String()), "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func goldenFeatures() []Feature {
	return []Feature{{Name: "x1"}, {Name: "x2", Type: TextFeature}, {Name: "x3"}}
}

// explain scores and explains one row of features, written name=token.
func explain(t testing.TB, p *Predictor, a Ask, features ...string) Result {
	t.Helper()
	e, err := p.Explanation(a)
	if err != nil {
		t.Fatal(err)
	}
	b := p.NewBatch()
	if err := b.Reset(1); err != nil {
		t.Fatal(err)
	}
	for _, f := range features {
		name, token, _ := strings.Cut(f, "=")
		b.Set(0, []byte(name), []byte(token))
	}
	if err := p.Predict(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	if err := p.Explain(context.Background(), b, e); err != nil {
		t.Fatal(err)
	}
	return b.Results[0]
}

// The golden case of the contract: the model is additive, so every permutation gives the
// same, and the contributions are known.
func TestGoldenCases(t *testing.T) {
	f := func(text bool, method Method) {
		t.Helper()
		p, err := New(&additive{text: text}, Config{Task: Regression, Features: goldenFeatures(), Explain: Explaining{Background: goldenBackground(t)}})
		if err != nil {
			t.Fatal(err)
		}
		r := explain(t, p, Ask{Enabled: On, Method: method, N: 3, Steps: 100}, "x1=18.0", `x2="b"`, "x3=4.0")
		if r.Value != 33 {
			t.Errorf("prediction %v, want 33", r.Value)
		}
		want := []Contribution{{"x1", 15}, {"x3", -2}, {"x2", 0.45}}
		sum := 0.0
		if len(r.Explanations) != 3 {
			t.Fatalf("%d explanations, want 3", len(r.Explanations))
		}
		for i, c := range r.Explanations {
			sum += c.Value
			if c.Feature != want[i].Feature || math.Abs(c.Value-want[i].Value) > 1e-9 {
				t.Errorf("%v: contribution %d is %v, want %v", method, i, c, want[i])
			}
		}
		if math.Abs(sum-13.45) > 1e-9 {
			t.Errorf("%v: the sum is %v, want 13.45", method, sum)
		}
	}
	f(false, Shapley)
	f(false, ICE)
	f(true, Shapley)
	f(true, ICE)
}
