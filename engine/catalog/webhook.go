package catalog

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"quiver/engine/expr"
)

// CDC says how the rows of an endpoint change a group.
type CDC string

// The ways of change (Fennel contract, section 3.2).
const (
	CDCAppend   CDC = "append"   // every row is one more event of a group without a key
	CDCUpsert   CDC = "upsert"   // every row replaces the one of its key
	CDCDebezium CDC = "debezium" // every row is a Debezium envelope: before, after, op
)

// Webhook is one version of a named place that rows are logged to.
//
// A Webhook is immutable. Its pointer is the same in two snapshots exactly when
// neither its definition nor any of its groups changed in between.
type Webhook struct {
	Store       string // as written
	StoreKey    string // Store in lower case
	Name        string
	Version     int
	Description string
	Retention   time.Duration // how long what was logged is kept for groups defined later
	Endpoints   []Endpoint

	// Broken says which group was removed by force though an endpoint feeds it; the
	// Ref of that target is nil. "" for a sound webhook.
	Broken string

	spec    *webhookSpec
	streams map[string]uint32
	body    []byte
	text    digest
}

func (w *Webhook) key() objectKey     { return w.spec.key() }
func (w *Webhook) source() spec       { return w.spec }
func (w *Webhook) definition() []byte { return w.body }
func (w *Webhook) digest() digest     { return w.text }

// tables appends the streams of the endpoints.
func (w *Webhook) tables(dst []uint32) []uint32 {
	return append(dst, slices.Sorted(maps.Values(w.streams))...)
}

// Endpoint is one stream of rows of a Webhook. Each row goes into all of its groups.
type Endpoint struct {
	Name     string
	CDC      CDC           // as written; "" where each target has its own (Target.CDC)
	Disorder time.Duration // 0: no row is late
	Into     []Target
	// Table is the physical table of the endpoint's stream of logged records. It is
	// never 0 and never reused, and stays the same as long as the webhook has an
	// endpoint of this name.
	Table uint32
}

// Target is one group that an endpoint feeds, with what is done to rows on their way.
type Target struct {
	Store, Group string
	Version      int
	Ref          *Group // nil in a broken webhook whose group is gone
	CDC          CDC    // never "": upsert for groups with a key and append for others unless written

	// Preproc are columns of this group that are not taken from the row as they
	// are; sorted by column.
	Preproc []Preproc
	// Where keeps the rows for which it is true; it sees the group's columns after
	// Preproc. nil keeps all.
	Where *expr.Program
}

// Preproc says where the value of one column comes from. Exactly one of Ref, Value
// and Expr is set.
type Preproc struct {
	Column string
	Slot   int             // physical column of the group
	Ref    string          // another field of the row; A[B][C] descends into JSON
	Value  json.RawMessage // a constant that fits the column
	// Expr computes the column. Its type is the column's; what it reads are fields
	// of the row, typed like the group's columns of the same names or as the
	// definition says under types.
	Expr *expr.Program
}

// Endpoint returns the named endpoint, nil when the webhook has none.
func (w *Webhook) Endpoint(name string) *Endpoint {
	for i := range w.Endpoints {
		if w.Endpoints[i].Name == name {
			return &w.Endpoints[i]
		}
	}
	return nil
}

// describe tells what is new about a webhook.
func (w *Webhook) describe(o object) []string {
	old, ok := o.(*Webhook)
	if !ok {
		d := []string{"retention " + w.spec.Retention.String()}
		for i := range w.Endpoints {
			d = append(d, "endpoint "+w.endpoint(i))
		}
		if w.Broken != "" {
			d = append(d, "broken: "+w.Broken)
		}
		return d
	}
	var d []string
	d = changed(d, "store", old.Store, w.Store)
	d = changed(d, "description", old.Description, w.Description)
	d = changed(d, "retention", old.spec.Retention.String(), w.spec.Retention.String())
	switch {
	case w.Broken != "" && w.Broken != old.Broken:
		return append(d, "broken: "+w.Broken)
	case w.Broken == "" && old.Broken != "":
		return append(d, "no longer broken")
	}
	d = append(d, compareLists("endpoint", old.endpoints(), w.endpoints())...)
	if d == nil && string(w.body) != string(old.body) {
		d = []string{"definition written differently"}
	}
	return d
}

// endpoint prints an endpoint in full, for people.
func (w *Webhook) endpoint(i int) string {
	e := &w.Endpoints[i]
	into := make([]string, len(e.Into))
	for n, t := range e.Into {
		into[n] = fmt.Sprintf("%s/%s@%d", t.Store, t.Group, t.Version)
	}
	s := e.Name + " into " + strings.Join(into, ", ")
	if e.CDC != "" {
		s += ", " + string(e.CDC)
	}
	p := &w.spec.Endpoints[i]
	for _, column := range slices.Sorted(maps.Keys(p.Preproc)) {
		s += ", " + column + " from " + short(string(marshal(p.Preproc[column])))
	}
	if p.Where != "" {
		s += ", where " + short(p.Where)
	}
	return s
}

func (w *Webhook) endpoints() []string {
	list := make([]string, len(w.Endpoints))
	for i := range list {
		list[i] = w.endpoint(i)
	}
	return list
}
