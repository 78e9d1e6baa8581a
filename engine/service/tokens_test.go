package service_test

import (
	"testing"

	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/service"
)

// TestTokenService asks a service for tokens as somebody whom Admit has not seen: a key
// does not count, whatever it may do, nor does the holder of another service's token.
func TestTokenService(t *testing.T) {
	e := enginetest.New(t)
	const keys = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`
	_, err := e.Apply([]catalog.File{
		{Name: "s.yaml", Text: []byte(`{kind: Service, name: s, auth: jwt, jwt: {jwks: k.json, issuer: iam}}`)}, {Name: "k.json", Text: []byte(keys), Attached: true},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	s := service.New(e)
	t.Cleanup(s.Close)
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	all, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(all.Close)
	secret, err := all.Create(auth.CreateOptions{Name: "all", Services: []string{auth.Every}, Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	key, err := all.Verify([]byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	f := func(what string, who auth.Principal, may bool) {
		t.Helper()
		if err := s.May(who, nil, "s"); (err == nil) != may {
			t.Errorf("%s: %v", what, err)
		}
	}
	f("nobody", auth.Principal{}, false)
	f("a key with all rights", key, false)
	f("the holder of another service's token", auth.Holder("other"), false)
	f("a holder", auth.Holder("s"), true)
	f("a server without keys", auth.All(), true)
}
