package service_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/engine/fail"
	"quiver/engine/service"
)

const definitions = `
kind: FeatureGroup
store: S
name: people
key: [id]
features: [{name: id, type: bigint}, {name: name, type: string}]
---
kind: Service
name: svc
dispatch: hash
mapping: {v1: 0.5, v2: 0.5}
---
kind: Generation
service: svc
name: v1
endpoints: [{name: e, type: lookup, enrich: [{group: people, store: s, keys: [id], columns: [name]}]}]
---
kind: Generation
service: svc
name: v2
endpoints: [{name: e, type: lookup, enrich: [{group: people, store: s, keys: [id], columns: [name]}]}]
`

func setup(t *testing.T) (*engine.Engine, *service.Services) {
	e := enginetest.New(t)
	enginetest.Apply(t, e, definitions)
	enginetest.Load(t, e, engine.Ref{Store: "S", Name: "people"}, []string{"1", `"one"`})
	s := service.New(e)
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	return e, s
}

func ask(s *service.Services, d service.Dispatch) (service.Answer, error) {
	var r service.Records
	r.Begin()
	r.Add([]byte("id"), []byte("1"))
	return s.Lookup(context.Background(), auth.All(), nil, "svc", "e", d, &r)
}

func code(err error) fail.Code {
	if err == nil {
		return 255
	}
	return fail.AsError(err).Code
}

// TestForce takes groups and generations away by force: what is broken says so, and
// the rest goes on.
func TestForce(t *testing.T) {
	e, s := setup(t)
	if a, err := ask(s, service.Dispatch{Forced: "v1"}); err != nil || string(a.AppendData(nil, 0)) != `{"id":1,"name":"one"}` {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, err := e.Remove("Generation", engine.Ref{Store: "svc", Name: "v2"}, false); code(err) != fail.Conflict {
		t.Errorf("a mapped generation is removed: %v", err)
	}
	if _, err := e.Remove("Generation", engine.Ref{Store: "svc", Name: "v2"}, true); err != nil {
		t.Fatal(err)
	}
	for range 50 { // what is left of the mapping answers everything
		if a, err := ask(s, service.Dispatch{}); err != nil || a.Generation != "v1" {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	if _, err := e.Remove("FeatureGroup", engine.Ref{Store: "S", Name: "people"}, true); err != nil {
		t.Fatal(err)
	}
	if _, err := ask(s, service.Dispatch{}); code(err) != fail.ReadFailed || !strings.Contains(err.Error(), "people") {
		t.Errorf("without its group: %v", err)
	}
}

// TestNotMapped asks services that nothing answers for.
func TestNotMapped(t *testing.T) {
	e, s := setup(t)
	enginetest.Apply(t, e, "{kind: Service, name: svc}")
	if _, err := ask(s, service.Dispatch{}); code(err) != fail.Overloaded {
		t.Errorf("nothing is mapped: %v", err)
	}
	if a, err := ask(s, service.Dispatch{Forced: "v2"}); err != nil || a.Generation != "v2" {
		t.Errorf("a forced generation that is not mapped: %+v, %v", a, err)
	}
	enginetest.Apply(t, e, "{kind: Service, name: svc, enabled: false, mapping: {v1: 1}}")
	if _, err := ask(s, service.Dispatch{Forced: "v1"}); code(err) != fail.Overloaded {
		t.Errorf("a disabled service: %v", err)
	}
}

// TestWho checks that nobody is told what there is.
func TestWho(t *testing.T) {
	_, s := setup(t)
	denied := fail.Errorf(fail.BadSecret, "bad API key")
	for _, name := range []string{"svc", "none"} {
		if err := s.May(auth.Principal{}, denied, name); !errors.Is(err, denied) {
			t.Errorf("%s with a bad key: %v", name, err)
		}
		if err := s.May(auth.Principal{}, nil, name); code(err) != fail.NoKey {
			t.Errorf("%s without a key: %v", name, err)
		}
	}
	if err := s.May(auth.All(), nil, "none"); code(err) != fail.NotFound {
		t.Errorf("no such service: %v", err)
	}
	if err := s.May(auth.All(), nil, "svc"); err != nil {
		t.Error(err)
	}
}

// TestSticky sends the same key many times, and checks that both generations are used.
func TestSticky(t *testing.T) {
	_, s := setup(t)
	seen := map[string]string{}
	used := map[string]bool{}
	for i := range 400 {
		key := string(rune('a' + i%20))
		a, err := ask(s, service.Dispatch{Key: []byte(key)})
		if err != nil {
			t.Fatal(err)
		}
		if was := seen[key]; was != "" && was != a.Generation {
			t.Fatalf("key %s went to %s, then to %s", key, was, a.Generation)
		}
		seen[key] = a.Generation
		used[a.Generation] = true
	}
	if len(used) != 2 {
		t.Errorf("20 keys use only %v", used)
	}
}
