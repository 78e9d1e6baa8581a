package webhook

import (
	"context"
	"log/slog"
	"time"
)

// complainEvery is how often the same kind of failure is logged: what fails is tried
// again every second.
const complainEvery = time.Minute

// complaints logs failures of the goroutine, each kind seldom.
type complaints struct {
	log  *slog.Logger
	last map[string]time.Time // by what failed
}

// add logs err, unless it is nil, the end of ctx, or was just logged. what is a fixed
// text: it is the kind.
func (c *complaints) add(ctx context.Context, what string, err error) {
	if err == nil || ctx.Err() != nil {
		return
	}
	now := time.Now()
	if last, ok := c.last[what]; ok && now.Sub(last) < complainEvery {
		return
	}
	c.last[what] = now
	c.log.Error(what+"; it will be tried again", "error", err)
}
