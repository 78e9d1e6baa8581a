package chrono

var (
	monthNames   = [...]string{"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}
	weekdayNames = [...]string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
)

// AppendTime appends an instant as the format says, in the local time of the clock.
func (f *Format) AppendTime(dst []byte, micros int64, clock *Clock) []byte {
	days, ofDay := DayOf(clock.Local(micros))
	year, month, day := Date(days)
	for i := range f.items {
		it := &f.items[i]
		n := 0
		switch it.code {
		case codeLiteral, codeSpace:
			dst = append(dst, it.text...)
			continue
		case codeT:
			dst = append(dst, 'T')
			continue
		case codeMonthShort:
			dst = append(dst, monthNames[month-1][:3]...)
			continue
		case codeMonthLong:
			dst = append(dst, monthNames[month-1]...)
			continue
		case codeWeekdayShort:
			dst = append(dst, weekdayNames[Weekday(days)][:3]...)
			continue
		case codeWeekdayLong:
			dst = append(dst, weekdayNames[Weekday(days)]...)
			continue
		case codeAMPM, codeAmpm:
			half := [...]string{"AM", "PM", "am", "pm"}
			k := int(ofDay / (12 * Hour))
			if it.code == codeAmpm {
				k += 2
			}
			dst = append(dst, half[k]...)
			continue
		case codeFraction, codeFractionBare:
			dst = appendFraction(dst, ofDay%Second, it)
			continue
		case codeZoneName:
			dst = append(dst, clock.name...)
			continue
		case codeOffset, codeOffsetColon, codeOffsetSeconds, codeOffsetHours, codeOffsetLoose, codeOffsetRFC:
			dst = appendOffset(dst, clock.offset, it.code)
			continue
		case codeEpoch:
			epoch := micros / Second
			if micros < epoch*Second {
				epoch--
			}
			n = int(epoch)
		case codeYear:
			n = year
		case codeCentury:
			n = year / 100
		case codeYear2:
			n = year % 100
		case codeISOYear:
			n, _ = ISOWeek(days)
		case codeISOYear2:
			n, _ = ISOWeek(days)
			n %= 100
		case codeISOWeek:
			_, n = ISOWeek(days)
		case codeMonth:
			n = month
		case codeDay:
			n = day
		case codeYearDay:
			n = YearDay(days)
		case codeWeekdaySunday:
			n = (Weekday(days) + 1) % 7
		case codeWeekdayMonday:
			n = Weekday(days) + 1
		case codeWeekSunday:
			n = (YearDay(days) + 6 - (Weekday(days)+1)%7) / 7
		case codeWeekMonday:
			n = (YearDay(days) + 6 - Weekday(days)) / 7
		case codeHour:
			n = int(ofDay / Hour)
		case codeHour12:
			n = (int(ofDay/Hour)+11)%12 + 1
		case codeMinute:
			n = int(ofDay / Minute % 60)
		case codeSecond:
			n = int(ofDay / Second % 60)
		case codeNanos:
			n = int(ofDay%Second) * 1000
		}
		width := int(it.width)
		if it.pad == 0 {
			width = 0
		}
		dst = appendPadded(dst, n, width, it.pad)
	}
	return dst
}

// appendFraction appends the microseconds of a second in the digits the code asks for.
func appendFraction(dst []byte, micros int64, it *item) []byte {
	width := int(it.width)
	if it.code == codeFraction {
		if width == 0 {
			if micros == 0 {
				return dst
			}
			if width = 6; micros%1000 == 0 {
				width = 3
			}
		}
		dst = append(dst, '.')
	}
	at := len(dst)
	dst = appendPadded(dst, int(micros)*1000, 9, '0')
	return dst[:at+width]
}

// appendOffset appends how far the clock is ahead of UTC.
func appendOffset(dst []byte, offset int64, c code) []byte {
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = append(dst, sign)
	seconds := int(offset / Second)
	if c != codeOffsetSeconds && c != codeOffsetHours {
		seconds = (seconds + 30) / 60 * 60 // offsets of old times have seconds
	}
	dst = appendPadded(dst, seconds/3600, 2, '0')
	if c == codeOffsetHours {
		return dst
	}
	if c != codeOffset && c != codeOffsetLoose {
		dst = append(dst, ':')
	}
	dst = appendPadded(dst, seconds/60%60, 2, '0')
	if c == codeOffsetSeconds {
		dst = append(dst, ':')
		dst = appendPadded(dst, seconds%60, 2, '0')
	}
	return dst
}
