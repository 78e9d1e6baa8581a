package onnx

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// Limits bounds what a model file may hold. Zero fields mean the defaults.
type Limits struct {
	Bytes int // of the file; 256 MiB
	Nodes int // operators, with those of subgraphs and functions; 100,000
	Width int // columns of all inputs together; 65,536
}

func (l Limits) withDefaults() Limits {
	or := func(v, d int) int {
		if v <= 0 {
			return d
		}
		return v
	}
	return Limits{Bytes: or(l.Bytes, 256<<20), Nodes: or(l.Nodes, 100_000), Width: or(l.Width, 1<<16)}
}

// maxDepth is how deep subgraphs may be nested.
const maxDepth = 16

// file is what is known of a model file before ONNX Runtime sees it: enough to bind
// its inputs and outputs, and that nothing in it reaches outside. Field numbers are
// those of onnx.proto.
type file struct {
	graph    []byte // the main graph
	inputs   []tensor
	outputs  []tensor
	nodes    []node
	constant map[string]bool // initializers, which older files list as inputs too

	limits  Limits
	count   int             // nodes everywhere
	domains map[string]bool // of the functions that the file itself holds
}

// tensor is an input or output of the graph.
type tensor struct {
	name string
	kind int     // element type, the numbers of TensorProto.DataType; 0: no tensor
	dims []int64 // -1: any
	raw  []byte  // the ValueInfoProto
}

// node is an operator of the main graph.
type node struct {
	op      string
	inputs  []string
	outputs []string
	labels  []string // classlabels_* attributes
	raw     []byte   // the whole field
}

// The element types that can be bound.
const (
	typeFloat  = 1
	typeInt32  = 6
	typeInt64  = 7
	typeString = 8
	typeBool   = 9
	typeDouble = 11
)

// parse reads a file and refuses what must not be run.
func parse(data []byte, l Limits) (*file, error) {
	f := &file{limits: l.withDefaults(), constant: map[string]bool{}, domains: map[string]bool{"": true, "ai.onnx": true, "ai.onnx.ml": true}}
	if len(data) > f.limits.Bytes {
		return nil, fmt.Errorf("its %d bytes are more than %d", len(data), f.limits.Bytes)
	}
	if len(data) == 0 {
		return nil, errors.New("it is empty")
	}
	var functions [][]byte
	err := each(data, func(x field) error {
		switch x.number {
		case 7: // graph
			b, err := x.message()
			if f.graph != nil && err == nil {
				err = errors.New("it holds two graphs")
			}
			f.graph = b
			return err
		case 20: // training_info
			return errors.New("it holds training information; export it for inference")
		case 25: // functions
			b, err := x.message()
			functions = append(functions, b)
			if err != nil {
				return err
			}
			return each(b, func(y field) error {
				if y.number == 10 { // domain
					f.domains[string(y.bytes)] = true
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if f.graph == nil {
		return nil, errors.New("it holds no graph: is it an ONNX file?")
	}
	for _, b := range functions {
		if err := f.function(b); err != nil {
			return nil, err
		}
	}
	if err := f.walk(f.graph, 0); err != nil {
		return nil, err
	}
	f.inputs = slices.DeleteFunc(f.inputs, func(t tensor) bool { return f.constant[t.name] })
	return f, nil
}

// walk checks a graph; of the main one, at depth 0, it keeps what binding needs.
func (f *file) walk(graph []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("subgraphs are nested more than %d deep", maxDepth)
	}
	return each(graph, func(x field) error {
		switch x.number {
		case 1, 5, 11, 12, 15:
		default:
			return nil
		}
		b, err := x.message()
		if err != nil {
			return err
		}
		switch x.number {
		case 1: // node
			n, err := f.node(b, depth)
			if err != nil {
				return err
			}
			if depth == 0 {
				n.raw = x.raw
				f.nodes = append(f.nodes, n)
			}
		case 5: // initializer
			name, err := f.tensor(b)
			f.constant[name] = true
			return err
		case 15: // sparse_initializer
			return f.sparse(b)
		case 11, 12: // input, output
			if depth > 0 {
				return nil
			}
			t, err := valueInfo(b)
			if err != nil {
				return err
			}
			if x.number == 11 {
				f.inputs = append(f.inputs, t)
			} else {
				f.outputs = append(f.outputs, t)
			}
		}
		return nil
	})
}

// function checks the nodes of a function that the file defines.
func (f *file) function(b []byte) error {
	return each(b, func(x field) error {
		switch x.number {
		case 7: // node
			b, err := x.message()
			if err == nil {
				_, err = f.node(b, 1)
			}
			return err
		case 11: // attribute_proto
			b, err := x.message()
			if err == nil {
				_, _, err = f.attribute(b, 1)
			}
			return err
		}
		return nil
	})
}

// node checks an operator. Operators of other domains than ONNX's own are refused: some
// of ONNX Runtime's own load further files.
func (f *file) node(b []byte, depth int) (node, error) {
	var n node
	var domain string
	if f.count++; f.count > f.limits.Nodes {
		return n, fmt.Errorf("it has more than %d operators", f.limits.Nodes)
	}
	err := each(b, func(x field) error {
		switch x.number {
		case 1, 2, 4, 5, 7:
		default:
			return nil
		}
		b, err := x.message()
		if err != nil {
			return err
		}
		switch x.number {
		case 1:
			n.inputs = append(n.inputs, string(b))
		case 2:
			n.outputs = append(n.outputs, string(b))
		case 4:
			n.op = string(b)
		case 7:
			domain = string(b)
		case 5:
			name, words, err := f.attribute(b, depth)
			switch name {
			case "classlabels_strings", "classlabels_int64s", "classlabels_ints":
				n.labels = append(n.labels, words...)
			}
			return err
		}
		return nil
	})
	if err == nil && !f.domains[domain] {
		err = fmt.Errorf("operator %s of domain %q is not allowed; only those of ONNX itself are", n.op, domain)
	}
	return n, err
}

// attribute checks an attribute with its tensors and subgraphs, and returns its name
// and its words or whole numbers.
func (f *file) attribute(b []byte, depth int) (name string, words []string, err error) {
	err = each(b, func(x field) error {
		switch x.number {
		case 1, 5, 6, 9, 10, 11, 22, 23:
			if _, err := x.message(); err != nil {
				return err
			}
		}
		switch x.number {
		case 1:
			name = string(x.bytes)
		case 5, 10: // t, tensors
			_, err := f.tensor(x.bytes)
			return err
		case 22, 23: // sparse_tensor, sparse_tensors
			return f.sparse(x.bytes)
		case 6, 11: // g, graphs
			return f.walk(x.bytes, depth+1)
		case 9: // strings
			words = append(words, string(x.bytes))
		case 8: // ints
			numbers, err := x.integers(nil)
			for _, v := range numbers {
				words = append(words, strconv.FormatInt(v, 10))
			}
			return err
		}
		return nil
	})
	return name, words, err
}

// tensor checks that a constant lies in the file, and returns its name.
func (f *file) tensor(b []byte) (name string, err error) {
	external := false
	size := int64(1)
	err = each(b, func(x field) error {
		switch x.number {
		case 1: // dims
			dims, err := x.integers(nil)
			if err != nil {
				return err
			}
			for _, d := range dims {
				if d < 0 || d > 1 && size > maxElements/d {
					return errors.New("a constant has impossible dimensions")
				}
				size *= d
			}
		case 8:
			name = string(x.bytes)
		case 13: // external_data
			external = true
		case 14: // data_location
			external = external || x.value != 0
		}
		return nil
	})
	if err == nil && external {
		err = fmt.Errorf("constant %q lies in another file; save the model with its data inside", name)
	}
	return name, err
}

// maxElements bounds what one constant may claim to hold.
const maxElements = 1 << 31

func (f *file) sparse(b []byte) error {
	return each(b, func(x field) error {
		if x.number != 1 && x.number != 2 { // values, indices
			return nil
		}
		b, err := x.message()
		if err == nil {
			_, err = f.tensor(b)
		}
		return err
	})
}

// valueInfo reads the name and type of an input or output.
func valueInfo(b []byte) (tensor, error) {
	t := tensor{raw: b}
	err := each(b, func(x field) error {
		switch x.number {
		case 1:
			t.name = string(x.bytes)
		case 2: // type
			return each(x.bytes, func(y field) error {
				if y.number == 1 { // tensor_type
					return t.tensorType(y.bytes)
				}
				return nil
			})
		}
		return nil
	})
	return t, err
}

func (t *tensor) tensorType(b []byte) error {
	return each(b, func(x field) error {
		switch x.number {
		case 1:
			t.kind = int(x.value)
		case 2: // shape
			return each(x.bytes, func(y field) error {
				if y.number != 1 { // dim
					return nil
				}
				dim := int64(-1)
				err := each(y.bytes, func(z field) error {
					if z.number == 1 { // dim_value
						dim = int64(z.value)
					}
					return nil
				})
				if dim <= 0 {
					dim = -1
				}
				t.dims = append(t.dims, dim)
				return err
			})
		}
		return nil
	})
}
