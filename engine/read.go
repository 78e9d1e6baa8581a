package engine

import (
	"context"
	"runtime"

	"quiver/codec"
	"quiver/engine/fail"
	"quiver/engine/plan"
	"quiver/storage"
)

// Read answers q into v: one vector per entry, in order. What goes wrong with one
// entry (a bad key, a damaged row, a failing shard) is that entry's Status and Err;
// the returned error is for the request as a whole: Overloaded, Timeout, or a store
// that answers nothing at all.
//
// Read runs on the calling goroutine while the read pool has room and on a pool
// worker otherwise (Options.Pool). It allocates nothing once q and v are warm.
func (e *Engine) Read(ctx context.Context, q *Query, v *Vectors) error {
	if q.entries > 1 {
		// A connection whose next request is there already never parks: without
		// a yield per batch it keeps its processor until it is preempted, 10 ms
		// later, while others wait.
		runtime.Gosched()
	}
	v.start(q)
	for _, f := range q.errs {
		if v.errs[f.entry] == nil {
			v.failEntry(f.entry, f.err)
		}
	}
	return e.pool.run(ctx, e, v)
}

// read is Read on the goroutine that was chosen for it.
func (e *Engine) read(ctx context.Context, v *Vectors) error {
	v.buildKeys()
	if v.batch.Len() > 0 {
		if err := e.store.Get(ctx, &v.batch); err != nil {
			return fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
		}
	}
	v.resolve(e.expiry(v.plan))
	return nil
}

// expiry returns the present time if some read of the plan needs it. Reading the
// clock costs more than copying a row.
func (e *Engine) expiry(p *plan.Plan) int64 {
	for i := range p.Reads {
		if p.Reads[i].TTL > 0 {
			return e.now()
		}
	}
	return 0
}

// failEntry marks entry i as failed before it is read.
func (v *Vectors) failEntry(i int, err *fail.Error) {
	v.status[i], v.errs[i] = Failed, err
	r := len(v.plan.Reads)
	for k := i * r; k < (i+1)*r; k++ {
		v.found[k] = NotRead
	}
}

// buildKeys turns the entries' tokens into storage keys. Key bytes are built once
// per recipe, so groups of one entity share them.
func (v *Vectors) buildKeys() {
	p := v.plan
	slots, reads := len(p.Slots), len(p.Reads)
	for i := range v.status {
		if v.status[i] == Failed {
			continue
		}
		tokens := v.q.tokens[i*slots : (i+1)*slots]
		v.buildEntry(i, tokens, v.at[i*reads:(i+1)*reads], v.found[i*reads:(i+1)*reads])
	}
}

func (v *Vectors) buildEntry(i int, tokens [][]byte, at []int32, found []Found) {
	p := v.plan
	clear(v.routes)
	first := v.batch.Len()
	for r := range p.Reads {
		read := &p.Reads[r]
		at[r] = -1
		route := &v.routes[read.Recipe]
		if route.to == 0 {
			err := v.appendRoute(route, &p.Recipes[read.Recipe], tokens)
			if err != nil {
				v.drop(first)
				v.failEntry(i, err)
				return
			}
			if route.to == 0 {
				found[r] = Incomplete
				continue
			}
		}
		key := storage.Key{Table: read.Table, Route: v.keys[route.from:route.to:route.to]}
		if len(v.status) > 1 { // the reads of one entry hardly ever meet
			at[r] = int32(v.batch.AddOnce(key))
		} else {
			at[r] = int32(v.batch.Add(key))
		}
	}
}

// drop takes back the keys added to the batch since it had n of them.
func (v *Vectors) drop(n int) { v.batch.Truncate(n) }

// appendRoute builds the key bytes of a recipe in v.keys and sets route to where they are,
// or leaves it when the entry does not give all columns. What was sliced off v.keys stays
// valid when it grows: the old memory is not written to any more.
func (v *Vectors) appendRoute(route *span, recipe *plan.Recipe, tokens [][]byte) *fail.Error {
	for c := range recipe.Columns {
		if firstGiven(recipe.Columns[c].From, tokens) == nil {
			return nil // before any type is looked at, as the contract has it
		}
	}
	start := len(v.keys)
	for c := range recipe.Columns {
		column := &recipe.Columns[c]
		keys, err := codec.AppendKeyJSON(v.keys, column.Type, firstGiven(column.From, tokens))
		if err != nil {
			v.keys = v.keys[:start]
			return badKey(column, err)
		}
		v.keys = keys
	}
	*route = span{start, len(v.keys)}
	return nil
}

func firstGiven(from []uint16, tokens [][]byte) []byte {
	for _, s := range from {
		if tokens[s] != nil {
			return tokens[s]
		}
	}
	return nil
}

// badKey words a key value that its column cannot take. The contract answers numbers
// (truth values are such) that are none in one way and values that a store refuses in
// another.
func badKey(column *plan.KeyColumn, err error) *fail.Error {
	code := fail.KeyRefused
	if t := column.Type; t.Integer() || t.Kind == codec.KindBoolean || t.Kind == codec.KindDecimal {
		code = fail.BadKeyValue
	}
	return &fail.Error{
		Code: code, Name: column.Name, Err: err,
		Text: "Primary key '" + column.Name + "' should be in '" + column.Type.Kind.SQL() + "' format.",
	}
}

// resolve turns what the store found into statuses and rows. now is 0 when nothing
// expires.
func (v *Vectors) resolve(now int64) {
	p := v.plan
	reads := len(p.Reads)
	for i := range v.status {
		if v.status[i] == Failed {
			continue
		}
		if p.Spine {
			v.status[i] = Missing
		}
		for r := range p.Reads {
			v.resolveRead(i, i*reads+r, &p.Reads[r], now)
		}
	}
}

func (v *Vectors) resolveRead(i, k int, read *plan.Read, now int64) {
	if v.found[k] == Incomplete {
		v.worsen(i, Missing)
		return
	}
	stored, _, err := v.batch.Row(int(v.at[k]))
	var row codec.Row
	if err == nil && stored != nil {
		row, err = codec.ParseRow(stored)
	}
	switch {
	case err != nil:
		v.found[k] = ReadError
		v.worsen(i, Failed)
		if v.errs[i] == nil {
			v.errs[i] = fail.Wrap(fail.ReadFailed, err, "Reading from db failed.")
			v.errs[i].Name = read.Group.Name
		}
	case stored == nil, read.TTL > 0 && now-row.Time() > read.TTL:
		v.found[k] = NoRow
		v.worsen(i, Missing)
	default:
		v.found[k] = FoundRow
		v.rows[k] = row
	}
}

// worsen raises the status of entry i: Failed beats Missing beats Complete.
func (v *Vectors) worsen(i int, s Status) {
	if s > v.status[i] {
		v.status[i] = s
	}
}
