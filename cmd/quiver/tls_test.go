package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// newCertificate writes a pair for 127.0.0.1 with the given serial number.
func newCertificate(t *testing.T, c certificate, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{c.Cert: {Type: "CERTIFICATE", Bytes: der}, c.Key: {Type: "PRIVATE KEY", Bytes: raw}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestCertificateReload checks that a new pair is taken without a restart, and that one
// that is no good leaves the old one in use.
func TestCertificateReload(t *testing.T) {
	dir := t.TempDir()
	files := certificate{filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")}
	newCertificate(t, files, 1)
	var log bytes.Buffer
	conf, err := files.load(slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		pair, err := conf.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(pair.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Errorf("serial %d, want 1", got)
	}
	newCertificate(t, files, 2)
	time.Sleep(checkCertificate + 50*time.Millisecond)
	if got := serial(); got != 2 {
		t.Errorf("serial %d after the change, want 2", got)
	}
	if err := os.WriteFile(files.Cert, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(checkCertificate + 50*time.Millisecond)
	for range 2 {
		if got := serial(); got != 2 {
			t.Errorf("serial %d with a bad file, want 2 still", got)
		}
	}
	if n := strings.Count(log.String(), "no good"); n != 1 {
		t.Errorf("%d warnings, want 1:\n%s", n, log.String())
	}
	if _, err := files.load(slog.Default()); err == nil {
		t.Error("a bad file is taken at the start")
	}
}

// TestServeTLS serves both listeners with a certificate.
func TestServeTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := certificate{filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")}
	newCertificate(t, files, 1)
	conf := write(t, "q.yaml", "tls: {cert: "+files.Cert+", key: "+files.Key+"}\nadmin.tls.cert: "+files.Cert+"\nadmin.tls.key: "+files.Key+"\n")
	s := start(t, "serve", "--config", conf, "--no-auth", "--data", filepath.Join(dir, "data"))
	pool := x509.NewCertPool()
	raw, err := os.ReadFile(files.Cert)
	if err != nil || !pool.AppendCertsFromPEM(raw) {
		t.Fatal("cannot read the certificate", err)
	}
	web := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	defer web.CloseIdleConnections()
	for _, url := range []string{s.front + "/live", s.admin + "/api/version"} {
		res, err := web.Get(url)
		if err != nil {
			t.Fatalf("%s: %v", url, err)
		}
		_ = res.Body.Close()
		if res.StatusCode != 200 || !strings.HasPrefix(url, "https://") {
			t.Errorf("%s: status %d", url, res.StatusCode)
		}
	}
	s.stop(t)
}
