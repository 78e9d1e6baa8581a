// Package plan compiles a feature view into what a read needs, once per change of
// the catalog, so that a request looks nothing up and builds no names:
//
//	names ──► slots        every name an entry may use, numbered
//	slots ──► recipes      how the key bytes of a group are made from slots
//	recipes ─► reads       which tables to ask, each (table, recipe) pair once
//	reads ──► segments     how the answer is laid out: runs of cells copied whole,
//	                       keys echoed from the request, nulls
//
// The rules (which names are allowed, which slot a key column comes from, what is
// echoed where) are those of the Hopsworks feature-vector contract; a plan of a
// bare group follows the same path with every column served from the row.
package plan
