package httpfront

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// countingConn counts how often timers are moved.
type countingConn struct {
	net.Conn
	sets int
}

func (c *countingConn) SetReadDeadline(t time.Time) error {
	c.sets++
	return c.Conn.SetReadDeadline(t)
}

func (c *countingConn) SetWriteDeadline(t time.Time) error {
	c.sets++
	return c.Conn.SetWriteDeadline(t)
}

// pair returns both ends of a connection over loopback, the first of them patient.
func pair(t *testing.T) (*patientConn, *countingConn, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	far, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	near, err := patientListener{ln}.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = near.Close(), far.Close() })
	c, ok := near.(*patientConn)
	if !ok {
		t.Fatalf("a %T was accepted", near)
	}
	counting := &countingConn{Conn: c.Conn}
	c.Conn = counting
	return c, counting, far
}

const (
	soon = 20 * time.Millisecond
	late = time.Hour
)

// TestDeadlines: deadlines that are put off cost the system nothing, and hold.
func TestDeadlines(t *testing.T) {
	c, counting, far := pair(t)
	for range 1000 { // as for a request each
		for _, err := range []error{
			c.SetReadDeadline(time.Now().Add(late)), c.SetReadDeadline(time.Now().Add(late)), c.SetWriteDeadline(time.Now().Add(late)),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if counting.sets != 2 {
		t.Errorf("1000 requests set %d timers, want one to read and one to write", counting.sets)
	}
	read := func(want error) {
		t.Helper()
		if _, err := c.Read(make([]byte, 1)); !errors.Is(err, want) {
			t.Fatalf("Read ends with %v, want %v", err, want)
		}
	}
	send := func() {
		time.Sleep(5 * soon)
		_, _ = far.Write([]byte{1}) // Read says if it fails
	}
	at := time.Now().Add(soon)
	_ = c.SetReadDeadline(at) // before what is set
	read(os.ErrDeadlineExceeded)
	if time.Now().Before(at) {
		t.Error("a read was ended before its deadline")
	}
	_ = c.SetReadDeadline(time.Now().Add(late)) // what is set has gone off
	go send()
	read(nil)
	_ = c.SetReadDeadline(time.Now().Add(soon))
	_ = c.SetReadDeadline(time.Now().Add(late)) // what is set goes off while the read waits
	go send()
	read(nil)
	_ = c.SetReadDeadline(time.Now().Add(soon))
	_ = c.SetReadDeadline(time.Time{})
	go send()
	read(nil)
	_ = c.SetReadDeadline(time.Now().Add(soon))
	_ = c.SetReadDeadline(time.Now().Add(2 * soon))
	read(os.ErrDeadlineExceeded)
	_ = c.SetDeadline(time.Now())
	read(os.ErrDeadlineExceeded)
	if _, err := c.Write([]byte{1}); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("Write ends with %v", err)
	}
}

// TestWriteDeadline: a write that a timer interrupts goes on where it was.
func TestWriteDeadline(t *testing.T) {
	c, _, far := pair(t)
	sent := bytes.Repeat([]byte("0123456789"), 2<<20)
	_ = c.SetWriteDeadline(time.Now().Add(soon))
	_ = c.SetWriteDeadline(time.Now().Add(late))
	got := make(chan []byte)
	go func() {
		time.Sleep(5 * soon)
		b, _ := io.ReadAll(far) // compared below
		got <- b
	}()
	if n, err := c.Write(sent); n != len(sent) || err != nil {
		t.Fatalf("%d of %d bytes were written: %v", n, len(sent), err)
	}
	_ = c.Close()
	if !bytes.Equal(<-got, sent) {
		t.Fatal("other bytes arrived than were sent")
	}
}
