package chrono

import (
	"math/rand/v2"
	"testing"
	"time"
)

// now is the present of the tests: 2024-01-01 00:00 UTC.
const now = 1704067200 * Second

func TestDays(t *testing.T) {
	// Every day of the centuries in use, and every so many of the rest.
	for n := int64(MinDays); n <= MaxDays; n++ {
		if n < Days(1895, 1, 1) || n > Days(2105, 1, 1) {
			n = min(n+rand.Int64N(60), MaxDays)
		}
		day := time.Unix(n*86400, 0).UTC()
		y, m, d := Date(n)
		if wy, wm, wd := day.Date(); y != wy || m != int(wm) || d != wd {
			t.Fatalf("Date(%d) = %d-%d-%d, want %v", n, y, m, d, day)
		}
		if got := Days(y, m, d); got != n {
			t.Fatalf("Days(%d,%d,%d) = %d, want %d", y, m, d, got, n)
		}
		iy, iw := ISOWeek(n)
		if wy, ww := day.ISOWeek(); iy != wy || iw != ww {
			t.Fatalf("ISOWeek(%v) = %d %d, want %d %d", day, iy, iw, wy, ww)
		}
		if got, want := Weekday(n), (int(day.Weekday())+6)%7; got != want {
			t.Fatalf("Weekday(%v) = %d, want %d", day, got, want)
		}
		if got, want := YearDay(n), day.YearDay(); got != want {
			t.Fatalf("YearDay(%v) = %d, want %d", day, got, want)
		}
	}
	// Beyond the range nothing is promised but that nothing breaks.
	clock := NewClock(UTC)
	f, err := NewFormat("%Y %G-%V-%u %j %U %W %c %s %y %C")
	if err != nil {
		t.Fatal(err)
	}
	for _, micros := range []int64{-1 << 63, MinMicros - 1, MaxMicros + 1, 1<<63 - 1} {
		f.AppendTime(AppendInstant(nil, micros), micros, &clock)
	}
	if ValidDate(2023, 2, 29) || !ValidDate(2024, 2, 29) || ValidDate(1900, 2, 29) || ValidDate(0, 1, 1) || ValidDate(2023, 4, 31) {
		t.Fatal("ValidDate is wrong about a leap day or a month's end")
	}
}

func TestFormat(t *testing.T) {
	ny, err := LoadZone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	at := Days(2024, 3, 5)*Day + 13*Hour + 4*Minute + 9*Second + 26490 // a Tuesday
	f := func(format, want string, zone *Zone) {
		t.Helper()
		c, err := NewFormat(format)
		if err != nil {
			t.Errorf("%q: %v", format, err)
			return
		}
		clock := NewClock(zone)
		if got := string(c.AppendTime([]byte("x"), at, &clock)); got != "x"+want {
			t.Errorf("%q = %q, want %q", format, got, "x"+want)
		}
	}
	f("%Y-%m-%d %H:%M:%S", "2024-03-05 13:04:09", UTC)
	f("%Y-%m-%d %H:%M:%S %Z %z", "2024-03-05 08:04:09 EST -0500", ny)
	f("%C %y %G %g %V", "20 24 2024 24 10", UTC)
	f("%b %B %h %d %e %-d %_d %0e %j", "Mar March Mar 05  5 5  5 05 065", UTC)
	f("%a %A %w %u %U %W", "Tue Tuesday 2 2 09 10", UTC)
	f("%k %I %l %p %P %-H %-M", "13 01  1 PM pm 13 4", UTC)
	f("%f %.f %.3f %.6f %.9f %3f %6f %9f", "026490000 .026490 .026 .026490 .026490000 026 026490 026490000", UTC)
	f("%z %:z %::z %:::z %Z", "+0000 +00:00 +00:00:00 +00 UTC", UTC)
	f("%D|%x|%F|%v|%R|%T|%X|%r", "03/05/24|03/05/24|2024-03-05| 5-Mar-2024|13:04|13:04:09|13:04:09|01:04:09 PM", UTC)
	f("%c|%+|%s|%t|%n|%%", "Tue Mar  5 13:04:09 2024|2024-03-05T13:04:09.026490+00:00|1709643849|\t|\n|%", UTC)
	f("größer %Y", "größer 2024", UTC)
	for _, bad := range []string{"%L", "%", "%-", "%E", "abc%", "%-b", "%:q", "%ü"} {
		if _, err := NewFormat(bad); err == nil {
			t.Errorf("%q compiles", bad)
		}
	}
}

func TestReader(t *testing.T) {
	ny, _ := LoadZone("America/New_York")
	f := func(format, text string, zone *Zone, want string) {
		t.Helper()
		c, err := NewReader(format)
		if err != nil {
			t.Errorf("%q: %v", format, err)
			return
		}
		got, err := c.ParseTime([]byte(text), zone)
		if err != nil {
			if want != err.Error() {
				t.Errorf("%q of %q: %v, want %s", format, text, err, want)
			}
			return
		}
		if s := string(AppendInstant(nil, got)); s != want {
			t.Errorf("%q of %q = %s, want %s", format, text, s, want)
		}
	}
	f("%Y-%m-%d", "2019-01-01", UTC, "2019-01-01T00:00:00.000000Z")
	f("%Y-%m-%d", "2019-1-1", UTC, "2019-01-01T00:00:00.000000Z")
	f("%Y-%m-%d", "2019-01-01", ny, "2019-01-01T05:00:00.000000Z")
	f("%Y-%m-%d", "2019-01-01 ", UTC, "does not match the format")
	f("%Y-%m-%d", "2019-02-29", UTC, "no such date or time")
	f("%Y-%m-%dT%H:%M:%S%:z", "2019-01-01T00:00:00+05:00", ny, "2018-12-31T19:00:00.000000Z")
	f("%d %B %Y", "7 MARCH 2021", UTC, "2021-03-07T00:00:00.000000Z")
	f("%a, %d %b %y", "Sun, 7 mar 21", UTC, "2021-03-07T00:00:00.000000Z")
	f("%a %Y-%m-%d", "Mon 2021-03-07", UTC, "no such date or time")
	f("%b %d, %Y", "March 7, 2021", UTC, "does not match the format")
	f("%B %d, %Y", "Mar 7, 2021", UTC, "2021-03-07T00:00:00.000000Z")
	f("%bch %d, %Y", "March 7, 2021", UTC, "2021-03-07T00:00:00.000000Z")
	f("%a %F", "Sunday 2021-03-07", UTC, "does not match the format")
	f("%A %F", "Sun 2021-03-07", UTC, "2021-03-07T00:00:00.000000Z")
	f("%Y %j", "2024 366", UTC, "2024-12-31T00:00:00.000000Z")
	f("%Y %j", "2023 366", UTC, "no such date or time")
	f("%G-W%V-%u", "2020-W53-7", UTC, "2021-01-03T00:00:00.000000Z")
	f("%G-W%V-%u", "2021-W53-1", UTC, "no such date or time")
	f("%Y %U %w", "2024 09 2", UTC, "2024-03-05T00:00:00.000000Z")
	f("%Y %W %u", "2024 10 2", UTC, "2024-03-05T00:00:00.000000Z")
	f("%s", "1709643849", UTC, "2024-03-05T13:04:09.000000Z")
	f("%s", "-1", UTC, "1969-12-31T23:59:59.000000Z")
	f("%Y-%m-%d %I:%M %p", "2024-03-05 12:30 am", UTC, "2024-03-05T00:30:00.000000Z")
	f("%F %T%.f", "2024-03-05 01:02:03.1234567891", UTC, "2024-03-05T01:02:03.123456Z")
	f("%F %T.%f", "2024-03-05 01:02:03.123456", UTC, "2024-03-05T01:02:03.000123Z") // a number of nanoseconds, as chrono reads it
	f("%F %T.%6f", "2024-03-05 01:02:03.123456", UTC, "2024-03-05T01:02:03.123456Z")
	f("%F %T", "2024-12-31 23:59:60", UTC, "2025-01-01T00:00:00.000000Z")
	f("%F %T", "2024-12-31 24:00:00", UTC, "no such date or time")
	f("%F %T", "2024-03-10 02:30:00", ny, "the clocks skip this local time")
	f("%F %T", "2024-11-03 01:30:00", ny, "the clocks show this local time twice")
	f("%F %T %Z", "2024-11-03 01:30:00 EDT", UTC, "2024-11-03T01:30:00.000000Z")
	f("%+", "2024-03-05T13:04:09.5Z", UTC, "2024-03-05T13:04:09.500000Z")
	f("%F %z", "9999-12-31 -2300", UTC, "9999-12-31T23:00:00.000000Z")
	f("%F %T %z", "9999-12-31 23:00:00 -0200", UTC, "outside of the years 1 to 9999")
	f("%D", "03/05/24", UTC, "2024-03-05T00:00:00.000000Z")
	f("%Y %y-%m-%d", "2024 23-01-01", UTC, "no such date or time")
	for _, bad := range []string{"%Y-%L", "%Y-%m", "%H:%M", "%m-%d", "%Y-%m-%d %I:%M", "%G-%V", "%U %Y", ""} {
		if _, err := NewReader(bad); err == nil {
			t.Errorf("%q compiles", bad)
		}
	}
}

// What one format writes, it reads back.
func TestFormatRoundTrip(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	ny, _ := LoadZone("America/New_York")
	for _, text := range []string{"%F %T%.f %z", "%+", "%c %6f %:z", "%G %V %u %X%.9f %z", "%s%.f", "%j/%Y %r%.6f %z", "%W %a %Y %T%.f%z", "%U %A %Y %T%.f%z", "%v %R:%S %f %::z"} {
		c, err := NewReader(text)
		if err != nil {
			t.Fatal(err)
		}
		clock := NewClock(ny)
		for range 2000 {
			at := earliest + 400*Day + r.Int64N(MaxMicros-earliest-800*Day)
			if at < Days(1990, 1, 1)*Day {
				at = Days(1990, 1, 1)*Day + r.Int64N(40*365*Day) // before, offsets have seconds
			}
			s := c.AppendTime(nil, at, &clock)
			if text == "%v %R:%S %f %::z" {
				s = s[:len(s)-3] // read without seconds
			}
			got, err := c.ParseTime(s, UTC)
			if err != nil || got != at {
				t.Fatalf("%q: %s read as %s, %v; want %s", text, s, AppendInstant(nil, got), err, AppendInstant(nil, at))
			}
		}
	}
}

func TestZone(t *testing.T) {
	for _, bad := range []string{"America/./New_York", "America//New_York", "./UTC", "America/New_York/", "", "Local", "+05:00", "random_tz", "../etc/passwd", "UTC+1"} {
		if _, err := LoadZone(bad); err == nil {
			t.Errorf("%q is a zone", bad)
		}
	}
	// Every local hour of two years against the time package.
	for _, name := range []string{"America/New_York", "Asia/Kathmandu", "Europe/Berlin", "Australia/Lord_Howe"} {
		z, err := LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		clock := NewClock(z)
		for h := range int64(2 * 365 * 24 * 2) {
			at := Days(2023, 1, 1)*Day + h*Hour/2
			local := clock.Local(at)
			w := time.UnixMicro(at).In(z.loc)
			if want := time.Date(w.Year(), w.Month(), w.Day(), w.Hour(), w.Minute(), w.Second(), 0, time.UTC).UnixMicro(); local != want {
				t.Fatalf("%s: local time of %v is %d, want %d", name, w, local, want)
			}
			if back, err := z.Instant(local); err != ErrAmbiguous && (err != nil || back != at) {
				t.Fatalf("%s: %v comes back as %d, %v", name, w, back, err)
			}
		}
	}
}

func TestParseInstant(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got, err := ParseInstant([]byte(text), now)
		if err != nil {
			if want != "" {
				t.Errorf("%q: %v, want %s", text, err, want)
			}
			return
		}
		if s := string(AppendInstant(nil, got)); s != want {
			t.Errorf("%q = %s, want %q", text, s, want)
		}
	}
	f("2021-11-05", "2021-11-05T00:00:00.000000Z")
	f("2021-1-5", "2021-01-05T00:00:00.000000Z")
	f("January 08, 1999", "1999-01-08T00:00:00.000000Z")
	f("Jan 8, 1999", "1999-01-08T00:00:00.000000Z")
	f("1999-Jan-08", "1999-01-08T00:00:00.000000Z")
	f("Jan-08-1999", "1999-01-08T00:00:00.000000Z")
	f("08-Jan-1999", "1999-01-08T00:00:00.000000Z")
	f("05-Nov-2021", "2021-11-05T00:00:00.000000Z")
	f("1999/01/08", "1999-01-08T00:00:00.000000Z")
	f("20211105", "2021-11-05T00:00:00.000000Z")
	f("1999.008", "1999-01-08T00:00:00.000000Z")
	f("1", "1970-01-01T00:00:01.000000Z")
	f("-1", "1969-12-31T23:59:59.000000Z")
	f("1577836800", "2020-01-01T00:00:00.000000Z")
	f("1577836800000", "2020-01-01T00:00:00.000000Z")
	f("1577836800000000", "2020-01-01T00:00:00.000000Z")
	f("1577836800000000000", "2020-01-01T00:00:00.000000Z")
	f("2023-09-11T12:52:20.000000", "2023-09-11T12:52:20.000000Z")
	f("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000000Z")
	f("2020-01-01T00:00:00+05:30", "2019-12-31T18:30:00.000000Z")
	f("2020-01-01 00:00:00", "2020-01-01T00:00:00.000000Z")
	f("2020-01-01 00:00:00.5+00:00", "2020-01-01T00:00:00.500000Z")
	f("2016-09-20 23:15:17.063+00", "2016-09-20T23:15:17.063000Z")
	f("2016-09-20 23:15:17.063 +00", "2016-09-20T23:15:17.063000Z")
	f("2020-01-01 00:00:00 UTC", "2020-01-01T00:00:00.000000Z")
	f("2020-01-01 00:00:00.25 America/New_York", "2020-01-01T05:00:00.250000Z")
	f("2020-01-01 00:00:00 Nowhere/Land", "")
	f("Sun, 23 Jan 2000 01:23:45 +0900", "2000-01-22T16:23:45.000000Z")
	f("23 Jan 2000 01:23:45 GMT", "2000-01-23T01:23:45.000000Z")
	f("Mon, 23 Jan 2000 01:23:45 GMT", "")
	f("2021-1-5 1:2:3", "2021-01-05T01:02:03.000000Z")
	f("05/11/2021", "")
	f("05/11/20", "")
	f("2021-13-01", "")
	f("2021-02-30T00:00:00Z", "")
	f("hello", "")
	f("1577836800.5", "")
	f("", "")
	f("2020-01-01T00:00", "")
}

func TestParseDay(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		got, err := ParseDay([]byte(text), now)
		if err != nil {
			if want != "" {
				t.Errorf("%q: %v, want %s", text, err, want)
			}
			return
		}
		if s := string(AppendDate(nil, got)); s != want {
			t.Errorf("%q = %s, want %q", text, s, want)
		}
	}
	f("19990108", "1999-01-08")
	f("18262", "2020-01-01")
	f("-1", "1969-12-31")
	f("1577836800", "2020-01-01")
	f("1577836800000", "2020-01-01")
	f("1577923199999000", "2020-01-01")
	f("1577836800000000000", "")
	f("2020-01-01", "2020-01-01")
	f("Jan 8, 1999", "1999-01-08")
	f("2020-01-01T00:00:00Z", "")
	f("x", "")
}

func TestGuessEdges(t *testing.T) {
	f := func(n, want int64) {
		t.Helper()
		if got, err := GuessInstant(n, now); err != nil || got != want {
			t.Errorf("GuessInstant(%d) = %d, %v; want %d", n, got, err, want)
		}
	}
	last := (now + century) / Second
	f(last, last*Second)
	f(last+1, (last+1)*Millisecond)
	f(last*1000, last*Second)
	f(last*1000+1, last*1000+1)
	f(1<<63-1, (1<<63-1)/1000)
	if _, err := GuessInstant(-1<<63, now); err == nil {
		t.Error("the least number is an instant")
	}
	if _, err := GuessDay(-1<<63, now); err == nil {
		t.Error("the least number is a day")
	}
	if want := 7; len(dayForms) != want {
		t.Errorf("%d day forms compile, want %d", len(dayForms), want)
	}
	if want := 5; len(instantForms) != want {
		t.Errorf("%d instant forms compile, want %d", len(instantForms), want)
	}
	if want := 2; len(mailForms) != want {
		t.Errorf("%d mail forms compile, want %d", len(mailForms), want)
	}
}

func FuzzChrono(f *testing.F) {
	f.Add("%Y-%m-%d", "2020-01-01")
	f.Add("%c %z", "Sun, 23 Jan 2000 01:23:45 +0900")
	f.Add("%+%s%U", "9999-12-31T23:59:60-23:59")
	ny, _ := LoadZone("America/New_York")
	f.Fuzz(func(t *testing.T, format, text string) {
		for _, parse := range []func() (int64, error){
			func() (int64, error) { return ParseInstant([]byte(text), now) },
			func() (int64, error) {
				c, err := NewReader(format)
				if err != nil {
					return 0, err
				}
				return c.ParseTime([]byte(text), ny)
			},
		} {
			if micros, err := parse(); err == nil && !InRange(micros) {
				t.Fatalf("%q by %q is out of range: %d", text, format, micros)
			}
		}
		if c, err := NewFormat(format); err == nil {
			clock := NewClock(ny)
			for _, at := range []int64{MinMicros, 0, now, MaxMicros} {
				c.AppendTime(nil, at, &clock)
			}
		}
	})
}
