package main

import "context"

type deleteCmd struct{ row }

func (deleteCmd) Help() string {
	return `Names the key columns of the row. Deleting a row that is not there is no error.

Examples:
  quiver delete --store flights --group airports iata=QVR`
}

// Run deletes one row.
func (c *deleteCmd) Run(ctx context.Context, a *app) error {
	return c.change(ctx, a, "/api/delete", "deleted")
}
