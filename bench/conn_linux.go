package bench

import (
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// connState is what a connection is doing.
type connState uint8

const (
	connClosed connState = iota // until retryAt
	connConnecting
	connIdle
	connBusy // sending a request or awaiting its answer
)

// conn is one connection and the request on it. Times are nanoseconds of the worker's
// clock.
type conn struct {
	id    int
	fd    int
	state connState

	out     []byte // the request
	written int
	in      []byte // memory of the answer
	read    int
	head    head // of the answer; head.size 0 while it is not complete

	number   uint64 // of the request
	intended int64  // when it was meant to be sent
	sent     int64  // when it was
	began    int64  // when the present state began, for timeouts
	slot     uint64 // next slot of the schedule, when every connection has its own

	retryAt int64
	backoff time.Duration
}

const (
	firstAnswer  = 16 << 10 // bytes an answer's memory begins with
	firstBackoff = 10 * time.Millisecond
	lastBackoff  = time.Second
)

// target is a resolved server address. Connecting writes into addr, so every thread
// resolves its own.
type target struct {
	family int
	addr   unix.Sockaddr
}

func resolve(addr string) (target, error) {
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return target{}, fmt.Errorf("cannot find the server %s: %w", addr, err)
	}
	if v4 := a.IP.To4(); v4 != nil {
		return target{unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte(v4)}}, nil
	}
	if a.IP == nil {
		return target{unix.AF_INET, &unix.SockaddrInet4{Port: a.Port, Addr: [4]byte{127, 0, 0, 1}}}, nil
	}
	return target{unix.AF_INET6, &unix.SockaddrInet6{Port: a.Port, Addr: [16]byte(a.IP.To16())}}, nil
}

// connect starts connecting; the socket becomes writable when that has ended.
func (c *conn) connect(t target) error {
	fd, err := unix.Socket(t.family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("cannot make a socket: %w", err)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1); err != nil {
		_ = unix.Close(fd)
		return fmt.Errorf("cannot set TCP_NODELAY: %w", err)
	}
	if err := unix.Connect(fd, t.addr); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		_ = unix.Close(fd)
		return fmt.Errorf("cannot connect: %w", err)
	}
	c.fd, c.state = fd, connConnecting
	return nil
}

// connected ends what connect started.
func (c *conn) connected() error {
	code, err := unix.GetsockoptInt(c.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	if err != nil {
		return fmt.Errorf("cannot connect: %w", err)
	}
	c.backoff = 0
	return nil
}

// close ends the connection; it may be made again from retryAt on.
func (c *conn) close(now int64) {
	if c.state != connClosed {
		_ = unix.Close(c.fd)
	}
	c.state = connClosed
	c.retryAt = now + int64(c.backoff)
	c.backoff = min(max(2*c.backoff, firstBackoff), lastBackoff)
}

// write sends what is left of the request; done is false while the socket is full.
func (c *conn) write() (done bool, err error) {
	for c.written < len(c.out) {
		n, err := unix.Write(c.fd, c.out[c.written:])
		switch {
		case err == nil:
			c.written += n
		case errors.Is(err, unix.EAGAIN):
			return false, nil
		case !errors.Is(err, unix.EINTR):
			return false, fmt.Errorf("cannot send: %w", err)
		}
	}
	return true, nil
}

var (
	errEOF   = errors.New("the server closed the connection before its answer was complete")
	errExtra = errors.New("the server sent more than one answer")
)

// receive reads once; done is true when the answer is complete: its body is then
// c.in[c.head.size:c.read].
func (c *conn) receive(limit int) (done bool, kind ErrorKind, err error) {
	if c.read == len(c.in) {
		c.in = append(c.in, make([]byte, max(len(c.in), firstAnswer))...)
	}
	n, err := unix.Read(c.fd, c.in[c.read:])
	switch {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return false, 0, nil
	case err != nil:
		return false, ErrReceive, fmt.Errorf("cannot receive: %w", err)
	case n == 0:
		return false, ErrReceive, errEOF
	}
	c.read += n
	if c.head.size == 0 {
		h, ok, err := parseHead(c.in[:c.read])
		if err != nil {
			return false, ErrFraming, err
		}
		if !ok && c.read < maxHead {
			return false, 0, nil
		}
		if !ok || h.body > limit {
			return false, ErrFraming, fmt.Errorf("the answer has more than %d bytes of header or %d of body", maxHead, limit)
		}
		c.head = h
		if whole := h.size + h.body; whole > len(c.in) {
			c.in = append(c.in, make([]byte, whole-len(c.in))...)
		}
	}
	switch whole := c.head.size + c.head.body; {
	case c.read < whole:
		return false, 0, nil
	case c.read > whole:
		return false, ErrFraming, errExtra
	}
	return true, 0, nil
}

// maxHead is the greatest header of an answer that is read, in bytes.
const maxHead = 64 << 10
