package main

import (
	"context"
	"net/url"

	"quiver/engine/catalog"
)

type branchCmd struct {
	List   branchListCmd   `cmd:"" help:"List the branches of a store."`
	Create branchCreateCmd `cmd:"" help:"Make a branch, empty or as a copy."`
	Delete branchDeleteCmd `cmd:"" help:"Remove a branch with everything in it."`
}

// branchStore is the store that a branch command is about.
type branchStore struct {
	Store string `default:"default" help:"Feature store; default by default." placeholder:"S"`
}

type branchListCmd struct {
	branchStore
	target
	format
}

func (branchListCmd) Help() string {
	return `A branch is a namespace of definitions and rows beside the main one.

Examples:
  quiver branch list
  quiver branch list --store shop --output json`
}

// Run lists branches.
func (c *branchListCmd) Run(ctx context.Context, a *app) error {
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	list := []string{}
	if err := cl.call(ctx, "GET", "/api/branches", url.Values{"store": {c.Store}}, nil, &list); err != nil {
		return err
	}
	t := newTable("BRANCH")
	for _, name := range list {
		t.add(name)
	}
	return a.results(c.Output).print(list, t)
}

type branchCreateCmd struct {
	Name string `arg:"" help:"Name of the new branch."`
	From string `help:"Branch to copy, definitions and rows; main is the one without a name." placeholder:"BRANCH"`
	branchStore
	target
	format
}

func (branchCreateCmd) Help() string {
	return `Examples:
  quiver branch create experiment
  quiver branch create experiment --from main`
}

// Run makes a branch.
func (c *branchCreateCmd) Run(ctx context.Context, a *app) error {
	return change(ctx, a, &c.target, &c.format, func(cl *client, diff *catalog.Diff) error {
		return cl.call(ctx, "POST", "/api/branches", nil, map[string]string{"store": c.Store, "name": c.Name, "from": c.From}, diff)
	})
}

type branchDeleteCmd struct {
	Name string `arg:"" help:"Name of the branch."`
	branchStore
	target
	format
}

func (branchDeleteCmd) Help() string {
	return `Examples:
  quiver branch delete experiment`
}

// Run removes a branch.
func (c *branchDeleteCmd) Run(ctx context.Context, a *app) error {
	return change(ctx, a, &c.target, &c.format, func(cl *client, diff *catalog.Diff) error {
		return cl.call(ctx, "DELETE", "/api/branches", url.Values{"store": {c.Store}, "name": {c.Name}}, nil, diff)
	})
}
