package plan

import (
	"bytes"
	"fmt"
	"slices"

	"quiver/codec"
	"quiver/engine/catalog"
)

// maxSlots bounds the names one view may accept; the catalog's limit on columns
// keeps real views far below.
const maxSlots = 1 << 12

// View compiles a view. One whose group was removed compiles to a plan with Broken
// set.
func View(v *catalog.View) (*Plan, error) {
	p := &Plan{Store: v.StoreKey, Name: v.Name, Version: v.Version, Stores: []string{v.StoreKey}, Broken: v.Broken}
	if v.Broken != "" {
		return p, nil
	}
	c := compiler{p: p}
	served := make([]bool, len(v.From))
	for _, f := range v.Features {
		if !f.Label {
			served[f.From] = true
		}
	}
	if err := c.names(v); err != nil {
		return nil, err
	}
	if err := c.reads(v, served); err != nil {
		return nil, err
	}
	if err := c.features(v); err != nil {
		return nil, err
	}
	c.finish()
	return p, nil
}

// Group compiles a bare group: entries give its key columns by name, and every
// column, keys included, is served from the stored row in declared order.
func Group(g *catalog.Group) (*Plan, error) {
	p := &Plan{Store: g.StoreKey, Name: g.Name, Version: g.Version, Stores: []string{g.StoreKey}}
	c := compiler{p: p}
	recipe := Recipe{}
	for _, k := range g.Key {
		recipe.Columns = append(recipe.Columns, KeyColumn{Name: k, Type: g.Feature(k).Type, From: []uint16{c.slot(k)}})
	}
	p.Recipes = []Recipe{recipe}
	if !g.Spine && len(g.Key) > 0 {
		p.Reads = []Read{{Group: g, Table: g.Table, TTL: g.TTL.Microseconds()}}
		p.Groups = []Occurrence{{GroupID: g.ID}}
		c.readOf = []int{0}
	} else {
		p.Spine = true
		c.readOf = []int{-1}
	}
	for i := range g.Features {
		f := &g.Features[i]
		p.Features = append(p.Features, c.stored(f, 0, f.Name, f.Type.Text))
	}
	c.finish()
	return p, nil
}

type compiler struct {
	p      *Plan
	readOf []int // occurrence -> index into p.Reads, -1 when not read
	keys   [][]catalog.ServingKey
}

// slot returns the number of an entry name, adding it if new.
func (c *compiler) slot(name string) uint16 {
	if c.p.slot == nil {
		c.p.slot = map[string]uint16{}
	}
	if i, ok := c.p.slot[name]; ok {
		return i
	}
	i := uint16(len(c.p.Slots))
	c.p.Slots = append(c.p.Slots, name)
	c.p.slot[name] = i
	return i
}

// names numbers every name an entry may use: prefix+name and name of each serving key.
func (c *compiler) names(v *catalog.View) error {
	c.keys = make([][]catalog.ServingKey, len(v.From))
	for _, k := range v.ServingKeys {
		c.slot(k.Prefix + k.Name)
		c.slot(k.Name)
		c.keys[k.From] = append(c.keys[k.From], k)
	}
	if len(c.p.Slots) > maxSlots {
		return fmt.Errorf("view %s has %d key names, more than %d", v.Name, len(c.p.Slots), maxSlots)
	}
	return nil
}

// reads plans the point reads: one per distinct (table, recipe), so a group joined
// twice under the same key is read once, and groups of one entity share key bytes.
func (c *compiler) reads(v *catalog.View, served []bool) error {
	p := c.p
	c.readOf = make([]int, len(v.From))
	for o := range v.From {
		g := v.From[o].Ref
		c.readOf[o] = -1
		if !served[o] {
			continue
		}
		if !slices.Contains(p.Stores, g.StoreKey) {
			p.Stores = append(p.Stores, g.StoreKey)
		}
		if g.Spine {
			p.Spine = true
			continue
		}
		recipe, err := c.recipe(g, c.keys[o])
		if err != nil {
			return fmt.Errorf("view %s: %w", v.Name, err)
		}
		read := Read{Group: g, Table: g.Table, Recipe: c.addRecipe(recipe), TTL: g.TTL.Microseconds()}
		at := slices.IndexFunc(p.Reads, func(r Read) bool { return r.Table == read.Table && r.Recipe == read.Recipe })
		if at < 0 {
			at = len(p.Reads)
			p.Reads = append(p.Reads, read)
		}
		c.readOf[o] = at
		p.Groups = append(p.Groups, Occurrence{GroupID: g.ID, Read: uint16(at)})
	}
	return nil
}

// recipe follows the contract: for each key column the first present of the
// required entry (prefix+name when required, else the joined-on name), prefix+name,
// name.
func (c *compiler) recipe(g *catalog.Group, keys []catalog.ServingKey) (Recipe, error) {
	var r Recipe
	for _, column := range g.Key {
		at := slices.IndexFunc(keys, func(k catalog.ServingKey) bool { return k.Name == column })
		if at < 0 {
			return r, fmt.Errorf("no serving key gives key column %q of group %s", column, g.Name)
		}
		k := keys[at]
		kc := KeyColumn{Name: column, Type: g.Feature(column).Type}
		for _, name := range []string{requiredEntry(k), k.Prefix + k.Name, k.Name} {
			if i, ok := c.p.slot[name]; ok && !slices.Contains(kc.From, i) {
				kc.From = append(kc.From, i)
			}
		}
		r.Columns = append(r.Columns, kc)
	}
	return r, nil
}

func requiredEntry(k catalog.ServingKey) string {
	if k.Required {
		return k.Prefix + k.Name
	}
	return k.JoinOn
}

func (c *compiler) addRecipe(r Recipe) uint16 {
	same := func(a Recipe) bool {
		return slices.EqualFunc(a.Columns, r.Columns, func(x, y KeyColumn) bool {
			return x.Type.Text == y.Type.Text && slices.Equal(x.From, y.From)
		})
	}
	if i := slices.IndexFunc(c.p.Recipes, same); i >= 0 {
		return uint16(i)
	}
	c.p.Recipes = append(c.p.Recipes, r)
	return uint16(len(c.p.Recipes) - 1)
}

func (c *compiler) features(v *catalog.View) error {
	for i := range v.Features {
		f := &v.Features[i]
		if f.Label {
			continue
		}
		name := v.From[f.From].Prefix + f.Name
		var out Feature
		if c.isKey(f.From, f.Name) {
			// Keys are shown as the caller wrote them, never from storage.
			out = Feature{Name: name, Type: f.Ref.Type, Text: f.TypeText(), Read: -1}
		} else {
			out = c.stored(f.Ref, f.From, name, f.TypeText())
		}
		registered := out.Type
		if f.Type != "" {
			var err error
			if registered, err = codec.ParseType(f.Type, codec.SpellingSQL); err != nil {
				return fmt.Errorf("view %s: feature %s: %w", v.Name, f.Name, err)
			}
		}
		out.Passed = passedKind(registered)
		out.Echo = c.echo(v, name)
		c.p.Features = append(c.p.Features, out)
	}
	return nil
}

func (c *compiler) isKey(from int, name string) bool {
	return slices.ContainsFunc(c.keys[from], func(k catalog.ServingKey) bool { return k.Name == name })
}

func (c *compiler) stored(f *catalog.Feature, from int, name, text string) Feature {
	out := Feature{Name: name, Type: f.Type, Text: text, Passed: passedKind(f.Type), Read: c.readOf[from], Column: f.Slot, Null: f.Default}
	if out.Null == nil {
		out.Null = null
	}
	return out
}

// echo lists the slots whose token is shown at features called name. The contract
// fills in three passes of which later ones overwrite earlier ones; read backwards,
// that is a list of which the first present slot wins.
func (c *compiler) echo(v *catalog.View, name string) []uint16 {
	var out []uint16
	add := func(entry string) {
		if i, ok := c.p.slot[entry]; ok && !slices.Contains(out, i) {
			out = append(out, i)
		}
	}
	for pass := 3; pass >= 1; pass-- {
		for _, k := range slices.Backward(v.ServingKeys) {
			if k.Prefix+k.Name != name {
				continue
			}
			switch pass {
			case 3:
				add(requiredEntry(k))
			case 2:
				add(k.Prefix + k.Name)
			case 1:
				add(k.Name)
			}
		}
	}
	return out
}

var null = []byte("null")

// finish derives the constant parts: segments, the null row, metadata, names.
func (c *compiler) finish() {
	p := c.p
	p.passed = make(map[string][]uint16, len(p.Features))
	for i, f := range p.Features {
		p.passed[f.Name] = append(p.passed[f.Name], uint16(i))
		p.Segments = appendSegment(p.Segments, i, f)
	}
	for i := range p.Segments {
		s := &p.Segments[i]
		s.Nulls = bytes.TrimSuffix(bytes.Repeat([]byte("null,"), s.To-s.From), []byte(","))
	}
	p.NullRow = append([]byte{'['}, bytes.TrimSuffix(bytes.Repeat([]byte("null,"), len(p.Features)), []byte(","))...)
	p.NullRow = append(p.NullRow, ']')
	for mode := range p.Metadata {
		p.Metadata[mode] = metadata(p.Features, mode)
	}
}

func appendSegment(ss []Segment, i int, f Feature) []Segment {
	s := Segment{From: i, To: i + 1, Read: f.Read, Column: f.Column}
	switch {
	case len(f.Echo) > 0:
		s.Kind = Each
	case f.Read < 0:
		s.Kind = Null
	default:
		s.Kind = Run
	}
	if n := len(ss); n > 0 && ss[n-1].Kind == s.Kind {
		last := &ss[n-1]
		if s.Kind != Run || last.Read == s.Read && last.Column+last.To-last.From == s.Column {
			last.To = s.To
			return ss
		}
	}
	return append(ss, s)
}

func metadata(features []Feature, mode int) []byte {
	out := []byte{'['}
	for i, f := range features {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"featureName":`...)
		if mode&MetaNames != 0 {
			out = codec.AppendQuoted(out, []byte(f.Name))
		} else {
			out = append(out, null...)
		}
		out = append(out, `,"featureType":`...)
		if mode&MetaTypes != 0 {
			out = codec.AppendQuoted(out, []byte(f.Text))
		} else {
			out = append(out, null...)
		}
		out = append(out, '}')
	}
	return append(out, ']')
}
