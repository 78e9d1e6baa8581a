package httpfront

import "github.com/valyala/fasthttp"

// answer hands the exchange's answer to fasthttp and ends the exchange, at once or when
// the answer has been written. No byte of it is copied.
func (e *exchange) answer() {
	r := &e.ctx.Response
	r.SetStatusCode(e.x.Status)
	if e.x.ContentType != "" {
		r.Header.SetContentType(e.x.ContentType)
	} else {
		r.Header.SetContentType("application/json")
	}
	if e.x.Status == fasthttp.StatusServiceUnavailable && len(r.Header.Peek("Retry-After")) == 0 {
		r.Header.Set("Retry-After", "1")
	}
	if e.s.o.Gzip && len(e.x.Out) > minGzip {
		e.compress()
	}
	if len(e.x.Out) > maxSwapped {
		e.big.rest = e.x.Out
		r.SetBodyStream(&e.big, len(e.x.Out))
		return
	}
	e.x.Out = r.SwapBody(e.x.Out)
	e.end()
}
