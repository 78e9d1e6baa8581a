package service

import (
	"context"

	"quiver/engine"
	"quiver/engine/auth"
)

// The reasons why a record was given up. The first is documented by the API, the others
// are ours.
const (
	MultipleMatches = "MULTIPLE_LOOKUP_MATCHES"
	NoMatch         = "NO_LOOKUP_MATCH"
	MissingKey      = "MISSING_LOOKUP_KEY"
)

// Answer is what a lookup found, in the order of the records. Release lets it go.
type Answer struct {
	Generation string
	run        *run
}

// Len is the number of records.
func (a *Answer) Len() int { return a.run.n }

// Reason says why record i was given up, "" if it was not.
func (a *Answer) Reason(i int) string { return a.run.reasons[i] }

// AppendData appends the data of record i, a JSON object, which is empty when the record
// was given up.
func (a *Answer) AppendData(out []byte, i int) []byte {
	if a.run.reasons[i] != "" {
		return append(out, "{}"...)
	}
	return a.run.appendRecord(out, i)
}

// Release gives back the memory of the answer.
func (a *Answer) Release() {
	if a.run.reset() {
		a.run.p.runs.Put(a.run)
	}
}

// Lookup runs a lookup endpoint over records. who and denied are as in May. The caller
// releases an answer that comes without an error.
func (s *Services) Lookup(ctx context.Context, who auth.Principal, denied error, service, name string, d Dispatch, records *Records) (Answer, error) {
	r, err := s.find(who, denied, service)
	if err != nil {
		return Answer{}, err
	}
	g, e, err := r.choose(name, "lookup", d)
	if err != nil {
		return Answer{}, err
	}
	start := s.engine.Now()
	a := Answer{g.def.Name, e.lookup.runs.Get().(*run)}
	err = a.run.lookup(ctx, s.engine, records)
	r.calls.add(r.def.Name, e.def.Name, records.Len(), s.engine.Now()-start, err != nil)
	if err != nil {
		a.Release()
		return Answer{}, err
	}
	return a, nil
}

// lookup runs the pipeline over records. Names that no step uses are left out, as are
// values for what the steps find.
func (r *run) lookup(ctx context.Context, e *engine.Engine, records *Records) error {
	r.begin(records.Len())
	for i := range r.n {
		rec := r.record(i)
		for _, f := range records.Fields(i) {
			if at, ok := r.p.places[string(f.Name)]; ok && r.p.given[at] {
				rec[at] = present(f.Token)
			}
		}
	}
	return r.enrich(ctx, e)
}

// Keys returns the names of the keys that a lookup endpoint expects of the generation
// that would answer: those that it does not find itself.
func (s *Services) Keys(who auth.Principal, denied error, service, name string, d Dispatch) ([]string, error) {
	r, err := s.find(who, denied, service)
	if err != nil {
		return nil, err
	}
	_, e, err := r.choose(name, "lookup", d)
	if err != nil {
		return nil, err
	}
	return e.lookup.inputs(), nil
}
