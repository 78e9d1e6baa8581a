package trees

import (
	"math"
	"sync"

	"quiver/engine/predict"
)

// Ensemble is a sum of trees for each output, and the link from the sum to the answer.
// It is immutable and safe for concurrent use.
type Ensemble struct {
	inputs []predict.Input
	output predict.Output
	trees  []tree
	nodes  []node
	values []float64 // per node: what a leaf adds to the sum
	covers []float64 // per node: training weight that passed through; nil unless all are known
	means  []float64 // per group: the sum averaged over the training weight; nil without covers
	sets   []uint32  // bit sets of the categorical splits

	groups  int       // sums per row: 1, or one for each class
	base    []float64 // per group: where the sum starts
	single  bool      // values and sums are single precision (XGBoost)
	average bool      // the sum is divided by the number of trees of its group
	link    link
	sigmoid float64 // slope of linkSigmoid

	slots      slotSet
	importance []float64 // per input; nil if the file has none
	pool       scratchPool
	paths      sync.Pool // *shap
}

// tree is one tree of an ensemble. Its nodes lie at root and after it.
type tree struct {
	root  int32
	count int32 // nodes
	depth int32 // splits on the longest path
	group int32
	sets  bool // has categorical splits
}

// node is a split or a leaf.
//
// A numeric split sends a row right, to left+1, when the key in its slot is not below
// cond. A categorical split has flagSet: cond holds offset<<32 | words of its bit set,
// its slot holds the row's code, and members of the set go left. A leaf is its own left
// child, and its cond is above all keys.
type node struct {
	cond  int64
	left  int32
	slot  uint16
	flags uint16
}

const (
	flagLeaf uint16 = 1 << iota
	flagSet         // categorical
)

// leafCond is above every key, so that a leaf's "left" is always taken.
const leafCond = math.MaxInt64

// link turns the sums of a row into its answer.
type link uint8

const (
	linkIdentity link = iota
	linkSigmoid       // each sum alone
	linkExp
	linkSoftmax
	linkSquare  // sign(x)·x²
	linkLog1Exp // ln(1+eˣ)
)

// Inputs returns the features in the order of training. All are numbers; a categorical
// feature's number is its category's code.
func (e *Ensemble) Inputs() []predict.Input { return e.inputs }

// Output says whether Predict gives a value or probabilities.
func (e *Ensemble) Output() predict.Output { return e.output }

// Trees returns the number of trees.
func (e *Ensemble) Trees() int { return len(e.trees) }

// Nodes returns the number of nodes of all trees.
func (e *Ensemble) Nodes() int { return len(e.nodes) }

// Importance returns the total gain of each feature's splits, nil if the file has none.
func (e *Ensemble) Importance() []float64 { return e.importance }

// finish turns the sums of one row into its answer, in place.
func (e *Ensemble) finish(v []float64) {
	switch e.link {
	case linkSigmoid:
		for i, x := range v {
			v[i] = 1 / (1 + math.Exp(-e.sigmoid*x))
		}
	case linkExp:
		for i, x := range v {
			v[i] = math.Exp(x)
		}
	case linkSoftmax:
		softmax(v)
	case linkSquare:
		for i, x := range v {
			v[i] = math.Copysign(x*x, x)
		}
	case linkLog1Exp:
		for i, x := range v {
			v[i] = math.Log1p(math.Exp(x))
		}
	}
}

// softmax makes v probabilities, in place; the largest is subtracted first, so that
// nothing overflows.
func softmax(v []float64) {
	top := math.Inf(-1)
	for _, x := range v {
		top = max(top, x)
	}
	sum := 0.0
	for i, x := range v {
		v[i] = math.Exp(x - top)
		sum += v[i]
	}
	for i := range v {
		v[i] /= sum
	}
}
