package engine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/engine/plan"
)

// state is everything a request needs of the catalog, compiled. A change of the
// catalog builds the next one beside it and swaps a pointer; requests finish on the
// one they began with.
type state struct {
	snap  *catalog.Snapshot
	plans map[string]*plan.Plan // by plan key
	views map[*catalog.View]*plan.Plan
	group map[*catalog.Group]*plan.Plan
}

const (
	viewPlan  byte = 'v'
	groupPlan byte = 'g'
)

// appendPlanKey appends the key of a plan: kind, lower-case store, name and version
// (0 = newest), with a separator no name can contain.
func appendPlanKey(dst []byte, kind byte, store, name []byte, version int) []byte {
	dst = append(dst, kind)
	for _, c := range store {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	dst = append(dst, 0)
	dst = append(dst, name...)
	dst = append(dst, 0)
	return binary.AppendUvarint(dst, uint64(version))
}

// compile builds the state of a snapshot, keeping the plans of old (may be nil) that
// nothing changed for.
func compile(snap *catalog.Snapshot, old *state) (*state, error) {
	if old == nil {
		old = &state{}
	}
	views, groups := snap.Views(), snap.Groups()
	s := &state{
		snap:  snap,
		plans: make(map[string]*plan.Plan, 2*(len(views)+len(groups))),
		views: make(map[*catalog.View]*plan.Plan, len(views)),
		group: make(map[*catalog.Group]*plan.Plan, len(groups)),
	}
	for _, g := range groups {
		p := old.group[g]
		if p == nil {
			var err error
			if p, err = plan.Group(g); err != nil {
				return nil, fmt.Errorf("cannot compile group %s/%s: %w", g.Store, g.Name, err)
			}
		}
		s.group[g] = p
		s.add(groupPlan, g.Store, g.Name, g.Version, p)
	}
	for _, v := range views {
		p := old.views[v]
		if p == nil {
			var err error
			if p, err = plan.View(v); err != nil {
				return nil, fmt.Errorf("cannot compile view %s/%s: %w", v.Store, v.Name, err)
			}
		}
		s.views[v] = p
		s.add(viewPlan, v.Store, v.Name, v.Version, p)
	}
	return s, nil
}

// add files p under its version and, if it is the newest so far, under version 0.
func (s *state) add(kind byte, store, name string, version int, p *plan.Plan) {
	key := appendPlanKey(nil, kind, []byte(store), []byte(name), version)
	s.plans[string(key)] = p
	newest := appendPlanKey(key[:0], kind, []byte(store), []byte(name), 0)
	if old := s.plans[string(newest)]; old == nil || old.Version < version {
		s.plans[string(newest)] = p
	}
}

// missing explains why there is no such plan, telling a caller nothing about stores
// it may not read.
func (s *state) missing(who auth.Principal, store, name []byte, version int, kind byte) error {
	st := string(store)
	if !s.snap.HasStore(store) {
		return &fail.Error{Code: fail.NoStore, Name: st, Text: fmt.Sprintf("Feature store %q does not exist.", st)}
	}
	if !who.MayReadStore(st) {
		return forbidden(st)
	}
	if kind == viewPlan {
		return &fail.Error{Code: fail.NoView, Name: string(name), Text: fmt.Sprintf("Feature store %q has no feature view %q%s.", st, name, versionText(version))}
	}
	return &fail.Error{Code: fail.NoGroup, Name: string(name), Text: fmt.Sprintf("Feature store %q has no feature group %q%s.", st, name, versionText(version))}
}

// Snapshot is the catalog that requests are answered by now.
func (e *Engine) Snapshot() *catalog.Snapshot { return e.state.Load().snap }

// Plan shows what Apply would change, and changes nothing.
func (e *Engine) Plan(files []catalog.File, prune bool) (catalog.Diff, error) {
	next, diff, err := e.catalog.Prepare(files, prune)
	if err != nil {
		return catalog.Diff{}, err
	}
	if _, err := compile(next, e.state.Load()); err != nil {
		return catalog.Diff{}, fail.Wrap(fail.Internal, err, "The definitions pass the checks but cannot be compiled.")
	}
	return diff, nil
}

// Apply adds and updates what the files define, or with prune makes the whole equal
// to them. It checks and compiles everything before anything changes; requests under
// way finish on what they began with.
func (e *Engine) Apply(files []catalog.File, prune bool) (catalog.Diff, error) {
	return e.change(func() (*catalog.Snapshot, catalog.Diff, error) { return e.catalog.Prepare(files, prune) })
}

// Rollback goes back to the definitions of an earlier revision; 0 means the one
// before the present.
func (e *Engine) Rollback(revision int) (catalog.Diff, error) {
	return e.change(func() (*catalog.Snapshot, catalog.Diff, error) { return e.catalog.PrepareRollback(revision) })
}

// Remove takes one definition away. A group that views still use is refused unless
// force; those views then answer that the group does not exist.
func (e *Engine) Remove(kind string, ref Ref, force bool) (catalog.Diff, error) {
	return e.change(func() (*catalog.Snapshot, catalog.Diff, error) {
		return e.catalog.PrepareRemove(kind, ref.Store, ref.Name, ref.Version, force)
	})
}

// change runs one change of the catalog: prepare, compile, persist, swap.
func (e *Engine) change(prepare func() (*catalog.Snapshot, catalog.Diff, error)) (catalog.Diff, error) {
	e.changing.Lock()
	defer e.changing.Unlock()
	next, diff, err := prepare()
	if err != nil {
		return catalog.Diff{}, err
	}
	if err := e.swap(next); err != nil {
		return catalog.Diff{}, err
	}
	return diff, e.buildIndexes(context.Background(), next)
}

// swap makes next current. The caller holds e.changing.
func (e *Engine) swap(next *catalog.Snapshot) error {
	if next == e.state.Load().snap {
		return nil
	}
	s, err := compile(next, e.state.Load())
	if err != nil {
		return fail.Wrap(fail.Internal, err, "The definitions pass the checks but cannot be compiled.")
	}
	installs, err := e.compileParts(next)
	if err != nil {
		return err
	}
	if err := e.catalog.Commit(next); err != nil {
		discard(installs)
		return err
	}
	e.state.Store(s)
	for _, i := range installs {
		i.Install()
	}
	e.janitor.wake()
	return nil
}

// compileParts compiles a snapshot for every part; if one refuses, nothing changes.
func (e *Engine) compileParts(next *catalog.Snapshot) ([]Compiled, error) {
	var all []Compiled
	for _, p := range e.parts {
		c, err := p.Compile(next)
		if err != nil {
			discard(all)
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

func discard(all []Compiled) {
	for _, c := range all {
		c.Discard()
	}
}

var errNoRanger = errors.New("this store cannot list rows")
