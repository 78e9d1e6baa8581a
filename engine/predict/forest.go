package predict

import (
	"cmp"
	"math"
	"slices"
	"strconv"
)

// The sizes of the surrogate forest.
const (
	forestRows  = 1000
	forestTrees = 50
	forestDepth = 8
	forestLeaf  = 5  // rows that a leaf has at least
	forestTries = 32 // columns tried per split, at most; a third of all otherwise
)

// forest is a random regression forest (L. Breiman: Random Forests, 2001) that is grown
// only to learn which columns matter: the importance of a column is how much its splits
// reduce the squared error, over all trees and outputs.
type forest struct {
	rows    int
	width   int       // outputs per row
	target  []float64 // rows × width
	columns [][]float64
	random  random

	importance []float64
	tries      []int
	sums       []float64
}

// encode replaces the categories of a column by the mean target of their rows, of the
// output that varies most; so ordered, the best split of a category is one threshold.
func (f *forest) encode(column []float64, category func(i int) string) {
	out, widest := 0, -1.0
	for k := range f.width {
		mean, square := 0.0, 0.0
		for i := range f.rows {
			v := f.target[i*f.width+k]
			mean += v / float64(f.rows)
			square += v * v / float64(f.rows)
		}
		if v := square - mean*mean; v > widest {
			out, widest = k, v
		}
	}
	type group struct{ sum, n float64 }
	groups := map[string]group{}
	for i := range f.rows {
		g := groups[category(i)]
		groups[category(i)] = group{g.sum + f.target[i*f.width+out], g.n + 1}
	}
	for i := range f.rows {
		g := groups[category(i)]
		column[i] = g.sum / g.n
	}
}

// categoryOf names a code for encode.
func categoryOf(code float64) string { return strconv.FormatFloat(code, 'g', -1, 64) }

// grow trains the forest and returns the importance of each column.
func (f *forest) grow() []float64 {
	f.importance = make([]float64, len(f.columns))
	f.tries = make([]int, len(f.columns))
	f.sums = make([]float64, 2*f.width)
	for i := range f.tries {
		f.tries[i] = i
	}
	for _, column := range f.columns {
		for i, v := range column { // what is missing lies below everything
			if math.IsNaN(v) {
				column[i] = math.Inf(-1)
			}
		}
	}
	sample := make([]int, f.rows)
	for range forestTrees {
		for i := range sample {
			sample[i] = f.random.below(f.rows)
		}
		f.split(sample, 0)
	}
	return f.importance
}

// split divides the rows of a node, and then its children.
func (f *forest) split(rows []int, depth int) {
	if depth == forestDepth || len(rows) < 2*forestLeaf {
		return
	}
	tries := min((len(f.columns)+2)/3, forestTries)
	bestGain, bestColumn, bestCut := 0.0, -1, 0.0
	for t := range tries {
		k := t + f.random.below(len(f.tries)-t)
		f.tries[t], f.tries[k] = f.tries[k], f.tries[t]
		c := f.tries[t]
		if gain, cut := f.cut(rows, f.columns[c]); gain > bestGain {
			bestGain, bestColumn, bestCut = gain, c, cut
		}
	}
	if bestColumn < 0 {
		return
	}
	f.importance[bestColumn] += bestGain
	column := f.columns[bestColumn]
	left := 0
	for i, r := range rows {
		if column[r] <= bestCut {
			rows[i], rows[left] = rows[left], rows[i]
			left++
		}
	}
	f.split(rows[:left], depth+1)
	f.split(rows[left:], depth+1)
}

// cut finds the threshold of a column that reduces the squared error most. It sorts
// rows.
func (f *forest) cut(rows []int, column []float64) (gain, threshold float64) {
	slices.SortFunc(rows, func(a, b int) int { return cmp.Compare(column[a], column[b]) })
	left, total := f.sums[:f.width], f.sums[f.width:]
	clear(f.sums)
	for _, r := range rows {
		for k := range total {
			total[k] += f.target[r*f.width+k]
		}
	}
	n := float64(len(rows))
	for i, r := range rows[:len(rows)-forestLeaf] {
		for k := range left {
			left[k] += f.target[r*f.width+k]
		}
		if i+1 < forestLeaf || column[r] == column[rows[i+1]] {
			continue
		}
		m := float64(i + 1)
		g := 0.0
		for k, l := range left {
			right := total[k] - l
			g += l*l/m + right*right/(n-m) - total[k]*total[k]/n
		}
		if g > gain {
			gain, threshold = g, column[r]
		}
	}
	return gain, threshold
}
