package function

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

// door is where one worker that speaks over a socket comes in. Others of this machine may
// knock: only the one that says the token is let in, and then the door is closed for good.
type door struct {
	listener *net.TCPListener
	token    string
}

// tokenTime is how long one visitor may take to say the token.
const tokenTime = time.Second

func newDoor() (*door, error) {
	l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, fmt.Errorf("cannot listen for a worker: %w", err)
	}
	return &door{l, rand.Text()}, nil
}

func (d *door) port() int { return d.listener.Addr().(*net.TCPAddr).Port }

// address is what the worker is told: the port and the token.
func (d *door) address() string {
	return fmt.Sprintf("%d:%s", d.port(), d.token)
}

// await lets the worker in, and closes the door. It gives up at the deadline and when the
// process ends.
func (d *door) await(p *process, deadline time.Time) error {
	defer func() { _ = d.listener.Close() }()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-p.done:
			_ = d.listener.SetDeadline(past)
		case <-stop:
		}
	}()
	_ = d.listener.SetDeadline(deadline)
	if p.ended() {
		return errUnsent
	}
	for {
		conn, err := d.listener.AcceptTCP()
		if err != nil {
			if p.ended() {
				return errUnsent
			}
			return fmt.Errorf("the worker does not connect: %w", err)
		}
		said := make([]byte, len(d.token))
		_ = conn.SetReadDeadline(time.Now().Add(tokenTime))
		_, err = io.ReadFull(conn, said)
		if err != nil || subtle.ConstantTimeCompare(said, []byte(d.token)) != 1 {
			_ = conn.Close()
			continue
		}
		return p.attach(conn)
	}
}

// attach makes a connection the process's way in and out.
func (p *process) attach(conn *net.TCPConn) error {
	err := errors.Join(conn.SetReadDeadline(time.Time{}), conn.SetNoDelay(true))
	if err != nil {
		_ = conn.Close()
		return fmt.Errorf("cannot talk to the worker: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests, p.answers = conn, conn
	return nil
}
