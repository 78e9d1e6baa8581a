package catalog

import (
	"cmp"
	"slices"
	"strings"

	"quiver/codec"
)

// enrichSource is what an enrichment reads: one of the two.
type enrichSource struct {
	group *Group
	view  *View
}

func (x *Enrichment) source() enrichSource { return enrichSource{x.Group, x.View} }

// enrichments judges the enrichments of one endpoint.
func (e *apiEndpointSpec) enrichments(k *checker, at path, sources []enrichSource) []Enrichment {
	if len(e.Enrich) == 0 && e.Type == EndpointLookup {
		k.at(append(at, "enrich"), "a lookup needs at least one enrichment")
	}
	all := make([]Enrichment, len(e.Enrich))
	added := map[string]bool{}
	for i := range e.Enrich {
		x := &e.Enrich[i]
		all[i] = Enrichment{
			Store: x.Store, Name: cmp.Or(x.View, x.Group), Version: x.Version, Group: sources[i].group, View: sources[i].view,
			Keys: x.Keys, Columns: x.Columns,
			OnMissingKey: x.OnMissingKey, OnNoMatch: x.OnNoMatch, OnMultiple: x.OnMultiple,
		}
		here := append(slices.Clone(at), "enrich", i)
		if v := sources[i].view; v != nil {
			all[i].Columns = x.againstView(k, here, v)
		}
		for _, c := range all[i].Columns {
			if c.Name == "" {
				k.at(append(here, "columns"), "column %s has no name to be handed on under", quote(c.Column))
			} else if added[c.Name] {
				k.at(append(here, "columns"), "%s is handed on twice", quote(c.Name))
			}
			added[c.Name] = true
		}
		if sources[i].group != nil {
			x.against(k, here, sources[i].group)
		}
	}
	return all
}

// against judges an enrichment against its group.
func (x *enrichSpec) against(k *checker, at path, g *Group) {
	names := make([]string, len(g.Features))
	for i := range g.Features {
		names[i] = g.Features[i].Name
	}
	if g.Spine || len(g.Key) == 0 {
		k.at(append(at, "group"), "group %s has no rows that can be looked up", g.Name)
		return
	}
	for _, list := range []struct {
		key   string
		pairs []Pairing
	}{{"keys", x.Keys}, {"columns", x.Columns}} {
		for _, p := range list.pairs {
			if g.Feature(p.Column) == nil {
				k.at(append(at, list.key), "group %s has no column %s%s", g.Name, quote(p.Column), k.suggest(p.Column, names))
				return
			}
		}
	}
	columns := make([]string, len(x.Keys))
	for i, p := range x.Keys {
		columns[i] = p.Column
	}
	if sameSet(columns, g.Key) {
		return
	}
	ways := []string{strings.Join(g.Key, ", ")}
	for i := range g.Indexes {
		if sameSet(columns, g.Indexes[i].Columns) {
			return
		}
		ways = append(ways, strings.Join(g.Indexes[i].Columns, ", "))
	}
	k.at(append(at, "keys"), "columns (%s) are neither the key of group %s nor one of its indexes; these are (%s)",
		strings.Join(columns, ", "), g.Name, strings.Join(ways, "), ("))
}

// againstView judges an enrichment against its view, and returns the features that it
// hands on: those that are listed, or all that are no keys.
func (x *enrichSpec) againstView(k *checker, at path, v *View) []Pairing {
	var served, entries []string
	keys := map[string]bool{} // entry names of serving keys
	for _, s := range v.ServingKeys {
		entries = append(entries, s.Prefix+s.Name)
		keys[s.Prefix+s.Name], keys[s.Name] = true, true
	}
	var all []Pairing
	for i := range v.Features {
		if name := v.served(i); name != "" && !v.isKey(&v.Features[i]) {
			served = append(served, name)
			all = append(all, Pairing{name, name})
		}
	}
	given := map[string]bool{}
	for _, p := range x.Keys {
		if given[p.Column] = true; !keys[p.Column] {
			k.at(append(at, "keys"), "view %s has no serving key %s; it has %s", v.Name, quote(p.Column), strings.Join(entries, ", "))
			return nil
		}
	}
	for _, s := range v.ServingKeys {
		if !given[s.Prefix+s.Name] && !given[s.Name] && (s.Required || !given[s.JoinOn]) {
			k.at(append(at, "keys"), "serving key %s of view %s is not given", quote(s.Prefix+s.Name), v.Name)
			return nil
		}
	}
	if x.Columns == nil {
		return all
	}
	for _, p := range x.Columns {
		if !slices.Contains(served, p.Column) {
			k.at(append(at, "columns"), "view %s has no feature %s that is no key%s", v.Name, quote(p.Column), k.suggest(p.Column, served))
			return nil
		}
	}
	return x.Columns
}

// served returns the name that a view serves a feature under, "" for a label.
func (v *View) served(i int) string {
	f := &v.Features[i]
	if f.Label {
		return ""
	}
	return v.From[f.From].Prefix + f.Name
}

// isKey reports whether a feature is a key column of its group, which shows what the
// caller gave.
func (v *View) isKey(f *ViewFeature) bool {
	return slices.ContainsFunc(v.ServingKeys, func(s ServingKey) bool { return s.From == f.From && s.Name == f.Name })
}

// KeyType returns the type of key i.
func (x *Enrichment) KeyType(i int) *codec.Type {
	name := x.Keys[i].Column
	if x.Group != nil {
		return x.Group.Feature(name).Type
	}
	for _, s := range x.View.ServingKeys {
		if s.Prefix+s.Name == name || s.Name == name {
			return x.View.From[s.From].Ref.Feature(s.Name).Type
		}
	}
	return nil // the check lets no such key pass
}

// column returns the type of a column or feature that an enrichment hands on, nil when
// there is none.
func (x *Enrichment) column(name string) *codec.Type {
	if x.Group != nil {
		if f := x.Group.Feature(name); f != nil {
			return f.Type
		}
		return nil
	}
	for i := range x.View.Features {
		if f := &x.View.Features[i]; x.View.served(i) == name && f.Ref != nil {
			return f.Ref.Type
		}
	}
	return nil
}

// feeds reports whether values of one type can ever be values of a model's feature of
// another. Texts may hold anything.
func feeds(from, to *codec.Type) bool {
	text, number := from.Kind == codec.KindString, from.Numeric() || from.Kind == codec.KindBoolean
	time := from.Kind == codec.KindDate || from.Kind == codec.KindTimestamp
	switch {
	case text:
		return true
	case to.Numeric() || to.Kind == codec.KindBoolean:
		return number
	case to.Kind == codec.KindString:
		return number || time
	case to.Kind == codec.KindDate || to.Kind == codec.KindTimestamp:
		return time || from.Integer()
	case to.Kind == codec.KindEmbedding:
		return from.Kind == codec.KindEmbedding && from.Length == to.Length || from.Kind == codec.KindArray && from.Elem.Numeric()
	default:
		return false // no feature of a model is of such a type, which is said elsewhere
	}
}
