package bench

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// server is a small HTTP server whose answers, delays and faults a test decides.
type server struct {
	addr   string
	answer func(n uint64) reply // for the n-th request of all connections, from 0
	mu     sync.Mutex
	n      uint64
	bodies []string // of the requests, up to 1000
}

// reply is what to do with one request.
type reply struct {
	wait   time.Duration
	status int    // 0 is 200
	body   string // of the answer
	raw    string // sent instead of an answer
	hangUp bool   // close the connection without an answer
}

func serve(t *testing.T, answer func(n uint64) reply) *server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{addr: ln.Addr().String(), answer: answer}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				s.talk(c)
			})
		}
	})
	return s
}

func (s *server) talk(c net.Conn) {
	in := bufio.NewReader(c)
	for {
		length := 0
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				length, _ = strconv.Atoi(strings.TrimSpace(v))
			}
			if line == "\r\n" {
				break
			}
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(in, body); err != nil {
			return
		}
		s.mu.Lock()
		n := s.n
		s.n++
		if len(s.bodies) < 1000 {
			s.bodies = append(s.bodies, string(body))
		}
		s.mu.Unlock()
		r := s.answer(n)
		time.Sleep(r.wait)
		if r.hangUp {
			return
		}
		if r.status == 0 {
			r.status = 200
		}
		if r.raw == "" {
			r.raw = fmt.Sprintf("HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s", r.status, len(r.body), r.body)
		}
		if _, err := io.WriteString(c, r.raw); err != nil {
			return
		}
	}
}

func (s *server) requests() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.n
}

// numbered is a Source whose request i carries i, and whose answer must be want.
type numbered struct{ want string }

func (numbered) Append(dst []byte, i uint64) []byte {
	return AppendPost(dst, "test", "/", "", strconv.AppendUint(nil, i, 10))
}

func (s numbered) Check(_ uint64, body []byte) error { return Compare(body, []byte(s.want)) }

// serveFixed answers everything that arrives in one piece with the same bytes and
// allocates nothing for it.
func serveFixed(t *testing.T, answer string) (addr string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	t.Cleanup(func() {
		_ = ln.Close()
		wg.Wait()
	})
	out := []byte(answer)
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				in := make([]byte, 4096)
				for {
					if _, err := c.Read(in); err != nil {
						return
					}
					if _, err := c.Write(out); err != nil {
						return
					}
				}
			})
		}
	})
	return ln.Addr().String()
}
