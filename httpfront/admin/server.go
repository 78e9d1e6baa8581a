package admin

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"quiver/engine/auth"
)

// DefaultListen is where the admin API listens unless told otherwise.
const DefaultListen = "127.0.0.1:4407"

// ServerOptions are those of a listener for the admin API.
type ServerOptions struct {
	Options
	Listen string      // "" is DefaultListen; port 0 takes a free one
	TLS    *tls.Config // needed beyond loopback
}

// Server serves the admin API with its guard: see the package's documentation.
type Server struct {
	ln   net.Listener
	http *http.Server
}

// Listen opens the listener and prepares the API on it; Serve serves it. An address
// beyond loopback is refused without TLS and at least one admin key.
func Listen(o ServerOptions) (*Server, error) {
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	h, err := Handler(o.Options)
	if err != nil {
		return nil, fmt.Errorf("cannot make the admin API: %w", err)
	}
	ln, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for the admin API: %w", err)
	}
	remote := !isLoopback(ln.Addr())
	if remote && (o.TLS == nil || !hasAdminKey(o.Keys)) {
		_ = ln.Close() // the reason below is the one to tell
		return nil, fmt.Errorf("the admin API does not listen on %s without TLS and an admin key; listen on %s, or give it a certificate and make a key with `quiver key create --admin-key`", o.Listen, DefaultListen)
	}
	if remote {
		h = requireAdmin(h, o.Keys)
	} else {
		h = requireLocal(h)
	}
	if o.TLS != nil {
		ln = tls.NewListener(ln, o.TLS)
	}
	log := o.Log
	if log == nil {
		log = slog.Default()
	}
	return &Server{ln: ln, http: &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what clients do wrong
	}}, nil
}

// Addr is where the server listens.
func (s *Server) Addr() net.Addr { return s.ln.Addr() }

// Serve serves until Shutdown, which makes it return nil.
func (s *Server) Serve() error {
	if err := s.http.Serve(s.ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot go on serving the admin API: %w", err)
	}
	return nil
}

// Shutdown closes the listener and waits for running calls; when ctx ends first it cuts
// them off and returns ctx's error. Loads that are cut off are aborted.
func (s *Server) Shutdown(ctx context.Context) error {
	// The server may not have been served yet, and then does not know its listener.
	defer s.ln.Close()
	if err := s.http.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("cannot finish all admin calls: %w", err), s.http.Close())
	}
	return nil
}

func isLoopback(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

func hasAdminKey(k *auth.Keys) bool {
	if k == nil {
		return false
	}
	for _, key := range k.List() {
		if key.Admin && (key.Expires.IsZero() || key.Expires.After(time.Now())) {
			return true
		}
	}
	return false
}
