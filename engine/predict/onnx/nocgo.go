//go:build !cgo

package onnx

import (
	"errors"

	"quiver/engine/predict"
)

// Runtime is the ONNX Runtime library, which this build cannot load.
type Runtime struct{}

// Model is an ONNX model, which this build cannot load.
type Model struct{}

var errNoCgo = errors.New("this build has no ONNX support: it was compiled without cgo; compile with CGO_ENABLED=1 and a C compiler (Debian: apt-get install gcc libc6-dev)")

// Open always fails: see its error.
func Open(path, sum string) (*Runtime, error) { return nil, errNoCgo }

// Load always fails.
func (*Runtime) Load(data []byte, o Options) (*Model, error) { return nil, errNoCgo }

// Inputs returns nothing.
func (*Model) Inputs() []predict.Input { return nil }

// Output returns nothing.
func (*Model) Output() predict.Output { return predict.Output{} }

// Predict always fails.
func (*Model) Predict(dst []float64, rows predict.Rows) error { return errNoCgo }

// Close does nothing.
func (*Model) Close() error { return nil }
