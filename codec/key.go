package codec

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
)

// MaxKeyText is how many bytes a text or binary value in a key may have.
const MaxKeyText = 4096

// KeyError says that a value cannot be the key of a column of some type.
type KeyError struct {
	Expected string // the type as an SQL word: "BIGINT", "DATE", ...
	Reason   string // for people
}

func (e *KeyError) Error() string { return "not a key of type " + e.Expected + ": " + e.Reason }

func keyError(t *Type, reason string) error {
	return &KeyError{Expected: t.Kind.SQL(), Reason: reason}
}

// KeyTypeAllowed returns an error if columns of type t cannot be part of a key:
// floats, whose equality is not what people expect, and complex types.
func KeyTypeAllowed(t *Type) error {
	if t.Floating() || t.Complex() || t.Kind == KindInvalid {
		return keyError(t, "columns of this type cannot be part of a key")
	}
	return nil
}

// AppendKeyJSON appends the key bytes of a value that a client sends as one JSON token
// (as Scanner.Value returns it). Quotes do not matter: 36 and "36" are the same key.
//
//   - integers: the whole text is a base-10 integer in range;
//   - boolean: 0, 1, true, false;
//   - text: the text of any string, number or truth value, at most Length characters;
//   - decimal: a number that fits precision and scale; 1.5 and 1.50 are the same key;
//   - binary: base64;
//   - date, timestamp: text as AppendCellJSON takes it, but not numbers; a timestamp may
//     not be finer than its precision, a date has no time of day.
//
// null, arrays and objects are no keys. Errors are *KeyError; dst is then returned as it
// was. It allocates only for errors and unusual forms of time.
func AppendKeyJSON(dst []byte, t *Type, token []byte) ([]byte, error) {
	if len(token) == 0 {
		return dst, keyError(t, "empty")
	}
	if t.Integer() && token[0] != '"' {
		return appendKeyInt(dst, t, token)
	}
	if token[0] != '"' {
		if kind := kindOf(token[0]); kind < JSONBool || kind > JSONString || isNaN(token) {
			return dst, keyError(t, abbreviate(token)+" is not a key")
		}
		if t.Kind == KindBinary {
			return dst, keyError(t, abbreviate(token)+" is not base64 in quotes")
		}
		return AppendKeyText(dst, t, token)
	}
	if len(token) < 2 || token[len(token)-1] != '"' {
		return dst, keyError(t, errNotString.Error())
	}
	text := token[1 : len(token)-1]
	n := plainPrefix(text)
	if n == len(text) {
		return AppendKeyText(dst, t, text)
	}
	// The unescaped text is put behind dst, read from there, and then overwritten.
	was := len(dst)
	dst, err := appendUnescaped(dst, text, n)
	if err != nil {
		return dst, keyError(t, err.Error())
	}
	end := len(dst)
	dst, err = AppendKeyText(dst, t, dst[was:end:end])
	return dst[:was+copy(dst[was:], dst[end:])], err
}

// isNaN reports whether a number token is one of the words that are no JSON.
func isNaN(token []byte) bool {
	c := token[len(token)-1]
	return c == 'N' || c == 'y'
}

// AppendKeyCell appends the key bytes of a stored cell: the same bytes as AppendKeyJSON
// gives for the value the cell was made of. null is an error.
func AppendKeyCell(dst []byte, t *Type, cell []byte) ([]byte, error) {
	return AppendKeyJSON(dst, t, cell) // a cell is one of the tokens a client may send
}

// AppendKeyText is AppendKeyJSON for plain text, without quotes and escapes.
func AppendKeyText(dst []byte, t *Type, text []byte) ([]byte, error) {
	switch t.Kind {
	case KindTinyInt, KindSmallInt, KindInt, KindBigInt:
		return appendKeyInt(dst, t, text)
	case KindBoolean:
		v, ok := parseBool(text)
		if !ok {
			return dst, keyError(t, abbreviate(text)+" is not 0, 1, true or false")
		}
		if v {
			return appendOrdered(dst, 1), nil
		}
		return appendOrdered(dst, 0), nil
	case KindString:
		if t.Length > 0 && len(text) > t.Length && utf8.RuneCount(text) > t.Length {
			return dst, keyError(t, "longer than the column")
		}
		return appendKeyBytes(dst, t, text)
	case KindBinary:
		return appendKeyBase64(dst, t, text)
	case KindDecimal:
		return appendKeyDecimal(dst, t, text)
	case KindDate, KindTimestamp:
		return appendKeyTime(dst, t, text)
	}
	return dst, KeyTypeAllowed(t)
}

func appendKeyInt(dst []byte, t *Type, text []byte) ([]byte, error) {
	v, ok := parseInt(text)
	if !ok {
		return dst, keyError(t, abbreviate(text)+" is not a whole number of 64 bits")
	}
	if lo, hi := t.IntRange(); v < lo || v > hi {
		return dst, keyError(t, abbreviate(text)+" is out of range")
	}
	return appendOrdered(dst, v), nil
}

// appendOrdered writes an integer so that bytes order as integers do: big-endian, with
// the sign bit flipped.
func appendOrdered(dst []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(dst, uint64(v)^1<<63)
}

// The end of a text in a key, and what stands for a zero byte inside: the end is less
// than any byte that could follow instead, so "a" orders before "a\x00" and "ab".
const (
	keyEscape = 0xFF // after a zero byte: the zero byte itself
	keyEnd    = 0x01 // after a zero byte: the end
)

func appendKeyBytes(dst []byte, t *Type, text []byte) ([]byte, error) {
	if len(text) > MaxKeyText {
		return dst, keyError(t, "longer than a key may be")
	}
	for {
		zero := bytes.IndexByte(text, 0)
		if zero < 0 {
			dst = append(dst, text...)
			return append(dst, 0, keyEnd), nil
		}
		dst = append(dst, text[:zero+1]...)
		dst = append(dst, keyEscape)
		text = text[zero+1:]
	}
}

func appendKeyBase64(dst []byte, t *Type, text []byte) ([]byte, error) {
	was := len(dst)
	dst, ok := appendDecoded(dst, text)
	end := len(dst)
	switch {
	case !ok:
		return dst, keyError(t, "not base64")
	case t.Length > 0 && end-was > t.Length:
		return dst[:was], keyError(t, "longer than the column")
	}
	dst, err := appendKeyBytes(dst, t, dst[was:end:end])
	return dst[:was+copy(dst[was:], dst[end:])], err
}

// appendKeyDecimal writes one byte for the sign, then all Precision digits, two in a
// byte; those of negative numbers are complemented, so that bytes order as numbers do.
func appendKeyDecimal(dst []byte, t *Type, text []byte) ([]byte, error) {
	var d decimal
	if !d.parse(text) {
		return dst, keyError(t, abbreviate(text)+" is not a number")
	}
	if d.more || d.n-d.point > t.Scale { // a key is never cut
		return dst, keyError(t, "too many digits after the point")
	}
	if reason, ok := d.fit(t); !ok {
		return dst, keyError(t, reason)
	}
	sign, flip := byte(1), byte(0)
	if d.neg {
		sign, flip = 0, 0xFF
	}
	dst = append(dst, sign)
	first := t.Scale - t.Precision
	if t.Precision%2 == 1 {
		first-- // always zero
	}
	for i := first; i < t.Scale; i += 2 {
		dst = append(dst, (d.at(i)<<4|d.at(i+1)&15)^flip)
	}
	return dst, nil
}

// appendKeyTime writes a date as its day in 4 bytes, a timestamp as its microsecond in 8
// bytes and the nanoseconds within that in 2.
func appendKeyTime(dst []byte, t *Type, text []byte) ([]byte, error) {
	if digits(text, 0) == len(text) {
		return dst, keyError(t, "a time must be text like 2006-01-02 or 2006-01-02 15:04:05")
	}
	second, nanos, ok := parseTime(text)
	if !ok {
		return dst, keyError(t, abbreviate(text)+" is no time")
	}
	if t.Kind == KindDate {
		day := floorDiv(second, daySeconds)
		if day*daySeconds != second || nanos != 0 {
			return dst, keyError(t, "a date has no time of day")
		}
		return binary.BigEndian.AppendUint32(dst, uint32(day)^1<<31), nil
	}
	if nanos%pow10[9-t.Precision] != 0 {
		return dst, keyError(t, "finer than the column")
	}
	dst = appendOrdered(dst, second*1_000_000+int64(nanos/1000))
	return binary.BigEndian.AppendUint16(dst, uint16(nanos%1000)), nil
}
