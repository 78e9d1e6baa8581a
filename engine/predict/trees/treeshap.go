package trees

import (
	"errors"
	"fmt"

	"quiver/engine/predict"
)

// maxShapDepth bounds the memory of an attribution, which grows with the square of the
// depth of the deepest tree.
const maxShapDepth = 256

// shap is the state of one attribution by the path-dependent TreeSHAP algorithm:
//
//	S. M. Lundberg, G. G. Erion, S.-I. Lee: Consistent Individualized Feature Attribution
//	for Tree Ensembles, arXiv:1802.03888, 2018, algorithm 2.
//
// For one row and one tree it walks all leaves and keeps, for the features on the way,
// how many subsets of them of each size let the row through, and in what share of the
// training weight. The names below are those of the paper: a path element has the share
// of rows that follow when its feature is unknown (zero), whether the row itself follows
// (one), and the weight of the subsets of its position's size.
type shap struct {
	e    *Ensemble
	keys []int64
	out  []float64 // per feature
	path []element // the paths of all depths of the recursion, one after another
}

type element struct {
	feature           int32
	zero, one, weight float64
}

// Attribute divides the score of output out, the sum before the link, among the
// features; see predict.Attributor. It equals the training libraries' pred_contribs.
func (e *Ensemble) Attribute(dst []float64, rows predict.Rows, out int) (base float64, err error) {
	if err := checkRows(len(dst), rows, len(e.inputs), len(e.inputs)); err != nil {
		return 0, err
	}
	if out < 0 || out >= e.groups {
		return 0, fmt.Errorf("cannot explain output %d of %d", out, e.groups)
	}
	if e.means == nil {
		return 0, errors.New("the model file does not hold the cover of every node, which attributions need")
	}
	depth := 0
	for t := range e.trees {
		depth = max(depth, int(e.trees[t].depth))
	}
	if depth > maxShapDepth {
		return 0, fmt.Errorf("cannot explain trees of depth %d; %d is the limit", depth, maxShapDepth)
	}
	s, _ := e.paths.Get().(*shap)
	if s == nil {
		s = &shap{e: e, keys: make([]int64, e.slots.count()), path: make([]element, (depth+2)*(depth+3)/2)}
	}
	clear(dst)
	n := len(e.inputs)
	for r := range rows.N {
		s.out = dst[r*n : (r+1)*n]
		e.slots.fill(s.keys, rows.Number[r*n:(r+1)*n])
		for t := range e.trees {
			if tree := &e.trees[t]; int(tree.group) == out {
				s.visit(tree.root, 0, s.path, 1, 1, -1)
			}
		}
		if e.average {
			for f := range s.out {
				s.out[f] /= float64(len(e.trees) / e.groups)
			}
		}
	}
	s.out = nil
	e.paths.Put(s)
	return e.means[out], nil
}

// visit handles the subtree at i. The parent's path has depth elements and lies at the
// start of path; this node's own path is made behind it.
func (s *shap) visit(i int32, depth int, path []element, zero, one float64, feature int32) {
	if zero == 0 && one == 0 {
		return // nothing comes here: no training row, and not this one
	}
	own := path[depth:]
	copy(own, path[:depth])
	own[depth] = element{feature: feature, zero: zero, one: one}
	extend(own[:depth+1])
	n := &s.e.nodes[i]
	if n.flags&flagLeaf != 0 {
		s.leaf(own[:depth+1], s.e.values[i])
		return
	}
	hot := s.e.step(n, s.keys)
	cold := 2*n.left + 1 - hot
	f := int32(int(n.slot) / s.e.slots.kinds)
	known := element{zero: 1, one: 1}
	count := depth + 1
	for k := 1; k < count; k++ {
		if own[k].feature == f { // the feature was split on above: take that split back
			known = own[k]
			unwind(own[:count], k)
			count--
			break
		}
	}
	cover := s.e.covers[i]
	s.visit(hot, count, own, known.zero*s.e.covers[hot]/cover, known.one, f)
	s.visit(cold, count, own, known.zero*s.e.covers[cold]/cover, 0, f)
}

// extend updates the weights for the path's new last element (EXTEND).
func extend(p []element) {
	last := len(p) - 1
	if last == 0 {
		p[0].weight = 1
		return
	}
	zero, one := p[last].zero, p[last].one
	p[last].weight = 0
	per := 1 / float64(last+1)
	for i := last - 1; i >= 0; i-- {
		p[i+1].weight += one * p[i].weight * float64(i+1) * per
		p[i].weight = zero * p[i].weight * float64(last-i) * per
	}
}

// unwind undoes extend for element k and removes it (UNWIND).
func unwind(p []element, k int) {
	last := len(p) - 1
	zero, one := p[k].zero, p[k].one
	next := p[last].weight
	for i := last - 1; i >= 0; i-- {
		if one != 0 {
			w := p[i].weight
			p[i].weight = next * float64(last+1) / (float64(i+1) * one)
			next = w - p[i].weight*zero*float64(last-i)/float64(last+1)
		} else {
			p[i].weight = p[i].weight * float64(last+1) / (zero * float64(last-i))
		}
	}
	for i := k; i < last; i++ {
		p[i].feature, p[i].zero, p[i].one = p[i+1].feature, p[i+1].zero, p[i+1].one
	}
}

// leaf credits the features on the path with their part of a leaf's value.
func (s *shap) leaf(p []element, value float64) {
	for k := 1; k < len(p); k++ {
		s.out[p[k].feature] += unwound(p, k) * (p[k].one - p[k].zero) * value
	}
}

// unwound is the sum of the weights that unwind would leave without element k.
func unwound(p []element, k int) float64 {
	last := len(p) - 1
	zero, one := p[k].zero, p[k].one
	total := 0.0
	if one != 0 {
		next := p[last].weight
		for i := last - 1; i >= 0; i-- {
			w := next / (float64(i+1) * one)
			total += w
			next = p[i].weight - w*zero*float64(last-i)
		}
	} else {
		for i := last - 1; i >= 0; i-- {
			total += p[i].weight / (zero * float64(last-i))
		}
	}
	return total * float64(last+1)
}

// seed computes what every attribution starts from: each group's average sum over the
// training weight. Children lie behind their parents, so one pass backwards suffices.
func (e *Ensemble) seed() {
	for i := range e.nodes {
		if e.nodes[i].flags&flagLeaf == 0 && e.covers[i] <= 0 {
			e.covers = nil
			return
		}
	}
	mean := append([]float64(nil), e.values...)
	for i := len(mean) - 1; i >= 0; i-- {
		if n := &e.nodes[i]; n.flags&flagLeaf == 0 {
			l, r := n.left, n.left+1
			mean[i] = (mean[l]*e.covers[l] + mean[r]*e.covers[r]) / e.covers[i]
		}
	}
	e.means = append([]float64(nil), e.base...)
	for t := range e.trees {
		e.means[e.trees[t].group] += mean[e.trees[t].root]
	}
	if e.average {
		for g := range e.means {
			e.means[g] /= float64(len(e.trees) / e.groups)
		}
	}
}
