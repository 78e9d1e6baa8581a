package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Generation is one set of a service's endpoints, all changed together.
//
// A Generation is immutable. Its pointer is the same in two snapshots exactly when
// neither its definition nor any of the groups, views and connections it uses changed in
// between.
type Generation struct {
	Service     string
	Name        string
	Description string
	Endpoints   []APIEndpoint

	// Number orders the generations of a server by when they were defined or last
	// changed; Created is that time.
	Number  uint32
	Created time.Time

	// Broken says which group, view or connection was removed by force though an endpoint uses
	// it, and is nil there. "" for a sound generation.
	Broken string

	spec *generationSpec
	body []byte
	text digest
}

// The types of endpoints.
const (
	EndpointLookup     = "lookup"
	EndpointPrediction = "prediction"
	EndpointPython     = "pythonFunction"
	EndpointR          = "rFunction"
	EndpointCustom     = "customPrediction"
	EndpointSQL        = "sql"
)

// endpointTypes lists the types that this version has.
var endpointTypes = []string{EndpointLookup, EndpointPrediction, EndpointPython, EndpointR, EndpointCustom, EndpointSQL}

// APIEndpoint is what a service answers under one name. Exactly one of the fields
// behind Type is set: the one that Type names.
type APIEndpoint struct {
	Name        string // may hold spaces
	Type        string
	Description string // for those who call it
	Lookup      *LookupEndpoint
	Predict     *PredictionEndpoint
	Function    *FunctionEndpoint // in Python or R
	SQL         *SQLEndpoint
}

// Enrichments returns the endpoint's enrichments, whatever its type.
func (e *APIEndpoint) Enrichments() []Enrichment {
	switch {
	case e.Predict != nil:
		return e.Predict.Enrich
	case e.Lookup != nil:
		return e.Lookup.Enrich
	default:
		return nil
	}
}

// LookupEndpoint is an endpoint that answers with columns of rows of groups. The enrichments
// are done in order; each may use what those before it found.
type LookupEndpoint struct{ Enrich []Enrichment }

// Enrichment adds columns of a group's row, or features of a view's vector, to a record
// (Dataiku contract, section 6; views are ours).
type Enrichment struct {
	Store   string
	Name    string // of the group or view
	Version int
	Group   *Group // nil for a view, and in a broken generation whose group is gone
	View    *View  // nil for a group, and in a broken generation whose view is

	// Keys says where the values of the group's key, of the columns of one of its
	// indexes, or of the view's serving keys, are in the record; Columns which columns
	// or features are added, and under what name.
	Keys    []Pairing
	Columns []Pairing

	OnMissingKey Policy // KEEP: as if no row matched; IGNORE; FAIL
	OnNoMatch    Policy // KEEP: what was not found is null; IGNORE; FAIL
	OnMultiple   Policy // KEEP_FIRST: the row that arrived first; IGNORE; FAIL
}

// ByKey reports whether the keys are the group's key, and not an index of it.
func (x *Enrichment) ByKey() bool {
	columns := make([]string, len(x.Keys))
	for i, p := range x.Keys {
		columns[i] = p.Column
	}
	return sameSet(columns, x.Group.Key)
}

// Pairing is a column of a group and its name in the record.
type Pairing struct{ Column, Name string }

// Policy says what an enrichment does that finds not exactly one row.
type Policy string

// The policies. Ignore gives up the record and goes on with the next; Fail gives up the
// whole request.
const (
	PolicyKeep      Policy = "KEEP"
	PolicyKeepFirst Policy = "KEEP_FIRST"
	PolicyIgnore    Policy = "IGNORE"
	PolicyFail      Policy = "FAIL"
)

func (g *Generation) key() objectKey               { return g.spec.key() }
func (g *Generation) source() spec                 { return g.spec }
func (g *Generation) definition() []byte           { return g.body }
func (g *Generation) digest() digest               { return g.text }
func (g *Generation) tables(dst []uint32) []uint32 { return dst }

// describe tells what is new about a generation.
func (g *Generation) describe(o object) []string {
	old, ok := o.(*Generation)
	if !ok {
		var d []string
		for i := range g.Endpoints {
			d = append(d, "endpoint "+g.endpoint(i))
		}
		return g.fault(d)
	}
	var d []string
	d = changed(d, "description", old.Description, g.Description)
	switch {
	case g.Broken != "" && g.Broken != old.Broken:
		return g.fault(d)
	case g.Broken == "" && old.Broken != "":
		return append(d, "no longer broken")
	}
	d = append(d, compareLists("endpoint", old.endpoints(), g.endpoints())...)
	if !slices.EqualFunc(g.spec.Files, old.spec.Files, attachedSpec.same) {
		d = append(d, "files of endpoints changed")
	}
	if d == nil && string(g.body) != string(old.body) {
		d = []string{"definition written differently"}
	}
	return d
}

func (g *Generation) fault(d []string) []string {
	if g.Broken != "" {
		d = append(d, "broken: "+g.Broken)
	}
	return d
}

func (g *Generation) endpoints() []string {
	list := make([]string, len(g.Endpoints))
	for i := range list {
		list[i] = g.endpoint(i)
	}
	return list
}

// endpoint prints an endpoint in full.
func (g *Generation) endpoint(i int) string {
	e := &g.Endpoints[i]
	s := fmt.Sprintf("%s (%s)", quote(e.Name), e.Type)
	if p := e.Predict; p != nil {
		by := p.Model.Name
		if e.Function != nil {
			by = "a function"
		}
		s += fmt.Sprintf(" %s by %s of %d features", p.Task, by, len(p.Features))
	}
	if f := e.Function; f != nil {
		s += fmt.Sprintf(" %s of %s", f.Function, f.File)
	}
	if e.SQL != nil {
		s += " " + string(marshal(g.spec.Endpoints[i].sqlSpec))
	}
	for _, x := range e.Enrichments() {
		view := ""
		if x.View != nil {
			view = "view "
		}
		s += fmt.Sprintf(" from %s%s/%s@%d by %s: %s", view, x.Store, x.Name, x.Version, pairings(x.Keys), pairings(x.Columns))
	}
	return s
}

func pairings(all []Pairing) string {
	list := make([]string, len(all))
	for i, p := range all {
		list[i] = p.Column
		if p.Name != p.Column {
			list[i] += "=" + p.Name
		}
	}
	return strings.Join(list, ", ")
}

// Generation returns a generation of a service, nil when there is none.
func (s *Snapshot) Generation(service, name string) *Generation {
	o, _ := s.objects[generationKey(service, name)].(*Generation)
	return o
}

// Generations returns the generations of a service, the newest first. The slice is the
// caller's.
func (s *Snapshot) Generations(service string) []*Generation {
	var all []*Generation
	for _, g := range s.generations {
		if g.Service == service {
			all = append(all, g)
		}
	}
	slices.SortFunc(all, func(a, b *Generation) int { return int(int64(b.Number) - int64(a.Number)) })
	return all
}
