package service

import (
	"context"
	"slices"

	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// run is one run of a pipeline over the records of a request, one step after another and
// each for all records at once. It is made to be pooled.
type run struct {
	p       *pipeline
	n       int      // records
	cells   [][]byte // records × places: JSON tokens; nil is missing
	reasons []string // by record: why it was given up; "" if it was not
	scratch []byte   // memory of tokens that were made
	reads   []read   // by step; cells point into their rows
	tokens  [][]byte // of one record's key
}

// read is what one step reads.
type read struct {
	at      []int32 // by record: which entry asks for it; below none, see lacks
	query   engine.Query
	vectors engine.Vectors
	finder  engine.Finder
}

// lacks is the entry of a record that does not give column key of the key.
func lacks(key int) int32 { return int32(-1 - key) }

// maxKept bounds the values of a request that pooled things keep memory for.
const maxKept = 1 << 16

func newRun(p *pipeline) *run { return &run{p: p, reads: make([]read, len(p.steps))} }

// begin makes room for n records without any value.
func (r *run) begin(n int) {
	places := len(r.p.names)
	r.n = n
	r.cells = slices.Grow(r.cells[:0], n*places)[:n*places]
	r.reasons = slices.Grow(r.reasons[:0], n)[:n]
	r.scratch = r.scratch[:0]
}

// reset lets go of everything that belongs to the request. It reports whether r is worth
// keeping.
func (r *run) reset() bool {
	if cap(r.cells) > maxKept {
		return false
	}
	clear(r.cells)
	clear(r.reasons)
	clear(r.tokens)
	for i := range r.reads {
		rd := &r.reads[i]
		rd.query.Reset()
		rd.vectors.Reset()
		rd.finder.Reset()
	}
	return true
}

// record returns the tokens of record i, by place.
func (r *run) record(i int) [][]byte {
	places := len(r.p.names)
	return r.cells[i*places : (i+1)*places : (i+1)*places]
}

// enrich runs all steps.
func (r *run) enrich(ctx context.Context, e *engine.Engine) error {
	for at := range r.p.steps {
		st, rd := &r.p.steps[at], &r.reads[at]
		var err error
		if st.plan != nil {
			err = r.byKey(ctx, e, st, rd)
		} else {
			err = r.byIndex(ctx, e, st, rd)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// byKey looks all records up in a view, or by the key of a group, in one read.
func (r *run) byKey(ctx context.Context, e *engine.Engine, st *step, rd *read) error {
	q, v := &rd.query, &rd.vectors
	q.OpenPlan(st.plan)
	r.ask(st, rd, func(tokens [][]byte) {
		q.NewEntry()
		for k, name := range st.names {
			q.Key(name, tokens[k])
		}
	})
	if q.Entries() > 0 {
		if err := e.Read(ctx, q, v); err != nil {
			return err
		}
	}
	found := func(i int) (rows int, err error) {
		if err := v.Err(i); err != nil && err.Code != fail.BadKeyValue && err.Code != fail.KeyRefused {
			return 0, err
		}
		for g := range st.plan.Groups {
			if v.Found(i, g) != engine.FoundRow {
				return 0, nil // also where no row has a key that its column cannot hold
			}
		}
		return 1, nil
	}
	return r.merge(st, rd, found, func(i, k int) []byte {
		cell, _ := v.Cell(i, st.from[k])
		return cell
	})
}

// byIndex looks all records up by an index of the step's group.
func (r *run) byIndex(ctx context.Context, e *engine.Engine, st *step, rd *read) error {
	g, f := st.def.Group, &rd.finder
	if err := e.OpenIndex(f, g, st.columns, st.limit); err != nil {
		return err
	}
	r.ask(st, rd, f.Search)
	if err := e.Find(ctx, f); err != nil {
		return err
	}
	found := func(i int) (rows int, err error) { return len(f.Rows(i)), nil }
	return r.merge(st, rd, found, func(i, k int) []byte {
		rows := f.Rows(i)
		switch {
		case len(rows) == 0:
			return nil
		case st.from[k] < rows[0].Columns():
			return rows[0].Cell(st.from[k])
		default:
			return g.Schema.Columns[st.from[k]].Default
		}
	})
}

// ask calls next with the key of every record that is not given up and has one.
func (r *run) ask(st *step, rd *read, next func(tokens [][]byte)) {
	rd.at = slices.Grow(rd.at[:0], r.n)[:r.n]
	r.tokens = slices.Grow(r.tokens[:0], len(st.keys))[:len(st.keys)]
	entry := int32(0)
	for i := range r.n {
		if r.reasons[i] != "" {
			continue
		}
		if rd.at[i] = r.key(st, r.record(i)); rd.at[i] == 0 {
			next(r.tokens)
			rd.at[i] = entry
			entry++
		}
	}
}

// key writes the key of a record to r.tokens, as its columns hold it, and the same, as
// this API prints it, in the place of the record's own values. It returns 0, or lacks of
// the last column that is not given.
func (r *run) key(st *step, rec [][]byte) (at int32) {
	for k, place := range st.keys {
		if rec[place] == nil {
			at = lacks(k)
			continue
		}
		r.scratch, r.tokens[k], rec[place] = appendKey(r.scratch, st.types[k], rec[place])
	}
	return at
}

// merge adds what was found, or applies the step's policies. found returns how many rows
// an entry has, up to the step's limit; cell returns what column k of it holds, nil where
// there is no row.
func (r *run) merge(st *step, rd *read, found func(entry int) (rows int, err error), cell func(entry, k int) []byte) error {
	for i := range r.n {
		if r.reasons[i] != "" {
			continue
		}
		rec := r.record(i)
		entry := int(rd.at[i])
		if entry < 0 {
			var err error
			if r.reasons[i], err = st.missing(rec, -1-entry); err != nil {
				return err
			}
			continue
		}
		rows, err := found(entry)
		switch {
		case err != nil:
			return err
		case rows == 0:
			if r.reasons[i], err = st.nothing(rec); err != nil {
				return err
			}
		case rows > 1 && st.def.OnMultiple == catalog.PolicyIgnore:
			r.reasons[i] = MultipleMatches
		case rows > 1 && st.def.OnMultiple == catalog.PolicyFail:
			return policyError(st, "several rows match")
		}
		if r.reasons[i] != "" {
			continue
		}
		// Of a view, some rows may be there where others are not.
		for k, at := range st.into {
			if c := cell(entry, k); c != nil {
				r.scratch, rec[at] = appendValue(r.scratch, st.kinds[k], c)
			} else if rows > 0 {
				rec[at] = nil
			}
		}
	}
	return nil
}

// appendRecord prints record i as a JSON object.
func (r *run) appendRecord(out []byte, i int) []byte {
	out = append(out, '{')
	for at, token := range r.record(i) {
		if at > 0 {
			out = append(out, ',')
		}
		out = append(out, r.p.quoted[at]...)
		if token == nil {
			token = null
		}
		out = append(out, token...)
	}
	return append(out, '}')
}

var null = []byte("null")
