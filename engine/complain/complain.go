// Package complain logs what fails in the background, again and again, once in a while.
package complain

import (
	"context"
	"log/slog"
	"time"
)

// Every is how often the same kind of failure is logged.
const Every = time.Minute

// Log logs failures of one goroutine, each kind seldom.
type Log struct {
	log  *slog.Logger
	last map[string]time.Time // by what failed
}

// New returns a Log; nil logs nothing.
func New(log *slog.Logger) *Log {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Log{log: log, last: map[string]time.Time{}}
}

// Add logs err, unless it is nil, the end of ctx, or was just logged. what is a fixed
// text: it is the kind.
func (c *Log) Add(ctx context.Context, what string, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	now := time.Now()
	if last, ok := c.last[what]; ok && now.Sub(last) < Every {
		return
	}
	c.last[what] = now
	c.log.Error(what, "error", err)
}
