// Package onnx runs ONNX models through ONNX Runtime, the only part of Quiver that
// needs a C compiler to build and a shared library to run. Without cgo the package
// builds too, and Open says what is missing.
//
// # Files
//
// A model comes as bytes and is looked at before ONNX Runtime sees it. It is refused if
// it names another file (external data has been a way out of the model's folder more
// than once), if it uses operators other than ONNX's own and those it defines itself
// (some of ONNX Runtime's load further files), if it holds training information, or if it
// is larger than Limits. That keeps a careless file out; a file made to attack may still
// crash ONNX Runtime and the process with it, so whoever may register models must be
// trusted, or the model tried out in another process first.
//
// # Inputs and outputs
//
// The inputs are one tensor of all numeric features in order, or one input per feature
// by name, or a mixture: [rows, n] or [rows] of float, double, int32, int64, bool or
// string. A whole number or truth value cannot be missing, so a row that lacks one is
// answered with NaN, which is not scored.
//
// Of the outputs, a regression takes the first tensor of floats; a classifier the
// probabilities, with or without ZipMap, or its labels if it has nothing else; a clustering
// the labels. A ZipMap is cut off the graph when the model is loaded, so it costs
// nothing; its labels are kept.
//
// # Cost
//
// Tensors and their bindings are made once per size and used again, so a call allocates
// nothing unless it carries text. Rows are evaluated in batches of a few fixed sizes (the
// last digits of a single-precision answer may depend on the size); a
// batch that is not full is filled up with its last row. Each model runs on one thread,
// the caller's.
package onnx
