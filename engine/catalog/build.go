package catalog

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// builder makes the objects of the next snapshot out of drafts and of what stays of
// the base.
type builder struct {
	base  *Snapshot
	out   *collector
	alloc func() uint32 // the next physical number never used before

	// A rollback brings back what was accepted before: groups may lose columns
	// again, and views may be broken as they were. restore gives the numbers of a
	// group that comes back, nil for a new life; it is nil itself outside a
	// rollback.
	restore func(key objectKey) *numbers
	// stream says whether a table of a revision's endpoint still has what was logged;
	// nil outside a rollback.
	stream   func(table uint32) bool
	copies   map[objectKey]*Group // of a clone: the group whose rows a new one is to get
	mayBreak bool                 // views may lose their groups: forced removal, rollback
	partial  bool                 // some document could not be read, so that much may seem to be missing

	objects map[objectKey]object
	named   map[objectKey]bool // by drafts
	failed  map[objectKey]bool // drafts with faults
	notes   map[objectKey]string
	ids     map[int64]objectKey
	nextID  int64
}

// build turns drafts into objects. keep is what stays of the base, unless something
// it refers to changes; it becomes the builder's.
func (b *builder) build(keep map[objectKey]object, drafts []*draft) {
	b.objects, b.nextID = keep, b.base.nextID
	b.named, b.failed, b.notes = make(map[objectKey]bool, len(drafts)), map[objectKey]bool{}, map[objectKey]string{}
	drafts = b.unique(drafts)
	for _, d := range drafts {
		b.named[d.key] = true
		b.failed[d.key] = d.bad
	}
	drafts = slices.DeleteFunc(drafts, func(d *draft) bool {
		if g, ok := d.spec.(*groupSpec); ok && d.bad {
			g.check(&checker{draft: d, out: b.out}) // for its other faults
		}
		return d.bad
	})
	b.branches(drafts)
	b.groups(drafts)
	b.views(drafts)
	b.webhooks(drafts)
	b.featuresets(drafts)
	b.connections(drafts)
	b.generations(drafts)
	b.services(drafts)
}

// unique reports definitions of one object in two places and keeps the first.
func (b *builder) unique(drafts []*draft) []*draft {
	first := make(map[objectKey]*draft, len(drafts))
	return slices.DeleteFunc(drafts, func(d *draft) bool {
		other := first[d.key]
		if other == nil {
			first[d.key] = d
			return false
		}
		if !d.bad && d.in != nil && other.in != nil {
			at := other.in.place(other.locate(path{"name"}), -1)
			k := &checker{draft: d, out: b.out}
			k.at(path{"name"}, "%s is defined twice, first in %s:%d:%d", d.key, other.in.file.Name, at.line, at.column)
		}
		return true
	})
}

// groups builds the groups among the drafts.
func (b *builder) groups(drafts []*draft) {
	specs := b.giveIDs(drafts)
	for _, d := range drafts {
		spec := specs[d]
		if spec == nil {
			continue
		}
		old, _ := b.base.objects[d.key].(*Group)
		if g := b.group(d, spec, old); g != nil {
			b.objects[d.key] = g
		} else {
			b.failed[d.key] = true
		}
	}
}

// giveIDs returns the specs of the groups among the drafts, each with its id: the one
// it had, else the one it gives, else a new one.
func (b *builder) giveIDs(drafts []*draft) map[*draft]*groupSpec {
	b.ids = make(map[int64]objectKey, len(b.base.groups)+len(drafts))
	for key, o := range b.objects {
		if g, ok := o.(*Group); ok && !b.named[key] {
			b.ids[g.ID] = key
		}
	}
	specs := make(map[*draft]*groupSpec, len(drafts))
	var given, missing []*draft
	for _, d := range drafts {
		spec, ok := d.spec.(*groupSpec)
		if !ok {
			continue
		}
		old, ok := b.base.objects[d.key].(*Group)
		if ok && (spec.ID == 0 || spec.ID == old.ID) {
			specs[d] = spec.withID(old.ID)
			b.ids[old.ID] = d.key
		} else if spec.ID != 0 {
			given = append(given, d)
		} else {
			missing = append(missing, d)
		}
	}
	for _, d := range given {
		spec := d.spec.(*groupSpec)
		if other, taken := b.ids[spec.ID]; taken {
			k := &checker{draft: d, out: b.out}
			k.at(path{"id"}, "id %d belongs to %s; ids are unique in the server", spec.ID, other)
			b.failed[d.key] = true
			continue
		}
		b.ids[spec.ID] = d.key
		specs[d] = spec
	}
	for _, d := range missing {
		for b.ids[b.nextID] != (objectKey{}) {
			b.nextID++
		}
		b.ids[b.nextID] = d.key
		specs[d] = d.spec.(*groupSpec).withID(b.nextID)
		b.nextID++
	}
	return specs
}

// withID returns a copy of the spec that gives an id.
func (g *groupSpec) withID(id int64) *groupSpec {
	if g.ID == id {
		return g
	}
	c := *g
	c.ID = id
	return &c
}

// group builds one group; old is the same version in the base, if there is one. It
// returns old when nothing changed, nil after reporting faults.
func (b *builder) group(d *draft, spec *groupSpec, old *Group) *Group {
	if old != nil && spec == old.spec {
		return old
	}
	body := marshal(spec)
	if old != nil && string(body) == string(old.body) {
		return old
	}
	k := &checker{draft: d, out: b.out}
	g := spec.check(k)
	if old != nil && b.restore == nil {
		b.compatible(k, g, old)
	}
	if k.faults > 0 {
		return nil
	}
	n, err := b.assign(g, b.life(d.key, g, old))
	if err != nil {
		k.at(path{"features"}, "%s", err)
		return nil
	}
	g.ID, g.body, g.text = spec.ID, body, d.text
	g.settle(n)
	return g
}

// life returns the numbers that a group goes on with, nil when a new life begins. In
// a rollback, rows that are there now stay wherever they fit; rows of a group that is
// gone come back if nobody was told yet to drop them.
func (b *builder) life(key objectKey, g, old *Group) *numbers {
	if b.restore == nil || old != nil && fits(g, old) {
		if old == nil {
			return b.copied(key)
		}
		return old.numbers
	}
	n := b.restore(key)
	switch {
	case old != nil:
		b.notes[key] = "rows: those stored now do not fit and are dropped"
	case n != nil:
		b.notes[key] = "rows: those it had when it was removed are still there and readable again"
	default:
		b.notes[key] = "rows: none, they were dropped after it was removed; load them again"
	}
	return n
}

// views builds the views among the drafts, and anew those that stay but whose groups
// changed.
func (b *builder) views(drafts []*draft) {
	for _, d := range drafts {
		if spec, ok := d.spec.(*viewSpec); ok {
			b.view(d, spec, b.restore != nil)
		}
	}
	for _, v := range b.base.views {
		if key := v.key(); !b.named[key] && b.objects[key] != nil {
			b.view(&draft{key: key, spec: v.spec, text: v.text}, v.spec, true)
		}
	}
}

// view builds one view, keeping the old one when neither it nor its groups changed.
// A lenient build marks a view as broken instead of reporting faults.
func (b *builder) view(d *draft, spec *viewSpec, lenient bool) {
	groups := make([]*Group, len(spec.From))
	for i := range spec.From {
		key := spec.groupKey(i)
		if b.failed[key] {
			return // its faults are reported; what they do to the view is unknown
		}
		groups[i], _ = b.objects[key].(*Group)
	}
	old, _ := b.base.objects[d.key].(*View)
	kept := old != nil && (lenient || old.Broken == "") && old.uses(groups)
	if kept && spec == old.spec {
		b.objects[d.key] = old
		return
	}
	body := marshal(spec)
	if kept && string(body) == string(old.body) {
		b.objects[d.key] = old
		return
	}
	k := &checker{draft: d, out: b.out, lenient: lenient}
	for i, g := range groups {
		if g == nil && !b.partial {
			key := spec.groupKey(i)
			hint := ""
			if !lenient {
				hint = b.others(key)
			}
			k.at(path{"from", i, "group"}, "feature group %s/%s version %d does not exist%s", key.store, key.name, key.version, hint)
		}
	}
	v := spec.check(k, groups)
	if k.faults > 0 && !lenient {
		return
	}
	if k.fault != "" && !b.mayBreak && old != nil && old.Broken == "" {
		k.lenient = false
		k.at(nil, "this view would break: %s", k.fault)
		return
	}
	v.Broken, v.body, v.text = sentence(k.fault), body, d.text
	b.objects[d.key] = v
}

// others helps where a group does not exist.
func (b *builder) others(key objectKey) string {
	if b.out.count() >= maxProblems {
		return "" // a long list of faults is not worth the work
	}
	var versions []int
	names := map[string]bool{}
	for k := range b.objects {
		switch {
		case k.kind != KindGroup || k.store != key.store:
		case k.name == key.name:
			versions = append(versions, k.version)
		default:
			names[k.name] = true
		}
	}
	if versions != nil {
		slices.Sort(versions)
		return fmt.Sprintf("; its versions are %v", versions)
	}
	return suggest(key.name, slices.Sorted(maps.Keys(names)))
}

// sentence makes a fault something to show on its own.
func sentence(fault string) string {
	if fault == "" {
		return ""
	}
	return strings.ToUpper(fault[:1]) + fault[1:] + "."
}

// uses reports whether a view was made from exactly these groups.
func (v *View) uses(groups []*Group) bool {
	return slices.EqualFunc(v.From, groups, func(j Join, g *Group) bool { return j.Ref == g })
}
