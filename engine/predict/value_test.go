package predict

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"quiver/codec"
	"quiver/engine/fail"
)

// echo is a model that keeps what it is asked: numbers first, then texts.
type echo struct {
	inputs []Input
	asked  Rows
	out    Output
	answer []float64 // per row; nil: zeros
}

func (m *echo) Inputs() []Input { return m.inputs }
func (m *echo) Output() Output  { return m.out }

func (m *echo) Predict(dst []float64, rows Rows) error {
	m.asked = Rows{N: rows.N, Number: append([]float64(nil), rows.Number...), Text: append([]string(nil), rows.Text...)}
	clear(dst)
	copy(dst, m.answer)
	return nil
}

// prepared returns what a model sees of one feature with the given token, and "dropped"
// if the row is.
func prepared(t *testing.T, f Feature, in []Input, token string) string {
	t.Helper()
	m := &echo{inputs: in, out: Output{Width: 1}}
	f.Name = "x"
	p, err := New(m, Config{Task: Regression, Features: []Feature{f}})
	if err != nil {
		t.Fatal(err)
	}
	b := p.NewBatch()
	if err := b.Reset(1); err != nil {
		t.Fatal(err)
	}
	if token != "" {
		b.Set(0, []byte("x"), []byte(token))
	}
	b.Set(0, []byte("another"), []byte("1"))
	if err := p.Predict(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	if r := b.Results[0]; r.Ignored {
		if r.Reason != IgnoredByModel {
			t.Errorf("the reason is %q", r.Reason)
		}
		return "dropped"
	}
	if m.asked.Text != nil {
		return fmt.Sprintf("%q", m.asked.Text)
	}
	return fmt.Sprint(m.asked.Number)
}

func TestValues(t *testing.T) {
	var feature Feature
	var inputs []Input
	f := func(token, want string) {
		t.Helper()
		if got := prepared(t, feature, inputs, token); got != want {
			t.Errorf("%s: got %s, want %s", token, got, want)
		}
	}
	inputs = []Input{{Name: "x"}}
	// Numbers, also as text; the rest is missing.
	f("1.5", "[1.5]")
	f("-1429", "[-1429]")
	f(`"-1429"`, "[-1429]")
	f(`"479.82"`, "[479.82]")
	f(`" 7e2 "`, "[700]")
	f(`"1\u0032"`, "[12]")
	f("true", "[1]")
	f("false", "[0]")
	f(`"true"`, "[1]")
	f(`"False"`, "[0]")
	f("null", "[NaN]")
	f("NaN", "[NaN]")
	f("Infinity", "[NaN]")
	f("-Infinity", "[NaN]")
	f("1e400", "[NaN]")
	f(`""`, "[NaN]")
	f(`"abc"`, "[NaN]")
	f(`"0x10"`, "[NaN]")
	f(`"1_000"`, "[NaN]")
	f(`"inf"`, "[NaN]")
	f("[1]", "[NaN]")
	f(`{"a":1}`, "[NaN]")
	f("", "[NaN]")

	feature.Missing = Handling{Action: Impute, Value: "3"}
	f("", "[3]")
	f("null", "[3]")
	f(`"abc"`, "[3]")
	f("4", "[4]")
	feature.Missing = Handling{Action: DropRow}
	f("", "dropped")
	f("NaN", "dropped")
	f("0", "[0]")

	// Times.
	feature = Feature{Type: TimeFeature}
	f(`"1970-01-02"`, "[86400]")
	f(`"2017-01-01T00:00:59.000Z"`, "[1.483228859e+09]")
	f(`"2017-01-01 00:00:59.5"`, "[1.4832288595e+09]")
	f("1483228859", "[1.483228859e+09]")
	f("1483228859000", "[1.483228859e+09]")
	f(`"yesterday"`, "[NaN]")
	f(`""`, "[NaN]")
	f("null", "[NaN]")

	// Categories.
	feature = Feature{Type: TextFeature, Categories: []string{"FR", "1", "2.0", "True", "é"}}
	f(`"FR"`, "[0]")
	f(`"fr"`, "[NaN]")
	f("1", "[1]")
	f("1.0", "[1]")
	f(`"1"`, "[1]")
	f("2", "[2]")
	f(`"2"`, "[2]")
	f("true", "[3]")
	f(`"true"`, "[3]")
	f(`"\u00e9"`, "[4]")
	f(`""`, "[NaN]")
	f("null", "[NaN]")
	f("3", "[NaN]")
	feature.Missing = Handling{Action: Impute, Value: "FR"}
	f("null", "[0]")
	f(`"xx"`, "[0]") // an unknown value counts as missing
	feature.Unknown = Handling{Action: Unseen}
	f("null", "[0]")
	f(`"xx"`, "[5]")
	f("NaN", "[0]")
	feature.Unknown = Handling{Action: DropRow}
	f(`"xx"`, "dropped")
	f("null", "[0]")
	feature.Unknown = Handling{Action: Impute, Value: "é"}
	f(`"xx"`, "[4]")
	feature.Missing, feature.Unknown = Handling{Action: Unseen}, Handling{}
	f("null", "[5]")
	f(`"xx"`, "[5]")
	// The model file's own dictionary, and a number as its key.
	feature, inputs = Feature{}, []Input{{Name: "x", Categories: []string{"10", "20"}}}
	f("20", "[1]")
	f("20.0", "[1]")
	f("1", "[NaN]")

	// Text.
	feature, inputs = Feature{Type: TextFeature}, []Input{{Name: "x", Type: Text}}
	f(`"a\"b"`, `["a\"b"]`)
	f("12.0", `["12.0"]`)
	f("true", `["true"]`)
	f("NaN", `[""]`)
	f("null", `[""]`)
	feature.Missing = Handling{Action: Impute, Value: "none"}
	f("null", `["none"]`)
	f(`""`, `["none"]`)
	feature.Missing = Handling{Action: DropRow}
	f(`""`, "dropped")
	f(`"NaN"`, `["NaN"]`)

	// Vectors.
	feature, inputs = Feature{Length: 3}, []Input{{}, {}, {}}
	f("[1,2,3]", "[1 2 3]")
	f(`"[1,2,3]"`, "[1 2 3]") // as predict-simple sends it
	f("[1,null,3]", "[1 NaN 3]")
	f("[1,2]", "[NaN NaN NaN]")
	f("[1,2,3,4]", "[NaN NaN NaN]")
	f(`[1,2,"3"]`, "[NaN NaN NaN]")
	f("7", "[NaN NaN NaN]")
	feature.Missing = Handling{Action: Impute, Value: "0"}
	f("null", "[0 0 0]")
}

// The last of several values counts, also when it is none.
func TestSetTwice(t *testing.T) {
	m := &echo{inputs: []Input{{}}, out: Output{Width: 1}}
	p, err := New(m, Config{Task: Regression, Features: []Feature{{Name: "x", Missing: Handling{Action: Impute, Value: "9"}}}})
	if err != nil {
		t.Fatal(err)
	}
	b := p.NewBatch()
	f := func(want string, tokens ...string) {
		t.Helper()
		if err := b.Reset(1); err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			b.Set(0, []byte("x"), []byte(token))
		}
		if err := p.Predict(context.Background(), b); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(m.asked.Number); got != want {
			t.Errorf("%v: got %s, want %s", tokens, got, want)
		}
	}
	f("[2]", "1", "2")
	f("[9]", "1", "null")
	f("[1]", "null", "1")
	f("[9]")
}

// Features find the model's inputs by name, and by order where there are no names.
func TestPlace(t *testing.T) {
	f := func(inputs, features, want string) {
		t.Helper()
		var in []Input
		for _, n := range strings.Fields(inputs) {
			i := Input{Name: strings.Trim(n, "_")}
			if strings.HasPrefix(n, "T") {
				i.Type = Text
			}
			in = append(in, i)
		}
		var fs []Feature
		for _, n := range strings.Fields(features) {
			var length int
			name, size, _ := strings.Cut(n, ":")
			fmt.Sscan(size, &length)
			x := Feature{Name: name, Length: length}
			if strings.HasPrefix(n, "T") {
				x.Type = TextFeature
			}
			fs = append(fs, x)
		}
		p, err := New(&echo{inputs: in, out: Output{Width: 1}}, Config{Task: Regression, Features: fs})
		if err != nil {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s from %s: got error %v, want %q", inputs, features, err, want)
			}
			return
		}
		got := ""
		for _, k := range p.columns {
			got += p.features[k].Name + " "
		}
		if got = strings.TrimSpace(got); got != want {
			t.Errorf("%s from %s: got %q, want %q", inputs, features, got, want)
		}
	}
	f("_ _", "a b", "a b")
	f("a b", "b a", "a b") // by name: a feeds a
	f("a b", "x y", "x y")
	f("a b c", "a x c", "a x c")
	f("a b c", "a c x", "feature c stands at input 1, but the model calls input 2 so")
	f("a _ _ b", "b x a y", "a x y b")
	f("a _ _ b", "b v:2 a", "a v v b")
	f("a _ b _", "b v:2 a", "does not fit")
	f("_ _ _ _", "a v:2 b", "a v v b")
	f("T1 _ T2 _", "a b T1 T2", "T1 a T2 b")
	f("a b", "a", "2 inputs")
	f("a", "a b", "1 inputs")
	f("a b", "a a", "listed twice")
	f("T1", "v:1", "cannot feed text")
	f("a", "T1", "list the feature's categories")
	f("T1", "a", "must be string")
}

// Definitions that do not fit their model are refused.
func TestNewRefuses(t *testing.T) {
	closed := 0
	f := func(out Output, c Config, want string) {
		t.Helper()
		if c.Features == nil {
			c.Features = []Feature{{Name: "x"}}
		}
		_, err := New(&closing{echo{inputs: []Input{{}}, out: out}, &closed}, c)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
	value, one, three := Output{Value, 1, nil}, Output{Probability, 1, nil}, Output{Probability, 3, nil}
	f(value, Config{Task: Binary}, "does not do this task: it gives values, 1 per row")
	f(one, Config{Task: Multiclass}, "gives probabilities, 1")
	f(three, Config{Task: Binary}, "gives probabilities, 3")
	f(three, Config{Task: Regression}, "does not do this task")
	f(one, Config{Task: Clustering}, "does not do this task")
	f(Output{Unstated, 3, nil}, Config{Task: Regression}, "does not do this task")
	f(Output{Label, 1, nil}, Config{Task: Clustering}, "list the classes")
	f(one, Config{Task: Binary, Classes: []string{"a"}}, "1 classes")
	f(one, Config{Task: Binary, Classes: []string{"a", "a"}}, "listed twice")
	f(Output{Probability, 2, []string{"no", "yes"}}, Config{Task: Binary, Classes: []string{"no", "maybe"}}, "the model file calls them")
	f(value, Config{Task: Regression, Classes: []string{"a"}}, "no classes")
	f(one, Config{Task: Binary, Threshold: 1.5}, "threshold is 1.5")
	f(one, Config{Task: Binary, Threshold: math.NaN()}, "threshold is NaN")
	f(one, Config{Task: Binary, Percentiles: []float64{0.2, 0.1}}, "less than the one before")
	f(one, Config{Features: []Feature{{Name: "x", Missing: Handling{Action: Unseen}}}}, "categories")
	f(one, Config{Features: []Feature{{Name: "x", Missing: Handling{Action: Impute, Value: "abc"}}}}, `feature x: missing: "abc" is no value`)
	f(one, Config{Features: []Feature{{Name: "x", Unknown: Handling{Action: DropRow}}}}, "no categories")
	f(one, Config{Features: []Feature{{Name: "x", Categories: []string{"a", "a"}}}}, "listed twice")
	f(one, Config{Features: []Feature{{Name: "x", Categories: []string{"a"}, Missing: Handling{Action: Impute, Value: "b"}}}}, "no value")
	f(one, Config{Features: []Feature{{Name: ""}}}, "no name")
	f(one, Config{Explain: Explaining{Enabled: true}}, "no background sample")
	f(one, Config{Explain: Explaining{Enabled: true, Method: TreeShap}}, "no ensemble of trees")
	f(one, Config{Explain: Explaining{Steps: 3}}, "25 to 1000")
	f(one, Config{Explain: Explaining{Importance: []float64{1, 2}}}, "2 importances for 1 features")
	f(one, Config{Explain: Explaining{Background: &Background{names: []string{"y"}}}}, `no column "x"`)
	f(one, Config{Features: []Feature{{Name: "x", Missing: Handling{Action: DropRow}}}, Explain: Explaining{Background: &Background{names: []string{"x"}, cells: [][]string{{""}}, weights: []float64{1}}}}, "scores none")
	if closed != 26 {
		t.Errorf("%d models were closed", closed)
	}
}

type closing struct {
	echo
	n *int
}

func (c *closing) Close() error { *c.n++; return nil }

func TestDecisions(t *testing.T) {
	var out Output
	var config Config
	f := func(answer []float64, want string) {
		t.Helper()
		config.Features = []Feature{{Name: "x"}}
		p, err := New(&echo{inputs: []Input{{}}, out: out, answer: answer}, config)
		if err != nil {
			t.Fatal(err)
		}
		b := p.NewBatch()
		if err := b.Reset(1); err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := p.Predict(context.Background(), b); err != nil {
			got = err.Error()
		} else if r := b.Results[0]; r.Ignored {
			got = r.Reason
		} else {
			got = strings.TrimSpace(fmt.Sprintln(r.Prediction, r.Value, r.Class, r.Probas, r.Percentile))
		}
		if got != want {
			t.Errorf("%v: got %s, want %s", answer, got, want)
		}
	}
	out, config = Output{Probability, 1, nil}, Config{Task: Binary}
	f([]float64{0.25}, "0 0 0 [0.75 0.25] -1")
	f([]float64{0.5}, "1 0 1 [0.5 0.5] -1")
	f([]float64{1 + 1e-6}, "1 0 1 [0 1] -1")
	f([]float64{math.NaN()}, "IGNORED_BY_MODEL")
	f([]float64{1.2}, `the model gives something else than probabilities: -0.19999999999999996 as the probability of class "0"`)
	config.Threshold, config.Classes = 0.3, []string{"no", "yes"}
	config.Percentiles = []float64{0.1, 0.3, 0.3, 0.5}
	f([]float64{0.3}, "yes 0 1 [0.7 0.3] 3")
	f([]float64{0.29}, "no 0 0 [0.71 0.29] 1")
	f([]float64{0}, "no 0 0 [1 0] 0")
	f([]float64{1}, "yes 0 1 [0 1] 4")
	// The definition may list the classes in another order than the file.
	out, config = Output{Probability, 2, []string{"late", "on time"}}, Config{Task: Binary, Classes: []string{"on time", "late"}}
	f([]float64{0.8, 0.2}, "late 0 1 [0.2 0.8] -1")
	config.Classes = []string{"A", "B"} // other words: in order
	f([]float64{0.8, 0.2}, "A 0 0 [0.8 0.2] -1")
	config.Classes = nil
	f([]float64{0.8, 0.2}, "late 0 0 [0.8 0.2] -1")

	out, config = Output{Probability, 3, nil}, Config{Task: Multiclass, Classes: []string{"a", "b", "c"}}
	f([]float64{0.2, 0.4, 0.4}, "b 0 1 [0.2 0.4 0.4] -1")
	out.Kind = Unstated
	f([]float64{0.2, 0.3, 0.5}, "c 0 2 [0.2 0.3 0.5] -1")

	out, config = Output{Value, 1, nil}, Config{Task: Regression}
	f([]float64{-3.5}, "-3.5 0 [] -1")
	f([]float64{math.Inf(1)}, "IGNORED_BY_MODEL")

	out, config = Output{Label, 1, nil}, Config{Task: Clustering, Classes: []string{"near", "far"}}
	f([]float64{1}, "far 0 1 [] -1")
	f([]float64{2}, "IGNORED_BY_MODEL")
	f([]float64{-1}, "IGNORED_BY_MODEL")
	out, config = Output{Label, 1, []string{"x", "y"}}, Config{Task: Binary, Classes: []string{"y", "x"}}
	f([]float64{1}, "y 0 0 [] -1")
}

func TestPercentiles(t *testing.T) {
	var cuts []float64
	for i := 1; i <= 99; i++ {
		cuts = append(cuts, float64(i)/100)
	}
	f := func(p float64, want int) {
		t.Helper()
		if got := percentile(cuts, p); got != want {
			t.Errorf("percentile(%v) = %d, want %d", p, got, want)
		}
	}
	// The golden case of the contract.
	f(0.005, 0)
	f(0.01, 1)
	f(0.5, 50)
	f(0.878, 87)
	f(0.995, 99)

	parse := func(text, want string) {
		t.Helper()
		got, err := ParsePercentiles([]byte(text))
		if s := fmt.Sprint(got); err == nil && s != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v; want %s", text, got, err, want)
		}
	}
	parse(`[0.1, 0.2, 0.2]`, "[0.1 0.2 0.2]")
	parse(`{"model": "m", "percentiles": [0.1, 1]}`, "[0.1 1]")
	parse(`{"model": "m"}`, "no field percentiles")
	parse(`[0.1, "x"]`, "cut point 2 is no number")
	parse(`[0.1, 2]`, "not a probability")
	parse(`[0.2, 0.1]`, "less than the one before")
	parse(`[0.2`, "cannot read the percentiles")
	parse(`"x"`, "cannot read the percentiles")
}

func TestFeatureTypeOf(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		typ, err := codec.ParseType(text, codec.SpellingSQL)
		if err != nil {
			typ, err = codec.ParseType(text, codec.SpellingFennel)
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, length, err := FeatureTypeOf(typ)
		if got := fmt.Sprint(kind, length, err != nil); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	f("double", "0 0 false")
	f("bigint", "0 0 false")
	f("boolean", "0 0 false")
	f("decimal(10,2)", "0 0 false")
	f("string", "1 0 false")
	f("timestamp(3)", "2 0 false")
	f("date", "2 0 false")
	f("Embedding[4]", "0 4 false")
	f("array<double>", "0 0 true")
	f("binary", "0 0 true")
}

func TestReadBackground(t *testing.T) {
	f := func(text, weight, want string) {
		t.Helper()
		_, err := ReadBackground(strings.NewReader(text), weight)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got error %v, want %q", text, err, want)
		}
	}
	f("a,b\n1,2\n", "", "")
	f("a,b\n1,2\n", "b", "")
	f("", "", "empty")
	f("a,b\n", "", "no rows")
	f("a,b\n1\n", "", "wrong number of fields")
	f("a,b\n1,2\n", "w", `no column "w"`)
	f("a,b\n1,-2\n", "b", "weight")
	f("a,b\n1,x\n", "b", "weight")
	f("a\n"+strings.Repeat("1\n", maxBackgroundRows+1), "", "random sample")
}

// Wide models get fewer rows per request, and no endless memory for explanations.
func TestWideModels(t *testing.T) {
	wide := Feature{Name: "x", Length: 1 << 15}
	m := &echo{inputs: make([]Input, 1<<15), out: Output{Width: 1}}
	p, err := New(m, Config{Task: Regression, Features: []Feature{wide}})
	if err != nil {
		t.Fatal(err)
	}
	b := p.NewBatch()
	var e *fail.Error
	if err := b.Reset(513); !errors.As(err, &e) || e.Code != fail.TooLarge {
		t.Errorf("got %v, want TooLarge", err)
	}
	if err := b.Reset(2); err != nil {
		t.Fatal(err)
	}
	if full, capacity := p.rowsOf(Explanation{N: 1}); full != 32 || capacity != 34 {
		t.Errorf("%d rows per batch and room for %d", full, capacity)
	}
}

func TestBatchLimits(t *testing.T) {
	p, err := New(&echo{inputs: []Input{{}}, out: Output{Width: 1}}, Config{Task: Regression, Features: []Feature{{Name: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	b := p.NewBatch()
	var e *fail.Error
	if err := b.Reset(MaxRows + 1); !errors.As(err, &e) || e.Code != fail.TooLarge {
		t.Errorf("got %v, want TooLarge", err)
	}
	if err := b.Reset(0); err != nil {
		t.Fatal(err)
	}
	if err := p.Predict(context.Background(), b); err != nil || len(b.Results) != 0 {
		t.Errorf("no rows: %v, %d results", err, len(b.Results))
	}
	if err := p.Predict(context.Background(), b); err == nil {
		t.Error("a batch was scored twice")
	}
	if err := b.Reset(3000); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := p.Predict(ctx, b); !errors.As(err, &e) || e.Code != fail.Timeout {
		t.Errorf("got %v, want Timeout", err)
	}
}

// TestParseDecimal: the short way to read a number gives what strconv gives, or leaves
// it to strconv.
func TestParseDecimal(t *testing.T) {
	const seed = 3
	rng := rand.New(rand.NewPCG(seed, 0))
	short := 0
	for range 20_000 {
		text := make([]byte, 0, 20)
		for range rng.IntN(18) {
			text = append(text, "0123456789012345678901234567890.-e+ x"[rng.IntN(37)])
		}
		if rng.IntN(4) == 0 {
			text = append([]byte{'-'}, text...)
		}
		got, ok := parseDecimal(text)
		if !ok {
			continue
		}
		short++
		want, err := strconv.ParseFloat(string(text), 64)
		if err != nil || math.Float64bits(got) != math.Float64bits(want) {
			t.Errorf("seed %d: %q: got %v, want %v, %v", seed, text, got, want, err)
		}
	}
	if short < 1000 {
		t.Errorf("seed %d: only %d numbers went the short way", seed, short)
	}
	for _, text := range []string{"0", "-1.5", "123456789012345", "0.00000000000001", "41.9796"} {
		if _, ok := parseDecimal([]byte(text)); !ok {
			t.Errorf("%s does not go the short way", text)
		}
	}
	for _, text := range []string{"", "-", ".", "-.", "1234567890123456", "1e5", "0x1", "1_0", "1.2.3", "--1"} {
		if _, ok := parseDecimal([]byte(text)); ok {
			t.Errorf("%q goes the short way", text)
		}
	}
}
