package trees

import (
	"errors"
	"fmt"
	"math"
)

// xgbTree is one tree as the file gives it, a column per property; the memory is used
// again for the next tree.
type xgbTree struct {
	left, right, feature     []int64
	missingLeft, kind        []int64
	cond, gain, cover        []float32
	categories               []int64 // codes of all categorical splits
	catNode, catFrom, catLen []int64 // per categorical split: node, first code, number of codes
	leafSize                 int

	raw   []raw
	words []uint32 // bits of all categorical splits
}

// readTrees reads the array of trees into e.
func (h *xgbHeader) readTrees(d document, e *Ensemble, l Limits) error {
	use, err := h.used()
	if err != nil {
		return err
	}
	var t xgbTree
	var queue []int32
	n := 0
	for d.Array(); d.Element(); n++ {
		if n >= use {
			d.Skip()
			continue
		}
		t.read(d)
		if d.Err() != nil {
			break
		}
		weight := float32(1)
		if h.booster == "dart" {
			weight = h.drop[n]
		}
		if err := t.normalise(weight); err != nil {
			return fmt.Errorf("tree %d: %w", n, err)
		}
		if queue, err = e.place(t.raw, int(h.info[n]), l, queue); err != nil {
			return fmt.Errorf("tree %d: %w", n, err)
		}
	}
	if err := d.End(); err != nil {
		return fmt.Errorf("tree %d: %w", n, err)
	}
	if n != len(h.info) {
		return fmt.Errorf("%d trees, but tree_info has %d", n, len(h.info))
	}
	return nil
}

func (t *xgbTree) read(d document) {
	raw, words := t.raw, t.words
	clear := func(v []int64) []int64 { return v[:0] }
	*t = xgbTree{
		left: clear(t.left), right: clear(t.right), feature: clear(t.feature),
		missingLeft: clear(t.missingLeft), kind: clear(t.kind),
		cond: t.cond[:0], gain: t.gain[:0], cover: t.cover[:0],
		categories: clear(t.categories), catNode: clear(t.catNode), catFrom: clear(t.catFrom), catLen: clear(t.catLen),
		raw: raw[:0], words: words[:0],
	}
	fields(d, func(name string) {
		switch name {
		case "left_children":
			t.left = d.Ints(t.left)
		case "right_children":
			t.right = d.Ints(t.right)
		case "split_indices":
			t.feature = d.Ints(t.feature)
		case "split_conditions":
			t.cond = d.Floats(t.cond)
		case "default_left":
			t.missingLeft = d.Ints(t.missingLeft)
		case "split_type":
			t.kind = d.Ints(t.kind)
		case "loss_changes":
			t.gain = d.Floats(t.gain)
		case "sum_hessian":
			t.cover = d.Floats(t.cover)
		case "categories":
			t.categories = d.Ints(t.categories)
		case "categories_nodes":
			t.catNode = d.Ints(t.catNode)
		case "categories_segments":
			t.catFrom = d.Ints(t.catFrom)
		case "categories_sizes":
			t.catLen = d.Ints(t.catLen)
		case "tree_param":
			fields(d, func(name string) {
				if name == "size_leaf_vector" {
					t.leafSize = number(d)
				} else {
					d.Skip()
				}
			})
		default:
			d.Skip()
		}
	})
}

// normalise turns the columns into raw nodes. Of a leaf, split_conditions holds the
// value, here multiplied by the tree's weight.
func (t *xgbTree) normalise(weight float32) error {
	n := len(t.left)
	optional := func(k int) bool { return k == n || k == 0 }
	switch {
	case t.leafSize > 1:
		return errors.New("leaves with several values are not supported")
	case len(t.right) != n || len(t.feature) != n || len(t.cond) != n || len(t.missingLeft) != n,
		!optional(len(t.kind)), !optional(len(t.gain)), !optional(len(t.cover)):
		return errors.New("its columns differ in length")
	case len(t.catFrom) != len(t.catNode) || len(t.catLen) != len(t.catNode):
		return errors.New("its lists of categorical splits differ in length")
	}
	for i := range n {
		if t.left[i] >= int64(n) || t.right[i] >= int64(n) || t.feature[i] > math.MaxInt32 {
			return fmt.Errorf("node %d: a child or feature is out of range", i)
		}
		r := raw{left: int32(max(-1, t.left[i])), right: int32(max(-1, t.right[i])), feature: int32(max(-1, t.feature[i]))}
		if len(t.cover) > 0 {
			r.cover = float64(t.cover[i])
		}
		if len(t.gain) > 0 {
			r.gain = float64(t.gain[i])
		}
		if t.cond[i] != t.cond[i] {
			return fmt.Errorf("node %d: its condition is not a number", i)
		}
		r.value = float64(t.cond[i] * weight)
		r.cond = key(float64(t.cond[i]))
		r.kind = kindAbove
		if t.missingLeft[i] != 0 {
			r.kind = kindBelow
		}
		if len(t.kind) > 0 && t.kind[i] != 0 {
			// Members of the set go right in the file, left here. The set follows.
			r.left, r.right = r.right, r.left
			r.category = true
		}
		t.raw = append(t.raw, r)
	}
	return t.assignSets()
}

// assignSets gives each categorical split its codes.
func (t *xgbTree) assignSets() error {
	for k, node := range t.catNode {
		from, size := t.catFrom[k], t.catLen[k]
		if node < 0 || node >= int64(len(t.raw)) || from < 0 || size < 0 || from > int64(len(t.categories)) || size > int64(len(t.categories))-from {
			return fmt.Errorf("the categories of split %d are out of range", k)
		}
		if !t.raw[node].category {
			return fmt.Errorf("node %d has categories but no categorical split", node)
		}
		start := len(t.words)
		if t.missingLeft[node] == 0 { // a missing value goes right in the file, too
			t.words = setBit(t.words, start, codeMissing)
		}
		for _, c := range t.categories[from : from+size] {
			if c < 0 || c >= maxCategories {
				return fmt.Errorf("split %d names category %d", k, c)
			}
			t.words = setBit(t.words, start, c+1)
		}
		if len(t.words) > maxSetWords {
			return errTooManyCategories
		}
		t.raw[node].set = t.words[start:]
	}
	return nil
}
