package compat

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/engine/service"
	"quiver/httpfront"
	"quiver/httpfront/dataiku"
	"quiver/httpfront/fronttest"
)

const definitions = `
kind: FeatureGroup
store: default
name: people
key: [id]
features: [{name: id, type: bigint}, {name: name, type: string}]
---
{kind: Service, name: svc, mapping: {v1: 1}}
---
kind: Generation
service: svc
name: v1
endpoints: [{name: e, type: lookup, enrich: [{group: people, keys: [id], columns: [name]}]}]
---
kind: Generation
service: svc
name: v2
endpoints: [{name: e, type: lookup, enrich: [{group: people, keys: [id], columns: [name]}]}]
`

// python returns an interpreter that has the clients, or skips the test.
func python(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../tmp/compat")
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin", "python")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if exec.CommandContext(ctx, bin, "-c", "import dataikuapi").Run() == nil {
		return bin
	}
	for _, args := range [][]string{
		{"python3", "-m", "venv", dir},
		{bin, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement", "requirements.txt"},
	} {
		if out, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Skipf("the official clients are not at hand: %v: %v\n%s", args, err, out)
		}
	}
	return bin
}

// TestDataiku runs dataiku.py against a server.
func TestDataiku(t *testing.T) {
	if testing.Short() {
		t.Skip("drives a Python client")
	}
	bin := python(t)
	e := enginetest.New(t)
	enginetest.Apply(t, e, definitions)
	enginetest.Load(t, e, engine.Ref{Store: "default", Name: "people"}, []string{"1", `"one"`}, []string{"9007199254740993", `"big"`})
	s := service.New(e)
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	keys, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	for _, o := range []auth.CreateOptions{{Name: "key", Services: []string{"svc"}, Import: "KEY"}, {Name: "adm", Admin: true, Import: "ADM"}} {
		if _, err := keys.Create(o); err != nil {
			t.Fatal(err)
		}
	}
	front := fronttest.Start(t, httpfront.Options{Dialects: dataiku.New(e, s, dataiku.Options{Keys: keys}), Keys: keys})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, bin, "dataiku.py", front.URL)
	c.Env = append(os.Environ(), "no_proxy=*")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
