package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"quiver/engine/fail"
)

// A branch is a namespace of the catalog. What is defined in branch B of store S are
// the definitions of the store named "S@B": they are listed, applied, removed and
// rolled back like any others, have tables of their own, and reads of them cost the
// same. The store without @ is the branch that is called main.
//
// That a branch exists, be it empty, is a definition of its own:
//
//	kind: Branch
//	store: default
//	name: dev

// MainBranch is the name of the branch that every store has.
const MainBranch = "main"

// BranchStore returns the store that holds a branch of a store; "" and MainBranch are
// the store itself.
func BranchStore(store, branch string) string {
	if branch == "" || branch == MainBranch {
		return store
	}
	return store + "@" + branch
}

// SplitStore is the inverse of BranchStore; the branch of a plain store is MainBranch.
func SplitStore(name string) (store, branch string) {
	if store, branch, ok := strings.Cut(name, "@"); ok {
		return store, branch
	}
	return name, MainBranch
}

// Branch is a branch of a store other than main.
type Branch struct {
	Store    string // as written, without the branch
	StoreKey string // in lower case
	Name     string // as written; two names that differ in case only are the same branch
	spec     *branchSpec
	body     []byte
	text     digest
}

func (b *Branch) key() objectKey               { return b.spec.key() }
func (b *Branch) source() spec                 { return b.spec }
func (b *Branch) definition() []byte           { return b.body }
func (b *Branch) digest() digest               { return b.text }
func (b *Branch) tables(dst []uint32) []uint32 { return dst }
func (b *Branch) describe(object) []string     { return nil }

// branchSpec is a Branch as written.
type branchSpec struct{ header }

func (s *branchSpec) head() *header            { return &s.header }
func (s *branchSpec) fields(r *reader) []field { return s.header.fields(r) }

// checkBranch says what is wrong with the name of a branch, "" for a good one (Fennel
// contract, section 1.3).
func checkBranch(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxName:
		return "is longer than 64 characters"
	case strings.EqualFold(name, MainBranch):
		return "is the branch that every store has"
	}
	for _, c := range []byte(name) {
		if word := c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'; !word && !strings.ContainsRune("_.-/", rune(c)) {
			return "must be letters, digits, _ . - and /"
		}
	}
	return ""
}

// checkStore says what is wrong with the name of a store, that of a branch included.
func checkStore(name string) string {
	store, branch, ok := strings.Cut(name, "@")
	if why := checkName(store); why != "" || !ok {
		return why
	}
	if why := checkBranch(branch); why != "" {
		return "names a branch that " + why
	}
	return ""
}

// branch returns a branch of a store; nil when there is none of that name, and for main.
func (s *Snapshot) branch(store, name string) *Branch {
	store = foldStore(store)
	for _, b := range s.branches {
		if b.StoreKey == store && strings.EqualFold(b.Name, name) {
			return b
		}
	}
	return nil
}

// HasBranch reports whether a store has a branch; main ("" as well) is always there.
func (s *Snapshot) HasBranch(store, branch string) bool {
	return branch == "" || branch == MainBranch || s.branch(store, branch) != nil
}

// Branches returns the names of a store's branches as written, main first.
func (s *Snapshot) Branches(store string) []string {
	store = foldStore(store)
	names := []string{MainBranch}
	for _, b := range s.branches {
		if b.StoreKey == store {
			names = append(names, b.Name)
		}
	}
	return names
}

// branches builds the branches among the drafts and reports definitions of branches
// that do not exist.
func (b *builder) branches(drafts []*draft) {
	have := map[string]bool{}
	for _, d := range drafts {
		s, ok := d.spec.(*branchSpec)
		if !ok {
			continue
		}
		body := marshal(s)
		if old, ok := b.base.objects[d.key].(*Branch); ok && string(old.body) == string(body) {
			b.objects[d.key] = old
			continue
		}
		k := &checker{draft: d, out: b.out}
		if strings.Contains(s.Store, "@") {
			k.at(path{"store"}, "a branch cannot have branches of its own")
		}
		if s.Version != 1 {
			k.at(path{"version"}, "a branch has no versions")
		}
		for key := range b.objects {
			if key.kind == KindBranch && key.store == d.key.store && key.name != s.Name && strings.EqualFold(key.name, s.Name) {
				k.at(path{"name"}, "there is a branch %s already; case makes no difference", quote(key.name))
			}
		}
		if k.faults > 0 {
			b.failed[d.key] = true
			continue
		}
		b.objects[d.key] = &Branch{Store: s.Store, StoreKey: foldStore(s.Store), Name: s.Name, spec: s, body: body, text: d.text}
	}
	for _, o := range b.objects {
		if x, ok := o.(*Branch); ok {
			have[foldStore(BranchStore(x.StoreKey, x.Name))] = true
		}
	}
	if b.restore != nil {
		return
	}
	for _, d := range drafts {
		if store, branch := SplitStore(d.key.store); branch != MainBranch && !have[d.key.store] {
			k := &checker{draft: d, out: b.out}
			k.at(path{"store"}, "store %s has no branch %s; make it first, with {kind: Branch, store: %s, name: %s}", quote(store), quote(branch), store, branch)
		}
	}
}

// pruned says which objects a prune by drafts takes away before they are built: those
// of plain stores, and those of branches that the drafts speak of. Branches are also
// made by requests, which files of definitions do not know about.
func pruned(drafts []*draft) func(objectKey, object) bool {
	named := map[string]bool{}
	for _, d := range drafts {
		named[d.key.store] = true
	}
	return func(key objectKey, o object) bool {
		if key.kind == KindBranch {
			return false
		}
		_, branch := SplitStore(key.store)
		return branch == MainBranch || named[key.store]
	}
}

// PrepareBranch makes a branch of a store. It is empty, or with from a copy of the
// definitions of that branch, whose groups and endpoints have fresh, empty tables.
// copies names, by their key in the clone, the groups whose rows may be copied
// (Snapshot.Group finds both); what the caller does not copy is not there.
func (c *Catalog) PrepareBranch(store, branch, from string) (next *Snapshot, diff Diff, copies []Copy, err error) {
	base := c.Current()
	if why := checkBranch(branch); why != "" {
		return nil, Diff{}, nil, fail.Errorf(fail.Malformed, "Branch %s %s.", quote(branch), why)
	}
	if why := checkName(store); why != "" {
		return nil, Diff{}, nil, fail.Errorf(fail.Malformed, "Store %s %s.", quote(store), why)
	}
	if base.branch(store, branch) != nil {
		return nil, Diff{}, nil, fail.Errorf(fail.Conflict, "Branch `%s` already exists.", branch)
	}
	if !base.HasBranch(store, from) {
		return nil, Diff{}, nil, fail.Errorf(fail.NotFound, "Branch `%s` does not exist.", from)
	}
	h := header{Kind: KindBranch, Store: store, Name: branch, Version: 1}
	drafts := []*draft{{key: h.key(), spec: &branchSpec{h}}}
	var out collector
	b := c.builder(base, &out)
	if from != "" {
		source, target := foldStore(BranchStore(store, from)), BranchStore(store, branch)
		b.mayBreak, b.copies = true, map[objectKey]*Group{}
		for _, o := range base.sorted() {
			if o.key().store != source || o.key().kind == KindBranch {
				continue
			}
			d, err := moved(o, target)
			if err != nil {
				return nil, Diff{}, nil, fail.Wrap(fail.Internal, err, "Cannot copy %s.", o.key())
			}
			if g, ok := o.(*Group); ok {
				b.copies[d.key] = g
			}
			drafts = append(drafts, d)
		}
	}
	keep := make(map[objectKey]object, len(base.objects)+len(drafts))
	maps.Copy(keep, base.objects)
	b.build(keep, drafts)
	if err := out.err(); err != nil {
		return nil, Diff{}, nil, err
	}
	next, diff = b.finish("branch " + branch)
	for key, g := range b.copies {
		copies = append(copies, Copy{From: g, To: next.objects[key].(*Group)})
	}
	slices.SortFunc(copies, func(x, y Copy) int { return compareKeys(x.To.key(), y.To.key()) })
	return next, diff, copies, nil
}

// Copy is one group of a cloned branch and the one it was made from. Rows of both have
// the same layout.
type Copy struct{ From, To *Group }

// moved returns the definition of an object as one of another store.
func moved(o object, store string) (*draft, error) {
	s := kindOf(o.key().kind)
	if err := json.Unmarshal(o.definition(), s); err != nil {
		return nil, fmt.Errorf("cannot read its definition: %w", err)
	}
	s.head().Store = store
	if g, ok := s.(*groupSpec); ok {
		g.ID = 0
	}
	return &draft{key: s.head().key(), spec: s}, nil
}

// copied returns the numbers of a group whose layout is that of another, with tables
// of its own; nil when it is no copy.
func (b *builder) copied(key objectKey) *numbers {
	g := b.copies[key]
	if g == nil {
		return nil
	}
	table := b.alloc()
	return &numbers{Life: table, Table: table, Schema: g.numbers.Schema, Slots: g.numbers.Slots}
}

// PrepareDeleteBranch takes a branch away with all that is defined in it.
func (c *Catalog) PrepareDeleteBranch(store, branch string) (next *Snapshot, diff Diff, err error) {
	base := c.Current()
	b := base.branch(store, branch)
	switch {
	case branch == "" || strings.EqualFold(branch, MainBranch):
		return nil, Diff{}, fail.Errorf(fail.Conflict, "Branch `%s` cannot be deleted.", MainBranch)
	case b == nil:
		return nil, Diff{}, fail.Errorf(fail.NotFound, "Branch `%s` does not exist.", branch)
	}
	return c.prepareDelete(base, b.key())
}

func (c *Catalog) prepareDelete(base *Snapshot, key objectKey) (*Snapshot, Diff, error) {
	store := foldStore(BranchStore(key.store, key.name))
	var out collector
	b := c.builder(base, &out)
	b.mayBreak = true
	keep := maps.Clone(base.objects)
	maps.DeleteFunc(keep, func(k objectKey, _ object) bool { return k == key || k.store == store })
	b.build(keep, nil)
	if err := out.err(); err != nil {
		return nil, Diff{}, err
	}
	next, diff := b.finish("delete branch " + key.name)
	return next, diff, nil
}

// Reserve makes the tables that only a prepared snapshot has durable ahead of its
// Commit, so that rows can be put into them: whatever happens, no other table gets
// their numbers, and if the snapshot is never committed they are dropped. Call release
// when it is committed or given up.
func (c *Catalog) Reserve(next *Snapshot) (release func(), err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return nil, c.failed
	}
	_, come := changedTables(c.Current(), next)
	l := &c.ledger
	pending := maps.Clone(l.pending)
	maps.Copy(pending, come)
	if err := l.write(c.dir, pending); err != nil {
		return nil, fmt.Errorf("cannot reserve tables: %w", err)
	}
	l.pending = pending
	maps.Copy(l.reserved, come)
	return func() {
		for t := range come {
			c.ReleaseTable(t)
		}
	}, nil
}
