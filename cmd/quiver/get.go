package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"quiver/engine"
)

type getCmd struct {
	Store   string   `required:"" help:"Feature store." placeholder:"S"`
	View    string   `required:"" help:"Feature view." placeholder:"V"`
	Version int      `help:"Version of the view; the newest by default." placeholder:"N"`
	Keys    []string `arg:"" help:"Serving keys, KEY=VALUE." placeholder:"KEY=VALUE" name:"key"`
	target
	format
}

func (getCmd) Help() string {
	return `Examples:
  quiver get --store flights --view route origin=SFO destination=JFK
  quiver get --store flights --view airport iata=SFO --output json`
}

// Run reads one vector.
func (c *getCmd) Run(ctx context.Context, a *app) error {
	keys, err := pairs(c.Keys)
	if err != nil {
		return err
	}
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	var raw json.RawMessage
	in := map[string]any{"store": c.Store, "view": c.View, "version": c.Version, "keys": keys}
	if err := cl.call(ctx, "POST", "/api/get", nil, in, &raw); err != nil {
		return err
	}
	var v engine.Vector
	if err := json.Unmarshal(raw, &v); err != nil {
		return fmt.Errorf("cannot read the answer: %w", err)
	}
	t := newTable("FEATURE", "TYPE", "VALUE")
	for _, f := range v.Features {
		t.add(f.Name, f.Type, plain(f.Value))
	}
	t.foot = fmt.Sprintf("%s/%s@%d: %s", v.Store, v.View, v.Version, v.Status)
	return a.results(c.Output).print(raw, t)
}

// plain shows a JSON value as a person would write it: text without quotes.
func plain(raw json.RawMessage) string {
	var s string
	if len(raw) > 0 && raw[0] == '"' && json.Unmarshal(raw, &s) == nil && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
		return s
	}
	return string(raw)
}

// pairs reads KEY=VALUE arguments.
func pairs(args []string) (map[string]string, error) {
	m := make(map[string]string, len(args))
	for _, arg := range args {
		k, v, ok := strings.Cut(arg, "=")
		if !ok || k == "" {
			return nil, &usageError{fmt.Sprintf("%q is not NAME=VALUE", arg)}
		}
		if _, twice := m[k]; twice {
			return nil, &usageError{fmt.Sprintf("%s is given twice", k)}
		}
		m[k] = v
	}
	return m, nil
}
