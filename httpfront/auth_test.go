package httpfront_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"quiver/engine/auth"
	"quiver/httpfront"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/wire"
)

// TestAuthorization is the table of route and key: what of them is let in.
func TestAuthorization(t *testing.T) {
	keys := newKeys(t)
	good := newKey(t, keys, auth.CreateOptions{Name: "good"})
	admin := newKey(t, keys, auth.CreateOptions{Name: "root", Admin: true})
	expired := newKey(t, keys, auth.CreateOptions{Name: "old", Expires: time.Now().Add(300 * time.Millisecond)})
	revoked := newKey(t, keys, auth.CreateOptions{Name: "gone"})
	if err := keys.Revoke("gone"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(310 * time.Millisecond)
	var out log
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha(), beta()}, Keys: keys, Log: out.logger()})

	f := func(token string, open, own, need, needAdmin int, text string) {
		t.Helper()
		for path, want := range map[string]int{"open": open, "own": own, "echo": need, "admin": needAdmin} {
			r := front.Do(fronttest.Request{Target: "/0.1.0/" + path, Body: "{}", Header: map[string]string{"X-API-KEY": token}})
			if r.Status != want {
				t.Errorf("%s with key %q: status %d, want %d: %s", path, token, r.Status, want, r.Body)
			}
			if r.Status != 200 {
				contains(t, path, r.Body, text)
			}
		}
	}
	f("", 200, 200, 400, 400, "the apikey is nil")
	f("nonsense", 200, 200, 400, 400, "the apikey has an incorrect format")
	f("0123456789abcdef.nobody", 200, 200, 401, 401, "API key not found")
	f(good+"x", 200, 200, 401, 401, "bad API key")
	f(expired, 200, 200, 401, 401, "API key has expired")
	f(revoked, 200, 200, 401, 401, "API key not found")
	f(good, 200, 200, 200, 403, "no admin rights")
	f(admin, 200, 200, 200, 200, "")

	own := func(token, want string) {
		t.Helper()
		r := front.Do(fronttest.Request{Target: "/0.1.0/own", Body: "{}", Header: map[string]string{"X-API-KEY": token}})
		if r.Body != want {
			t.Errorf("own with %q: %q, want %q", token, r.Body, want)
		}
	}
	own(good, "true <nil>")
	own("", "false the apikey is nil")

	// The other dialect finds the key in its own header and maps codes its own way.
	r := front.Do(fronttest.Request{Target: "/api/v1/x/info", Header: map[string]string{"X-API-KEY": good}})
	if r.Status != 401 || r.Body != "beta the apikey is nil" {
		t.Errorf("beta without its header: %d %q", r.Status, r.Body)
	}
	r = front.Do(fronttest.Request{Target: "/api/v1/x/info", Header: map[string]string{"Authorization": "Bearer " + good}})
	if r.Status != 200 || r.Body != "x" {
		t.Errorf("beta: %d %q", r.Status, r.Body)
	}

	for _, token := range []string{good, admin, expired, revoked} {
		if strings.Contains(out.String(), token[17:]) {
			t.Error("a secret is in the log")
		}
	}
}

// TestRevokeUnderLoad revokes a key while requests run with it: here, where it stops
// working before Revoke returns, and from another opener of the folder, where it stops
// at the next look at the file. Then it is refused for good.
func TestRevokeUnderLoad(t *testing.T) {
	dir := t.TempDir()
	keys, err := auth.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	other, err := auth.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.Close)
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}, Keys: keys})

	f := func(revoker *auth.Keys) {
		t.Helper()
		token := newKey(t, keys, auth.CreateOptions{Name: "busy"})
		var mu sync.Mutex
		var lastGood, revoked, refused time.Time // when a request began, and when one had been refused
		stop := make(chan struct{})
		var busy sync.WaitGroup
		for range 4 {
			busy.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					begun := time.Now()
					r, err := front.Try(fronttest.Request{Target: "/0.1.0/echo", Body: "{}", Header: map[string]string{"X-API-KEY": token}})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					switch {
					case r.Status == 200 && begun.After(lastGood):
						lastGood = begun
					case r.Status != 200 && revoked.IsZero():
						t.Errorf("refused before the key was revoked: %d %s", r.Status, r.Body)
					case r.Status != 200 && refused.IsZero():
						refused = time.Now()
					}
					mu.Unlock()
				}
			})
		}
		time.Sleep(50 * time.Millisecond)
		mu.Lock()
		revoked = time.Now()
		mu.Unlock()
		if err := revoker.Revoke("busy"); err != nil {
			t.Fatal(err)
		}
		from := time.Now()
		for wait := true; wait; time.Sleep(20 * time.Millisecond) {
			mu.Lock()
			if wait = refused.IsZero(); !wait && revoker != keys {
				from = refused
			}
			mu.Unlock()
			if wait && time.Since(revoked) > time.Minute {
				t.Fatal("a revoked key is never refused")
			}
		}
		close(stop)
		busy.Wait()
		if lastGood.IsZero() {
			t.Error("no request succeeded before the key was revoked")
		}
		if lastGood.After(from) {
			t.Errorf("a request that began %v after the key had stopped working was let in", lastGood.Sub(from))
		}
	}
	f(keys)
	f(other)
}

// TestNoKeys checks a server without keys: loopback only, and not for web pages.
func TestNoKeys(t *testing.T) {
	s, err := httpfront.New(httpfront.Options{Listen: "0.0.0.0:0", Dialects: []wire.Dialect{alpha()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Listen(); err == nil {
		t.Errorf("a server without keys listens on %v", s.Addr())
	}
	front := fronttest.Start(t, httpfront.Options{Dialects: []wire.Dialect{alpha()}})
	f := func(origin string, want int) {
		t.Helper()
		h := map[string]string{}
		if origin != "" {
			h["Origin"] = origin
		}
		if r := front.Do(fronttest.Request{Target: "/0.1.0/admin", Body: "{}", Header: h}); r.Status != want {
			t.Errorf("origin %q: status %d, want %d: %s", origin, r.Status, want, r.Body)
		}
	}
	f("", 200)
	f("http://localhost:3000", 200)
	f("http://127.0.0.1", 200)
	f("https://example.org", 403)
	f("http://localhost.example.org", 403)
	f("null", 403)
}
