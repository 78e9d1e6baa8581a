package catalog

import (
	"math"
	"slices"
	"strconv"

	"github.com/goccy/go-yaml/ast"
)

// maxOverrides is how many rules an endpoint may have.
const maxOverrides = 256

// overrideSpec is an Override as written.
type overrideSpec struct {
	Rule    string          `json:"rule"`
	When    []conditionSpec `json:"when"`
	Predict string          `json:"predict"`
}

type conditionSpec struct {
	Feature string   `json:"feature"`
	In      []string `json:"in,omitempty"`
	Min     *float64 `json:"min,omitempty"`
	Max     *float64 `json:"max,omitempty"`
}

// overrides reads a list of rules.
func (r *reader) overrides(dst *[]overrideSpec) func(ast.Node) {
	return r.list("overrides", maxOverrides, func(n ast.Node) {
		var o overrideSpec
		r.mapping(n, "an override",
			field{key: "rule", need: true, read: r.text(&o.Rule)},
			field{key: "when", need: true, read: r.list("conditions", maxColumns, func(n ast.Node) {
				var c conditionSpec
				r.mapping(n, "a condition",
					field{key: "feature", need: true, read: r.text(&c.Feature)},
					field{key: "in", read: r.names(&c.In, "values")},
					field{key: "min", read: r.bound(&c.Min)},
					field{key: "max", read: r.bound(&c.Max)})
				o.When = append(o.When, c)
			})},
			field{key: "predict", need: true, read: func(n ast.Node) {
				text, ok := textOf(n)
				if !ok {
					text, ok = numberOf(n)
				}
				if o.Predict = text; !ok {
					r.at(n, "expected a class or a number, found %s", describe(n))
				}
			}})
		*dst = append(*dst, o)
	})
}

// bound reads a number that may be missing.
func (r *reader) bound(dst **float64) func(ast.Node) {
	return func(n ast.Node) {
		text, ok := numberOf(n)
		v, err := strconv.ParseFloat(text, 64)
		if !ok || err != nil {
			r.at(n, "expected a number, found %s", describe(n))
			return
		}
		*dst = &v
	}
}

// judge judges the rules of a prediction, but for what they predict.
func (p *predictionSpec) judge(k *checker, at path) []Override {
	var all []Override
	for i := range p.Overrides {
		o, here := &p.Overrides[i], append(slices.Clone(at), "overrides", i)
		if o.Rule == "" || slices.ContainsFunc(all, func(x Override) bool { return x.Rule == o.Rule }) {
			k.at(append(here, "rule"), "rules have names of their own, found %s", quote(o.Rule))
		}
		if len(o.When) == 0 {
			k.at(append(here, "when"), "a rule needs a condition")
		}
		out := Override{Rule: o.Rule, Predict: o.Predict}
		for n := range o.When {
			c := &o.When[n]
			switch {
			case !slices.ContainsFunc(p.Features, func(f modelFeatureSpec) bool { return f.Name == c.Feature }):
				k.at(append(here, "when", n, "feature"), "there is no feature %s", quote(c.Feature))
			case (c.In != nil) == (c.Min != nil || c.Max != nil):
				k.at(append(here, "when", n), "a condition has either `in` or one or both of `min` and `max`")
			}
			x := Condition{Feature: c.Feature, Words: c.In, Min: math.Inf(-1), Max: math.Inf(1)}
			if c.Min != nil {
				x.Min = *c.Min
			}
			if c.Max != nil {
				x.Max = *c.Max
			}
			out.When = append(out.When, x)
		}
		all = append(all, out)
	}
	return all
}
