package predict

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
)

// maxColumns bounds how wide a row may be.
const maxColumns = 1 << 16

// place finds the model's input for each feature. If every input with a name has a
// feature of that name, names decide, and the other features take the remaining inputs
// in order; otherwise order alone decides, and a feature that has the name of an input
// must stand in its place.
func (p *Predictor) place() error {
	inputs := p.model.Inputs()
	p.features = make([]feature, len(p.config.Features))
	p.names = make(map[string]int, len(p.features))
	total := 0
	for i, f := range p.config.Features {
		if f.Name == "" {
			return fmt.Errorf("feature %d has no name", i)
		}
		if _, twice := p.names[f.Name]; twice {
			return fmt.Errorf("feature %s is listed twice", f.Name)
		}
		if f.Length < 0 || f.Length > maxColumns {
			return fmt.Errorf("feature %s has %d elements", f.Name, f.Length)
		}
		p.names[f.Name] = i
		p.features[i] = feature{Feature: f, width: max(1, f.Length)}
		total += p.features[i].width
	}
	if total != len(inputs) || total == 0 || total > maxColumns {
		return fmt.Errorf("the features have %d elements, but the model has %d inputs", total, len(inputs))
	}
	at, err := p.positions(inputs)
	if err != nil {
		return err
	}
	// An input's column is its number among the inputs of its type.
	column := make([]int, len(inputs))
	for i, in := range inputs {
		if in.Type == Text {
			column[i] = p.texts
			p.texts++
		} else {
			column[i] = p.numbers
			p.numbers++
		}
	}
	p.columns = make([]int, len(inputs))
	for k := range p.features {
		f := &p.features[k]
		f.column = column[at[k]]
		for c := range f.width {
			p.columns[at[k]+c] = k
		}
		if err := f.join(inputs[at[k] : at[k]+f.width]); err != nil {
			return fmt.Errorf("feature %s: %w", f.Name, err)
		}
	}
	return nil
}

// positions returns the first input of each feature.
func (p *Predictor) positions(inputs []Input) ([]int, error) {
	at := make([]int, len(p.features))
	named := map[string]int{}
	for i, in := range inputs {
		if _, twice := named[in.Name]; in.Name != "" && !twice {
			named[in.Name] = i
		}
	}
	matched := 0
	for i := range at {
		at[i] = -1
		if where, ok := named[p.features[i].Name]; ok && p.features[i].width == 1 {
			at[i] = where
			matched++
		}
	}
	if matched > 0 && matched == len(named) {
		taken := make([]bool, len(inputs))
		for _, where := range at {
			if where >= 0 {
				taken[where] = true
			}
		}
		next := 0
		for i := range at {
			if at[i] >= 0 {
				continue
			}
			for next < len(inputs) && taken[next] {
				next++
			}
			at[i] = next
			next += p.features[i].width
			if next > len(inputs) || slices.Contains(taken[at[i]:next], true) {
				return nil, fmt.Errorf("feature %s does not fit into the inputs that the other features leave", p.features[i].Name)
			}
		}
		return at, nil
	}
	next := 0
	for i := range at {
		if at[i] >= 0 && at[i] != next {
			return nil, fmt.Errorf("feature %s stands at input %d, but the model calls input %d so; list the features in model order", p.features[i].Name, next, at[i])
		}
		at[i] = next
		next += p.features[i].width
	}
	return at, nil
}

// join makes a feature fit the inputs it feeds.
func (f *feature) join(inputs []Input) error {
	for _, in := range inputs {
		if f.text = in.Type == Text; f.text && f.Length > 0 {
			return errors.New("a vector cannot feed text inputs")
		}
	}
	if f.text {
		if f.Type != TextFeature {
			return errors.New("the model takes text here; the feature's type must be string")
		}
		if f.Categories != nil {
			return errors.New("the model takes text here, so the feature can have no categories")
		}
		return f.compile()
	}
	if f.Categories == nil && f.Length == 0 {
		f.Categories = inputs[0].Categories
	}
	if f.Categories != nil {
		if f.Length > 0 || f.Type == TimeFeature {
			return errors.New("a vector or a time can have no categories")
		}
		var err error
		if f.codes, err = codesOf(f.Categories); err != nil {
			return err
		}
	} else if f.Type == TextFeature {
		return errors.New("the model takes a number here and its file does not say which word has which; list the feature's categories in the order of their codes")
	}
	return f.compile()
}

// label finds the classes or clusters and the model's output for each.
func (p *Predictor) label() error {
	out := &p.output
	if out.Kind == Unstated {
		out.Kind = Value
		if p.config.Task == Binary || p.config.Task == Multiclass {
			out.Kind = Probability
		}
	}
	n := 0
	switch task := p.config.Task; {
	case task == Regression && out.Kind == Value && out.Width == 1:
		if p.config.Classes != nil {
			return errors.New("a regression has no classes")
		}
		return nil
	case task == Binary && out.Kind == Probability && (out.Width == 1 || out.Width == 2):
		n = 2
	case task == Multiclass && out.Kind == Probability && out.Width > 1:
		n = out.Width
	case task != Regression && out.Kind == Label && out.Width == 1:
		n = max(len(out.Labels), len(p.config.Classes))
		if n == 0 || task == Binary && n != 2 {
			return errors.New("the model answers with a label alone and its file does not list them; list the classes")
		}
	default:
		return errors.New("the model does not do this task: " + mismatch[out.Kind] + " " + strconv.Itoa(out.Width) + " per row")
	}
	if (p.config.Classes != nil && len(p.config.Classes) != n) || (out.Labels != nil && len(out.Labels) != n) {
		return fmt.Errorf("%d classes are listed and %d are in the model file, but the model has %d", len(p.config.Classes), len(out.Labels), n)
	}
	p.classes = p.config.Classes
	if p.classes == nil {
		p.classes = out.Labels
	}
	for i := len(p.classes); i < n; i++ {
		name := strconv.Itoa(i)
		if p.config.Task == Clustering {
			name = "cluster_" + name
		}
		p.classes = append(p.classes, name)
	}
	return p.permute()
}

// mismatch begins a sentence about what a model gives, per kind of output.
var mismatch = [...]string{Value: "it gives values,", Probability: "it gives probabilities,", Label: "it gives labels,", Unstated: "it gives numbers,"}

// permute finds out which of the model's outputs each class is: by the labels in the
// model file if they are the same words, else in order.
func (p *Predictor) permute() error {
	labels := p.output.Labels
	p.order = make([]int, len(p.classes))
	found := 0
	for i, c := range p.classes {
		if slices.Index(p.classes, c) != i {
			return fmt.Errorf("class %q is listed twice", c)
		}
		p.order[i] = i
		if slices.Contains(labels, c) {
			found++
		}
	}
	if found == len(p.classes) {
		for i, c := range p.classes {
			p.order[i] = slices.Index(labels, c)
		}
	} else if found > 0 {
		return fmt.Errorf("the classes are %q, but the model file calls them %q", p.classes, labels)
	}
	return nil
}
