package predict

// Model evaluates rows of prepared features. Implementations are the tree ensembles of
// engine/predict/trees, in pure Go, and engine/predict/onnx, over ONNX Runtime.
//
// A Model that holds memory outside of Go's also implements io.Closer. A Model that can
// explain itself, or knows how much its inputs matter, implements Attributor or Ranker;
// both are optional and found by type assertion.
type Model interface {
	// Inputs returns what a row consists of, in order. The caller must not change it.
	Inputs() []Input
	// Output says what Predict writes for a row.
	Output() Output
	// Predict evaluates rows and writes Output().Width numbers for each, row after row;
	// dst must have rows.N*Width elements. Neither dst nor rows are kept. It may be
	// called by several goroutines at once.
	Predict(dst []float64, rows Rows) error
}

// Rows holds the inputs of N rows, row after row. Number inputs take the columns of
// Number in their order, text inputs those of Text; a model without text inputs has no
// Text. A missing number is NaN, a missing text "".
type Rows struct {
	N      int
	Number []float64 // N × number of number inputs
	Text   []string  // N × number of text inputs
}

// Input is one input of a model.
type Input struct {
	Name string // "" when the model file gives none
	Type InputType
	// Categories are the words whose position is the number the model was trained
	// with, when the model file holds them.
	Categories []string
}

// InputType is the type of an Input.
type InputType uint8

// The types of inputs.
const (
	Number InputType = iota // a column of Rows.Number
	Text                    // a column of Rows.Text
)

// Output is what a model says about a row.
type Output struct {
	Kind   OutputKind
	Width  int      // numbers per row
	Labels []string // of the classes or clusters, in order; nil when the model file gives none
}

// OutputKind is the meaning of a model's numbers.
type OutputKind uint8

// The kinds of output.
const (
	Value       OutputKind = iota // Width 1: the predicted value
	Probability                   // Width 1: of the second of two classes; else of each class
	Label                         // Width 1: the index of a class or cluster
	Unstated                      // the file does not say; the task decides between Value and Probability
)

// Attributor is implemented by models that can divide a prediction among their inputs
// exactly and without sampling.
type Attributor interface {
	// Attribute writes, for each row, one number per input: how much it moved the
	// model's score of output out, before the score is turned into a probability or a
	// value, away from the returned base. For each row, base and its numbers add up to
	// the score. len(dst) is rows.N × len(Inputs()).
	Attribute(dst []float64, rows Rows, out int) (base float64, err error)
}

// Ranker is implemented by models that know how much each input matters.
type Ranker interface {
	// Importance returns one number per input, larger for those that matter more, or
	// nil when the model file does not say.
	Importance() []float64
}
