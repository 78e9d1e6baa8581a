package featureset

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"quiver/engine"
	"quiver/engine/expr"
	"quiver/engine/expr/vec"
	"quiver/engine/fail"
)

// run is one request being computed: all memory that it takes. It is pooled with its
// plan.
type run struct {
	plan   *plan
	state  *state
	answer Answer
	n      int
	now    int64

	frame   vec.Frame
	loader  vec.Loader
	columns []*vec.Column // by slot; nil: not there (yet)
	own     []*vec.Column // by slot: memory for it; nil: none was needed yet
	fetched []fetched
	scratch []*expr.Scratch
	frames  []vec.Frame // by code
	text    []byte      // what goes to and comes from code
}

// maxKept is how much memory a run may hold on to in its pool, in bytes.
const maxKept = 4 << 20

// get returns a run of the plan, which holds the state until it is released.
func (p *plan) get(s *state) *run {
	r, _ := p.pool.Get().(*run)
	if r == nil {
		r = &run{
			plan:    p,
			columns: make([]*vec.Column, len(p.slots)),
			own:     make([]*vec.Column, len(p.slots)),
			fetched: make([]fetched, len(p.fetches)),
			scratch: make([]*expr.Scratch, p.programs),
			frames:  make([]vec.Frame, len(p.codes)),
		}
	}
	r.state = s
	return r
}

// release forgets the request and gives the memory back.
func (r *run) release() {
	s := r.state
	clear(r.columns)
	for i := range r.fetched {
		r.fetched[i].reset()
	}
	r.state = nil
	if r.size() <= maxKept {
		r.plan.pool.Put(r)
	}
	s.release()
}

func (r *run) size() int {
	n := r.frame.Size() + cap(r.text)
	for _, c := range r.own {
		if c != nil {
			n += c.Size()
		}
	}
	for i := range r.fetched {
		n += r.fetched[i].size()
	}
	for _, s := range r.scratch {
		if s != nil {
			n += s.Size()
		}
	}
	for i := range r.frames {
		n += r.frames[i].Size()
	}
	return n
}

// extract runs the plan on a request.
func (r *run) extract(ctx context.Context, e *engine.Engine, q *Request) error {
	if r.now = q.Now; r.now == 0 {
		r.now = e.Now()
	}
	r.loader.Now = r.now
	if err := r.load(q); err != nil {
		return err
	}
	for _, s := range r.plan.steps {
		if err := ctx.Err(); err != nil {
			return fail.Wrap(fail.Timeout, err, "The request took too long.")
		}
		var err error
		switch {
		case s.fetch >= 0:
			err = r.fetch(ctx, e, q, s.fetch)
		case s.slot >= 0:
			_, err = r.column(s.slot)
		default:
			err = r.call(ctx, &r.plan.codes[s.code], &r.frames[s.code])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// load takes the inputs from the request.
func (r *run) load(q *Request) error {
	p := r.plan
	most := q.MaxRows
	if most <= 0 {
		most = defaultRows
	}
	if q.Columns != nil {
		return r.take(q, most)
	}
	r.frame.Reset(p.names, p.types)
	if err := r.loader.Load(&r.frame, q.Data, most); err != nil {
		text, code := err.Error(), fail.Malformed
		if errors.As(err, new(vec.RowsError)) {
			code = fail.TooLarge
		}
		if name, ok := strings.CutPrefix(text, `json does not contain column "`); ok {
			text = "json does not contain column " + strings.TrimSuffix(name, `"`)
		}
		return fail.Errorf(code, "%s", text)
	}
	r.n = r.frame.Rows
	for i, slot := range p.inputs {
		r.columns[slot] = r.frame.Columns[i]
	}
	return nil
}

// take uses the columns that the caller made.
func (r *run) take(q *Request, most int) error {
	p := r.plan
	if len(q.Columns) != p.given {
		return fail.Errorf(fail.Malformed, "%d columns for %d inputs.", len(q.Columns), p.given)
	}
	for i, slot := range p.inputs {
		c := q.Columns[p.columns[i]]
		switch {
		case !vec.SameShape(c.Type, p.types[i]):
			return fail.Errorf(fail.Malformed, "column %q is %s, not %s", p.names[i], vec.TypeName(c.Type), vec.TypeName(p.types[i]))
		case i > 0 && c.Len != r.n:
			return fail.Errorf(fail.Malformed, "columns have different lengths: %q has %d rows, %q has %d", p.names[0], r.n, p.names[i], c.Len)
		case c.Len > most:
			return fail.Errorf(fail.TooLarge, "%v", vec.RowsError(most))
		}
		if err := fits(p.names[i], p.types[i], c); err != nil {
			return err
		}
		r.n = c.Len
		r.columns[slot] = c
	}
	if len(p.inputs) == 0 {
		r.n = 0
	}
	return nil
}

// column returns the values of a slot, computing them at first. What it needs was
// computed before.
func (r *run) column(at int) (*vec.Column, error) {
	if c := r.columns[at]; c != nil {
		return c, nil
	}
	s := &r.plan.slots[at]
	var c *vec.Column
	var err error
	switch s.way {
	case wayLookup:
		c, err = r.decode(at)
	case wayAlias:
		c, err = r.alias(at)
	default:
		c, err = r.eval(at)
	}
	if err == nil && s.strict {
		err = fits(s.name, s.typ, c)
	}
	if err != nil {
		return nil, err
	}
	r.columns[at] = c
	return c, nil
}

// memory returns the slot's own column, empty.
func (r *run) memory(at int) *vec.Column {
	if r.own[at] == nil {
		r.own[at] = &vec.Column{}
	}
	r.own[at].Reset(r.plan.slots[at].typ)
	return r.own[at]
}

// alias shows another slot, with its nulls replaced if there is a default.
func (r *run) alias(at int) (*vec.Column, error) {
	s := &r.plan.slots[at]
	from, err := r.column(s.from)
	if err != nil {
		return nil, err
	}
	c := r.memory(at)
	if s.fallback == nil || !from.HasNulls() {
		// A view shares memory, which a Reset would then write to.
		c = &vec.Column{}
		c.View(from, s.typ)
		return c, nil
	}
	for i := range r.n {
		if from.Null(i) {
			err = c.PushRow(s.fallback, 0)
		} else {
			err = c.PushRow(from, i)
		}
		if err != nil {
			return nil, tooLarge(s.name, err)
		}
	}
	return c, nil
}

// eval runs an expression.
func (r *run) eval(at int) (*vec.Column, error) {
	s := &r.plan.slots[at]
	in := make([]*vec.Column, len(s.args))
	for i, arg := range s.args {
		var err error
		if in[i], err = r.column(arg); err != nil {
			return nil, err
		}
	}
	if r.scratch[s.scratch] == nil {
		r.scratch[s.scratch] = s.program.NewScratch()
	}
	c, err := r.scratch[s.scratch].Eval(in, r.n, r.now)
	if err != nil {
		var data *expr.RunError
		if errors.As(err, &data) {
			return nil, &fail.Error{Code: fail.Malformed, Name: s.name, Text: "Feature `" + s.name + "`: " + err.Error()}
		}
		return nil, fail.Wrap(fail.Internal, err, "Feature `%s` cannot be computed.", s.name)
	}
	return c, nil
}

// call runs code over columns.
func (r *run) call(ctx context.Context, c *code, f *vec.Frame) error {
	in := append(r.text[:0], `{"now":"`...)
	in = appendInstant(in, r.now)
	in = strconv.AppendInt(append(in, `","rows":`...), int64(r.n), 10)
	in = append(in, `,"types":[`...)
	for i, at := range c.inputs {
		if i > 0 {
			in = append(in, ',')
		}
		in = appendReading(in, r.plan.slots[at].typ)
	}
	in = append(in, `],"inputs":[`...)
	for i, at := range c.inputs {
		if i > 0 {
			in = append(in, ',')
		}
		in = append(in, r.plan.slots[at].quoted...)
	}
	in = append(in, `],"data":{`...)
	for i, at := range c.inputs {
		if slices.Contains(c.inputs[:i], at) {
			continue
		}
		if i > 0 {
			in = append(in, ',')
		}
		in = append(append(in, r.plan.slots[at].quoted...), ':', '[')
		in = append(r.appendSlot(in, at), ']')
	}
	in = append(in, "}}"...)
	r.text = in
	out, err := c.function.Call(ctx, nil, in)
	if err != nil {
		var known *fail.Error
		if errors.As(err, &known) {
			return err
		}
		return fail.Wrap(fail.Internal, err, "Extractor `%s` failed: %v", c.name, err)
	}
	f.Reset(c.names, c.types)
	if err := r.loader.Load(f, out, r.n); err != nil {
		return fail.Wrap(fail.Internal, err, "Extractor `%s` does not answer what it should: %v", c.name, err)
	}
	if len(c.names) > 0 && f.Rows != r.n {
		return fail.Errorf(fail.Internal, "Extractor `%s` answers %d rows for %d.", c.name, f.Rows, r.n)
	}
	for i, at := range c.outputs {
		r.columns[at] = f.Columns[i]
	}
	return nil
}
