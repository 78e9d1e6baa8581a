package predict

import (
	"context"
	"math"
	"math/bits"
)

// shapley estimates the Shapley values of the row x by sampling permutations. For each
// of the drawn background rows b_j, with weight w_j (they add up to 1), one permutation
// of the features is drawn and walked as a chain of states: it starts at x, takes one
// feature after another from b_j, and ends at b_j. The step at which feature i changes
// contributes
//
//	phi_i += w_j · (f(before) - f(after))
//
// so neighbouring features share an evaluation, both ends are known, states that do not
// differ are evaluated once, and of the features that are no candidates nothing is. The
// values of all features add up to f(x) - Σ_j w_j·f(b_j).
//
// With more steps than background rows the rows are used again, each time with another
// permutation.
func (p *Predictor) shapley(ctx context.Context, w *work, steps int) error {
	x := &p.explain
	total := 0.0
	for s := range steps {
		total += x.weights[s%x.background.N]
	}
	r := random{state: x.seed ^ hashRow(w.x)}
	for i := range w.order {
		w.order[i] = i
	}
	for s := range steps {
		if w.rows.N >= w.full {
			if err := p.flush(ctx, w); err != nil {
				return err
			}
		}
		j := s % x.background.N
		r.shuffle(w.order)
		p.chain(w, j, x.weights[j]/total)
	}
	return p.flush(ctx, w)
}

// chain walks one permutation, w.order, from the row to background row j. The present
// state is the first row that is not yet taken; it is taken, and goes on in a copy, when
// its value is needed.
func (p *Predictor) chain(w *work, j int, weight float64) {
	b := p.explain.background
	differ := 0 // features that still have to change
	for f := range p.features {
		if !p.equal(w.x, 0, b, j, &p.features[f]) {
			differ++
		}
	}
	p.copyRow(w.rows, w.rows.N, w.x, 0)
	index, known := indexX, true // where the value of the present state will be
	take := func() int {
		switch {
		case known:
		case differ == 0:
			index = indexBackground - j
		default:
			index = w.rows.N
			w.rows.N++
			p.copyRow(w.rows, w.rows.N, w.rows, index)
		}
		known = true
		return index
	}
	for _, f := range w.order {
		feature := &p.features[f]
		if p.equal(w.x, 0, b, j, feature) {
			continue
		}
		before := 0
		if w.wanted[f] {
			before = take()
		}
		p.put(w.rows, w.rows.N, b, j, feature)
		differ--
		known = false
		if w.wanted[f] {
			w.terms = append(w.terms, term{feature: f, weight: weight, before: before, after: take()})
		}
	}
}

// random is the SplitMix64 generator (G. Steele, D. Lea, C. Flood: Fast Splittable
// Pseudorandom Number Generators, 2014). It is our own so that an explanation stays the
// same whatever Go release built the server.
type random struct{ state uint64 }

func (r *random) next() uint64 {
	r.state += 0x9e3779b97f4a7c15
	z := r.state
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below returns a number below n, which is small enough that the bias, n in 2⁶⁴, does
// not matter.
func (r *random) below(n int) int {
	high, _ := bits.Mul64(r.next(), uint64(n))
	return int(high)
}

// shuffle permutes order (Fisher and Yates).
func (r *random) shuffle(order []int) {
	for i := len(order) - 1; i > 0; i-- {
		k := r.below(i + 1)
		order[i], order[k] = order[k], order[i]
	}
}

// hashRow is the 64-bit FNV-1a hash of a row's values.
func hashRow(x Rows) uint64 {
	h := newHash()
	for _, v := range x.Number {
		h.number(math.Float64bits(v))
	}
	for _, t := range x.Text {
		h.text(t)
	}
	return uint64(h)
}

type fnv uint64

func newHash() fnv { return 14695981039346656037 }

func (h *fnv) byte(b byte) { *h = (*h ^ fnv(b)) * 1099511628211 }

func (h *fnv) number(v uint64) {
	for range 8 {
		h.byte(byte(v))
		v >>= 8
	}
}

// text adds a text and its end.
func (h *fnv) text(s string) {
	for i := range len(s) {
		h.byte(s[i])
	}
	h.byte(0xff) // in no UTF-8 text
}
