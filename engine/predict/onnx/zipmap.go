package onnx

import "slices"

// cutZipMaps takes the ZipMap operators off the end of the graph: they turn the tensor
// of a classifier's probabilities into a list of maps, which costs several times the
// classifier. Their inputs become outputs of the model in their place, and the labels
// in them are returned by the new output's name. data is not changed; the result is a
// new file, or data itself when there is nothing to cut.
func (f *file) cutZipMaps(data []byte) (cut []byte, labels map[string][]string) {
	labels = map[string][]string{}
	replaced := map[string]string{} // output -> the tensor that takes its place
	dropped := map[string]bool{}    // raw nodes
	for _, n := range f.nodes {
		if n.op == "ZipMap" && len(n.inputs) == 1 && len(n.outputs) == 1 && f.isOutput(n.outputs[0]) {
			replaced[n.outputs[0]] = n.inputs[0]
			labels[n.inputs[0]] = n.labels
			dropped[string(n.raw)] = true
		}
	}
	if len(replaced) == 0 {
		return data, labels
	}
	var outputs []tensor
	for _, t := range f.outputs {
		if name, ok := replaced[t.name]; ok {
			t = floats(name)
		}
		if !slices.ContainsFunc(outputs, func(o tensor) bool { return o.name == t.name }) {
			outputs = append(outputs, t)
		}
	}
	f.outputs = outputs
	// The errors were found by parse.
	var graph []byte
	_ = each(f.graph, func(x field) error {
		if x.number == 12 || x.number == 1 && dropped[string(x.raw)] {
			return nil
		}
		graph = append(graph, x.raw...)
		return nil
	})
	for _, t := range outputs {
		graph = appendBytes(graph, 12, t.raw)
	}
	_ = each(data, func(x field) error {
		if x.number == 7 {
			cut = appendBytes(cut, 7, graph)
		} else {
			cut = append(cut, x.raw...)
		}
		return nil
	})
	f.graph = graph
	return cut, labels
}

func (f *file) isOutput(name string) bool {
	return slices.ContainsFunc(f.outputs, func(t tensor) bool { return t.name == name })
}

// floats describes an output of single-precision numbers of any shape.
func floats(name string) tensor {
	element := appendVarint(nil, 1, typeFloat)
	raw := appendBytes(nil, 1, []byte(name))
	raw = appendBytes(raw, 2, appendBytes(nil, 1, element))
	return tensor{name: name, kind: typeFloat, raw: raw}
}
