package chrono

import (
	"errors"
	"strconv"
)

// Errors of what cannot be read as an instant or a day.
var (
	ErrNoInstant = errors.New("not a datetime: expected a number of seconds, or a text such as 2021-01-31T10:00:00Z")
	ErrNoDay     = errors.New("not a date: expected a number of days, or a text such as 2021-01-31")
)

// century is how far ahead of now a number may be before a smaller unit is tried.
const century = 100 * 365 * Day

// GuessInstant reads a number as an instant by its magnitude: as seconds unless that
// is more than a hundred years after now, else as milliseconds, else microseconds, else
// nanoseconds.
func GuessInstant(n, now int64) (int64, error) {
	ahead := now + century
	switch {
	case n <= ahead/Second:
		if n < MinMicros/Second {
			return 0, ErrRange
		}
		return n * Second, nil
	case n <= ahead/Millisecond:
		return n * Millisecond, nil
	case n <= ahead:
		return n, nil
	}
	return n / 1000, nil
}

// GuessDay reads a number as a day by its magnitude, like GuessInstant: days, seconds,
// milliseconds, microseconds.
func GuessDay(n, now int64) (int64, error) {
	ahead := now + century
	if n <= ahead/Day {
		if n < MinDays {
			return 0, ErrRange
		}
		return n, nil
	}
	micros := n
	switch {
	case n <= ahead/Second:
		micros *= Second
	case n <= ahead/Millisecond:
		micros *= Millisecond
	case n > ahead:
		return 0, ErrRange
	}
	days, _ := DayOf(micros)
	return days, nil
}

// dayForms are the texts of a day, beside 19990108.
var dayForms = readers("%Y-%m-%d", "%B %d, %Y", "%Y-%b-%d", "%b-%d-%Y", "%d-%b-%Y", "%Y/%m/%d", "%Y.%j")

// instantForms are the texts of an instant that ISO 8601 and RFC 2822 do not cover, or
// that leave out leading zeros.
var instantForms = readers("%Y-%m-%d %H:%M:%S%.f%z", "%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f",
	"%Y-%m-%d %H:%M:%S%.f%#z")

// mailForms are the dates of RFC 2822, without the optional day of the week.
var mailForms = readers("%d %b %Y %H:%M:%S %z", "%d %b %Y %H:%M %z")

func readers(formats ...string) []*Format {
	var list []*Format
	for _, text := range formats {
		if f, err := NewReader(text); err == nil { // they all compile; the tests count them
			list = append(list, f)
		}
	}
	return list
}

// earliest is the first year that a text can tell: four digits, so that the day of a
// 01/02/03 is never taken for a year.
var earliest = Days(1000, 1, 1) * Day

func first(forms []*Format, text []byte) (int64, bool) {
	for _, f := range forms {
		if micros, err := f.ParseTime(text, UTC); err == nil && micros >= earliest {
			return micros, true
		}
	}
	return 0, false
}

// ParseInstant reads a text as Fennel's log API reads datetimes: a day (midnight UTC),
// a whole number (GuessInstant; but eight digits are a day first), RFC 3339, RFC 2822,
// the same with a space for the T, with the name of a zone, and without a zone (UTC).
func ParseInstant(text []byte, now int64) (int64, error) {
	if micros, ok := parseISO(text); ok {
		return micros, nil
	}
	if len(text) > 64 {
		return 0, ErrNoInstant
	}
	if days, ok := parseDay(text); ok {
		return days * Day, nil
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return GuessInstant(n, now)
	}
	if micros, ok := parseMail(text); ok {
		return micros, nil
	}
	if micros, ok := parseNamed(text); ok {
		return micros, nil
	}
	if micros, ok := first(instantForms, text); ok {
		return micros, nil
	}
	return 0, ErrNoInstant
}

// ParseDay reads a text as a day: the day forms of ParseInstant and whole numbers
// (GuessDay).
func ParseDay(text []byte, now int64) (int64, error) {
	if len(text) > 64 {
		return 0, ErrNoDay
	}
	if days, ok := parseDay(text); ok {
		return days, nil
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return GuessDay(n, now)
	}
	return 0, ErrNoDay
}

// ParseISO reads an instant written in ISO 8601: YYYY-MM-DDTHH:MM:SS, with or without
// a fraction and an offset (UTC without), or a day, which means its midnight.
func ParseISO(text []byte) (int64, error) {
	if micros, ok := parseISO(text); ok {
		return micros, nil
	}
	if days, err := ParseISODay(text); err == nil {
		return days * Day, nil
	}
	return 0, ErrNoInstant
}

// ParseISODay reads a day written YYYY-MM-DD.
func ParseISODay(text []byte) (int64, error) {
	year, rest, n := digits(text, 4)
	if n != 4 || len(rest) != 6 || rest[0] != '-' || rest[3] != '-' {
		return 0, ErrNoDay
	}
	month, _, n := digits(rest[1:], 2)
	day, _, m := digits(rest[4:], 2)
	if n != 2 || m != 2 || !ValidDate(year, month, day) {
		return 0, ErrNoDay
	}
	return Days(year, month, day), nil
}

func parseDay(text []byte) (int64, bool) {
	if year, rest, n := digits(text, 4); n == 4 && len(text) == 8 {
		month, rest, m := digits(rest, 2)
		day, _, d := digits(rest, 2)
		if m == 2 && d == 2 {
			return Days(year, month, day), year >= 1000 && ValidDate(year, month, day)
		}
	}
	micros, ok := first(dayForms, text)
	days, _ := DayOf(micros)
	return days, ok
}

// parseISO reads YYYY-MM-DD(T| )HH:MM:SS[.f](Z|+hh:mm|+hhmm|+hh|), the bulk of what is
// logged, without trying one form after the other.
func parseISO(s []byte) (int64, bool) {
	const form = "dddd-dd-ddTdd:dd:dd"
	if len(s) < len(form) {
		return 0, false
	}
	for i := range len(form) {
		switch c := s[i]; form[i] {
		case 'd':
			if c-'0' > 9 {
				return 0, false
			}
		case 'T':
			if c != 'T' && c != 't' && c != ' ' {
				return 0, false
			}
		default:
			if c != form[i] {
				return 0, false
			}
		}
	}
	two := func(i int) int { return int(s[i]-'0')*10 + int(s[i+1]-'0') }
	year, month, day := two(0)*100+two(2), two(5), two(8)
	hour, minute, second := two(11), two(14), two(17)
	if !ValidDate(year, month, day) || hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	micros := Days(year, month, day)*Day + int64(hour)*Hour + int64(minute)*Minute + int64(second)*Second
	rest := s[len(form):]
	if len(rest) > 0 && rest[0] == '.' {
		nanos, after, ok := fraction(rest[1:])
		if !ok {
			return 0, false
		}
		micros += int64(nanos) / 1000
		rest = after
	}
	if len(rest) > 0 {
		seconds, after, ok := offset(rest, true, true)
		if !ok || len(after) > 0 {
			return 0, false
		}
		micros -= seconds * Second
	}
	return micros, InRange(micros)
}

// parseMail reads the dates of RFC 2822: Sun, 23 Jan 2000 01:23:45 +0900.
func parseMail(text []byte) (int64, bool) {
	s := trimSpace(text)
	weekday := -1
	if k, rest := name(s, weekdayNames[:], false); k >= 0 && len(rest) > 0 && rest[0] == ',' {
		weekday, s = k, trimSpace(rest[1:])
	}
	var buf [64]byte
	s = append(buf[:0], s...)
	for _, z := range [...]struct{ name, offset string }{
		{"GMT", "+0000"},
		{"UT", "+0000"},
		{"Z", "+0000"},
		{"EST", "-0500"},
		{"EDT", "-0400"},
		{"CST", "-0600"},
		{"CDT", "-0500"},
		{"MST", "-0700"},
		{"MDT", "-0600"},
		{"PST", "-0800"},
		{"PDT", "-0700"},
	} {
		if n := len(s) - len(z.name); n > 0 && s[n-1] == ' ' && equalFold(s[n:], z.name) {
			s = append(s[:n], z.offset...)
			break
		}
	}
	micros, ok := first(mailForms, s)
	if ok && weekday >= 0 {
		_, _, n := digits(s, 2)
		ok = n > 0 && weekdayOf(s) == weekday
	}
	return micros, ok
}

// weekdayOf returns the weekday of the date at the start of a text that mailForms took;
// it is that of the local day, which the instant does not tell.
func weekdayOf(s []byte) int {
	day, s, _ := digits(s, 2)
	month, s := name(trimSpace(s), monthNames[:], false)
	year, _, _ := digits(trimSpace(s), 4)
	if !ValidDate(year, month+1, day) {
		return -1
	}
	return Weekday(Days(year, month+1, day))
}

// parseNamed reads YYYY-MM-DD HH:MM:SS.f Zone/Name.
func parseNamed(text []byte) (int64, bool) {
	for i := len(text) - 1; i > 0; i-- {
		if text[i] != ' ' {
			continue
		}
		// A letter first: loading a zone means looking through files of names.
		if i+1 == len(text) || text[i+1]|0x20 < 'a' || text[i+1]|0x20 > 'z' {
			return 0, false
		}
		local, ok := parseISO(text[:i])
		if !ok || i > 10 && (text[i-1] == 'Z' || text[i-1] == 'z') {
			return 0, false
		}
		zone, err := LoadZone(string(text[i+1:]))
		if err != nil {
			return 0, false
		}
		micros, err := zone.Instant(local)
		return micros, err == nil
	}
	return 0, false
}
