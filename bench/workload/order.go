package workload

import (
	"fmt"
	"math/rand/v2"
)

// Order is a sequence of key numbers that repeats after a while. It is drawn once, so
// that asking for the next key costs one look into memory.
type Order struct {
	keys   []uint32
	of     uint32 // how many keys there are
	misses bool   // whether there are numbers beyond
}

// The length of an order: perKey times the keys, at most maxOrder, which is enough to ask
// for most of a million keys.
const (
	perKey   = 64
	maxOrder = 1 << 20
)

// zipfSkew is the exponent of Zipf orders: 1.1 gives the most asked of a million keys
// an eighth of the requests.
const zipfSkew = 1.1

// Distribution is how often each key is asked for.
type Distribution string

// The distributions.
const (
	Uniform    Distribution = "uniform"    // all alike
	Zipf       Distribution = "zipf"       // a few very often, most seldom; the popular ones are spread over all keys
	Sequential Distribution = "sequential" // one after the other
)

// NewOrder draws an order of the keys 0 to n-1. A share of misses, 0 to 1, of the
// sequence are numbers from n to 2n-1 instead, which no row has.
func NewOrder(d Distribution, n uint32, misses float64, seed uint64) (*Order, error) {
	if n == 0 || n > 1<<31 {
		return nil, fmt.Errorf("%d keys are not between 1 and %d", n, 1<<31)
	}
	if misses < 0 || misses > 1 {
		return nil, fmt.Errorf("a share of misses of %g is not between 0 and 1", misses)
	}
	source := rand.NewPCG(seed, 1)
	r := rand.New(source)
	var draw func(i int) uint32
	switch d {
	case Uniform:
		draw = func(int) uint32 { return r.Uint32N(n) }
	case Zipf:
		z := rand.NewZipf(r, zipfSkew, 1, uint64(n-1))
		draw = func(int) uint32 { return uint32(mix(z.Uint64()) % uint64(n)) }
	case Sequential:
		draw = func(i int) uint32 { return uint32(i) % n }
	default:
		return nil, fmt.Errorf("there is no distribution %q; use uniform, zipf or sequential", d)
	}
	o := &Order{keys: make([]uint32, min(perKey*uint64(n), maxOrder)), of: n, misses: misses > 0}
	for i := range o.keys {
		o.keys[i] = draw(i)
		if misses > 0 && r.Float64() < misses {
			o.keys[i] += n
		}
	}
	return o, nil
}

// At returns the i-th key number.
func (o *Order) At(i uint64) uint32 { return o.keys[i%uint64(len(o.keys))] }
