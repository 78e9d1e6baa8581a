package catalog

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"

	"quiver/codec"
)

// maxEnrich is how many enrichments an endpoint may have.
const maxEnrich = 64

// generationSpec is a Generation as written. Like services, generations have no store
// and no version.
type generationSpec struct {
	Kind        string            `json:"kind"`
	Service     string            `json:"service"`
	Name        string            `json:"name"`
	Description string            `json:"description,omitempty"`
	Endpoints   []apiEndpointSpec `json:"endpoints"`
	Files       []attachedSpec    `json:"files,omitempty"` // what endpoints name, once it was read
}

// apiEndpointSpec holds the keys of all types of endpoints; fields lets a type read
// only its own.
type apiEndpointSpec struct {
	Name        string       `json:"name"`
	Type        string       `json:"type"`
	Description string       `json:"description,omitempty"`
	Enrich      []enrichSpec `json:"enrich,omitempty"`
	// Keys that two of these share would be in neither's JSON.
	predictionSpec
	functionSpec
	sqlSpec
}

type enrichSpec struct {
	Group        string     `json:"group,omitempty"` // or
	View         string     `json:"view,omitempty"`
	Store        string     `json:"store"`
	Version      int        `json:"version"`
	Keys         queryNames `json:"keys"`
	Columns      groupNames `json:"columns"`
	OnMissingKey Policy     `json:"onMissingKey"`
	OnNoMatch    Policy     `json:"onNoMatch"`
	OnMultiple   Policy     `json:"onMultiple"`
}

// queryNames is a mapping of names in the query to columns, groupNames one of columns
// to names handed on. Both keep their order.
type (
	queryNames []Pairing
	groupNames []Pairing
)

// MarshalJSON prints the mapping as written.
func (q queryNames) MarshalJSON() ([]byte, error) {
	return appendPairs(q, func(p Pairing) (string, string) { return p.Name, p.Column }), nil
}

// UnmarshalJSON reads what MarshalJSON prints.
func (q *queryNames) UnmarshalJSON(b []byte) error {
	return readPairs(b, func(key, value string) { *q = append(*q, Pairing{Column: value, Name: key}) })
}

// MarshalJSON prints the mapping as written.
func (g groupNames) MarshalJSON() ([]byte, error) {
	return appendPairs(g, func(p Pairing) (string, string) { return p.Column, p.Name }), nil
}

// UnmarshalJSON reads what MarshalJSON prints.
func (g *groupNames) UnmarshalJSON(b []byte) error {
	return readPairs(b, func(key, value string) { *g = append(*g, Pairing{Column: key, Name: value}) })
}

func appendPairs(all []Pairing, of func(Pairing) (key, value string)) []byte {
	b := []byte{'{'}
	for i, p := range all {
		if i > 0 {
			b = append(b, ',')
		}
		key, value := of(p)
		b = append(codec.AppendQuoted(b, []byte(key)), ':')
		b = codec.AppendQuoted(b, []byte(value))
	}
	return append(b, '}')
}

func readPairs(b []byte, add func(key, value string)) error {
	s := codec.NewScanner(b)
	s.Object()
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		raw, _ := s.Value()
		var value string
		if err := json.Unmarshal(raw, &value); err != nil {
			return err
		}
		add(string(name), value)
	}
	return s.End()
}

func generationKey(service, name string) objectKey {
	return objectKey{kind: KindGeneration, name: service + "/" + name, version: 1}
}

func (g *generationSpec) head() *header {
	return &header{Kind: g.Kind, Name: g.Service + "/" + g.Name, Version: 1}
}
func (g *generationSpec) key() objectKey { return generationKey(g.Service, g.Name) }
func (g *generationSpec) hasCode() bool {
	return slices.ContainsFunc(g.Endpoints, func(e apiEndpointSpec) bool { return e.Type != EndpointLookup })
}

func (g *generationSpec) fields(r *reader) []field {
	return []field{
		{key: "kind", need: true, read: r.text(&g.Kind)},
		{key: "service", need: true, read: r.text(&g.Service)},
		{key: "name", need: true, read: r.text(&g.Name)},
		{key: "description", read: r.text(&g.Description)},
		{key: "endpoints", need: true, read: r.list("endpoints", maxEndpoints, func(n ast.Node) {
			var e apiEndpointSpec
			e.read(r, n)
			g.Endpoints = append(g.Endpoints, e)
		})},
		{key: "files", read: r.attachments(&g.Files)},
	}
}

// read reads an endpoint; what keys it has depends on its type.
func (e *apiEndpointSpec) read(r *reader, n ast.Node) {
	kind := ""
	if t := step(n, "type"); t != nil {
		kind, _ = textOf(t)
		if name, ok := textOf(t); ok && !slices.Contains(endpointTypes, name) {
			r.at(t, "unknown type of endpoint %s; this version has %s", quote(name), wordList(endpointTypes))
			return
		}
	}
	fields := []field{
		{key: "name", need: true, read: r.text(&e.Name)},
		{key: "type", need: true, read: r.text(&e.Type)},
		{key: "description", read: r.text(&e.Description)},
	}
	enrich := field{key: "enrich", read: r.enrich(&e.Enrich)}
	switch {
	case kind == EndpointPrediction:
		fields = append(append(fields, enrich), e.predictionSpec.fields(r)...)
	case kind == EndpointCustom:
		fields = append(append(fields, enrich), e.customFields(r)...)
	case isFunction(kind):
		fields = append(fields, e.functionSpec.fields(r)...)
	case kind == EndpointSQL:
		fields = append(fields, e.sqlSpec.fields(r)...)
	default:
		enrich.need = true
		fields = append(fields, enrich)
	}
	r.mapping(n, "an endpoint", fields...)
}

// enrich reads a list of enrichments. Those from a view need no columns, and never find
// several rows.
func (r *reader) enrich(dst *[]enrichSpec) func(ast.Node) {
	return r.list("enrichments", maxEnrich, func(n ast.Node) {
		x := enrichSpec{Store: "default", Version: 1, OnMissingKey: PolicyKeep, OnNoMatch: PolicyKeep, OnMultiple: PolicyKeepFirst}
		view := step(n, "view") != nil
		fields := []field{
			{key: "group", need: true, read: r.text(&x.Group)},
			{key: "store", read: r.text(&x.Store)},
			{key: "version", read: r.number(&x.Version, 1, maxVersion)},
			{key: "keys", need: true, read: r.pairs("keys", func(key, value string) {
				x.Keys = append(x.Keys, Pairing{Column: value, Name: key})
			})},
			{key: "columns", need: !view, read: r.pairs("columns", func(key, value string) {
				x.Columns = append(x.Columns, Pairing{Column: key, Name: value})
			})},
			{key: "onMissingKey", read: word(r, &x.OnMissingKey, "policy", PolicyKeep, PolicyIgnore, PolicyFail)},
			{key: "onNoMatch", read: word(r, &x.OnNoMatch, "policy", PolicyKeep, PolicyIgnore, PolicyFail)},
			{key: "onMultiple", read: word(r, &x.OnMultiple, "policy", PolicyKeepFirst, PolicyIgnore, PolicyFail)},
		}
		if view {
			fields[0] = field{key: "view", need: true, read: r.text(&x.View)}
			if step(n, "group") != nil {
				r.at(step(n, "view"), "an enrichment is from a group or from a view, not from both")
				return
			}
		}
		r.mapping(n, "an enrichment", fields...)
		*dst = append(*dst, x)
	})
}

// pairs reads a mapping of names to names, or a list of names that stay.
func (r *reader) pairs(what string, add func(key, value string)) func(ast.Node) {
	return func(n ast.Node) {
		if _, ok := n.(*ast.SequenceNode); ok {
			var names []string
			r.names(&names, what)(n)
			for _, name := range names {
				add(name, name)
			}
			return
		}
		r.dictionary(what, maxColumns, func(key string, n ast.Node) {
			var value string
			r.text(&value)(n)
			add(key, value)
		})(n)
	}
}

// source returns the key of the group or view that an enrichment reads.
func (x *enrichSpec) source() objectKey {
	key := objectKey{kind: KindGroup, store: foldStore(x.Store), name: x.Group, version: x.Version}
	if x.View != "" {
		key.kind, key.name = KindView, x.View
	}
	return key
}

// reads reports whether an endpoint reads a group or view.
func (g *generationSpec) reads(key objectKey) bool {
	return slices.ContainsFunc(g.Endpoints, func(e apiEndpointSpec) bool {
		return slices.ContainsFunc(e.Enrich, func(x enrichSpec) bool { return x.source() == key })
	})
}

// check judges a generation against the groups, the views and the connection that each
// endpoint uses (nil where there is none). The Generation is of no use when faults were
// reported.
func (g *generationSpec) check(k *checker, sources [][]enrichSource, connections []*Connection) *Generation {
	out := &Generation{
		Service: g.Service, Name: g.Name, Description: g.Description, Endpoints: make([]APIEndpoint, len(g.Endpoints)), spec: g,
	}
	if why := checkName(g.Service); why != "" {
		k.at(path{"service"}, "service %s %s", quote(g.Service), why)
	}
	if len(g.Endpoints) == 0 {
		k.at(path{"endpoints"}, "a generation needs at least one endpoint")
	}
	for i := range g.Endpoints {
		e := &g.Endpoints[i]
		at := path{"endpoints", i}
		if why := checkEndpoint(e.Name); why != "" {
			k.at(append(at, "name"), "endpoint name %s %s", quote(e.Name), why)
		} else if slices.ContainsFunc(g.Endpoints[:i], func(o apiEndpointSpec) bool { return o.Name == e.Name }) {
			k.at(append(at, "name"), "endpoint %s appears twice", quote(e.Name))
		}
		out.Endpoints[i] = APIEndpoint{Name: e.Name, Type: e.Type, Description: e.Description}
		enrich := e.enrichments(k, at, sources[i])
		switch {
		case e.Type == EndpointPrediction:
			out.Endpoints[i].Predict = g.prediction(k, at, e, enrich)
		case e.Type == EndpointCustom:
			out.Endpoints[i].Predict, out.Endpoints[i].Function = g.prediction(k, at, e, enrich), g.function(k, at, e)
			if e.Task != "regression" && len(e.Classes) < 2 {
				k.at(append(slices.Clone(at), "classes"), "a custom prediction of classes needs their labels")
			}
		case isFunction(e.Type):
			out.Endpoints[i].Function = g.function(k, at, e)
		case e.Type == EndpointSQL:
			out.Endpoints[i].SQL = e.sqlSpec.check(k, at, connections[i])
		default:
			out.Endpoints[i].Lookup = &LookupEndpoint{Enrich: enrich}
		}
	}
	return out
}

// checkEndpoint says what is wrong with the name of an endpoint, which is one segment
// of a path; "" for a good one.
func checkEndpoint(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxFeature:
		return "is longer than 128 bytes"
	case strings.TrimSpace(name) != name:
		return "begins or ends with white space"
	case name == "swagger":
		return "is what the service's own document is called"
	case strings.ContainsAny(name, `/\`) || strings.Trim(name, ".") == "":
		return `must be free of / and \ and not only dots`
	case strings.ContainsFunc(name, unicode.IsControl):
		return "holds a control character"
	}
	return ""
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

// wordList prints words: "a", "a and b", "a, b and c".
func wordList(words []string) string {
	n := len(words)
	if n < 2 {
		return cmp.Or(strings.Join(words, ""), "none")
	}
	return fmt.Sprintf("%s and %s", strings.Join(words[:n-1], ", "), words[n-1])
}
