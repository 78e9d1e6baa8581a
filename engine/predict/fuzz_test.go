package predict

import (
	"bytes"
	"context"
	"math"
	"testing"

	"quiver/codec"
)

// FuzzSet feeds values to features of every kind: whatever comes, the model sees numbers
// that are finite or NaN, and an answer.
func FuzzSet(f *testing.F) {
	for _, s := range []string{`1`, `"x"`, `[1,2]`, `null`, `NaN`, `true`, `"2020-01-01T00:00:00Z"`, `"\ud83d\ude00"`, `1e400`, `{}`, `" 1 "`} {
		f.Add([]byte(s))
	}
	m := &echo{inputs: []Input{{}, {}, {}, {}, {}, {Type: Text}}, out: Output{Width: 1}}
	p, err := New(m, Config{Task: Regression, Features: []Feature{
		{Name: "number"},
		{Name: "time", Type: TimeFeature},
		{Name: "category", Categories: []string{"x", "1"}},
		{Name: "vector", Length: 2},
		{Name: "text", Type: TextFeature},
	}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token []byte) {
		s := codec.NewScanner(token)
		s.AllowNaN(true)
		if token, _ = s.Value(); s.End() != nil {
			return // Set is given valid tokens
		}
		b := p.NewBatch()
		if err := b.Reset(2); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"number", "time", "category", "vector", "text"} {
			b.Set(1, []byte(name), token)
		}
		if err := p.Predict(context.Background(), b); err != nil {
			t.Fatal(err)
		}
		for i, v := range m.asked.Number {
			if math.IsInf(v, 0) {
				t.Errorf("%s became %v", token, m.asked.Number[i])
			}
		}
	})
}

// FuzzFiles feeds the readers of the small files that come with a model, and of the
// request's explanations.
func FuzzFiles(f *testing.F) {
	f.Add([]byte(`{"percentiles":[0.1,0.2]}`))
	f.Add([]byte(`{"enabled":true,"method":"ICE","nExplanations":3,"nMonteCarloSteps":100}`))
	f.Add([]byte("x,w\n1,2\n3,4\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if cuts, err := ParsePercentiles(data); err == nil && percentile(cuts, 2) > len(cuts) {
			t.Error("more percentiles than cut points")
		}
		if a, err := ParseAsk(data); err == nil && (a.N < 0 || a.Steps < 0) {
			t.Errorf("took %+v", a)
		}
		for _, weight := range []string{"", "w"} {
			b, err := ReadBackground(bytes.NewReader(data), weight)
			if err != nil {
				continue
			}
			_, _ = New(single{}, Config{Task: Regression, Features: []Feature{{Name: "x"}}, Explain: Explaining{Background: b}})
		}
	})
}
