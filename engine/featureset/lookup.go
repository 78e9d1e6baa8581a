package featureset

import (
	"context"
	"slices"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/engine/expr/vec"
	"quiver/engine/fail"
	engineplan "quiver/engine/plan"
)

// fetched is the outcome of one batched read.
type fetched struct {
	query   engine.Query
	vectors engine.Vectors
	// rows are what was found for each row of the request (each element of a list
	// lookup); the zero Row where nothing was.
	rows  []codec.Row // of vectors, or made
	made  []codec.Row
	entry []int32 // the entry of each of rows; -1 where a key is null, so that there is none
	off   []int32 // list lookups: what was found for row i is rows[off[i]:off[i+1]]
	nulls []bool  // list lookups: the row's list is null
	keys  []byte  // JSON of the keys
	names [][]byte
}

// reset forgets the request.
func (f *fetched) reset() {
	f.vectors.Reset()
	f.query.Reset()
	clear(f.made)
	f.rows, f.made, f.entry, f.off, f.nulls, f.keys = nil, f.made[:0], f.entry[:0], f.off[:0], f.nulls[:0], f.keys[:0]
}

// size is about how much memory is held on to: an entry takes some 200 bytes of the
// query and its vectors.
func (f *fetched) size() int { return cap(f.keys) + 200*cap(f.entry) }

// fetch reads the rows of one fetch of the plan.
func (r *run) fetch(ctx context.Context, e *engine.Engine, q *Request, at int) error {
	p, f := &r.plan.fetches[at], &r.fetched[at]
	g := p.group
	keys := make([]*vec.Column, len(p.keys))
	for i, slot := range p.keys {
		var err error
		if keys[i], err = r.column(slot); err != nil {
			return err
		}
	}
	if f.names == nil {
		for _, name := range g.Key {
			f.names = append(f.names, []byte(name))
		}
	}
	if err := e.OpenGroup(&f.query, q.Who, []byte(g.StoreKey), []byte(g.Name), g.Version); err != nil {
		return err
	}
	if err := sameLayout(f.query.Plan().Reads, g); err != nil {
		return err
	}
	if p.list {
		if err := r.listEntries(f, p, keys); err != nil {
			return err
		}
	} else {
		for i := range r.n {
			f.add(keys, i)
		}
	}
	if f.query.Entries() == 0 {
		f.spread(nil)
		return nil
	}
	if err := e.Read(ctx, &f.query, &f.vectors); err != nil {
		return err
	}
	for i := range f.vectors.Len() {
		if f.vectors.Status(i) != engine.Failed {
			continue
		}
		// A key that its column cannot hold is one without a row.
		if err := f.vectors.Err(i); err.Code != fail.BadKeyValue && err.Code != fail.KeyRefused {
			return err
		}
	}
	if f.rows = f.vectors.Rows(); len(f.rows) != len(f.entry) { // some keys are null
		f.spread(f.rows)
	}
	if g.HistoryTable != 0 && g.EventTime != "" {
		return r.lookBack(ctx, e, q, p, f)
	}
	return nil
}

// spread gives every key the row of its entry.
func (f *fetched) spread(rows []codec.Row) {
	f.made = slices.Grow(f.made, len(f.entry))[:len(f.entry)]
	f.rows = f.made
	for i, entry := range f.entry {
		if entry >= 0 {
			f.rows[i] = rows[entry]
		}
	}
}

// sameLayout makes sure that the group which is read has its columns where the plan
// expects them: the definitions may have changed since the plan was made.
func sameLayout(reads []engineplan.Read, g *catalog.Group) error {
	if len(reads) > 0 && reads[0].Group == g {
		return nil
	}
	same := len(reads) > 0 && slices.Equal(reads[0].Group.Key, g.Key)
	for i := range g.Features {
		f := &g.Features[i]
		if !same {
			break
		}
		now := reads[0].Group.Feature(f.Name)
		same = now != nil && now.Slot == f.Slot && vec.SameShape(now.Type, f.Type)
	}
	if !same {
		return fail.Errorf(fail.Conflict, "Group %s changed meanwhile; try again.", g.Name)
	}
	return nil
}

// add adds the entry of row i of the keys.
func (f *fetched) add(keys []*vec.Column, i int) {
	for _, c := range keys {
		if c.Null(i) {
			f.entry = append(f.entry, -1)
			return
		}
	}
	f.entry = append(f.entry, int32(f.query.Entries()))
	f.query.NewEntry()
	for k, c := range keys {
		start := len(f.keys)
		f.keys = c.AppendFennel(f.keys, i) // grown memory leaves the old tokens where they are
		f.query.Key(f.names[k], f.keys[start:len(f.keys):len(f.keys)])
	}
	f.query.EndEntry()
}

// listEntries adds an entry for every element of the lists that are the key.
func (r *run) listEntries(f *fetched, p *fetch, keys []*vec.Column) error {
	elements := make([]*vec.Column, len(keys))
	for k, c := range keys {
		elements[k] = c.Kids[0]
	}
	same := true // lists of several columns begin at the same elements
	for _, c := range keys[1:] {
		same = same && slices.Equal(c.Off[:r.n+1], keys[0].Off[:r.n+1])
	}
	if !same {
		return r.raggedEntries(f, p, keys)
	}
	f.off = append(f.off, 0)
	for i := range r.n {
		null := false
		for _, c := range keys {
			null = null || c.Null(i)
		}
		f.nulls = append(f.nulls, null)
		for at := keys[0].Off[i]; at < keys[0].Off[i+1] && !null; at++ {
			f.add(elements, int(at))
		}
		f.off = append(f.off, int32(len(f.entry)))
	}
	return nil
}

// raggedEntries finds the row whose lists differ in length. A null list may do so; the
// others are then shifted against each other, and gathered anew.
func (r *run) raggedEntries(f *fetched, p *fetch, keys []*vec.Column) error {
	elements := make([]*vec.Column, len(keys))
	for k, c := range keys {
		elements[k] = vec.New(c.Kids[0].Type)
	}
	f.off = append(f.off, 0)
	at := 0
	for i := range r.n {
		n, null := -1, false
		for _, c := range keys {
			null = null || c.Null(i)
		}
		f.nulls = append(f.nulls, null)
		for k, c := range keys {
			if null {
				break
			}
			size := int(c.Off[i+1] - c.Off[i])
			if n >= 0 && size != n {
				return fail.Errorf(fail.Malformed, "row %d: the key lists `%s` (%d elements) and `%s` (%d) differ in length", i,
					r.plan.slots[p.keys[0]].name, n, r.plan.slots[p.keys[k]].name, size)
			}
			n = size
			if err := elements[k].PushRange(c.Kids[0], int(c.Off[i]), int(c.Off[i+1])); err != nil {
				return tooLarge(r.plan.slots[p.keys[k]].name, err)
			}
		}
		for ; at < elements[0].Len; at++ {
			f.add(elements, at)
		}
		f.off = append(f.off, int32(len(f.entry)))
	}
	return nil
}

// lookBack replaces rows whose event time lies after the request's by those that were
// there before.
func (r *run) lookBack(ctx context.Context, e *engine.Engine, q *Request, p *fetch, f *fetched) error {
	g := p.group
	var late []int
	var tokens [][][]byte
	var times []int64
	for i := range f.rows {
		if f.rows[i].Columns() > 0 && f.rows[i].Time() > r.now {
			late = append(late, i)
			tokens = append(tokens, f.query.Tokens(int(f.entry[i])))
			times = append(times, r.now)
		}
	}
	if late == nil {
		return nil
	}
	rows, found, err := e.AsOf(ctx, q.Who, engine.Ref{Store: g.StoreKey, Name: g.Name, Version: g.Version}, tokens, times)
	if err != nil {
		return err
	}
	for n, i := range late {
		if f.rows[i] = rows[n]; !found[n] || g.TTL > 0 && r.now-rows[n].Time() > g.TTL.Microseconds() {
			f.rows[i] = codec.Row{}
		}
	}
	return nil
}

// cell returns the slot's fragment of a row; nil when there is no row.
func (s *slot) cell(row *codec.Row) ([]byte, codec.Special) {
	switch at := s.column.Slot; {
	case at < row.Columns():
		return row.Cell(at), row.Special(at)
	case row.Columns() == 0:
		return nil, codec.None
	default: // it is older than the column
		return s.column.Default, codec.None
	}
}

// null reports whether a fragment is that of no value: null, or no row at all.
func null(cell []byte, sp codec.Special) bool {
	return cell == nil || sp == codec.None && len(cell) == 4 && string(cell) == "null"
}

// decode makes the column of a looked-up feature.
func (r *run) decode(at int) (*vec.Column, error) {
	s := &r.plan.slots[at]
	f := &r.fetched[s.fetch]
	c := r.memory(at)
	into := c
	if r.plan.fetches[s.fetch].list {
		into = c.Kids[0]
	}
	push := func(row *codec.Row) error {
		cell, sp := s.cell(row)
		switch {
		case !null(cell, sp):
			return r.loader.PushCell(into, cell, sp)
		case s.fallback != nil:
			return into.PushRow(s.fallback, 0)
		}
		into.PushNull()
		return nil
	}
	if into == c {
		for i := range f.rows {
			if err := push(&f.rows[i]); err != nil {
				return nil, unreadable(s.name, err)
			}
		}
		return c, nil
	}
	for i := range r.n {
		if f.nulls[i] {
			if !s.typ.Optional {
				return nil, fail.Errorf(fail.Malformed, "Feature `%s`: row %d: the list of keys is null", s.name, i)
			}
			c.PushNull()
			continue
		}
		for at := f.off[i]; at < f.off[i+1]; at++ {
			if err := push(&f.rows[at]); err != nil {
				return nil, unreadable(s.name, err)
			}
		}
		if err := c.PushList(); err != nil {
			return nil, tooLarge(s.name, err)
		}
	}
	return c, nil
}

func unreadable(name string, err error) error {
	return fail.Wrap(fail.ReadFailed, err, "Feature `%s` cannot be read.", name)
}

func tooLarge(name string, err error) error {
	return fail.Wrap(fail.Malformed, err, "Feature `%s`: %v.", name, err)
}

// fits holds the values of a feature against its restrictions.
func fits(name string, t *codec.Type, c *vec.Column) error {
	if t.Optional && !vec.Restricted(t) {
		return nil
	}
	nulls := c.HasNulls()
	if nulls && !t.Optional {
		for i := range c.Len {
			if c.Null(i) {
				return fail.Errorf(fail.Malformed, "column %q, row %d: null where %s is not Optional", name, i, vec.TypeName(t))
			}
		}
	}
	if !vec.Restricted(t) {
		return nil
	}
	var view vec.Column
	view.View(c, t)
	for i := range c.Len {
		if nulls && c.Null(i) {
			continue
		}
		if err := view.Fits(i); err != nil {
			return fail.Errorf(fail.Malformed, "column %q, row %d: %s", name, i, err)
		}
	}
	return nil
}
