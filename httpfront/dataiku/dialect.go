// Package dataiku speaks the REST API of the Dataiku API node, as far as this version
// has it:
//
//	POST /public/api/v1/{service}/{endpoint}/lookup         one record
//	POST /public/api/v1/{service}/{endpoint}/lookup-multi   many records
//	GET  /public/api/v1/{service}/{endpoint}/lookup-simple  one record, keys in the query
//	POST /public/api/v1/{service}/{endpoint}/predict        what a model says of one record
//	POST /public/api/v1/{service}/{endpoint}/predict-multi  of many
//	GET  /public/api/v1/{service}/{endpoint}/predict-simple of one, features in the query
//	POST /public/api/v1/{service}/{endpoint}/run            what a function makes of a body's members
//	GET  /public/api/v1/{service}/{endpoint}/run            of the query's parameters
//	POST /public/api/v1/{service}/{endpoint}/query          rows of a database; GET as well
//	GET  /public/api/v1/{service}/swagger                   the service's Swagger 2.0 document
//	GET  /isAlive/                                          the load balancers' probe
//	     /admin/api/...                                     services, generations and keys
//
// The official client sends no Content-Type and may write NaN; both are taken. Every
// answer is JSON and carries the two DSS headers. Where the published documents leave
// something open, the choice is stated at the place it is made.
package dataiku

import (
	"sync"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/querylog"
	"quiver/engine/service"
	"quiver/httpfront/wire"
)

// Options are the settings of the dialect.
type Options struct {
	// Keys are the keys that the admin API manages; nil on a server without keys.
	Keys *auth.Keys
	// Alive reports whether the probe is to answer that the server is alive. It does
	// not stop traffic. nil is always alive.
	Alive func() bool
	// Address is the URL of this server that functions find in the requests they see, for
	// calls of their own; nil tells them none.
	Address func() string
	// Version is sent as the header DSS-Version; "" is "quiver".
	Version string
	// MaxItems bounds the records of one request; 0 = 10,000.
	MaxItems int
	// Imports is the folder whose archives the admin API may import; "" imports none.
	Imports string
	// QueryLog gets a line for every query; nil keeps none.
	QueryLog *querylog.Log
}

type dialect struct {
	Options
	engine   *engine.Engine
	services *service.Services
	requests sync.Pool // *request
}

// New makes the dialects of the user API, the probe and the admin API: paths of each
// are answered in the shape of this API even where there is no route.
func New(e *engine.Engine, s *service.Services, o Options) []wire.Dialect {
	if o.MaxItems <= 0 {
		o.MaxItems = 10_000
	}
	if o.Version == "" {
		o.Version = "quiver"
	}
	if o.Alive == nil {
		o.Alive = func() bool { return true }
	}
	d := &dialect{Options: o, engine: e, services: s}
	const endpoint = "/public/api/v1/{service}/{endpoint}/"
	user := []wire.Route{
		{Method: "POST", Pattern: endpoint + "lookup", Label: "lookup", Auth: wire.Own, Handle: d.lookup},
		{Method: "POST", Pattern: endpoint + "lookup-multi", Label: "lookup-multi", Auth: wire.Own, Handle: d.lookupMulti},
		{Method: "GET", Pattern: endpoint + "lookup-simple", Label: "lookup-simple", Auth: wire.Own, Handle: d.lookupSimple},
		{Method: "POST", Pattern: endpoint + "predict", Label: "predict", Auth: wire.Own, Handle: d.predict},
		{Method: "POST", Pattern: endpoint + "predict-multi", Label: "predict-multi", Auth: wire.Own, Handle: d.predictMulti},
		{Method: "GET", Pattern: endpoint + "predict-simple", Label: "predict-simple", Auth: wire.Own, Handle: d.predictSimple},
		{Method: "POST", Pattern: endpoint + "run", Label: "run", Auth: wire.Own, Handle: d.run},
		{Method: "GET", Pattern: endpoint + "run", Label: "run", Auth: wire.Own, Handle: d.runSimple},
		{Method: "POST", Pattern: endpoint + "query", Label: "query", Auth: wire.Own, Handle: d.query},
		{Method: "GET", Pattern: endpoint + "query", Label: "query", Auth: wire.Own, Handle: d.query},
		{Method: "GET", Pattern: "/public/api/v1/{service}/swagger", Label: "swagger", Auth: wire.Own, Handle: d.swagger},
		{Method: "GET", Pattern: endpoint + "{verb}", Label: "other", Auth: wire.Own, Handle: d.otherVerb},
		{Method: "POST", Pattern: endpoint + "{verb}", Label: "other", Auth: wire.Own, Handle: d.otherVerb},
	}
	for i := range user {
		if d.Keys != nil {
			user[i].Handle = d.admitted(user[i].Handle)
		}
		if kind := queryType(user[i].Label); kind != "" && d.QueryLog != nil {
			user[i].Handle = d.logged(kind, user[i].Label, user[i].Handle)
		}
	}
	probe := []wire.Route{{Method: "GET", Pattern: "/isAlive", Label: "isAlive", Auth: wire.Public, Handle: d.isAlive}}
	return []wire.Dialect{
		{Name: "dataiku", Prefix: "/public/api/v1", Routes: user, Token: wire.BearerOrBasic, Error: d.fail},
		{Name: "dataiku-probe", Prefix: "/isAlive", Routes: probe, Token: wire.BearerOrBasic, Error: d.fail},
		{Name: "dataiku-admin", Prefix: "/admin/api", Routes: d.adminRoutes(), Token: wire.BearerOrBasic, Error: d.fail},
	}
}

// admitted is a handler that finds the holder of a JSON Web Token in the place of that of
// a key, for services that ask for one.
func (d *dialect) admitted(h func(*wire.Exchange)) func(*wire.Exchange) {
	return func(x *wire.Exchange) {
		bearer := wire.Bearer(x)
		x.Principal, x.Denied = d.services.Admit(x.Ctx, x.Principal, x.Denied, string(x.Param("service")), bearer)
		h(x)
	}
}

// isAlive answers the probe.
func (d *dialect) isAlive(x *wire.Exchange) {
	d.begin(x)
	if !d.Alive() {
		x.Status = 503
		x.Out = append(x.Out, `{"alive":false}`...)
		return
	}
	x.Out = append(x.Out, `{"alive":true}`...)
}
