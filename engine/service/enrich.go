package service

import (
	"context"
	"errors"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// pipeline is a list of enrichments, compiled: names are places in a record.
type pipeline struct {
	names []string // by place
	given []bool   // by place: asked of the caller, for no earlier step finds it
	steps []step

	// keep says that what the caller gives under the name of a column that is found stays
	// where no row matches, as predictions want it; lookups leave it out.
	keep bool
}

// step is one enrichment.
type step struct {
	def     *catalog.Enrichment
	ref     engine.Ref
	columns []string      // of the key or index
	types   []*codec.Type // of these
	keys    []int         // places of their values
	slots   []int         // physical columns to add
	into    []int         // their places
	limit   int           // rows worth finding
	keep    bool          // as in pipeline
}

// newPipeline compiles enrichments; keep is as in pipeline. Those of a broken generation, whose groups are
// gone, are compiled as far as they go and not run.
func newPipeline(all []catalog.Enrichment, keep bool) *pipeline {
	p := &pipeline{keep: keep}
	for i := range all {
		x := &all[i]
		st := step{def: x, keep: keep, ref: engine.Ref{Store: x.Store, Name: x.Name, Version: x.Version}, limit: 2}
		if x.OnMultiple == catalog.PolicyKeepFirst {
			st.limit = 1
		}
		for _, k := range x.Keys {
			st.columns = append(st.columns, k.Column)
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
		p.steps = append(p.steps, st)
	}
	return p
}

// place returns the place of a name in the record, a new one for a new name.
func (p *pipeline) place(name string, given bool) int {
	for i, n := range p.names {
		if n == name {
			return i
		}
	}
	p.names = append(p.names, name)
	p.given = append(p.given, given)
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

// record places what the caller gave; nil is missing. Names that no step uses are left
// out, as are values for what the steps find. Of a name given twice the last counts.
func (p *pipeline) record(item []Field) [][]byte {
	rec := make([][]byte, len(p.names))
	for _, f := range item {
		for i, n := range p.names {
			if (p.given[i] || p.keep) && n == string(f.Name) {
				rec[i] = present(f.Token)
			}
		}
	}
	return rec
}

// print prints the record as a JSON object.
func (p *pipeline) print(rec [][]byte) []byte {
	out := []byte{'{'}
	for i, n := range p.names {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(codec.AppendQuoted(out, []byte(n)), ':')
		if rec[i] == nil {
			out = append(out, "null"...)
		} else {
			out = append(out, rec[i]...)
		}
	}
	return append(out, '}')
}

// enrich adds the columns of the row that fits rec. reason is why rec is given up, "" if
// it is not.
func (s *Services) enrich(ctx context.Context, st *step, rec [][]byte) (reason string, err error) {
	tokens := make([][]byte, len(st.keys))
	missing := -1
	for i, at := range st.keys {
		if rec[at] == nil {
			missing = i
			continue
		}
		tokens[i] = keyToken(st.types[i], rec[at])
		rec[at] = echo(st.types[i], tokens[i])
	}
	if missing >= 0 {
		return st.missing(rec, missing)
	}
	m, err := s.engine.Find(ctx, auth.All(), st.ref, st.columns, tokens, st.limit)
	var bad *fail.Error
	if errors.As(err, &bad) && bad.Code == fail.BadKeyValue {
		m.Rows, err = nil, nil // no row has a key that its column cannot hold
	}
	if err != nil {
		return "", err
	}
	switch {
	case len(m.Rows) == 0:
		return st.nothing(rec)
	case len(m.Rows) > 1 && st.def.OnMultiple == catalog.PolicyIgnore:
		return MultipleMatches, nil
	case len(m.Rows) > 1 && st.def.OnMultiple == catalog.PolicyFail:
		return "", policyError(st, "several rows match")
	}
	for i, slot := range st.slots {
		rec[st.into[i]] = value(m.Group, m.Rows[0], slot)
	}
	return "", nil
}

// missing applies the policy for a key that is not given.
func (st *step) missing(rec [][]byte, key int) (string, error) {
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
func (st *step) nothing(rec [][]byte) (string, error) {
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
