package httpfront

import (
	"errors"
	"io"
	"net"

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
	b := e.body[:0]
	defer func() { e.body = b[:0] }()
	for {
		if len(b) == cap(b) {
			grown, err := e.grow(b, declared, limit)
			if err != nil {
				return err
			}
			b = grown
		}
		n, err := stream.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if len(b) > limit {
			return errTooLarge(limit)
		}
		if err == nil {
			continue
		}
		if !errors.Is(err, io.EOF) {
			return bodyError(err)
		}
		if declared >= 0 && len(b) != declared {
			return fail.Errorf(fail.Malformed, "the body ends before its declared length")
		}
		e.x.Body = b
		return nil
	}
}

// grow returns b with room for more: twice as much, but no more than the body may
// still need. The one byte beyond that is where a body that exceeds the limit shows,
// and saves the others a last, futile growth.
func (e *exchange) grow(b []byte, declared, limit int) ([]byte, error) {
	size := max(2*cap(b), firstBody)
	if declared >= firstBody {
		size = min(size, declared+1)
	}
	size = min(size, limit+1)
	if add := int64(size - freeBody); add > e.held {
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
