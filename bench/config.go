package bench

import (
	"errors"
	"fmt"
	"time"
)

// Config is one run. Addr, Source and Duration are required; zero values of the rest
// mean what their comments say.
type Config struct {
	Name   string // of the row in reports
	Addr   string // host:port of a server that speaks plain HTTP/1.1
	Source Source

	Connections int // kept open, one request at a time on each; 8
	Threads     int // that drive them; 1, which loads a server of several cores
	// Rate is requests per second of the whole run, sent on a fixed schedule; 0 is
	// a closed loop.
	Rate float64
	// PerConnection gives every connection its own schedule of Rate/Connections;
	// otherwise whichever connection is free takes the next request that is due.
	PerConnection bool

	// First is the number of the first request, so that one run can go on where
	// another ended.
	First uint64

	WarmUp   time.Duration // load before the measured part; 0 is none
	Duration time.Duration // of the measured part
	Requests uint64        // ends the measured part earlier, after so many were sent; 0 does not
	Timeout  time.Duration // for one connect and for one answer; 5s

	CheckEvery int // gives every n-th answer to Source.Check; 0 gives none
	MaxAnswer  int // bytes of one answer; 64 MiB

	// Meter reads what the server has used so far, nil is unknown. It is called at
	// both ends of the measured part.
	Meter Meter
}

const (
	maxConnections = 10_000
	maxThreads     = 64
	maxDuration    = 24 * time.Hour
	maxRate        = 10e6
)

// check fills in defaults and says what cannot be run.
func (c *Config) check() error {
	if c.Connections == 0 {
		c.Connections = 8
	}
	if c.Threads == 0 {
		c.Threads = 1
	}
	if c.Timeout == 0 {
		c.Timeout = 5 * time.Second
	}
	if c.MaxAnswer == 0 {
		c.MaxAnswer = 64 << 20
	}
	switch {
	case c.Addr == "":
		return errors.New("no server address is given")
	case c.Source == nil:
		return errors.New("no requests are given")
	case c.Connections < 0 || c.Connections > maxConnections:
		return fmt.Errorf("%d connections are not between 1 and %d", c.Connections, maxConnections)
	case c.Threads < 0 || c.Threads > maxThreads:
		return fmt.Errorf("%d threads are not between 1 and %d", c.Threads, maxThreads)
	case c.Rate < 0 || c.Rate > maxRate:
		return fmt.Errorf("a rate of %g requests per second is not between 0 and %g", c.Rate, float64(maxRate))
	case c.Duration <= 0 || c.Duration > maxDuration:
		return fmt.Errorf("a duration of %s is not between 1ns and %s", c.Duration, maxDuration)
	case c.WarmUp < 0 || c.WarmUp > maxDuration:
		return fmt.Errorf("a warm-up of %s is not between 0s and %s", c.WarmUp, maxDuration)
	case c.Timeout < 0 || c.CheckEvery < 0 || c.MaxAnswer < 0:
		return errors.New("a timeout, check interval or size is negative")
	}
	c.Threads = min(c.Threads, c.Connections)
	return nil
}
