package codec

// Column is one column of a Schema.
type Column struct {
	Name    string
	Type    *Type
	Default []byte // rendered cell for rows written before the column existed; nil: null
}

// Schema is the physical layout of the rows of one group. Columns are in physical
// order: new ones are only ever appended, so an old row is a prefix of a new one, and
// a row with fewer columns than the schema takes the rest from Column.Default. A
// Schema is not changed once rows were written with it.
type Schema struct {
	ID      uint32
	Columns []Column
}

// MaxColumns is how many columns a row can have.
const MaxColumns = 1<<16 - 1

// Index returns the position of the named column, -1 when there is none. It looks at
// one column after another: for plans and loaders, not for every cell.
func (s *Schema) Index(name string) int {
	for i := range s.Columns {
		if s.Columns[i].Name == name {
			return i
		}
	}
	return -1
}
