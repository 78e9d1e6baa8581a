package service

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strconv"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/predict"
)

// rule is an override, compiled.
type rule struct {
	*catalog.Override
	class int     // of Predict; -1 for a regression
	value float64 // of a regression
}

// Override is what the rules of an endpoint did to one result (Dataiku contract, section
// 5.2).
type Override struct {
	Rule    string // that was applied; "": none fits
	Raw     predict.Result
	Changed bool // the prediction is another one than the model's
}

// newRules finds out what rules predict.
func newRules(all []catalog.Override, p *predict.Predictor) ([]rule, error) {
	var rules []rule
	for i := range all {
		r := rule{Override: &all[i], class: slices.Index(p.Classes(), all[i].Predict)}
		var err error
		if p.Task() == predict.Regression {
			r.value, err = strconv.ParseFloat(r.Predict, 64)
		} else if r.class < 0 {
			err = fmt.Errorf("the classes are %q", p.Classes())
		}
		if err != nil {
			return nil, fmt.Errorf("rule %q cannot predict %q: %w", r.Rule, r.Predict, err)
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// Override returns what rules did to the result of record i; nil when the endpoint has
// none.
func (p *Prediction) Override(i int) *Override {
	if len(p.model.rules) == 0 {
		return nil
	}
	return &p.overrides[i]
}

// override applies the rules to the results that there are.
func (p *Prediction) override() {
	if len(p.model.rules) == 0 {
		return
	}
	p.overrides = slices.Grow(p.overrides[:0], len(p.Results))[:len(p.Results)]
	clear(p.overrides)
	for i := range p.Results {
		r := &p.Results[i]
		for k := range p.model.rules {
			if rule := &p.model.rules[k]; !r.Ignored && p.fits(rule, i) {
				o := &p.overrides[i]
				o.Rule, o.Raw = rule.Rule, *r
				rule.decide(r)
				o.Changed = r.Prediction != o.Raw.Prediction || r.Value != o.Raw.Value
				break
			}
		}
	}
}

// decide puts what a rule predicts in the place of a result: its class is certain.
func (x *rule) decide(r *predict.Result) {
	if x.class < 0 {
		r.Value = x.value
		return
	}
	r.Class, r.Prediction, r.Percentile = x.class, x.Predict, -1
	if r.Probas != nil {
		r.Probas = make([]float64, len(r.Probas))
		r.Probas[x.class] = 1
	}
}

// fits reports whether all conditions of a rule hold for record i.
func (p *Prediction) fits(x *rule, i int) bool {
	for _, c := range x.When {
		token := p.asked(i, c.Feature)
		if bytes.Equal(token, null) {
			return false
		}
		text := token
		if token[0] == '"' {
			var err error
			if text, err = codec.AppendUnquoted(nil, token); err != nil {
				return false
			}
		}
		v, err := strconv.ParseFloat(string(text), 64)
		switch {
		case c.Words != nil && !slices.Contains(c.Words, string(text)):
			return false
		case c.Words == nil && !(err == nil && v >= c.Min && v <= c.Max && !math.IsInf(v, 0)):
			return false
		}
	}
	return true
}
