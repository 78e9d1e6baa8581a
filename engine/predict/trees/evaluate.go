package trees

import (
	"fmt"
	"sync"

	"quiver/engine/predict"
)

// blockKeys is how many keys a block of rows may have, 16 KiB of them: together with one
// tree they stay in the first-level cache while every tree is walked.
const blockKeys = 2048

// scratch is what one call needs. The pool keeps one per processor or so; its size is
// bounded by blockKeys or the slots of a single group of four rows.
type scratch struct {
	keys []int64
}

type scratchPool struct{ pool sync.Pool }

func (p *scratchPool) get(keys int) *scratch {
	s, _ := p.pool.Get().(*scratch)
	if s == nil {
		s = new(scratch)
	}
	if cap(s.keys) < keys {
		s.keys = make([]int64, keys)
	}
	s.keys = s.keys[:keys]
	return s
}

func (p *scratchPool) put(s *scratch) { p.pool.Put(s) }

// Predict evaluates rows; see predict.Model. It allocates nothing per row.
func (e *Ensemble) Predict(dst []float64, rows predict.Rows) error {
	features := len(e.inputs)
	if err := checkRows(len(dst), rows, features, e.output.Width); err != nil {
		return err
	}
	slots := e.slots.count()
	block := max(4, min(64, blockKeys/max(1, slots))&^3)
	s := e.pool.get(block * slots)
	for at := 0; at < rows.N; at += block {
		n := min(block, rows.N-at)
		part := rows.Number[at*features : (at+n)*features]
		for r := range n {
			e.slots.fill(s.keys[r*slots:(r+1)*slots], part[r*features:(r+1)*features])
		}
		e.sum(dst[at*e.groups:(at+n)*e.groups], s.keys, n)
	}
	e.pool.put(s)
	for r := range rows.N {
		e.finish(dst[r*e.groups : (r+1)*e.groups])
	}
	return nil
}

// checkRows refuses slices that do not fit each other.
func checkRows(dst int, rows predict.Rows, features, width int) error {
	if rows.N < 0 || len(rows.Number) != rows.N*features || len(rows.Text) != 0 || dst != rows.N*width {
		return fmt.Errorf("cannot evaluate %d rows of %d features: got %d numbers, %d texts and room for %d results",
			rows.N, features, len(rows.Number), len(rows.Text), dst)
	}
	return nil
}

// sum writes the sums of n rows with the given keys.
func (e *Ensemble) sum(dst []float64, keys []int64, n int) {
	for r := range n {
		copy(dst[r*e.groups:(r+1)*e.groups], e.base)
	}
	if n == 1 {
		e.sumRow(dst, keys)
	} else {
		for t := range e.trees {
			e.sumTree(&e.trees[t], dst, keys, n)
		}
	}
	if e.average {
		per := float64(len(e.trees) / e.groups)
		for i := range dst {
			dst[i] /= per
		}
	}
}

// sumRow adds all trees to the sums of one row, four trees at a time.
func (e *Ensemble) sumRow(dst []float64, keys []int64) {
	for t := 0; t < len(e.trees); t += 4 {
		// A short last group walks its last tree again.
		last := len(e.trees) - 1
		q := [4]*tree{&e.trees[t], &e.trees[min(t+1, last)], &e.trees[min(t+2, last)], &e.trees[min(t+3, last)]}
		leaves := [4]int32{q[0].root, q[1].root, q[2].root, q[3].root}
		depth := max(q[0].depth, q[1].depth, q[2].depth, q[3].depth)
		if q[0].sets || q[1].sets || q[2].sets || q[3].sets {
			e.walkSets(&leaves, depth, keys, &[4]int{})
		} else {
			e.walk(&leaves, depth, keys, &[4]int{})
		}
		for i := range min(4, len(e.trees)-t) {
			e.add(dst, int(q[i].group), leaves[i])
		}
	}
}

// sumTree adds one tree to the sums of n rows, four rows at a time.
func (e *Ensemble) sumTree(t *tree, dst []float64, keys []int64, n int) {
	slots := e.slots.count()
	for r := 0; r < n; r += 4 {
		// A short last group walks its last row again.
		at := [4]int{r * slots, min(r+1, n-1) * slots, min(r+2, n-1) * slots, min(r+3, n-1) * slots}
		leaves := [4]int32{t.root, t.root, t.root, t.root}
		if t.sets {
			e.walkSets(&leaves, t.depth, keys, &at)
		} else {
			e.walk(&leaves, t.depth, keys, &at)
		}
		for i := range min(4, n-r) {
			e.add(dst, (r+i)*e.groups+int(t.group), leaves[i])
		}
	}
}

// add adds what a leaf says to a sum. The double-precision sum of two single-precision
// numbers, rounded once more, is their single-precision sum.
func (e *Ensemble) add(dst []float64, i int, leaf int32) {
	v := dst[i] + e.values[leaf]
	if e.single {
		v = float64(float32(v))
	}
	dst[i] = v
}

// walk walks four trees from the nodes in i down to their leaves, each with the keys that
// begin at its at. The trees have no categorical splits. A leaf leads to itself, so all
// four take as many steps as the longest needs, at most depth.
func (e *Ensemble) walk(i *[4]int32, depth int32, keys []int64, at *[4]int) {
	nodes := e.nodes
	i0, i1, i2, i3 := i[0], i[1], i[2], i[3]
	at0, at1, at2, at3 := at[0], at[1], at[2], at[3]
	for ; depth > 0; depth-- {
		n0, n1, n2, n3 := &nodes[i0], &nodes[i1], &nodes[i2], &nodes[i3]
		j0 := n0.left + bit(keys[at0+int(n0.slot)] >= n0.cond)
		j1 := n1.left + bit(keys[at1+int(n1.slot)] >= n1.cond)
		j2 := n2.left + bit(keys[at2+int(n2.slot)] >= n2.cond)
		j3 := n3.left + bit(keys[at3+int(n3.slot)] >= n3.cond)
		if (j0^i0)|(j1^i1)|(j2^i2)|(j3^i3) == 0 {
			break
		}
		i0, i1, i2, i3 = j0, j1, j2, j3
	}
	i[0], i[1], i[2], i[3] = i0, i1, i2, i3
}

// walkSets is walk for trees that may have categorical splits.
func (e *Ensemble) walkSets(i *[4]int32, depth int32, keys []int64, at *[4]int) {
	for ; depth > 0; depth-- {
		moved := int32(0)
		for k := range i {
			j := e.step(&e.nodes[i[k]], keys[at[k]:])
			moved |= j ^ i[k]
			i[k] = j
		}
		if moved == 0 {
			return
		}
	}
}

// step returns the child of a split that a row with the given keys goes to; a leaf's is
// itself.
func (e *Ensemble) step(n *node, keys []int64) int32 {
	k := keys[n.slot]
	if n.flags&flagSet == 0 {
		return n.left + bit(k >= n.cond)
	}
	word := uint32(n.cond>>32) + min(uint32(k)>>5, uint32(n.cond))
	return n.left + 1 - int32(e.sets[word]>>(uint32(k)&31)&1)
}

// bit is 1 for true; it compiles to a flag read, not to a jump.
func bit(b bool) int32 {
	if b {
		return 1
	}
	return 0
}
