package admin

import (
	"net/http"

	"quiver/engine/catalog"
)

// listBranches answers the names of a store's branches, main first.
func (a *api) listBranches(w http.ResponseWriter, r *http.Request) {
	answer(w, a.Engine.Snapshot().Branches(r.URL.Query().Get("store")))
}

// makeBranch makes an empty branch, or with "from" a copy of another one with its rows.
func (a *api) makeBranch(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Store string `json:"store"`
		Name  string `json:"name"`
		From  string `json:"from"`
	}
	err := decode(w, r, maxSmallBody, &body)
	var diff catalog.Diff
	switch {
	case err != nil:
	case body.From == "":
		diff, err = a.Engine.InitBranch(body.Store, body.Name)
	default:
		diff, err = a.Engine.CloneBranch(r.Context(), body.Store, body.Name, body.From)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, diff)
}

// deleteBranch removes a branch with everything in it.
func (a *api) deleteBranch(w http.ResponseWriter, r *http.Request) {
	diff, err := a.Engine.DeleteBranch(r.URL.Query().Get("store"), r.URL.Query().Get("name"))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	answer(w, diff)
}
