package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far long work has come: a bar on a terminal, else a plain line now
// and then. A nil progress shows nothing.
type progress struct {
	w     io.Writer
	what  string
	bar   *progressbar.ProgressBar // nil without a terminal
	start time.Time
	last  time.Time
}

// plainEvery is how often a plain line appears.
const plainEvery = 5 * time.Second

func newProgress(w io.Writer, what string) *progress {
	p := &progress{w: w, what: what, start: time.Now(), last: time.Now()}
	if terminal(w) {
		p.bar = progressbar.NewOptions(100, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(false), progressbar.OptionThrottle(100*time.Millisecond))
	}
	return p
}

// at shows that done of total is done.
func (p *progress) at(done, total int64, rows uint64) {
	if total <= 0 {
		return
	}
	percent := int(min(100*done/total, 100))
	if p.bar != nil {
		_ = p.bar.Set(percent) // a terminal that fails to draw is no reason to stop
		return
	}
	if now := time.Now(); now.Sub(p.last) >= plainEvery {
		p.last = now
		fmt.Fprintf(p.w, "%s: %d%%, %s rows, %.0f s\n", p.what, percent, thousands(rows), now.Sub(p.start).Seconds())
	}
}

// step shows that done of total steps are done, the last of which was what.
func (p *progress) step(done, total int, what string) {
	if p.bar != nil {
		p.bar.Describe(p.what + ": " + what)
		_ = p.bar.Set(min(100*done/total, 100)) // a terminal that fails to draw is no reason to stop
		return
	}
	if now := time.Now(); now.Sub(p.last) >= plainEvery {
		p.last = now
		fmt.Fprintf(p.w, "%s: %d of %d, %s, %.0f s\n", p.what, done, total, what, now.Sub(p.start).Seconds())
	}
}

// end takes the bar away.
func (p *progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// thousands prints a number in groups of three digits.
func thousands(n uint64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
