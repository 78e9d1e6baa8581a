package predict

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"quiver/engine/fail"
)

// Config is a prediction endpoint as its definition gives it.
type Config struct {
	Task      Task
	Classes   []string // labels; nil: the model file's, or else 0, 1, …
	Threshold float64  // binary: the second class is predicted from this probability on; 0: 0.5
	Features  []Feature
	// Percentiles are ascending cut points of the second class's probability on a
	// reference set, usually the 1st to the 99th percentile; nil: unknown.
	Percentiles []float64
	Explain     Explaining
}

// Task is what an endpoint predicts.
type Task uint8

// The tasks.
const (
	Binary Task = iota
	Multiclass
	Regression
	Clustering
)

// ParseTask reads a task as definitions spell it.
func ParseTask(s string) (Task, error) {
	switch s {
	case "binary":
		return Binary, nil
	case "multiclass":
		return Multiclass, nil
	case "regression":
		return Regression, nil
	case "clustering":
		return Clustering, nil
	}
	return 0, fmt.Errorf("task %q does not exist; there are binary, multiclass, regression and clustering", s)
}

// Predictor is a model with all that an endpoint needs around it. It is immutable and
// safe for concurrent use.
type Predictor struct {
	model  Model
	config Config
	output Output

	features []feature
	names    map[string]int
	numbers  int   // columns of Rows.Number
	texts    int   // columns of Rows.Text
	columns  []int // per input of the model: the feature that feeds it

	classes   []string
	order     []int // per class: which of the model's outputs it is
	threshold float64
	explain   explainer
}

// New puts an endpoint together and checks that its parts fit. The Predictor owns the
// model from then on, also when New fails.
func New(m Model, c Config) (*Predictor, error) {
	p := &Predictor{model: m, config: c, output: m.Output(), threshold: c.Threshold}
	if err := p.compile(); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Predictor) compile() error {
	if err := p.place(); err != nil {
		return err
	}
	if err := p.label(); err != nil {
		return err
	}
	if p.threshold == 0 {
		p.threshold = 0.5
	}
	if !(p.threshold > 0 && p.threshold <= 1) {
		return fmt.Errorf("the threshold is %v, want more than 0 and at most 1", p.threshold)
	}
	if err := checkPercentiles(p.config.Percentiles); err != nil {
		return err
	}
	return p.prepareExplainer()
}

// Close frees the model's memory. No call may be running.
func (p *Predictor) Close() error {
	if c, ok := p.model.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// Task returns the endpoint's task.
func (p *Predictor) Task() Task { return p.config.Task }

// Classes returns the labels of the classes or clusters, in the order of Result.Probas;
// nil for a regression. The caller must not change it.
func (p *Predictor) Classes() []string { return p.classes }

// Features returns the names of the features in model order.
func (p *Predictor) Features() []string {
	names := make([]string, len(p.features))
	for i := range p.features {
		names[i] = p.features[i].Name
	}
	return names
}

// chunk is how many rows are evaluated between two looks at the context.
const chunk = 1024

// evaluate runs the model over rows into dst.
func (p *Predictor) evaluate(ctx context.Context, dst []float64, rows Rows) error {
	for at := 0; at < rows.N; at += chunk {
		if err := ctx.Err(); err != nil {
			return fail.Wrap(fail.Timeout, err, "the prediction took too long")
		}
		n := min(chunk, rows.N-at)
		part := Rows{N: n, Number: rows.Number[at*p.numbers : (at+n)*p.numbers]}
		if p.texts > 0 {
			part.Text = rows.Text[at*p.texts : (at+n)*p.texts]
		}
		if err := p.model.Predict(dst[at*p.output.Width:(at+n)*p.output.Width], part); err != nil {
			return fail.Wrap(fail.Internal, err, "the model failed")
		}
	}
	return nil
}

// Predict scores the rows of b and fills b.Results. It is called once after the values
// are set. A row that is dropped has a Result that says so; an error is about all rows.
func (p *Predictor) Predict(ctx context.Context, b *Batch) error {
	if b.scored || b.p != p {
		return fail.Errorf(fail.Internal, "the batch is not ready to be scored")
	}
	n := b.rows.N
	b.finish()
	b.scored = true
	b.raw = resize(b.raw, b.rows.N*p.output.Width)
	if err := p.evaluate(ctx, b.raw, b.rows); err != nil {
		return err
	}
	b.probas = resize(b.probas, b.rows.N*len(p.classes))
	b.Results = resize(b.Results, n)
	for i := range b.Results {
		b.Results[i] = Result{Ignored: true, Reason: b.reasons[i], Percentile: -1}
		if b.place[i] >= 0 {
			if err := p.decide(b, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// decide turns what the model said about row i into its result. A row about which the
// model says nothing, NaN, or nothing that can be printed, is not scored.
func (p *Predictor) decide(b *Batch, i int) error {
	at, r := b.place[i], &b.Results[i]
	raw := b.raw[at*p.output.Width : (at+1)*p.output.Width]
	r.Reason = IgnoredByModel
	switch {
	case p.config.Task == Regression:
		if math.IsNaN(raw[0]) || math.IsInf(raw[0], 0) {
			return nil
		}
		r.Value = raw[0]
	case p.output.Kind == Label:
		if !p.choose(r, raw[0]) {
			return nil
		}
	default:
		probas := b.probas[at*len(p.classes) : (at+1)*len(p.classes)]
		if known, err := p.spread(probas, raw); !known || err != nil {
			return err
		}
		r.Probas = probas
		r.Class = p.pick(probas)
		r.Prediction = p.classes[r.Class]
		if p.config.Task == Binary {
			r.Percentile = percentile(p.config.Percentiles, probas[1])
		}
	}
	r.Ignored, r.Reason = false, ""
	return nil
}

// choose sets the class or cluster that a model's label means.
func (p *Predictor) choose(r *Result, v float64) bool {
	if !(v >= 0 && v < float64(len(p.order)) && v == math.Trunc(v)) {
		return false
	}
	for class, of := range p.order {
		if of == int(v) {
			r.Class, r.Prediction = class, p.classes[class]
		}
	}
	return true
}

// spread writes the probability of each class; known is false if one is NaN.
func (p *Predictor) spread(probas, raw []float64) (known bool, err error) {
	const slack = 1e-5 // single-precision models may end just outside
	for class := range probas {
		v := p.probability(raw, class)
		if math.IsNaN(v) {
			return false, nil
		}
		if v < -slack || v > 1+slack {
			return false, fail.Wrap(fail.Internal, fmt.Errorf("%v as the probability of class %q", v, p.classes[class]), "the model gives something else than probabilities")
		}
		probas[class] = min(max(v, 0), 1)
	}
	return true, nil
}

// probability returns the probability of a class.
func (p *Predictor) probability(raw []float64, class int) float64 {
	if len(raw) > 1 {
		return raw[p.order[class]]
	}
	if p.order[class] == 1 {
		return raw[0]
	}
	return 1 - raw[0]
}

// pick returns the predicted class: by the threshold for two classes, otherwise the most
// probable, the first of equals.
func (p *Predictor) pick(probas []float64) int {
	if p.config.Task == Binary {
		if probas[1] >= p.threshold {
			return 1
		}
		return 0
	}
	best := 0
	for i, v := range probas {
		if v > probas[best] {
			best = i
		}
	}
	return best
}
