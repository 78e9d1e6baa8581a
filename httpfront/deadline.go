package httpfront

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

// patientListener accepts connections that move their timers seldom. The HTTP library
// sets three deadlines per request, each later than the one before, and moving a timer
// costs as much as looking up a row.
type patientListener struct{ net.Listener }

// Accept implements net.Listener.
func (l patientListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if tcp, ok := c.(*net.TCPConn); ok {
		return &patientConn{Conn: tcp}, err
	}
	return c, err // we know of no others what their timeouts look like
}

// patientConn is a connection whose deadlines are put off without telling the system: a
// timer that goes off too early is set anew to what is wanted by then, and the call it
// interrupted goes on. Deadlines hold as exactly as ever.
type patientConn struct {
	net.Conn
	read, write deadline
}

// Read implements net.Conn.
func (c *patientConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 || !c.read.early(err, c.Conn.SetReadDeadline) {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *patientConn) Write(p []byte) (n int, err error) {
	for {
		var some int
		some, err = c.Conn.Write(p[n:])
		n += some
		if !c.write.early(err, c.Conn.SetWriteDeadline) {
			return n, err
		}
	}
}

// SetReadDeadline implements net.Conn.
func (c *patientConn) SetReadDeadline(t time.Time) error {
	return c.read.want(t, c.Conn.SetReadDeadline)
}

// SetWriteDeadline implements net.Conn.
func (c *patientConn) SetWriteDeadline(t time.Time) error {
	return c.write.want(t, c.Conn.SetWriteDeadline)
}

// SetDeadline implements net.Conn.
func (c *patientConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// deadline is one that is wanted, and the one that is set, which is never later. The
// zero times are none.
type deadline struct {
	mu          sync.Mutex
	wanted, set time.Time
}

// want notes t and sets it unless what is set goes off before.
func (d *deadline) want(t time.Time, set func(time.Time) error) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = t
	if !t.IsZero() && !d.set.IsZero() && !t.Before(d.set) {
		return nil
	}
	d.set = t
	return set(t)
}

// early reports whether err is a deadline that went off before the wanted one, which is
// set now: the call may go on.
func (d *deadline) early(err error, set func(time.Time) error) bool {
	if err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.wanted.IsZero() && !time.Now().Before(d.wanted) {
		return false
	}
	d.set = d.wanted
	return set(d.wanted) == nil
}
