package catalog

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

const serviceGroups = `
kind: FeatureGroup
store: S
name: people
key: [id]
indexes:
  - {name: by_name, columns: [name]}
features:
  - {name: id, type: bigint}
  - {name: name, type: string}
  - {name: age, type: double}
`

const serviceBoth = serviceGroups + `
---
kind: Service
name: svc
mapping: {v1: 0.9, v2: 0.1}
dispatch: hash
---
kind: Generation
service: svc
name: v1
endpoints:
  - {name: who is it, type: lookup, enrich: [{group: people, store: s, keys: {PassengerId: id}, columns: [name, age]}]}
---
kind: Generation
service: svc
name: v2
endpoints:
  - {name: who is it, type: lookup, enrich: [{group: people, store: s, keys: [name], columns: {age: years}, onMultiple: IGNORE}]}
`

func apply(t *testing.T, c *Catalog, text string, prune bool) (*Snapshot, Diff) {
	t.Helper()
	next, diff, err := c.Prepare([]File{{Name: "t.yaml", Text: []byte(text)}}, prune)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(next); err != nil {
		t.Fatal(err)
	}
	return next, diff
}

// TestServices follows services through applying, reopening, applying what is listed,
// changing the mapping, and rolling back.
func TestServices(t *testing.T) {
	dir := t.TempDir()
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := apply(t, c, serviceBoth, false)
	check := func(s *Snapshot) {
		t.Helper()
		svc := s.Service("svc")
		if svc == nil || !slices.Equal(svc.Mapping, []Share{{"v1", 0.9}, {"v2", 0.1}}) || svc.Auth != AuthKeys || svc.Dispatch != DispatchHash || !svc.Enabled {
			t.Fatalf("service: %+v", svc)
		}
		all := s.Generations("svc")
		if len(all) != 2 || all[0].Name != "v2" || all[1].Name != "v1" {
			t.Fatalf("generations, newest first: %v", all)
		}
		x := all[0].Endpoints[0].Lookup.Enrich[0]
		if x.Group == nil || x.OnMultiple != PolicyIgnore || x.OnNoMatch != PolicyKeep || !slices.Equal(x.Columns, []Pairing{{"age", "years"}}) {
			t.Fatalf("enrichment: %+v", x)
		}
	}
	check(s)
	if slices.Contains(s.Stores(), "") || slices.Contains(s.Stores(), "svc") {
		t.Errorf("a service makes a store: %v", s.Stores())
	}
	v1 := s.Generation("svc", "v1")
	if c, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	check(c.Current())
	if again := c.Current().Generation("svc", "v1"); again.Number != v1.Number || !again.Created.Equal(v1.Created) {
		t.Errorf("number %d and time %v became %d and %v", v1.Number, v1.Created, again.Number, again.Created)
	}
	var listed strings.Builder
	for _, d := range c.Current().Definitions("", "", "") {
		listed.WriteString("---\n" + string(d.Body) + "\n")
	}
	if _, diff := apply(t, c, listed.String(), true); !diff.Empty() {
		t.Errorf("applying the listing changes something:\n%s", diff)
	}
	before := c.Current().Revision
	next, diff, err := c.Prepare([]File{c.Current().Service("svc").Mapped([]Share{{"v2", 1}}, false)}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(next); err != nil {
		t.Fatal(err)
	}
	if svc := next.Service("svc"); svc.Enabled || !slices.Equal(svc.Mapping, []Share{{"v2", 1}}) || !strings.Contains(diff.String(), "update    Service svc\n") {
		t.Errorf("mapping changed: %+v\n%s", svc, diff)
	}
	if next.Generation("svc", "v1") != c.Current().Generation("svc", "v1") {
		t.Error("a generation changed with the mapping")
	}
	if next, _, err = c.PrepareRollback(before); err != nil {
		t.Fatal(err)
	}
	check(next)
}

// TestServiceRemoval removes what others use, gently and by force.
func TestServiceRemoval(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	apply(t, c, serviceBoth, false)
	refused := func(kind, store, name, want string) {
		t.Helper()
		if _, _, err := c.PrepareRemove(kind, store, name, 0, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("remove %s %s/%s: %v, want %q", kind, store, name, err, want)
		}
	}
	refused(KindGroup, "s", "people", "is used by Generation svc/v1, Generation svc/v2")
	refused(KindGeneration, "svc", "v1", "is used by Service svc")
	refused(KindGeneration, "svc", "v9", "There is no Generation svc/v9")
	next, _, err := c.PrepareRemove(KindGroup, "s", "people", 0, true)
	if err != nil {
		t.Fatal(err)
	}
	if g := next.Generation("svc", "v1"); g.Broken == "" || g.Endpoints[0].Lookup.Enrich[0].Group != nil {
		t.Errorf("a generation whose group is gone: %+v", g)
	}
	if next, _, err = c.PrepareRemove(KindGeneration, "svc", "v1", 0, true); err != nil {
		t.Fatal(err)
	}
	if s := next.Service("svc"); s.Broken == "" || !slices.Equal(s.Mapping, []Share{{"v2", 0.1}}) {
		t.Errorf("a service whose generation is gone: %+v", s)
	}
	if next, _, err = c.PrepareRemove(KindService, "", "svc", 0, false); err != nil {
		t.Fatal(err)
	}
	if next.Service("svc") != nil || next.Generations("svc") != nil {
		t.Error("generations outlive their service")
	}
}

// TestServiceFaults has one fault a case.
func TestServiceFaults(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := func(old, with, want string) {
		t.Helper()
		if !strings.Contains(serviceBoth, old) {
			t.Fatalf("the definitions lack %q", old)
		}
		_, _, err := c.Prepare([]File{{Name: "t.yaml", Text: []byte(strings.Replace(serviceBoth, old, with, 1))}}, false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %q", with, err, want)
		}
	}
	f("type: lookup", "type: sequel", `unknown type of endpoint "sequel"; this version has lookup`)
	f("dispatch: hash", "auth: oauth2", `unknown auth "oauth2"; this version has apiKeys, public and jwt`)
	f("dispatch: hash", "dispatch: sticky", `unknown dispatch "sticky"; this version has random and hash`)
	f("v2: 0.1", "v2: 0.2", "add up to 1; these give 1.1")
	f("v2: 0.1", "v3: 0.1", `service svc has no generation "v3"`)
	f("v2: 0.1", "v2: x", "expected a probability from 0 to 1")
	f("service: svc", "service: other", `service "other" does not exist`)
	f("group: people", "group: peopel", "feature group s/peopel version 1 does not exist")
	f("[name, age]", "[name, agee]", `group people has no column "agee"`)
	f("{PassengerId: id}", "{PassengerId: age}", "columns (age) are neither the key of group people nor one of its indexes; these are (id), (name)")
	f("[name, age]", "[name, name]", `"name" is handed on twice`)
	f("onMultiple: IGNORE", "onMultiple: KEEP", `unknown policy "KEEP"`)
	f("name: v1", "name: v/1", "must begin with")
	f("who is it", "a/b", "must be free of /")
}

// TestJWT applies a service that asks for tokens, reopens it and applies what is listed.
func TestJWT(t *testing.T) {
	dir := t.TempDir()
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	files := func(text string) []File {
		return []File{{Name: "d/s.yaml", Text: []byte(text)}, {Name: "d/keys/iam.json", Text: []byte(`{"keys": [{"kty": "OKP"}]}`), Attached: true}}
	}
	const service = `{kind: Service, name: s, auth: jwt, jwt: {jwks: keys/iam.json, issuer: "https://iam", audience: [a, b], scope: "read predict", timeout: 2s, clientClaim: azp}}`
	next, _, err := c.Prepare(files(service), false)
	if err == nil {
		err = c.Commit(next)
	}
	if err != nil {
		t.Fatal(err)
	}
	check := func(s *Snapshot) {
		t.Helper()
		got := s.Service("s").JWT
		want := &JWT{
			Keys: json.RawMessage(`{"keys":[{"kty":"OKP"}]}`), Issuer: "https://iam", Audience: []string{"a", "b"}, Scopes: []string{"read", "predict"},
			ClientClaim: "azp", Timeout: 2 * time.Second,
		}
		keys := strings.ReplaceAll(string(got.Keys), " ", "")
		plain := *got
		plain.Keys = json.RawMessage(keys)
		if !plain.Equal(want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	check(next)
	if c, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	check(c.Current())
	listed, err := json.Marshal(c.Current().Definitions(KindService, "", "s")[0])
	if err != nil {
		t.Fatal(err)
	}
	again, diff, err := c.Prepare([]File{{Name: "listed.yaml", Text: listed}}, false)
	if err != nil || !diff.Empty() {
		t.Fatalf("applying what is listed: %v %v", diff, err)
	}
	check(again)

	f := func(text, want string) {
		t.Helper()
		_, _, err := c.Prepare(files(text), false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	f(`{kind: Service, name: s, auth: jwt}`, "auth jwt needs jwt:")
	f(`{kind: Service, name: s, auth: public, jwt: {jwks: keys/iam.json, issuer: i}}`, "jwt is for services with auth: jwt; this one has public")
	f(`{kind: Service, name: s, auth: jwt, jwt: {jwks: keys/iam.json}}`, `jwt has no "issuer"`)
	f(`{kind: Service, name: s, auth: jwt, jwt: {jwks: keys/iam.json, issuer: ""}}`, "the issuer is empty")
	f(`{kind: Service, name: s, auth: jwt, jwt: {jwks: none.json, issuer: i}}`, "no http or https address")
	f(`{kind: Service, name: s, auth: jwt, jwt: {jwks: "ftp://iam/keys", issuer: i}}`, "no http or https address")
	f(`{kind: Service, name: s, auth: jwt, jwt: {jwks: "https://iam/keys", issuer: i, secret: x}}`, "secret")
}
