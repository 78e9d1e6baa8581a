// Package catalog turns definitions (YAML) into a checked, immutable Snapshot and
// keeps their history.
//
// # Reading
//
// A Snapshot answers by name without allocating, however many definitions there are.
// Everything in it is immutable and shared with other snapshots: a *Group or *View
// has the same address in two snapshots exactly when nothing about it changed (for a
// view, nor about any of its groups), so what was compiled from it can be kept.
//
// # Changing
//
//	next, diff, err := c.Prepare(files, prune) // or PrepareRemove, PrepareRollback, Retable
//	... compile what the engine needs from next ...
//	err = c.Commit(next)
//
// Prepare checks everything and reports all faults with file, line and column; it
// changes nothing, so a plan is a Prepare that is not committed.
//
// # Numbers
//
// Rows are stored under physical table ids, and in physical columns (slots). Both are
// given out once and never reused: a group keeps its tables and every column keeps its
// slot as long as the group lives, whatever happens to the definition; new columns get
// new slots after the others. Table ids, ids of layouts (Schema.ID) and of indexes and
// histories come from one sequence whose high-water mark is on disk before anything
// can be stored under a number. Tables that nothing uses any more wait in a list
// (Droppable) until the engine says that their rows are gone (Dropped).
//
// # Branches
//
// Branch B of store S is the store named "S@B"; see Branch. A clone has the layouts of
// its source and tables of its own, which the engine fills before it is committed
// (PrepareBranch, Reserve, Commit).
//
// # Featuresets
//
// Expressions are compiled and the code of extractors is read when definitions are
// checked. The code becomes part of the revision, so that a rollback brings it back.
//
// DESIGN.md beside this file says what is on disk and why.
package catalog
