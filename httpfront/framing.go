package httpfront

import (
	"bytes"

	"github.com/valyala/fasthttp"

	"quiver/engine/fail"
)

// maxHeaderLines is how many header lines a request may have.
const maxHeaderLines = 100

// checkFraming refuses what fasthttp lets pass although RFC 9112 forbids it or lets a
// server refuse it, and what a proxy in front could read as another request: versions
// other than 1.0 and 1.1, a length together with a transfer coding, codings other than
// chunked, folded lines, unknown expectations, and a flood of header lines.
func checkFraming(h *fasthttp.RequestHeader) error {
	if p := string(h.Protocol()); p != "HTTP/1.1" && p != "HTTP/1.0" {
		return fail.Errorf(fail.Malformed, "this server speaks HTTP/1.1 and HTTP/1.0")
	}
	raw := h.RawHeaders()
	lines, length, coding := 0, false, false
	for len(raw) > 0 {
		line := raw
		if i := bytes.IndexByte(raw, '\n'); i >= 0 {
			line, raw = raw[:i], raw[i+1:]
		} else {
			raw = nil
		}
		if len(line) < 2 {
			continue // the end of the header
		}
		lines++
		switch line[0] | 0x20 {
		case ' ', '\t' | 0x20:
			return fail.Errorf(fail.Malformed, "a header line is folded")
		case 'c':
			length = length || hasName(line, "content-length")
		case 't':
			if hasName(line, "transfer-encoding") {
				coding = true
				if !bytes.EqualFold(valueOf(line), []byte("chunked")) {
					return fail.Errorf(fail.Malformed, "the only transfer coding is chunked")
				}
			}
		case 'e':
			if hasName(line, "expect") && !bytes.EqualFold(valueOf(line), []byte("100-continue")) {
				return fail.Errorf(fail.Malformed, "the only expectation is 100-continue")
			}
		}
	}
	if lines > maxHeaderLines {
		return fail.Errorf(fail.HeaderTooLarge, "the request has more than %d header lines", maxHeaderLines)
	}
	if length && coding {
		return fail.Errorf(fail.Malformed, "a request has a Content-Length or a Transfer-Encoding, not both")
	}
	return nil
}

// hasName reports whether a header line has the lower-case name.
func hasName(line []byte, name string) bool {
	if len(line) <= len(name) || line[len(name)] != ':' {
		return false
	}
	for i := range name {
		if line[i]|0x20 != name[i] {
			return false
		}
	}
	return true
}

func valueOf(line []byte) []byte {
	return bytes.TrimSpace(line[bytes.IndexByte(line, ':')+1:])
}
