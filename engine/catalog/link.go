package catalog

import (
	"slices"
	"strings"

	"quiver/engine/expr/vec"
)

// linker judges what featuresets say of each other: aliases, the inputs of code, and
// that nothing is computed from itself.
type linker struct {
	b      *builder
	newest map[objectKey]*Featureset // by store and name; version 0
	state  map[node]visit
	open   []node // the way from where a search began
}

// node is one feature of one featureset.
type node struct {
	set     *Featureset
	feature int
}

type visit uint8

const (
	unseen visit = iota
	underWay
	done
)

func newLinker(b *builder) *linker {
	l := &linker{b: b, newest: map[objectKey]*Featureset{}, state: map[node]visit{}}
	for key, o := range b.objects {
		if s, ok := o.(*Featureset); ok {
			key.version = 0
			if old := l.newest[key]; old == nil || old.Version < s.Version {
				l.newest[key] = s
			}
		}
	}
	return l
}

// link judges one featureset and marks it as broken, or reports its faults. The
// featureset in the builder may be another afterwards, for what is broken has changed.
func (b *builder) link(l *linker, d *draft, s *Featureset, lenient bool) {
	if b.failed[d.key] {
		return
	}
	k := &checker{draft: d, out: b.out, lenient: lenient, fault: strings.TrimSuffix(s.fault, ".")}
	unknown := false
	for i := range s.Features {
		f := &s.Features[i]
		if f.Alias != nil {
			unknown = l.alias(k, s, i) || unknown
		}
	}
	for i := range s.Extractors {
		for n, ref := range s.Extractors[i].Inputs {
			_, _, missing := l.find(k, s, ref, path{"extractors", i, "inputs", n})
			unknown = missing || unknown
		}
	}
	if k.faults == 0 && !unknown {
		for i := range s.Features {
			if cycle := l.cycle(node{s, i}); cycle != "" {
				k.at(path{"features", i, "name"}, "Cyclic graph detected in extractors: %s", cycle)
				for _, n := range l.open { // once is enough
					l.state[n] = done
				}
				l.open = l.open[:0]
				break
			}
		}
	}
	old, _ := b.base.objects[d.key].(*Featureset)
	if k.faults > 0 && !lenient || !b.accept(k, old != nil && old.Broken == "", "featureset") {
		b.failed[d.key] = true
		return
	}
	broken := s.fault
	if broken == "" {
		broken = sentence(k.fault)
	}
	switch {
	case broken == s.Broken:
	case old == s: // shared with the snapshot before
		c := *s
		c.Broken = broken
		b.objects[d.key] = &c
	default:
		s.Broken = broken
	}
}

// find returns a feature that a featureset refers to, after reporting that there is
// none. failed: it has faults of its own.
func (l *linker) find(k *checker, s *Featureset, ref FeatureRef, at path) (set *Featureset, f *SetFeature, failed bool) {
	set = l.newest[objectKey{kind: KindFeatureset, store: s.StoreKey, name: ref.Featureset}]
	if ref.Featureset == s.Name {
		set = s
	}
	if set == nil {
		for key, bad := range l.b.failed {
			if bad && key.kind == KindFeatureset && key.store == s.StoreKey && key.name == ref.Featureset {
				return nil, nil, true
			}
		}
		if l.b.partial {
			return nil, nil, true
		}
		k.at(at, "featureset %s does not exist in store %s%s", quote(ref.Featureset), s.Store, l.others(k, s, ref.Featureset))
		return nil, nil, false
	}
	if f = set.Feature(ref.Feature); f == nil {
		names := make([]string, len(set.Features))
		for i := range names {
			names[i] = set.Features[i].Name
		}
		k.at(at, "featureset %s has no feature %s%s", set.Name, quote(ref.Feature), k.suggest(ref.Feature, names))
	}
	return set, f, false
}

// others helps where a featureset does not exist.
func (l *linker) others(k *checker, s *Featureset, name string) string {
	var names []string
	for key := range l.newest {
		if key.store == s.StoreKey {
			names = append(names, key.name)
		}
	}
	slices.Sort(names)
	return k.suggest(name, names)
}

// alias judges one alias (Fennel contract, section 4.2): without a default null stays
// null, so an Optional feature is no source for one that is not.
func (l *linker) alias(k *checker, s *Featureset, i int) (failed bool) {
	f := &s.Features[i]
	set, from, failed := l.find(k, s, *f.Alias, path{"features", i, "alias"})
	if from == nil || from.Type == nil || f.Type == nil {
		return failed
	}
	switch {
	case set == s && from == f:
		k.at(path{"features", i, "alias"}, "Cyclic graph detected in extractors: %s is an alias of itself", f.Alias)
	case !sameValues(f.Type, from.Type):
		k.at(path{"features", i, "type"}, "feature %s is of type %s, which is no %s", f.Alias, vec.TypeName(from.Type), vec.TypeName(f.Type))
	case from.Type.Optional && !f.Type.Optional && f.Default == nil:
		k.at(path{"features", i, "type"}, "feature %s may be null, so this one needs a default or the type Optional[%s]", f.Alias, vec.TypeName(f.Type))
	}
	return false
}

// cycle looks for a way from a feature back to itself; it returns the way for people,
// "" when there is none. Features that were looked at before are not again.
func (l *linker) cycle(n node) string {
	switch l.state[n] {
	case done:
		return ""
	case underWay:
		var names []string
		for i := range l.open {
			if l.open[i] == n || names != nil {
				names = append(names, l.open[i].String())
			}
		}
		return strings.Join(append(names, n.String()), " needs ")
	}
	l.state[n] = underWay
	l.open = append(l.open, n)
	for _, next := range l.needs(n) {
		if way := l.cycle(next); way != "" {
			return way
		}
	}
	l.open = l.open[:len(l.open)-1]
	l.state[n] = done
	return ""
}

func (n node) String() string { return n.set.Name + "." + n.set.Features[n.feature].Name }

// needs lists the features that one is computed from directly.
func (l *linker) needs(n node) []node {
	s, f := n.set, &n.set.Features[n.feature]
	var all []node
	add := func(ref FeatureRef) {
		set := s
		if ref.Featureset != s.Name {
			set = l.newest[objectKey{kind: KindFeatureset, store: s.StoreKey, name: ref.Featureset}]
		}
		if set == nil {
			return
		}
		if i, ok := set.byName[ref.Feature]; ok {
			all = append(all, node{set, i})
		}
	}
	switch {
	case f.Lookup != nil:
		for _, i := range f.Lookup.Keys {
			all = append(all, node{s, i})
		}
	case f.Alias != nil:
		add(*f.Alias)
	case f.Expr != nil:
		for _, name := range f.Expr.Columns() {
			add(FeatureRef{s.Name, name})
		}
	case f.Extractor >= 0:
		for _, ref := range s.Extractors[f.Extractor].Inputs {
			add(ref)
		}
	}
	return all
}
