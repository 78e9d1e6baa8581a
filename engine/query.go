package engine

import (
	"strings"

	"quiver/codec"
	"quiver/engine/auth"
	"quiver/engine/fail"
	"quiver/engine/plan"
)

// Query is one read being put together: a view or group, and the entries to look
// up. It is made to be pooled. The order of calls is
//
//	Engine.Open, then per entry NewEntry, Key…, Pass…, then Engine.Read.
//
// A Query keeps the slices it is given; they must stay unchanged until the answer
// was written.
type Query struct {
	plan     *plan.Plan
	validate bool
	entries  int
	tokens   [][]byte // entries x slots: the raw JSON token given for a slot, nil when absent
	given    int      // keys given for the current entry
	hint     int      // slot expected next
	errs     []entryError
	passes   []pass
	name     []byte // scratch for the plan lookup
}

type entryError struct {
	entry int
	err   *fail.Error
}

// pass is one passed feature that will overwrite a position.
type pass struct {
	entry    int32
	position uint16
	token    []byte
}

// Reset empties q and drops every reference to the request.
func (q *Query) Reset() {
	clear(q.tokens)
	clear(q.errs)
	clear(q.passes)
	*q = Query{tokens: q.tokens[:0], errs: q.errs[:0], passes: q.passes[:0], name: q.name[:0]}
}

// Open starts a read of a view (by its store, name and version; version 0 is the newest,
// and a negative one does not exist) on behalf of who. It fails with NoStore, Forbidden,
// NoView or NoGroup.
func (e *Engine) Open(q *Query, who auth.Principal, store, view []byte, version int) error {
	return e.open(q, who, store, view, version, viewPlan)
}

// OpenGroup starts a read of a bare group, keyed by its primary key columns.
func (e *Engine) OpenGroup(q *Query, who auth.Principal, store, group []byte, version int) error {
	return e.open(q, who, store, group, version, groupPlan)
}

// OpenPlan starts a read by a plan that the caller keeps, which must be sound; nobody's
// rights are checked.
func (q *Query) OpenPlan(p *plan.Plan) { q.plan, q.validate = p, true }

func (e *Engine) open(q *Query, who auth.Principal, store, name []byte, version int, kind byte) error {
	s := e.state.Load()
	q.name = appendPlanKey(q.name[:0], kind, store, name, version)
	p := s.plans[string(q.name)]
	if p == nil {
		return s.missing(who, store, name, version, kind)
	}
	for _, st := range p.Stores {
		if !who.MayReadStore(st) {
			return forbidden(st)
		}
	}
	if p.Broken != "" {
		return &fail.Error{Code: fail.NoGroup, Name: p.Name, Text: "Feature view may contain deleted feature groups. " + p.Broken}
	}
	q.plan, q.validate = p, true
	return nil
}

func forbidden(store string) error {
	store = strings.ToLower(store) // as stores are compared
	return &fail.Error{Code: fail.Forbidden, Name: store, Text: "API key not authorized to access " + store}
}

// Plan is what q was opened on.
func (q *Query) Plan() *plan.Plan { return q.plan }

// Tokens returns the raw JSON values that entry i gives, by slot of the plan; nil for
// those that it does not give. The slice is q's.
func (q *Query) Tokens(i int) [][]byte {
	n := len(q.plan.Slots)
	return q.tokens[i*n : (i+1)*n : (i+1)*n]
}

// Entries is the number of entries so far.
func (q *Query) Entries() int { return q.entries }

// SkipValidation turns off the checks of passed features: unknown names are
// dropped, values of any kind are shown as given.
func (q *Query) SkipValidation() { q.validate = false }

// NewEntry starts the next entry.
func (q *Query) NewEntry() {
	q.entries++
	q.given, q.hint = 0, 0
	n := q.entries * len(q.plan.Slots)
	if n <= cap(q.tokens) {
		q.tokens = q.tokens[:n]
		return
	}
	q.tokens = append(q.tokens, make([][]byte, n-len(q.tokens))...)
}

// Key gives the current entry a key by name; token is the raw JSON value, not null.
// An unknown name fails the entry. A name given twice counts once, the last value.
func (q *Query) Key(name, token []byte) {
	q.given++
	slot, ok := q.plan.Slot(name, q.hint)
	if !ok {
		if q.failed(q.entries - 1) {
			return
		}
		q.fail(&fail.Error{
			Code: fail.BadKeyName, Name: string(name),
			Text: "Provided primary key `" + string(name) + "` does not belong to the set of primary keys.",
		})
		return
	}
	q.hint = slot + 1
	q.tokens[(q.entries-1)*len(q.plan.Slots)+slot] = token
}

// EndEntry finishes the keys of the current entry; one without any key fails.
func (q *Query) EndEntry() {
	if q.given == 0 {
		q.fail(&fail.Error{Code: fail.BadKeyName, Text: "No entries found"})
	}
}

// Pass gives entry i (counted from 0, never less than in an earlier call) a feature that replaces what is stored; token
// is the raw JSON value of the given kind, not null. Bad ones fail the entry unless
// validation is off.
func (q *Query) Pass(i int, name, token []byte, kind codec.JSONKind) {
	positions := q.plan.Positions(name)
	if q.validate {
		if q.failed(i) {
			return
		}
		if err := q.checkPassed(name, positions, kind); err != nil {
			q.errs = append(q.errs, entryError{i, err})
			return
		}
	}
	for _, p := range positions {
		q.passes = append(q.passes, pass{int32(i), p, token})
	}
}

func (q *Query) checkPassed(name []byte, positions []uint16, kind codec.JSONKind) *fail.Error {
	if len(positions) == 0 {
		return &fail.Error{
			Code: fail.BadFeatureName, Name: string(name),
			Text: "Feature `" + string(name) + "` does not exist in the feature view or it is a label which cannot be a passed feature.",
		}
	}
	for _, p := range positions {
		f := &q.plan.Features[p]
		if !f.Passed.Accepts(kind) {
			return &fail.Error{
				Code: fail.BadFeatureType, Name: string(name),
				Text: "Feature name: " + string(name) + ". Got: '" + kindName(kind) + "', expected: '" + f.Passed.String() + "' (offline type: " + f.Text + ")",
			}
		}
	}
	return nil
}

// failed reports whether the last failure is of entry i. Its first one is all that is
// told, and a request may hold hundreds of thousands of unknown names.
func (q *Query) failed(i int) bool {
	n := len(q.errs)
	return n > 0 && q.errs[n-1].entry == i
}

func (q *Query) fail(err *fail.Error) {
	q.errs = append(q.errs, entryError{q.entries - 1, err})
}

// kindName is the contract's word for a JSON kind.
func kindName(k codec.JSONKind) string {
	switch k {
	case codec.JSONNumber:
		return "NUMBER"
	case codec.JSONString:
		return "STRING"
	case codec.JSONBool:
		return "BOOLEAN"
	case codec.JSONNull:
		return "NIL"
	default:
		return "OTHER"
	}
}
