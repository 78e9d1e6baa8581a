package codec

import (
	"strings"
	"time"
)

// parseTime reads a date or a date and time from text. Without a zone it is UTC. In
// this order:
//
//	2006-01-02                        and nothing, or a time of day after T, t or a space:
//	15:04 15:04:05 15:04:05.999999999 and nothing, or a zone, a space before it allowed:
//	Z UTC GMT +07 +07:00 +0700 Europe/Paris
//	January 2, 2006; Jan 2, 2006; 2006-Jan-02; Jan-02-2006; 02-Jan-2006; 2006/01/02;
//	20060102; 2006.002 (day of the year)
//	Mon, 02 Jan 2006 15:04:05 +0700 (RFC 2822, weekday optional, +0700 or a US zone name)
//
// Forms like 01/02/2006, whose order of day and month cannot be known, are refused.
// Named zones are looked up in the system's time zone database.
func parseTime(text []byte) (second int64, nanos int, ok bool) {
	if second, nanos, ok = parseISO(text); ok {
		return second, nanos, true
	}
	if second, ok = parseCompact(text); ok {
		return second, 0, true
	}
	return parseRareTime(text)
}

// parseCompact reads a date written 20060102.
func parseCompact(s []byte) (second int64, ok bool) {
	if len(s) != 8 {
		return 0, false
	}
	iso := [10]byte{s[0], s[1], s[2], s[3], '-', s[4], s[5], '-', s[6], s[7]}
	second, _, ok = parseISO(iso[:])
	return second, ok
}

// parseISO is the fast part of parseTime: everything but named zones, in a form that
// starts with 2006-01-02.
func parseISO(s []byte) (second int64, nanos int, ok bool) {
	second, nanos, zone, ok := parseLocal(s)
	if !ok {
		return 0, 0, false
	}
	offset, ok := parseOffset(zone)
	second -= int64(offset)
	return second, nanos, ok && second >= minSecond && second <= maxSecond
}

// parseLocal reads date and time of day as if they were UTC, and returns the rest.
func parseLocal(s []byte) (second int64, nanos int, zone []byte, ok bool) {
	if len(s) < 10 || s[4] != '-' || s[7] != '-' {
		return 0, 0, nil, false
	}
	hi, ok1 := parse2(s, 0)
	lo, ok2 := parse2(s, 2)
	m, ok3 := parse2(s, 5)
	d, ok4 := parse2(s, 8)
	y := hi*100 + lo
	if !ok1 || !ok2 || !ok3 || !ok4 || y < 1 || m < 1 || m > 12 || d < 1 || d > daysIn(y, m) {
		return 0, 0, nil, false
	}
	second = daysFromCivil(y, m, d) * daySeconds
	if len(s) == 10 {
		return second, 0, nil, true
	}
	if s[10] != ' ' && s[10]|0x20 != 't' || len(s) < 16 || s[13] != ':' {
		return 0, 0, nil, false
	}
	hour, ok1 := parse2(s, 11)
	minute, ok2 := parse2(s, 14)
	if !ok1 || !ok2 || hour > 23 || minute > 59 {
		return 0, 0, nil, false
	}
	second += int64(hour*3600 + minute*60)
	s = s[16:]
	if len(s) >= 3 && s[0] == ':' {
		sec, ok := parse2(s, 1)
		if !ok || sec > 59 {
			return 0, 0, nil, false
		}
		second += int64(sec)
		if s = s[3:]; len(s) >= 2 && s[0] == '.' {
			end := digits(s, 1)
			n := end - 1
			if n < 1 || n > 9 {
				return 0, 0, nil, false
			}
			for _, c := range s[1:end] {
				nanos = nanos*10 + int(c-'0')
			}
			nanos *= pow10[9-n]
			s = s[end:]
		}
	}
	return second, nanos, s, true
}

// parseOffset reads a zone given by its distance from UTC, in seconds.
func parseOffset(s []byte) (offset int, ok bool) {
	if len(s) > 0 && s[0] == ' ' {
		s = s[1:]
		if len(s) == 0 {
			return 0, false
		}
	}
	switch {
	case len(s) == 0, len(s) == 1 && s[0]|0x20 == 'z', equalFold(s, "utc"), equalFold(s, "gmt"):
		return 0, true
	case s[0] != '+' && s[0] != '-':
		return 0, false
	}
	neg := s[0] == '-'
	s = s[1:]
	hour, ok := parse2(s, 0)
	minute := 0
	switch {
	case !ok:
		return 0, false
	case len(s) == 5 && s[2] == ':':
		minute, ok = parse2(s, 3)
	case len(s) == 4:
		minute, ok = parse2(s, 2)
	case len(s) != 2:
		return 0, false
	}
	if !ok || hour > 23 || minute > 59 {
		return 0, false
	}
	if offset = hour*3600 + minute*60; neg {
		offset = -offset
	}
	return offset, true
}

// parse2 reads two digits at s[i].
func parse2(s []byte, i int) (int, bool) {
	if i+2 > len(s) || !isDigit(s[i]) || !isDigit(s[i+1]) {
		return 0, false
	}
	return int(s[i]-'0')*10 + int(s[i+1]-'0'), true
}

func daysIn(y, m int) int {
	switch m {
	case 2:
		if y%4 == 0 && (y%100 != 0 || y%400 == 0) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

var rareLayouts = [...]string{
	"January 2, 2006", "Jan 2, 2006", "2006-Jan-02", "Jan-02-2006", "02-Jan-2006", "2006/01/02", "2006.002",
	"Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 -0700",
}

// usZones are the zone names RFC 2822 (section 4.3) gives a meaning.
var usZones = map[string]string{
	"GMT": "+0000", "UT": "+0000", "UTC": "+0000", "Z": "+0000", "EST": "-0500", "EDT": "-0400", "CST": "-0600",
	"CDT": "-0500", "MST": "-0700", "MDT": "-0600", "PST": "-0800", "PDT": "-0700",
}

// maxTimeText is above the length of every form of parseTime.
const maxTimeText = 80

// parseRareTime tries the forms that are not worth a parser of their own.
func parseRareTime(b []byte) (second int64, nanos int, ok bool) {
	if len(b) > maxTimeText || len(b) < 8 {
		return 0, 0, false
	}
	if second, nanos, zone, ok := parseLocal(b); ok {
		name := strings.TrimPrefix(string(zone), " ")
		if !strings.Contains(name, "/") { // nothing but Area/City, and never "Local"
			return 0, 0, false
		}
		loc, err := time.LoadLocation(name)
		if err != nil {
			return 0, 0, false
		}
		u := time.Unix(second, 0).UTC()
		second = time.Date(u.Year(), u.Month(), u.Day(), u.Hour(), u.Minute(), u.Second(), 0, loc).Unix()
		return second, nanos, second >= minSecond && second <= maxSecond
	}
	s := string(b)
	if i := strings.LastIndexByte(s, ' '); i > 0 {
		if offset, known := usZones[s[i+1:]]; known {
			s = s[:i+1] + offset
		}
	}
	for _, layout := range rareLayouts {
		if t, err := time.Parse(layout, s); err == nil {
			second = t.Unix()
			return second, t.Nanosecond(), second >= minSecond && second <= maxSecond
		}
	}
	return 0, 0, false
}
