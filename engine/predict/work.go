package predict

import (
	"context"
	"math"
	"slices"

	"quiver/engine/fail"
)

// batchRows is how many changed rows are evaluated together, fewer if they have more
// than batchCells values.
const (
	batchRows  = 512
	batchCells = 1 << 20
)

// work is the memory of explanations and the state of the one that is being made. Rows
// that are to be evaluated are collected in rows; what they contribute, and to which
// feature, in terms.
type work struct {
	at    int // the row, among the scored ones
	x     Rows
	fx    float64 // what is explained of it
	class int     // which class is explained
	phi   []float64

	candidates []int  // features that may be returned
	wanted     []bool // per feature: it is a candidate

	rows   Rows
	full   int // rows after which they are evaluated; a chain may go beyond
	raw    []float64
	values []float64 // what is explained of each of rows
	terms  []term

	order  []int     // of the features, SHAPLEY
	inputs []float64 // per input of the model, TREESHAP
	picked []Contribution
}

// term is one contribution to a feature: weight × (before - after). Each of the two is
// the index of one of rows, indexX, or indexBackground-j for background row j.
type term struct {
	feature       int
	weight        float64
	before, after int
}

const (
	indexX          = -1
	indexBackground = -2
)

// rowsOf returns after how many rows a batch is evaluated, and how many there must be
// room for: a chain that has begun adds two states per candidate at most, and the state
// that it is in.
func (p *Predictor) rowsOf(e Explanation) (full, capacity int) {
	full = min(batchRows, max(16, batchCells/len(p.columns)))
	return full, full + min(len(p.features), 2*len(p.explain.candidates(e.N))) + 1
}

// reset makes room for explanations of n rows.
func (w *work) reset(p *Predictor, e Explanation, n int) {
	full, capacity := p.rowsOf(e)
	w.full = full
	w.rows = Rows{Number: resize(w.rows.Number, capacity*p.numbers), Text: resize(w.rows.Text, capacity*p.texts)}
	w.raw = resize(w.raw, capacity*p.output.Width)
	w.values = resize(w.values, capacity)
	w.terms = w.terms[:0]
	w.phi = resize(w.phi, len(p.features))
	w.order = resize(w.order, len(p.features))
	w.inputs = resize(w.inputs, len(p.columns))
	w.picked = resize(w.picked, n*e.N)

	if e.Method == TreeShap {
		w.candidates = w.candidates[:0]
		for f := range p.features {
			w.candidates = append(w.candidates, f)
		}
	} else {
		w.candidates = append(w.candidates[:0], p.explain.candidates(e.N)...)
	}
	w.wanted = resize(w.wanted, len(p.features))
	clear(w.wanted)
	for _, f := range w.candidates {
		w.wanted[f] = true
	}
}

// flush evaluates the collected rows and adds their terms to phi.
func (p *Predictor) flush(ctx context.Context, w *work) error {
	n := w.rows.N
	rows := Rows{N: n, Number: w.rows.Number[:n*p.numbers], Text: w.rows.Text[:n*p.texts]}
	if err := p.evaluate(ctx, w.raw[:n*p.output.Width], rows); err != nil {
		return err
	}
	for i := range n {
		w.values[i] = p.explained(w.raw[i*p.output.Width:(i+1)*p.output.Width], w.class)
	}
	for _, t := range w.terms {
		w.phi[t.feature] += t.weight * (p.value(w, t.before) - p.value(w, t.after))
	}
	w.rows.N = 0
	w.terms = w.terms[:0]
	return nil
}

// value returns what is explained of a row that a term names.
func (p *Predictor) value(w *work, index int) float64 {
	switch {
	case index >= 0:
		return w.values[index]
	case index == indexX:
		return w.fx
	}
	j := indexBackground - index
	return p.explained(p.explain.raw[j*p.output.Width:(j+1)*p.output.Width], w.class)
}

// rank returns the n largest contributions, the largest first and the first features of
// equals. One that cannot be printed is left out.
func (w *work) rank(p *Predictor, n int) []Contribution {
	slices.SortFunc(w.candidates, func(a, b int) int {
		x, y := math.Abs(w.phi[a]), math.Abs(w.phi[b])
		switch {
		case x > y:
			return -1
		case x < y:
			return 1
		}
		return a - b
	})
	out := w.picked[w.at*n : w.at*n : (w.at+1)*n]
	for _, f := range w.candidates {
		if v := w.phi[f]; len(out) < n && !math.IsNaN(v) && !math.IsInf(v, 0) {
			out = append(out, Contribution{Feature: p.features[f].Name, Value: v})
		}
	}
	return out
}

// treeShap asks the model itself. Of two classes it explains the second.
func (p *Predictor) treeShap(ctx context.Context, w *work) error {
	if err := ctx.Err(); err != nil {
		return fail.Wrap(fail.Timeout, err, "the explanation took too long")
	}
	class, sign := w.class, 1.0
	if p.config.Task == Binary {
		class = 1
	}
	out := 0
	switch {
	case p.output.Width > 1:
		out = p.order[class]
	case p.config.Task == Binary && p.order[1] == 0:
		sign = -1 // the definition lists the classes the other way round
	}
	if _, err := p.model.(Attributor).Attribute(w.inputs, w.x, out); err != nil {
		return fail.Wrap(fail.Malformed, err, "this endpoint cannot explain its predictions with TREESHAP: %v", err)
	}
	for i, f := range p.columns {
		w.phi[f] += sign * w.inputs[i]
	}
	return nil
}

// slice returns row i as rows of its own.
func (p *Predictor) slice(rows Rows, i int) Rows {
	return Rows{N: 1, Number: rows.Number[i*p.numbers : (i+1)*p.numbers], Text: rows.Text[i*p.texts : (i+1)*p.texts]}
}

// copyRow copies row i of src to row j of dst.
func (p *Predictor) copyRow(dst Rows, j int, src Rows, i int) {
	copy(dst.Number[j*p.numbers:(j+1)*p.numbers], src.Number[i*p.numbers:])
	copy(dst.Text[j*p.texts:(j+1)*p.texts], src.Text[i*p.texts:])
}

// put copies feature f from row i of src to row j of dst.
func (p *Predictor) put(dst Rows, j int, src Rows, i int, f *feature) {
	if f.text {
		dst.Text[j*p.texts+f.column] = src.Text[i*p.texts+f.column]
		return
	}
	copy(dst.Number[j*p.numbers+f.column:][:f.width], src.Number[i*p.numbers+f.column:])
}

// equal reports whether feature f is the same in row i of a and row j of b.
func (p *Predictor) equal(a Rows, i int, b Rows, j int, f *feature) bool {
	if f.text {
		return a.Text[i*p.texts+f.column] == b.Text[j*p.texts+f.column]
	}
	for c := f.column; c < f.column+f.width; c++ {
		if x, y := a.Number[i*p.numbers+c], b.Number[j*p.numbers+c]; x != y && (x == x || y == y) {
			return false
		}
	}
	return true
}
