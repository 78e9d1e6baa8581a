package main

import (
	"context"
	"net/url"

	"quiver/engine/catalog"
)

// definitionPaths are the arguments of commands that read definitions.
type definitionPaths struct {
	File  []string `short:"f" name:"file" help:"A YAML file, or a folder of them; repeatable." placeholder:"PATH" sep:"none"`
	Paths []string `arg:"" optional:"" hidden:"" help:"Further paths, as a shell expands -f *.yaml."`
}

// fileText is a file as it is sent: definitions and code as text, a file of another kind
// that definitions name as data, in base64.
type fileText struct {
	Name string `json:"name"`
	Text string `json:"text,omitempty"`
	Data []byte `json:"data,omitempty"`
}

func (d *definitionPaths) read() ([]fileText, error) {
	paths := append(d.File, d.Paths...)
	if len(paths) == 0 {
		return nil, withHint(&usageError{"no definitions are named"}, "-f PATH, a YAML file or a folder of them")
	}
	files, err := readDefinitions(paths)
	if err != nil {
		return nil, err
	}
	list := make([]fileText, len(files))
	for i, f := range files {
		if f.Attached {
			list[i] = fileText{Name: f.Name, Data: f.Text}
		} else {
			list[i] = fileText{Name: f.Name, Text: string(f.Text)}
		}
	}
	return list, nil
}

type applyCmd struct {
	definitionPaths
	Prune bool `help:"Make the whole equal to the files: what they do not name is removed, with its rows."`
	target
	format
}

func (applyCmd) Help() string {
	return `Everything is checked before anything changes; errors name file, line and column.

Examples:
  quiver apply -f definitions/
  quiver apply -f users.yaml -f views.yaml --prune
  quiver apply -f definitions/ --data ./data`
}

// Run applies definitions.
func (c *applyCmd) Run(ctx context.Context, a *app) error {
	return change(ctx, a, &c.target, &c.format, func(cl *client, diff *catalog.Diff) error {
		files, err := c.read()
		if err != nil {
			return err
		}
		return cl.call(ctx, "POST", "/api/apply", pruneArg(c.Prune), map[string]any{"files": files}, diff)
	})
}

func pruneArg(prune bool) url.Values {
	if prune {
		return url.Values{"prune": {"1"}}
	}
	return nil
}

// change makes, or shows, one change of the definitions and prints it.
func change(ctx context.Context, a *app, t *target, f *format, do func(*client, *catalog.Diff) error) error {
	cl, err := t.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	var diff catalog.Diff
	if err := do(cl, &diff); err != nil {
		return err
	}
	return a.results(f.Output).print(diff, diffTable(diff))
}
