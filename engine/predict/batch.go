package predict

import "quiver/engine/fail"

// MaxRows is how many rows one batch may have, and maxCells how many values.
const (
	MaxRows  = 10_000
	maxCells = 1 << 24
)

// IgnoredByModel is the reason of a row that the model's handling of missing values
// drops, or that the model cannot score.
const IgnoredByModel = "IGNORED_BY_MODEL"

// Batch is the rows of one request and their results. It belongs to one Predictor and
// one goroutine at a time, and is made to be used again.
type Batch struct {
	// Results are filled by Predict, one for each row in order. They point into the
	// batch and die with the next Reset.
	Results []Result

	p       *Predictor
	rows    Rows
	states  []state  // rows × features
	reasons []string // per row: why it is dropped; "" if it is not
	place   []int    // per row: where it went when the dropped rows were taken out; -1
	scored  bool

	raw     []float64 // what the model said, Width numbers per scored row
	probas  []float64
	scratch []byte
	work    work
}

// Result is the answer for one row.
type Result struct {
	Ignored bool
	Reason  string // why, if ignored

	Prediction string    // the class or cluster; "" for a regression
	Value      float64   // of a regression
	Class      int       // the index of Prediction in Classes
	Probas     []float64 // one for each of Classes; nil for a regression or clustering
	Percentile int       // rank of the second class's probability, 0 and up; -1 if unknown

	// Explanations are the largest contributions, the largest first; nil unless
	// Explain was called.
	Explanations []Contribution
}

// Contribution is how much one feature moved one prediction.
type Contribution struct {
	Feature string
	Value   float64
}

// NewBatch returns an empty batch.
func (p *Predictor) NewBatch() *Batch { return &Batch{p: p} }

// Reset empties the batch and gives it n rows without any value.
func (b *Batch) Reset(n int) error {
	if n < 0 || n > MaxRows {
		return fail.Errorf(fail.TooLarge, "%d rows are more than %d, the limit of one request", n, MaxRows)
	}
	p := b.p
	if n*len(p.columns) > maxCells {
		return fail.Errorf(fail.TooLarge, "%d rows of %d values are more than the %d values of one request", n, len(p.columns), maxCells)
	}
	b.rows = Rows{N: n, Number: resize(b.rows.Number, n*p.numbers), Text: resize(b.rows.Text, n*p.texts)}
	b.states = resize(b.states, n*len(p.features))
	b.reasons = resize(b.reasons, n)
	clear(b.rows.Text)
	clear(b.states)
	clear(b.reasons)
	b.Results = b.Results[:0]
	b.scored = false
	return nil
}

// resize returns a slice of length n, of v's memory if it is large enough. What it holds
// is undefined.
func resize[T any](v []T, n int) []T {
	if cap(v) < n {
		return make([]T, n)
	}
	return v[:n]
}

// Set gives row i a value for the feature called name: one valid JSON token, or NaN,
// Infinity or -Infinity. A later value replaces an earlier one. A name that is no
// feature is ignored. Neither slice is kept.
func (b *Batch) Set(i int, name, token []byte) {
	if k, ok := b.p.names[string(name)]; ok {
		b.SetFeature(i, k, token)
	}
}

// SetFeature is Set for the feature at a position of Predictor.Features; a token of nil
// is a missing value.
func (b *Batch) SetFeature(i, k int, token []byte) {
	f := &b.p.features[k]
	number, text := b.row(i)
	b.states[i*len(b.p.features)+k], b.scratch = f.set(number, text, token, b.scratch)
}

// row returns the columns of row i.
func (b *Batch) row(i int) (number []float64, text []string) {
	p := b.p
	return b.rows.Number[i*p.numbers : (i+1)*p.numbers], b.rows.Text[i*p.texts : (i+1)*p.texts]
}

// Drop takes row i out: it is not scored, and its result says why. The first reason
// stays.
func (b *Batch) Drop(i int, reason string) {
	if b.reasons[i] == "" {
		b.reasons[i] = reason
	}
}

// finish replaces what is missing and moves the rows that are to be scored together.
func (b *Batch) finish() {
	p := b.p
	b.place = resize(b.place, b.rows.N)
	kept := 0
	for i := range b.rows.N {
		if b.reasons[i] == "" && !b.fill(i) {
			b.reasons[i] = IgnoredByModel
		}
		if b.reasons[i] != "" {
			b.place[i] = -1
			continue
		}
		if kept < i {
			copy(b.rows.Number[kept*p.numbers:(kept+1)*p.numbers], b.rows.Number[i*p.numbers:])
			copy(b.rows.Text[kept*p.texts:(kept+1)*p.texts], b.rows.Text[i*p.texts:])
		}
		b.place[i] = kept
		kept++
	}
	b.rows.N = kept
	b.rows.Number = b.rows.Number[:kept*p.numbers]
	b.rows.Text = b.rows.Text[:kept*p.texts]
}

// fill replaces what is missing in row i; false if the row is to be dropped.
func (b *Batch) fill(i int) bool {
	number, text := b.row(i)
	states := b.states[i*len(b.p.features) : (i+1)*len(b.p.features)]
	for k := range b.p.features {
		f := &b.p.features[k]
		if states[k] == given {
			continue
		}
		with := &f.fill[0]
		if states[k] == unknown {
			with = &f.fill[1]
		}
		switch {
		case with.drop:
			return false
		case f.text:
			text[f.column] = with.text
		default:
			for c := range f.width {
				number[f.column+c] = with.number
			}
		}
	}
	return true
}
