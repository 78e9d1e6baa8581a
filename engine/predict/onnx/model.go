//go:build cgo

package onnx

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	ort "github.com/yalue/onnxruntime_go"

	"quiver/engine/predict"
)

// Model is a loaded ONNX model. It implements predict.Model and is safe for concurrent
// use; Close frees it.
type Model struct {
	plan    *plan
	session *ort.DynamicAdvancedSession
	output  predict.Output
	rank    int            // of the output tensor
	index   map[string]int // of the labels, when the output is one
	sizes   []size         // rows per batch, ascending
	closed  atomic.Bool
}

// size is a number of rows with the bindings that are idle. At most twice as many as
// there are processors are kept.
type size struct {
	rows int
	mu   *sync.Mutex
	idle []*binding
}

// batchSizes are the numbers of rows that are evaluated together.
var batchSizes = []int{1, 8, 64, 512}

// Load makes a model from the bytes of a file, which are not kept. It is evaluated once
// to see what it answers.
func (*Runtime) Load(data []byte, o Options) (*Model, error) {
	p, err := compile(data, o)
	if err != nil {
		return nil, fmt.Errorf("cannot load the ONNX model: %w", err)
	}
	m := &Model{plan: p}
	if err := m.load(o.Task); err != nil {
		return nil, fmt.Errorf("cannot load the ONNX model: %w", errors.Join(err, m.Close()))
	}
	p.data = nil
	return m, nil
}

func (m *Model) load(task predict.Task) error {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	for _, set := range []error{
		options.SetIntraOpNumThreads(1),
		options.SetInterOpNumThreads(1),
		options.SetLogSeverityLevel(ort.LoggingLevelFatal),
		options.AddSessionConfigEntry("session.load_model_format", "ONNX"),
	} {
		if set != nil {
			return set
		}
	}
	var names []string
	for _, in := range m.plan.inputs {
		names = append(names, in.name)
	}
	m.session, err = ort.NewDynamicAdvancedSessionWithONNXData(m.plan.data, names, []string{m.plan.output.name}, options)
	if err != nil {
		return err
	}
	if err := m.probe(task); err != nil {
		return err
	}
	rows := batchSizes
	if m.plan.batch > 0 {
		rows = []int{m.plan.batch}
	}
	for _, n := range rows {
		m.sizes = append(m.sizes, size{rows: n, mu: new(sync.Mutex)})
	}
	return nil
}

// probe learns the shape of the answer and decides what it means.
func (m *Model) probe(task predict.Task) error {
	n := 2
	if m.plan.batch > 0 {
		n = m.plan.batch
	}
	shape, err := m.try(n)
	if err != nil {
		// Some models fail on zeros and empty texts; then the file has to say it.
		if shape = m.plan.output.dims; len(shape) == 0 || len(shape) > 1 && shape[1] < 1 {
			return fmt.Errorf("it fails on rows of zeros, and does not declare the shape of output %q: %w", m.plan.output.name, err)
		}
		shape = append([]int64{int64(n)}, shape[1:]...)
	}
	width := int64(1)
	if len(shape) == 2 {
		width = shape[1]
	}
	if len(shape) < 1 || len(shape) > 2 || shape[0] != int64(n) || width < 1 || width > maxOutputs {
		return fmt.Errorf("output %q has the shape %v for %d rows; it must be [rows] or [rows, classes]", m.plan.output.name, shape, n)
	}
	m.rank = len(shape)
	m.output = predict.Output{Kind: predict.Value, Width: int(width), Labels: m.plan.output.labels}
	switch {
	case m.plan.output.label:
		if width != 1 {
			return fmt.Errorf("output %q holds %d labels per row", m.plan.output.name, width)
		}
		m.output.Kind = predict.Label
		m.index = make(map[string]int, len(m.output.Labels))
		for i, l := range m.output.Labels {
			m.index[l] = i
		}
	case task != predict.Regression:
		m.output.Kind = predict.Probability
		if n := max(2, int(width)); len(m.output.Labels) != n {
			m.output.Labels = nil // they belong to something else
		}
	}
	return nil
}

// try evaluates n rows of zeros and empty texts and returns the shape of the answer.
func (m *Model) try(n int) ([]int64, error) {
	b := &binding{rows: n}
	defer b.destroy()
	if err := b.makeInputs(m.plan); err != nil {
		return nil, err
	}
	values := make([]ort.Value, 0, len(b.inputs))
	for i := range b.inputs {
		if err := b.inputs[i].flush(); err != nil {
			return nil, err
		}
		values = append(values, b.inputs[i].value)
	}
	out := []ort.Value{nil}
	if err := m.session.Run(values, out); err != nil {
		return nil, err
	}
	defer out[0].Destroy()
	return out[0].GetShape(), nil
}

// maxOutputs bounds the classes of a model.
const maxOutputs = 10_000

// Inputs returns the inputs' columns in the order of the file.
func (m *Model) Inputs() []predict.Input { return m.plan.columns }

// Output says what the model answers.
func (m *Model) Output() predict.Output { return m.output }

// Close frees the model. No call may be running; later ones fail.
func (m *Model) Close() error {
	if m.closed.Swap(true) {
		return nil
	}
	for i := range m.sizes {
		for _, b := range m.sizes[i].idle {
			b.destroy()
		}
		m.sizes[i].idle = nil
	}
	if m.session == nil {
		return nil
	}
	return m.session.Destroy()
}

// Predict evaluates rows; see predict.Model.
func (m *Model) Predict(dst []float64, rows predict.Rows) error {
	p := m.plan
	if rows.N < 0 || len(rows.Number) != rows.N*p.numbers || len(rows.Text) != rows.N*p.texts || len(dst) != rows.N*m.output.Width {
		return fmt.Errorf("cannot evaluate %d rows of %d numbers and %d texts: got %d, %d and room for %d results",
			rows.N, p.numbers, p.texts, len(rows.Number), len(rows.Text), len(dst))
	}
	if m.closed.Load() {
		return errors.New("the model is closed")
	}
	for at := 0; at < rows.N; {
		s := m.pick(rows.N - at)
		n := min(s.rows, rows.N-at)
		part := predict.Rows{N: n, Number: rows.Number[at*p.numbers : (at+n)*p.numbers], Text: rows.Text[at*p.texts : (at+n)*p.texts]}
		b, err := m.get(s)
		if err != nil {
			return err
		}
		if err := m.run(b, dst[at*m.output.Width:(at+n)*m.output.Width], part); err != nil {
			b.destroy()
			return err
		}
		m.put(s, b)
		at += n
	}
	return nil
}

// pick chooses the batch for the next of n rows: the smallest that holds them if they
// fill at least half of it, else the largest that they fill.
func (m *Model) pick(n int) *size {
	best := &m.sizes[0]
	for i := range m.sizes {
		if s := &m.sizes[i]; s.rows <= 2*n {
			best = s
		}
		if m.sizes[i].rows >= n {
			break
		}
	}
	return best
}

// get returns an idle binding, or a new one.
func (m *Model) get(s *size) (*binding, error) {
	s.mu.Lock()
	if n := len(s.idle); n > 0 {
		b := s.idle[n-1]
		s.idle = s.idle[:n-1]
		s.mu.Unlock()
		return b, nil
	}
	s.mu.Unlock()
	return m.bind(s.rows)
}

func (m *Model) put(s *size, b *binding) {
	s.mu.Lock()
	if len(s.idle) < 2*runtime.GOMAXPROCS(0) {
		s.idle = append(s.idle, b)
		b = nil
	}
	s.mu.Unlock()
	if b != nil {
		b.destroy()
	}
}

// run evaluates at most b.rows rows.
func (m *Model) run(b *binding, dst []float64, rows predict.Rows) error {
	clear(b.skip)
	for i := range b.inputs {
		if err := b.inputs[i].fill(rows, m.plan, b.rows, b.skip); err != nil {
			return err
		}
	}
	if err := m.session.RunWithBinding(b.io); err != nil {
		return err
	}
	if err := b.output.read(dst, m.index); err != nil {
		return err
	}
	for i := range rows.N {
		if b.skip[i] {
			for k := range m.output.Width {
				dst[i*m.output.Width+k] = math.NaN()
			}
		}
	}
	return nil
}

// labelOf returns the index of a label that is a number: by the list of labels, or the
// number itself when there is none of that name.
func labelOf(v int64, index map[string]int) float64 {
	if len(index) > 0 {
		var digits [20]byte
		if i, ok := index[string(strconv.AppendInt(digits[:0], v, 10))]; ok {
			return float64(i)
		}
	}
	return float64(v)
}
