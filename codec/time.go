package codec

// Times are seconds since 1970 and nanoseconds 0..999,999,999 in the proleptic
// Gregorian calendar, UTC, years 1 to 9999.
const (
	daySeconds = 24 * 60 * 60
	minDay     = -719162 // 0001-01-01
	maxDay     = 2932896 // 9999-12-31
	minSecond  = minDay * daySeconds
	maxSecond  = maxDay*daySeconds + daySeconds - 1
)

// daysFromCivil and civilFromDays are Howard Hinnant's public domain algorithms
// ("chrono-Compatible Low-Level Date Algorithms"): years begin in March, so that the
// leap day is the last, and 400-year eras are all alike.
func daysFromCivil(y, m, d int) int64 {
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400 // y >= 0 here: years are 1 to 9999, and March 0 belongs to year 0
	yoe := y - era*400
	doy := (153*(m-3)+2)/5 + d - 1
	doe := yoe*365 + yoe/4 - yoe/100 + doy
	return int64(era)*146097 + int64(doe) - 719468
}

func civilFromDays(days int64) (y, m, d int) {
	z := days + 719468 // since 0000-03-01, not negative here
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	d = int(doy - (153*mp+2)/5 + 1)
	m = int(mp + 3)
	y = int(yoe + era*400)
	if m > 12 {
		m -= 12
		y++
	}
	return y, m, d
}

func append2(dst []byte, v int) []byte { return append(dst, byte('0'+v/10), byte('0'+v%10)) }

// appendDate writes YYYY-MM-DD; days must be in range.
func appendDate(dst []byte, days int64) []byte {
	y, m, d := civilFromDays(days)
	dst = append2(append2(dst, y/100), y%100)
	dst = append2(append(dst, '-'), m)
	return append2(append(dst, '-'), d)
}

// appendClock writes HH:MM:SS and a fraction of exactly precision digits, cutting what
// is finer.
func appendClock(dst []byte, second, nanos, precision int) []byte {
	dst = append2(dst, second/3600)
	dst = append2(append(dst, ':'), second/60%60)
	dst = append2(append(dst, ':'), second%60)
	if precision > 0 {
		dst = append(dst, '.')
		for unit := 100_000_000; precision > 0; precision-- {
			dst = append(dst, byte('0'+nanos/unit%10))
			unit /= 10
		}
	}
	return dst
}

// appendTime renders a cell of a date or timestamp type. In a column that is
// "YYYY-MM-DD" or "YYYY-MM-DD HH:MM:SS[.f]" with exactly Precision fraction digits;
// inside complex values RFC 3339 without trailing zeros, which is how the public API
// prints logical types of the Avro it decodes. Finer digits than the type has are cut.
func appendTime(dst []byte, t *Type, second int64, nanos int, nested bool) ([]byte, error) {
	if second < minSecond || second > maxSecond {
		return dst, reject("%d seconds since 1970 is outside of years 1 to 9999", second)
	}
	days := floorDiv(second, daySeconds)
	clock := int(second - days*daySeconds)
	if t.Kind == KindDate && (clock != 0 || nanos != 0) {
		return dst, reject("a date has no time of day")
	}
	dst = appendDate(append(dst, '"'), days)
	switch {
	case nested:
		precision := t.Precision
		for cut := nanos - nanos%pow10[9-precision]; precision > 0 && cut%pow10[10-precision] == 0; {
			precision--
		}
		dst = appendClock(append(dst, 'T'), clock, nanos, precision)
		dst = append(dst, 'Z')
	case t.Kind == KindTimestamp:
		dst = appendClock(append(dst, ' '), clock, nanos, t.Precision)
	}
	return append(dst, '"'), nil
}

var pow10 = [...]int{1, 10, 100, 1000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// appendTimeText renders a date or timestamp from text: what parseTime takes, or whole
// numbers as appendEpoch takes them. Eight digits are a date if they can be.
func appendTimeText(dst []byte, t *Type, text []byte, nested bool) ([]byte, error) {
	second, nanos, ok := parseISO(text)
	if !ok {
		if v, isInt := parseInt(text); isInt {
			if second, ok = parseCompact(text); !ok {
				return appendEpoch(dst, t, v, nested)
			}
		} else if second, nanos, ok = parseRareTime(text); !ok {
			return dst, mismatch(t, text)
		}
	}
	return appendTime(dst, t, second, nanos, nested)
}

// appendEpoch renders a date or timestamp from a whole number since 1970.
func appendEpoch(dst []byte, t *Type, v int64, nested bool) ([]byte, error) {
	if t.Kind == KindDate && v >= -maxEpochDays && v <= maxEpochDays {
		v *= daySeconds
		return appendTime(dst, t, v, 0, nested)
	}
	second, nanos := epochTime(v)
	return appendTime(dst, t, second, nanos, nested)
}

// The unit of a whole number since 1970 is guessed from its size, by Fennel's rule
// (seconds unless that is more than a hundred years ahead, then milliseconds, then
// microseconds, then nanoseconds) with a fixed "ahead", the year 2128, because a value
// must mean the same whenever it is replayed. Before 1970 the same bounds hold.
const (
	maxEpochSeconds = 5_000_000_000
	maxEpochDays    = maxEpochSeconds / daySeconds // of dates only
)

// epochTime converts a number of seconds, milliseconds, microseconds or nanoseconds.
func epochTime(v int64) (second int64, nanos int) {
	size := v
	if size < 0 {
		size = -size // the least int64 stays negative; it is nanoseconds all the same
	}
	perSecond := int64(1_000_000_000)
	switch {
	case size < 0:
	case size <= maxEpochSeconds:
		perSecond = 1
	case size <= maxEpochSeconds*1000:
		perSecond = 1000
	case size <= maxEpochSeconds*1_000_000:
		perSecond = 1_000_000
	}
	second = floorDiv(v, perSecond)
	return second, int((v - second*perSecond) * (1_000_000_000 / perSecond))
}

// CellTime returns the microseconds since 1970 that a cell of a timestamp, date or
// integer column means (the latter by the rule for whole numbers, see AppendCellJSON);
// false for null, for other types and for what is no time. Finer digits are cut.
func CellTime(t *Type, cell []byte) (micros int64, ok bool) {
	var second int64
	var nanos int
	switch {
	case t.Integer():
		v, isInt := parseInt(cell)
		if !isInt {
			return 0, false
		}
		second, nanos = epochTime(v)
		ok = second >= minSecond && second <= maxSecond
	case (t.Kind == KindTimestamp || t.Kind == KindDate) && len(cell) > 2 && cell[0] == '"':
		second, nanos, ok = parseISO(cell[1 : len(cell)-1])
	}
	return second*1_000_000 + int64(nanos/1000), ok
}
