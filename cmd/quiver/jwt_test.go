package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// signer makes tokens and key sets, with the standard library alone.
type signer struct {
	id  string
	key ed25519.PrivateKey
}

func newSigner(id string) signer {
	return signer{id, ed25519.NewKeyFromSeed([]byte(strings.Repeat(id, 32))[:32])}
}

func (s signer) jwk() string {
	return `{"kty":"OKP","crv":"Ed25519","use":"sig","kid":"` + s.id + `","x":"` + base64.RawURLEncoding.EncodeToString(s.key.Public().(ed25519.PublicKey)) + `"}`
}

func (s signer) token(t *testing.T, claims map[string]any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","typ":"JWT","kid":"`+s.id+`"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(s.key, []byte(text)))
}

// TestTokens serves one service whose keys are in a file and one whose keys are fetched,
// from an issuer that is down at first, then up, then gone.
func TestTokens(t *testing.T) {
	t.Parallel()
	var keys atomic.Pointer[string] // nil: down
	var calls atomic.Int64
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		if text := keys.Load(); text != nil {
			_, _ = w.Write([]byte(*text))
			return
		}
		http.Error(w, "down", http.StatusBadGateway)
	}))
	defer issuer.Close()
	a, b := newSigner("a"), newSigner("b")
	definitions := write(t, "s.yaml", servicesYAML+`---
{kind: Service, name: file, auth: jwt, mapping: {v1: 1}, jwt: {jwks: keys.json, issuer: iam, audience: quiver, scope: use}}
---
{kind: Service, name: url, auth: jwt, mapping: {v1: 1}, jwt: {jwks: "`+issuer.URL+`/jwks", issuer: iam, timeout: 2s}}
---
{kind: Generation, service: file, name: v1, endpoints: [{name: e, type: lookup, enrich: [{group: people, keys: [id], columns: [name]}]}]}
---
{kind: Generation, service: url, name: v1, endpoints: [{name: e, type: lookup, enrich: [{group: people, keys: [id], columns: [name]}]}]}
`)
	if err := os.WriteFile(filepath.Join(filepath.Dir(definitions), "keys.json"), []byte(`{"keys":[`+a.jwk()+`]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := start(t, "serve", "--data", dir, "--apply", definitions)
	admin := strings.TrimSpace(ok(t, "key", "create", "--server", s.admin, "--name", "all", "--services", "*", "--admin-key"))
	f := func(service, token string, want int) {
		t.Helper()
		status, body := s.post(t, "/public/api/v1/"+service+"/e/lookup", token, `{"data":{"id":1}}`)
		if status != want {
			t.Errorf("%s: %d %s, want %d", service, status, body, want)
		}
	}
	now := time.Now().Unix()
	claims := func(changes ...any) map[string]any {
		c := map[string]any{"iss": "iam", "aud": []string{"quiver"}, "scope": "x use", "exp": now + 600}
		for i := 0; i < len(changes); i += 2 {
			c[changes[i].(string)] = changes[i+1]
		}
		return c
	}
	f("file", a.token(t, claims()), 200)
	f("file", b.token(t, claims()), 401)
	f("file", a.token(t, claims("iss", "other")), 401)
	f("file", a.token(t, claims("aud", "other")), 401)
	f("file", a.token(t, claims("exp", now-600)), 401)
	f("file", a.token(t, claims("nbf", now+600)), 401)
	f("file", a.token(t, claims("scope", "x")), 403)
	f("file", admin, 401)
	f("file", "", 401)

	f("url", a.token(t, claims()), 503)
	f("url", a.token(t, claims()), 503)
	if n := calls.Load(); n != 1 {
		t.Errorf("%d fetches while the issuer is down", n)
	}
	s.stop(t)
	up := `{"keys":[` + a.jwk() + `,` + b.jwk() + `]}`
	keys.Store(&up)
	s = start(t, "serve", "--data", dir)
	f("file", a.token(t, claims()), 200)
	f("url", a.token(t, claims()), 200)
	f("url", b.token(t, claims()), 200)
	issuer.Close()
	f("url", b.token(t, claims("client_id", "later")), 200)
	f("url", newSigner("c").token(t, claims()), 401)
	if !strings.Contains(ok(t, "definitions", "--server", s.admin, "service", "--output", "json"), `"issuer": "iam"`) {
		t.Error("the definition is not listed")
	}
}
