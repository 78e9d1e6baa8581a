package trees

import "math"

// A row's values are compared as integers: key keeps the order of floats, and leaves
// room above and below for missing values.
const (
	keyAbove = math.MaxInt64 - 1 // missing, sent right: above every condition but a leaf's
	keyBelow = math.MinInt64     // missing, sent left: below every condition
)

// key maps a float that is not NaN to an integer such that key(a) < key(b) exactly if
// a < b; both zeros map to 0.
func key(v float64) int64 {
	b := int64(math.Float64bits(v + 0)) // -0 + 0 is +0
	return b ^ int64(uint64(b>>63)>>1)
}

// zeroLimit is the largest magnitude that LightGBM takes for zero: 1e-35 in single
// precision.
const zeroLimit = float64(float32(1e-35))

// Slot kinds: what becomes of a missing value, and what is missing. Feature f has slot
// f*kinds + kind.
const (
	kindAbove     = iota // NaN goes right
	kindBelow            // NaN goes left
	kindZeroAbove        // NaN and zero go right
	kindZeroBelow        // NaN and zero go left
)

// slotSet says which slots a row has: two for each feature, or four when some split
// takes zero for missing, and one more for its code when there are categorical splits.
type slotSet struct {
	features int
	kinds    int
	zeros    bool
	category []int32 // features of categorical splits; the last slot of each is its code
	single   bool    // values are single precision (XGBoost)
}

func (s *slotSet) count() int { return s.features * s.kinds }

// fill writes the keys of one row. Single-precision ensembles see the values rounded
// first, as the training library did.
func (s *slotSet) fill(keys []int64, row []float64) {
	kinds := s.kinds
	for f, v := range row {
		if s.single {
			v = float64(float32(v))
		}
		k := keys[f*kinds : f*kinds+kinds]
		if v != v {
			k[kindAbove], k[kindBelow] = keyAbove, keyBelow
		} else {
			b := key(v)
			k[kindAbove], k[kindBelow] = b, b
		}
		if s.zeros {
			k[kindZeroAbove], k[kindZeroBelow] = k[kindAbove], k[kindBelow]
			if v >= -zeroLimit && v <= zeroLimit {
				k[kindZeroAbove], k[kindZeroBelow] = keyAbove, keyBelow
			}
		}
	}
	for _, f := range s.category {
		keys[int(f)*kinds+kinds-1] = s.code(row[f])
	}
}

// A categorical split's set has a bit for each code, 0 for a missing value and c+1 for
// category c, and after its words one word that is zero, for whatever is beyond.
const (
	codeMissing = 0
	codeUnknown = math.MaxUint32
)

// code maps a categorical feature's value. XGBoost knows no category below zero; the
// others cut the fraction off first.
func (s *slotSet) code(v float64) int64 {
	switch {
	case v != v:
		return codeMissing
	case s.single && v < 0, v <= -1, v >= maxCategories:
		return codeUnknown
	}
	return int64(v) + 1
}

// setBit sets the bit of a code in the set that starts at start and is the last of
// words, which it makes longer as needed.
func setBit(words []uint32, start int, code int64) []uint32 {
	for len(words)-start <= int(code>>5) {
		words = append(words, 0)
	}
	words[start+int(code>>5)] |= 1 << (code & 31)
	return words
}
