package httpfront

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

// Server serves dialects on one listener. Make it with New, then Listen and Serve, or
// ServeOn a listener of your own; Shutdown ends it. It serves once.
type Server struct {
	o      Options
	router *router
	front  wire.Dialect // the probes, and the shape when there is no dialect
	count  counters
	fast   *fasthttp.Server
	pool   sync.Pool // of *exchange
	zips   sync.Pool // of *gzip.Writer
	unzips sync.Pool // of *gzip.Reader

	ctx      context.Context // of every exchange; cancelled when Shutdown stops waiting
	cancel   context.CancelFunc
	draining atomic.Bool

	mu sync.Mutex // guards ln
	ln net.Listener
}

// writeBuffer holds the header and body of most answers, a hundred vectors included, so
// that they leave in one system call instead of two: a fifth less time for a batch. A
// connection has one from its first answer on.
const writeBuffer = 32 << 10

// New checks the options and compiles the routes. It opens nothing.
func New(o Options) (*Server, error) {
	if err := o.setDefaults(); err != nil {
		return nil, fmt.Errorf("cannot make the HTTP server: %w", err)
	}
	s := &Server{o: o}
	s.front = s.probes()
	dialects := append(append([]wire.Dialect{}, o.Dialects...), s.front)
	var err error
	if s.router, err = newRouter(dialects, &s.count); err != nil {
		return nil, fmt.Errorf("cannot make the HTTP server: %w", err)
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.fast = &fasthttp.Server{
		Handler:        s.serve,
		HeaderReceived: s.headerReceived,
		ErrorHandler:   s.fastError,
		ExpectHandler:  s.expect,

		ReadTimeout:        o.ReadTimeout,
		WriteTimeout:       o.WriteTimeout,
		IdleTimeout:        o.IdleTimeout,
		ReadBufferSize:     o.MaxHeaderBytes,
		WriteBufferSize:    writeBuffer,
		MaxRequestBodySize: o.MaxBodyBytes,
		StreamRequestBody:  true, // see doc.go
		Concurrency:        o.MaxConns,
		MaxConnsPerIP:      o.MaxConnsPerIP,
		TCPKeepalive:       true,
		CloseOnShutdown:    true,

		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		DisablePreParseMultipartForm: true,
		SecureErrorLogMessage:        true, // no request text, and so no key, in messages
		Logger:                       fastLogger{o.Log},
	}
	return s, nil
}

// Listen opens the listener that Options.Listen names; Serve serves it.
func (s *Server) Listen() error {
	ln, err := net.Listen("tcp", s.o.Listen)
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	if err := s.take(ln); err != nil {
		_ = ln.Close() // the first error is the one to tell
		return err
	}
	return nil
}

// take makes ln the server's listener.
func (s *Server) take(ln net.Listener) error {
	if tcp, ok := ln.Addr().(*net.TCPAddr); ok && s.o.Keys == nil && !tcp.IP.IsLoopback() {
		return fmt.Errorf("cannot serve %s without API keys: only a loopback address may do without; listen on 127.0.0.1 or use keys", tcp)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln != nil {
		return errors.New("the HTTP server has a listener already")
	}
	s.ln = ln
	return nil
}

// Addr is the address of the listener, nil before there is one.
func (s *Server) Addr() net.Addr {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ln == nil {
		return nil
	}
	return s.ln.Addr()
}

// Serve serves the listener that Listen opened, until Shutdown, which makes it return
// nil.
func (s *Server) Serve() error {
	s.mu.Lock()
	ln := s.ln
	s.mu.Unlock()
	if ln == nil {
		return errors.New("cannot serve: Listen comes first")
	}
	ln = patientListener{ln}
	if s.o.TLS != nil {
		ln = tls.NewListener(ln, s.o.TLS)
	}
	if err := s.fast.Serve(ln); err != nil {
		return fmt.Errorf("cannot go on serving: %w", err)
	}
	return nil
}

// ServeOn serves a listener of the caller's, which the server owns from then on.
func (s *Server) ServeOn(ln net.Listener) error {
	if err := s.take(ln); err != nil {
		return err
	}
	return s.Serve()
}

// Shutdown ends the server without failing a request: /ready turns to 503 and answers
// close their connections, new connections are still served for DrainDelay, then the
// listener closes and running requests finish. It returns when all connections are
// gone, or with ctx's error when that ends first; the contexts of requests still
// running are cancelled then.
func (s *Server) Shutdown(ctx context.Context) error {
	s.draining.Store(true)
	defer s.cancel()
	delay := time.NewTimer(s.o.DrainDelay)
	defer delay.Stop()
	select {
	case <-delay.C:
	case <-ctx.Done():
	}
	s.mu.Lock()
	ln := s.ln
	s.mu.Unlock()
	if ln == nil {
		return nil
	}
	err := s.fast.ShutdownWithContext(ctx)
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	// fasthttp closes only the listeners it was already serving.
	if cerr := ln.Close(); cerr != nil && !errors.Is(cerr, net.ErrClosed) && err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("cannot finish all requests: %w", err)
	}
	return nil
}

// headerReceived keeps fasthttp from waiting for the first 8 KiB of a body that will be
// refused for its declared length.
func (s *Server) headerReceived(h *fasthttp.RequestHeader) (c fasthttp.RequestConfig) {
	if h.ContentLength() > s.o.MaxBodyBytes {
		c.MaxRequestBodySize = 1
	}
	return c
}

// expect answers requests that ask before they send their body: those that declare too
// much are refused before they do.
func (s *Server) expect(ctx *fasthttp.RequestCtx) int {
	if ctx.Request.Header.ContentLength() <= s.o.MaxBodyBytes {
		return fasthttp.StatusContinue
	}
	s.refuse(ctx, errTooLarge(s.o.MaxBodyBytes))
	return ctx.Response.StatusCode()
}

// fastError answers a request that fasthttp could not read. When not even the header
// could be read the path is lost, and the first dialect answers.
func (s *Server) fastError(ctx *fasthttp.RequestCtx, err error) {
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.As(err, &small):
		err = fail.Errorf(fail.HeaderTooLarge, "The request's header has more than %d bytes.", s.o.MaxHeaderBytes)
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		err = errTooLarge(s.o.MaxBodyBytes)
	default:
		if err = bodyError(err); fail.AsError(err).Code == fail.Malformed {
			err = fail.Errorf(fail.Malformed, "The request is not valid HTTP.")
		}
	}
	s.refuse(ctx, err)
}

// fastLogger writes fasthttp's messages to the server's log.
type fastLogger struct{ log *slog.Logger }

// Printf implements fasthttp.Logger. What clients do wrong is counted by status; as
// warnings it would let them fill the log.
func (l fastLogger) Printf(format string, args ...any) {
	level := slog.LevelWarn
	if strings.HasPrefix(format, "error when serving connection") {
		level = slog.LevelDebug
	}
	l.log.Log(context.Background(), level, "http: "+fmt.Sprintf(format, args...))
}
