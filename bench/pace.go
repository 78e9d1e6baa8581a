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
// counts *again down; at 0 it takes what comes. The last result is the one to use.
func (p *Pace) Steady(again *int, measure func() error) error {
	for {
		if *again > 0 && !p.full() {
			*again--
			p.Await(pacePatience)
		}
		if err := measure(); err != nil || *again <= 0 || p.full() {
			return err
		}
		*again--
	}
}

// Await waits until the machine runs at its full speed, for d at most: for what takes too
// long to be measured anew.
func (p *Pace) Await(d time.Duration) {
	for end := time.Now().Add(d); !p.full() && time.Now().Before(end); {
		time.Sleep(pacePause)
	}
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
