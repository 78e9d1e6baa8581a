package catalog

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"quiver/engine/fail"
)

// Catalog is the definitions of one server, kept in a folder of their own. A change
// has two steps, so that the caller can compile what it needs in between: Prepare (or
// PrepareRemove, PrepareRollback, Retable) checks and returns the next snapshot and
// changes nothing; Commit makes it durable and current.
//
// All methods may be called from many goroutines. One process at a time may have the
// folder open: the caller holds the lock of the data folder it is in.
type Catalog struct {
	dir     string
	current atomic.Pointer[Snapshot]

	mu     sync.Mutex // guards what follows, and the files
	ledger ledger
	failed error // a write whose outcome on disk is not known
}

// Open opens the catalog in dir, creating the folder if it is absent, and cleans up
// after a crash. The newest revision must be whole; if it is not, the error says how
// to go back, and nothing is changed.
func Open(dir string) (*Catalog, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot create the folder of definitions: %w", err)
	}
	if err := removeTemporary(dir); err != nil {
		return nil, fmt.Errorf("cannot clean the folder of definitions: %w", err)
	}
	revisions, err := revisionsIn(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot list the definitions: %w", err)
	}
	c := &Catalog{dir: dir}
	file := &revisionFile{NextID: 1, Next: 1}
	if n := len(revisions); n > 0 {
		path := revisionPath(dir, revisions[n-1])
		if file, err = readRevision(path); err == nil && file.Revision != revisions[n-1] {
			err = fmt.Errorf("%w: it says it is revision %d", ErrDamaged, file.Revision)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read the definitions in %s: %w. %s", path, err, wayBack(revisions))
		}
	}
	snapshot, err := load(dir, file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the definitions in %s: %w. %s", revisionPath(dir, file.Revision), err, wayBack(revisions))
	}
	l, err := openLedger(dir, file.Next, len(revisions) > 0)
	if err != nil {
		return nil, err
	}
	for _, o := range snapshot.objects {
		for _, t := range o.tables(nil) {
			delete(l.pending, t)
		}
	}
	c.ledger = *l
	c.current.Store(snapshot)
	return c, nil
}

// wayBack tells what to do about a newest revision that cannot be read.
func wayBack(revisions []int) string {
	if len(revisions) < 2 {
		return "Restore the file from a backup, or move it away to begin without definitions"
	}
	return fmt.Sprintf("Restore the file from a backup, or move it away to go back to revision %d; the change it held is then lost",
		revisions[len(revisions)-2])
}

// load makes the snapshot that a revision file describes.
func load(dir string, file *revisionFile) (*Snapshot, error) {
	drafts, all, err := file.drafts(dir)
	if err != nil {
		return nil, err
	}
	var out collector
	next := file.Next
	b := &builder{
		base: newSnapshot(0, nil), out: &out, mayBreak: true,
		alloc:   func() uint32 { next++; return next - 1 },
		restore: func(key objectKey) *numbers { return all[key] },
		stream:  func(uint32) bool { return true },
	}
	b.build(map[objectKey]object{}, drafts)
	if err := out.err(); err != nil {
		return nil, err
	}
	if next != file.Next {
		return nil, fmt.Errorf("%w: it lacks numbers of its groups", ErrDamaged)
	}
	s := newSnapshot(file.Revision, b.objects)
	s.nextID, s.summary, s.time = file.NextID, file.Summary, file.Time
	return s, nil
}

// Current returns the present snapshot.
func (c *Catalog) Current() *Snapshot { return c.current.Load() }

// Prepare checks files of definitions and returns the snapshot they lead to: what they
// name is added or updated and the rest stays, or with prune goes. All faults are
// reported at once as *Problems. Objects that do not change have the same pointers in
// both snapshots; when nothing changes, next is the current snapshot itself.
func (c *Catalog) Prepare(files []File, prune bool) (next *Snapshot, diff Diff, err error) {
	base := c.Current()
	var out collector
	drafts := read(files, base, &out)
	if prune && len(drafts) == 0 && out.count() == 0 && len(base.objects) > 0 {
		return nil, Diff{}, fail.Errorf(fail.Malformed, "The files hold no definitions; to prune by them would remove everything there is.")
	}
	b := c.builder(base, &out)
	b.partial = out.count() > 0
	keep := make(map[objectKey]object, len(base.objects))
	maps.Copy(keep, base.objects)
	if prune {
		maps.DeleteFunc(keep, pruned(drafts))
	}
	b.build(keep, drafts)
	if err := out.err(); err != nil {
		return nil, Diff{}, err
	}
	next, diff = b.finish("apply")
	return next, diff, nil
}

func (c *Catalog) builder(base *Snapshot, out *collector) *builder {
	return &builder{base: base, out: out, alloc: func() uint32 {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.ledger.number()
	}}
}

// finish makes a snapshot of what was built, the base itself when nothing changed.
func (b *builder) finish(what string) (*Snapshot, Diff) {
	changes := b.changes()
	if maps.Equal(b.objects, b.base.objects) {
		return b.base, Diff{Revision: b.base.Revision, Changes: changes}
	}
	next := newSnapshot(b.base.Revision+1, b.objects)
	next.base, next.nextID = b.base, b.nextID
	diff := Diff{Revision: next.Revision, Changes: changes}
	next.summary = what + ": " + diff.Summary()
	return next, diff
}

// PrepareRollback returns to the definitions of an earlier revision (0: the one before
// the current); it makes a new revision. A group that is there now keeps its rows, its
// tables and its columns' slots, unless its key or event time were others. A group that
// comes back gets its rows back if nobody was told yet to drop them (Droppable), and is
// empty otherwise; the Diff says which.
func (c *Catalog) PrepareRollback(revision int) (next *Snapshot, diff Diff, err error) {
	base := c.Current()
	revisions, err := revisionsIn(c.dir)
	if err != nil {
		return nil, Diff{}, fmt.Errorf("cannot list the history: %w", err)
	}
	if revision == 0 {
		for _, n := range revisions {
			if n < base.Revision {
				revision = n
			}
		}
		if revision == 0 {
			return nil, Diff{}, fail.Errorf(fail.NotFound, "There is no earlier revision to go back to.")
		}
	}
	if !slices.Contains(revisions, revision) || revision > base.Revision {
		return nil, Diff{}, fail.Errorf(fail.NotFound, "There is no revision %d; the history goes from %d to %d.",
			revision, cmp.Or(min(base.Revision, first(revisions)), base.Revision), base.Revision)
	}
	file, err := readRevision(revisionPath(c.dir, revision))
	var drafts []*draft
	var then map[objectKey]*numbers
	if err == nil {
		drafts, then, err = file.drafts(c.dir)
	}
	if err != nil {
		return nil, Diff{}, fail.Wrap(fail.Conflict, err, "Cannot go back to revision %d: %v.", revision, err)
	}
	var out collector
	b := c.builder(base, &out)
	b.mayBreak = true
	b.restore = func(key objectKey) *numbers {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.ledger.kept[then[key].Life]
	}
	b.stream = func(table uint32) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.ledger.streams[table]
	}
	b.build(map[objectKey]object{}, drafts)
	if err := out.err(); err != nil {
		return nil, Diff{}, err
	}
	next, diff = b.finish(fmt.Sprintf("rollback to revision %d", revision))
	return next, diff, nil
}

func first(revisions []int) int {
	if len(revisions) == 0 {
		return 0
	}
	return revisions[0]
}

// Retable returns the same definitions with table, which ReserveTable gave, in place
// of the group's table of rows. The revision stays what it is. It fails with Conflict
// when g is not the present form of a group that still lives. The tables of its
// history and indexes stay; what they hold is the caller's to bring up to date.
func (c *Catalog) Retable(g *Group, table uint32) (next *Snapshot, err error) {
	base := c.Current()
	c.mu.Lock()
	reserved := c.ledger.reserved[table]
	c.mu.Unlock()
	if !reserved {
		return nil, fail.Errorf(fail.Internal, "Table %d was not reserved.", table)
	}
	key := g.key()
	now, ok := base.objects[key].(*Group)
	if !ok || now.numbers.Life != g.numbers.Life {
		return nil, fail.Errorf(fail.Conflict, "%s was removed meanwhile; its new rows are not used.", key)
	}
	fresh := *now
	n := *now.numbers
	n.Table = table
	fresh.settle(&n)
	var out collector
	b := c.builder(base, &out)
	b.mayBreak = true
	keep := maps.Clone(base.objects)
	keep[key] = &fresh
	b.build(keep, nil)
	if err := out.err(); err != nil {
		return nil, err
	}
	next = newSnapshot(base.Revision, b.objects)
	next.base, next.nextID, next.summary, next.time = base, base.nextID, base.summary, base.time
	return next, nil
}
