package admin_test

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"quiver/engine/auth"
	"quiver/httpfront/admin"
)

// TestRemote checks what it takes to listen beyond loopback and who is let in there.
func TestRemote(t *testing.T) {
	f := newFixture(t)
	// httptest has a certificate; the rest of its server is not needed.
	donor := httptest.NewTLSServer(http.NotFoundHandler())
	config := &tls.Config{Certificates: donor.TLS.Certificates}
	client := donor.Client()
	donor.Close()

	refused := func(o admin.ServerOptions) {
		t.Helper()
		o.Options = f.options
		o.Listen = "0.0.0.0:0"
		if s, err := admin.Listen(o); err == nil {
			t.Errorf("it listens on %v with TLS %v and keys %v", s.Addr(), o.TLS != nil, f.keys.List())
		} else if !strings.Contains(err.Error(), "quiver key create --admin-key") {
			t.Errorf("no hint: %v", err)
		}
	}
	refused(admin.ServerOptions{})
	refused(admin.ServerOptions{TLS: config})
	plain, err := f.keys.Create(auth.CreateOptions{Name: "plain", Stores: []string{auth.Every}})
	if err != nil {
		t.Fatal(err)
	}
	refused(admin.ServerOptions{TLS: config})
	root, err := f.keys.Create(auth.CreateOptions{Name: "root", Admin: true})
	if err != nil {
		t.Fatal(err)
	}
	refused(admin.ServerOptions{})

	s, err := admin.Listen(admin.ServerOptions{Options: f.options, Listen: "0.0.0.0:0", TLS: config})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	port := s.Addr().String()[strings.LastIndexByte(s.Addr().String(), ':'):]
	try := func(header, value string, want int) {
		t.Helper()
		req, err := http.NewRequest("GET", "https://127.0.0.1"+port+"/api/version", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(header, value)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != want {
			t.Errorf("%s: %s: %d %s, want %d", header, value, res.StatusCode, body, want)
		}
	}
	try("X-Nothing", "", 401)
	try("X-API-KEY", "nonsense", 401)
	try("X-API-KEY", root+"x", 401)
	try("X-API-KEY", plain, 403)
	try("X-API-KEY", root, 200)
	try("Authorization", "Bearer "+root, 200)
	if err := f.keys.Revoke("root"); err != nil {
		t.Fatal(err)
	}
	try("X-API-KEY", root, 401)
	if strings.Contains(f.log.String(), root[17:]) {
		t.Error("a secret is in the log")
	}

	client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if err := <-served; err != nil {
		t.Error(err)
	}
}
