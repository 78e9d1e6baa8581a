package dataiku_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"quiver/engine/catalog"
	"quiver/httpfront/fronttest"
)

// issuer signs the tokens of tests, as RFC 8037 has it.
var issuer = ed25519.NewKeyFromSeed([]byte("0123456789abcdef0123456789abcdef"))

// jwks is its key set.
func jwks() catalog.File {
	x := base64.RawURLEncoding.EncodeToString(issuer.Public().(ed25519.PublicKey))
	return catalog.File{Name: "jwks.json", Text: []byte(`{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"k","x":"` + x + `"}]}`), Attached: true}
}

// token makes a token that lasts for a minute.
func token(t *testing.T, claims map[string]any) string {
	t.Helper()
	claims["exp"] = time.Now().Unix() + 60
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"EdDSA","kid":"k"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(issuer, []byte(text)))
}

// TestTokens goes through who may call a service that asks for tokens.
func TestTokens(t *testing.T) {
	w := withLog(t)
	good := token(t, map[string]any{"iss": "iam", "scope": "predict", "client_id": "app"})
	f := func(who, header, target string, status int, want string) {
		t.Helper()
		r := fronttest.Request{Method: "POST", Target: "/public/api/v1/" + target, Body: `{"data":{"k":6}}`, Header: map[string]string{}}
		if header != "" {
			r.Header["Authorization"] = header
		}
		res := w.Do(r)
		if res.Status != status || !strings.Contains(res.Body, want) {
			t.Errorf("%s, %s: %d %s\nwant %d %s", who, target, res.Status, res.Body, status, want)
		}
		if status >= 400 {
			checkError(t, who, res)
		}
		if res.Header["Www-Authenticate"] != "" && (header != "" || status != 401) {
			t.Errorf("%s: %s", who, res.Header["Www-Authenticate"])
		}
	}
	f("a token", "Bearer "+good, "tok/lk/lookup", 200, `"id":9`)
	f("a token again", "bearer  "+good, "tok/lk/lookup", 200, `"id":9`)
	f("a token", "Bearer "+good, "tok/lk/nothing", 404, "does not answer")
	f("a token without scope", "Bearer "+token(t, map[string]any{"iss": "iam"}), "tok/lk/lookup", 403, `lacks the scope \"predict\"`)
	f("a token of another issuer", "Bearer "+token(t, map[string]any{"iss": "other", "scope": "predict"}), "tok/lk/lookup", 401, "another issuer")
	f("a forged token", "Bearer "+good[:len(good)-8], "tok/lk/lookup", 401, "its signature")
	f("nobody", "", "tok/lk/lookup", 401, `Service \"tok\" asks for a JSON Web Token`)
	f("a token as user name", "Basic "+base64.StdEncoding.EncodeToString([]byte(good+":")), "tok/lk/lookup", 401, "asks for a JSON Web Token")
	f("a key with all rights", "Bearer "+w.everything, "tok/lk/lookup", 401, "is not accepted")
	f("a key with all rights, Basic", "Basic "+base64.StdEncoding.EncodeToString([]byte(w.everything+":")), "tok/lk/lookup", 401, "asks for a JSON Web Token")
	// The token opens no other door.
	f("a token", "Bearer "+good, "svc/lk/lookup", 401, "")
	f("a token", "Bearer "+good, "nope/lk/lookup", 401, "")
	f("a token", "Bearer "+good, "pub/lk/lookup", 200, `"id":9`)
	if res := w.Do(fronttest.Request{Target: "/admin/api/services", Header: map[string]string{"Authorization": "Bearer " + good}}); res.Status != 401 {
		t.Errorf("a token as admin key: %d %s", res.Status, res.Body)
	}

	lines := w.queries(t)
	if len(lines) != 4 || !strings.Contains(lines[0], `"clientId":"app","status":200`) || !strings.Contains(lines[2], `"status":403`) {
		t.Errorf("the log has %d lines:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	for _, line := range lines {
		if strings.Contains(line, good[:30]) || strings.Contains(line, "keyId") {
			t.Errorf("more than the client is in %s", line)
		}
	}
}
