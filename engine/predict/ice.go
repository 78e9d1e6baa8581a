package predict

import (
	"cmp"
	"context"
	"slices"
)

// The sizes that define ICE's representatives.
const (
	iceDistinct = 10   // a number with no more distinct values counts as a category
	iceBins     = 10   // bins of any other number
	iceFew      = 10   // values of a category that are enough,
	iceShare    = 0.90 // if they have more than this share of the weight;
	iceMany     = 25   // else it counts as text, with this many
)

// representative is a value that stands for a part of a feature's distribution.
type representative struct {
	number float64
	text   string
	weight float64 // the weights of a feature add up to 1
}

// ice computes, for each candidate feature i of the row x,
//
//	phi_i = f(x) - Σ_v w_v · f(x with x_i := v)
//
// over the representatives v of i. They do not add up to f(x) - mean f.
func (p *Predictor) ice(ctx context.Context, w *work) error {
	for _, f := range w.candidates {
		feature := &p.features[f]
		for _, v := range p.explain.represent[f] {
			if w.rows.N == w.full {
				if err := p.flush(ctx, w); err != nil {
					return err
				}
			}
			k := w.rows.N
			p.copyRow(w.rows, k, w.x, 0)
			if feature.text {
				w.rows.Text[k*p.texts+feature.column] = v.text
			} else {
				w.rows.Number[k*p.numbers+feature.column] = v.number
			}
			w.rows.N++
			w.terms = append(w.terms, term{feature: f, weight: v.weight, before: indexX, after: k})
		}
	}
	return p.flush(ctx, w)
}

// representatives chooses the representatives of a feature from the background. What
// is missing after the feature's handling is no value. A vector has none, so ICE leaves
// it out.
func (p *Predictor) representatives(f *feature, rows Rows, weights []float64) []representative {
	if f.Length > 0 {
		return nil
	}
	// The distinct values in ascending order, each with its weight.
	var values []representative
	for i := range rows.N {
		v := representative{weight: weights[i]}
		if f.text {
			v.text = rows.Text[i*p.texts+f.column]
			if v.text == "" {
				continue
			}
		} else if v.number = rows.Number[i*p.numbers+f.column]; v.number != v.number {
			continue
		}
		values = append(values, v)
	}
	slices.SortStableFunc(values, func(a, b representative) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.text, b.text))
	})
	n := 0
	for _, v := range values {
		if n > 0 && values[n-1].number == v.number && values[n-1].text == v.text {
			values[n-1].weight += v.weight
			continue
		}
		values[n] = v
		n++
	}
	values = values[:n]
	if !f.text && f.codes == nil && n > iceDistinct {
		return medians(values)
	}
	return frequent(values)
}

// medians divides ascending values into bins of equal weight and returns the weighted
// median of each, all with the same weight. A bin's edge divides the weight of a value
// that lies on it, so the median of bin b is the point where (2b+1)/20 of all weight
// has passed; where that falls exactly between two values it is halfway between them.
func medians(values []representative) []representative {
	total := 0.0
	for _, v := range values {
		total += v.weight
	}
	out := make([]representative, 0, iceBins)
	passed, k := 0.0, 0 // the weight of values[:k]
	for b := range iceBins {
		mark := total * float64(2*b+1) / (2 * iceBins)
		edge := total * 1e-12
		for k < len(values)-1 && passed+values[k].weight < mark-edge {
			passed += values[k].weight
			k++
		}
		v := values[k].number
		if k < len(values)-1 && passed+values[k].weight <= mark+edge {
			v = (v + values[k+1].number) / 2
		}
		out = append(out, representative{number: v, weight: 1.0 / iceBins})
	}
	return out
}

// frequent returns the heaviest values, ten or twenty-five of them, weighted by how
// often they occur; of equally frequent ones the smaller.
func frequent(values []representative) []representative {
	total := 0.0
	for _, v := range values {
		total += v.weight
	}
	slices.SortStableFunc(values, func(a, b representative) int { return cmp.Compare(b.weight, a.weight) })
	keep := min(iceFew, len(values))
	kept := 0.0
	for _, v := range values[:keep] {
		kept += v.weight
	}
	if kept <= iceShare*total {
		for keep < min(iceMany, len(values)) {
			kept += values[keep].weight
			keep++
		}
	}
	out := slices.Clone(values[:keep])
	for i := range out {
		out[i].weight /= kept
	}
	return out
}
