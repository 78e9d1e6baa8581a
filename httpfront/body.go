package httpfront

import (
	"bytes"
	"errors"
	"io"
	"net"

	"github.com/klauspost/compress/gzip"

	"quiver/engine/fail"
)

const (
	firstBody = 4 << 10  // bytes a body's memory begins with
	freeBody  = 64 << 10 // bytes of a body that do not count against MaxHeldBytes
)

// readBody reads the request's body into e.body as it arrives: memory grows with what
// was received, never with what was declared. The errors are *fail.Error.
//
// Of a chunked body whose connection ends exactly between two chunks, fasthttp says the
// same as of a whole one. The bodies of all our APIs are JSON, which tells its own end,
// so a cut one is refused where it is parsed.
func (e *exchange) readBody() error {
	limit := e.s.o.MaxBodyBytes
	declared := e.ctx.Request.Header.ContentLength() // -1 is chunked, -2 is none
	if declared > limit {
		return errTooLarge(limit)
	}
	stream := e.ctx.RequestBodyStream()
	if stream == nil {
		return nil // no body
	}
	b, err := e.fill(e.body[:0], stream, declared, limit, 0)
	e.body = b[:0]
	switch {
	case err != nil:
		return err
	case declared >= 0 && len(b) != declared:
		return fail.Errorf(fail.Malformed, "the body ends before its declared length")
	case isZipped(b) && bytes.EqualFold(e.Header("Content-Encoding"), []byte("gzip")):
		return e.unzip(b, limit)
	}
	e.x.Body = b
	return nil
}

// fill reads r to its end into b, which grows. besides is the size of what else the
// request holds. The memory is returned after errors, too.
func (e *exchange) fill(b []byte, r io.Reader, declared, limit, besides int) ([]byte, error) {
	for {
		if len(b) == cap(b) {
			grown, err := e.grow(b, declared, limit, besides)
			if err != nil {
				return b, err
			}
			b = grown
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		switch {
		case len(b) > limit:
			return b, errTooLarge(limit)
		case err == nil:
		case errors.Is(err, io.EOF):
			return b, nil
		default:
			return b, bodyError(err)
		}
	}
}

// grow returns b with room for more: twice as much, but no more than the body may
// still need. The one byte beyond that is where a body that exceeds the limit shows,
// and saves the others a last, futile growth.
func (e *exchange) grow(b []byte, declared, limit, besides int) ([]byte, error) {
	size := max(2*cap(b), firstBody)
	if declared >= firstBody {
		size = min(size, declared+1)
	}
	size = min(size, limit+1)
	if add := int64(size + besides - freeBody); add > e.held {
		if e.s.count.held.Add(add-e.held) > e.s.o.MaxHeldBytes {
			e.s.count.held.Add(e.held - add)
			return nil, fail.Errorf(fail.Overloaded, "the server holds too many large requests; try again later")
		}
		e.held = add
	}
	grown := make([]byte, len(b), size)
	copy(grown, b)
	return grown, nil
}

// isZipped reports whether a body begins as gzip does, and nothing else that our APIs
// take.
func isZipped(b []byte) bool { return len(b) > 2 && b[0] == 0x1f && b[1] == 0x8b }

// unzip makes what a compressed body holds the body; the limit is that of a plain one.
func (e *exchange) unzip(packed []byte, limit int) error {
	z, ok := e.s.unzips.Get().(*gzip.Reader)
	if !ok {
		z = &gzip.Reader{}
	}
	src := bytes.NewReader(packed)
	defer func() {
		src.Reset(nil) // keep nothing of the exchange alive
		e.s.unzips.Put(z)
	}()
	if err := z.Reset(src); err != nil {
		return bodyError(err)
	}
	b, err := e.fill(nil, z, -1, limit, cap(packed))
	if err != nil {
		return err
	}
	e.body, e.x.Body = b[:0], b
	return nil
}

// release gives back what the body held of MaxHeldBytes.
func (e *exchange) release() {
	if e.held > 0 {
		e.s.count.held.Add(-e.held)
		e.held = 0
	}
}

func errTooLarge(limit int) error {
	return fail.Errorf(fail.TooLarge, "Request too large: a body has at most %d bytes.", limit)
}

func bodyError(err error) error {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fail.Errorf(fail.SlowRequest, "The request did not arrive in time.")
	}
	return fail.Wrap(fail.Malformed, err, "The body cannot be read.")
}

// discard reads away what nobody read of the body, so that a client that is still
// sending sees the answer and the connection can be used again. It gives up after a
// body's worth of bytes and has the connection closed: fasthttp would take what is
// left for the next request.
func (e *exchange) discard() {
	stream := e.ctx.RequestBodyStream()
	if stream == nil {
		return
	}
	declared := e.ctx.Request.Header.ContentLength()
	if declared > 2*e.s.o.MaxBodyBytes {
		e.ctx.SetConnectionClose()
		return
	}
	if cap(e.body) < firstBody {
		e.body = make([]byte, firstBody)
	}
	b := e.body[:cap(e.body)]
	for left := 2 * e.s.o.MaxBodyBytes; left > 0; {
		n, err := stream.Read(b)
		left -= n
		switch {
		case errors.Is(err, io.EOF):
			return
		case err != nil:
			left = 0
		}
	}
	e.ctx.SetConnectionClose()
}
