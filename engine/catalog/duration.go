package catalog

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// duration is a length of time as definitions write it: numbers with units, such as
// 720h, 14d or 1h30m.
type duration time.Duration

var units = []struct {
	name string
	size time.Duration
}{
	{"ms", time.Millisecond}, {"us", time.Microsecond}, // before the words they begin like
	{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second},
}

// parseDuration reads a length of time above zero.
func parseDuration(text string) (duration, error) {
	const hint = "write a length of time such as 720h, 14d, 90m or 1h30m"
	total, rest := 0.0, text
	for rest != "" {
		n := strings.IndexFunc(rest, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
		switch {
		case n < 0:
			return 0, fmt.Errorf("%s has no unit; %s", quote(text), hint)
		case n == 0:
			return 0, fmt.Errorf("%s is no length of time; %s", quote(text), hint)
		}
		value, err := strconv.ParseFloat(rest[:n], 64)
		if err != nil {
			return 0, fmt.Errorf("%s is no length of time; %s", quote(text), hint)
		}
		rest = rest[n:]
		known := false
		for _, u := range units {
			if strings.HasPrefix(rest, u.name) {
				total += value * float64(u.size)
				rest, known = rest[len(u.name):], true
				break
			}
		}
		if !known {
			return 0, fmt.Errorf("%s has an unknown unit; the units are w d h m s ms us", quote(text))
		}
	}
	switch {
	case total < float64(time.Microsecond):
		return 0, fmt.Errorf("%s is no length of time above zero; %s, or leave the key out", quote(text), hint)
	case total >= math.MaxInt64:
		return 0, fmt.Errorf("%s is longer than 292 years", quote(text))
	}
	return duration(total), nil
}

// String prints hours, minutes, seconds and the rest, leaving out what is zero.
func (d duration) String() string {
	var b strings.Builder
	for _, u := range []struct {
		name string
		size duration
	}{
		{"h", duration(time.Hour)},
		{"m", duration(time.Minute)},
		{"s", duration(time.Second)},
		{"ms", duration(time.Millisecond)},
		{"us", duration(time.Microsecond)},
	} {
		if n := d / u.size; n > 0 {
			fmt.Fprintf(&b, "%d%s", n, u.name)
			d %= u.size
		}
	}
	return b.String()
}

// MarshalText writes the normalised form.
func (d duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *duration) UnmarshalText(b []byte) (err error) {
	*d, err = parseDuration(string(b))
	return err
}
