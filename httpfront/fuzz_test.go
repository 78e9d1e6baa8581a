package httpfront

import (
	"bytes"
	"net/url"
	"strings"
	"testing"

	"github.com/valyala/fasthttp"
)

// FuzzPath checks that a path which is let through means one thing: what the library
// routes on is the plain decoded path with its doubled slashes joined, and nothing in it
// could be read as another segment.
func FuzzPath(f *testing.F) {
	for _, s := range []string{
		"/", "//a//b/", "/a%20b", "/%2e%2e/a", "/a/../b", "/a%2fb", "/a%5cb", "/%00", "/%", "/%g1", "/...", "/a/.", "/..a/b..", "/%c3%a4",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if !strings.HasPrefix(raw, "/") || strings.ContainsAny(raw, "?#") || checkPath([]byte(raw)) != nil {
			return
		}
		var u fasthttp.URI
		if err := u.Parse([]byte("h"), []byte(raw)); err != nil {
			return // refused before it gets here
		}
		if !bytes.Equal(u.PathOriginal(), []byte(raw)) {
			return // an absolute form; its path is judged by itself
		}
		plain, err := url.PathUnescape(raw)
		if err != nil {
			t.Fatalf("%q is let through and cannot be decoded: %v", raw, err)
		}
		for strings.Contains(plain, "//") {
			plain = strings.ReplaceAll(plain, "//", "/")
		}
		want := string(trimPath([]byte(plain)))
		if got := string(trimPath(u.Path())); got != want {
			t.Errorf("%q is routed as %q, want %q", raw, got, want)
		}
		for seg := range strings.SplitSeq(want, "/") {
			if seg == "." || seg == ".." || strings.ContainsAny(seg, "\\\x00\r\n") {
				t.Errorf("%q is let through with the segment %q", raw, seg)
			}
		}
	})
}

// FuzzGzipHeader checks that no Accept-Encoding header breaks its reader and that a
// header without the word is no consent.
func FuzzGzipHeader(f *testing.F) {
	for _, s := range []string{"gzip", "gzip;q=0", "deflate, gzip;q=1.0", ",;,", "*"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		if acceptsGzip([]byte(header)) && !strings.Contains(header, "gzip") {
			t.Errorf("%q is taken for consent to gzip", header)
		}
	})
}
