package service

import (
	"math/rand/v2"

	"github.com/cespare/xxhash/v2"

	"quiver/engine/catalog"
)

// Dispatch is what a request says about the generation that is to answer it (Dataiku
// contract, section 12).
type Dispatch struct {
	Forced string // this generation, mapped or not; "" follows the mapping
	Key    []byte // with dispatch by hash, the same key always goes the same way; empty is none
}

// point returns the place of a request in 0..1.
func (d Dispatch) point(how catalog.Dispatch) float64 {
	if how == catalog.DispatchHash && len(d.Key) > 0 {
		return float64(xxhash.Sum64(d.Key)>>11) / (1 << 53)
	}
	return rand.Float64()
}
