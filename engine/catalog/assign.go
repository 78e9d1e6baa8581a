package catalog

import (
	"fmt"
	"maps"
	"slices"

	"quiver/codec"
)

// assign gives a group its physical numbers: those it had, and new ones for what is
// new. had is nil for a new life. It does not change had.
func (b *builder) assign(g *Group, had *numbers) (*numbers, error) {
	n := &numbers{}
	if had == nil {
		n.Table = b.alloc()
		n.Life = n.Table
	} else {
		*n = *had
		n.Slots, n.Indexes = slices.Clone(had.Slots), maps.Clone(had.Indexes)
	}
	switch {
	case g.History > 0 && n.History == 0:
		n.History = b.alloc()
	case g.History == 0:
		n.History = 0
	}
	b.assignIndexes(g, n)
	grown, err := n.assignSlots(g)
	if err != nil {
		return nil, err
	}
	if grown {
		n.Schema = b.alloc()
	}
	return n, nil
}

// assignIndexes gives every index a table. An index whose columns changed is another
// index: its entries would be found under the wrong columns.
func (b *builder) assignIndexes(g *Group, n *numbers) {
	kept := map[string]uint32{}
	for _, x := range g.Indexes {
		table, ok := n.Indexes[indexName(x)]
		if !ok {
			table = b.alloc()
		}
		kept[indexName(x)] = table
	}
	if n.Indexes = kept; len(kept) == 0 {
		n.Indexes = nil
	}
}

// indexName identifies an index by its name and columns.
func indexName(x Index) string {
	return x.Name + fmt.Sprintf("%q", x.Columns)
}

// assignSlots gives every feature a physical column: the one it had, else one that
// was taken away before and fits, else a new one at the end. It reports whether the
// layout grew.
func (n *numbers) assignSlots(g *Group) (grown bool, err error) {
	live := make(map[string]int, len(n.Slots))
	retired := map[string][]int{}
	for i := range n.Slots {
		s := &n.Slots[i]
		if err := s.parse(); err != nil {
			return false, fmt.Errorf("cannot read the stored type of column %s: %w", quote(s.Name), err)
		}
		if s.Retired {
			retired[s.Name] = append(retired[s.Name], i)
		} else {
			live[s.Name] = i
		}
		s.Retired = true
	}
	for i := range g.Features {
		f := &g.Features[i]
		at, ok := live[f.Name]
		if ok = ok && sameCells(n.Slots[at].typ, f.Type); !ok {
			for _, at = range retired[f.Name] {
				if ok = sameCells(n.Slots[at].typ, f.Type); ok {
					break
				}
			}
		}
		if !ok {
			at, grown = len(n.Slots), true
			n.Slots = append(n.Slots, slot{Name: f.Name})
		}
		n.Slots[at] = slot{Name: f.Name, Type: f.Type.Text, Fennel: f.Type.Spelling == codec.SpellingFennel, typ: f.Type}
		f.Slot = at
	}
	if len(n.Slots) > maxSlots {
		return false, fmt.Errorf("the group had more than %d columns in its life; raise version for a new one", maxSlots)
	}
	return grown, nil
}

// settle fills in everything of a group that follows from its numbers, which the
// group keeps.
func (g *Group) settle(n *numbers) {
	g.numbers, g.numbersJSON = n, marshal(n)
	g.Table, g.HistoryTable = n.Table, n.History
	g.Schema = &codec.Schema{ID: n.Schema, Columns: make([]codec.Column, len(n.Slots))}
	for i := range n.Slots {
		g.Schema.Columns[i].Type = n.Slots[i].typ
	}
	for i := range g.Features {
		f := &g.Features[i]
		g.Schema.Columns[f.Slot] = codec.Column{Name: f.Name, Type: f.Type, Default: f.Default}
	}
	g.KeyColumns = g.slots(g.Key)
	if g.EventTime != "" {
		g.EventTimeColumn = g.Feature(g.EventTime).Slot
	}
	for i := range g.Indexes {
		x := &g.Indexes[i]
		x.Table, x.Slots = n.Indexes[indexName(*x)], g.slots(x.Columns)
	}
}

func (g *Group) slots(columns []string) []int {
	slots := make([]int, len(columns))
	for i, name := range columns {
		slots[i] = g.Feature(name).Slot
	}
	return slots
}
