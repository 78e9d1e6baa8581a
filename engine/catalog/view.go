package catalog

// View is one version of a feature view: the recipe of a feature vector.
//
// A View is immutable. Its pointer is the same in two snapshots exactly when
// neither its definition nor any of its groups changed in between, so that what
// was compiled from it can be kept.
type View struct {
	Store       string // as written
	StoreKey    string // Store in lower case
	Name        string
	Version     int
	Description string

	From        []Join // in order; index 0 is the left group
	Features    []ViewFeature
	ServingKeys []ServingKey

	// Broken says why no vector can be served: a group that it needs was
	// removed by force. "" for a sound view. In a broken view some Ref fields
	// are nil.
	Broken string

	spec *viewSpec
	body []byte // normalised definition, one line of JSON
	text digest // of the YAML it was read from
}

func (v *View) key() objectKey     { return v.spec.key() }
func (v *View) source() spec       { return v.spec }
func (v *View) definition() []byte { return v.body }
func (v *View) digest() digest     { return v.text }

func (v *View) tables(dst []uint32) []uint32 { return dst }

// Join is one use of a group by a view; a group may be joined more than once.
type Join struct {
	Store, Group string // Store is the view's unless the definition names another
	Version      int
	Prefix       string
	Ref          *Group // nil in a broken view whose group is gone
	// Read is whether rows of the group are needed: some feature that is served
	// (no label) comes from it, and it is not a spine group.
	Read bool
}

// ViewFeature is one position of the vector, or a label.
type ViewFeature struct {
	From  int // index into View.From
	Name  string
	Label bool     // not served
	Type  string   // type text that metadata prints instead of the column's; "": the column's
	Ref   *Feature // the column; nil in a broken view
}

// TypeText returns the type as metadata prints it ("" in a broken view).
func (f *ViewFeature) TypeText() string {
	switch {
	case f.Type != "":
		return f.Type
	case f.Ref != nil:
		return f.Ref.Type.Text
	}
	return ""
}

// ServingKey says under which entry names the value of one key column of one join
// arrives in a request.
type ServingKey struct {
	From     int    // index into View.From
	Name     string // key column of that group
	Prefix   string // need not be the join's prefix
	Required bool
	JoinOn   string // entry that gives the value of a key that is not required; may be ""
	Key      int    // position in the group's Key; -1 in a broken view
}
