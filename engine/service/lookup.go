package service

import (
	"context"

	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// Field is one value of a record: a JSON token as the caller sent it (NaN and
// infinities allowed, which are missing values).
type Field struct{ Name, Token []byte }

// The reasons why a record was given up. The first is documented by the API, the others
// are ours.
const (
	MultipleMatches = "MULTIPLE_LOOKUP_MATCHES"
	NoMatch         = "NO_LOOKUP_MATCH"
	MissingKey      = "MISSING_LOOKUP_KEY"
)

// Result is what became of one record: its data, a JSON object, or why there is none.
type Result struct {
	Data   []byte // {} when Ignored
	Reason string // "" unless ignored
}

// Ignored reports whether the record was given up.
func (r *Result) Ignored() bool { return r.Reason != "" }

// Answer is what a lookup found, in the order of the records.
type Answer struct {
	Generation string
	Results    []Result
}

// Lookup runs a lookup endpoint over records. who and denied are as in May.
func (s *Services) Lookup(ctx context.Context, who auth.Principal, denied error, service, name string, d Dispatch, items [][]Field) (Answer, error) {
	r, err := s.find(who, denied, service)
	if err != nil {
		return Answer{}, err
	}
	g, e, err := r.choose(name, catalog.EndpointLookup, d)
	if err != nil {
		return Answer{}, err
	}
	start := s.engine.Now()
	a := Answer{Generation: g.def.Name, Results: make([]Result, len(items))}
	for i, item := range items {
		if a.Results[i], err = s.lookup(ctx, e.lookup, item); err != nil {
			break
		}
	}
	r.calls.add(service, name, len(items), s.engine.Now()-start, err != nil)
	if err != nil {
		return Answer{Generation: g.def.Name}, err
	}
	return a, nil
}

// Keys returns the names of the keys that a lookup endpoint expects of the generation
// that would answer: those that it does not find itself.
func (s *Services) Keys(who auth.Principal, denied error, service, name string, d Dispatch) ([]string, error) {
	r, err := s.find(who, denied, service)
	if err != nil {
		return nil, err
	}
	_, e, err := r.choose(name, catalog.EndpointLookup, d)
	if err != nil {
		return nil, err
	}
	return e.lookup.inputs(), nil
}

// lookup runs the pipeline over one record.
func (s *Services) lookup(ctx context.Context, p *pipeline, item []Field) (Result, error) {
	rec := p.record(item)
	for i := range p.steps {
		reason, err := s.enrich(ctx, &p.steps[i], rec)
		if err != nil {
			return Result{}, err
		}
		if reason != "" {
			return Result{Data: []byte("{}"), Reason: reason}, nil
		}
	}
	return Result{Data: p.print(rec)}, nil
}

// policyError is the error of a record whose enrichment says FAIL.
func policyError(st *step, text string) error {
	return fail.Errorf(fail.Malformed, "Looking up in %s/%s failed: %s.", st.def.Store, st.def.Name, text)
}
