package catalog

import (
	"fmt"
	"maps"
	"os"
	"time"

	"quiver/engine/fail"
)

// Commit makes a prepared snapshot durable and current. It fails with Conflict when
// another change was committed since next was prepared; then prepare it again. After
// an error nothing changed, except where the error says that the state on disk is not
// known: then every later change fails until the server is started again.
func (c *Catalog) Commit(next *Snapshot) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	base := c.Current()
	switch {
	case next == base:
		return nil
	case c.failed != nil:
		return c.failed
	case next.base != base:
		return fail.Errorf(fail.Conflict, "The definitions changed meanwhile; try again.")
	}
	renew := next.Revision == base.Revision
	if !renew {
		next.time = time.Now().UTC().Truncate(time.Millisecond)
		if err := c.forget(next.Revision - maxRevisions); err != nil {
			return err
		}
	}
	gone, come := changedTables(base, next)
	if len(gone)+len(come) > 0 {
		pending := maps.Clone(c.ledger.pending)
		maps.Copy(pending, gone)
		maps.Copy(pending, come)
		if err := c.ledger.write(c.dir, pending); err != nil {
			return fmt.Errorf("%w. Revision %d stays in force", err, base.Revision)
		}
	}
	path := revisionPath(c.dir, next.Revision)
	revision, kept := encode(next, c.ledger.next)
	if err := c.ledger.disk.keepFiles(c.dir, kept); err != nil {
		return fmt.Errorf("%w. Revision %d stays in force", err, base.Revision)
	}
	moved, err := c.ledger.disk.writeSealed(path, revision)
	if err != nil {
		err = fmt.Errorf("cannot write %s: %w", path, err)
		if moved {
			c.failed = fmt.Errorf("%w. Revision %d stays in force; whether the change is on disk is not known; start the server again", err, base.Revision)
			return c.failed
		}
		return fmt.Errorf("%w. Revision %d stays in force", err, base.Revision)
	}
	next.base = nil
	c.account(base, next, gone, come)
	c.current.Store(next)
	return nil
}

// account brings the ledger in memory up to a commit.
func (c *Catalog) account(base, next *Snapshot, gone, come map[uint32]bool) {
	l := &c.ledger
	maps.Copy(l.pending, gone)
	now := time.Now()
	for t := range gone {
		l.retired[t] = now
	}
	for t := range come {
		delete(l.pending, t)
		delete(l.retired, t)
		delete(l.reserved, t)
	}
	lives := map[uint32]bool{}
	for _, g := range next.groups {
		lives[g.numbers.Life] = true
		delete(l.kept, g.numbers.Life)
	}
	for _, g := range base.groups {
		if !lives[g.numbers.Life] {
			l.kept[g.numbers.Life] = g.numbers
		}
	}
	for _, w := range base.webhooks {
		for _, t := range w.streams {
			if gone[t] {
				l.streams[t] = true
			}
		}
	}
	for t := range come {
		delete(l.streams, t)
	}
}

// changedTables returns the tables that only base uses and those that only next does.
func changedTables(base, next *Snapshot) (gone, come map[uint32]bool) {
	gone, come = map[uint32]bool{}, map[uint32]bool{}
	var tables []uint32
	for key, o := range base.objects {
		if next.objects[key] != o {
			tables = o.tables(tables[:0])
			for _, t := range tables {
				gone[t] = true
			}
		}
	}
	for key, o := range next.objects {
		if base.objects[key] == o {
			continue
		}
		tables = o.tables(tables[:0])
		for _, t := range tables {
			if gone[t] {
				delete(gone, t)
			} else {
				come[t] = true
			}
		}
	}
	return gone, come
}

// forget removes revision files up to a number.
func (c *Catalog) forget(last int) error {
	if last <= 0 {
		return nil
	}
	revisions, err := revisionsIn(c.dir)
	if err != nil {
		return fmt.Errorf("cannot list the history: %w", err)
	}
	for _, n := range revisions {
		if n > last {
			break
		}
		if err := ignoreMissing(os.Remove(revisionPath(c.dir, n))); err != nil {
			return fmt.Errorf("cannot remove old definitions: %w", err)
		}
	}
	if err := sweepFiles(c.dir); err != nil {
		return fmt.Errorf("cannot remove old files: %w", err)
	}
	return nil
}
