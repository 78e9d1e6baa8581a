package chrono

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Errors of ParseTime beside those of Zone.Instant.
var (
	ErrMismatch = errors.New("does not match the format")
	ErrNoDate   = errors.New("no such date or time")
)

// NewReader compiles a format for ParseTime: like NewFormat, but a format that does not
// tell a full date, or an hour of twelve without AM or PM, is an error.
func NewReader(text string) (*Format, error) {
	f, err := NewFormat(text)
	if err != nil {
		return nil, err
	}
	h := &f.has
	year := h[codeYear] || h[codeYear2]
	isoYear := h[codeISOYear] || h[codeISOYear2]
	weekday := h[codeWeekdayShort] || h[codeWeekdayLong] || h[codeWeekdaySunday] || h[codeWeekdayMonday]
	switch {
	case h[codeEpoch]:
	case year && h[codeMonth] || year && (h[codeMonthShort] || h[codeMonthLong]):
		if !h[codeDay] {
			return nil, fmt.Errorf("the format %q tells no day", text)
		}
	case year && h[codeYearDay], isoYear && h[codeISOWeek] && weekday,
		year && weekday && (h[codeWeekSunday] || h[codeWeekMonday]):
	default:
		return nil, fmt.Errorf("the format %q tells no full date", text)
	}
	if h[codeHour12] && !h[codeHour] && !h[codeAMPM] && !h[codeAmpm] {
		return nil, fmt.Errorf("the format %q tells no AM or PM", text)
	}
	return f, nil
}

// unset marks a part that the text does not tell.
const unset = -1 << 31

// parts are what a text says about an instant, by code; several codes share one place.
type parts struct {
	of     [codeEpoch + 1]int
	offset int64 // seconds
	zoned  bool
	bad    bool // a part was told twice, differently
}

func (p *parts) set(c code, v int) {
	if p.of[c] != unset && p.of[c] != v {
		p.bad = true
	}
	p.of[c] = v
}

// ParseTime reads a text by the format. An offset in the text wins over zone.
func (f *Format) ParseTime(text []byte, zone *Zone) (int64, error) {
	var p parts
	for i := range p.of {
		p.of[i] = unset
	}
	s := text
	for i := range f.items {
		rest, ok := p.read(&f.items[i], s)
		if !ok {
			return 0, ErrMismatch
		}
		s = rest
	}
	if len(s) > 0 {
		return 0, ErrMismatch
	}
	if p.bad {
		return 0, ErrNoDate
	}
	return p.instant(zone)
}

// read reads one item from the start of s.
func (p *parts) read(it *item, s []byte) (rest []byte, ok bool) {
	switch it.code {
	case codeLiteral:
		if len(s) < len(it.text) || string(s[:len(it.text)]) != it.text {
			return nil, false
		}
		return s[len(it.text):], true
	case codeSpace:
		return trimSpace(s), true
	case codeT:
		if len(s) == 0 || s[0] != 'T' && s[0] != 't' && s[0] != ' ' {
			return nil, false
		}
		return s[1:], true
	case codeMonthShort, codeMonthLong:
		k, rest := name(s, monthNames[:], it.code == codeMonthLong)
		if k < 0 {
			return nil, false
		}
		p.set(codeMonth, k+1)
		return rest, true
	case codeWeekdayShort, codeWeekdayLong:
		k, rest := name(s, weekdayNames[:], it.code == codeWeekdayLong)
		if k < 0 {
			return nil, false
		}
		p.set(codeWeekdayMonday, k)
		return rest, true
	case codeAMPM, codeAmpm:
		if len(s) < 2 || s[1]|0x20 != 'm' || s[0]|0x20 != 'a' && s[0]|0x20 != 'p' {
			return nil, false
		}
		half := 0
		if s[0]|0x20 == 'p' {
			half = 1
		}
		p.set(codeAMPM, half)
		return s[2:], true
	case codeZoneName:
		for len(s) > 0 {
			r, size := utf8.DecodeRune(s)
			if unicode.IsSpace(r) {
				break
			}
			s = s[size:]
		}
		return s, true
	case codeOffset, codeOffsetColon, codeOffsetSeconds, codeOffsetHours, codeOffsetLoose, codeOffsetRFC:
		zulu := it.code == codeOffsetLoose || it.code == codeOffsetRFC
		seconds, rest, ok := offset(s, zulu, it.code == codeOffsetLoose || it.code == codeOffsetHours)
		if !ok || p.zoned && p.offset != seconds {
			return nil, false
		}
		p.offset, p.zoned = seconds, true
		return rest, true
	case codeFraction:
		if len(s) == 0 || s[0] != '.' {
			return s, true
		}
		nanos, rest, ok := fraction(s[1:])
		p.set(codeNanos, nanos)
		return rest, ok
	case codeFractionBare:
		v, rest, n := digits(s, int(it.width))
		if n < int(it.width) {
			return nil, false
		}
		for ; n < 9; n++ {
			v *= 10
		}
		p.set(codeNanos, v)
		return rest, true
	case codeEpoch:
		negative := len(s) > 0 && s[0] == '-'
		if negative || len(s) > 0 && s[0] == '+' {
			s = s[1:]
		}
		v, rest, n := digits(s, 12)
		if negative {
			v = -v
		}
		p.set(codeEpoch, v)
		return rest, n > 0
	}
	v, rest, n := digits(trimSpace(s), int(it.width))
	if n == 0 {
		return nil, false
	}
	c := it.code
	switch c {
	case codeWeekdayMonday: // 1 to 7; kept as 0 to 6
		v--
	case codeWeekdaySunday:
		if v > 6 {
			return nil, false
		}
		c, v = codeWeekdayMonday, (v+6)%7
	}
	p.set(c, v)
	return rest, true
}

// instant puts the parts together.
func (p *parts) instant(zone *Zone) (int64, error) {
	ofDay, err := p.clock()
	if err != nil {
		return 0, err
	}
	if epoch := p.of[codeEpoch]; epoch != unset {
		micros := int64(epoch)*Second + ofDay%Second
		if !InRange(micros) {
			return 0, ErrRange
		}
		return micros, nil
	}
	days, err := p.date()
	if err != nil {
		return 0, err
	}
	local := days*Day + ofDay
	if !p.zoned {
		return zone.Instant(local)
	}
	if local -= p.offset * Second; !InRange(local) {
		return 0, ErrRange
	}
	return local, nil
}

// clock returns the time of the day in microseconds.
func (p *parts) clock() (int64, error) {
	hour, minute, second, nanos := p.of[codeHour], p.of[codeMinute], p.of[codeSecond], p.of[codeNanos]
	if h12 := p.of[codeHour12]; h12 != unset {
		if h12 < 1 || h12 > 12 {
			return 0, ErrNoDate
		}
		if half := p.of[codeAMPM]; half != unset {
			h := h12%12 + 12*half
			if hour != unset && hour != h {
				return 0, ErrNoDate
			}
			hour = h
		}
	} else if half := p.of[codeAMPM]; half != unset && hour != unset && hour/12 != half {
		return 0, ErrNoDate
	}
	hour, minute, second, nanos = max(hour, 0), max(minute, 0), max(second, 0), max(nanos, 0)
	if hour > 23 || minute > 59 || second > 60 {
		return 0, ErrNoDate
	}
	return int64(hour)*Hour + int64(minute)*Minute + int64(second)*Second + int64(nanos)/1000, nil
}

// date returns the day number that the parts tell, checking those that are not needed.
func (p *parts) date() (int64, error) {
	weekday := p.of[codeWeekdayMonday]
	if weekday != unset && (weekday < 0 || weekday > 6) {
		return 0, ErrNoDate
	}
	year := fullYear(p.of[codeYear], p.of[codeCentury], p.of[codeYear2])
	month, day := p.of[codeMonth], p.of[codeDay]
	var days int64
	switch {
	case year != unset && month != unset && day != unset:
		if !ValidDate(year, month, day) {
			return 0, ErrNoDate
		}
		days = Days(year, month, day)
	case year != unset && p.of[codeYearDay] != unset:
		n := p.of[codeYearDay]
		if !ValidDate(year, 1, 1) || n < 1 || n > 366 || n == 366 && !leap(year) {
			return 0, ErrNoDate
		}
		days = Days(year, 1, 1) + int64(n-1)
	case year != unset && weekday != unset && p.week() != unset:
		week := p.week()
		if !ValidDate(year, 1, 1) || week > 53 {
			return 0, ErrNoDate
		}
		first := Days(year, 1, 1)
		shift := Weekday(first) // days since the Monday on or before January 1st
		if p.of[codeWeekMonday] == unset {
			shift, weekday = (shift+1)%7, (weekday+1)%7
		}
		days = first - int64(shift) + int64(week*7+weekday)
		if shift == 0 {
			days -= 7 // January 1st begins week 1, not week 0
		}
		if y, _, _ := Date(days); y != year {
			return 0, ErrNoDate
		}
		weekday = unset
	default:
		iso := fullYear(p.of[codeISOYear], unset, p.of[codeISOYear2])
		week := p.of[codeISOWeek]
		if iso == unset || week == unset || weekday == unset || !ValidDate(iso, 1, 4) {
			return 0, ErrNoDate
		}
		fourth := Days(iso, 1, 4) // always in week 1
		days = fourth - int64(Weekday(fourth)) + int64((week-1)*7+weekday)
		if y, w := ISOWeek(days); y != iso || w != week {
			return 0, ErrNoDate
		}
	}
	return days, p.agrees(days, weekday)
}

// agrees checks the parts that the date did not need.
func (p *parts) agrees(days int64, weekday int) error {
	year, month, day := Date(days)
	isoYear, isoWeek := ISOWeek(days)
	for _, c := range [...]struct{ told, is int }{
		{weekday, Weekday(days)},
		{p.of[codeMonth], month},
		{p.of[codeDay], day},
		{p.of[codeYearDay], YearDay(days)},
		{fullYear(p.of[codeYear], p.of[codeCentury], p.of[codeYear2]), year},
		{p.of[codeYear2], year % 100},
		{p.of[codeISOYear], isoYear},
		{p.of[codeISOWeek], isoWeek},
	} {
		if c.told != unset && c.told != c.is {
			return ErrNoDate
		}
	}
	if days < MinDays || days > MaxDays {
		return ErrRange
	}
	return nil
}

func (p *parts) week() int { return max(p.of[codeWeekMonday], p.of[codeWeekSunday]) }

// fullYear joins a year from its parts.
func fullYear(year, century, of100 int) int {
	switch {
	case year != unset:
		return year
	case of100 == unset:
		return unset
	case century != unset:
		return century*100 + of100
	case of100 < 70:
		return 2000 + of100
	}
	return 1900 + of100
}

// digits reads a number of at most max digits.
func digits(s []byte, max int) (v int, rest []byte, n int) {
	for n < len(s) && n < max && s[n]-'0' <= 9 {
		v = v*10 + int(s[n]-'0')
		n++
	}
	return v, s[n:], n
}

// fraction reads the digits behind a decimal point as nanoseconds; those beyond the
// ninth are dropped.
func fraction(s []byte) (nanos int, rest []byte, ok bool) {
	nanos, rest, n := digits(s, 9)
	if n == 0 {
		return 0, nil, false
	}
	for ; n < 9; n++ {
		nanos *= 10
	}
	for len(rest) > 0 && rest[0]-'0' <= 9 {
		rest = rest[1:]
	}
	return nanos, rest, true
}

// offset reads +hhmm or +hh:mm, and as allowed Z or +hh.
func offset(s []byte, zulu, short bool) (seconds int64, rest []byte, ok bool) {
	s = trimSpace(s)
	if zulu && len(s) > 0 && s[0]|0x20 == 'z' {
		return 0, s[1:], true
	}
	if len(s) == 0 || s[0] != '+' && s[0] != '-' {
		return 0, nil, false
	}
	negative := s[0] == '-'
	hours, rest, n := digits(s[1:], 2)
	if n != 2 {
		return 0, nil, false
	}
	s = rest
	if len(s) > 0 && s[0] == ':' {
		s = s[1:]
	}
	minutes, after, n := digits(s, 2)
	switch {
	case n == 2:
		rest = after
	case n != 0 || !short:
		return 0, nil, false
	}
	if hours > 23 || minutes > 59 {
		return 0, nil, false
	}
	seconds = int64(hours*3600 + minutes*60)
	if negative {
		seconds = -seconds
	}
	return seconds, rest, true
}

// name reads the first three letters of one of the names, or if long all of it, in any
// case.
func name(s []byte, names []string, long bool) (k int, rest []byte) {
	for k, full := range names {
		if long && len(s) >= len(full) && equalFold(s[:len(full)], full) {
			return k, s[len(full):]
		}
	}
	for k, full := range names {
		if len(s) >= 3 && equalFold(s[:3], full[:3]) {
			return k, s[3:]
		}
	}
	return -1, nil
}

func equalFold(s []byte, t string) bool {
	for i := range s {
		if s[i]|0x20 != t[i]|0x20 {
			return false
		}
	}
	return true
}

func trimSpace(s []byte) []byte {
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		if !unicode.IsSpace(r) {
			return s
		}
		s = s[size:]
	}
	return s
}
