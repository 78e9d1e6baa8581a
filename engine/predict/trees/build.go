package trees

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Limits bounds what a model file may ask for. Zero fields mean the defaults.
type Limits struct {
	Bytes    int // of the file, unpacked; 512 MiB
	Trees    int // 100,000
	Nodes    int // of all trees; 50 million
	Features int // 32,768; no more are possible, and fewer when many kinds of splits occur
	Classes  int // 1,000
}

// The bounds that the layout of a node sets.
const (
	maxSlots      = 1 << 16
	maxFeatures   = maxSlots / 2
	maxCategories = 1 << 24 // above the largest code that XGBoost takes
)

func (l Limits) withDefaults() Limits {
	or := func(v, d int) int {
		if v <= 0 {
			return d
		}
		return v
	}
	l.Bytes = or(l.Bytes, 512<<20)
	l.Trees = or(l.Trees, 100_000)
	l.Nodes = min(or(l.Nodes, 50_000_000), math.MaxInt32/2)
	l.Features = min(or(l.Features, maxFeatures), maxFeatures)
	l.Classes = or(l.Classes, 1_000)
	return l
}

// raw is one node as a file gives it.
type raw struct {
	left, right int32    // children; both negative for a leaf
	feature     int32    // of a split
	cond        int64    // numeric split: key(value) < cond goes left
	kind        uint8    // numeric split: which slot, kindAbove...
	category    bool     // it is a categorical split, of
	set         []uint32 // the codes that go left; see codeMissing
	value       float64  // of a leaf
	cover       float64
	gain        float64
}

var errNotTree = errors.New("the nodes do not form a tree: a child is out of range, or a node is reached twice")

// place appends one tree to the ensemble: breadth first, siblings side by side. queue
// is scratch that is returned for the next tree.
func (e *Ensemble) place(nodes []raw, group int, l Limits, queue []int32) ([]int32, error) {
	switch {
	case len(nodes) == 0:
		return queue, errors.New("a tree has no nodes")
	case len(e.trees) >= l.Trees:
		return queue, fmt.Errorf("more than %d trees", l.Trees)
	case len(e.nodes)+len(nodes) > l.Nodes:
		return queue, fmt.Errorf("more than %d nodes", l.Nodes)
	case group < 0 || group >= e.groups:
		return queue, fmt.Errorf("a tree belongs to class %d of %d", group, e.groups)
	}
	root := len(e.nodes)
	e.nodes = slices.Grow(e.nodes, len(nodes))
	t := tree{root: int32(root), group: int32(group)}
	queue = append(queue[:0], 0) // file index of the node at root+i
	level := 1                   // queue[level] starts the next level
	for i := 0; i < len(queue); i++ {
		if i == level {
			t.depth++
			level = len(queue)
		}
		n := &nodes[queue[i]]
		split := n.left >= 0 || n.right >= 0
		if split && (len(queue)+2 > len(nodes) || !inside(n.left, nodes) || !inside(n.right, nodes)) {
			return queue, errNotTree
		}
		if err := e.append(n, split, root+len(queue)); err != nil {
			return queue, err
		}
		if split {
			t.sets = t.sets || n.category
			queue = append(queue, n.left, n.right)
		}
	}
	if !distinct(queue, len(nodes)) {
		return queue, errNotTree
	}
	t.count = int32(len(queue))
	e.trees = append(e.trees, t)
	return queue, nil
}

func inside(i int32, nodes []raw) bool { return i > 0 && int(i) < len(nodes) }

var errTooManyCategories = fmt.Errorf("the categorical splits need more than %d MiB", maxSetWords*4>>20)

// append adds one node whose children, if it splits, will start at left.
func (e *Ensemble) append(n *raw, split bool, left int) error {
	at := int32(len(e.nodes))
	if !split {
		if math.IsNaN(n.value) || math.IsInf(n.value, 0) {
			return fmt.Errorf("a leaf holds %v", n.value)
		}
		e.nodes = append(e.nodes, node{cond: leafCond, left: at, flags: flagLeaf})
		e.values = append(e.values, n.value)
		return e.cover(n.cover)
	}
	if n.feature < 0 || int(n.feature) >= len(e.inputs) {
		return fmt.Errorf("a split uses feature %d of %d", n.feature, len(e.inputs))
	}
	p := node{cond: n.cond, left: int32(left), slot: uint16(n.feature)}
	if n.category {
		offset, words, err := e.addSet(n.set)
		if err != nil {
			return err
		}
		p.flags = flagSet
		p.cond = int64(offset)<<32 | int64(words)
	} else {
		// The number of slots per feature is known at the end; see assignSlots.
		p.flags = uint16(n.kind) << kindShift
	}
	if n.gain > 0 && !math.IsInf(n.gain, 0) {
		e.importance[n.feature] += n.gain
	}
	e.nodes = append(e.nodes, p)
	e.values = append(e.values, 0)
	return e.cover(n.cover)
}

// kindShift is where a split's slot kind waits in its flags until assignSlots.
const kindShift = 8

func (e *Ensemble) cover(c float64) error {
	if math.IsNaN(c) || math.IsInf(c, 0) || c < 0 {
		return fmt.Errorf("a node's cover is %v", c)
	}
	e.covers = append(e.covers, c)
	return nil
}

// addSet stores the bits of a categorical split.
func (e *Ensemble) addSet(set []uint32) (offset, words int, err error) {
	offset = len(e.sets)
	if offset+len(set) >= maxSetWords {
		return 0, 0, errTooManyCategories
	}
	e.sets = append(append(e.sets, set...), 0)
	return offset, len(set), nil
}

// maxSetWords bounds the bit sets of all categorical splits to 64 MiB.
const maxSetWords = 16 << 20

// distinct reports whether no element of order, all below n, comes twice. XGBoost leaves
// pruned nodes in the file, so some may be missing.
func distinct(order []int32, n int) bool {
	seen := make([]bool, n)
	for _, i := range order {
		if seen[i] {
			return false
		}
		seen[i] = true
	}
	return true
}

// seal ends the building: it fixes the slots and drops what the file did not give.
func (e *Ensemble) seal() error {
	if len(e.trees) == 0 {
		return errors.New("the model has no trees")
	}
	if e.average && len(e.trees)%e.groups != 0 {
		return fmt.Errorf("%d trees cannot be averaged for %d classes", len(e.trees), e.groups)
	}
	if err := e.assignSlots(); err != nil {
		return err
	}
	if !slices.ContainsFunc(e.importance, func(v float64) bool { return v > 0 }) {
		e.importance = nil
	}
	e.seed()
	return nil
}

// assignSlots chooses which slots the features have and tells each split its own.
func (e *Ensemble) assignSlots() error {
	s := slotSet{features: len(e.inputs), kinds: 2, single: e.single}
	category := make([]bool, len(e.inputs))
	for i := range e.nodes {
		n := &e.nodes[i]
		switch {
		case n.flags&flagLeaf != 0:
		case n.flags&flagSet != 0:
			category[n.slot] = true
		case n.flags>>kindShift >= kindZeroAbove:
			s.zeros = true
		}
	}
	for f, is := range category {
		if is {
			s.category = append(s.category, int32(f))
		}
	}
	if s.zeros {
		s.kinds = 4
	}
	if s.category != nil {
		s.kinds++
	}
	if s.count() > maxSlots {
		return fmt.Errorf("%d features are more than %d, the limit for models with such splits", s.features, maxSlots/s.kinds)
	}
	for i := range e.nodes {
		n := &e.nodes[i]
		switch {
		case n.flags&flagLeaf != 0:
		case n.flags&flagSet != 0:
			n.slot = uint16(int(n.slot)*s.kinds + s.kinds - 1)
		default:
			n.slot = uint16(int(n.slot)*s.kinds + int(n.flags>>kindShift))
			n.flags = 0
		}
	}
	e.slots = s
	return nil
}
