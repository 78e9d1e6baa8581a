package httpfront_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"quiver/httpfront"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/wire"
)

// TestTLS checks that a server with a certificate speaks nothing else, and does not wait
// for a handshake that never comes.
func TestTLS(t *testing.T) {
	// httptest has a certificate; the rest of its server is not needed.
	donor := httptest.NewTLSServer(http.NotFoundHandler())
	config := &tls.Config{Certificates: donor.TLS.Certificates, MinVersion: tls.VersionTLS12}
	client := donor.Client()
	donor.Close()
	front := fronttest.Start(t, httpfront.Options{
		Dialects: []wire.Dialect{alpha()}, TLS: config, ReadTimeout: 200 * time.Millisecond,
	})
	res, err := client.Post("https://"+front.Addr+"/0.1.0/open", "", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil || res.StatusCode != 200 || string(body) != "|||hello" {
		t.Errorf("%d %q %v", res.StatusCode, body, err)
	}
	client.CloseIdleConnections()

	silent, err := net.Dial("tcp", front.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_ = silent.SetReadDeadline(time.Now().Add(time.Minute)) // a TCP connection takes deadlines
	if _, err = io.ReadAll(silent); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a connection without a handshake is not cut off")
	}
}
