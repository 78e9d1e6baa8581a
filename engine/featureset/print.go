package featureset

import (
	"quiver/codec"
	"quiver/engine/expr/chrono"
)

// copier appends a stored fragment, no null, as Fennel's API prints it (Fennel
// contract, section 2.4). t is the type of the stored column.
type copier func(dst, cell []byte, sp codec.Special, t *codec.Type) []byte

// copierOf returns how fragments of a type are printed; nil when their values must be
// decoded for it, because nested values print differently.
func copierOf(t *codec.Type) copier {
	switch t.Kind {
	case codec.KindFloat, codec.KindDouble:
		return copyFloat
	case codec.KindBoolean:
		return copyBool
	case codec.KindTimestamp:
		return copyTime
	}
	if printsPlain(t) {
		return copyCell
	}
	return nil
}

// printsPlain reports whether fragments of a type print as they are stored.
func printsPlain(t *codec.Type) bool {
	switch t.Kind {
	case codec.KindTinyInt, codec.KindSmallInt, codec.KindInt, codec.KindBigInt, codec.KindDecimal,
		codec.KindString, codec.KindBinary, codec.KindDate:
		return true
	}
	return false
}

func copyCell(dst, cell []byte, _ codec.Special, _ *codec.Type) []byte { return append(dst, cell...) }

// copyFloat adds the point that tells a whole float from an integer.
func copyFloat(dst, cell []byte, sp codec.Special, _ *codec.Type) []byte {
	switch sp {
	case codec.NaN:
		return append(dst, `"NaN"`...)
	case codec.PosInf:
		return append(dst, `"+infinity"`...)
	case codec.NegInf:
		return append(dst, `"-infinity"`...)
	}
	dst = append(dst, cell...)
	for _, c := range cell { // short, and most have their point near the beginning
		if c == '.' || c == 'e' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

func copyBool(dst, cell []byte, _ codec.Special, _ *codec.Type) []byte {
	if len(cell) == 1 && cell[0] == '0' {
		return append(dst, "false"...)
	}
	return append(dst, "true"...)
}

// copyTime turns "2020-01-01 00:00:00" into "2020-01-01T00:00:00.000000Z".
func copyTime(dst, cell []byte, _ codec.Special, t *codec.Type) []byte {
	const whole = len(`"2020-01-01 00:00:00`)
	if len(cell) > whole && cell[whole-9] == ' ' && cell[len(cell)-1] == '"' {
		if fraction := cell[whole : len(cell)-1]; len(fraction) <= 7 {
			dst = append(dst, cell[:whole-9]...)
			dst = append(dst, 'T')
			dst = append(dst, cell[whole-8:len(cell)-1]...)
			if len(fraction) == 0 {
				dst = append(dst, '.')
			}
			const zeros = "000000"
			return append(append(dst, zeros[max(len(fraction)-1, 0):]...), 'Z', '"')
		}
	}
	micros, ok := codec.CellTime(t, cell)
	if !ok {
		return append(dst, "null"...)
	}
	return append(appendInstant(append(dst, '"'), micros), '"')
}

func appendInstant(dst []byte, micros int64) []byte { return chrono.AppendInstant(dst, micros) }

// appendSlot appends the values of a slot as JSON with commas between them.
func (r *run) appendSlot(dst []byte, at int) []byte {
	s := &r.plan.slots[at]
	if c := r.columns[at]; c != nil {
		for i := range r.n {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = c.AppendFennel(dst, i)
		}
		return dst
	}
	if s.way == wayAlias { // one without a default: it has no step of its own
		return r.appendSlot(dst, s.from)
	}
	return s.appendRows(dst, r.fetched[s.fetch].rows)
}

// appendRows appends the fragments of a looked-up feature. This loop is where an answer
// of nothing but lookups spends its time.
func (s *slot) appendRows(dst []byte, rows []codec.Row) []byte {
	if len(rows) == 0 {
		return dst
	}
	dst = s.appendRow(dst, &rows[0])
	for rows = rows[1:]; len(rows) > 0; rows = rows[1:] {
		if s.plain || s.float {
			var n int
			if dst, n = codec.AppendColumn(dst, rows, s.column.Slot, s.float); n == len(rows) {
				return dst
			}
			rows = rows[n:]
		}
		dst = s.appendRow(append(dst, ','), &rows[0])
	}
	return dst
}

// appendRow appends the fragment of a looked-up feature in one row.
func (s *slot) appendRow(dst []byte, row *codec.Row) []byte {
	cell, sp := s.cell(row)
	switch {
	case null(cell, sp):
		return append(dst, s.printed...)
	case s.plain:
		return append(dst, cell...)
	}
	return s.raw(dst, cell, sp, s.column.Type)
}
