package bench

import (
	"errors"
	"testing"
)

// TestSteady: what was measured while the machine was slow is measured anew, as often as
// is allowed; an error ends it.
func TestSteady(t *testing.T) {
	p := Pace{best: 1} // a nanosecond: every machine is slow
	again, calls := 3, 0
	if err := p.Steady(&again, func() error { calls++; return nil }); err != nil || calls != 4 || again != 0 {
		t.Errorf("%d calls, %d left, %v", calls, again, err)
	}
	again, calls = 3, 0
	broken := errors.New("broken")
	if err := p.Steady(&again, func() error { calls++; return broken }); !errors.Is(err, broken) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}
