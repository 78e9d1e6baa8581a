// Package admin is the operators' side of the server, on a listener of its own: the
// API of the command line, metrics and profiles.
//
//	POST   /api/plan, /api/apply?prune=1   {"files":[{"name","text"|"data"}]}   -> what changes
//	POST   /api/rollback                   {"revision"}, 0 is the one before    -> what changes
//	POST   /api/remove                     {"kind","store","name","version","force"}
//	GET    /api/definitions?kind=&store=&name=      a list, each whole and normalised
//	GET    /api/group?store=&name=&version=&replace=1   what a loader needs to make rows
//	POST   /api/load?store=&group=&version=&replace=1   a load stream (package ingest),
//	                                       plain or with Content-Encoding: s2   -> {"rows",...};
//	                                       whole=1: only if it can be taken whole or not at all
//	POST   /api/get                        {"store","view","version","keys":{}} -> a vector
//	POST   /api/put, /api/delete           {"store","group","version","columns":{}}
//	GET    /api/keys                       a list without secrets
//	POST   /api/keys                       {"name","stores","services","admin","expires","import"} -> {"key"}
//	DELETE /api/keys/{name}
//	GET    /api/services                   a list
//	POST   /api/services                   {"service"}
//	DELETE /api/services/{service}
//	GET    /api/services/{service}/generations      a list, the newest first
//	POST   /api/services/{service}/generations      {"files":[…]}, those of an archive -> {"generation"}
//	POST   /api/services/{service}/preload, /switch {"generation"}; of switch "" is the newest
//	POST   /api/services/{service}/mapping          {"mapping":[{"generation","share"}]}
//	POST   /api/services/{service}/enable, /disable
//	POST   /api/services-clean             -> what was removed
//	GET    /api/version
//	GET    /metrics                        Prometheus
//	GET    /debug/pprof/
//
// Values of rows and keys are texts, as in a CSV cell. Version 0 or none is the newest.
// A store or service "*" is all of them, a missing list is none. An error is
// {"error":"text","hint":"text"}, faulty definitions also list "problems" with their
// places.
//
// # Who may use it
//
// Handler asks nobody: the command line calls it directly on a folder it has opened.
// Server guards it. On a loopback address it needs no key, but only answers requests
// that name a loopback host and come from no web page of another origin, so that a
// browser on the machine cannot be made to use it. On any other address it needs TLS,
// and an admin key with every request.
package admin
