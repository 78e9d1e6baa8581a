package main

import (
	"context"
	"fmt"

	"quiver/engine/catalog"
)

type planCmd struct {
	definitionPaths
	Prune bool `help:"As for apply --prune."`
	target
	format
}

func (planCmd) Help() string {
	return `Examples:
  quiver plan -f definitions/
  quiver plan -f definitions/ --prune --output json`
}

// Run shows what apply would do.
func (c *planCmd) Run(ctx context.Context, a *app) error {
	return change(ctx, a, &c.target, &c.format, func(cl *client, diff *catalog.Diff) error {
		files, err := c.read()
		if err != nil {
			return err
		}
		return cl.call(ctx, "POST", "/api/plan", pruneArg(c.Prune), map[string]any{"files": files}, diff)
	})
}

// diffTable prints what changes: a line each, and the details below it.
func diffTable(d catalog.Diff) *table {
	t := newTable()
	for _, c := range d.Changes {
		t.add(c.Action, c.Kind, fmt.Sprintf("%s/%s@%d", c.Store, c.Name, c.Version))
		for _, line := range c.Details {
			t.add("", "", "  "+line)
		}
	}
	t.foot = fmt.Sprintf("%s (revision %d)", d.Summary(), d.Revision)
	return t
}
