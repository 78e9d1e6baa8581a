package codec

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"
)

func sqlType(tb testing.TB, text string) *Type {
	tb.Helper()
	return parsed(tb, text, SpellingSQL)
}

func fennelType(tb testing.TB, text string) *Type {
	tb.Helper()
	return parsed(tb, text, SpellingFennel)
}

func parsed(tb testing.TB, text string, s Spelling) *Type {
	tb.Helper()
	t, err := ParseType(text, s)
	if err != nil {
		tb.Fatalf("ParseType(%q): %v", text, err)
	}
	return t
}

// schemaOf makes a schema with columns c0, c1, ... of SQL types.
func schemaOf(tb testing.TB, types ...string) *Schema {
	tb.Helper()
	s := &Schema{ID: 7}
	for i, text := range types {
		s.Columns = append(s.Columns, Column{Name: "c" + strconv.Itoa(i), Type: sqlType(tb, text)})
	}
	return s
}

// newRand returns random numbers whose seed is printed when the test fails;
// QUIVER_SEED repeats a run.
func newRand(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s, err := strconv.ParseUint(os.Getenv("QUIVER_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("seed %d (repeat with QUIVER_SEED=%d)", seed, seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// randomCell makes a canonical cell of a scalar type other than float.
func randomCell(r *rand.Rand, t *Type) string {
	var cell []byte
	var err error
	switch t.Kind {
	case KindBigInt:
		cell = strconv.AppendInt(nil, randomInt(r), 10)
	case KindDouble:
		cell, _, err = appendFloat(nil, t, r.NormFloat64()*float64(pow10[r.IntN(9)]))
	case KindString:
		cell = AppendQuoted(nil, []byte(randomText(r)))
	case KindBoolean:
		cell = appendBool(nil, r.IntN(2) == 0, false)
	case KindDate:
		cell, err = appendTime(nil, t, (minDay+r.Int64N(maxDay-minDay+1))*daySeconds, 0, false)
	case KindTimestamp:
		cell, err = appendTime(nil, t, minSecond+r.Int64N(maxSecond-minSecond+1), r.IntN(1e9), false)
	case KindBinary:
		cell, err = appendBytes(nil, t, []byte(randomText(r)))
	case KindDecimal:
		v := r.Int64N(int64(pow10[min(t.Precision, 9)]))
		if r.IntN(2) == 0 {
			v = -v
		}
		text := strconv.FormatInt(v, 10) + "e-" + strconv.Itoa(t.Scale)
		cell, err = appendDecimal(nil, t, []byte(text))
	}
	if err != nil {
		panic(err)
	}
	return string(cell)
}

// randomInt likes small numbers and the ends of the ranges.
func randomInt(r *rand.Rand) int64 {
	v := int64(r.Uint64()) >> r.IntN(64)
	if r.IntN(4) == 0 {
		v = 1<<uint(7+8*r.IntN(8)) - int64(r.IntN(3))
	}
	if r.IntN(2) == 0 {
		v = -v
	}
	return v
}

// randomText likes short texts, zero bytes and characters that need escapes.
func randomText(r *rand.Rand) string {
	alphabet := []rune("\x00\x01\x02ab\"\\\n\x1f\u007f\u0080\u00ffé\u2028\uFFFF😀\U0010FFFF")
	text := make([]rune, r.IntN(6))
	for i := range text {
		text[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(text)
}
