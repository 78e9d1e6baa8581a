package bench

import (
	"errors"
	"testing"
)

func TestParseHead(t *testing.T) {
	f := func(text string, want head, wantErr error) {
		t.Helper()
		got, ok, err := parseHead([]byte(text))
		if !errors.Is(err, wantErr) || ok != (wantErr == nil) {
			t.Fatalf("parseHead(%q) = ok %v, error %v, want error %v", text, ok, err, wantErr)
		}
		if wantErr == nil && got != want {
			t.Fatalf("parseHead(%q) = %+v, want %+v", text, got, want)
		}
		if wantErr != nil {
			return
		}
		for i := range want.size { // nothing is concluded from a part
			if _, ok, err := parseHead([]byte(text[:i])); ok || err != nil && i > 12 {
				t.Fatalf("parseHead(%q) = ok %v, %v, want incomplete", text[:i], ok, err)
			}
		}
	}
	f("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n", head{size: 39, status: 200, body: 12}, nil)
	f("HTTP/1.1 200 OK\r\ncontent-length:7\r\nServer: x\r\n\r\nbody", head{size: 48, status: 200, body: 7}, nil)
	f("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", head{size: 64, status: 404, close: true}, nil)
	f("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", head{size: 38, status: 200, close: true}, nil)
	f("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n", head{size: 62, status: 200}, nil)
	f("HTTP/1.1 204 No Content\r\n\r\n", head{size: 27, status: 204}, nil)
	f("HTTP/1.1 200 OK\r\nContent-Type: a\r\n\r\n", head{}, errNoLength)
	f("HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", head{}, errLength)
	f("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", head{}, errLength)
	f("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", head{}, errChunked)
	f("HTTP/1.1 100 Continue\r\n\r\n", head{}, errInterim)
	f("SSH-2.0-OpenSSH_9.2p1\r\n\r\n", head{}, errStatusLine)
	f("HTTP/1.1 2x0 OK\r\n\r\n", head{}, errStatusLine)
	f("HTTP/2.0 200\r\n\r\n", head{}, errStatusLine)
}

func FuzzParseHead(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 12\r\nConnection: close\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 204 x\n\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, ok, err := parseHead(b)
		if ok && (err != nil || h.size > len(b) || h.body < 0 || h.status < 200 || h.status > 999) {
			t.Fatalf("parseHead(%q) = %+v, %v", b, h, err)
		}
	})
}
