package bench

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// poller waits for sockets to become ready, level-triggered, on one thread.
type poller struct {
	fd     int
	self   [1]unix.PollFd // fd, to wait for it with a timeout in nanoseconds
	events []unix.EpollEvent
}

const maxEvents = 128

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("cannot make an epoll instance: %w", err)
	}
	return &poller{
		fd:     fd,
		self:   [1]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}},
		events: make([]unix.EpollEvent, maxEvents),
	}, nil
}

func (p *poller) close() { _ = unix.Close(p.fd) }

// watch reports fd's events under an id from now on: that it can be written if write,
// else that it can be read. op is unix.EPOLL_CTL_ADD or EPOLL_CTL_MOD. A closed socket
// leaves by itself.
func (p *poller) watch(op, fd, id int, write bool) error {
	e := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(id)}
	if write {
		e.Events = unix.EPOLLOUT
	}
	if err := unix.EpollCtl(p.fd, op, fd, &e); err != nil {
		return fmt.Errorf("cannot watch a connection: %w", err)
	}
	return nil
}

// wait returns what is ready, after at most d; none when d passed first. Fd of an event
// is the id given to watch. The slice dies at the next call.
//
// epoll_wait counts in milliseconds, far too coarse for a schedule, so short waits go
// through ppoll.
func (p *poller) wait(d time.Duration) ([]unix.EpollEvent, error) {
	const coarse = 20 * time.Millisecond
	millis := 0
	switch {
	case d >= coarse:
		millis = int(d / time.Millisecond)
	case d > 0:
		t := unix.NsecToTimespec(int64(d))
		n, err := unix.Ppoll(p.self[:], &t, nil)
		if n == 0 || errors.Is(err, unix.EINTR) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("cannot wait for answers: %w", err)
		}
	}
	n, err := unix.EpollWait(p.fd, p.events, millis)
	if errors.Is(err, unix.EINTR) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot wait for answers: %w", err)
	}
	return p.events[:n], nil
}
