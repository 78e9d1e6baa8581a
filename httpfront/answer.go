package httpfront

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// minGzip is the length from which an answer is worth compressing.
const minGzip = 2 << 10

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
	if e.x.Status == fasthttp.StatusServiceUnavailable {
		r.Header.Set("Retry-After", "1")
	}
	if e.s.o.Gzip && len(e.x.Out) > minGzip {
		r.Header.Set("Vary", "Accept-Encoding")
		if acceptsGzip(e.Header("Accept-Encoding")) {
			e.zip = fasthttp.AppendGzipBytesLevel(e.zip[:0], e.x.Out, fasthttp.CompressBestSpeed)
			e.zip, e.x.Out = e.x.Out, e.zip
			r.Header.Set("Content-Encoding", "gzip")
		}
	}
	if len(e.x.Out) > maxSwapped {
		e.big.rest = e.x.Out
		r.SetBodyStream(&e.big, len(e.x.Out))
		return
	}
	e.x.Out = r.SwapBody(e.x.Out)
	e.end()
}

// acceptsGzip reports whether an Accept-Encoding header asks for gzip. A quality of
// zero refuses it; other qualities do not matter with one coding on offer.
func acceptsGzip(accept []byte) bool {
	for len(accept) > 0 {
		item := accept
		if i := bytes.IndexByte(accept, ','); i >= 0 {
			item, accept = accept[:i], accept[i+1:]
		} else {
			accept = nil
		}
		coding, params := item, []byte(nil)
		if i := bytes.IndexByte(item, ';'); i >= 0 {
			coding, params = item[:i], item[i+1:]
		}
		if string(bytes.TrimSpace(coding)) == "gzip" {
			q := bytes.TrimSpace(params)
			return !bytes.HasPrefix(q, []byte("q=0")) || bytes.ContainsAny(q, "123456789")
		}
	}
	return false
}
