package lab

import (
	"math"
	"sync/atomic"
	"time"
)

// pace tells whether the machine runs at its full speed. Shared machines slow down for
// seconds at a time, here by up to 16 times, and neither stolen time nor the CPU time of
// other processes shows it: what was measured then is about the neighbours.
type pace struct {
	best time.Duration // the least that the work ever took
}

const (
	paceWork  = 100_000 // multiplications that wait for each other: about 0.1 ms
	paceTries = 3       // of which the fastest counts, since one may be interrupted
	paceSlow  = 1.3     // times the best is slow
)

// full does a fixed piece of work, which touches no memory, and reports whether it took
// about as little time as it ever did.
func (p *pace) full() bool {
	took := time.Duration(math.MaxInt64)
	for range paceTries {
		took = min(took, pieceOfWork())
	}
	if p.best == 0 || took < p.best {
		p.best = took
	}
	return float64(took) <= paceSlow*float64(p.best)
}

// paceSum keeps the work from being optimised away.
var paceSum atomic.Uint64

func pieceOfWork() time.Duration {
	start := time.Now()
	x := uint64(1)
	for range paceWork {
		x = x*6364136223846793005 + 1
	}
	paceSum.Add(x)
	return time.Since(start)
}
