package chrono

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// code is one thing that a format reads or writes.
type code uint8

const (
	codeLiteral code = iota // Format.literals
	codeSpace               // white space
	codeYear
	codeCentury
	codeYear2
	codeISOYear
	codeISOYear2
	codeISOWeek
	codeMonth
	codeMonthShort
	codeMonthLong
	codeDay
	codeYearDay
	codeWeekdayShort
	codeWeekdayLong
	codeWeekdaySunday // %w
	codeWeekdayMonday // %u
	codeWeekSunday    // %U
	codeWeekMonday    // %W
	codeHour
	codeHour12
	codeAMPM
	codeAmpm
	codeMinute
	codeSecond
	codeNanos
	codeFraction     // %.f, or with width digits
	codeFractionBare // %3f %6f %9f
	codeZoneName
	codeOffset        // +hhmm
	codeOffsetColon   // +hh:mm
	codeOffsetSeconds // +hh:mm:ss
	codeOffsetHours   // +hh
	codeOffsetLoose   // %#z
	codeOffsetRFC     // +hh:mm, reads Z too (part of %+)
	codeT             // the T of %+, reads a space too
	codeEpoch
)

// item is one step of a format.
type item struct {
	code  code
	width uint8 // digits at most when reading, and exactly when writing with padding
	pad   byte  // '0', ' ' or 0 for none
	text  string
}

// Format is a compiled format. It is safe for concurrent use.
type Format struct {
	text  string
	items []item
	has   [codeEpoch + 1]bool
}

// MaxFormat is how long a format may be, in bytes.
const MaxFormat = 1024

// NewFormat compiles a format for AppendTime. Its errors say which code is unknown.
func NewFormat(text string) (*Format, error) {
	f := &Format{text: text}
	if len(text) > MaxFormat {
		return nil, fmt.Errorf("a format has at most %d bytes", MaxFormat)
	}
	if err := f.add(text); err != nil {
		return nil, err
	}
	for _, it := range f.items {
		f.has[it.code] = true
	}
	return f, nil
}

// add appends the items of a format, also of those that stand for several codes.
func (f *Format) add(text string) error {
	for i := 0; i < len(text); {
		if text[i] != '%' {
			r, size := utf8.DecodeRuneInString(text[i:])
			if unicode.IsSpace(r) {
				f.space(text[i : i+size])
			} else {
				f.literal(text[i : i+size])
			}
			i += size
			continue
		}
		n, err := f.spec(text[i:])
		if err != nil {
			return err
		}
		i += n
	}
	return nil
}

// literal appends text that stands for itself.
func (f *Format) literal(s string) {
	if n := len(f.items); n > 0 && f.items[n-1].code == codeLiteral {
		f.items[n-1].text += s
		return
	}
	f.items = append(f.items, item{code: codeLiteral, text: s})
}

func (f *Format) space(s string) {
	if n := len(f.items); n > 0 && f.items[n-1].code == codeSpace {
		f.items[n-1].text += s
		return
	}
	f.items = append(f.items, item{code: codeSpace, text: s})
}

var compound = map[byte]string{
	'D': "%m/%d/%y", 'x': "%m/%d/%y", 'F': "%Y-%m-%d", 'v': "%e-%b-%Y", 'R': "%H:%M", 'T': "%H:%M:%S",
	'X': "%H:%M:%S", 'r': "%I:%M:%S %p", 'c': "%a %b %e %H:%M:%S %Y",
}

var simple = map[byte]item{
	'Y': {code: codeYear, width: 4, pad: '0'}, 'C': {code: codeCentury, width: 2, pad: '0'},
	'y': {code: codeYear2, width: 2, pad: '0'}, 'G': {code: codeISOYear, width: 4, pad: '0'},
	'g': {code: codeISOYear2, width: 2, pad: '0'}, 'V': {code: codeISOWeek, width: 2, pad: '0'},
	'm': {code: codeMonth, width: 2, pad: '0'}, 'b': {code: codeMonthShort}, 'h': {code: codeMonthShort},
	'B': {code: codeMonthLong}, 'd': {code: codeDay, width: 2, pad: '0'}, 'e': {code: codeDay, width: 2, pad: ' '},
	'j': {code: codeYearDay, width: 3, pad: '0'}, 'a': {code: codeWeekdayShort}, 'A': {code: codeWeekdayLong},
	'w': {code: codeWeekdaySunday, width: 1}, 'u': {code: codeWeekdayMonday, width: 1},
	'U': {code: codeWeekSunday, width: 2, pad: '0'}, 'W': {code: codeWeekMonday, width: 2, pad: '0'},
	'H': {code: codeHour, width: 2, pad: '0'}, 'k': {code: codeHour, width: 2, pad: ' '},
	'I': {code: codeHour12, width: 2, pad: '0'}, 'l': {code: codeHour12, width: 2, pad: ' '},
	'p': {code: codeAMPM}, 'P': {code: codeAmpm}, 'M': {code: codeMinute, width: 2, pad: '0'},
	'S': {code: codeSecond, width: 2, pad: '0'}, 'f': {code: codeNanos, width: 9, pad: '0'},
	'Z': {code: codeZoneName}, 'z': {code: codeOffset}, 's': {code: codeEpoch, width: 19},
}

// spec appends what the code at the start of s, a percent sign, stands for, and returns
// its length.
func (f *Format) spec(s string) (int, error) {
	i := 1
	var pad byte = 'x' // not given
	if i < len(s) && strings.IndexByte("-_0", s[i]) >= 0 {
		pad = map[byte]byte{'-': 0, '_': ' ', '0': '0'}[s[i]]
		i++
	}
	if i == len(s) {
		return 0, fmt.Errorf("the format ends in %q", s)
	}
	if pad == 'x' {
		for _, long := range [...]struct {
			spec string
			item item
		}{
			{"%.f", item{code: codeFraction}},
			{"%.3f", item{code: codeFraction, width: 3}},
			{"%.6f", item{code: codeFraction, width: 6}},
			{"%.9f", item{code: codeFraction, width: 9}},
			{"%3f", item{code: codeFractionBare, width: 3}},
			{"%6f", item{code: codeFractionBare, width: 6}},
			{"%9f", item{code: codeFractionBare, width: 9}},
			{"%:z", item{code: codeOffsetColon}},
			{"%::z", item{code: codeOffsetSeconds}},
			{"%:::z", item{code: codeOffsetHours}},
			{"%#z", item{code: codeOffsetLoose}},
		} {
			if strings.HasPrefix(s, long.spec) {
				f.items = append(f.items, long.item)
				return len(long.spec), nil
			}
		}
	}
	c := s[i]
	if it, ok := simple[c]; ok {
		if pad != 'x' && it.width > 0 {
			it.pad = pad
		} else if pad != 'x' {
			return 0, fmt.Errorf("%q: only numbers can be padded", s[:i+1])
		}
		f.items = append(f.items, it)
		return i + 1, nil
	}
	if pad == 'x' {
		switch c {
		case '%':
			f.literal("%")
			return 2, nil
		case 't':
			f.space("\t")
			return 2, nil
		case 'n':
			f.space("\n")
			return 2, nil
		case '+':
			f.items = append(f.items, simple['Y'], item{text: "-"}, simple['m'], item{text: "-"}, simple['d'], item{code: codeT},
				simple['H'], item{text: ":"}, simple['M'], item{text: ":"}, simple['S'], item{code: codeFraction}, item{code: codeOffsetRFC})
			return 2, nil
		}
		if long, ok := compound[c]; ok {
			return 2, f.add(long)
		}
	}
	_, size := utf8.DecodeRuneInString(s[i:])
	return 0, fmt.Errorf("unknown format code %q", s[:i+size])
}
