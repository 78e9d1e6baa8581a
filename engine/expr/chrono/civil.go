package chrono

// Microseconds in longer units.
const (
	Millisecond int64 = 1000
	Second            = 1000 * Millisecond
	Minute            = 60 * Second
	Hour              = 60 * Minute
	Day               = 24 * Hour
)

// The range of days and instants: years 1 to 9999.
const (
	MinDays         = -719162
	MaxDays         = 2932896
	MinMicros int64 = MinDays * Day
	MaxMicros       = (MaxDays+1)*Day - 1
)

// Days returns the day number of a date of the proleptic Gregorian calendar (1970-01-01
// is 0). The day must be one that the month has; see ValidDate. (The algorithm counts in eras of 400 years that begin in March, so that
// the leap day is the last of its year.)
func Days(year, month, day int) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := floorDiv(year, 400)
	of := year - era*400                  // year of the era
	doy := (153*(month-3)+2)/5 + day - 1  // day of the March year
	doe := of*365 + of/4 - of/100 + doy   // day of the era
	return int64(era*146097+doe) - 719468 // days from 0000-03-01 to 1970-01-01
}

// Date returns the date of a day number; beyond MinDays and MaxDays years are negative
// or have more than four digits.
func Date(days int64) (year, month, day int) {
	z := int(days) + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	of := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*of + of/4 - of/100)
	m := (5*doy + 2) / 153
	day = doy - (153*m+2)/5 + 1
	year = of + era*400
	if m < 10 {
		return year, m + 3, day
	}
	return year + 1, m - 9, day
}

func floorDiv(a, b int) int {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// ValidDate reports whether the date exists and is in range.
func ValidDate(year, month, day int) bool {
	return year >= 1 && year <= 9999 && month >= 1 && month <= 12 && day >= 1 && day <= monthDays(year, month)
}

func monthDays(year, month int) int {
	switch month {
	case 2:
		if leap(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func leap(year int) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

// DayOf splits an instant into its day number and the microseconds of the day.
func DayOf(micros int64) (days, ofDay int64) {
	days = micros / Day
	ofDay = micros - days*Day
	if ofDay < 0 {
		days--
		ofDay += Day
	}
	return days, ofDay
}

// InRange reports whether the instant is in the years 1 to 9999.
func InRange(micros int64) bool { return micros >= MinMicros && micros <= MaxMicros }

// Weekday returns the day of the week, Monday 0 to Sunday 6.
func Weekday(days int64) int { return int((days-MinDays)%7+7) % 7 } // 0001-01-01 was a Monday

// YearDay returns the day of the year, January 1st 1.
func YearDay(days int64) int {
	year, _, _ := Date(days)
	return int(days-Days(year, 1, 1)) + 1
}

// ISOWeek returns the ISO 8601 year and week of a day: weeks begin on Monday and belong
// to the year of their Thursday.
func ISOWeek(days int64) (year, week int) {
	thursday := days - int64(Weekday(days)) + 3
	year, _, _ = Date(thursday)
	return year, (YearDay(thursday)-1)/7 + 1
}

// AppendDate appends a day as YYYY-MM-DD.
func AppendDate(dst []byte, days int64) []byte {
	year, month, day := Date(days)
	dst = appendPadded(dst, year, 4, '0')
	dst = append(dst, '-')
	dst = appendPadded(dst, month, 2, '0')
	dst = append(dst, '-')
	return appendPadded(dst, day, 2, '0')
}

// AppendInstant appends an instant as YYYY-MM-DDTHH:MM:SS.ffffffZ, always with six
// fraction digits, the way Fennel's API answers.
func AppendInstant(dst []byte, micros int64) []byte {
	days, ofDay := DayOf(micros)
	dst = AppendDate(dst, days)
	dst = append(dst, 'T')
	dst = appendClock(dst, ofDay)
	dst = append(dst, '.')
	dst = appendPadded(dst, int(ofDay%Second), 6, '0')
	return append(dst, 'Z')
}

// appendClock appends HH:MM:SS.
func appendClock(dst []byte, ofDay int64) []byte {
	dst = appendPadded(dst, int(ofDay/Hour), 2, '0')
	dst = append(dst, ':')
	dst = appendPadded(dst, int(ofDay/Minute%60), 2, '0')
	dst = append(dst, ':')
	return appendPadded(dst, int(ofDay/Second%60), 2, '0')
}

// appendPadded appends n filled up with pad to width characters.
func appendPadded(dst []byte, n, width int, pad byte) []byte {
	if n < 0 {
		dst, n = append(dst, '-'), -n
	}
	var buf [20]byte
	i := len(buf)
	for {
		i--
		buf[i] = byte('0' + n%10)
		if n /= 10; n == 0 {
			break
		}
	}
	for k := len(buf) - i; k < width; k++ {
		dst = append(dst, pad)
	}
	return append(dst, buf[i:]...)
}
