package function

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// stream is one way to a worker or back: a pipe, or one connection that is both.
type stream interface {
	io.ReadWriteCloser
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
}

// process is one started interpreter in a process group of its own, and the server's
// ends of its pipes.
type process struct {
	pid      int
	requests stream   // Python: its descriptor 3
	answers  stream   // Python: its descriptor 4; R: the same connection as requests
	output   *os.File // its descriptors 1 and 2
	done     chan struct{}
	end      string // after done: "exit status 3", "signal: killed"

	unlimited []string // what the platform did not take away

	mu   sync.Mutex
	gone bool // reaped: its number may be another's by now
}

// past is a deadline that ends reads and writes under way.
var past = time.Unix(1, 0)

// apart gives a process process numbers of its own: it is number 1, and the kernel ends
// whatever it started when it ends, children that left its group included. Root may have
// that anyway, others where the system lets them have users of their own.
func apart(a *syscall.SysProcAttr) {
	a.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWIPC
	if os.Geteuid() == 0 {
		return
	}
	a.Cloneflags |= syscall.CLONE_NEWUSER
	a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
	a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
}

// startProcess runs cmd, which may connect to port if that is not 0. Its death is noticed by a thread of its own: Linux ties the
// parent-death signal to the thread that started the child, so this one starts it,
// waits for it, and ends with it.
func startProcess(cmd *exec.Cmd, c *Config, port int) (_ *process, err error) {
	p := &process{done: make(chan struct{})}
	var theirs []*os.File
	pipe := func(toChild bool) (*os.File, error) {
		r, w, err := os.Pipe()
		if err != nil {
			return nil, fmt.Errorf("cannot make a pipe: %w", err)
		}
		if toChild {
			r, w = w, r
		}
		theirs = append(theirs, w)
		return r, nil
	}
	defer func() {
		for _, f := range theirs {
			_ = f.Close()
		}
		if err != nil {
			p.closePipes()
		}
	}()
	if p.output, err = pipe(false); err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = theirs[0], theirs[0]
	if c.Language == Python {
		requests, err := pipe(true)
		if err != nil {
			return nil, err
		}
		p.requests = requests
		answers, err := pipe(false)
		if err != nil {
			return nil, err
		}
		p.answers = answers
		cmd.ExtraFiles = theirs[1:]
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if c.UID != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(c.UID), Gid: uint32(c.GID)}
	}
	if !c.shared {
		apart(cmd.SysProcAttr)
	}
	started := make(chan error, 1)
	go p.run(cmd, c.Network || c.Request, port, started)
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

func (p *process) run(cmd *exec.Cmd, network bool, port int, started chan<- error) {
	runtime.LockOSThread() // and never unlocked: the thread has given up rights
	restrict()
	p.unlimited = landlock(cmd.Dir, network, port)
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	p.pid = cmd.Process.Pid
	started <- nil
	waitExit(p.pid)

	// It is a zombie now, so its number is still its own: end what it started.
	p.mu.Lock()
	_ = syscall.Kill(-p.pid, syscall.SIGKILL)
	p.gone = true
	p.mu.Unlock()
	_ = cmd.Wait() // how it ended is in ProcessState
	p.end = cmd.ProcessState.String()
	close(p.done)
	// Others may hold the pipes open; nobody shall wait for them. What it wrote last can
	// still be read: a read whose deadline has passed returns nothing.
	p.mu.Lock()
	if p.requests != nil {
		_ = p.answers.SetReadDeadline(time.Now().Add(time.Second))
		_ = p.requests.SetWriteDeadline(past)
	}
	p.mu.Unlock()
	_ = p.output.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
}

// waitExit returns when the child has ended, leaving it to be reaped.
func waitExit(pid int) {
	const pPID, wExited, wNoWait = 1, 4, 0x01000000
	for {
		_, _, errno := syscall.Syscall6(syscall.SYS_WAITID, pPID, uintptr(pid), 0, wExited|wNoWait, 0, 0)
		if errno != syscall.EINTR {
			return
		}
	}
}

// restrict takes from the calling thread, and so from what it starts, the ways to
// more rights: set-user-id programs, and (as root) all capabilities. Where the
// platform refuses, the worker runs with what the server has.
func restrict() {
	const setNoNewPrivs, capBoundDrop, caps = 38, 24, 64
	_, _, _ = syscall.RawSyscall6(syscall.SYS_PRCTL, setNoNewPrivs, 1, 0, 0, 0, 0)
	for c := uintptr(0); c < caps; c++ {
		if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, capBoundDrop, c, 0); errno != 0 {
			return // no right to, or the last one is behind us
		}
	}
}

// kill ends the process and its group at once.
func (p *process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		_ = syscall.Kill(-p.pid, syscall.SIGKILL) // gone already is as good
	}
}

// ended reports whether the process is over.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) closePipes() {
	if p.requests != nil {
		_ = p.requests.Close()
	}
	if p.answers != nil {
		_ = p.answers.Close()
	}
	if p.output != nil {
		_ = p.output.Close()
	}
}
