// Package hopsworks speaks the Hopsworks feature-vector REST API, version 0.1.0:
//
//	POST /0.1.0/feature_store          one vector
//	POST /0.1.0/batch_feature_store    many vectors
//	POST /0.1.0/{db}/{table}/pk-read   one row of a group ("table" is name_version)
//	POST /0.1.0/batch                  many such reads
//	GET  /0.1.0/ping, /0.1.0/health
//
// It parses, makes one engine call per request, prints, and maps errors. Where the
// published documents and the servers disagree, the choice is made for the Python
// client and stated at the place it is made.
package hopsworks

import (
	"sync"

	"quiver/codec"
	"quiver/engine"
	"quiver/httpfront/wire"
)

// Options are the settings of the dialect.
type Options struct {
	PingRequiresKey   bool
	HealthRequiresKey bool
	// NullErrorRows answers the documented null instead of a row of nulls for an
	// entry with status ERROR. The Python client fails on null when the view has
	// a date or binary feature, so the default is a row of nulls.
	NullErrorRows bool
	// MaxEntries bounds the entries of one batch; 0 = 10,000.
	MaxEntries int
	// MaxOperations bounds the operations of one raw batch; 0 = 512.
	MaxOperations int
}

type dialect struct {
	Options
	engine   *engine.Engine
	requests sync.Pool
}

// New makes the dialect over an engine.
func New(e *engine.Engine, o Options) (wire.Dialect, error) {
	if o.MaxEntries <= 0 {
		o.MaxEntries = 10_000
	}
	if o.MaxOperations <= 0 {
		o.MaxOperations = 512
	}
	if err := codec.Prepare(envelope{}, readBody{}, rawBatch{}, rawOperation{}); err != nil {
		return wire.Dialect{}, err
	}
	d := &dialect{Options: o, engine: e}
	d.requests.New = func() any { return &request{} }
	return wire.Dialect{
		Name:   "hopsworks",
		Prefix: "/0.1.0",
		Routes: []wire.Route{
			{Method: "POST", Pattern: "/0.1.0/feature_store", Label: "feature_store", Handle: d.single},
			{Method: "POST", Pattern: "/0.1.0/batch_feature_store", Label: "batch_feature_store", Handle: d.batch},
			{Method: "POST", Pattern: "/0.1.0/batch", Label: "batch", Handle: d.rawBatch},
			{Method: "POST", Pattern: "/0.1.0/{db}/{table}/pk-read", Label: "pk-read", Handle: d.pkRead},
			{Method: "GET", Pattern: "/0.1.0/ping", Label: "ping", Auth: keyIf(o.PingRequiresKey), Handle: ping},
			{Method: "GET", Pattern: "/0.1.0/health", Label: "health", Auth: keyIf(o.HealthRequiresKey), Handle: d.health},
		},
		Token: token,
		Error: writeError,
	}, nil
}

func keyIf(required bool) wire.Auth {
	if required {
		return wire.NeedKey
	}
	return wire.Public
}
