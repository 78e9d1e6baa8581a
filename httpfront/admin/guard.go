package admin

import (
	"net"
	"net/http"
	"net/url"
	"strings"

	"quiver/engine/auth"
	"quiver/engine/fail"
)

// requireLocal lets only requests through that a program of this machine sent on
// purpose. A web page can make a browser send requests here, under a name of its own
// that resolves to 127.0.0.1 or across origins: the first shows in the Host header, the
// second in Origin and Sec-Fetch-Site.
func requireLocal(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !isLoopbackHost(r.Host):
			refuse(w, fail.Errorf(fail.Forbidden, "The admin API answers to localhost and loopback addresses, not to %q.", r.Host))
		case !isLocalOrigin(r.Header.Get("Origin")):
			refuse(w, fail.Errorf(fail.Forbidden, "The admin API does not answer web pages of other origins."))
		case r.Header.Get("Sec-Fetch-Site") == "cross-site":
			refuse(w, fail.Errorf(fail.Forbidden, "The admin API does not answer requests from other sites."))
		default:
			h.ServeHTTP(w, r)
		}
	})
}

// requireAdmin lets only requests with an admin key through.
func requireAdmin(h http.Handler, keys *auth.Keys) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := keys.Verify([]byte(token(r)))
		if err == nil && !p.Admin {
			err = fail.Errorf(fail.Forbidden, "The key %q has no admin rights.", p.Name)
		}
		if err != nil {
			refuse(w, err)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// token finds the key where any of the APIs has it.
func token(r *http.Request) string {
	if t := r.Header.Get("X-API-KEY"); t != "" {
		return t
	}
	if user, _, ok := r.BasicAuth(); ok {
		return user
	}
	scheme, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(rest)
	}
	return ""
}

func refuse(w http.ResponseWriter, err error) {
	status, out := explain(err)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", "Bearer")
	}
	write(w, status, out)
}

// isLoopbackHost reports whether a Host header, with or without a port, means this
// machine.
func isLoopbackHost(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

func isLocalOrigin(origin string) bool {
	if origin == "" {
		return true
	}
	u, err := url.Parse(origin)
	return err == nil && isLoopbackHost(u.Host)
}
