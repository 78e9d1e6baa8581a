// Package fennel speaks the REST API of Fennel, the old spellings as well as the new:
//
//	POST /api/v1/log                                     rows to an endpoint of a webhook
//	POST /api/v1/extract, query, extract_features,
//	     branch/{b}/query                                features of featuresets
//	POST /api/v1/dataset/{name}/lookup                   rows of a dataset, now or as of times
//	POST /api/v1/inspect/datasets/{name}/lookup          the same, as release 0.20 asked
//	GET  /api/v1/dataset/{name}/inspect?n=               some rows of a dataset
//	GET  /api/v1/inspect/datasets/{name}/lastn?n=
//	POST /api/v1/dataset/{name}/erase
//	GET  /api/v1/branch/list, POST init, delete          branches
//
// A dataset is a feature group. Requests are about one store, and about the branch of it
// that the header X-FENNEL-BRANCH names. Every answer is JSON.
package fennel

import (
	"time"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/engine/featureset"
	"quiver/engine/webhook"
	"quiver/httpfront/wire"
)

// Options are the settings of the dialect.
type Options struct {
	Store string // that requests are about; "" = default
	// MaxKeys bounds the keys of one lookup or erase, and the rows of inspect; 0 = 10,000.
	MaxKeys int
	// LogFeatures takes what requests with "log": true were answered, each row with
	// probability rate; it copies what it keeps, and may not wait. nil: nobody keeps it.
	LogFeatures func(workflow string, rate float64, a *featureset.Answer)
	// Count takes what every extract was answered, for metrics: the answer or the error,
	// and the time that it took. nil counts nothing.
	Count func(workflow string, a *featureset.Answer, took time.Duration, err error)
}

type dialect struct {
	Options
	engine   *engine.Engine
	hooks    *webhook.Hooks
	features *featureset.Resolver
}

// New makes the dialect over an engine and the parts of it that it serves.
func New(e *engine.Engine, hooks *webhook.Hooks, features *featureset.Resolver, o Options) (wire.Dialect, error) {
	if o.Store == "" {
		o.Store = "default"
	}
	if o.MaxKeys <= 0 {
		o.MaxKeys = 10_000
	}
	d := &dialect{Options: o, engine: e, hooks: hooks, features: features}
	route := func(method, path, label string, f func(*wire.Exchange) error) wire.Route {
		return wire.Route{Method: method, Pattern: "/api/v1/" + path, Label: label, Handle: func(x *wire.Exchange) {
			if err := f(x); err != nil {
				writeError(x, err)
			}
		}}
	}
	return wire.Dialect{
		Name:   "fennel",
		Prefix: "/api/v1",
		Routes: []wire.Route{
			route("POST", "log", "log", d.log),
			route("POST", "extract", "extract_features", d.extract),
			route("POST", "query", "extract_features", d.extract),
			route("POST", "extract_features", "extract_features", d.extract),
			route("POST", "branch/{branch...}", "extract_features", d.extractIn),
			route("POST", "dataset/{name}/lookup", "lookup", d.lookup),
			route("POST", "inspect/datasets/{name}/lookup", "lookup", d.lookup20),
			route("GET", "dataset/{name}/inspect", "inspect", d.inspect),
			route("GET", "inspect/datasets/{name}/lastn", "inspect", d.inspect),
			route("POST", "dataset/{name}/erase", "erase", d.erase),
			route("GET", "branch/list", "branches", d.listBranches),
			route("POST", "init", "branches", d.initBranch),
			route("POST", "delete", "branches", d.deleteBranch),
		},
		Token: wire.BearerOrBasic,
		Error: writeError,
	}, nil
}

// branch is the branch that a request's header names, "" when there is none.
func branch(x *wire.Exchange) string { return string(x.Header("X-Fennel-Branch")) }

// dataset finds the group that a path names.
func (d *dialect) dataset(x *wire.Exchange) (*catalog.Group, engine.Ref, error) {
	branch := branch(x)
	store, name := catalog.BranchStore(d.Store, branch), string(x.Param("name"))
	switch {
	case !x.Principal.MayReadStore(store):
		return nil, engine.Ref{}, &fail.Error{Code: fail.Forbidden, Name: store, Text: "API key not authorized to access " + store}
	case !d.engine.Snapshot().HasBranch(d.Store, branch):
		return nil, engine.Ref{}, &fail.Error{Code: fail.NotFound, Name: branch, Text: "Branch `" + branch + "` not found, please sync"}
	}
	g := d.engine.Snapshot().Group(store, name, 0)
	if g == nil {
		return nil, engine.Ref{}, &fail.Error{Code: fail.NotFound, Name: name, Text: "Dataset `" + name + "` not found"}
	}
	return g, engine.Ref{Store: store, Name: name, Version: g.Version}, nil
}

// writeError answers err, in place of anything written so far. The object has scalars
// only: the client of release 0.20 hands it to pandas, which must refuse it.
func writeError(x *wire.Exchange, err error) {
	e := fail.AsError(err)
	x.Status = wire.Status(e.Code)
	if e.Code == fail.Overloaded {
		x.SetHeader("Retry-After", "1")
	}
	x.ContentType = ""
	out := append(x.Out[:0], `{"err_msg":`...)
	out = codec.AppendQuoted(out, []byte(e.Text))
	out = append(out, `,"error":`...)
	out = codec.AppendQuoted(out, []byte(e.Text))
	x.Out = append(out, `,"err_diff":""}`...)
}
