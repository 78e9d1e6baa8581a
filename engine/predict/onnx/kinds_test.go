//go:build cgo

package onnx

import (
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"

	"quiver/engine/predict"
)

// integer is an attribute that holds a whole number, real one that holds numbers.
func integer(name string, v uint64) []byte {
	return sub(5, str(1, name), num(3, v), num(20, 2))
}

func real(name string, v ...float32) []byte {
	f := [][]byte{str(1, name)}
	for _, x := range v {
		f = append(f, binary.LittleEndian.AppendUint32(binary.AppendUvarint(nil, 7<<3|wire32), math.Float32bits(x)))
	}
	return sub(5, append(f, num(20, 6))...)
}

func words(name string, v ...string) []byte {
	f := [][]byte{str(1, name)}
	for _, x := range v {
		f = append(f, str(9, x))
	}
	return sub(5, append(f, num(20, 8))...)
}

// Each element type is bound, and a row that lacks what cannot be missing is not scored.
func TestKinds(t *testing.T) {
	f := func(data []byte, task predict.Task, rows predict.Rows, want string) {
		t.Helper()
		m, err := start(t).Load(data, Options{Task: task})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		dst := make([]float64, rows.N*m.Output().Width)
		if err := m.Predict(dst, rows); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(dst, m.Output()); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	numbers := func(v ...float64) predict.Rows { return predict.Rows{N: len(v), Number: v} }
	nan := math.NaN()
	cast := operator("Cast", "", "x", "y", integer("to", typeFloat))
	f(model(value(11, "x", typeInt64, -1), value(12, "y", typeFloat, -1), cast), predict.Regression, numbers(3, -1.9, nan, 1e19, 5), "[3 -1 NaN NaN 5] {0 1 []}")
	f(model(value(11, "x", typeInt32, -1, 1), value(12, "y", typeFloat, -1, 1), cast), predict.Regression, numbers(3, nan, 3e9), "[3 NaN NaN] {0 1 []}")
	f(model(value(11, "x", typeBool, -1), value(12, "y", typeFloat, -1), cast), predict.Regression, numbers(0, 7, nan), "[0 1 NaN] {0 1 []}")
	f(model(value(11, "x", typeFloat, -1), value(12, "y", typeDouble, -1), operator("Cast", "", "x", "y", integer("to", typeDouble))), predict.Regression, numbers(0.5, nan), "[0.5 NaN] {0 1 []}")
	f(model(value(11, "x", typeDouble, -1), value(12, "y", typeDouble, -1), operator("Neg", "", "x", "y")), predict.Regression, numbers(0.1, nan), "[-0.1 NaN] {0 1 []}")
	f(model(value(11, "x", typeString, -1), value(12, "y", typeFloat, -1), cast), predict.Regression,
		predict.Rows{N: 3, Text: []string{"1.5", "2", "3\x00"}}, "[1.5 2 NaN] {0 1 []}")

	// Three rows at a time, no more and no less.
	f(model(value(11, "x", typeFloat, 3), value(12, "y", typeFloat, 3), operator("Neg", "", "x", "y")), predict.Regression, numbers(1, 2, 3, 4), "[-1 -2 -3 -4] {0 1 []}")

	// Labels alone: numbers, as they are or as the file lists them, and words.
	label := value(12, "label", typeInt64, -1)
	f(model(value(11, "x", typeFloat, -1), label, operator("Cast", "", "x", "label", integer("to", typeInt64))), predict.Multiclass, numbers(0, 2), "[0 2] {2 1 []}")
	f(model(value(11, "x", typeFloat, -1), value(12, "label", typeInt32, -1), operator("Cast", "", "x", "label", integer("to", typeInt32))), predict.Clustering, numbers(4), "[4] {2 1 []}")
	linear := func(labels []byte, kind uint64) []byte {
		return model(value(11, "x", typeFloat, -1, 2), value(12, "label", kind, -1),
			operator("LinearClassifier", "ai.onnx.ml", "x", "label p", real("coefficients", 1, 0, 0, 1), real("intercepts", 0, 0), labels))
	}
	rows := predict.Rows{N: 2, Number: []float64{1, 5, 5, 1}}
	f(linear(words("classlabels_strings", "a", "b"), typeString), predict.Multiclass, rows, "[1 0] {2 1 [a b]}")
	ints := sub(5, str(1, "classlabels_ints"), num(8, 7), num(8, 3), num(20, 7))
	f(linear(ints, typeInt64), predict.Multiclass, rows, "[1 0] {2 1 [7 3]}")
}

// What ONNX Runtime itself refuses, and answers of a wrong shape, are errors.
func TestLoadRefuses(t *testing.T) {
	f := func(data []byte, want string) {
		t.Helper()
		m, err := start(t).Load(data, Options{Task: predict.Regression})
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
	in, out := value(11, "x", typeFloat, -1, 2), value(12, "y", typeFloat, -1, 2)
	f(model(in, out, operator("NoSuchOperator", "", "x", "y")), "NoSuchOperator")
	f(model(in, out), "cannot load the ONNX model")
	f(model(in, value(12, "y", typeFloat), operator("ReduceSum", "", "x", "y", integer("keepdims", 0))), "no dimensions")
	f(model(value(11, "x", typeFloat, -1, 3), value(12, "y", typeFloat, 3, -1), operator("Transpose", "", "x", "y")), "has the shape")
}
