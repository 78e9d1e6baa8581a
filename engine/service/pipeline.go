package service

import (
	"sync"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/engine/plan"
)

// pipeline is a list of enrichments, compiled: names are places in a record.
type pipeline struct {
	names  []string // by place
	quoted [][]byte // the same as the names of JSON fields, with the colon
	given  []bool   // by place: asked of the caller, for no earlier step finds it
	places map[string]int
	steps  []step

	// keep says that what the caller gives under the name of a column that is found stays
	// where no row matches, as predictions want it; lookups leave it out.
	keep bool
	runs sync.Pool // *run
}

// step is one enrichment.
type step struct {
	def     *catalog.Enrichment
	plan    *plan.Plan    // by key; nil by index
	columns []string      // of the key or index
	names   [][]byte      // the same
	types   []*codec.Type // of these
	keys    []int         // places of their values
	slots   []int         // physical columns to add
	into    []int         // their places
	limit   int           // rows worth finding
	keep    bool          // as in pipeline
}

// newPipeline compiles enrichments; keep is as in pipeline. Those of a broken generation, whose groups are
// gone, are compiled as far as they go and not run.
func newPipeline(all []catalog.Enrichment, keep bool) (*pipeline, error) {
	p := &pipeline{keep: keep, places: map[string]int{}}
	for i := range all {
		x := &all[i]
		st := step{def: x, keep: keep, limit: 2}
		if x.OnMultiple == catalog.PolicyKeepFirst {
			st.limit = 1
		}
		for _, k := range x.Keys {
			st.columns = append(st.columns, k.Column)
			st.names = append(st.names, []byte(k.Column))
			st.keys = append(st.keys, p.place(k.Name, true))
			if x.Group != nil {
				st.types = append(st.types, x.Group.Feature(k.Column).Type)
			}
		}
		for _, c := range x.Columns {
			st.into = append(st.into, p.place(c.Name, false))
			if x.Group != nil {
				st.slots = append(st.slots, x.Group.Feature(c.Column).Slot)
			}
		}
		if x.Group != nil && x.ByKey() {
			var err error
			if st.plan, err = plan.Group(x.Group); err != nil {
				return nil, fail.Wrap(fail.Internal, err, "The enrichment from %s cannot be compiled.", x.Name)
			}
		}
		p.steps = append(p.steps, st)
	}
	p.runs.New = func() any { return newRun(p) }
	return p, nil
}

// place returns the place of a name in the record, a new one for a new name.
func (p *pipeline) place(name string, given bool) int {
	if at, ok := p.places[name]; ok {
		return at
	}
	p.names = append(p.names, name)
	p.quoted = append(p.quoted, append(codec.AppendQuoted(nil, []byte(name)), ':'))
	p.given = append(p.given, given)
	p.places[name] = len(p.names) - 1
	return len(p.names) - 1
}

// inputs returns the names that the caller gives.
func (p *pipeline) inputs() []string {
	var names []string
	for i, n := range p.names {
		if p.given[i] {
			names = append(names, n)
		}
	}
	return names
}

// missing applies the policy for a key that is not given.
func (st *step) missing(rec [][]byte, key int) (reason string, err error) {
	switch st.def.OnMissingKey {
	case catalog.PolicyIgnore:
		return MissingKey, nil
	case catalog.PolicyFail:
		return "", policyError(st, "the key '"+st.def.Keys[key].Name+"' is missing")
	}
	st.clear(rec)
	return "", nil
}

// nothing applies the policy for a key that no row has.
func (st *step) nothing(rec [][]byte) (reason string, err error) {
	switch st.def.OnNoMatch {
	case catalog.PolicyIgnore:
		return NoMatch, nil
	case catalog.PolicyFail:
		return "", policyError(st, "no row matches")
	}
	st.clear(rec)
	return "", nil
}

// clear leaves the columns null, in a prediction as given; a column that is handed on under the name of a key
// leaves the key as given.
func (st *step) clear(rec [][]byte) {
	if st.keep {
		return
	}
	for _, at := range st.into {
		key := false
		for _, k := range st.keys {
			key = key || k == at
		}
		if !key {
			rec[at] = nil
		}
	}
}

// policyError is the error of a record whose enrichment says FAIL.
func policyError(st *step, text string) error {
	return fail.Errorf(fail.Malformed, "Looking up in %s/%s failed: %s.", st.def.Store, st.def.Name, text)
}
