package admin

import (
	"net/http"

	"quiver/engine"
)

func (a *api) get(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Store   string            `json:"store"`
		View    string            `json:"view"`
		Version int               `json:"version"`
		Keys    map[string]string `json:"keys"`
	}
	if err := decode(w, r, maxSmallBody, &body); err != nil {
		a.fail(w, r, err)
		return
	}
	v, err := a.Engine.Get(r.Context(), engine.Ref{Store: body.Store, Name: body.View, Version: body.Version}, body.Keys)
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, v)
}

// row is one row, or its key, as texts.
type row struct {
	Store   string            `json:"store"`
	Group   string            `json:"group"`
	Version int               `json:"version"`
	Columns map[string]string `json:"columns"`
}

func (r *row) ref() engine.Ref {
	return engine.Ref{Store: r.Store, Name: r.Group, Version: r.Version}
}

func (a *api) put(w http.ResponseWriter, r *http.Request) {
	var body row
	err := decode(w, r, maxSmallBody, &body)
	if err == nil {
		err = a.Engine.Put(r.Context(), body.ref(), body.Columns)
	}
	a.done(w, r, err)
}

func (a *api) deleteRow(w http.ResponseWriter, r *http.Request) {
	var body row
	err := decode(w, r, maxSmallBody, &body)
	if err == nil {
		err = a.Engine.Delete(r.Context(), body.ref(), body.Columns)
	}
	a.done(w, r, err)
}

// done answers a call that has nothing to tell but its success.
func (a *api) done(w http.ResponseWriter, r *http.Request, err error) {
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, struct{}{})
}
