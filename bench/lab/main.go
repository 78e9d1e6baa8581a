package lab

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/pprof"
	"syscall"
	"time"
)

// Main turns this process into a server under test if Start started it as one, and
// then does not return. Every program that calls Start calls Main first.
func Main() {
	text := os.Getenv(childEnv)
	if text == "" {
		return
	}
	signal.Ignore(os.Interrupt) // for the parent, which then closes our input
	os.Exit(serveChild(text))
}

// server is what a child serves.
type server struct {
	hello hello
	close func() error
}

func serveChild(text string) (code int) {
	s, err := buildServer(text)
	if err != nil {
		answer(hello{Error: err.Error()})
		return 1
	}
	answer(s.hello)
	orders := bufio.NewScanner(os.Stdin)
	var profile *os.File
	for orders.Scan() {
		var o order
		r := report{}
		if err = json.Unmarshal(orders.Bytes(), &o); err == nil {
			r, err = obey(o, &profile)
		}
		if err != nil {
			r.Error = err.Error()
		}
		answer(r)
	}
	if err := s.close(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

func buildServer(text string) (*server, error) {
	var c childConfig
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return nil, fmt.Errorf("cannot read what to serve: %w", err)
	}
	switch {
	case c.Store != nil:
		return serveStore(c.Store)
	case c.Ceiling != nil:
		return serveCeiling(c.Ceiling)
	case c.Predict != nil:
		return servePredict(c.Predict)
	default:
		return nil, errors.New("there is nothing to serve")
	}
}

// answer prints one line for the parent. There is nobody to tell if that fails: the
// parent is gone, and the end of its orders ends this process.
func answer(v any) { _ = json.NewEncoder(os.Stdout).Encode(v) }

func obey(o order, profile **os.File) (report, error) {
	switch o.Do {
	case "usage":
		return usage()
	case "settle":
		runtime.GC()
		return report{}, nil
	case "profile":
		f, err := os.Create(o.Path)
		if err == nil {
			err = pprof.StartCPUProfile(f)
		}
		if err != nil {
			return report{}, fmt.Errorf("cannot profile: %w", err)
		}
		*profile = f
		return report{}, nil
	case "stopProfile":
		pprof.StopCPUProfile()
		if err := (*profile).Close(); err != nil {
			return report{}, fmt.Errorf("cannot write the profile: %w", err)
		}
		return report{}, nil
	default:
		return report{}, fmt.Errorf("there is no order %q", o.Do)
	}
}

func usage() (report, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return report{}, fmt.Errorf("cannot read the CPU time: %w", err)
	}
	return report{CPU: time.Duration(u.Utime.Nano() + u.Stime.Nano()), Mallocs: m.Mallocs}, nil
}
