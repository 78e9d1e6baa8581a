package predict

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"quiver/codec"
	"quiver/engine/fail"
)

// Method is a way to explain a prediction.
type Method uint8

// The methods. MethodUnset, the zero value, leaves the choice to the endpoint.
const (
	MethodUnset Method = iota
	ICE
	Shapley
	TreeShap
)

// ParseMethod reads a method's name as requests and definitions spell it.
func ParseMethod(s string) (Method, error) {
	switch s {
	case "ICE":
		return ICE, nil
	case "SHAPLEY":
		return Shapley, nil
	case "TREESHAP":
		return TreeShap, nil
	}
	return MethodUnset, fmt.Errorf("there is no method %q; there are ICE, SHAPLEY and TREESHAP", s)
}

func (m Method) String() string {
	return [...]string{"", "ICE", "SHAPLEY", "TREESHAP"}[m&3]
}

// The bounds of a request's arguments, and what is taken when neither the request nor
// the endpoint says anything.
const (
	MinSteps, MaxSteps, DefaultSteps = 25, 1000, 100
	DefaultExplanations              = 3
	DefaultMethod                    = ICE
	// DefaultMaxWork is how many evaluations of the model one request may cost.
	DefaultMaxWork = 10_000_000
	// treeShapWork is what one TREESHAP attribution counts for: its time is that of
	// some three hundred evaluations.
	treeShapWork = 300
)

// Explaining is an endpoint's setting of explanations; zero fields mean the defaults.
type Explaining struct {
	Enabled bool // when a request does not say
	Method  Method
	N       int // features to return per row
	Steps   int // background rows that SHAPLEY draws
	// Background is a sample of the data the model was tested on; ICE and SHAPLEY need it.
	Background *Background
	// Seed chooses the background rows and the permutations; 0: derived from the
	// features' names. Endpoints with equal seeds give equal answers.
	Seed uint64
	// Importance is the global importance of each feature, in the order of
	// Config.Features; nil: the model file's, or else that of a surrogate forest.
	Importance []float64
	MaxWork    int // evaluations of the model that one request may cost
}

// Ask is what a request says about explanations. Zero fields leave the choice to the
// endpoint, as null does in the API.
type Ask struct {
	Enabled Switch
	Method  Method
	N       int
	Steps   int
}

// Switch is a truth value that may be left open.
type Switch uint8

// The positions of a Switch.
const (
	Unset Switch = iota
	On
	Off
)

// ParseAsk reads a request's "explanations" object. null, or a field that is null, asks
// for nothing; unknown fields are ignored.
func ParseAsk(token []byte) (Ask, error) {
	var a Ask
	s := codec.NewScanner(token)
	if s.Peek() == codec.JSONNull {
		return a, nil
	}
	if !s.Object() {
		return a, fail.Errorf(fail.Malformed, "explanations must be an object")
	}
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		v, kind := s.Value()
		if kind == codec.JSONNull {
			continue
		}
		var err error
		switch string(name) {
		case "enabled":
			switch string(v) {
			case "true":
				a.Enabled = On
			case "false":
				a.Enabled = Off
			default:
				err = fmt.Errorf("must be true, false or null")
			}
		case "method":
			if kind != codec.JSONString {
				err = fmt.Errorf("must be a string")
				break
			}
			a.Method, err = ParseMethod(strings.Trim(string(v), `"`))
		case "nExplanations":
			a.N, err = between(v, 1, math.MaxInt32)
		case "nMonteCarloSteps":
			a.Steps, err = between(v, MinSteps, MaxSteps)
		}
		if err != nil {
			return Ask{}, fail.Errorf(fail.Malformed, "explanations.%s: %v", name, err)
		}
	}
	if err := s.End(); err != nil {
		return Ask{}, fail.Wrap(fail.Malformed, err, "explanations: %v", err)
	}
	return a, nil
}

func between(v []byte, low, high int) (int, error) {
	n, err := strconv.Atoi(string(v))
	if err != nil || n < low || n > high {
		if high == math.MaxInt32 {
			return 0, fmt.Errorf("must be a whole number from %d on, not %.40s", low, v)
		}
		return 0, fmt.Errorf("must be a whole number from %d to %d, not %.40s", low, high, v)
	}
	return n, nil
}

// Explanation is an Ask with the endpoint's settings filled in.
type Explanation struct {
	On     bool
	Method Method
	N      int
	Steps  int
}

// Explanation combines a request's wishes with the endpoint's settings and refuses what
// the endpoint cannot do.
func (p *Predictor) Explanation(a Ask) (Explanation, error) {
	c := &p.config.Explain
	e := Explanation{
		On:     a.Enabled == On || a.Enabled == Unset && c.Enabled,
		Method: or(a.Method, c.Method, DefaultMethod),
		N:      min(or(a.N, c.N, DefaultExplanations), len(p.features)),
		Steps:  or(a.Steps, c.Steps, DefaultSteps),
	}
	if !e.On {
		return Explanation{}, nil
	}
	if err := p.explainable(e.Method); err != nil {
		return Explanation{}, fail.Errorf(fail.Malformed, "this endpoint cannot explain its predictions with %s: %v", e.Method, err)
	}
	return e, nil
}

// or returns the first value that is not zero.
func or[T comparable](values ...T) T {
	var zero T
	for _, v := range values {
		if v != zero {
			return v
		}
	}
	return zero
}

// explainable says why a method cannot be used.
func (p *Predictor) explainable(m Method) error {
	if p.output.Kind == Label {
		return fmt.Errorf("its model gives labels and no probabilities")
	}
	if m == TreeShap {
		if _, ok := p.model.(Attributor); !ok {
			return fmt.Errorf("its model is no ensemble of trees")
		}
		return nil
	}
	if p.explain.background.N == 0 {
		return fmt.Errorf("it has no background sample")
	}
	return nil
}

// Explain explains the scored rows of b. It is called after Predict. An error is about
// all rows; their other results stay good.
func (p *Predictor) Explain(ctx context.Context, b *Batch, e Explanation) error {
	if !e.On {
		return nil
	}
	if !b.scored || b.p != p {
		return fail.Errorf(fail.Internal, "the batch is not scored")
	}
	if err := p.afford(b.rows.N, e); err != nil {
		return err
	}
	w := &b.work
	w.reset(p, e, b.rows.N)
	for i := range b.Results {
		r := &b.Results[i]
		if r.Ignored {
			continue
		}
		w.at = b.place[i]
		w.x = p.slice(b.rows, w.at)
		w.fx = p.explained(b.raw[w.at*p.output.Width:(w.at+1)*p.output.Width], r.Class)
		w.class = r.Class
		clear(w.phi)
		var err error
		switch e.Method {
		case ICE:
			err = p.ice(ctx, w)
		case Shapley:
			err = p.shapley(ctx, w, e.Steps)
		default:
			err = p.treeShap(ctx, w)
		}
		if err != nil {
			return err
		}
		r.Explanations = w.rank(p, e.N)
	}
	return nil
}

// afford refuses a request that would cost too many evaluations.
func (p *Predictor) afford(rows int, e Explanation) error {
	x := &p.explain
	per := treeShapWork
	switch e.Method {
	case ICE:
		per = 0
		for _, f := range x.candidates(e.N) {
			per += len(x.represent[f])
		}
	case Shapley:
		per = e.Steps * min(2*len(x.candidates(e.N)), len(p.features))
	}
	if _, capacity := p.rowsOf(e); capacity*len(p.columns) > maxCells && e.Method != TreeShap {
		return fail.Errorf(fail.TooLarge, "%d explanations of a model with %d inputs take too much memory; ask for fewer", e.N, len(p.columns))
	}
	if limit := or(p.config.Explain.MaxWork, DefaultMaxWork); rows*per > limit {
		return fail.Errorf(fail.TooLarge,
			"explaining %d rows with %s takes %d evaluations of the model, more than %d; ask for fewer rows, explanations or steps", rows, e.Method, rows*per, limit)
	}
	return nil
}

// logitEdge keeps log-odds finite: probabilities count as at least this far from 0 and
// 1. Single-precision models reach 1 at about this distance.
const logitEdge = 1e-7

// explained turns what the model says about a row into what is explained: a value, or
// the log-odds of a class, for two classes always of the second.
func (p *Predictor) explained(raw []float64, class int) float64 {
	if p.config.Task == Regression {
		return raw[0]
	}
	if p.config.Task == Binary {
		class = 1
	}
	v := min(max(p.probability(raw, class), logitEdge), 1-logitEdge)
	return math.Log(v / (1 - v))
}
