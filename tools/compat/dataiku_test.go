package compat

import (
	"testing"

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

// TestDataiku runs dataiku.py against a server.
func TestDataiku(t *testing.T) {
	c := client{name: "dataiku", module: "dataikuapi"}
	python := c.python(t)
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
	c.drive(t, python, front.URL)
}
