package catalog

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"

	"quiver/codec"
	"quiver/engine/expr"
	"quiver/engine/expr/vec"
)

// Limits and defaults of webhooks.
const (
	maxEndpoints = 1024
	maxTargets   = 256
	keepEvents   = duration(14 * 24 * time.Hour) // retention unless given
)

// webhookSpec is a Webhook as written.
type webhookSpec struct {
	header
	Description string         `json:"description,omitempty"`
	Retention   duration       `json:"retention"`
	Endpoints   []endpointSpec `json:"endpoints"`
}

type endpointSpec struct {
	Name     string                 `json:"name"`
	Into     []targetSpec           `json:"into"`
	CDC      CDC                    `json:"cdc,omitempty"`
	Disorder duration               `json:"disorder,omitempty"`
	Preproc  map[string]preprocSpec `json:"preproc,omitempty"`
	Where    string                 `json:"where,omitempty"`
}

type targetSpec struct {
	Group   string `json:"group"`
	Store   string `json:"store,omitempty"` // "": the webhook's
	Version int    `json:"version"`
}

type preprocSpec struct {
	Ref   string            `json:"ref,omitempty"`
	Value json.RawMessage   `json:"value,omitempty"`
	Expr  string            `json:"expr,omitempty"`
	Types map[string]string `json:"types,omitempty"` // of what expr reads, where groups do not say
}

func (w *webhookSpec) head() *header { return &w.header }

func (w *webhookSpec) fields(r *reader) []field {
	return append(w.header.fields(r),
		field{key: "description", read: r.text(&w.Description)},
		field{key: "retention", read: r.length(&w.Retention)},
		field{key: "endpoints", need: true, read: r.list("endpoints", maxEndpoints, func(n ast.Node) {
			var e endpointSpec
			r.mapping(n, "an endpoint",
				field{key: "name", need: true, read: r.text(&e.Name)},
				field{key: "into", need: true, read: r.list("groups", maxTargets, func(n ast.Node) {
					t := targetSpec{Version: 1}
					r.mapping(n, "a group that an endpoint feeds",
						field{key: "group", need: true, read: r.text(&t.Group)},
						field{key: "store", read: r.text(&t.Store)},
						field{key: "version", read: r.number(&t.Version, 1, maxVersion)})
					if foldStore(t.Store) == foldStore(w.Store) {
						t.Store = ""
					}
					e.Into = append(e.Into, t)
				})},
				field{key: "cdc", read: func(n ast.Node) {
					r.text((*string)(&e.CDC))(n)
					if all := []string{string(CDCAppend), string(CDCUpsert), string(CDCDebezium)}; e.CDC != "" && !slices.Contains(all, string(e.CDC)) {
						r.at(n, "unknown cdc %s%s", quote(string(e.CDC)), suggest(string(e.CDC), all))
					}
				}},
				field{key: "disorder", read: r.length(&e.Disorder)},
				field{key: "preproc", read: r.dictionary("columns", maxColumns, func(column string, n ast.Node) {
					if e.Preproc == nil {
						e.Preproc = map[string]preprocSpec{}
					}
					e.Preproc[column] = r.preproc(n)
				})},
				field{key: "where", read: r.text(&e.Where)})
			w.Endpoints = append(w.Endpoints, e)
		})},
	)
}

func (r *reader) preproc(n ast.Node) (p preprocSpec) {
	r.mapping(n, "what a column is made of",
		field{key: "ref", read: r.text(&p.Ref)},
		field{key: "value", read: r.value(&p.Value)},
		field{key: "expr", read: r.text(&p.Expr)},
		field{key: "types", read: r.dictionary("types", maxColumns, func(name string, n ast.Node) {
			if p.Types == nil {
				p.Types = map[string]string{}
			}
			var text string
			r.text(&text)(n)
			p.Types[name] = text
		})})
	return p
}

// groupKey returns the key of a group that an endpoint feeds.
func (w *webhookSpec) groupKey(t *targetSpec) objectKey {
	store := foldStore(w.Store)
	if t.Store != "" {
		store = foldStore(t.Store)
	}
	return objectKey{kind: KindGroup, store: store, name: t.Group, version: t.Version}
}

// check judges a webhook against the groups it feeds (nil where there is none), by
// endpoint. The Webhook is of no use when faults were reported.
func (w *webhookSpec) check(k *checker, groups [][]*Group) *Webhook {
	out := &Webhook{
		Store: w.Store, StoreKey: foldStore(w.Store), Name: w.Name, Version: w.Version, Description: w.Description,
		Retention: time.Duration(w.Retention), Endpoints: make([]Endpoint, len(w.Endpoints)), spec: w,
	}
	if len(w.Endpoints) == 0 {
		k.at(path{"endpoints"}, "a webhook needs at least one endpoint")
	}
	for i := range w.Endpoints {
		e := &w.Endpoints[i]
		if why := checkName(e.Name); why != "" {
			k.at(path{"endpoints", i, "name"}, "endpoint name %s %s", quote(e.Name), why)
		} else if slices.ContainsFunc(w.Endpoints[:i], func(o endpointSpec) bool { return o.Name == e.Name }) {
			k.at(path{"endpoints", i, "name"}, "endpoint %s appears twice", quote(e.Name))
		}
		out.Endpoints[i] = Endpoint{Name: e.Name, CDC: e.CDC, Disorder: time.Duration(e.Disorder), Into: make([]Target, len(e.Into))}
		used := map[string]bool{}
		for n := range e.Into {
			w.checkTarget(k, &out.Endpoints[i], i, n, groups[i][n], used)
		}
		for _, column := range slices.Sorted(maps.Keys(e.Preproc)) {
			if !used[column] && !slices.Contains(groups[i], nil) {
				k.at(path{"endpoints", i, "preproc", column}, "no group of this endpoint has a column %s", quote(column))
			}
		}
	}
	return out
}

// checkTarget judges one group that an endpoint feeds.
func (w *webhookSpec) checkTarget(k *checker, out *Endpoint, i, n int, g *Group, used map[string]bool) {
	e := &w.Endpoints[i]
	spec, t := &e.Into[n], &out.Into[n]
	at := path{"endpoints", i, "into", n, "group"}
	*t = Target{Store: spec.Store, Group: spec.Group, Version: spec.Version, Ref: g, CDC: e.CDC}
	if t.Store == "" {
		t.Store = w.Store
	}
	if g == nil {
		return // reported
	}
	if slices.ContainsFunc(e.Into[:n], func(o targetSpec) bool { return w.groupKey(&o) == w.groupKey(spec) }) {
		k.at(at, "group %s appears twice", g.Name)
	}
	keyed := len(g.Key) > 0
	switch {
	case g.Spine:
		k.at(at, "group %s is a spine: it has no online rows", g.Name)
	case t.CDC == "" && keyed:
		t.CDC = CDCUpsert
	case t.CDC == "":
		t.CDC = CDCAppend
	case t.CDC == CDCAppend && keyed:
		k.at(at, "group %s has a key, so rows replace each other: cdc must be upsert or debezium, not append", g.Name)
	case t.CDC != CDCAppend && !keyed:
		k.at(at, "group %s has no key, so rows cannot replace each other: cdc must be append, not %s", g.Name, t.CDC)
	}
	schema := make(map[string]*codec.Type, len(g.Features))
	for f := range g.Features {
		schema[g.Features[f].Name] = g.Features[f].Type
	}
	for _, column := range slices.Sorted(maps.Keys(e.Preproc)) {
		if f := g.Feature(column); f != nil {
			used[column] = true
			p := e.Preproc[column]
			t.Preproc = append(t.Preproc, p.check(k, path{"endpoints", i, "preproc", column}, f, schema))
		}
	}
	if e.Where != "" {
		var err error
		if t.Where, err = expr.New(e.Where, schema, nil); err != nil {
			k.badExpr(path{"endpoints", i, "where"}, err)
		} else if typ := t.Where.Type(); typ != nil && typ.Kind != codec.KindBoolean {
			k.at(path{"endpoints", i, "where"}, "where must be true or false for a row; this expression gives %s", vec.TypeName(typ))
		}
	}
}

// check judges what one column is made of.
func (p *preprocSpec) check(k *checker, at path, f *Feature, schema map[string]*codec.Type) Preproc {
	out := Preproc{Column: f.Name, Slot: f.Slot, Ref: p.Ref, Value: p.Value}
	ways := 0
	for _, given := range []bool{p.Ref != "", p.Value != nil, p.Expr != ""} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		k.at(at, "column %s is made of exactly one of ref, value and expr", quote(f.Name))
		return out
	}
	if p.Types != nil && p.Expr == "" {
		k.at(at, "types belong to expr")
	}
	switch {
	case p.Value != nil:
		var l vec.Loader
		c := vec.New(f.Type)
		if err := l.PushJSON(c, p.Value); err != nil {
			k.at(append(at, "value"), "the value does not fit type %s: %s", typeText(f.Type), valueReason(err))
		}
	case p.Ref != "":
		if strings.Count(p.Ref, "[") != strings.Count(p.Ref, "]") || strings.HasPrefix(p.Ref, "[") {
			k.at(append(at, "ref"), "expected the name of a field, or A[B][C] for a part of a field; found %s", quote(p.Ref))
		}
	default:
		if p.Types != nil {
			schema = maps.Clone(schema)
		}
		for _, name := range slices.Sorted(maps.Keys(p.Types)) {
			t, err := codec.ParseType(p.Types[name], codec.SpellingFennel)
			if err != nil {
				k.badType(append(at, "types", name), err)
				return out
			}
			schema[name] = t
		}
		var err error
		if out.Expr, err = expr.New(p.Expr, schema, f.Type); err != nil {
			k.badExpr(append(at, "expr"), err)
		}
	}
	return out
}
