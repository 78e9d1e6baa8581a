package engine

import (
	"sort"

	"quiver/codec"
	"quiver/engine/fail"
	"quiver/engine/plan"
	"quiver/storage"
)

// Status is what became of one entry.
type Status uint8

// The statuses. Complete: every row was found. Missing: some row does not exist or
// its key was not given whole. Error: something about the entry failed; see Err.
const (
	Complete Status = iota
	Missing
	Failed
)

// Found is what became of one point read of one entry.
type Found uint8

// The outcomes of a point read.
const (
	FoundRow   Found = iota
	NoRow            // no such row, or an expired one
	Incomplete       // the entry did not give all key columns
	NotRead          // the entry failed before it was read
	ReadError        // the store failed
)

// Vectors is the answer to a Query. It is made to be pooled, refers to the Query it
// answers, and is valid until either is Reset.
type Vectors struct {
	q      *Query
	plan   *plan.Plan
	status []Status
	errs   []*fail.Error // per entry; nil mostly
	found  []Found       // entries x reads
	rows   []codec.Row   // entries x reads

	batch  storage.Batch
	at     []int32 // entries x reads: position in batch, or -1
	keys   []byte  // key bytes of all entries
	routes []span  // recipes: where in keys those of the entry being built are
	over   [][]byte
}

// span is a stretch of keys; to is 0 while there is none, since no key is empty.
type span struct{ from, to int }

// Reset empties v and lets go of every row.
func (v *Vectors) Reset() {
	clear(v.errs)
	clear(v.rows)
	clear(v.over)
	v.batch.Reset()
	v.q, v.plan = nil, nil
	v.status, v.errs, v.found = v.status[:0], v.errs[:0], v.found[:0]
	v.rows, v.at, v.keys, v.routes, v.over = v.rows[:0], v.at[:0], v.keys[:0], v.routes[:0], v.over[:0]
}

// start sizes v for the entries of q.
func (v *Vectors) start(q *Query) {
	v.q, v.plan = q, q.plan
	n, r := q.entries, len(q.plan.Reads)
	v.status = resize(v.status, n)
	v.errs = resize(v.errs, n)
	v.found = resize(v.found, n*r)
	v.rows = resize(v.rows, n*r)
	v.at = resize(v.at, n*r)
	v.routes = resize(v.routes, len(q.plan.Recipes))
}

// resize returns s with length n and zero elements.
func resize[T any](s []T, n int) []T {
	if n > cap(s) {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// Len is the number of vectors: one per entry, in request order.
func (v *Vectors) Len() int { return len(v.status) }

// Plan is what the vectors were read by.
func (v *Vectors) Plan() *plan.Plan { return v.plan }

// Status returns what became of entry i.
func (v *Vectors) Status(i int) Status { return v.status[i] }

// Err says why entry i has status Failed; nil otherwise.
func (v *Vectors) Err(i int) *fail.Error { return v.errs[i] }

// Found returns what became of the read behind group g of the plan for entry i.
func (v *Vectors) Found(i, g int) Found {
	return v.found[i*len(v.plan.Reads)+int(v.plan.Groups[g].Read)]
}

// Row returns the row that the read behind group g of the plan found for entry i; false
// when there is none.
func (v *Vectors) Row(i, g int) (codec.Row, bool) {
	at := i*len(v.plan.Reads) + int(v.plan.Groups[g].Read)
	return v.rows[at], v.found[at] == FoundRow
}

// Rows returns the rows that a plan with one read found, entry by entry; the zero Row
// where there is none. They are v's memory.
func (v *Vectors) Rows() []codec.Row { return v.rows }

// Cell returns the stored JSON fragment at a position of vector i and what special
// number it stands for. It is nil when there is no row, or the position is a key or
// belongs to a spine group; a column that the row is too old for shows its default.
func (v *Vectors) Cell(i, position int) ([]byte, codec.Special) {
	f := &v.plan.Features[position]
	if f.Read < 0 {
		return nil, codec.None
	}
	at := i*len(v.plan.Reads) + f.Read
	if v.found[at] != FoundRow {
		return nil, codec.None
	}
	row := v.rows[at]
	if f.Column >= row.Columns() {
		return f.Null, codec.None
	}
	return row.Cell(f.Column), row.Special(f.Column)
}

// AppendVector appends vector i as a JSON array: found cells, keys as the caller
// wrote them, passed features, and null for the rest. A failed entry is all nulls.
func (v *Vectors) AppendVector(dst []byte, i int) []byte {
	if v.status[i] == Failed {
		return append(dst, v.plan.NullRow...)
	}
	if len(v.q.passes) > 0 {
		if over := v.overrides(i); over != nil {
			return v.appendOverridden(dst, i, over)
		}
	}
	dst = append(dst, '[')
	for s := range v.plan.Segments {
		seg := &v.plan.Segments[s]
		if s > 0 {
			dst = append(dst, ',')
		}
		switch seg.Kind {
		case plan.Run:
			dst = v.appendRun(dst, i, seg)
		case plan.Each:
			for p := seg.From; p < seg.To; p++ {
				if p > seg.From {
					dst = append(dst, ',')
				}
				dst = v.appendPosition(dst, i, p)
			}
		default:
			dst = append(dst, seg.Nulls...)
		}
	}
	return append(dst, ']')
}

func (v *Vectors) appendRun(dst []byte, i int, seg *plan.Segment) []byte {
	at := i*len(v.plan.Reads) + seg.Read
	if v.found[at] != FoundRow {
		return append(dst, seg.Nulls...)
	}
	row := v.rows[at]
	end := seg.Column + seg.To - seg.From
	if end <= row.Columns() {
		return append(dst, row.Run(seg.Column, end)...)
	}
	for p := seg.From; p < seg.To; p++ { // the row is older than the newest column
		if p > seg.From {
			dst = append(dst, ',')
		}
		dst = v.appendPosition(dst, i, p)
	}
	return dst
}

func (v *Vectors) appendPosition(dst []byte, i, position int) []byte {
	slots := len(v.plan.Slots)
	for _, s := range v.plan.Features[position].Echo {
		if token := v.q.tokens[i*slots+int(s)]; token != nil {
			return append(dst, token...)
		}
	}
	if cell, _ := v.Cell(i, position); cell != nil {
		return append(dst, cell...)
	}
	return append(dst, "null"...)
}

// overrides returns the passed tokens of entry i by position, or nil if it has none.
// Passes lie in ascending order of their entries.
func (v *Vectors) overrides(i int) [][]byte {
	passes := v.q.passes
	first := sort.Search(len(passes), func(k int) bool { return int(passes[k].entry) >= i })
	if first == len(passes) || int(passes[first].entry) != i {
		return nil
	}
	v.over = resize(v.over, len(v.plan.Features))
	for _, p := range passes[first:] {
		if int(p.entry) != i {
			break
		}
		v.over[p.position] = p.token
	}
	return v.over
}

func (v *Vectors) appendOverridden(dst []byte, i int, over [][]byte) []byte {
	dst = append(dst, '[')
	for p := range v.plan.Features {
		if p > 0 {
			dst = append(dst, ',')
		}
		if over[p] != nil {
			dst = append(dst, over[p]...)
		} else {
			dst = v.appendPosition(dst, i, p)
		}
	}
	return append(dst, ']')
}
