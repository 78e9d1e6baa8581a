package predict

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// tangled is a model of n numbers in which everything depends on everything.
type tangled struct {
	n    int
	kind OutputKind
	rank []float64
}

func (m *tangled) Inputs() []Input {
	in := make([]Input, m.n)
	for i := range in {
		in[i].Name = fmt.Sprint("f", i)
	}
	return in
}

func (m *tangled) Output() Output        { return Output{Kind: m.kind, Width: 1} }
func (m *tangled) Importance() []float64 { return m.rank }

func (m *tangled) Predict(dst []float64, rows Rows) error {
	for i := range rows.N {
		x := rows.Number[i*m.n : (i+1)*m.n]
		s := 0.0
		for k, v := range x {
			s += v * x[(k+1)%m.n] * float64(k+1) / float64(m.n*m.n)
		}
		if dst[i] = s; m.kind == Probability {
			dst[i] = 1 / (1 + math.Exp(-s))
		}
	}
	return nil
}

// sample returns a background of random numbers, every third value from a small set.
func sample(t testing.TB, n, features int, seed uint64) *Background {
	t.Helper()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	var s strings.Builder
	for k := range features {
		fmt.Fprintf(&s, "f%d,", k)
	}
	s.WriteString("w\n")
	for range n {
		for range features {
			fmt.Fprintf(&s, "%d,", r.IntN(7)-2)
		}
		fmt.Fprintf(&s, "%d\n", 1+r.IntN(3))
	}
	b, err := ReadBackground(strings.NewReader(s.String()), "w")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func numbered(n int) []Feature {
	f := make([]Feature, n)
	for i := range f {
		f[i].Name = fmt.Sprint("f", i)
	}
	return f
}

func row(values ...float64) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = fmt.Sprintf("f%d=%v", i, v)
	}
	return out
}

// The chain gives exactly what the definition says: for each background row and its
// permutation, two evaluations for each feature.
func TestShapleyEqualsItsDefinition(t *testing.T) {
	f := func(kind OutputKind, task Task, n, steps, rows int) {
		t.Helper()
		m := &tangled{n: n, kind: kind}
		p, err := New(m, Config{Task: task, Features: numbered(n), Explain: Explaining{Background: sample(t, rows, n, 7), Seed: 3}})
		if err != nil {
			t.Fatal(err)
		}
		x := make([]float64, n)
		for i := range x {
			x[i] = float64(i%4) - 1
		}
		got := explain(t, p, Ask{Enabled: On, Method: Shapley, N: n, Steps: steps}, row(x...)...)

		eval := func(v []float64) float64 {
			var out [1]float64
			if err := m.Predict(out[:], Rows{N: 1, Number: v}); err != nil {
				t.Fatal(err)
			}
			return p.explained(out[:], 1)
		}
		b, weights := p.explain.background, p.explain.weights
		total := 0.0
		for s := range steps {
			total += weights[s%b.N]
		}
		r := random{state: 3 ^ hashRow(Rows{Number: x})}
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		phi := make([]float64, n)
		sum, mean := 0.0, 0.0
		for s := range steps {
			r.shuffle(order)
			j := s % b.N
			z := b.Number[j*n : (j+1)*n]
			for at, i := range order {
				start, end := slices.Clone(x), slices.Clone(x)
				for _, u := range order[:at] {
					start[u], end[u] = z[u], z[u]
				}
				start[i] = z[i]
				phi[i] += weights[j] / total * (eval(end) - eval(start))
			}
			mean += weights[j] / total * eval(z)
		}
		if len(got.Explanations) != n {
			t.Fatalf("%d explanations, want %d", len(got.Explanations), n)
		}
		for k, c := range got.Explanations {
			i := slices.Index(p.Features(), c.Feature)
			if math.Abs(c.Value-phi[i]) > 1e-12 {
				t.Errorf("%s is %v, want %v", c.Feature, c.Value, phi[i])
			}
			if k > 0 && math.Abs(c.Value) > math.Abs(got.Explanations[k-1].Value) {
				t.Errorf("%v comes after %v", c, got.Explanations[k-1])
			}
			sum += c.Value
		}
		// Efficiency: all contributions lead from the background's mean to the row.
		if want := eval(x) - mean; math.Abs(sum-want) > 1e-9 {
			t.Errorf("the contributions add up to %v, want %v", sum, want)
		}
	}
	f(Value, Regression, 4, 25, 30)
	f(Value, Regression, 9, 100, 60) // rows are used again
	f(Probability, Binary, 6, 100, 100)
	f(Value, Regression, 70, 30, 30) // several batches
}

// ICE is the mean over the representatives of one feature at a time.
func TestICEEqualsItsDefinition(t *testing.T) {
	const n = 6
	m := &tangled{n: n, kind: Probability}
	p, err := New(m, Config{Task: Binary, Features: numbered(n), Explain: Explaining{Background: sample(t, 200, n, 8)}})
	if err != nil {
		t.Fatal(err)
	}
	x := []float64{1, -1, 2, 0.5, 0, 3}
	eval := func(v []float64) float64 {
		var out [1]float64
		_ = m.Predict(out[:], Rows{N: 1, Number: v})
		return p.explained(out[:], 1)
	}
	for _, c := range explain(t, p, Ask{Enabled: On, N: n}, row(x...)...).Explanations {
		i := slices.Index(p.Features(), c.Feature)
		want, weight := eval(x), 0.0
		// Seven whole numbers occur: they count as categories, weighted by frequency.
		b := p.explain.background
		for j := range b.N {
			weight += p.explain.weights[j]
		}
		for j := range b.N {
			v := slices.Clone(x)
			v[i] = b.Number[j*n+i]
			want -= p.explain.weights[j] / weight * eval(v)
		}
		if math.Abs(c.Value-want) > 1e-9 {
			t.Errorf("%s is %v, want %v", c.Feature, c.Value, want)
		}
	}
}

// The same request gets the same answer, alone or among others, and another seed
// another one.
func TestExplanationsAreReproducible(t *testing.T) {
	const n = 5
	predictor := func(seed uint64) *Predictor {
		t.Helper()
		p, err := New(&tangled{n: n}, Config{Task: Regression, Features: numbered(n), Explain: Explaining{Background: sample(t, 200, n, 9), Seed: seed}})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	a := Ask{Enabled: On, Method: Shapley, N: n, Steps: 30}
	p := predictor(1)
	first := fmt.Sprint(explain(t, p, a, row(1, 2, 3, 4, 5)...))
	if again := fmt.Sprint(explain(t, p, a, row(1, 2, 3, 4, 5)...)); again != first {
		t.Errorf("got %s and then %s", first, again)
	}
	if fresh := fmt.Sprint(explain(t, predictor(1), a, row(1, 2, 3, 4, 5)...)); fresh != first {
		t.Errorf("another predictor with the same seed says %s, not %s", fresh, first)
	}
	if other := fmt.Sprint(explain(t, predictor(2), a, row(1, 2, 3, 4, 5)...)); other == first {
		t.Errorf("another seed says the same: %s", other)
	}
	b := p.NewBatch()
	if err := b.Reset(3); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		for k := range n {
			b.Set(i, fmt.Append(nil, "f", k), fmt.Append(nil, k+1+(2-i)))
		}
	}
	b.Drop(1, "not this one")
	if err := p.Predict(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	e, err := p.Explanation(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Explain(context.Background(), b, e); err != nil {
		t.Fatal(err)
	}
	if among := fmt.Sprint(b.Results[2]); among != first {
		t.Errorf("among others %s, alone %s", among, first)
	}
	if r := b.Results[1]; !r.Ignored || r.Reason != "not this one" || r.Explanations != nil {
		t.Errorf("the dropped row is %+v", r)
	}
	if b.Results[0].Explanations == nil {
		t.Error("the first row has no explanations")
	}
}

// Only the 5·N features with the greatest importance can be explained.
func TestCandidates(t *testing.T) {
	rank := make([]float64, 40)
	for i := range rank {
		rank[i] = float64(i * 7 % 40)
	}
	p, err := New(&tangled{n: 40, rank: rank}, Config{Task: Regression, Features: numbered(40), Explain: Explaining{Background: sample(t, 100, 40, 10)}})
	if err != nil {
		t.Fatal(err)
	}
	f := func(method Method, n int) {
		t.Helper()
		got := explain(t, p, Ask{Enabled: On, Method: method, N: n}, row(rank...)...)
		if len(got.Explanations) != min(n, 40) {
			t.Errorf("%v: %d explanations, want %d", method, len(got.Explanations), n)
		}
		for _, c := range got.Explanations {
			var i int
			fmt.Sscanf(c.Feature, "f%d", &i)
			if rank[i] < float64(40-5*n) {
				t.Errorf("%v: feature %s of importance %v is among the %d explanations", method, c.Feature, rank[i], n)
			}
		}
	}
	for k, f := range p.explain.candidates(2) {
		if rank[f] != float64(39-k) || len(p.explain.candidates(2)) != 10 {
			t.Fatalf("the candidates for two explanations are %v", p.explain.candidates(2))
		}
	}
	f(ICE, 2)
	f(ICE, 1)
	f(Shapley, 2)
	f(ICE, 8)
	f(Shapley, 100) // no more than there are
}

// Without importances, a surrogate forest finds the features that matter.
func TestSurrogate(t *testing.T) {
	f := func(text bool) {
		t.Helper()
		m := &loud{text: text}
		var s strings.Builder
		s.WriteString("a,b,c,d,e,f,g,word\n")
		r := rand.New(rand.NewPCG(5, 5))
		for range 400 {
			for range 7 {
				fmt.Fprintf(&s, "%.3f,", r.Float64())
			}
			s.WriteString([]string{"x", "y", "z"}[r.IntN(3)] + "\n")
		}
		b, err := ReadBackground(strings.NewReader(s.String()), "")
		if err != nil {
			t.Fatal(err)
		}
		features := []Feature{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}, {Name: "e"}, {Name: "f"}, {Name: "g"}, {Name: "word", Type: TextFeature}}
		p, err := New(m, Config{Task: Regression, Features: features, Explain: Explaining{Background: b}})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, k := range p.explain.order[:3] {
			names = append(names, p.features[k].Name)
		}
		if got := fmt.Sprint(names); got != "[word f b]" {
			t.Errorf("the most important features are %s, want [word f b]", got)
		}
	}
	f(false)
	f(true)
}

// loud is a model of eight features in which three matter.
type loud struct{ text bool }

func (m *loud) Inputs() []Input {
	in := make([]Input, 8)
	for i := range in {
		in[i].Name = string(rune('a' + i))
	}
	in[7] = Input{Name: "word", Categories: []string{"x", "y", "z"}}
	if m.text {
		in[7] = Input{Name: "word", Type: Text}
	}
	return in
}

func (m *loud) Output() Output { return Output{Kind: Value, Width: 1} }

func (m *loud) Predict(dst []float64, rows Rows) error {
	width := len(rows.Number) / max(1, rows.N)
	for i := range rows.N {
		x := rows.Number[i*width : (i+1)*width]
		word := 0
		if m.text {
			word = strings.Index("xyz", rows.Text[i])
		} else {
			word = int(x[7])
		}
		dst[i] = 3*x[5] + x[1] + [...]float64{0, 9, 1}[word]
	}
	return nil
}

func TestRepresentatives(t *testing.T) {
	f := func(feature Feature, values, weights string, want string) {
		t.Helper()
		var s strings.Builder
		s.WriteString("x,w\n")
		w := strings.Fields(weights)
		for i, v := range strings.Fields(values) {
			weight := "1"
			if len(w) > 0 {
				weight = w[i]
			}
			fmt.Fprintf(&s, "%s,%s\n", strings.Trim(v, "_"), weight)
		}
		b, err := ReadBackground(strings.NewReader(s.String()), "w")
		if err != nil {
			t.Fatal(err)
		}
		feature.Name = "x"
		p, err := New(single{feature.Type == TextFeature && feature.Categories == nil}, Config{Task: Regression, Features: []Feature{feature}, Explain: Explaining{Background: b}})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, r := range p.explain.represent[0] {
			if r.text != "" {
				got += fmt.Sprintf("%s:%.4g ", r.text, r.weight)
			} else {
				got += fmt.Sprintf("%v:%.4g ", r.number, r.weight)
			}
		}
		if got = strings.TrimSpace(got); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	number := Feature{}
	// Few distinct values: by frequency, and of equals the smaller first.
	f(number, "3 1 3 2 3 1", "", "3:0.5 1:0.3333 2:0.1667")
	f(number, "3 1 2 2", "1 5 1 1", "1:0.625 2:0.25 3:0.125")
	f(number, "1 _ 3 abc", "", "1:0.5 3:0.5") // what is missing is no value
	// Twenty values: two in each bin, and the median is halfway.
	f(number, "20 19 18 17 16 15 14 13 12 11 10 9 8 7 6 5 4 3 2 1", "",
		"1.5:0.1 3.5:0.1 5.5:0.1 7.5:0.1 9.5:0.1 11.5:0.1 13.5:0.1 15.5:0.1 17.5:0.1 19.5:0.1")
	// Eleven values, one of which has most of the weight and fills most bins.
	f(number, "1 2 3 4 5 6 7 8 9 10 11", "1 1 1 1 90 1 1 1 1 1 1",
		"5:0.1 5:0.1 5:0.1 5:0.1 5:0.1 5:0.1 5:0.1 5:0.1 5:0.1 6.5:0.1")
	text := Feature{Type: TextFeature}
	f(text, "b a b c", "", "b:0.5 a:0.25 c:0.25")
	// Eleven categories: ten of them have over 90 % of the weight …
	f(text, "a b c d e f g h i j k", "10 10 10 10 10 10 10 10 10 5 5",
		"a:0.1053 b:0.1053 c:0.1053 d:0.1053 e:0.1053 f:0.1053 g:0.1053 h:0.1053 i:0.1053 j:0.05263")
	// … or have not.
	f(text, "a b c d e f g h i j k l", "5 5 5 5 5 5 5 5 5 5 10 10",
		"k:0.1429 l:0.1429 a:0.07143 b:0.07143 c:0.07143 d:0.07143 e:0.07143 f:0.07143 g:0.07143 h:0.07143 i:0.07143 j:0.07143")
	category := Feature{Type: TextFeature, Categories: []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"}}
	f(category, "b b b b b b b b b b a zzz", "", "1:0.9091 0:0.09091") // an unknown one is missing
	f(Feature{Missing: Handling{Action: Impute, Value: "9"}}, "1 _ _", "", "9:0.6667 1:0.3333")
	f(Feature{Missing: Handling{Action: DropRow}}, "1 _ 2", "", "1:0.5 2:0.5")
}

// single is a model of one feature that it answers with.
type single struct{ text bool }

func (m single) Inputs() []Input {
	if m.text {
		return []Input{{Type: Text}}
	}
	return []Input{{}}
}
func (m single) Output() Output { return Output{Kind: Value, Width: 1} }
func (m single) Predict(dst []float64, rows Rows) error {
	copy(dst, rows.Number)
	for i := range dst {
		if dst[i] != dst[i] {
			dst[i] = 0
		}
	}
	return nil
}

// A chain of d differing features costs d-1 evaluations: both its ends are known.
func TestShapleyCost(t *testing.T) {
	m := &additive{}
	p, err := New(m, Config{Task: Regression, Features: goldenFeatures(), Explain: Explaining{Background: goldenBackground(t)}})
	if err != nil {
		t.Fatal(err)
	}
	want := 1
	for j := range 100 {
		differ := 0
		for k, v := range []float64{18, 1, 4} {
			if p.explain.background.Number[j*3+k] != v {
				differ++
			}
		}
		want += max(0, differ-1)
	}
	m.calls = 0
	explain(t, p, Ask{Enabled: On, Method: Shapley}, "x1=18", `x2="b"`, "x3=4")
	if m.calls != want {
		t.Errorf("%d evaluations, want %d", m.calls, want)
	}
}
