package bench

import (
	"fmt"
	"strconv"
)

// Source writes the requests of a run. Both methods are pure functions of the number,
// so that any number of threads may call them at once and runs repeat exactly.
type Source interface {
	// Append appends request number i, header and body, to dst and returns it.
	// It should not allocate.
	Append(dst []byte, i uint64) []byte
	// Check says what is wrong with the body of the 2xx answer to request number
	// i, nil when nothing is. The body dies when Check returns.
	Check(i uint64, body []byte) error
}

// Fixed is a Source that sends the same bytes again and again.
type Fixed struct {
	Request []byte
	// Want is the body that every answer must have; nil accepts any.
	Want []byte
}

// Append appends the request.
func (f *Fixed) Append(dst []byte, _ uint64) []byte { return append(dst, f.Request...) }

// Check compares the body with Want.
func (f *Fixed) Check(_ uint64, body []byte) error {
	if f.Want == nil {
		return nil
	}
	return Compare(body, f.Want)
}

// Compare says where body first differs from want, nil when they are equal.
func Compare(body, want []byte) error {
	if string(body) == string(want) {
		return nil
	}
	at := 0
	for at < len(body) && at < len(want) && body[at] == want[at] {
		at++
	}
	return fmt.Errorf("the answer differs from what was expected at byte %d: got %q, want %q", at, excerpt(body, at), excerpt(want, at))
}

// excerpt returns some bytes of b around at.
func excerpt(b []byte, at int) []byte {
	return b[max(0, min(at-20, len(b))):min(len(b), at+40)]
}

// AppendPost appends a POST request with a JSON body to dst. extra is header lines,
// each ending in CRLF, or empty.
func AppendPost(dst []byte, host, path, extra string, body []byte) []byte {
	dst = AppendPostHead(dst, host, path, extra)
	dst = AppendLength(dst, len(body))
	return append(dst, body...)
}

// AppendPostHead appends the part of a POST request that does not depend on its body.
func AppendPostHead(dst []byte, host, path, extra string) []byte {
	dst = append(dst, "POST "...)
	dst = append(dst, path...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	dst = append(dst, host...)
	dst = append(dst, "\r\nContent-Type: application/json\r\n"...)
	return append(dst, extra...)
}

// AppendLength ends the head of a request with the length of its body.
func AppendLength(dst []byte, n int) []byte {
	dst = append(dst, "Content-Length: "...)
	dst = strconv.AppendInt(dst, int64(n), 10)
	return append(dst, "\r\n\r\n"...)
}
