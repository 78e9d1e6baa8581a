package jwt

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"quiver/engine/fail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// now is 2030-01-01T00:00:00Z.
var now = time.Unix(1893456000, 0)

// pair is a private key and its entry in a key set.
type pair struct {
	private any
	jwk     jose.JSONWebKey
}

func newPair(t *testing.T, id string, private crypto.Signer, err error) pair {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return pair{private, jose.JSONWebKey{Key: private.Public(), KeyID: id}}
}

// keysOf are made once: RSA takes long.
var keysOf = sync.OnceValue(func() map[string]crypto.Signer {
	all := map[string]crypto.Signer{}
	must := func(name string, k crypto.Signer, err error) {
		if err != nil {
			panic(err)
		}
		all[name] = k
	}
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	must("RSA", k, err)
	for name, c := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		k, err := ecdsa.GenerateKey(c, rand.Reader)
		must(name, k, err)
	}
	_, e, err := ed25519.GenerateKey(rand.Reader)
	must("EdDSA", e, err)
	return all
})

func pairOf(t *testing.T, name string) pair { return newPair(t, "key "+name, keysOf()[name], nil) }

// set is the text of a key set.
func set(t *testing.T, keys ...any) []byte {
	t.Helper()
	text, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// sign makes a token; id "" leaves the key's id out.
func sign(t *testing.T, alg jose.SignatureAlgorithm, key any, id string, claims map[string]any) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: id}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// good are claims that are accepted, changed by pairs of names and values; nil takes a
// claim out.
func good(changes ...any) map[string]any {
	c := map[string]any{"iss": "https://iam", "aud": "quiver", "scope": "read predict", "client_id": "app", "exp": now.Unix() + 60, "nbf": now.Unix()}
	for i := 0; i < len(changes); i += 2 {
		c[changes[i].(string)] = changes[i+1]
		if changes[i+1] == nil {
			delete(c, changes[i].(string))
		}
	}
	return c
}

func options() Options {
	return Options{Issuer: "https://iam", Audience: []string{"other", "quiver"}, Scopes: []string{"predict"}, Now: func() time.Time { return now }}
}

// verify checks what becomes of a token: the client, or a part of the error.
func verify(t *testing.T, v *Verifier, what, token, want string) {
	t.Helper()
	for range 2 { // the second time it may be remembered
		got, err := v.Verify(t.Context(), []byte(token))
		if err != nil {
			got = fmt.Sprint(fail.AsError(err).Code, " ", err)
		}
		if want == "app" && got != want || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
}

// TestAlgorithms signs with every algorithm, and with every one confused for another.
func TestAlgorithms(t *testing.T) {
	var keys []any
	pairs := map[string]pair{}
	for name := range keysOf() {
		pairs[name] = pairOf(t, name)
		keys = append(keys, pairs[name].jwk)
	}
	source, err := Static(set(t, keys...))
	if err != nil {
		t.Fatal(err)
	}
	v := New(source, options())
	of := func(alg jose.SignatureAlgorithm) pair {
		if p, ok := pairs[string(alg)]; ok {
			return p
		}
		return pairs["RSA"]
	}
	for _, alg := range algorithms {
		p := of(alg)
		verify(t, v, string(alg), sign(t, alg, p.private, p.jwk.KeyID, good()), "app")
		verify(t, v, string(alg)+" without kid", sign(t, alg, p.private, "", good()), "app")
		verify(t, v, string(alg)+" of a wrong kid", sign(t, alg, p.private, "other", good()), "its key is not one of the issuer's")
		for _, other := range algorithms {
			if q := of(other); q.jwk.KeyID != p.jwk.KeyID {
				verify(t, v, fmt.Sprintf("%s for %s", alg, other), sign(t, alg, p.private, q.jwk.KeyID, good()), "its key is not one of the issuer's")
			}
		}
		token := sign(t, alg, p.private, p.jwk.KeyID, good())
		parts := strings.Split(token, ".")
		forged, _ := json.Marshal(good("client_id", "root"))
		verify(t, v, "forged claims", parts[0]+"."+base64.RawURLEncoding.EncodeToString(forged)+"."+parts[2], "its signature")
		verify(t, v, "half a signature", token[:len(token)-8], "its signature")
		verify(t, v, "no signature", parts[0]+"."+parts[1]+".", "is not accepted")
	}

	// The public key, which everybody has, as the secret of an HMAC.
	der, err := x509.MarshalPKIXPublicKey(pairs["RSA"].jwk.Key)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range [][]byte{der, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), set(t, keys...)} {
		for _, alg := range []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512} {
			verify(t, v, "HMAC with a public key", sign(t, alg, secret, "key RSA", good()), "no signed token of an algorithm that is taken")
		}
	}
	claims, _ := json.Marshal(good())
	for _, none := range []string{"none", "None", "NONE", ""} {
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + none + `","kid":"key RSA"}`))
		verify(t, v, "alg none", header+"."+base64.RawURLEncoding.EncodeToString(claims)+".", "no signed token")
	}
	// A token that brings its own key.
	_, own, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: own}, &jose.SignerOptions{EmbedJWK: true})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := s.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	verify(t, v, "its own key", token, "its signature")
}

// TestClaims has one set of claims a case.
func TestClaims(t *testing.T) {
	p := pairOf(t, "EdDSA")
	source, err := Static(set(t, p.jwk))
	if err != nil {
		t.Fatal(err)
	}
	f := func(o Options, want string, changes ...any) {
		t.Helper()
		verify(t, New(source, o), fmt.Sprint(changes...), sign(t, jose.EdDSA, p.private, p.jwk.KeyID, good(changes...)), want)
	}
	o := options()
	f(o, "app")
	f(o, "5 The token is not accepted: another issuer", "iss", "https://iam/")
	f(o, "another issuer", "iss", nil)
	f(o, "meant for somebody else", "aud", "quiver2")
	f(o, "meant for somebody else", "aud", nil)
	f(o, "app", "aud", []string{"x", "other"})
	f(o, "app", "exp", now.Unix()-29)
	f(o, "has expired", "exp", now.Unix()-31)
	f(o, "never expires", "exp", nil)
	f(o, "form of its claims", "exp", "tomorrow")
	f(o, "form of its claims", "exp", 1e300)
	f(o, "app", "nbf", now.Unix()+29)
	f(o, "not valid yet", "nbf", now.Unix()+31)
	f(o, "not valid yet", "iat", now.Unix()+31)
	f(o, `6 The token lacks the scope "predict"`, "scope", "predictions read")
	f(o, `lacks the scope "predict"`, "scope", nil)
	f(o, `lacks the scope "predict"`, "scope", 5)
	f(o, "app", "scope", []string{"a b", "predict"})
	f(o, `lacks the scope`, "scope", []string{"a predict"})
	f(o, "", "client_id", nil)
	f(o, "", "client_id", 7)
	o.Audience, o.Scopes, o.ClientClaim = nil, nil, "azp"
	f(o, "app", "aud", nil, "scope", nil, "azp", "app")
	o.Scopes, o.ScopeClaim = []string{"a", "b"}, "roles"
	f(o, "app", "roles", []string{"b", "a"}, "azp", "app")
	f(o, `lacks the scope "b"`, "roles", "a", "azp", "app")

	v := New(source, options())
	verify(t, v, "nothing", "", "empty or too long")
	verify(t, v, "long", strings.Repeat("x", maxToken+1), "empty or too long")
	verify(t, v, "no token", "KEY", "no signed token")
	verify(t, v, "dots", "..", "no signed token")
	verify(t, v, "encrypted", "a.b.c.d.e", "no signed token")
}

// TestKeySets has one key set a case.
func TestKeySets(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := Static([]byte(text))
		if got := fmt.Sprint(err); !strings.Contains(got, want) {
			t.Errorf("%.60s: %s, want %s", text, got, want)
		}
	}
	good := string(set(t, pairOf(t, "ES256").jwk))
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	weak := string(set(t, newPair(t, "w", small, err).jwk))
	f(good, "<nil>")
	f(`{"keys":[{"kty":"new","x":1},`+strings.TrimPrefix(good, `{"keys":[`), "<nil>")
	f(`x`, "not a JSON Web Key Set")
	f(`[]`, "not a JSON Web Key Set")
	f(`{}`, "holds no RSA")
	f(`{"keys":[]}`, "holds no RSA")
	f(weak, "holds no RSA")
	f(`{"keys":[{"kty":"oct","k":"AAAA","alg":"HS256"}]}`, "holds no RSA")
	f(strings.Replace(good, `"kty"`, `"use":"enc","kty"`, 1), "holds no RSA")
	f(strings.Replace(good, `"kty"`, `"alg":"ES384","kty"`, 1), "holds no RSA")
	f(`{"keys":[`+strings.Repeat("{},", maxKeys)+`{}]}`, "more than 256 keys")
	f(good+strings.Repeat(" ", MaxKeySet), "more than 1048576 bytes")
}

// issuer is a server of key sets.
type issuer struct {
	*httptest.Server
	text  atomic.Pointer[[]byte] // nil: it answers 500
	calls atomic.Int64
	hold  atomic.Pointer[chan struct{}] // answers wait for it
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{}
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.calls.Add(1)
		if hold := i.hold.Load(); hold != nil {
			select {
			case <-*hold:
			case <-r.Context().Done():
			}
		}
		if text := i.text.Load(); text != nil {
			_, _ = w.Write(*text)
			return
		}
		http.Error(w, "no", http.StatusInternalServerError)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) serve(text []byte) { i.text.Store(&text) }

func (i *issuer) fetch(ctx context.Context) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, "GET", i.URL, nil)
	if err != nil {
		return nil, err
	}
	res, err := i.Client().Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != 200 {
		return nil, errors.New(res.Status)
	}
	return io.ReadAll(res.Body)
}

// settle waits until no attempt is under way.
func (s *Source) settle() {
	s.mu.Lock()
	running := s.running
	s.mu.Unlock()
	if running != nil {
		<-running
	}
}

// TestRotation follows an issuer that is down at first, changes its keys, and goes down.
func TestRotation(t *testing.T) {
	i := newIssuer(t)
	var clock atomic.Int64
	clock.Store(now.UnixNano())
	at := func() time.Time { return time.Unix(0, clock.Load()) }
	later := func(d time.Duration) { clock.Add(int64(d)) }
	a, b := pairOf(t, "ES256"), pairOf(t, "EdDSA")
	exp := now.Unix() + 1<<20
	tokenA := sign(t, jose.ES256, a.private, a.jwk.KeyID, good("exp", exp))
	tokenB := sign(t, jose.EdDSA, b.private, b.jwk.KeyID, good("exp", exp))
	unknown := sign(t, jose.EdDSA, b.private, "strange", good("exp", exp))

	source := Fetched(i.fetch, FetchOptions{Every: time.Minute, Retry: 10 * time.Second, Timeout: time.Minute, Now: at})
	o := options()
	o.Now = at
	v := New(source, o)
	calls := func(want int64) {
		t.Helper()
		if source.settle(); i.calls.Load() != want {
			t.Errorf("%d fetches, want %d", i.calls.Load(), want)
		}
	}
	verify(t, v, "down", tokenA, "22 The keys of the issuer cannot be read now.")
	calls(1)
	i.serve(set(t, a.jwk))
	verify(t, v, "too early for another attempt", tokenA, "cannot be read")
	calls(1)
	later(10 * time.Second)
	verify(t, v, "up", tokenA, "app")
	calls(2)
	verify(t, v, "unknown key", tokenB, "its key is not one")
	calls(2)

	// A new key: the first token of it fetches, though the keys are not old.
	i.serve(set(t, a.jwk, b.jwk))
	later(10 * time.Second)
	verify(t, v, "new key", tokenB, "app")
	verify(t, v, "old key", tokenA, "app")
	calls(3)
	for range 50 {
		verify(t, v, "a stranger", unknown, "its key is not one")
	}
	calls(3)

	// A key that is withdrawn is refused once the set was fetched, remembered or not.
	i.serve(set(t, b.jwk))
	later(61 * time.Second)
	if _, err := v.Verify(t.Context(), []byte(tokenB)); err != nil { // the old keys answer meanwhile
		t.Error(err)
	}
	calls(4)
	later(10 * time.Second)
	verify(t, v, "withdrawn", tokenA, "its key is not one")
	verify(t, v, "still there", tokenB, "app")
	calls(5)

	// Down, and answering nonsense: the last good keys stay, for ever.
	down := []byte("<html>")
	for n, text := range []*[]byte{nil, &down} {
		i.text.Store(text)
		later(time.Hour)
		verify(t, v, "down later", tokenB, "app")
		verify(t, v, "down later", unknown, "its key is not one")
		calls(int64(6 + n))
		if source.err() == nil {
			t.Error("the failure is not told")
		}
	}
}

// TestHangingIssuer waits for keys no longer than the caller does, and fetches once for
// all who wait.
func TestHangingIssuer(t *testing.T) {
	i := newIssuer(t)
	hold := make(chan struct{})
	i.hold.Store(&hold)
	p := pairOf(t, "EdDSA")
	i.serve(set(t, p.jwk))
	token := []byte(sign(t, jose.EdDSA, p.private, p.jwk.KeyID, good()))
	source := Fetched(i.fetch, FetchOptions{Timeout: time.Minute})
	v := New(source, options())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := v.Verify(ctx, token); err == nil || fail.AsError(err).Code != fail.Overloaded {
		t.Errorf("without keys: %v", err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if client, err := v.Verify(t.Context(), token); client != "app" || err != nil {
				t.Errorf("%q %v", client, err)
			}
		})
	}
	close(hold)
	all.Wait()
	if i.calls.Load() != 1 {
		t.Errorf("%d fetches", i.calls.Load())
	}

	// One that never answers ends by itself.
	never := make(chan struct{})
	defer close(never)
	i.hold.Store(&never)
	source = Fetched(i.fetch, FetchOptions{Timeout: time.Millisecond})
	source.settle()
	if err := source.err(); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a fetch without end: %v", err)
	}
}

// TestRemembered bounds what is remembered, and forgets what has expired.
func TestRemembered(t *testing.T) {
	p := pairOf(t, "EdDSA")
	source, err := Static(set(t, p.jwk))
	if err != nil {
		t.Fatal(err)
	}
	at := now
	o := options()
	o.Now = func() time.Time { return at }
	v := New(source, o)
	token := sign(t, jose.EdDSA, p.private, p.jwk.KeyID, good())
	verify(t, v, "now", token, "app")
	if len(v.known) != 1 {
		t.Errorf("%d tokens are remembered", len(v.known))
	}
	at = now.Add(91 * time.Second)
	verify(t, v, "later", token, "has expired")
	for i := range maxCached + 10 {
		v.remember(source.keys.Load(), [32]byte{byte(i), byte(i >> 8)}, genuine{})
	}
	if len(v.known) > maxCached {
		t.Errorf("%d tokens are remembered", len(v.known))
	}
}

func BenchmarkVerify(b *testing.B) {
	k := keysOf()["ES256"]
	text, err := json.Marshal(map[string]any{"keys": []any{jose.JSONWebKey{Key: k.Public(), KeyID: "k"}}})
	if err != nil {
		b.Fatal(err)
	}
	source, err := Static(text)
	if err != nil {
		b.Fatal(err)
	}
	v := New(source, options())
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: k, KeyID: "k"}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	payload, _ := json.Marshal(good())
	signed, err := s.Sign(payload)
	if err != nil {
		b.Fatal(err)
	}
	compact, _ := signed.CompactSerialize()
	token := []byte(compact)
	for name, forget := range map[string]bool{"first": true, "remembered": false} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if forget {
					clear(v.known)
				}
				if _, err := v.Verify(context.Background(), token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
