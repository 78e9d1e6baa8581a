package main

import (
	"context"

	"quiver/engine/catalog"
)

type rollbackCmd struct {
	Revision int `arg:"" optional:"" help:"Revision to go back to; the one before the present by default."`
	target
	format
}

func (rollbackCmd) Help() string {
	return `The definitions of the earlier revision become the newest one. Rows of groups that
were removed meanwhile do not come back.

Examples:
  quiver rollback
  quiver rollback 12`
}

// Run goes back to earlier definitions.
func (c *rollbackCmd) Run(ctx context.Context, a *app) error {
	if c.Revision < 0 {
		return &usageError{"a revision is a number from 1"}
	}
	return change(ctx, a, &c.target, &c.format, func(cl *client, diff *catalog.Diff) error {
		return cl.call(ctx, "POST", "/api/rollback", nil, map[string]any{"revision": c.Revision}, diff)
	})
}
