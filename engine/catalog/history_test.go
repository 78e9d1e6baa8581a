package catalog

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRandomHistories applies, removes, rolls back, reloads and restarts at random and
// checks after every step what must hold of the numbers: nothing is given out twice,
// columns stay in their slots, no table is lost and none that is in use is dropped.
func TestRandomHistories(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	for i := range uint64(6) {
		h := &history{t: t, seed: seed + i, rng: rand.New(rand.NewPCG(seed+i, 0)), dir: t.TempDir()}
		h.run(40)
	}
}

type history struct {
	t    *testing.T
	seed uint64
	rng  *rand.Rand
	dir  string
	c    *Catalog
	last string // what was done last

	tables  map[uint32]uint32   // table -> life that ever had it
	dropped map[uint32]bool     // tables reported as dropped
	slots   map[string]string   // life and slot -> name and type, for ever
	layouts map[uint32]string   // schema id -> life and number of columns
	before  map[objectKey]group // of the last step
}

type group struct {
	ptr  *Group
	life uint32
	slot map[string]int
}

func (h *history) run(steps int) {
	h.tables, h.dropped, h.slots, h.layouts = map[uint32]uint32{}, map[uint32]bool{}, map[string]string{}, map[uint32]string{}
	h.c = mustOpen(h.t, h.dir)
	for range steps {
		h.step()
		h.check()
		if h.t.Failed() {
			return
		}
	}
}

func (h *history) fatalf(format string, args ...any) {
	h.t.Helper()
	h.t.Fatalf("seed %d, after %s: %s", h.seed, h.last, fmt.Sprintf(format, args...))
}

func (h *history) step() {
	switch n := h.rng.IntN(20); {
	case n < 9:
		h.apply()
	case n < 12:
		h.remove()
	case n < 15:
		h.rollback()
	case n < 16:
		h.retable()
	case n < 18:
		h.last = "drop"
		tables := h.c.Droppable(time.Now())
		if err := h.c.Dropped(tables); err != nil {
			h.fatalf("%v", err)
		}
		for _, table := range tables {
			h.dropped[table] = true
		}
	case n < 19: // listing without dropping
		h.last = "droppable"
		h.c.Droppable(time.Now())
	default:
		h.last = "restart"
		want := picture(h.c.Current())
		h.c = mustOpen(h.t, h.dir)
		if got := picture(h.c.Current()); got != want {
			h.fatalf("got\n%s\nwant\n%s", got, want)
		}
		h.before = nil
	}
}

// apply defines some groups and views at random. Half of the time columns are only
// added to what is there; otherwise anything may come, and may be refused.
func (h *history) apply() {
	var b strings.Builder
	for range 1 + h.rng.IntN(3) {
		name, version := string("abc"[h.rng.IntN(3)]), 1+h.rng.IntN(2)
		fmt.Fprintf(&b, "---\nkind: FeatureGroup\nstore: s\nname: %s\nversion: %d\nkey: [k]\n", name, version)
		if h.rng.IntN(4) == 0 {
			fmt.Fprintf(&b, "ttl: %dh\n", 1+h.rng.IntN(9))
		}
		if h.rng.IntN(3) == 0 {
			b.WriteString("history: 1h\n")
		}
		if h.rng.IntN(3) == 0 {
			b.WriteString("indexes: [{name: x, columns: [k]}]\n")
		}
		columns := map[string]string{"k": "bigint"}
		if old := h.c.Current().Group("s", name, version); old != nil && h.rng.IntN(4) > 0 {
			for _, f := range old.Features {
				columns[f.Name] = f.Type.Text
			}
		}
		for range h.rng.IntN(3) {
			columns[string("pqrst"[h.rng.IntN(5)])] = []string{"double", "string", "int"}[h.rng.IntN(3)]
		}
		b.WriteString("features:\n")
		for name, typ := range columns { // in random order
			fmt.Fprintf(&b, "- {name: %s, type: %s}\n", name, typ)
		}
	}
	if h.rng.IntN(3) == 0 {
		fmt.Fprintf(&b, "---\nkind: FeatureView\nstore: s\nname: v%d\nfrom: [{group: a}, {group: b, prefix: b_}]\n", h.rng.IntN(3))
	}
	h.last = "apply\n" + b.String()
	next, _, err := h.c.Prepare([]File{{Name: "f", Text: []byte(b.String())}}, h.rng.IntN(8) == 0)
	h.commit(next, err)
}

func (h *history) remove() {
	name, version := string("abc"[h.rng.IntN(3)]), h.rng.IntN(3)
	h.last = fmt.Sprintf("remove %s@%d", name, version)
	next, _, err := h.c.PrepareRemove(KindGroup, "S", name, version, h.rng.IntN(2) == 0)
	h.commit(next, err)
}

func (h *history) rollback() {
	revision := h.rng.IntN(h.c.Current().Revision + 1)
	h.last = fmt.Sprintf("rollback %d", revision)
	next, _, err := h.c.PrepareRollback(revision)
	if err != nil && revision > 0 {
		h.fatalf("%v", err)
	}
	h.commit(next, err)
}

func (h *history) retable() {
	groups := h.c.Current().Groups()
	if len(groups) == 0 {
		return
	}
	h.last = "retable"
	table, err := h.c.ReserveTable()
	if err != nil {
		h.fatalf("%v", err)
	}
	g := groups[h.rng.IntN(len(groups))]
	if _, used := h.tables[table]; used {
		h.fatalf("table %d was given out before", table)
	}
	if h.rng.IntN(3) == 0 {
		h.tables[table] = 0
		h.c.ReleaseTable(table)
		return
	}
	next, err := h.c.Retable(g, table)
	h.commit(next, err)
}

// commit commits what was prepared without an error; errors are part of the game.
func (h *history) commit(next *Snapshot, err error) {
	if err != nil {
		h.last += " (refused)"
		return
	}
	if err := h.c.Commit(next); err != nil {
		h.fatalf("%v", err)
	}
}

func (h *history) check() {
	s := h.c.Current()
	now, ids, live := map[objectKey]group{}, map[int64]bool{}, map[uint32]bool{}
	for _, g := range s.Groups() {
		life := g.numbers.Life
		if ids[g.ID] || s.GroupByID(g.ID) != g {
			h.fatalf("id %d is not unique", g.ID)
		}
		ids[g.ID] = true
		for _, table := range g.Tables(nil) {
			if other, ok := h.tables[table]; ok && other != life {
				h.fatalf("table %d of %s had another life", table, g.key())
			}
			if h.dropped[table] {
				h.fatalf("table %d of %s was dropped", table, g.key())
			}
			if live[table] {
				h.fatalf("table %d is used twice", table)
			}
			h.tables[table], live[table] = life, true
		}
		h.checkSlots(g)
		x := group{ptr: g, life: life, slot: map[string]int{}}
		for _, f := range g.Features {
			x.slot[f.Name] = f.Slot
		}
		now[g.key()] = x
		if was, ok := h.before[g.key()]; ok && was.life == life {
			for name, slot := range was.slot {
				at, still := x.slot[name]
				typ := was.ptr.Feature(name).Type
				if still && at != slot && sameCells(typ, g.Feature(name).Type) {
					h.fatalf("column %s of %s went from slot %d to %d", name, g.key(), slot, at)
				}
			}
			same := string(was.ptr.body) == string(g.body) && string(was.ptr.numbersJSON) == string(g.numbersJSON)
			if same != (was.ptr == g) {
				h.fatalf("%s: equal %t, same pointer %t", g.key(), same, was.ptr == g)
			}
		}
	}
	h.before = now
	// Every table is in use, waiting to be dropped, or was dropped. (The ledger is
	// looked at directly: Droppable means that rollbacks must not count on the rows.)
	for table := range h.tables {
		waits := h.c.ledger.pending[table] && !h.c.ledger.reserved[table]
		if states := btoi(live[table]) + btoi(waits) + btoi(h.dropped[table]); states != 1 {
			h.fatalf("table %d: in use %t, waiting %t, dropped %t", table, live[table], waits, h.dropped[table])
		}
	}
}

// checkSlots checks that physical columns are for ever, as are the ids of layouts.
func (h *history) checkSlots(g *Group) {
	if len(g.Schema.Columns) != len(g.numbers.Slots) {
		h.fatalf("%s has %d columns in %d slots", g.key(), len(g.Schema.Columns), len(g.numbers.Slots))
	}
	used := map[int]bool{}
	for _, f := range g.Features {
		c := g.Schema.Columns[f.Slot]
		if used[f.Slot] || c.Name != f.Name || c.Type != f.Type {
			h.fatalf("%s: feature %s is not what is in slot %d: %+v", g.key(), f.Name, f.Slot, c)
		}
		used[f.Slot] = true
	}
	for i, c := range g.Schema.Columns {
		if used[i] == (c.Name == "") {
			h.fatalf("%s: slot %d is named %q", g.key(), i, c.Name)
		}
		slot, is := fmt.Sprint(g.numbers.Life, i), fmt.Sprint(g.numbers.Slots[i].Name, c.Type.Kind)
		if was, ok := h.slots[slot]; ok && was != is {
			h.fatalf("%s: slot %d changed from %s to %s", g.key(), i, was, is)
		}
		h.slots[slot] = is
	}
	layout := fmt.Sprint(g.numbers.Life, len(g.Schema.Columns))
	if was, ok := h.layouts[g.Schema.ID]; ok && was != layout {
		h.fatalf("schema id %d is of two layouts", g.Schema.ID)
	}
	h.layouts[g.Schema.ID] = layout
	if !slices.Equal(g.KeyColumns, []int{g.Feature("k").Slot}) {
		h.fatalf("%s: key columns %v", g.key(), g.KeyColumns)
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
