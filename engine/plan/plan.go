package plan

import (
	"strings"

	"quiver/codec"
	"quiver/engine/catalog"
)

// Plan is one compiled view or group. It is immutable and shared by all readers.
type Plan struct {
	Store   string // lower case
	Name    string
	Version int
	// Stores are the stores (lower case) a caller needs rights to: the view's
	// own and that of every group that is read.
	Stores []string
	// Broken says which group the view needs and was removed by force; such a
	// plan cannot be read. "" for a sound plan.
	Broken string

	Slots    []string // names an entry may use; a slot is an index into this
	Recipes  []Recipe
	Reads    []Read
	Groups   []Occurrence // the groups the answer speaks of, in join order
	Spine    bool         // a spine group is part of the view: never COMPLETE
	Features []Feature
	Segments []Segment

	// NullRow is a vector with every feature null: "[null,null]".
	NullRow []byte
	// Metadata is the rendered metadata list, indexed by MetaNames|MetaTypes.
	Metadata [4][]byte

	slot   map[string]uint16
	passed map[string][]uint16
}

// Bits of the index into Plan.Metadata.
const (
	MetaNames = 1
	MetaTypes = 2
)

// Recipe makes the key bytes of one entity from an entry's slots.
type Recipe struct{ Columns []KeyColumn }

// KeyColumn is one primary key column: the first of From that the entry gives is
// its value.
type KeyColumn struct {
	Name string
	Type *codec.Type
	From []uint16
}

// Read is one point read per entry.
type Read struct {
	Group  *catalog.Group
	Table  uint32
	Recipe uint16
	TTL    int64 // microseconds; 0 = rows do not expire
}

// Occurrence is one group of the view as the answer's detailed status lists it.
type Occurrence struct {
	GroupID int64
	Read    uint16
}

// Feature is one position of the vector.
type Feature struct {
	Name string // with prefix
	Type *codec.Type
	Text string // type text for metadata and messages
	// Passed is the JSON kind a passed value must have; PassedAny marks
	// kinds that only objects and arrays satisfy.
	Passed Passed

	Echo   []uint16 // slots whose raw token is shown here, the first given wins
	Read   int      // -1: not from a row
	Column int      // physical column in Read's row
	Null   []byte   // what an old row without this column shows: the default or "null"
}

// Passed is the kind of JSON value a passed feature must be.
type Passed uint8

// The kinds; PassedOther is an object or an array.
const (
	PassedNumber Passed = iota
	PassedString
	PassedBoolean
	PassedOther
)

// Segment is a stretch of consecutive positions that are written the same way.
type Segment struct {
	Kind     SegmentKind
	From, To int // positions [From, To)
	Read     int // Run: whose row
	Column   int // Run: first physical column; the run ends at Column+To-From
	Nulls    []byte
}

// SegmentKind says where the bytes of a Segment come from.
type SegmentKind uint8

// The kinds of segment.
const (
	Run  SegmentKind = iota // neighbouring cells of one row, copied with their commas
	Each                    // position by position (an echoed key, a column that may be either)
	Null                    // nothing can fill these but a passed feature
)

// Slot returns the number of the entry name, which must be exact. hint is the slot
// that is tried first (entries of a batch mostly repeat their order).
func (p *Plan) Slot(name []byte, hint int) (int, bool) {
	if hint < len(p.Slots) && p.Slots[hint] == string(name) {
		return hint, true
	}
	if len(p.Slots) <= 8 {
		for i, s := range p.Slots {
			if s == string(name) {
				return i, true
			}
		}
		return 0, false
	}
	i, ok := p.slot[string(name)]
	return int(i), ok
}

// Positions returns where a passed feature of that name is shown; empty when the
// view has no such feature or it is a label.
func (p *Plan) Positions(name []byte) []uint16 { return p.passed[string(name)] }

// passedKind is the contract's table of offline type to JSON kind. It goes by the type
// that metadata shows: decimal(p,s) and varchar(n) count as "other" there.
func passedKind(t *codec.Type) Passed {
	switch t.Kind {
	case codec.KindBoolean:
		return PassedBoolean
	case codec.KindTinyInt, codec.KindSmallInt, codec.KindInt, codec.KindBigInt, codec.KindFloat, codec.KindDouble:
		return PassedNumber
	case codec.KindDecimal:
		if strings.ContainsRune(t.Text, '(') {
			return PassedOther
		}
		return PassedNumber
	case codec.KindString:
		if t.Length > 0 {
			return PassedOther
		}
		return PassedString
	case codec.KindDate, codec.KindBinary, codec.KindTimestamp:
		return PassedString
	default:
		return PassedOther
	}
}

// Accepts reports whether a passed value of the JSON kind k may be shown as p.
func (p Passed) Accepts(k codec.JSONKind) bool {
	switch p {
	case PassedNumber:
		return k == codec.JSONNumber
	case PassedString:
		return k == codec.JSONString
	case PassedBoolean:
		return k == codec.JSONBool
	default:
		return k == codec.JSONObject || k == codec.JSONArray
	}
}

// String is the contract's word for p.
func (p Passed) String() string {
	switch p {
	case PassedNumber:
		return "NUMBER"
	case PassedString:
		return "STRING"
	case PassedBoolean:
		return "BOOLEAN"
	default:
		return "OTHER"
	}
}
