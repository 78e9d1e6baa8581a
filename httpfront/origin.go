package httpfront

import (
	"net"
	"net/url"

	"github.com/valyala/fasthttp"

	"quiver/engine/fail"
)

// checkOrigin keeps web pages from using a server without keys through the browser of
// somebody who can reach it: a browser names the page's origin with every request that
// could do harm, and only pages of this machine may.
func checkOrigin(h *fasthttp.RequestHeader) error {
	origin := h.Peek("Origin")
	if len(origin) == 0 {
		return nil
	}
	u, err := url.Parse(string(origin))
	if err == nil && isLoopbackName(u.Hostname()) {
		return nil
	}
	return fail.Errorf(fail.Forbidden, "A server without keys does not answer web pages of other origins.")
}

// isLoopbackName reports whether a host name or address means this machine.
func isLoopbackName(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
