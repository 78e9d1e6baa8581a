package codec

import (
	"fmt"
	"math"
	"strconv"
)

// Special says what a cell that prints as null really is. Only float and double
// columns have special cells.
type Special uint8

// The specials.
const (
	None   Special = iota // the cell's text is its value
	NaN                   // not a number
	PosInf                // +infinity
	NegInf                // -infinity
)

const maxSpecial = NegInf

// Float returns the number a special stands for; 0 for None.
func (sp Special) Float() float64 {
	switch sp {
	case NaN:
		return math.NaN()
	case PosInf:
		return math.Inf(1)
	case NegInf:
		return math.Inf(-1)
	}
	return 0
}

// text is how a special is written inside of complex values, which have no flag for it;
// it is what Fennel's API answers.
func (sp Special) text() string {
	switch sp {
	case NaN:
		return `"NaN"`
	case PosInf:
		return `"+infinity"`
	case NegInf:
		return `"-infinity"`
	}
	return ""
}

// ValueError says why a value does not fit its column.
type ValueError struct {
	Column string // "" where the caller knows better
	Reason string
}

func (e *ValueError) Error() string {
	if e.Column == "" {
		return e.Reason
	}
	return "column " + e.Column + ": " + e.Reason
}

func reject(format string, args ...any) error {
	return &ValueError{Reason: fmt.Sprintf(format, args...)}
}

// mismatch is the usual reason: this text is none of that type.
func mismatch(t *Type, text []byte) error {
	return reject("%s is not a %s", strconv.Quote(abbreviate(text)), t.Kind)
}

var nullCell = []byte("null")

// isNull reports whether a cell prints as null.
func isNull(cell []byte) bool { return len(cell) == 4 && cell[0] == 'n' }

// AppendCellJSON appends the canonical cell for a value of type t that arrives as one
// JSON value (JSON lines, logged rows, complex columns):
//
//   - integers: whole numbers in range, also written 20.0 or 2e1;
//   - float, double: numbers, "NaN", "inf", "-Infinity" in any case, and the bare words
//     NaN, Infinity, -Infinity; what is not finite prints null and returns its Special;
//   - decimal: numbers; digits beyond the scale are refused unless zero (see Spelling);
//   - boolean: true, false, 1, 0;
//   - text: strings, and objects, which become their compact JSON text;
//   - binary: base64 in a string;
//   - date, timestamp: text in many forms (see parseTime), or whole numbers since 1970
//     whose unit their magnitude tells (see epochTime);
//   - array, struct, map, Embedding: JSON, checked and rendered by the types inside.
//
// A string given for any other type is read as AppendCellText reads it, so that "1" is
// 1 and "[1,2]" is a list; an empty one is null where the type is Optional. null is
// always taken at the top: whether a column must have a value is its owner's business.
// Inside complex values see Spelling.
//
// Errors are *ValueError; dst is then returned as it was. It allocates only for errors,
// large maps and structs, and unusual forms of time.
func AppendCellJSON(dst []byte, t *Type, raw []byte) ([]byte, Special, error) {
	s := NewScanner(raw)
	s.AllowNaN(true)
	tok, kind := s.Value()
	if err := s.End(); err != nil {
		return dst, None, reject("not JSON: %v", err)
	}
	return appendValue(dst, t, tok, kind, false)
}

// AppendCellText appends the canonical cell for a value of type t that arrives as plain
// text, such as a CSV field: numbers and times as in AppendCellJSON but without quotes,
// true, false, 1 or 0 in any case, text as it is, binary as base64, complex values as
// JSON. An empty text is an empty string for text, null for Optional types, and an error
// for all others; a caller for whom empty means null asks before. Errors are as in
// AppendCellJSON.
func AppendCellText(dst []byte, t *Type, text string) ([]byte, Special, error) {
	return appendText(dst, t, stringBytes(text), false)
}

// appendValue renders one valid JSON value. nested is true inside complex values.
func appendValue(dst []byte, t *Type, tok []byte, kind JSONKind, nested bool) ([]byte, Special, error) {
	was := len(dst)
	sp := None
	var err error
	switch {
	case kind == JSONNull:
		return appendNull(dst, t, nested)
	case kind == JSONString && t.Kind == KindString:
		dst, err = appendStringToken(dst, t, tok)
	case kind == JSONString:
		return appendStringFor(dst, t, tok, nested)
	case kind == JSONObject && t.Kind == KindString:
		dst, err = appendObjectText(dst, t, tok)
	case t.Complex():
		dst, err = appendComplex(dst, t, tok, kind)
	case kind == JSONNumber:
		dst, sp, err = appendNumber(dst, t, tok, nested)
	case kind == JSONBool && t.Kind == KindBoolean:
		dst = appendBool(dst, tok[0] == 't', nested)
	default:
		err = mismatch(t, tok)
	}
	return finish(dst, was, t, sp, err)
}

// appendText renders a value from plain text.
func appendText(dst []byte, t *Type, text []byte, nested bool) ([]byte, Special, error) {
	was := len(dst)
	sp := None
	var err error
	switch {
	case t.Kind == KindString:
		dst, err = appendString(dst, t, text)
	case len(text) == 0 && t.Optional:
		return appendNull(dst, t, nested)
	case t.Kind == KindBinary:
		dst, err = appendBase64(dst, t, text)
	case t.Kind == KindDate, t.Kind == KindTimestamp:
		dst, err = appendTimeText(dst, t, text, nested)
	case t.Kind == KindBoolean:
		v, ok := parseBool(text)
		if !ok {
			err = mismatch(t, text)
		}
		dst = appendBool(dst, v, nested)
	case t.Complex():
		s := NewScanner(text)
		s.AllowNaN(true)
		tok, kind := s.Value()
		if e := s.End(); e != nil {
			err = reject("not JSON: %v", e)
		} else {
			dst, err = appendComplex(dst, t, tok, kind)
		}
	default:
		dst, sp, err = appendNumber(dst, t, text, nested)
	}
	return finish(dst, was, t, sp, err)
}

// appendStringFor renders a JSON string given for a type that is not text.
func appendStringFor(dst []byte, t *Type, tok []byte, nested bool) ([]byte, Special, error) {
	text := tok[1 : len(tok)-1]
	n := plainPrefix(text)
	if n == len(text) {
		return appendText(dst, t, text, nested)
	}
	// The unescaped text is put behind dst, read from there, and then overwritten.
	was := len(dst)
	dst, err := appendUnescaped(dst, text, n)
	if err != nil {
		return dst, None, reject("%v", err)
	}
	end := len(dst)
	dst, sp, err := appendText(dst, t, dst[was:end:end], nested)
	return dst[:was+copy(dst[was:], dst[end:])], sp, err
}

func appendNull(dst []byte, t *Type, nested bool) ([]byte, Special, error) {
	if nested && !t.Optional && t.Spelling == SpellingFennel {
		return dst, None, reject("null where the type %s is not Optional", t.Text)
	}
	return append(dst, nullCell...), None, nil
}

// finish applies the type's check and takes back what was appended before an error.
func finish(dst []byte, was int, t *Type, sp Special, err error) ([]byte, Special, error) {
	if err == nil && t.Check != nil {
		if reason, ok := t.Check.verify(t, dst[was:], sp); !ok {
			err = reject("%s %s", abbreviate(dst[was:]), reason)
		}
	}
	if err != nil {
		return dst[:was], None, err
	}
	return dst, sp, nil
}

// appendNumber renders JSON numbers, and text that should be one.
func appendNumber(dst []byte, t *Type, text []byte, nested bool) ([]byte, Special, error) {
	switch t.Kind {
	case KindTinyInt, KindSmallInt, KindInt, KindBigInt:
		dst, err := appendIntText(dst, t, text)
		return dst, None, err
	case KindFloat, KindDouble:
		was := len(dst)
		dst, sp, err := appendFloatText(dst, t, text)
		if nested && sp != None && t.Spelling == SpellingFennel {
			dst = append(dst[:was], sp.text()...)
		}
		return dst, sp, err
	case KindDecimal:
		dst, err := appendDecimal(dst, t, text)
		return dst, None, err
	case KindBoolean:
		v, ok := parseWhole(text)
		if !ok || v != 0 && v != 1 {
			return dst, None, mismatch(t, text)
		}
		return appendBool(dst, v == 1, nested), None, nil
	case KindDate, KindTimestamp:
		v, ok := parseInt(text)
		if !ok {
			return dst, None, mismatch(t, text)
		}
		dst, err := appendEpoch(dst, t, v, nested)
		return dst, None, err
	}
	return dst, None, mismatch(t, text)
}

// appendBool renders a boolean: 0 or 1 in a column, as the public API prints it, but
// true or false inside complex values, which that API decodes from Avro to plain JSON.
func appendBool(dst []byte, v, nested bool) []byte {
	if nested {
		return strconv.AppendBool(dst, v)
	}
	if v {
		return append(dst, '1')
	}
	return append(dst, '0')
}

func parseBool(text []byte) (v, ok bool) {
	switch {
	case len(text) == 1 && text[0] == '1', equalFold(text, "true"):
		return true, true
	case len(text) == 1 && text[0] == '0', equalFold(text, "false"):
		return false, true
	}
	return false, false
}

// equalFold compares with a lower-case ASCII word.
func equalFold(s []byte, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i := range s {
		if s[i]|0x20 != word[i] {
			return false
		}
	}
	return true
}

// CellInt returns the integer of a cell of an integer or boolean column; false for
// null and for what is none.
func CellInt(cell []byte) (int64, bool) {
	if len(cell) == 4 && cell[0] == 't' {
		return 1, true
	}
	if len(cell) == 5 && cell[0] == 'f' {
		return 0, true
	}
	return parseInt(cell)
}

// CellFloat returns the number of a cell of any numeric column, rounded to the nearest
// float64; sp is the cell's Special. False for null and for what is no number.
func CellFloat(cell []byte, sp Special) (float64, bool) {
	if sp != None {
		return sp.Float(), true
	}
	if end, ok := scanNumber(cell, 0); !ok || end != len(cell) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(cell), 64)
	return f, err == nil
}

// CellBool returns the value of a boolean cell, in a column or inside a complex value;
// false, false for null and for what is none.
func CellBool(cell []byte) (v, ok bool) { return parseBool(cell) }

// CellText appends the text of a string, date or timestamp cell without quotes and
// escapes; false (and dst as it was) for null and for what is no JSON string.
func CellText(dst, cell []byte) ([]byte, bool) {
	dst, err := AppendUnquoted(dst, cell)
	return dst, err == nil
}

// CellBytes appends the bytes of a binary cell; false (and dst as it was) for null and
// for what is no base64.
func CellBytes(dst, cell []byte) ([]byte, bool) {
	if len(cell) < 2 || cell[0] != '"' || cell[len(cell)-1] != '"' {
		return dst, false
	}
	return appendDecoded(dst, cell[1:len(cell)-1])
}
