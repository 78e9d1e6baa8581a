package bench

import "math"

// schedule says when the slots of an open loop are due.
type schedule struct {
	first    int64   // nanoseconds
	interval float64 // nanoseconds; 0 is a closed loop
}

func (s *schedule) open() bool { return s.interval > 0 }

func (s *schedule) due(slot uint64) int64 { return s.first + int64(float64(slot)*s.interval) }

// at returns the first slot that is not due before t.
func (s *schedule) at(t int64) uint64 {
	return uint64(math.Ceil(float64(max(t-s.first, 0)) / s.interval))
}
