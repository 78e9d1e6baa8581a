package main

import (
	"context"

	"quiver/engine/catalog"
)

type removeCmd struct {
	Kind   string `arg:"" help:"FeatureGroup or FeatureView (group and view will do)."`
	Object string `arg:"" help:"STORE/NAME, or STORE/NAME@VERSION; the newest version by default."`
	Force  bool   `help:"Remove a group although views use it; they then answer that it does not exist."`
	target
	format
}

func (removeCmd) Help() string {
	return `Removing a group drops its rows.

Examples:
  quiver remove view flights/route@1
  quiver remove FeatureGroup flights/routes --force
  quiver remove generation flights/v1
  quiver remove service flights
  quiver remove connection airports`
}

// Run removes one definition.
func (c *removeCmd) Run(ctx context.Context, a *app) error {
	o, err := parseObject(c.Object)
	if kind := kindName(c.Kind); kind == catalog.KindService || kind == catalog.KindConnection { // have no store
		o, err = object{name: c.Object}, nil
	}
	if err != nil {
		return err
	}
	return change(ctx, a, &c.target, &c.format, func(cl *client, diff *catalog.Diff) error {
		return cl.call(ctx, "POST", "/api/remove", nil, map[string]any{
			"kind": kindName(c.Kind), "store": o.store, "name": o.name, "version": o.version, "force": c.Force,
		}, diff)
	})
}
