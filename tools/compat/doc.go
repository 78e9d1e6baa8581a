// Package compat drives a running server with the official Python clients of the APIs
// that it speaks:
//
//	dataiku.py    dataiku-api-client: the API node's user and admin clients
//	services.py   the same, the newest and an old version
//	fennel.py     fennel-ai
//	hopsworks.py  hopsworks: the client of the online feature store
//	swagger.py    swagger-spec-validator, which is no client: it validates documents
//
// Each comes from the Python package index by name and version (dataiku.txt, ...) into
// a virtual environment in tmp/compat, the first time the tests run; without Python or
// the index the tests say so and are skipped.
package compat
