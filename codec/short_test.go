package codec

import (
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"
)

// checkShort compares what text and the float it reads as become with strconv's answer.
func checkShort(t *testing.T, text string) {
	t.Helper()
	for _, typ := range []*Type{{Kind: KindDouble}, {Kind: KindFloat}} {
		bits := typ.floatBits()
		v, err := strconv.ParseFloat(text, bits)
		if err != nil || v-v != 0 {
			continue
		}
		want := strconv.FormatFloat(v, 'g', -1, bits)
		if got, sp, err := appendFloatText(nil, typ, []byte(text)); string(got) != want || sp != None || err != nil {
			t.Fatalf("the text %s as %s: %s, %v, %v; want %s", text, typ.Kind, got, sp, err, want)
		}
		if got, _, _ := appendFloat([]byte("x"), typ, v); string(got) != "x"+want {
			t.Fatalf("the number %s as %s: %s, want %s", text, typ.Kind, got[1:], want)
		}
	}
}

// TestShortNumbers: numbers of few digits become what strconv makes of them.
func TestShortNumbers(t *testing.T) {
	for _, text := range []string{
		"1", "9", "10", "48.0", "147.5", "99999.9", "999999", "999999.5", "1000000", "1234567", "1234567.5", "100000000",
		"0.1", "0.01", "0.001", "0.0001", "0.00012", "0.00001", "0.000015", "0.0009999", "0.50", "007.50", "-0.5", "-12.25", "0", "-0", "0.0",
		"999999999999999", "1000000000000000", "9999999999999999", "123456789012345.6", "0.00000000000001", "0.0000000000000001",
		"16777217", "16777216", "123456", "1234567", "0.1234567", "0.333", "2.675", "1e3", "1.", ".5", "+1", "8388608.5", "1.000", "120000", "1200000",
	} {
		checkShort(t, text)
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 30_000 {
		digits := rng.Uint64N(uint64(math.Pow10(1 + rng.IntN(17))))
		text := strconv.FormatUint(digits, 10)
		if places := rng.IntN(len(text) + 1); places > 0 && places < len(text) {
			text = text[:len(text)-places] + "." + text[len(text)-places:]
		} else if rng.IntN(2) == 0 {
			text = "0.000000"[:2+rng.IntN(7)] + text
		}
		if rng.IntN(4) == 0 {
			text = "-" + text
		}
		checkShort(t, text)
	}
	for range 30_000 {
		checkShort(t, strconv.FormatFloat(math.Float64frombits(rng.Uint64()), 'g', -1, 64))
		checkShort(t, strconv.FormatFloat(rng.NormFloat64()*math.Pow10(rng.IntN(12)-3), 'g', -1, 64))
		checkShort(t, strconv.FormatFloat(float64(rng.IntN(1_000_000))/8, 'f', -1, 64))
	}
}
