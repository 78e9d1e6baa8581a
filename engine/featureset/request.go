package featureset

import (
	"quiver/codec"
	"quiver/engine/auth"
	"quiver/engine/expr/vec"
)

// Request asks for features of a store.
type Request struct {
	Who    auth.Principal
	Store  string // "" is default
	Branch string // "" and main are the store itself

	// Inputs are the features that are given, as Featureset.feature. Outputs are the
	// wanted ones; a bare name of a featureset stands for all its features in
	// declared order. A name that is repeated counts once, where it stood first.
	Inputs, Outputs []string

	// Data gives the inputs' values: an object of columns, a list of row objects, or
	// a JSON string of either, with names like Inputs (Fennel contract, section 2.3).
	// What is no input is ignored. Data is read by Extract only, and not kept.
	Data []byte
	// Columns, when not nil, give the inputs' values instead of Data: one for each of
	// Inputs, in order, of the features' types and equally long. They must not change
	// until the Answer is released.
	Columns []*vec.Column

	Now     int64 // the time of the request in microseconds; 0: the engine's clock
	MaxRows int   // 0: 100,000
}

// defaultRows is the most rows of a request that does not say.
const defaultRows = 100_000

// Answer holds the features that a Request asked for, in columns. It is valid, and
// owns its memory, until Release.
type Answer struct {
	run *run
}

// Rows returns how many rows the request had.
func (a *Answer) Rows() int { return a.run.n }

// Now returns the time of the request, microseconds.
func (a *Answer) Now() int64 { return a.run.now }

// Len returns the number of outputs.
func (a *Answer) Len() int { return len(a.run.plan.outputs) }

// Name returns the full name of output i.
func (a *Answer) Name(i int) string { return a.run.plan.slots[a.run.plan.outputs[i]].name }

// Type returns the type of output i.
func (a *Answer) Type(i int) *codec.Type { return a.run.plan.slots[a.run.plan.outputs[i]].typ }

// Column returns output i. It belongs to the answer and must not be changed.
func (a *Answer) Column(i int) (*vec.Column, error) { return a.run.column(a.run.plan.outputs[i]) }

// Inputs returns the number of inputs; InputName and Input are like Name and Column.
func (a *Answer) Inputs() int { return len(a.run.plan.inputs) }

// InputName returns the full name of input i.
func (a *Answer) InputName(i int) string { return a.run.plan.slots[a.run.plan.inputs[i]].name }

// Input returns the values of input i.
func (a *Answer) Input(i int) (*vec.Column, error) { return a.run.column(a.run.plan.inputs[i]) }

// AppendJSON appends the answer as Fennel's API prints it (Fennel contract, sections
// 1.5 and 2.4): one object, a member per output in order, whose value is the list of
// the rows.
func (a *Answer) AppendJSON(dst []byte) []byte {
	p := a.run.plan
	dst = append(dst, '{')
	for i, slot := range p.outputs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(append(dst, p.slots[slot].quoted...), ':', '[')
		dst = a.run.appendSlot(dst, slot)
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// Release gives the answer's memory back. Nothing that came from the answer may be
// used afterwards.
func (a *Answer) Release() {
	r := a.run
	a.run = nil
	r.release()
}
