package bench

import (
	"errors"
	"testing"
	"time"
)

// TestSteady: what was measured while the machine was slow is measured anew, as often as
// is allowed; an error ends it.
func TestSteady(t *testing.T) {
	const past, fast = 1, time.Hour // a machine that once took a nanosecond is slow now
	p := Pace{best: fast}
	again, calls := 3, 0
	if slow, err := p.Steady(&again, func() error { calls++; return nil }); slow || err != nil || calls != 1 || again != 3 {
		t.Errorf("at full speed: %d calls, %d left, %v", calls, again, err)
	}
	// Slow behind the first call and, since nothing changes that, before the second.
	again, calls, p.best = 1, 0, fast
	if slow, err := p.Steady(&again, func() error { calls++; p.best = past; return nil }); !slow || err != nil || calls != 2 || again != 0 {
		t.Errorf("slow afterwards: %d calls, %d left, %v", calls, again, err)
	}
	again, calls, p.best = 3, 0, fast
	broken := errors.New("broken")
	if _, err := p.Steady(&again, func() error { calls++; return broken }); !errors.Is(err, broken) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
	p.best = past
	begin := time.Now()
	if p.Await(2*pacePause) || time.Since(begin) < 2*pacePause {
		t.Error("a slow machine was not waited for")
	}
}
