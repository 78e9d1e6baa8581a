// Package memstore keeps rows in Go maps. It is the reference the other stores are
// compared with, and what tests of the layers above run on: every ability of the
// storage contract, as plainly as possible, nothing durable.
//
// Reads take a read lock and one map lookup and allocate nothing beyond the batch's
// arena. Writes to a route with many suffixes cost a copy of its list of rows
// unless they append.
package memstore
