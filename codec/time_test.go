package codec

import (
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		second, nanos, ok := parseTime([]byte(text))
		if want == "" {
			if ok {
				t.Errorf("parseTime(%q) = %v, want none", text, time.Unix(second, int64(nanos)).UTC())
			}
			return
		}
		w, err := time.Parse(time.RFC3339Nano, want)
		if err != nil {
			t.Fatal(err)
		}
		if !ok || second != w.Unix() || nanos != w.Nanosecond() {
			t.Errorf("parseTime(%q) = %v, %t, want %s", text, time.Unix(second, int64(nanos)).UTC(), ok, want)
		}
	}
	f("2022-01-31", "2022-01-31T00:00:00Z")
	f("2024-02-29", "2024-02-29T00:00:00Z")
	f("2000-02-29", "2000-02-29T00:00:00Z")
	f("2022-01-31 23:59", "2022-01-31T23:59:00Z")
	f("2022-01-31 23:59:58", "2022-01-31T23:59:58Z")
	f("2022-01-31T23:59:58", "2022-01-31T23:59:58Z")
	f("2022-01-31t23:59:58z", "2022-01-31T23:59:58Z")
	f("2022-01-31T23:59:58.1", "2022-01-31T23:59:58.1Z")
	f("2022-01-31T23:59:58.123456789Z", "2022-01-31T23:59:58.123456789Z")
	f("2022-01-31T23:59:58+02:00", "2022-01-31T21:59:58Z")
	f("2022-01-31T23:59:58-0130", "2022-02-01T01:29:58Z")
	f("2022-01-31 23:59:58.5+00", "2022-01-31T23:59:58.5Z")
	f("2022-01-31 23:59:58 +01", "2022-01-31T22:59:58Z")
	f("2022-01-31 23:59:58 UTC", "2022-01-31T23:59:58Z")
	f("2022-01-31 23:59:58 GMT", "2022-01-31T23:59:58Z")
	f("2022-01-31T00:00Z", "2022-01-31T00:00:00Z")
	f("January 08, 1999", "1999-01-08T00:00:00Z")
	f("Jan 8, 1999", "1999-01-08T00:00:00Z")
	f("1999-Jan-08", "1999-01-08T00:00:00Z")
	f("Jan-08-1999", "1999-01-08T00:00:00Z")
	f("08-Jan-1999", "1999-01-08T00:00:00Z")
	f("1999/01/08", "1999-01-08T00:00:00Z")
	f("19990108", "1999-01-08T00:00:00Z")
	f("1999.008", "1999-01-08T00:00:00Z")
	f("Sun, 23 Jan 2000 01:23:45 +0900", "2000-01-22T16:23:45Z")
	f("23 Jan 2000 01:23:45 EST", "2000-01-23T06:23:45Z")
	f("Sun, 23 Jan 2000 01:23:45 GMT", "2000-01-23T01:23:45Z")
	if _, err := time.LoadLocation("Europe/Paris"); err == nil {
		f("2022-07-01 12:00:00 Europe/Paris", "2022-07-01T10:00:00Z")
		f("2022-01-01 12:00:00.25 Europe/Paris", "2022-01-01T11:00:00.25Z")
	}
	for _, bad := range []string{
		"", "x", "2022", "2022-01", "2022-1-1", "2021-02-29", "1900-02-29", "2022-04-31", "2022-13-01", "2022-00-10", "2022-01-00", "2022-01-32", "0000-01-01",
		"2022-01-31 ", "2022-01-31x", "2022-01-31 24:00:00", "2022-01-31 23:60:00", "2022-01-31 23:59:60", "2022-01-31 23", "2022-01-31 2:00:00",
		"2022-01-31 23:59:5", "2022-01-31 23:59:58.", "2022-01-31 23:59:58.1234567890", "2022-01-31 23:59:58+24:00", "2022-01-31 23:59:58+02:60",
		"2022-01-31 23:59:58+2", "2022-01-31 23:59:58 ", "2022-01-31 23:59:58  UTC", "2022-01-31 23:59:58 CET", "2022-01-31 23:59:58 Local",
		"2022-01-31 23:59:58 ../etc/passwd", "2022-01-31 23:59:58 Nowhere/City", "01/02/2022", "13/01/2022", "99999999", "20220230", "2022.366",
		"Feb 30, 2022", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "-022-01-01", "２022-01-01",
	} {
		f(bad, "")
	}
}

func TestCalendarAgreesWithTime(t *testing.T) {
	var buf []byte
	for day := int64(minDay); day <= maxDay; day += 1 + day&1 { // every day but some
		u := time.Unix(day*daySeconds, 0).UTC()
		buf = appendDate(buf[:0], day)
		if want := u.Format(time.DateOnly); string(buf) != want {
			t.Fatalf("day %d is %s, want %s", day, buf, want)
		}
		if second, _, ok := parseISO(buf); !ok || second != day*daySeconds {
			t.Fatalf("%s is second %d, want %d", buf, second, day*daySeconds)
		}
	}
	f := func(text string, want int64) {
		t.Helper()
		if second, _, ok := parseISO([]byte(text)); !ok || second != want {
			t.Errorf("%s = %d, %t, want %d", text, second, ok, want)
		}
	}
	f("0001-01-01", minSecond)
	f("9999-12-31 23:59:59", maxSecond)
}

func TestTimesRoundTrip(t *testing.T) {
	r := newRand(t)
	for range 20000 {
		second := minSecond + r.Int64N(maxSecond-minSecond+1)
		nanos := r.IntN(1_000_000_000)
		for precision := 0; precision <= 9; precision += 1 + r.IntN(3) {
			ty := &Type{Kind: KindTimestamp, Precision: precision}
			unit := pow10[9-precision]
			want := time.Unix(second, int64(nanos-nanos%unit)).UTC()
			for _, nested := range []bool{false, true} {
				cell, err := appendTime([]byte("dst"), ty, second, nanos, nested)
				if err != nil {
					t.Fatal(err)
				}
				cell = cell[3:]
				layout := `"2006-01-02 15:04:05.000000000`[:20+min(precision, 1)+precision] + `"`
				if nested {
					layout = `"` + time.RFC3339Nano + `"`
				}
				if string(cell) != want.Format(layout) {
					t.Fatalf("second %d nanos %d precision %d: %s, want %s", second, nanos, precision, cell, want.Format(layout))
				}
				s, n, ok := parseISO(cell[1 : len(cell)-1])
				if !ok || s != want.Unix() || n != want.Nanosecond() {
					t.Fatalf("%s read back as %d %d %t", cell, s, n, ok)
				}
			}
		}
	}
}
