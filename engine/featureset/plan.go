package featureset

import (
	"strings"
	"sync"

	"quiver/codec"
	"quiver/engine/catalog"
	"quiver/engine/expr"
	"quiver/engine/expr/vec"
	"quiver/engine/fail"
)

// plan says how to come from some inputs to some outputs. It is immutable and shared;
// its memory to run in is pooled.
type plan struct {
	slots    []slot // every feature that takes part; each after those it is computed from
	inputs   []int  // slots
	outputs  []int
	columns  []int // of the request's Columns: which one is input i
	given    int   // how many names the request's Inputs have
	fetches  []fetch
	steps    []step
	codes    []code
	programs int

	names []string // of inputs
	types []*codec.Type

	pool sync.Pool
}

// way is how a slot comes to its values.
type way uint8

const (
	wayGiven way = iota
	wayLookup
	wayAlias
	wayExpr
	wayCode
)

// slot is one feature.
type slot struct {
	name   string // Featureset.feature
	quoted []byte // as JSON
	typ    *codec.Type
	way    way

	// Lookup.
	fetch    int
	column   *catalog.Feature
	raw      copier      // how stored fragments print; nil: they must be decoded
	plain    bool        // fragments print as they are stored
	float    bool        // they do, if they have a point
	fallback *vec.Column // one row; nil: null
	printed  []byte      // fallback as JSON
	strict   bool        // values must be held against the type's restrictions

	from    int   // alias: the slot it shows
	args    []int // expr: its columns
	program *expr.Program
	scratch int // expr: which of the run's
}

// fetch is one batched read: rows of a group by keys that some slots hold.
type fetch struct {
	group *catalog.Group
	keys  []int // slots, in the order of group.Key
	list  bool
}

// code is one call of an extractor's function.
type code struct {
	name     string // Featureset.function, for messages
	function Function
	inputs   []int
	outputs  []int // slots; outputs that the request gives are not among them
	names    []string
	types    []*codec.Type
}

// step is one thing to do, in order. Exactly one is not negative.
type step struct{ fetch, slot, code int }

// resolver finds what is needed for a plan.
type resolver struct {
	state   *state
	store   string
	p       *plan
	slot    map[catalog.FeatureRef]int
	open    map[catalog.FeatureRef]bool
	wanted  map[int]bool // slots that are outputs
	fetches map[string]int
}

// compilePlan resolves a request (Fennel contract, section 4.3).
func compilePlan(s *state, store string, inputs, outputs []string) (*plan, error) {
	r := &resolver{
		state: s, store: store, p: &plan{given: len(inputs)},
		slot: map[catalog.FeatureRef]int{}, open: map[catalog.FeatureRef]bool{}, wanted: map[int]bool{}, fetches: map[string]int{},
	}
	if len(outputs) == 0 {
		return nil, fail.Errorf(fail.Malformed, "No outputs are asked for.")
	}
	for i, name := range inputs {
		set, feature, ok := strings.Cut(name, ".")
		if !ok {
			return nil, &fail.Error{Code: fail.Malformed, Name: name, Text: "Input `" + name + "` must be a feature, written Featureset.feature."}
		}
		ref := catalog.FeatureRef{Featureset: set, Feature: feature}
		_, f, err := r.find(ref)
		if err != nil {
			return nil, err
		}
		if _, again := r.slot[ref]; again {
			continue
		}
		at := r.add(ref, slot{typ: f.Type, way: wayGiven})
		r.p.inputs = append(r.p.inputs, at)
		r.p.columns = append(r.p.columns, i)
		r.p.names = append(r.p.names, name)
		r.p.types = append(r.p.types, f.Type)
	}
	done := make(map[string]bool, len(outputs))
	for _, name := range outputs {
		if done[name] {
			continue
		}
		done[name] = true
		if err := r.output(name); err != nil {
			return nil, err
		}
	}
	return r.p, nil
}

// output adds a feature, or all of a featureset, to the outputs.
func (r *resolver) output(name string) error {
	set, feature, ok := strings.Cut(name, ".")
	if ok {
		return r.want(catalog.FeatureRef{Featureset: set, Feature: feature})
	}
	s := r.state.snap.Featureset(r.store, set, 0)
	if s == nil {
		return &fail.Error{Code: fail.NotFound, Name: name, Text: "Featureset `" + name + "` not found."}
	}
	for i := range s.Features {
		if err := r.want(catalog.FeatureRef{Featureset: set, Feature: s.Features[i].Name}); err != nil {
			return err
		}
	}
	return nil
}

func (r *resolver) want(ref catalog.FeatureRef) error {
	at, err := r.resolve(ref)
	if err == nil && !r.wanted[at] {
		r.wanted[at] = true
		r.p.outputs = append(r.p.outputs, at)
	}
	return err
}

// find returns a feature by its name.
func (r *resolver) find(ref catalog.FeatureRef) (*catalog.Featureset, *catalog.SetFeature, error) {
	s := r.state.snap.Featureset(r.store, ref.Featureset, 0)
	if s == nil {
		return nil, nil, &fail.Error{Code: fail.NotFound, Name: ref.String(), Text: "Feature `" + ref.String() + "` not found: there is no featureset `" + ref.Featureset + "`."}
	}
	f := s.Feature(ref.Feature)
	if f == nil {
		return nil, nil, &fail.Error{Code: fail.NotFound, Name: ref.String(), Text: "Feature `" + ref.String() + "` not found."}
	}
	return s, f, nil
}

// add appends a slot.
func (r *resolver) add(ref catalog.FeatureRef, s slot) int {
	s.name = ref.String()
	s.quoted = codec.AppendQuoted(nil, []byte(s.name))
	at := len(r.p.slots)
	r.p.slots = append(r.p.slots, s)
	r.slot[ref] = at
	return at
}

// resolve returns the slot of a feature, planning first what it is computed from.
func (r *resolver) resolve(ref catalog.FeatureRef) (int, error) {
	if at, ok := r.slot[ref]; ok {
		return at, nil
	}
	s, f, err := r.find(ref)
	switch {
	case err != nil:
		return 0, err
	case !f.Computed():
		return 0, &fail.Error{Code: fail.Malformed, Name: ref.String(), Text: "No extractor found for feature `" + ref.String() + "`."}
	case s.Broken != "":
		return 0, &fail.Error{Code: fail.NoGroup, Name: s.Name, Text: "Featureset " + s.Name + " cannot be extracted. " + s.Broken}
	case r.open[ref]:
		return 0, &fail.Error{Code: fail.Malformed, Name: ref.String(), Text: "Cyclic graph detected in extractors: `" + ref.String() + "` needs itself."}
	}
	r.open[ref] = true
	defer delete(r.open, ref)
	switch {
	case f.Lookup != nil:
		return r.lookup(ref, s, f)
	case f.Alias != nil:
		return r.alias(ref, f)
	case f.Expr != nil:
		return r.expr(ref, f)
	default:
		return r.code(ref, s, f.Extractor)
	}
}

func (r *resolver) lookup(ref catalog.FeatureRef, s *catalog.Featureset, f *catalog.SetFeature) (int, error) {
	l := f.Lookup
	keys := make([]int, len(l.Keys))
	for i, n := range l.Keys {
		var err error
		if keys[i], err = r.resolve(catalog.FeatureRef{Featureset: ref.Featureset, Feature: s.Features[n].Name}); err != nil {
			return 0, err
		}
	}
	out := slot{typ: f.Type, way: wayLookup, fetch: r.fetch(l, keys), column: l.Field, fallback: f.Default, strict: vec.Restricted(f.Type)}
	out.printed = []byte("null")
	if f.Default != nil {
		out.printed = f.Default.AppendFennel(nil, 0)
	}
	if !l.List && !out.strict {
		out.raw = copierOf(f.Type)
		out.plain = out.raw != nil && printsPlain(f.Type)
		out.float = f.Type.Kind == codec.KindFloat || f.Type.Kind == codec.KindDouble
	}
	at := r.add(ref, out)
	if out.raw == nil {
		r.step(step{fetch: -1, slot: at, code: -1})
	}
	return at, nil
}

// fetch returns the read of a group by some keys; features that are looked up alike
// share it.
func (r *resolver) fetch(l *catalog.Lookup, keys []int) int {
	id := string(appendInts(appendInts(nil, []int{int(l.Group.ID)}), keys))
	if at, ok := r.fetches[id]; ok {
		return at
	}
	f := fetch{group: l.Group, keys: keys, list: l.List}
	at := len(r.p.fetches)
	r.p.fetches = append(r.p.fetches, f)
	r.fetches[id] = at
	r.step(step{fetch: at, slot: -1, code: -1})
	return at
}

func (r *resolver) step(s step) { r.p.steps = append(r.p.steps, s) }

func appendInts(dst []byte, values []int) []byte {
	for _, v := range values {
		for shift := 0; shift < 64; shift += 8 {
			dst = append(dst, byte(v>>shift))
		}
	}
	return dst
}

func (r *resolver) alias(ref catalog.FeatureRef, f *catalog.SetFeature) (int, error) {
	from, err := r.resolve(*f.Alias)
	if err != nil {
		return 0, err
	}
	at := r.add(ref, slot{typ: f.Type, way: wayAlias, from: from, fallback: f.Default, strict: vec.Restricted(f.Type)})
	if f.Default != nil || r.p.slots[at].strict {
		r.step(step{fetch: -1, slot: at, code: -1})
	}
	return at, nil
}

func (r *resolver) expr(ref catalog.FeatureRef, f *catalog.SetFeature) (int, error) {
	out := slot{typ: f.Type, way: wayExpr, program: f.Expr, scratch: r.p.programs}
	for _, name := range f.Expr.Columns() {
		arg, err := r.resolve(catalog.FeatureRef{Featureset: ref.Featureset, Feature: name})
		if err != nil {
			return 0, err
		}
		out.args = append(out.args, arg)
	}
	out.scratch = r.p.programs // after those of the arguments
	r.p.programs++
	at := r.add(ref, out)
	r.step(step{fetch: -1, slot: at, code: -1})
	return at, nil
}

// code plans a call and gives all of its outputs slots.
func (r *resolver) code(ref catalog.FeatureRef, s *catalog.Featureset, n int) (int, error) {
	x := &s.Extractors[n]
	c := code{name: s.Name + "." + x.Function, function: r.state.codes[s][n]}
	for _, in := range x.Inputs {
		at, err := r.resolve(in)
		if err != nil {
			return 0, err
		}
		c.inputs = append(c.inputs, at)
	}
	for _, i := range x.Outputs {
		f := &s.Features[i]
		own := catalog.FeatureRef{Featureset: ref.Featureset, Feature: f.Name}
		if _, given := r.slot[own]; given {
			continue
		}
		c.outputs = append(c.outputs, r.add(own, slot{typ: f.Type, way: wayCode}))
		c.names = append(c.names, f.Name)
		c.types = append(c.types, f.Type)
	}
	r.p.codes = append(r.p.codes, c)
	r.step(step{fetch: -1, slot: -1, code: len(r.p.codes) - 1})
	return r.slot[ref], nil
}
