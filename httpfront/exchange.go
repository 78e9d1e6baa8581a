package httpfront

import (
	"io"

	"github.com/valyala/fasthttp"

	"quiver/engine/auth"
	"quiver/httpfront/wire"
)

const (
	// maxPooled is the largest buffer that goes back into the pool.
	maxPooled = 1 << 20
	// maxSwapped is the largest answer whose memory is exchanged with the
	// connection's; a connection keeps that much while it idles.
	maxSwapped = 64 << 10
)

// exchange is everything one request needs, pooled.
type exchange struct {
	x    wire.Exchange
	ctx  *fasthttp.RequestCtx
	s    *Server
	body []byte   // memory of the request's body
	held int64    // bytes of it that count against MaxHeldBytes
	zip  zipped   // memory of a compressed answer
	caps captures // of the route's parameters
	big  bigAnswer
	keys auth.Memo // of the last request's key
}

// Header, Query, Queries and SetHeader make an exchange the wire.Head of its own x.
func (e *exchange) Header(name string) []byte { return e.ctx.Request.Header.Peek(name) }

func (e *exchange) Headers(f func(name, value []byte)) {
	for name, value := range e.ctx.Request.Header.All() {
		f(name, value)
	}
}
func (e *exchange) Query(name string) []byte { return e.ctx.QueryArgs().Peek(name) }
func (e *exchange) Queries(f func(name, value []byte)) {
	for name, value := range e.ctx.QueryArgs().All() {
		f(name, value)
	}
}

// SetHeader sets a header under its name as it is spelled: APIs document DSS-Version.
func (e *exchange) SetHeader(name, value string) {
	e.ctx.Response.Header.SetCanonical([]byte(name), []byte(value))
}
func (e *exchange) AddHeader(name, value string) { e.ctx.Response.Header.Add(name, value) }

// begin takes an exchange for ctx from the pool. The path is that of the request, as it
// will be routed; the body is not read yet.
func (s *Server) begin(ctx *fasthttp.RequestCtx, path []byte) *exchange {
	e, ok := s.pool.Get().(*exchange)
	if !ok {
		e = &exchange{s: s}
		e.big.e = e
	}
	e.ctx = ctx
	e.x.Reset(s.ctx, "", path, nil, e)
	return e
}

// end gives the exchange back to the pool.
func (e *exchange) end() {
	e.ctx = nil
	e.release()
	if cap(e.body) > maxPooled {
		e.body = nil
	}
	if cap(e.zip) > maxPooled {
		e.zip = nil
	}
	if cap(e.x.Out) > maxPooled {
		e.x.Out = nil
	}
	clear(e.caps[:])
	e.x.Reset(e.s.ctx, "", nil, nil, nil) // keep nothing of the request alive
	e.s.pool.Put(e)
}

// bigAnswer hands an answer that is too large to exchange memory for to fasthttp, which
// writes it once and closes it; only then the exchange goes back to the pool.
type bigAnswer struct {
	e    *exchange
	rest []byte
}

// Read makes bigAnswer an io.Reader; fasthttp prefers WriteTo.
func (b *bigAnswer) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

// WriteTo writes all of the answer.
func (b *bigAnswer) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(b.rest)
	b.rest = b.rest[n:]
	return int64(n), err
}

// Close ends the exchange.
func (b *bigAnswer) Close() error {
	b.rest = nil
	b.e.end()
	return nil
}
