package main

import (
	"context"
	"fmt"
)

// row names a group and the columns of one row.
type row struct {
	Store   string   `required:"" help:"Feature store." placeholder:"S"`
	Group   string   `required:"" help:"Feature group." placeholder:"G"`
	Version int      `help:"Version of the group; the newest by default." placeholder:"V"`
	Columns []string `arg:"" help:"COLUMN=VALUE, values as in a CSV file." placeholder:"COLUMN=VALUE" name:"column"`
	target
	format
}

// change sends the row to a call of the admin API.
func (r *row) change(ctx context.Context, a *app, call, did string) error {
	columns, err := pairs(r.Columns)
	if err != nil {
		return err
	}
	cl, err := r.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	in := map[string]any{"store": r.Store, "group": r.Group, "version": r.Version, "columns": columns}
	var out struct{}
	if err := cl.call(ctx, "POST", call, nil, in, &out); err != nil {
		return err
	}
	t := newTable()
	t.foot = fmt.Sprintf("%s one row of %s/%s", did, r.Store, r.Group)
	return a.results(r.Output).print(map[string]any{did: 1}, t)
}

type putCmd struct{ row }

func (putCmd) Help() string {
	return `Columns that are not named are null, or their default. The row is on disk when the
command ends.

Examples:
  quiver put --store flights --group airports iata=QVR name="Quiver Field" latitude=46.9`
}

// Run writes one row.
func (c *putCmd) Run(ctx context.Context, a *app) error {
	return c.change(ctx, a, "/api/put", "stored")
}
