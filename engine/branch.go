package engine

import (
	"context"

	"quiver/engine/catalog"
)

// InitBranch makes an empty branch of a store. It fails with Conflict when there is
// one of that name.
func (e *Engine) InitBranch(store, branch string) (catalog.Diff, error) {
	return e.change(func() (*catalog.Snapshot, catalog.Diff, error) {
		next, diff, _, err := e.catalog.PrepareBranch(store, branch, "")
		return next, diff, err
	})
}

// CloneBranch makes a branch of a store with the definitions of another one and with
// copies of the rows, events and history of its groups. From then on each goes its own
// way. The branch appears when it is whole; until then no other change of the
// definitions is made, while reads and writes go on. What is written to the source
// meanwhile may or may not be in the copy. What webhooks keep for groups defined later
// is not copied.
func (e *Engine) CloneBranch(ctx context.Context, store, branch, from string) (catalog.Diff, error) {
	e.changing.Lock()
	defer e.changing.Unlock()
	next, diff, copies, err := e.catalog.PrepareBranch(store, branch, from)
	if err != nil {
		return catalog.Diff{}, err
	}
	release, err := e.catalog.Reserve(next)
	if err != nil {
		return catalog.Diff{}, err
	}
	defer release() // of no effect once they are in use
	for _, c := range copies {
		if err := e.copyGroup(ctx, c); err != nil {
			return catalog.Diff{}, err
		}
	}
	if err := e.swap(next); err != nil {
		return catalog.Diff{}, err
	}
	return diff, e.buildIndexes(ctx, next)
}

// DeleteBranch takes a branch away with all its definitions and rows.
func (e *Engine) DeleteBranch(store, branch string) (catalog.Diff, error) {
	return e.change(func() (*catalog.Snapshot, catalog.Diff, error) { return e.catalog.PrepareDeleteBranch(store, branch) })
}

// copyGroup copies what a group has into the tables of another of the same layout,
// indexes excepted. When rows expire is judged as they are read.
func (e *Engine) copyGroup(ctx context.Context, c catalog.Copy) error {
	err := e.copyTable(ctx, c.From.Table, c.To.Table)
	if err != nil || c.From.HistoryTable == 0 {
		return err
	}
	return e.copyTable(ctx, c.From.HistoryTable, c.To.HistoryTable)
}
