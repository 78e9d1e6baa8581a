package predict

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// Background is a sample of the data that a model was tested on: what its features were
// before any handling. It is immutable.
type Background struct {
	names   []string
	cells   [][]string
	weights []float64
}

// The bounds of a background file.
const (
	maxBackgroundRows  = 100_000
	maxBackgroundBytes = 256 << 20
	maxBackgroundCells = 1 << 25
)

// ReadBackground reads a background sample: CSV with a header that names the features.
// An empty cell is a missing value. weight names the column of the rows' weights; "": all
// weigh the same. Columns that are no feature are ignored.
func ReadBackground(r io.Reader, weight string) (*Background, error) {
	b, err := readBackground(r, weight)
	if err != nil {
		return nil, fmt.Errorf("cannot read the background sample: %w", err)
	}
	return b, nil
}

func readBackground(r io.Reader, weight string) (*Background, error) {
	limited := &io.LimitedReader{R: r, N: maxBackgroundBytes + 1}
	c := csv.NewReader(limited)
	names, err := c.Read()
	if errors.Is(err, io.EOF) {
		return nil, errors.New("it is empty")
	}
	if err != nil {
		return nil, err
	}
	b := &Background{names: names}
	at := slices.Index(names, weight)
	if weight != "" && at < 0 {
		return nil, fmt.Errorf("it has no column %q for the weights", weight)
	}
	for {
		row, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(b.cells) == maxBackgroundRows || limited.N <= 0 {
			return nil, fmt.Errorf("it has more than %d rows or %d bytes; take a random sample", maxBackgroundRows, maxBackgroundBytes)
		}
		w := 1.0
		if weight != "" {
			if w, err = strconv.ParseFloat(row[at], 64); err != nil || !(w >= 0) || math.IsInf(w, 0) {
				return nil, fmt.Errorf("row %d: the weight is %q", len(b.cells)+1, row[at])
			}
		}
		b.cells = append(b.cells, row)
		b.weights = append(b.weights, w)
	}
	if len(b.cells) == 0 {
		return nil, errors.New("it has no rows")
	}
	return b, nil
}

// explainer is what a predictor's explanations need, prepared once.
type explainer struct {
	background Rows      // prepared as a request's rows are, in the order they are drawn
	weights    []float64 // per row of the background
	raw        []float64 // what the model says about each
	represent  [][]representative
	order      []int // the features, the most important first
	seed       uint64
}

// candidates returns the features that may be among n explanations.
func (x *explainer) candidates(n int) []int { return x.order[:min(5*n, len(x.order))] }

// prepareExplainer checks the settings and prepares the background.
func (p *Predictor) prepareExplainer() error {
	c, x := &p.config.Explain, &p.explain
	if c.N < 0 || c.MaxWork < 0 || c.Steps != 0 && (c.Steps < MinSteps || c.Steps > MaxSteps) || c.Method > TreeShap {
		return fmt.Errorf("explanations: %d features with %d steps; there must be at least one feature and %d to %d steps", c.N, c.Steps, MinSteps, MaxSteps)
	}
	if x.seed = c.Seed; x.seed == 0 {
		h := newHash()
		for i := range p.features {
			h.text(p.features[i].Name)
		}
		x.seed = uint64(h)
	}
	if c.Background != nil {
		if err := p.prepareBackground(c.Background); err != nil {
			return fmt.Errorf("explanations: background: %w", err)
		}
	}
	if c.Importance != nil && len(c.Importance) != len(p.features) {
		return fmt.Errorf("explanations: %d importances for %d features", len(c.Importance), len(p.features))
	}
	x.order = p.rankFeatures()
	if c.Enabled {
		if err := p.explainable(or(c.Method, DefaultMethod)); err != nil {
			return fmt.Errorf("explanations: %w", err)
		}
	}
	return nil
}

// prepareBackground turns the sample into rows, drops those that are not scored, brings
// the others into random order, and evaluates them.
func (p *Predictor) prepareBackground(b *Background) error {
	if p.output.Kind == Label {
		return errors.New("a model that gives labels alone cannot be explained")
	}
	if len(b.cells)*len(p.columns) > maxBackgroundCells {
		return fmt.Errorf("its %d rows have more than %d values; take a smaller sample", len(b.cells), maxBackgroundCells)
	}
	columns := make([]int, len(p.features))
	for k := range p.features {
		if columns[k] = slices.Index(b.names, p.features[k].Name); columns[k] < 0 {
			return fmt.Errorf("it has no column %q", p.features[k].Name)
		}
	}
	batch := p.NewBatch()
	batch.rows = Rows{N: len(b.cells), Number: make([]float64, len(b.cells)*p.numbers), Text: make([]string, len(b.cells)*p.texts)}
	batch.states = make([]state, len(b.cells)*len(p.features))
	batch.reasons = make([]string, len(b.cells))
	for i, cells := range b.cells {
		number, text := batch.row(i)
		for k := range p.features {
			batch.states[i*len(p.features)+k] = p.features[k].plain(number, text, []byte(cells[columns[k]]), true)
		}
		if b.weights[i] == 0 {
			batch.Drop(i, "it has no weight")
		}
	}
	batch.finish()
	var weights []float64
	for i, at := range batch.place {
		if at >= 0 {
			weights = append(weights, b.weights[i])
		}
	}
	return p.drawBackground(batch.rows, weights)
}

// drawBackground evaluates rows and keeps those that the model can score, in the order
// in which steps will take them.
func (p *Predictor) drawBackground(rows Rows, weights []float64) error {
	x := &p.explain
	raw := make([]float64, rows.N*p.output.Width)
	if err := p.evaluate(context.Background(), raw, rows); err != nil {
		return err
	}
	order := make([]int, rows.N)
	for i := range order {
		order[i] = i
	}
	r := random{state: x.seed}
	r.shuffle(order)
	x.background = Rows{Number: make([]float64, 0, len(rows.Number)), Text: make([]string, 0, len(rows.Text))}
	for _, i := range order {
		said := raw[i*p.output.Width : (i+1)*p.output.Width]
		if slices.ContainsFunc(said, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }) {
			continue
		}
		one := p.slice(rows, i)
		x.background.Number = append(x.background.Number, one.Number...)
		x.background.Text = append(x.background.Text, one.Text...)
		x.background.N++
		x.weights = append(x.weights, weights[i])
		x.raw = append(x.raw, said...)
	}
	if x.background.N == 0 {
		return errors.New("the model scores none of its rows")
	}
	x.represent = make([][]representative, len(p.features))
	for k := range p.features {
		x.represent[k] = p.representatives(&p.features[k], x.background, x.weights)
	}
	return nil
}
