package workload

import (
	"strconv"
	"time"
)

// Columns are the names of the columns of all features, behind Key.
func (t *Table) Columns() []string {
	names := make([]string, t.Features)
	for f := range names {
		names[f] = feature(f)
	}
	return names
}

// Cell returns the value of feature f in row i: an int64, float64, bool, string or
// time.Time.
func (t *Table) Cell(i uint32, f int) any {
	v := t.value(i, f)
	switch v.kind {
	case kindBig:
		return v.big()
	case kindInt:
		return v.int()
	case kindDouble:
		return float64(v.thousands()) / 1000
	case kindBool:
		return v.bool()
	case kindTime:
		return time.Unix(v.seconds(), 0).UTC()
	default:
		text := v.text()
		return string(text[:])
	}
}

// AppendCSVHeader appends the line of names of a CSV file of the table's rows.
func (t *Table) AppendCSVHeader(dst []byte) []byte {
	dst = append(dst, Key...)
	for f := range t.Features {
		dst = append(append(dst, ','), feature(f)...)
	}
	return append(dst, '\n')
}

// AppendCSV appends row i as a line of a CSV file.
func (t *Table) AppendCSV(dst []byte, i uint32) []byte {
	dst = strconv.AppendUint(dst, uint64(i), 10)
	for f := range t.Features {
		dst = append(dst, ',')
		switch v := t.value(i, f); v.kind {
		case kindText:
			text := v.text()
			dst = append(dst, text[:]...)
		case kindTime:
			dst = v.appendTime(dst)
		default:
			dst = v.appendInput(dst)
		}
	}
	return append(dst, '\n')
}
