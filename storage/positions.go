package storage

// positions finds the keys of a batch by their hashes: an open hash table, at most half
// full, of positions plus one; 0 is a free place. Its length is 0 or a power of two.
type positions []int32

// The lengths of the smallest table, and of the largest that is kept between requests.
const (
	minPositions = 64
	maxPositions = 1 << 16
)

// grow makes the table four times as long and puts everything into it.
func (p *positions) grow(hashes []uint64) {
	n := max(4*len(*p), minPositions)
	if n <= cap(*p) {
		*p = (*p)[:n]
		clear(*p)
	} else {
		*p = make(positions, n)
	}
	for i, h := range hashes {
		for (*p)[h&uint64(n-1)] != 0 {
			h++
		}
		(*p)[h&uint64(n-1)] = int32(i + 1)
	}
}

// truncate forgets the positions from n on, the latest first, so that none of those that
// stay was put behind one that goes.
func (p positions) truncate(hashes []uint64, n int) {
	if len(p) == 0 {
		return
	}
	for i := len(hashes) - 1; i >= n; i-- {
		for place := hashes[i]; ; place++ {
			at := &p[place&uint64(len(p)-1)]
			if *at == int32(i+1) {
				*at = 0
			}
			if *at == 0 {
				break
			}
		}
	}
}

func (p *positions) reset() {
	if cap(*p) > maxPositions {
		*p = nil
	}
	*p = (*p)[:0]
}
