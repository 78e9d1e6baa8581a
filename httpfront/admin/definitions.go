package admin

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/engine/fail"
)

// files are definitions as they are sent: the text as it is, not encoded further. A
// file that definitions name, such as a model, is sent as data, in base64.
type files struct {
	Files []struct {
		Name string `json:"name"`
		Text string `json:"text"`
		Data []byte `json:"data"`
	} `json:"files"`
}

func readFiles(w http.ResponseWriter, r *http.Request) (list []catalog.File, prune bool, err error) {
	if prune, err = flag(r, "prune"); err != nil {
		return nil, false, err
	}
	var body files
	if err := decode(w, r, maxDefinitions, &body); err != nil {
		return nil, false, err
	}
	for _, f := range body.Files {
		if f.Data != nil {
			list = append(list, catalog.File{Name: f.Name, Text: f.Data, Attached: true})
			continue
		}
		list = append(list, catalog.File{Name: f.Name, Text: []byte(f.Text)})
	}
	return list, prune, nil
}

// flag reads a query argument that is 1, true, 0, false or absent.
func flag(r *http.Request, name string) (bool, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return false, nil
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, fail.Errorf(fail.Malformed, "%s is 1 or 0, not %q.", name, text)
	}
	return v, nil
}

func (a *api) plan(w http.ResponseWriter, r *http.Request) {
	list, prune, err := readFiles(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	diff, err := a.Engine.Plan(list, prune)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, diff)
}

func (a *api) apply(w http.ResponseWriter, r *http.Request) {
	list, prune, err := readFiles(w, r)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	diff, err := a.Engine.Apply(list, prune)
	a.changed(w, r, "apply", diff, err)
}

func (a *api) rollback(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Revision int `json:"revision"`
	}
	if err := decode(w, r, maxSmallBody, &body); err != nil {
		a.fail(w, r, err)
		return
	}
	diff, err := a.Engine.Rollback(body.Revision)
	a.changed(w, r, "rollback", diff, err)
}

func (a *api) remove(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Kind    string `json:"kind"`
		Store   string `json:"store"`
		Name    string `json:"name"`
		Version int    `json:"version"`
		Force   bool   `json:"force"`
	}
	if err := decode(w, r, maxSmallBody, &body); err != nil {
		a.fail(w, r, err)
		return
	}
	diff, err := a.Engine.Remove(body.Kind, engine.Ref{Store: body.Store, Name: body.Name, Version: body.Version}, body.Force)
	a.changed(w, r, "remove", diff, err)
}

// changed answers and logs a change of the definitions.
func (a *api) changed(w http.ResponseWriter, r *http.Request, what string, diff catalog.Diff, err error) {
	if err != nil {
		a.fail(w, r, err)
		return
	}
	if !diff.Empty() {
		a.Log.LogAttrs(r.Context(), slog.LevelInfo, "the definitions changed", slog.String("by", what),
			slog.Int("revision", diff.Revision), slog.String("changes", diff.Summary()))
	}
	answer(w, diff)
}

func (a *api) definitions(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	list := a.Engine.Snapshot().Definitions(q.Get("kind"), q.Get("store"), q.Get("name"))
	if list == nil {
		list = []catalog.Definition{}
	}
	answer(w, list)
}

// Group is what a loader needs to know of a group to make rows of it.
type Group struct {
	Store    string   `json:"store"`
	Name     string   `json:"name"`
	Version  int      `json:"version"`
	ID       int64    `json:"id"`
	Spine    bool     `json:"spine,omitempty"`
	SchemaID uint32   `json:"schemaId"`
	Spelling string   `json:"spelling"` // whose words the types are: sql or fennel
	Columns  []Column `json:"columns"`  // in physical order
	// Key and KeyColumns name the key by column names and by positions in Columns;
	// both are empty for a stream of events.
	Key             []string `json:"key"`
	KeyColumns      []int    `json:"keyColumns"`
	EventTime       string   `json:"eventTime,omitempty"`
	EventTimeColumn int      `json:"eventTimeColumn"` // position in Columns, -1 without one
	// LoadsWhole says that a load now, a replacing one where the call says replace=1,
	// would be taken as a whole or not at all: its rows may be sent as they are read.
	LoadsWhole bool `json:"loadsWhole"`
}

// Column is one physical column.
type Column struct {
	Name    string          `json:"name"` // "": removed, its cells are null
	Type    string          `json:"type"` // codec.ParseType reads it
	Default json.RawMessage `json:"default,omitempty"`
}

func (a *api) group(w http.ResponseWriter, r *http.Request) {
	ref, err := queryRef(r, "name")
	if err != nil {
		a.fail(w, r, err)
		return
	}
	snap := a.Engine.Snapshot()
	g := snap.Group(ref.Store, ref.Name, ref.Version)
	switch {
	case g != nil:
		replace, err := flag(r, "replace")
		d := describe(g)
		if err == nil && !g.Spine {
			d.LoadsWhole, err = a.Engine.LoadsWhole(r.Context(), engine.Ref{Store: g.Store, Name: g.Name, Version: g.Version}, engine.LoadOptions{Replace: replace})
		}
		if err != nil {
			a.fail(w, r, err)
			return
		}
		answer(w, d)
	case !snap.HasStore([]byte(ref.Store)):
		a.fail(w, r, fail.Errorf(fail.NoStore, "Feature store %q does not exist.", ref.Store))
	case ref.Version != 0:
		a.fail(w, r, fail.Errorf(fail.NoGroup, "Feature store %q has no feature group %q with version %d.", ref.Store, ref.Name, ref.Version))
	default:
		a.fail(w, r, fail.Errorf(fail.NoGroup, "Feature store %q has no feature group %q.", ref.Store, ref.Name))
	}
}

func describe(g *catalog.Group) Group {
	out := Group{
		Store: g.Store, Name: g.Name, Version: g.Version, ID: g.ID, Spine: g.Spine, SchemaID: g.Schema.ID,
		Spelling: "sql", Key: append([]string{}, g.Key...), KeyColumns: append([]int{}, g.KeyColumns...),
		EventTime: g.EventTime, EventTimeColumn: g.EventTimeColumn,
	}
	for _, c := range g.Schema.Columns {
		if c.Type.Spelling == codec.SpellingFennel {
			out.Spelling = "fennel"
		}
		out.Columns = append(out.Columns, Column{Name: c.Name, Type: c.Type.Text, Default: c.Default})
	}
	return out
}

// queryRef reads the store, the version and what is called name of the query.
func queryRef(r *http.Request, name string) (engine.Ref, error) {
	q := r.URL.Query()
	ref := engine.Ref{Store: q.Get("store"), Name: q.Get(name)}
	if ref.Store == "" || ref.Name == "" {
		return ref, fail.Errorf(fail.Malformed, "The call needs the query arguments store and %s.", name)
	}
	if text := q.Get("version"); text != "" {
		v, err := strconv.Atoi(text)
		if err != nil || v < 0 {
			return ref, fail.Errorf(fail.Malformed, "%q is not a version.", text)
		}
		ref.Version = v
	}
	return ref, nil
}
