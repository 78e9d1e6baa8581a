package storage

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"
)

// The seeds differ from process to process: who chooses keys cannot make them meet.
var (
	textSeed             = maphash.MakeSeed()
	routeSeed, tableSeed = rand.Uint64(), rand.Uint64()
)

// Hash returns a number for tables in memory, of which all bits are equally good. It is
// another one in every process.
func (k *Key) Hash() uint64 {
	route := hashBytes(k.Route)
	if len(k.Suffix) > 0 {
		route = bits.RotateLeft64(route, 17) ^ hashBytes(k.Suffix)
	}
	high, low := bits.Mul64(route^routeSeed, uint64(k.Table)^tableSeed)
	return high ^ low
}

// hashBytes is quick for what most keys are, one number.
func hashBytes(b []byte) uint64 {
	if len(b) == 8 {
		return binary.LittleEndian.Uint64(b)
	}
	return maphash.Bytes(textSeed, b)
}

func (k *Key) equal(o *Key) bool {
	return k.Table == o.Table && bytes.Equal(k.Route, o.Route) && bytes.Equal(k.Suffix, o.Suffix)
}
