package onnx

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"quiver/engine/predict"
	"quiver/engine/predict/predicttest"
)

// The helpers below write ONNX files field by field; see onnx.proto for the numbers.

func msg(fields ...[]byte) []byte { return bytes.Join(fields, nil) }

func str(number int, s string) []byte { return appendBytes(nil, number, []byte(s)) }

func sub(number int, fields ...[]byte) []byte { return appendBytes(nil, number, msg(fields...)) }

func num(number int, v uint64) []byte { return appendVarint(nil, number, v) }

// value is an input or output; dims are numbers, or -1 for any.
func value(field int, name string, kind uint64, dims ...int64) []byte {
	var shape [][]byte
	for _, d := range dims {
		if d < 0 {
			shape = append(shape, sub(1, str(2, "n")))
		} else {
			shape = append(shape, sub(1, num(1, uint64(d))))
		}
	}
	return sub(field, str(1, name), sub(2, sub(1, num(1, kind), sub(2, shape...))))
}

func operator(op, domain string, inputs, outputs string, attributes ...[]byte) []byte {
	var f [][]byte
	for _, in := range strings.Fields(inputs) {
		f = append(f, str(1, in))
	}
	for _, out := range strings.Fields(outputs) {
		f = append(f, str(2, out))
	}
	f = append(f, str(4, op), str(7, domain))
	return sub(1, append(f, attributes...)...)
}

// model is a file of one graph.
func model(graph ...[]byte) []byte {
	return msg(num(1, 8), sub(8, str(1, ""), num(2, 17)), sub(8, str(1, "ai.onnx.ml"), num(2, 3)), sub(7, append(graph, str(2, "g"))...))
}

func TestRefused(t *testing.T) {
	f := func(data []byte, want string) {
		t.Helper()
		_, err := compile(data, Options{Task: predict.Regression, Limits: Limits{Nodes: 20, Width: 100, Bytes: 10_000}})
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
	in, out := value(11, "x", typeFloat, -1, 2), value(12, "y", typeFloat, -1, 1)
	f(model(in, out, operator("Neg", "", "x", "y")), "")

	f(nil, "empty")
	f([]byte("not a model"), "Protocol Buffers")
	f(msg(num(1, 8)), "no graph")
	f(bytes.Repeat([]byte{8, 1}, 6000), "more than 10000")
	f(msg(model(in, out), sub(7)), "two graphs")
	f(msg(model(in, out), sub(20)), "training")
	f(model(in, out, operator("Gemm", "com.microsoft", "x", "y")), `domain "com.microsoft"`)
	f(model(in, out, operator("EPContext", "evil", "x", "y")), `EPContext of domain "evil"`)
	f(msg(model(in, out, operator("Mine", "own", "x", "y")), sub(25, str(1, "Mine"), str(10, "own"), operator("Neg", "", "x", "y"))), "")
	f(msg(model(in, out, operator("Mine", "own", "x", "y")), sub(25, str(1, "Mine"), str(10, "own"), sub(7, str(4, "Bad"), str(7, "com.microsoft")))), "com.microsoft")

	// Constants in other files, wherever they hide.
	outside := msg(str(8, "w"), sub(13, str(1, "location"), str(2, "../../secret")))
	outside2 := msg(str(8, "w"), num(14, 1))
	for _, w := range [][]byte{outside, outside2} {
		f(model(in, out, sub(5, w)), "another file")
		f(model(in, out, sub(15, sub(1, w))), "another file")
		f(model(in, out, sub(15, sub(2, w))), "another file")
		f(model(in, out, operator("Constant", "", "", "y", sub(5, str(1, "value"), sub(5, w)))), "another file")
		f(model(in, out, operator("Constant", "", "", "y", sub(5, str(1, "value"), sub(10, w)))), "another file")
		f(model(in, out, operator("Constant", "", "", "y", sub(5, str(1, "value"), sub(22, sub(1, w))))), "another file")
		f(model(in, out, operator("If", "", "x", "y", sub(5, str(1, "then_branch"), sub(6, sub(5, w))))), "another file")
		f(model(in, out, operator("If", "", "x", "y", sub(5, str(1, "branches"), sub(11, sub(5, w))))), "another file")
		f(msg(model(in, out), sub(25, str(1, "F"), sub(7, str(4, "Constant"), sub(5, sub(5, w))))), "another file")
		f(msg(model(in, out), sub(25, str(1, "F"), sub(11, sub(5, w)))), "another file")
	}
	f(model(in, out, sub(5, num(1, 1<<20), num(1, 1<<20))), "impossible dimensions")
	f(model(in, out, sub(5, num(1, math.MaxUint64))), "impossible dimensions")

	deep := operator("Neg", "", "a", "b")
	for range maxDepth + 1 {
		deep = operator("If", "", "a", "b", sub(5, sub(6, deep)))
	}
	f(model(in, out, deep), "nested")
	f(model(in, out, bytes.Repeat(operator("Neg", "", "a", "b"), 21)), "more than 20 operators")

	f(model(out), "no inputs")
	f(model(value(11, "x", 10, -1, 2), out), "element type 10")
	f(model(value(11, "x", typeFloat), out), "dimensions")
	f(model(value(11, "x", typeFloat, -1, -1), out), "dimensions")
	f(model(value(11, "x", typeFloat, -1, 2, 3), out), "dimensions")
	f(model(value(11, "x", typeFloat, -1, 101), out), "more than 100 columns")
	f(model(value(11, "x", typeFloat, 1<<40, 2), out), "rows at a time")
	f(model(value(11, "x", typeFloat, 2, 2), value(11, "z", typeFloat, 3, 2), out), "3 rows at a time")
	f(model(in), "none of its outputs")
	f(model(in, value(12, "y", typeInt64, -1)), "none of its outputs can be read for this task: \"y\" (int64)")
	f(model(in, sub(12, str(1, "y"))), "of another type")
	f(model(in, out, sub(1, num(4, 1))), "Protocol Buffers")
}

// Inputs become columns, in order; older files list their constants as inputs.
func TestPlan(t *testing.T) {
	f := func(task predict.Task, want string, graph ...[]byte) {
		t.Helper()
		p, err := compile(model(graph...), Options{Task: task})
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(p.columns, " ", p.output.name, " ", p.output.labels, " ", p.batch)
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	x, y := value(11, "x", typeFloat, -1, 2), value(12, "y", typeFloat, -1, 1)
	f(predict.Regression, "[{ 0 []} { 0 []}] y [] 0", x, y)
	f(predict.Regression, "[{ 0 []} { 0 []}] y [] 0", x, value(11, "w", typeFloat, 2, 2), sub(5, str(8, "w")), y)
	f(predict.Regression, "[{a 0 []} {s 1 []} {b 0 []}] y [] 5", value(11, "a", typeInt64, 5), value(11, "s", typeString, -1, 1), value(11, "b", typeBool, 5, 1), y)
	label, probability := value(12, "label", typeInt64, -1), value(12, "probabilities", typeFloat, -1, 2)
	f(predict.Binary, "[{ 0 []} { 0 []}] probabilities [] 0", x, y, label, probability)
	f(predict.Binary, "[{ 0 []} { 0 []}] y [] 0", x, label, y)
	f(predict.Binary, "[{ 0 []} { 0 []}] label [] 0", x, label)
	f(predict.Clustering, "[{ 0 []} { 0 []}] label [cluster_0 cluster_1 cluster_2] 0", x, label, value(12, "scores", typeFloat, -1, 3))
	classifier := operator("LinearClassifier", "ai.onnx.ml", "x", "label probabilities", sub(5, str(1, "classlabels_strings"), str(9, "no"), str(9, "yes")))
	f(predict.Binary, "[{ 0 []} { 0 []}] probabilities [no yes] 0", x, label, probability, classifier)
	other := operator("LinearClassifier", "ai.onnx.ml", "x", "a b", sub(5, str(1, "classlabels_ints"), num(8, 7), num(8, 8)))
	f(predict.Binary, "[{ 0 []} { 0 []}] probabilities [] 0", x, label, probability, classifier, other) // they do not agree
	f(predict.Multiclass, "[{ 0 []} { 0 []}] p [7 8] 0", x, label, sub(12, str(1, "zip")),
		operator("TreeEnsembleClassifier", "ai.onnx.ml", "x", "label p"),
		operator("ZipMap", "ai.onnx.ml", "p", "zip", sub(5, str(1, "classlabels_int64s"), num(8, 7), num(8, 8))))
}

// Cutting a ZipMap leaves everything else as it was.
func TestCutZipMaps(t *testing.T) {
	f := func(name string) {
		t.Helper()
		data := predicttest.File(t, testdata0+name+".onnx.gz")
		before := slices.Clone(data)
		was, err := parse(data, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		nodes := len(was.nodes)
		cut, labels := was.cutZipMaps(data)
		if !bytes.Equal(data, before) {
			t.Error("the file was changed")
		}
		is, err := parse(cut, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if len(is.nodes) != nodes-1 || len(is.inputs) != len(was.inputs) || len(is.outputs) != 2 || len(labels) != 1 {
			t.Errorf("%s: %d nodes, %d inputs, %d outputs, labels %v", name, len(is.nodes), len(is.inputs), len(is.outputs), labels)
		}
		if is.outputs[1].kind != typeFloat || labels[is.outputs[1].name] == nil {
			t.Errorf("%s: the new output is %+v, labels %v", name, is.outputs[1], labels)
		}
		if again, _ := is.cutZipMaps(cut); !bytes.Equal(again, cut) {
			t.Errorf("%s: there was something left to cut", name)
		}
	}
	f("onnx_zipmap")
	f("onnx_mixed")
}

// testdata0 is testdata for builds without cgo, where the other tests are not built.
const testdata0 = "../testdata/"

func TestTruncated(t *testing.T) {
	data := predicttest.File(t, testdata0+"onnx_zipmap.onnx.gz")
	if _, err := compile(data, Options{}); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(data); n += 97 {
		p, err := compile(data[:n], Options{})
		if err == nil && len(p.data) == 0 {
			t.Errorf("the first %d bytes of %d gave no file", n, len(data))
		}
	}
}

// FuzzCompile feeds damaged files to the checks that stand before ONNX Runtime.
func FuzzCompile(f *testing.F) {
	x, y := value(11, "x", typeFloat, -1, 2), value(12, "y", typeFloat, -1, 1)
	f.Add(model(x, y, operator("Neg", "", "x", "y")))
	f.Add(model(x, value(12, "label", typeInt64, -1), sub(12, str(1, "zip")), sub(5, str(8, "w"), num(1, 3)),
		operator("ZipMap", "ai.onnx.ml", "p", "zip", sub(5, str(1, "classlabels_int64s"), num(8, 7), num(8, 8)))))
	f.Add(model(x, y, operator("If", "", "x", "y", sub(5, str(1, "then_branch"), sub(6, sub(5, str(8, "w"), num(14, 1)))))))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, task := range []predict.Task{predict.Binary, predict.Regression, predict.Clustering} {
			p, err := compile(data, Options{Task: task, Limits: Limits{Width: 1000}})
			if err != nil {
				continue
			}
			if _, err := parse(p.data, Limits{}); err != nil {
				t.Errorf("the file without ZipMaps is refused: %v", err)
			}
			if len(p.columns) == 0 || len(p.columns) > 1000 || p.numbers+p.texts != len(p.columns) {
				t.Errorf("%d columns, %d numbers, %d texts", len(p.columns), p.numbers, p.texts)
			}
		}
	})
}
