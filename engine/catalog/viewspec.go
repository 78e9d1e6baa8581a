package catalog

import (
	"slices"

	"github.com/goccy/go-yaml/ast"

	"quiver/codec"
)

// viewSpec is a FeatureView as written.
type viewSpec struct {
	header
	Description string            `json:"description,omitempty"`
	From        []joinSpec        `json:"from"`
	Features    []viewFeatureSpec `json:"features,omitempty"`    // none: all of each group
	ServingKeys []servingKeySpec  `json:"servingKeys,omitempty"` // none: derived
}

type joinSpec struct {
	Group   string `json:"group"`
	Store   string `json:"store,omitempty"` // "": the view's
	Version int    `json:"version"`
	Prefix  string `json:"prefix,omitempty"`
}

type viewFeatureSpec struct {
	From  int    `json:"from"`
	Name  string `json:"name"`
	Label bool   `json:"label,omitempty"`
	Type  string `json:"type,omitempty"`
}

type servingKeySpec struct {
	From     int    `json:"from"`
	Name     string `json:"name"`
	Prefix   string `json:"prefix,omitempty"`
	Required bool   `json:"required"`
	JoinOn   string `json:"joinOn,omitempty"`
}

func (v *viewSpec) head() *header { return &v.header }

func (v *viewSpec) fields(r *reader) []field {
	return append(v.header.fields(r),
		field{key: "description", read: r.text(&v.Description)},
		field{key: "from", need: true, read: r.list("groups", maxJoins, func(n ast.Node) {
			j := joinSpec{Version: 1}
			r.mapping(n, "a join",
				field{key: "group", need: true, read: r.text(&j.Group)},
				field{key: "store", read: r.text(&j.Store)},
				field{key: "version", read: r.number(&j.Version, 1, maxVersion)},
				field{key: "prefix", read: r.text(&j.Prefix)})
			v.From = append(v.From, j)
		})},
		field{key: "features", read: r.list("features", maxServed, func(n ast.Node) {
			var f viewFeatureSpec
			r.mapping(n, "a feature of a view",
				field{key: "from", read: r.number(&f.From, 0, maxJoins)},
				field{key: "name", need: true, read: r.text(&f.Name)},
				field{key: "label", read: r.boolean(&f.Label)},
				field{key: "type", read: r.text(&f.Type)})
			v.Features = append(v.Features, f)
		}), given: func() { v.Features = []viewFeatureSpec{} }},
		field{key: "servingKeys", read: r.list("serving keys", maxServings, func(n ast.Node) {
			var s servingKeySpec
			given := step(n, "required") != nil
			r.mapping(n, "a serving key",
				field{key: "from", read: r.number(&s.From, 0, maxJoins)},
				field{key: "name", need: true, read: r.text(&s.Name)},
				field{key: "prefix", read: r.text(&s.Prefix)},
				field{key: "required", read: r.boolean(&s.Required)},
				field{key: "joinOn", read: r.text(&s.JoinOn)})
			if !given { // a key that joins on another entry need not be given itself
				s.Required = s.JoinOn == ""
			}
			v.ServingKeys = append(v.ServingKeys, s)
		})},
	)
}

// store returns the store of a join in lower case.
func (v *viewSpec) store(j *joinSpec) string {
	if j.Store != "" {
		return foldStore(j.Store)
	}
	return foldStore(v.Store)
}

// groupKey returns the key of the group that a join names.
func (v *viewSpec) groupKey(i int) objectKey {
	j := &v.From[i]
	return objectKey{kind: KindGroup, store: v.store(j), name: j.Group, version: j.Version}
}

// check judges a view against the groups it joins (nil where there is none) and
// resolves it. The View is of no use when faults were reported.
func (v *viewSpec) check(k *checker, groups []*Group) *View {
	out := &View{
		Store: v.Store, StoreKey: foldStore(v.Store), Name: v.Name, Version: v.Version, Description: v.Description,
		From: make([]Join, len(v.From)), spec: v,
	}
	if len(v.From) == 0 {
		k.at(path{"from"}, "a view needs at least one group")
	}
	for i := range v.From {
		j := &v.From[i]
		out.From[i] = Join{Store: j.Store, Group: j.Group, Version: j.Version, Prefix: j.Prefix, Ref: groups[i]}
		if j.Store == "" {
			out.From[i].Store = v.Store
		}
		if j.Prefix != "" {
			if why := checkFeature(j.Prefix); why != "" {
				k.at(path{"from", i, "prefix"}, "prefix %s %s", quote(j.Prefix), why)
			}
		}
	}
	v.resolveFeatures(k, out)
	v.resolveKeys(k, out)
	return out
}

func (v *viewSpec) resolveFeatures(k *checker, out *View) {
	if v.Features == nil {
		for i, g := range refs(out) {
			for f := range features(g) {
				out.Features = append(out.Features, ViewFeature{From: i, Name: f.Name, Ref: f})
			}
		}
		if len(out.Features) > maxServed {
			k.at(path{"from"}, "the groups have more than %d features together; list those that the view serves", maxServed)
		}
	}
	type slot struct {
		from int
		name string
	}
	seen := make(map[slot]bool, len(v.Features))
	for i, f := range v.Features {
		at := path{"features", i, "name"}
		x := ViewFeature{From: f.From, Name: f.Name, Label: f.Label, Type: f.Type}
		switch {
		case f.From >= len(out.From):
			k.at(path{"features", i, "from"}, "there is no join %d; from has %d (the first is 0)", f.From, len(out.From))
			continue
		case seen[slot{f.From, f.Name}]:
			k.at(at, "feature %s of join %d appears twice", quote(f.Name), f.From)
		case out.From[f.From].Ref == nil: // reported
		default:
			g := out.From[f.From].Ref
			if x.Ref = g.Feature(f.Name); x.Ref == nil {
				k.at(at, "group %s has no feature %s%s", g.Name, quote(f.Name), k.suggest(f.Name, g.spec.featureNames()))
			}
		}
		if f.Type != "" {
			if _, err := codec.ParseType(f.Type, codec.SpellingSQL); err != nil {
				k.badType(path{"features", i, "type"}, err)
			}
		}
		seen[slot{f.From, f.Name}] = true
		out.Features = append(out.Features, x)
	}
	if v.Features != nil && len(v.Features) == 0 {
		k.at(path{"features"}, "a view needs at least one feature; leave the key out for all features of its groups")
	}
	for _, f := range out.Features {
		if g := out.From[f.From].Ref; g != nil && !f.Label && !g.Spine {
			out.From[f.From].Read = true
		}
	}
}

func (v *viewSpec) resolveKeys(k *checker, out *View) {
	if len(v.ServingKeys) == 0 {
		out.ServingKeys = derive(out)
	}
	for i, s := range v.ServingKeys {
		x := ServingKey{From: s.From, Name: s.Name, Prefix: s.Prefix, Required: s.Required, JoinOn: s.JoinOn, Key: -1}
		if s.From >= len(out.From) {
			k.at(path{"servingKeys", i, "from"}, "there is no join %d; from has %d (the first is 0)", s.From, len(out.From))
			continue
		}
		at := path{"servingKeys", i, "name"}
		if slices.ContainsFunc(out.ServingKeys, func(o ServingKey) bool { return o.From == s.From && o.Name == s.Name }) {
			k.at(at, "serving key %s of join %d appears twice", quote(s.Name), s.From)
		}
		if g := out.From[s.From].Ref; g != nil {
			if x.Key = g.KeyPosition(s.Name); x.Key < 0 {
				k.at(at, "%s is no key column of group %s%s", quote(s.Name), g.Name, k.suggest(s.Name, g.Key))
			}
		}
		if s.Prefix != "" {
			if why := checkFeature(s.Prefix); why != "" {
				k.at(path{"servingKeys", i, "prefix"}, "prefix %s %s", quote(s.Prefix), why)
			}
		}
		out.ServingKeys = append(out.ServingKeys, x)
	}
	if len(out.ServingKeys) > maxServings {
		k.at(path{"from"}, "the groups have more than %d key columns together", maxServings)
	}
	v.checkJoinOn(k, out)
	v.checkCover(k, out)
}

// checkJoinOn wants every joinOn to name an entry that a request may hold, or a
// column of one of the groups.
func (v *viewSpec) checkJoinOn(k *checker, out *View) {
	var entries map[string]bool
	for i, s := range v.ServingKeys {
		if s.JoinOn == "" {
			continue
		}
		if entries == nil {
			entries = map[string]bool{}
			for _, o := range out.ServingKeys {
				entries[o.Name], entries[o.Prefix+o.Name] = true, true
			}
			for j, g := range refs(out) {
				for f := range features(g) {
					entries[f.Name], entries[out.From[j].Prefix+f.Name] = true, true
				}
			}
		}
		if !entries[s.JoinOn] {
			known := make([]string, 0, 2*len(out.ServingKeys))
			for _, o := range out.ServingKeys {
				known = append(known, o.Prefix+o.Name)
			}
			slices.Sort(known)
			k.at(path{"servingKeys", i, "joinOn"}, "joinOn %s names neither an entry nor a column of the groups%s",
				quote(s.JoinOn), k.suggest(s.JoinOn, slices.Compact(known)))
		}
	}
}

// checkCover wants a serving key for every key column of every group that is read.
func (v *viewSpec) checkCover(k *checker, out *View) {
	for i := range out.From {
		j := &out.From[i]
		if !j.Read {
			continue
		}
		if len(j.Ref.Key) == 0 {
			k.at(path{"from", i, "group"}, "group %s has no key, so its rows cannot be looked up by a view", j.Group)
			continue
		}
		for _, column := range j.Ref.Key {
			if !slices.ContainsFunc(out.ServingKeys, func(s ServingKey) bool { return s.From == i && s.Name == column }) {
				k.at(path{"servingKeys"}, "no serving key gives key column %s of join %d (group %s); add {from: %d, name: %s, …} or leave servingKeys out",
					quote(column), i, j.Group, i, column)
			}
		}
	}
}

// derive makes the serving keys of a view that gives none: the left group's keys are
// required; a joined group's key named like one of them joins on it; others are
// required under the join's prefix.
func derive(out *View) []ServingKey {
	var keys []ServingKey
	for i, g := range refs(out) {
		if g == nil {
			continue
		}
		for n, column := range g.Key {
			s := ServingKey{From: i, Name: column, Prefix: out.From[i].Prefix, Required: true, Key: n}
			if left := out.From[0].Ref; i > 0 && left != nil && left.KeyPosition(column) >= 0 {
				s.Required, s.JoinOn = false, out.From[0].Prefix+column
			}
			keys = append(keys, s)
		}
	}
	return keys
}

// refs yields the groups of a view, nil where one is gone.
func refs(v *View) func(yield func(int, *Group) bool) {
	return func(yield func(int, *Group) bool) {
		for i := range v.From {
			if !yield(i, v.From[i].Ref) {
				return
			}
		}
	}
}

// features yields the features of a group that may be nil.
func features(g *Group) func(yield func(*Feature) bool) {
	return func(yield func(*Feature) bool) {
		if g == nil {
			return
		}
		for i := range g.Features {
			if !yield(&g.Features[i]) {
				return
			}
		}
	}
}
