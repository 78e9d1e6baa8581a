package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"quiver/engine/predict"
)

// Options says what a model is for and what its file may hold.
type Options struct {
	Task   predict.Task
	Limits Limits
}

// plan is how a model is bound: which of its inputs take which columns, and which
// output is read. It is made from the file alone.
type plan struct {
	data   []byte // the file, without ZipMaps
	inputs []input
	output output

	columns []predict.Input // flattened: one for each column of each input
	numbers int
	texts   int
	batch   int // rows per evaluation; 0: any number
}

// input is a tensor of features.
type input struct {
	name   string
	kind   int
	rank   int // 1: [rows], 2: [rows, width]
	width  int
	column int // its first column, among the texts if it is text, else among the numbers
}

// output is the tensor that is read.
type output struct {
	name   string
	kind   int
	dims   []int64 // as the file declares them; nil if it does not
	labels []string
	label  bool // it holds a label, not numbers
}

// compile reads and checks a model file and makes a plan.
func compile(data []byte, o Options) (*plan, error) {
	f, err := parse(data, o.Limits)
	if err != nil {
		return nil, err
	}
	p := &plan{}
	var labels map[string][]string
	p.data, labels = f.cutZipMaps(data)
	if err := p.bindInputs(f); err != nil {
		return nil, err
	}
	return p, p.chooseOutput(f, labels, o.Task)
}

// kindNames are the element types that can be bound.
var kindNames = map[int]string{typeFloat: "float", typeDouble: "double", typeInt32: "int32", typeInt64: "int64", typeBool: "bool", typeString: "string"}

func (p *plan) bindInputs(f *file) error {
	if len(f.inputs) == 0 {
		return errors.New("it has no inputs")
	}
	for _, t := range f.inputs {
		if kindNames[t.kind] == "" {
			return fmt.Errorf("input %q has element type %d, which is not supported", t.name, t.kind)
		}
		in := input{name: t.name, kind: t.kind, rank: len(t.dims), width: 1}
		switch {
		case in.rank == 2 && t.dims[1] > 0:
			in.width = int(min(t.dims[1], 1<<31))
		case in.rank != 1:
			return fmt.Errorf("input %q has the dimensions %v; it must be [rows, columns] with a fixed number of columns, or [rows]", t.name, t.dims)
		}
		if rows := t.dims[0]; rows > 0 {
			if rows > maxBatch || p.batch != 0 && p.batch != int(rows) {
				return fmt.Errorf("input %q takes %d rows at a time", t.name, rows)
			}
			p.batch = int(rows)
		}
		if in.width > f.limits.Width-len(p.columns) {
			return fmt.Errorf("its inputs have more than %d columns", f.limits.Width)
		}
		c := predict.Input{Type: predict.Number}
		if in.width == 1 {
			c.Name = in.name
		}
		if in.kind == typeString {
			c.Type = predict.Text
			in.column = p.texts
			p.texts += in.width
		} else {
			in.column = p.numbers
			p.numbers += in.width
		}
		for range in.width {
			p.columns = append(p.columns, c)
		}
		p.inputs = append(p.inputs, in)
	}
	return nil
}

// chooseOutput decides which output is read; see the package's comment.
func (p *plan) chooseOutput(f *file, zipped map[string][]string, task predict.Task) error {
	var floats, labels []tensor
	for _, t := range f.outputs {
		switch t.kind {
		case typeFloat, typeDouble:
			floats = append(floats, t)
		case typeInt32, typeInt64, typeString:
			labels = append(labels, t)
		}
	}
	var t tensor
	switch {
	case task == predict.Clustering && len(labels) > 0:
		t = labels[0]
		// The distances beside the labels tell how many clusters there are.
		if len(floats) > 0 && len(floats[0].dims) == 2 && floats[0].dims[1] > 0 && floats[0].dims[1] <= maxClusters {
			for i := range floats[0].dims[1] {
				p.output.labels = append(p.output.labels, "cluster_"+strconv.FormatInt(i, 10))
			}
		}
	case task == predict.Clustering || len(floats) == 0 && (task == predict.Regression || len(labels) == 0):
		return fmt.Errorf("none of its outputs can be read for this task: %s", describe(f.outputs))
	case task == predict.Regression:
		t = floats[0]
	case len(floats) == 0:
		t = labels[0]
	default:
		t = floats[max(0, slices.IndexFunc(floats, func(t tensor) bool {
			_, cut := zipped[t.name]
			return cut || strings.Contains(strings.ToLower(t.name), "prob")
		}))]
	}
	p.output.name, p.output.kind, p.output.dims = t.name, t.kind, t.dims
	p.output.label = t.kind != typeFloat && t.kind != typeDouble
	if p.output.labels == nil && (task == predict.Binary || task == predict.Multiclass) {
		p.output.labels = f.labels(zipped[t.name])
	}
	if _, cut := zipped[t.name]; cut && len(p.output.labels) > 0 {
		p.output.dims = []int64{-1, int64(len(p.output.labels))}
	}
	if p.output.kind == typeString && p.output.labels == nil {
		return fmt.Errorf("it answers with words and does not list them")
	}
	return nil
}

const (
	maxBatch    = 4096 // rows that a model may want at a time
	maxClusters = 1000
)

// labels returns the labels of a classifier: those of its ZipMap, or those that the
// classifying operators agree on.
func (f *file) labels(zipped []string) []string {
	if len(zipped) > 0 {
		return zipped
	}
	var found []string
	for _, n := range f.nodes {
		if len(n.labels) == 0 || n.op == "ZipMap" {
			continue
		}
		if found != nil && !slices.Equal(found, n.labels) {
			return nil
		}
		found = n.labels
	}
	return found
}

func describe(outputs []tensor) string {
	var words []string
	for _, t := range outputs {
		kind := kindNames[t.kind]
		if kind == "" {
			kind = "of another type"
		}
		words = append(words, fmt.Sprintf("%q (%s)", t.name, kind))
	}
	return strings.Join(words, ", ")
}
