package featureset

import (
	"bytes"

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
	case codec.KindTinyInt, codec.KindSmallInt, codec.KindInt, codec.KindBigInt, codec.KindDecimal,
		codec.KindString, codec.KindBinary, codec.KindDate:
		return copyCell
	case codec.KindFloat, codec.KindDouble:
		return copyFloat
	case codec.KindBoolean:
		return copyBool
	case codec.KindTimestamp:
		return copyTime
	}
	return nil
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
	if bytes.IndexByte(cell, '.') < 0 && bytes.IndexByte(cell, 'e') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
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
	f := &r.fetched[s.fetch]
	position := f.position(s.position)
	for i, entry := range f.entry {
		if i > 0 {
			dst = append(dst, ',')
		}
		if cell, sp := f.cell(entry, position, s.column); null(cell, sp) {
			dst = append(dst, s.printed...)
		} else {
			dst = s.raw(dst, cell, sp, s.column.Type)
		}
	}
	return dst
}
