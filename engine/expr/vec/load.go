package vec

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"quiver/codec"
	"quiver/engine/expr/chrono"
)

// ValueError says why one value cannot be had.
type ValueError struct {
	Column string // "" where there is none
	Row    int    // the first is 0
	Reason string
}

func (e *ValueError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("row %d: %s", e.Row, e.Reason)
	}
	return fmt.Sprintf("column %q, row %d: %s", e.Column, e.Row, e.Reason)
}

// Rules are the two ways of Fennel to read JSON.
type Rules uint8

const (
	// LogRules are those for logged rows and the inputs of extract (Fennel contract,
	// section 2.3):
	//
	//   - a string given for any other type is read as JSON text for that type, so that
	//     "1" is 1 and "[1,2]" a list; "" is null for every Optional type but text;
	//   - whole floats are integers (20.0: pandas sends them for
	//     integers of which some are missing), 20.5 is an error;
	//   - floats are numbers, or nan, inf, infinity with or without sign in any case, as
	//     strings or bare words; booleans only true and false;
	//   - objects given for text are turned into their compact JSON;
	//   - datetimes and dates are guessed, see chrono.ParseInstant; floats are refused;
	//   - absent fields of structs are null if Optional, else errors; unknown ones and all
	//     but the last of equal ones are dropped; so it is with keys of maps;
	//   - decimals with more digits than the scale are cut where the type is spelled in
	//     Fennel's words; where it is spelled in SQL's, null is a value of everything
	//     inside of lists, maps and structs.
	LogRules Rules = iota
	// ParseRules are those of str.parse in expressions (section 5.5). They differ: no
	// JSON in strings and no "" for null, numbers for integers are cut towards zero,
	// datetimes are microseconds and dates days, or else ISO 8601 in a string.
	ParseRules
)

// Loader reads JSON into columns. The zero value is ready, with LogRules and 1970 as the
// present; it keeps scratch memory and is not safe for concurrent use.
type Loader struct {
	Rules Rules
	Now   int64 // the present in microseconds, for guessing the units of numbers

	stored  bool     // what is read is a stored cell
	text    []byte   // unescaped strings; nested ones behind each other
	members []member // fields of objects being read, likewise
}

// member is one entry of a JSON object.
type member struct{ name, raw []byte }

// maxNesting bounds JSON in strings in JSON in strings.
const maxNesting = 32

// PushJSON adds one JSON value to the column. raw must be one whole JSON value. After
// an error, which is a *ValueError for row c.Len, the column is as it was.
func (l *Loader) PushJSON(c *Column, raw []byte) error {
	s := codec.NewScanner(raw)
	s.AllowNaN(l.Rules == LogRules)
	err := l.push(c, &s, 0, true)
	if err == nil {
		if e := s.End(); e != nil {
			err = fmt.Errorf("not JSON: %v", e)
			c.Truncate(c.Len - 1)
		}
	}
	l.text, l.members = l.text[:0], l.members[:0]
	if err != nil {
		return &ValueError{Row: c.Len, Reason: err.Error()}
	}
	return nil
}

// push reads the next value of s; top says that it is not inside of another one. After
// an error the column is as it was.
func (l *Loader) push(c *Column, s *codec.Scanner, nesting int, top bool) error {
	was := c.Len
	kind := s.Peek()
	var err error
	switch {
	case c.Type == nil:
		if raw, kind := s.Value(); kind != codec.JSONNull {
			return mismatch("null", raw)
		}
		c.PushNull()
		return nil
	case kind == codec.JSONArray && ShapeOf(c.Type) == ShapeList:
		err = l.list(c, s, nesting)
	case kind == codec.JSONObject && (c.Type.Kind == codec.KindMap || c.Type.Kind == codec.KindStruct):
		err = l.object(c, s, nesting)
	default:
		var raw []byte
		raw, kind = s.Value()
		if e := s.Err(); e != nil {
			return fmt.Errorf("not JSON: %v", e)
		}
		err = l.scalar(c, raw, kind, nesting, top)
	}
	if err == nil && restricted(c.Type) && !c.Null(was) {
		err = c.fits(was)
	}
	if err != nil {
		c.Truncate(was)
	}
	return err
}

// scalar pushes a value of which the token suffices.
func (l *Loader) scalar(c *Column, raw []byte, kind codec.JSONKind, nesting int, top bool) error {
	t := c.Type
	switch kind {
	case codec.JSONNull:
		if !t.Optional && (top || t.Spelling == codec.SpellingFennel) {
			return fmt.Errorf("null where %s is not Optional", TypeName(t))
		}
		c.PushNull()
		return nil
	case codec.JSONString:
		return l.str(c, raw, nesting, top)
	case codec.JSONNumber:
		return l.number(c, raw)
	case codec.JSONBool:
		if t.Kind == codec.KindBoolean {
			c.PushBool(raw[0] == 't')
			return nil
		}
	case codec.JSONObject:
		if t.Kind == codec.KindString && l.Rules == LogRules {
			at := len(l.text)
			l.text = AppendCompact(l.text, raw)
			err := c.PushText(l.text[at:])
			l.text = l.text[:at]
			return err
		}
	}
	return mismatch(TypeName(t), raw)
}

// number pushes a JSON number.
func (l *Loader) number(c *Column, raw []byte) error {
	t := c.Type
	switch t.Kind {
	case codec.KindTinyInt, codec.KindSmallInt, codec.KindInt, codec.KindBigInt:
		v, ok := whole(raw)
		if !ok && l.Rules == ParseRules {
			v, ok = cut(raw)
		}
		if !ok {
			return mismatch(TypeName(t), raw)
		}
		if lo, hi := t.IntRange(); v < lo || v > hi {
			return errors.New(outOfRange(v, t))
		}
		c.PushInt(v)
		return nil
	case codec.KindFloat, codec.KindDouble:
		if c0 := raw[len(raw)-1]; c0 > '9' { // NaN, Infinity
			return l.float(c, raw)
		}
		f, err := strconv.ParseFloat(string(raw), 64)
		if t.Kind == codec.KindFloat && err == nil {
			if f = float64(float32(f)); math.IsInf(f, 0) {
				err = strconv.ErrRange
			}
		}
		if err != nil {
			return fmt.Errorf("%s is out of range of %s", abbreviate(raw), TypeName(t))
		}
		c.PushFloat(f)
		return nil
	case codec.KindDecimal:
		at := len(l.text)
		text, _, err := codec.AppendCellJSON(l.text, t, raw)
		if err == nil {
			err = c.PushText(text[at:])
		}
		l.text = text[:at]
		return err
	case codec.KindTimestamp, codec.KindDate:
		v, ok := integer(raw)
		if !ok {
			return mismatch(TypeName(t), raw)
		}
		return l.instant(c, v)
	}
	return mismatch(TypeName(t), raw)
}

func outOfRange(v int64, t *codec.Type) string {
	return fmt.Sprintf("%d is out of range of %s", v, TypeName(t))
}

// instant pushes a datetime or date that is given as a number.
func (l *Loader) instant(c *Column, given int64) error {
	v := given
	var err error
	switch day := c.Type.Kind == codec.KindDate; {
	case l.Rules == LogRules && day:
		v, err = chrono.GuessDay(v, l.Now)
	case l.Rules == LogRules:
		v, err = chrono.GuessInstant(v, l.Now)
	case day && (v < chrono.MinDays || v > chrono.MaxDays), !day && !chrono.InRange(v):
		err = chrono.ErrRange
	}
	if err != nil {
		return fmt.Errorf("%d: %w", given, err)
	}
	c.PushInt(v)
	return nil
}

// str pushes a JSON string.
func (l *Loader) str(c *Column, raw []byte, nesting int, top bool) error {
	text := raw[1 : len(raw)-1]
	if bytes.IndexByte(text, '\\') >= 0 {
		at := len(l.text)
		var err error
		if l.text, err = codec.AppendUnquoted(l.text, raw); err != nil {
			return err
		}
		text = l.text[at:]
		defer func() { l.text = l.text[:at] }()
	}
	t := c.Type
	if len(text) == 0 && t.Optional && l.Rules == LogRules && (t.Kind != codec.KindString || t.Check != nil) {
		c.PushNull()
		return nil
	}
	switch t.Kind {
	case codec.KindString:
		return c.PushText(text)
	case codec.KindBinary:
		at := len(l.text)
		b, err := base64.StdEncoding.Strict().AppendDecode(l.text, text)
		if err != nil {
			return fmt.Errorf("%q is not base64", abbreviate(text))
		}
		return c.PushText(b[at:])
	case codec.KindTimestamp, codec.KindDate:
		v, err := l.time(text, t.Kind == codec.KindDate)
		if err != nil {
			return fmt.Errorf("%q is %w", abbreviate(text), err)
		}
		c.PushInt(v)
		return nil
	}
	if l.Rules == ParseRules {
		return mismatch(TypeName(t), raw)
	}
	if ShapeOf(t) == ShapeFloats {
		if err := l.float(c, text); err == nil {
			return nil
		}
	}
	// Any other type: JSON text for it.
	if nesting == maxNesting {
		return fmt.Errorf("more than %d strings within each other", maxNesting)
	}
	inner := codec.NewScanner(text)
	inner.AllowNaN(true)
	was := c.Len
	err := l.push(c, &inner, nesting+1, top)
	if err == nil && inner.End() != nil {
		c.Truncate(was)
		err = mismatch(TypeName(t), raw)
	} else if err != nil && inner.Err() != nil {
		err = mismatch(TypeName(t), raw)
	}
	return err
}

// time reads a datetime or a date from text.
func (l *Loader) time(text []byte, day bool) (int64, error) {
	switch {
	case l.stored && day: // inside of lists and the like dates are stored as their midnight
		micros, err := chrono.ParseISO(text)
		days, _ := chrono.DayOf(micros)
		return days, err
	case l.Rules == LogRules && day:
		return chrono.ParseDay(text, l.Now)
	case l.Rules == LogRules:
		return chrono.ParseInstant(text, l.Now)
	case day:
		return chrono.ParseISODay(text)
	}
	return chrono.ParseISO(text)
}

// float pushes the name of a number that is none.
func (l *Loader) float(c *Column, text []byte) error {
	switch strings.ToLower(string(text[:min(len(text), 10)])) {
	case "nan":
		c.PushFloat(math.NaN())
	case "inf", "+inf", "infinity", "+infinity":
		c.PushFloat(math.Inf(1))
	case "-inf", "-infinity":
		c.PushFloat(math.Inf(-1))
	default:
		return mismatch(TypeName(c.Type), text)
	}
	return nil
}

// list pushes an array.
func (l *Loader) list(c *Column, s *codec.Scanner, nesting int) error {
	s.Array()
	at := int(c.Off[c.Len])
	for s.NextElement() {
		if n := c.Kids[0].Len; n >= MaxElems {
			return ErrTooLarge
		} else if err := l.push(c.Kids[0], s, nesting, false); err != nil {
			return fmt.Errorf("element %d: %w", n-at, err)
		}
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("not JSON: %v", err)
	}
	if n := c.Kids[0].Len - at; c.Type.Kind == codec.KindEmbedding && n != c.Type.Length {
		return fmt.Errorf("%d elements where %s needs %d", n, TypeName(c.Type), c.Type.Length)
	}
	return c.PushList()
}

// object pushes an object as a struct or a map. Its members are collected first: they
// come in any order, and of equal ones the last counts.
func (l *Loader) object(c *Column, s *codec.Scanner, nesting int) error {
	base := len(l.members)
	defer func() { l.members = l.members[:base] }()
	s.Object()
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		raw, _ := s.Value()
		l.members = append(l.members, member{name, raw})
	}
	if err := s.Err(); err != nil {
		return fmt.Errorf("not JSON: %v", err)
	}
	if c.Type.Kind == codec.KindStruct {
		return l.structure(c, base, nesting)
	}
	return l.mapping(c, base, nesting)
}

// structure pushes the members from base on as a struct.
func (l *Loader) structure(c *Column, base, nesting int) error {
	for k := range c.Type.Fields {
		f := &c.Type.Fields[k]
		at := -1
		for i := len(l.members) - 1; i >= base; i-- {
			if string(l.members[i].name) == f.Name {
				at = i
				break
			}
		}
		if at < 0 {
			if !f.Type.Optional && f.Type.Spelling == codec.SpellingFennel {
				return fmt.Errorf("field %q is missing", f.Name)
			}
			c.Kids[k].PushNull()
			continue
		}
		if err := l.member(c.Kids[k], at, nesting); err != nil {
			return fmt.Errorf("field %q: %w", f.Name, err)
		}
	}
	c.PushStruct()
	return nil
}

// mapping pushes the members from base on as a map.
func (l *Loader) mapping(c *Column, base, nesting int) error {
	slices.SortStableFunc(l.members[base:], func(a, b member) int { return bytes.Compare(a.name, b.name) })
	end := len(l.members)
	for i := base; i < end; i++ {
		m := l.members[i]
		if i+1 < end && string(m.name) == string(l.members[i+1].name) {
			continue
		}
		if c.Kids[0].Len >= MaxElems {
			return ErrTooLarge
		}
		if err := c.Kids[0].PushText(m.name); err != nil {
			return err
		}
		if err := l.member(c.Kids[1], i, nesting); err != nil {
			return fmt.Errorf("key %q: %w", abbreviate(m.name), err)
		}
	}
	return c.PushList()
}

// member pushes the value of one collected member.
func (l *Loader) member(c *Column, at, nesting int) error {
	s := codec.NewScanner(l.members[at].raw)
	s.AllowNaN(l.Rules == LogRules)
	return l.push(c, &s, nesting, false)
}

func mismatch(typ string, raw []byte) error {
	return fmt.Errorf("expected %s, found %s", typ, abbreviate(raw))
}

// abbreviate keeps messages short whatever was sent.
func abbreviate(s []byte) string {
	const most = 40
	if len(s) <= most {
		return string(s)
	}
	return strings.ToValidUTF8(string(s[:most]), "") + "..."
}
