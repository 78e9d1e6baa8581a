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
	plan    *plan.Plan    // of a view, or of a group by its key; nil by an index
	columns []string      // of the key or index
	names   [][]byte      // the same
	types   []*codec.Type // of these
	keys    []int         // places of their values
	from    []int         // what to add: positions of the plan's vector, or else physical columns
	kinds   []*codec.Type // their types
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
		}
		for _, c := range x.Columns {
			st.into = append(st.into, p.place(c.Name, false))
		}
		if x.Group != nil || x.View != nil {
			if err := st.compile(); err != nil {
				return nil, fail.Wrap(fail.Internal, err, "The enrichment from %s cannot be compiled.", x.Name)
			}
		}
		p.steps = append(p.steps, st)
	}
	p.runs.New = func() any { return newRun(p) }
	return p, nil
}

// compile finds what the step reads.
func (st *step) compile() (err error) {
	x := st.def
	for i := range x.Keys {
		st.types = append(st.types, x.KeyType(i))
	}
	switch {
	case x.View != nil:
		st.plan, err = plan.View(x.View)
	case x.ByKey():
		st.plan, err = plan.Group(x.Group)
	default:
		for _, c := range x.Columns {
			f := x.Group.Feature(c.Column)
			st.from, st.kinds = append(st.from, f.Slot), append(st.kinds, f.Type)
		}
	}
	if err != nil || st.plan == nil {
		return err
	}
	for _, c := range x.Columns {
		at := int(st.plan.Positions([]byte(c.Column))[0])
		st.from, st.kinds = append(st.from, at), append(st.kinds, st.plan.Features[at].Type)
	}
	return nil
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
