package wire

import (
	"context"
	"encoding/base64"
	"testing"

	"quiver/engine/fail"
)

// head is a request's headers as a map.
type head map[string]string

func (h head) Header(name string) []byte {
	if v, ok := h[name]; ok {
		return []byte(v)
	}
	return nil
}
func (head) Headers(func(_, _ []byte))      {}
func (head) Query(string) []byte            { return nil }
func (head) Queries(func(_, _ []byte))      {}
func (h head) SetHeader(name, value string) { h[name] = value }
func (h head) AddHeader(name, value string) { h[name] += value }

func TestBearerOrBasic(t *testing.T) {
	f := func(header, want string) {
		t.Helper()
		var x Exchange
		x.Reset(context.Background(), "GET", nil, nil, head{"Authorization": header})
		if got := string(BearerOrBasic(&x)); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
	basic := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	f("Bearer abc", "abc")
	f("bearer  abc ", "abc")
	f("Basic "+basic("KEY:"), "KEY")
	f("basic "+basic("KEY:secret"), "KEY")
	f("Basic "+basic("KEY"), "KEY")
	f("Basic ???", "")
	f("Digest abc", "")
	f("abc", "")
	f("", "")
}

// TestReset checks that nothing of one request is left for the next.
func TestReset(t *testing.T) {
	var x Exchange
	x.Reset(context.Background(), "POST", []byte("/a"), []byte("body"), head{})
	for i := range MaxParams {
		if !x.AddParam(string(rune('a'+i)), []byte{byte(i)}) {
			t.Fatalf("parameter %d does not fit", i)
		}
	}
	if x.AddParam("more", nil) {
		t.Error("one parameter too many fits")
	}
	if string(x.Param("b")) != "\x01" || x.Param("nope") != nil {
		t.Errorf("parameters: %q, %q", x.Param("b"), x.Param("nope"))
	}
	x.Status, x.ContentType, x.Out, x.Denied = 500, "text/plain", append(x.Out, "answer"...), fail.Errorf(fail.NoKey, "no")
	memory := cap(x.Out)
	x.Reset(context.Background(), "GET", []byte("/b"), nil, head{})
	if x.Param("b") != nil || x.Status != 0 || x.ContentType != "" || len(x.Out) != 0 || x.Body != nil || x.Denied != nil || x.Principal.Valid() {
		t.Errorf("something is left: %+v", x)
	}
	if cap(x.Out) != memory {
		t.Error("the memory of the answer is not kept")
	}
}

// TestStatus pins the statuses of the codes that clients act on.
func TestStatus(t *testing.T) {
	f := func(c fail.Code, want int) {
		t.Helper()
		if got := Status(c); got != want {
			t.Errorf("code %d: status %d, want %d", c, got, want)
		}
	}
	f(fail.Malformed, 400)
	f(fail.NoKey, 401)
	f(fail.BadKeyFormat, 401)
	f(fail.BadSecret, 401)
	f(fail.Unauthenticated, 401)
	f(fail.Forbidden, 403)
	f(fail.NotFound, 404)
	f(fail.BadMethod, 405)
	f(fail.SlowRequest, 408)
	f(fail.Conflict, 409)
	f(fail.TooLarge, 413)
	f(fail.HeaderTooLarge, 431)
	f(fail.Internal, 500)
	f(fail.Overloaded, 503)
	f(fail.Code(255), 500)
}
