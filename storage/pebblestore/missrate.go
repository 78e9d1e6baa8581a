package pebblestore

import "sync/atomic"

// missRate follows which share of the lookups finds nothing. Filters of the last
// level are worth reading above a certain share only: they answer a miss without a
// block of data but cost a hit one more block to look at. DESIGN.md has the figures.
//
// Updates may overtake each other and get lost; the value is a hint.
type missRate struct{ share atomic.Uint32 } // of missOne

const (
	missOne = 1 << 16
	// missFilter is the share from which the filters pay: a miss saves 1.3 to
	// 1.8 us by them, a hit loses 0.5 us.
	missFilter = missOne / 4
	// missMemory is over how many lookups the share is averaged, roughly.
	missMemory = 256
)

func (m *missRate) useFilters() bool { return m.share.Load() >= missFilter }

// add counts lookups of which some found nothing.
func (m *missRate) add(lookups, misses int) {
	if lookups == 0 {
		return
	}
	old := int64(m.share.Load())
	now := int64(misses) * missOne / int64(lookups)
	next := old + (now-old)*int64(min(lookups, missMemory))/missMemory
	if next != old {
		m.share.Store(uint32(next))
	}
}
