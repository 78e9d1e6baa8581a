package catalog

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Snapshot is one state of all definitions, checked as a whole. It is immutable and
// may be read from many goroutines. Lookups cost the same however many definitions
// there are; version 0 asks for the greatest version there is.
type Snapshot struct {
	// Revision counts changes of definitions; 0 is the empty catalog. Replacing
	// a group's rows (Retable) makes a new Snapshot of the same Revision.
	Revision int

	objects map[objectKey]object
	stores  map[string]*storeIndex // by lower-case name
	byID    map[int64]*Group
	groups  []*Group // sorted by store, name, version
	views   []*View
	nextID  int64 // the next id to assign

	webhooks    []*Webhook
	featuresets []*Featureset
	branches    []*Branch
	generations []*Generation
	services    []*Service
	connections []*Connection

	base    *Snapshot // the one it was prepared from
	summary string    // of the change that made the revision
	time    time.Time // when that was committed
}

// object is what every kind of definition becomes: *Group, *View and so on.
type object interface {
	key() objectKey
	source() spec
	definition() []byte           // normalised, one line of JSON
	digest() digest               // of the YAML it was read from
	tables(dst []uint32) []uint32 // appends the physical tables it owns
	// describe tells what is new against old, which is nil or of the same kind:
	// one line a difference, none where there is no difference to speak of.
	describe(old object) []string
}

// objectKey names one object of a snapshot.
type objectKey struct {
	kind    string
	store   string // lower case
	name    string
	version int
}

// storeIndex holds the versions of each name of one store, the oldest first.
type storeIndex struct {
	groups      map[string][]*Group
	views       map[string][]*View
	webhooks    map[string][]*Webhook
	featuresets map[string][]*Featureset
}

// newSnapshot indexes objects, which it keeps.
func newSnapshot(revision int, objects map[objectKey]object) *Snapshot {
	s := &Snapshot{
		Revision: revision,
		objects:  objects,
		stores:   map[string]*storeIndex{},
		byID:     map[int64]*Group{},
	}
	for _, o := range objects {
		switch o := o.(type) {
		case *Group:
			s.groups = append(s.groups, o)
			s.byID[o.ID] = o
		case *View:
			s.views = append(s.views, o)
		case *Webhook:
			s.webhooks = append(s.webhooks, o)
		case *Featureset:
			s.featuresets = append(s.featuresets, o)
		case *Branch:
			s.branches = append(s.branches, o)
		case *Generation:
			s.generations = append(s.generations, o)
		case *Service:
			s.services = append(s.services, o)
		case *Connection:
			s.connections = append(s.connections, o)
		}
	}
	sortObjects(s.webhooks)
	sortObjects(s.featuresets)
	sortObjects(s.branches)
	sortObjects(s.generations)
	sortObjects(s.services)
	sortObjects(s.connections)
	slices.SortFunc(s.groups, func(a, b *Group) int {
		return compareNames(a.StoreKey, b.StoreKey, a.Name, b.Name, a.Version, b.Version)
	})
	slices.SortFunc(s.views, func(a, b *View) int {
		return compareNames(a.StoreKey, b.StoreKey, a.Name, b.Name, a.Version, b.Version)
	})
	for _, g := range s.groups {
		m := s.store(g.StoreKey).groups
		m[g.Name] = append(m[g.Name], g)
	}
	for _, v := range s.views {
		m := s.store(v.StoreKey).views
		m[v.Name] = append(m[v.Name], v)
	}
	for _, w := range s.webhooks {
		m := s.store(w.StoreKey).webhooks
		m[w.Name] = append(m[w.Name], w)
	}
	for _, f := range s.featuresets {
		m := s.store(f.StoreKey).featuresets
		m[f.Name] = append(m[f.Name], f)
	}
	return s
}

func (s *Snapshot) store(key string) *storeIndex {
	x := s.stores[key]
	if x == nil {
		x = &storeIndex{
			groups: map[string][]*Group{}, views: map[string][]*View{},
			webhooks: map[string][]*Webhook{}, featuresets: map[string][]*Featureset{},
		}
		s.stores[key] = x
	}
	return x
}

// sortObjects sorts objects of one kind by store, name and version.
func sortObjects[T object](all []T) {
	slices.SortFunc(all, func(a, b T) int { return compareKeys(a.key(), b.key()) })
}

// compareObjects orders objects for people; compareKeys does within one kind.
func compareObjects(a, b objectKey) int {
	return cmp.Or(cmp.Compare(rank(a.kind), rank(b.kind)), compareKeys(a, b))
}

func compareKeys(a, b objectKey) int {
	return compareNames(a.store, b.store, a.name, b.name, a.version, b.version)
}

func compareNames(storeA, storeB, nameA, nameB string, versionA, versionB int) int {
	return cmp.Or(strings.Compare(storeA, storeB), strings.Compare(nameA, nameB), cmp.Compare(versionA, versionB))
}

// HasStore reports whether anything is defined in the store. The name is compared
// without regard to case; it does not allocate.
func (s *Snapshot) HasStore(store []byte) bool { return s.find(store) != nil }

// Stores returns the names of all stores in lower case, sorted.
func (s *Snapshot) Stores() []string { return slices.Sorted(maps.Keys(s.stores)) }

// Groups returns all groups by store, name and version. The slice is shared: do not
// change it.
func (s *Snapshot) Groups() []*Group { return s.groups }

// Views returns all views by store, name and version. The slice is shared: do not
// change it.
func (s *Snapshot) Views() []*View { return s.views }

// Webhooks returns all webhooks by store, name and version. The slice is shared: do
// not change it.
func (s *Snapshot) Webhooks() []*Webhook { return s.webhooks }

// Featuresets returns all featuresets by store, name and version. The slice is shared:
// do not change it.
func (s *Snapshot) Featuresets() []*Featureset { return s.featuresets }

// Webhook returns a webhook, nil when there is none of that version (0: the newest).
func (s *Snapshot) Webhook(store, name string, version int) *Webhook {
	x := s.stores[foldStore(store)]
	if x == nil {
		return nil
	}
	return pick(x.webhooks[name], version, func(w *Webhook) int { return w.Version })
}

// Featureset returns a featureset, nil when there is none of that version (0: the
// newest).
func (s *Snapshot) Featureset(store, name string, version int) *Featureset {
	x := s.stores[foldStore(store)]
	if x == nil {
		return nil
	}
	return pick(x.featuresets[name], version, func(f *Featureset) int { return f.Version })
}

// GroupByID returns the group with an id, nil when there is none.
func (s *Snapshot) GroupByID(id int64) *Group { return s.byID[id] }

// Group returns a group, nil when there is none of that version (0: the newest).
func (s *Snapshot) Group(store, name string, version int) *Group {
	x := s.stores[foldStore(store)]
	if x == nil {
		return nil
	}
	return pick(x.groups[name], version, func(g *Group) int { return g.Version })
}

// View returns a view, nil when there is none of that version (0: the newest).
func (s *Snapshot) View(store, name string, version int) *View {
	x := s.stores[foldStore(store)]
	if x == nil {
		return nil
	}
	return pick(x.views[name], version, func(v *View) int { return v.Version })
}

// GroupBytes is Group for names as they stand in a request; it does not allocate.
func (s *Snapshot) GroupBytes(store, name []byte, version int) *Group {
	x := s.find(store)
	if x == nil {
		return nil
	}
	return pick(x.groups[string(name)], version, func(g *Group) int { return g.Version })
}

// ViewBytes is View for names as they stand in a request; it does not allocate.
func (s *Snapshot) ViewBytes(store, name []byte, version int) *View {
	x := s.find(store)
	if x == nil {
		return nil
	}
	return pick(x.views[string(name)], version, func(v *View) int { return v.Version })
}

// find looks a store up without allocating: names are ASCII and short, so they fold
// into a buffer on the stack.
func (s *Snapshot) find(store []byte) *storeIndex {
	var buf [maxStore]byte
	if len(store) > len(buf) {
		return nil
	}
	for i, c := range store {
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		buf[i] = c
	}
	return s.stores[string(buf[:len(store)])]
}

// pick returns the wanted one of all versions of an object (sorted), the last for 0.
func pick[T any](all []*T, version int, of func(*T) int) *T {
	if len(all) == 0 {
		return nil
	}
	if version == 0 {
		return all[len(all)-1]
	}
	i, ok := slices.BinarySearchFunc(all, version, func(t *T, v int) int { return cmp.Compare(of(t), v) })
	if !ok {
		return nil
	}
	return all[i]
}

// foldStore returns the form of a store name that comparisons use.
func foldStore(name string) string {
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' {
			return strings.Map(func(r rune) rune {
				if 'A' <= r && r <= 'Z' {
					r |= 0x20
				}
				return r
			}, name)
		}
	}
	return name
}
