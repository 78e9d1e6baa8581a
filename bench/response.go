package bench

import (
	"bytes"
	"errors"
)

// head is what the generator needs of an answer's header.
type head struct {
	size   int // bytes up to and including the empty line
	status int
	body   int  // Content-Length
	close  bool // the server closes the connection after this answer
}

var (
	errStatusLine = errors.New("the answer does not begin with an HTTP/1.1 status line")
	errLength     = errors.New("the answer has a malformed Content-Length")
	errChunked    = errors.New("the answer is chunked; only answers with a Content-Length are supported")
	errNoLength   = errors.New("the answer has no Content-Length")
	errInterim    = errors.New("the answer has an interim status that was not asked for")
)

// parseHead reads the header at the beginning of b. ok is false while it is not
// complete. It allocates nothing.
func parseHead(b []byte) (h head, ok bool, err error) {
	end := bytes.IndexByte(b, '\n')
	if end < 0 {
		return h, false, nil
	}
	// "HTTP/1.1 200 OK\r"
	line := b[:end]
	if len(line) < 13 || string(line[:7]) != "HTTP/1." || line[8] != ' ' {
		return h, false, errStatusLine
	}
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return h, false, errStatusLine
		}
		h.status = 10*h.status + int(c-'0')
	}
	if h.status < 200 {
		return h, false, errInterim
	}
	h.close = line[7] == '0'
	h.body = -1
	at := end + 1
	for {
		end := bytes.IndexByte(b[at:], '\n')
		if end < 0 {
			return h, false, nil
		}
		line := b[at : at+end]
		at += end + 1
		if len(line) <= 1 {
			break
		}
		switch line[0] | 0x20 {
		case 'c':
			if v, found := field(line, "content-length"); found {
				if h.body, err = length(v); err != nil {
					return h, false, err
				}
			} else if v, found := field(line, "connection"); found {
				h.close = bytes.EqualFold(v, []byte("close")) || h.close && !bytes.EqualFold(v, []byte("keep-alive"))
			}
		case 't':
			if _, found := field(line, "transfer-encoding"); found {
				return h, false, errChunked
			}
		}
	}
	h.size = at
	if h.body < 0 {
		if h.status != 204 && h.status != 304 {
			return h, false, errNoLength
		}
		h.body = 0
	}
	return h, true, nil
}

// field returns the value of a header line if it has the lower-case name.
func field(line []byte, name string) (value []byte, ok bool) {
	if len(line) <= len(name) || line[len(name)] != ':' {
		return nil, false
	}
	for i := range name {
		if c := line[i]; c != name[i] && c|0x20 != name[i] {
			return nil, false
		}
	}
	return bytes.TrimSpace(line[len(name)+1:]), true
}

func length(v []byte) (int, error) {
	if len(v) == 0 || len(v) > 12 {
		return 0, errLength
	}
	n := 0
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, errLength
		}
		n = 10*n + int(c-'0')
	}
	return n, nil
}
