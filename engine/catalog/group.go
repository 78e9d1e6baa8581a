package catalog

import (
	"time"

	"quiver/codec"
)

// Group is one version of a feature group: a keyed table of rows.
//
// A Group is immutable and shared by all snapshots in which nothing about it
// changed: equal pointers mean that everything compiled from it is still right.
type Group struct {
	Store       string // as written
	StoreKey    string // Store in lower case; what rights and lookups compare
	Name        string
	Version     int
	ID          int64 // unique in the server, never changes unless the definition says so
	Description string

	Key       []string // primary key columns, in order; none: an event stream
	EventTime string   // column that orders writes; "": the order of arrival does
	TTL       time.Duration
	History   time.Duration // how long replaced rows are kept; 0: not at all
	Spine     bool          // has no online rows
	Indexes   []Index
	Features  []Feature // in the order of the definition

	Table        uint32 // physical table of the rows; never 0, never reused
	HistoryTable uint32 // physical table of replaced rows; 0 without History

	// Schema is the physical layout, key columns included. It only ever grows
	// at its end while the group lives. A column with an empty Name was taken
	// away by a rollback: its slot stays, its cells are not read, and writers
	// put null there. Schema.ID is the same exactly as long as the layout is.
	Schema          *codec.Schema
	KeyColumns      []int // slots of Key, in order of Key
	EventTimeColumn int   // slot of EventTime; -1 when there is none

	spec        *groupSpec
	numbers     *numbers
	numbersJSON []byte
	body        []byte // normalised definition, one line of JSON
	text        digest // of the YAML it was read from
	byName      map[string]int
}

func (g *Group) key() objectKey     { return g.spec.key() }
func (g *Group) source() spec       { return g.spec }
func (g *Group) definition() []byte { return g.body }
func (g *Group) digest() digest     { return g.text }

func (g *Group) tables(dst []uint32) []uint32 { return g.Tables(dst) }

// Feature is one column of a Group.
type Feature struct {
	Name        string
	Type        *codec.Type
	Default     []byte // rendered cell for rows that lack the column; nil: null
	Description string
	Slot        int // physical column: index into Schema.Columns and into a row
}

// Index makes the rows of a group findable by columns other than its key.
type Index struct {
	Name    string
	Columns []string
	Slots   []int  // physical columns of Columns
	Table   uint32 // physical table of the entries; never reused
}

// Feature returns the named feature, nil when the group has none. It does not
// allocate.
func (g *Group) Feature(name string) *Feature {
	i, ok := g.byName[name]
	if !ok {
		return nil
	}
	return &g.Features[i]
}

// Index returns the named index, nil when the group has none.
func (g *Group) Index(name string) *Index {
	for i := range g.Indexes {
		if g.Indexes[i].Name == name {
			return &g.Indexes[i]
		}
	}
	return nil
}

// KeyPosition returns the position of a column in Key, -1 when it is no key column.
func (g *Group) KeyPosition(column string) int {
	for i, name := range g.Key {
		if name == column {
			return i
		}
	}
	return -1
}

// Tables appends all physical table ids of the group to dst.
func (g *Group) Tables(dst []uint32) []uint32 {
	return g.numbers.tables(dst)
}
