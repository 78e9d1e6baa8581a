package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// ledger keeps account of physical numbers: how far they were given out, and which
// tables may hold rows although the current revision does not use them. It is a file
// of its own because it changes when no definition does, and because it must be ahead
// of the revisions: a number is in here before anything can be stored under it.
//
//	{"checksum":"...","format":1,"next":42,"pending":[7,8]}
//
// It is written before a revision file, with all tables in pending that only one of
// the two revisions uses. Whatever then becomes of the revision file, the tables in
// pending that the revision found at the next start does not use can be dropped.
type ledger struct {
	disk disk

	next     uint32
	pending  map[uint32]bool // tables to drop, those in reserved and tables of the current revision excepted
	reserved map[uint32]bool // tables being filled by a load of this process
	// retired tells since when those in pending are out of use that this process used.
	retired map[uint32]time.Time

	// kept has, by life, the numbers of groups that were removed and whose tables
	// nobody was told to drop yet: a rollback can bring their rows back.
	kept map[uint32]*numbers

	// streams are the tables of endpoints that were removed and that nobody was told
	// to drop yet.
	streams map[uint32]bool
}

type ledgerFile struct {
	Format  int      `json:"format"`
	Next    uint32   `json:"next"`
	Pending []uint32 `json:"pending"`
}

// ledgerFormat is the version of the file format.
const ledgerFormat = 1

// lostNumbers is how many numbers are skipped when the ledger was deleted: more than
// could have been given out since the newest revision.
const lostNumbers = 1 << 16

func ledgerPath(dir string) string { return filepath.Join(dir, "tables.json") }

// openLedger reads the ledger. least is the first number that the current revision
// says was not given out; exists tells whether there is a revision at all.
func openLedger(dir string, least uint32, exists bool) (*ledger, error) {
	l := &ledger{disk: realDisk, next: max(least, 1), pending: map[uint32]bool{}, reserved: map[uint32]bool{}, retired: map[uint32]time.Time{}, kept: map[uint32]*numbers{}, streams: map[uint32]bool{}}
	path := ledgerPath(dir)
	b, err := readSealed(path)
	if errors.Is(err, os.ErrNotExist) {
		if exists {
			l.next += lostNumbers
		}
		return l, nil
	}
	var f ledgerFile
	if err == nil {
		if err = json.Unmarshal(b, &f); err != nil {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		} else if f.Format > ledgerFormat {
			return nil, fmt.Errorf("cannot read %s: it was written by a newer Quiver", path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w. Restore it from a backup; without one, delete it: nothing that is served is lost, "+
			"only the space of tables that were waiting to be dropped", path, err)
	}
	l.next = max(l.next, f.Next)
	for _, t := range f.Pending {
		l.pending[t] = true
	}
	return l, nil
}

// write makes the ledger durable with the given tables in pending.
func (l *ledger) write(dir string, pending map[uint32]bool) error {
	f := ledgerFile{Format: ledgerFormat, Next: l.next, Pending: slices.Sorted(maps.Keys(pending))}
	if _, err := l.disk.writeSealed(ledgerPath(dir), marshal(f)); err != nil {
		return fmt.Errorf("cannot write %s: %w", ledgerPath(dir), err)
	}
	return nil
}

// number gives out the next physical number. It is durable only with the next write.
func (l *ledger) number() uint32 {
	n := l.next
	l.next++
	return n
}

// ReserveTable gives out a physical table for a load, durably: whatever happens, no
// other table ever gets this number, and if the load never finishes the table is
// dropped after the next start. Hand it to Retable or to ReleaseTable.
func (c *Catalog) ReserveTable() (uint32, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.failed != nil {
		return 0, c.failed
	}
	l := &c.ledger
	table := l.number()
	pending := maps.Clone(l.pending)
	pending[table] = true
	if err := l.write(c.dir, pending); err != nil {
		return 0, fmt.Errorf("cannot reserve a table: %w", err)
	}
	l.pending, l.reserved[table] = pending, true
	return table, nil
}

// ReleaseTable gives a reserved table back after a load that was abandoned; it will be
// among the Droppable ones. It does nothing for a table that Retable put to use.
func (c *Catalog) ReleaseTable(table uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.ledger.reserved, table)
}

// Droppable lists the physical tables that nothing used any more at a time, sorted.
// Their rows are to be forgotten once no request that began on an earlier snapshot is
// left; then call Dropped. What was returned here no rollback brings back. The list
// survives restarts.
func (c *Catalog) Droppable(at time.Time) []uint32 {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := &c.ledger
	var list []uint32
	for t := range l.pending {
		if !l.reserved[t] && !l.retired[t].After(at) {
			list = append(list, t)
		}
	}
	slices.Sort(list)
	maps.DeleteFunc(l.kept, func(_ uint32, n *numbers) bool { return !l.retired[n.Table].After(at) })
	maps.DeleteFunc(l.streams, func(t uint32, _ bool) bool { return !l.retired[t].After(at) })
	return list
}

// Dropped records that the rows of these tables are gone. Tables that are not waiting
// to be dropped are ignored.
func (c *Catalog) Dropped(tables []uint32) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	pending := maps.Clone(c.ledger.pending)
	for _, t := range tables {
		if !c.ledger.reserved[t] {
			delete(pending, t)
		}
	}
	if len(pending) == len(c.ledger.pending) {
		return nil
	}
	if err := c.ledger.write(c.dir, pending); err != nil {
		return fmt.Errorf("cannot record dropped tables: %w", err)
	}
	c.ledger.pending = pending
	maps.DeleteFunc(c.ledger.retired, func(t uint32, _ time.Time) bool { return !pending[t] })
	return nil
}
