//go:build cgo

package onnx

import (
	"fmt"
	"math"
	"strings"

	ort "github.com/yalue/onnxruntime_go"

	"quiver/engine/predict"
)

// binding is the tensors of one evaluation of rows rows, bound to the session.
type binding struct {
	rows   int
	io     *ort.IoBinding
	inputs []tensorIn
	output tensorOut
	skip   []bool // per row: it lacks a value that the model cannot do without
}

// tensorIn is an input tensor; one of the slices is its memory, which ONNX Runtime reads
// in place, but for texts, which are copied.
type tensorIn struct {
	input
	value   ort.Value
	float   []float32
	double  []float64
	int32   []int32
	int64   []int64
	bool    []bool
	strings []string
	text    *ort.StringTensor
}

// tensorOut is the output tensor, likewise.
type tensorOut struct {
	value  ort.Value
	float  []float32
	double []float64
	int32  []int32
	int64  []int64
	text   *ort.StringTensor
}

// bind makes the tensors for n rows.
func (m *Model) bind(n int) (*binding, error) {
	b := &binding{rows: n, skip: make([]bool, n)}
	if err := m.tie(b); err != nil {
		b.destroy()
		return nil, fmt.Errorf("cannot bind %d rows: %w", n, err)
	}
	return b, nil
}

func (m *Model) tie(b *binding) (err error) {
	if err := b.makeInputs(m.plan); err != nil {
		return err
	}
	shape := ort.NewShape(int64(b.rows))
	if m.rank == 2 {
		shape = append(shape, int64(m.output.Width))
	}
	if err := b.makeOutput(m.plan.output.kind, shape); err != nil {
		return err
	}
	if b.io, err = m.session.CreateIoBinding(); err != nil {
		return err
	}
	for i := range b.inputs {
		if err := b.io.BindInput(b.inputs[i].name, b.inputs[i].value); err != nil {
			return err
		}
	}
	return b.io.BindOutput(m.plan.output.name, b.output.value)
}

// slot makes a tensor of numbers and returns its memory.
func slot[T ort.TensorData](shape ort.Shape) (ort.Value, []T, error) {
	t, err := ort.NewEmptyTensor[T](shape)
	if err != nil {
		return nil, nil, err
	}
	return t, t.GetData(), nil
}

func (b *binding) makeInputs(p *plan) error {
	for _, in := range p.inputs {
		t := tensorIn{input: in}
		shape := ort.NewShape(int64(b.rows))
		if in.rank == 2 {
			shape = append(shape, int64(in.width))
		}
		var err error
		switch in.kind {
		case typeFloat:
			t.value, t.float, err = slot[float32](shape)
		case typeDouble:
			t.value, t.double, err = slot[float64](shape)
		case typeInt32:
			t.value, t.int32, err = slot[int32](shape)
		case typeInt64:
			t.value, t.int64, err = slot[int64](shape)
		case typeBool:
			t.value, t.bool, err = slot[bool](shape)
		default:
			t.text, err = ort.NewStringTensor(shape)
			t.value, t.strings = t.text, make([]string, b.rows*in.width)
		}
		if err != nil {
			return err
		}
		b.inputs = append(b.inputs, t)
	}
	return nil
}

func (b *binding) makeOutput(kind int, shape ort.Shape) (err error) {
	o := &b.output
	switch kind {
	case typeFloat:
		o.value, o.float, err = slot[float32](shape)
	case typeDouble:
		o.value, o.double, err = slot[float64](shape)
	case typeInt32:
		o.value, o.int32, err = slot[int32](shape)
	case typeInt64:
		o.value, o.int64, err = slot[int64](shape)
	default:
		if o.text, err = ort.NewStringTensor(shape); err == nil {
			o.value = o.text
		}
	}
	return err
}

// destroy frees what ONNX Runtime holds. The binding is of no use afterwards.
func (b *binding) destroy() {
	if b.io != nil {
		_ = b.io.Destroy() // cannot fail
	}
	for _, t := range b.inputs {
		_ = t.value.Destroy()
	}
	if b.output.value != nil {
		_ = b.output.value.Destroy()
	}
}

// fill copies an input's columns into its tensor, and the last row into the rows that
// remain up to n. It marks the rows that lack a value.
func (t *tensorIn) fill(rows predict.Rows, p *plan, n int, skip []bool) error {
	w := t.width
	for i := range n {
		from := min(i, rows.N-1)
		at := i * w
		if t.kind == typeString {
			for c, s := range rows.Text[from*p.texts+t.column:][:w] {
				if end := strings.IndexByte(s, 0); end >= 0 { // where C would cut it off
					skip[i], s = true, s[:end]
				}
				t.strings[at+c] = s
			}
			continue
		}
		for c, v := range rows.Number[from*p.numbers+t.column:][:w] {
			if !t.put(at+c, v) {
				skip[i] = true
			}
		}
	}
	return t.flush()
}

// put stores a number; false if the element type cannot hold it. Fractions are cut off,
// as numpy does.
func (t *tensorIn) put(i int, v float64) bool {
	switch t.kind {
	case typeFloat:
		t.float[i] = float32(v)
	case typeDouble:
		t.double[i] = v
	case typeInt32:
		if !(v > math.MinInt32-1 && v < math.MaxInt32+1) {
			return false
		}
		t.int32[i] = int32(v)
	case typeInt64:
		if !(v >= math.MinInt64 && v < math.MaxInt64) {
			return false
		}
		t.int64[i] = int64(v)
	case typeBool:
		if math.IsNaN(v) {
			return false
		}
		t.bool[i] = v != 0
	}
	return true
}

// flush hands texts over; numbers are read where they are.
func (t *tensorIn) flush() error {
	if t.text == nil {
		return nil
	}
	return t.text.SetContents(t.strings)
}

// read copies the answer, as much as dst takes.
func (o *tensorOut) read(dst []float64, index map[string]int) error {
	switch {
	case o.float != nil:
		for i := range dst {
			dst[i] = float64(o.float[i])
		}
	case o.double != nil:
		copy(dst, o.double)
	case o.int32 != nil:
		for i := range dst {
			dst[i] = labelOf(int64(o.int32[i]), index)
		}
	case o.int64 != nil:
		for i := range dst {
			dst[i] = labelOf(o.int64[i], index)
		}
	default:
		words, err := o.text.GetContents()
		if err != nil {
			return err
		}
		for i := range dst {
			dst[i] = math.NaN()
			if k, ok := index[words[i]]; ok {
				dst[i] = float64(k)
			}
		}
	}
	return nil
}
