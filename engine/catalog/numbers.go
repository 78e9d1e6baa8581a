package catalog

import (
	"slices"

	"quiver/codec"
)

// numbers is what the catalog assigned to a group and must never forget while rows
// of it may be stored. It is part of every revision file.
type numbers struct {
	Life    uint32            `json:"life"` // the first table it got; tells a group from a later one of the same name
	Table   uint32            `json:"table"`
	History uint32            `json:"history,omitempty"`
	Indexes map[string]uint32 `json:"indexes,omitempty"` // table by index name
	Schema  uint32            `json:"schema"`            // id of the layout that slots make
	Slots   []slot            `json:"slots"`             // physical columns, in order
}

// slot is one physical column.
type slot struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	Fennel  bool   `json:"fennel,omitempty"`  // whose words Type is in
	Retired bool   `json:"retired,omitempty"` // no feature of the definition uses it

	typ *codec.Type
}

// parse fills in the parsed type.
func (s *slot) parse() error {
	spelling := codec.SpellingSQL
	if s.Fennel {
		spelling = codec.SpellingFennel
	}
	t, err := codec.ParseType(s.Type, spelling)
	s.typ = t
	return err
}

// tables appends all physical tables to dst.
func (n *numbers) tables(dst []uint32) []uint32 {
	dst = append(dst, n.Table)
	if n.History != 0 {
		dst = append(dst, n.History)
	}
	from := len(dst)
	for _, t := range n.Indexes {
		dst = append(dst, t)
	}
	slices.Sort(dst[from:])
	return dst
}
