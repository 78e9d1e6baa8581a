package ingest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"quiver/codec"
)

// BadRow is the error for one row that cannot be taken. The source stands behind it:
// reading may go on with the next row.
type BadRow struct {
	File   string
	Line   int64  // line the row begins in, counted from 1; Parquet: number of the row
	Column string // "" when the row as a whole is wrong
	Reason string
	Value  string // what the file has there, shortened; see HasValue
	// HasValue tells an empty value from none.
	HasValue bool
}

// Error returns `file:line: column "name": reason (value "text")`.
func (e *BadRow) Error() string {
	s := fmt.Sprintf("%s:%d: ", e.File, e.Line)
	if e.Column != "" {
		s += fmt.Sprintf("column %q: ", e.Column)
	}
	s += e.Reason
	// Many reasons show the value already.
	shown := strings.Contains(e.Reason, strconv.Quote(e.Value)) || strings.HasPrefix(e.Reason, e.Value+" ")
	if e.HasValue && !shown {
		s += fmt.Sprintf(" (value %q)", e.Value)
	}
	return s
}

// badCell makes the error for a value that the codec refused. Any other error is
// returned as it is.
func badCell(value []byte, err error) error {
	var ve *codec.ValueError
	if !errors.As(err, &ve) {
		return err
	}
	return &BadRow{Column: ve.Column, Reason: ve.Reason, Value: shorten(value), HasValue: value != nil}
}

// maxShown bounds the part of a value that messages show, in bytes.
const maxShown = 64

func shorten(b []byte) string {
	if len(b) <= maxShown {
		return string(b)
	}
	cut := maxShown
	for cut > 0 && !utf8.RuneStart(b[cut]) {
		cut--
	}
	return string(b[:cut]) + "..."
}
