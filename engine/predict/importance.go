package predict

import (
	"cmp"
	"slices"
)

// rankFeatures orders the features by their global importance: as the definition gives
// it, else as the model's file does, else by a surrogate forest. Equal ones, and those
// of a model that neither has importances nor a background, stay in model order.
func (p *Predictor) rankFeatures() []int {
	importance := p.config.Explain.Importance
	if importance == nil {
		importance = p.modelImportance()
	}
	// With few features all are candidates, whatever their importance.
	if importance == nil && len(p.features) > 5 && p.explain.background.N > 0 {
		importance = p.surrogate()
	}
	order := make([]int, len(p.features))
	for i := range order {
		order[i] = i
	}
	if importance != nil {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(importance[b], importance[a]) })
	}
	return order
}

// modelImportance adds up the importances of each feature's inputs.
func (p *Predictor) modelImportance() []float64 {
	r, ok := p.model.(Ranker)
	if !ok {
		return nil
	}
	inputs := r.Importance()
	if inputs == nil {
		return nil
	}
	importance := make([]float64, len(p.features))
	for i, f := range p.columns {
		importance[f] += inputs[i]
	}
	return importance
}

// surrogate trains a forest on what the model says about the background and returns the
// features' importances in it.
func (p *Predictor) surrogate() []float64 {
	x := &p.explain
	n := min(x.background.N, forestRows)
	f := forest{rows: n, width: p.output.Width, target: x.raw[:n*p.output.Width], random: random{state: x.seed}}
	var owner []int
	for k := range p.features {
		feature := &p.features[k]
		for c := feature.column; c < feature.column+feature.width; c++ {
			column := make([]float64, n)
			for i := range n {
				if feature.text {
					continue
				}
				column[i] = x.background.Number[i*p.numbers+c]
			}
			switch {
			case feature.text:
				f.encode(column, func(i int) string { return x.background.Text[i*p.texts+c] })
			case feature.codes != nil:
				codes := slices.Clone(column)
				f.encode(column, func(i int) string { return categoryOf(codes[i]) })
			}
			f.columns = append(f.columns, column)
			owner = append(owner, k)
		}
	}
	importance := make([]float64, len(p.features))
	for c, v := range f.grow() {
		importance[owner[c]] += v
	}
	return importance
}
