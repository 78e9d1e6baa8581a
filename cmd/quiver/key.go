package main

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"quiver/engine/auth"
)

type keyCmd struct {
	Create keyCreateCmd `cmd:"" help:"Make an API key and print it, once."`
	List   keyListCmd   `cmd:"" help:"List the keys, without their secrets."`
	Revoke keyRevokeCmd `cmd:"" help:"Make a key invalid at once."`
}

type keyCreateCmd struct {
	Name     string   `required:"" help:"Unique name of the key." placeholder:"N"`
	Stores   []string `help:"Feature stores it may read, * for all." placeholder:"a,b"`
	Services []string `help:"Services it may call, * for all." placeholder:"x,y"`
	Expires  string   `help:"How long it is valid (720h), or until when (2030-01-31T00:00:00Z)." placeholder:"720h"`
	AdminKey bool     `help:"May administer the server."`
	Import   string   `help:"Register this existing key in place of a new one." placeholder:"KEY"`
	target
	format
}

func (keyCreateCmd) Help() string {
	return `The key alone goes to stdout. Only a salted hash of it is kept, so it is shown once.

Examples:
  quiver key create --name ci --stores fsdb001,fsdb002 --expires 720h
  KEY=$(quiver key create --name app --stores flights --data ./data)
  quiver key create --name old --stores '*' --import "$EXISTING_KEY"`
}

// Run makes a key.
func (c *keyCreateCmd) Run(ctx context.Context, a *app) error {
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	in := map[string]any{
		"name": c.Name, "stores": c.Stores, "services": c.Services, "admin": c.AdminKey,
		"expires": c.Expires, "import": c.Import,
	}
	var out struct {
		Name string `json:"name"`
		Key  string `json:"key"`
	}
	if err := cl.call(ctx, "POST", "/api/keys", nil, in, &out); err != nil {
		return err
	}
	if len(c.Stores) == 0 && len(c.Services) == 0 && !c.AdminKey {
		fmt.Fprintln(a.stderr, "quiver: this key may read nothing yet; --stores and --services give it rights")
	}
	t := newTable()
	t.foot = out.Key
	return a.results(c.Output).print(out, t)
}

type keyListCmd struct {
	target
	format
}

func (keyListCmd) Help() string {
	return `Examples:
  quiver key list
  quiver key list --output json`
}

// Run lists keys.
func (c *keyListCmd) Run(ctx context.Context, a *app) error {
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	list := []auth.Info{}
	if err := cl.call(ctx, "GET", "/api/keys", nil, nil, &list); err != nil {
		return err
	}
	t := newTable("NAME", "PREFIX", "STORES", "SERVICES", "ADMIN", "CREATED", "EXPIRES")
	for _, k := range list {
		expires, may := "never", "no"
		if !k.Expires.IsZero() {
			expires = k.Expires.Format(time.DateTime)
			if k.Expires.Before(time.Now()) {
				expires += " (expired)"
			}
		}
		if k.Admin {
			may = "yes"
		}
		t.add(k.Name, cmp.Or(k.Prefix, "(free form)"), cmp.Or(strings.Join(k.Stores, ","), "-"), cmp.Or(strings.Join(k.Services, ","), "-"),
			may, k.Created.Format(time.DateTime), expires)
	}
	if len(list) == 0 {
		t.foot = "there are no keys; `quiver key create --name NAME --stores STORE` makes one"
	}
	return a.results(c.Output).print(list, t)
}

type keyRevokeCmd struct {
	Name string `arg:"" help:"Name of the key."`
	target
	format
}

func (keyRevokeCmd) Help() string {
	return `Examples:
  quiver key revoke ci`
}

// Run revokes a key.
func (c *keyRevokeCmd) Run(ctx context.Context, a *app) error {
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	var out map[string]string
	if err := cl.call(ctx, "DELETE", "/api/keys/"+url.PathEscape(c.Name), nil, nil, &out); err != nil {
		return err
	}
	t := newTable()
	t.foot = "revoked " + c.Name
	return a.results(c.Output).print(out, t)
}
