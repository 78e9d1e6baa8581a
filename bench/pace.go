package bench

import (
	"math"
	"time"
)

// Pace tells whether the machine runs at its full speed. Shared machines slow down for
// seconds at a time, here by up to 16 times, and neither stolen time nor the CPU time of
// other processes shows it: what was measured then is about the neighbours. The zero
// Pace is ready; it learns what full speed is as it goes.
type Pace struct {
	best time.Duration // the least that the work ever took
	sum  uint64        // keeps the work from being optimised away
}

const (
	paceWork     = 100_000 // multiplications that wait for each other: about 0.1 ms
	paceTries    = 3       // of which the fastest counts, since one may be interrupted
	paceSlow     = 1.3     // times the best is slow
	pacePause    = 100 * time.Millisecond
	pacePatience = 5 * time.Second // slow phases hardly ever last longer
)

// Steady calls measure while the machine runs at its full speed: it waits for that, and
// calls measure anew if the machine is slow afterwards. Each time it has to do either, it
// counts *again down; at 0 it takes what comes. The last result is the one to use, and
// slow tells that the machine was not at its full speed before or after.
func (p *Pace) Steady(again *int, measure func() error) (slow bool, err error) {
	for {
		slow = !p.full()
		if slow && *again > 0 {
			*again--
			slow = !p.Await(pacePatience)
		}
		if err := measure(); err != nil {
			return slow, err
		}
		slow = !p.full() || slow
		if !slow || *again <= 0 {
			return slow, nil
		}
		*again--
	}
}

// Await waits until the machine runs at its full speed, for d at most, and reports whether
// it does.
func (p *Pace) Await(d time.Duration) bool {
	for end := time.Now().Add(d); !p.full(); time.Sleep(pacePause) {
		if time.Now().After(end) {
			return false
		}
	}
	return true
}

// full does a fixed piece of work, which touches no memory, and reports whether it took
// about as little time as it ever did.
func (p *Pace) full() bool {
	took := time.Duration(math.MaxInt64)
	for range paceTries {
		took = min(took, p.work())
	}
	if p.best == 0 || took < p.best {
		p.best = took
	}
	return float64(took) <= paceSlow*float64(p.best)
}

func (p *Pace) work() time.Duration {
	start := time.Now()
	x := uint64(1)
	for range paceWork {
		x = x*6364136223846793005 + 1
	}
	p.sum += x
	return time.Since(start)
}
