package codec

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Check restricts the values of a base type: between(T, min, max), oneof(T, [..]) or
// regex("..") as Fennel writes them. Null passes every check. Exactly one of the three
// groups of fields is set.
type Check struct {
	// between: bounds as JSON numbers; NaN is outside of all bounds.
	Min, Max             string
	StrictMin, StrictMax bool
	// oneof: the allowed cells, as rendered.
	OneOf []string
	// regex: RE2 syntax, must match the whole text.
	Pattern string

	minInt, maxInt     int64
	minFloat, maxFloat float64
	re                 *regexp.Regexp
}

func (c *Check) equal(d *Check) bool {
	if c == nil || d == nil {
		return c == d
	}
	return c.Min == d.Min && c.Max == d.Max && c.StrictMin == d.StrictMin && c.StrictMax == d.StrictMax &&
		slices.Equal(c.OneOf, d.OneOf) && c.Pattern == d.Pattern
}

// verify reports whether a finished cell of type t passes; reason says why not.
func (c *Check) verify(t *Type, cell []byte, sp Special) (reason string, ok bool) {
	if sp == None && isNull(cell) {
		return "", true
	}
	switch {
	case c.re != nil:
		if len(cell) > 2 && slices.Contains(cell, '\\') {
			text, _ := CellText(nil, cell)
			ok = c.re.Match(text)
		} else {
			ok = len(cell) >= 2 && c.re.Match(cell[1:len(cell)-1])
		}
		return "does not match " + strconv.Quote(abbreviate(c.Pattern)), ok
	case c.OneOf != nil:
		for _, o := range c.OneOf {
			if string(cell) == o {
				return "", true
			}
		}
		return "is none of " + abbreviate(strings.Join(c.OneOf, ", ")), false
	case t.Integer():
		v, isInt := CellInt(cell)
		ok = isInt && (v > c.minInt || v == c.minInt && !c.StrictMin) && (v < c.maxInt || v == c.maxInt && !c.StrictMax)
	default:
		v, isFloat := CellFloat(cell, sp)
		ok = isFloat && (v > c.minFloat || v == c.minFloat && !c.StrictMin) && (v < c.maxFloat || v == c.maxFloat && !c.StrictMax)
	}
	return fmt.Sprintf("is not between %s and %s", c.Min, c.Max), ok
}

// check reads the rest of between(..), oneof(..) and regex(..).
func (p *parser) check(t *Type, word string, start, depth int) error {
	if err := p.expect('('); err != nil {
		return err
	}
	c := &Check{}
	if word == "regex" {
		p.space()
		at := p.pos
		pattern, err := p.quoted()
		if err != nil {
			return err
		}
		if c.re, err = regexp.Compile("^(?:" + pattern + ")$"); err != nil {
			return p.errorf(at, "bad regular expression: %v", err)
		}
		t.Kind, c.Pattern, t.Check = KindString, pattern, c
		return p.expect(')')
	}
	p.space()
	at := p.pos
	base, err := p.parse(depth + 1)
	if err != nil {
		return err
	}
	if base.Check != nil || base.Optional {
		return p.errorf(at, "%s needs a plain base type", word)
	}
	*t = *base
	t.Check = c
	if err := p.expect(','); err != nil {
		return err
	}
	if word == "between" {
		err = p.bounds(t, c, at)
	} else {
		err = p.options(t, c, at)
	}
	if err != nil {
		return err
	}
	return p.expect(')')
}

// bounds reads `min, max` and the optional strict_min and strict_max, by position or
// by name.
func (p *parser) bounds(t *Type, c *Check, at int) (err error) {
	if !t.Integer() && !t.Floating() {
		return p.errorf(at, "between restricts integers and floats, not %s", t.Kind)
	}
	if c.Min, c.minInt, c.minFloat, err = p.bound(t); err != nil {
		return err
	}
	if err = p.expect(','); err != nil {
		return err
	}
	p.space()
	at = p.pos
	if c.Max, c.maxInt, c.maxFloat, err = p.bound(t); err != nil {
		return err
	}
	if t.Integer() && c.minInt > c.maxInt || t.Floating() && c.minFloat > c.maxFloat {
		return p.errorf(at, "the upper bound is below the lower one")
	}
	flags := []*bool{&c.StrictMin, &c.StrictMax}
	for i := 0; i < len(flags) && p.peek(','); i++ {
		p.pos++
		p.space()
		at, flag := p.pos, flags[i]
		word := p.word()
		if word == "strict_min" || word == "strict_max" {
			if flag = &c.StrictMin; word == "strict_max" {
				flag = &c.StrictMax
			}
			if err := p.expect('='); err != nil {
				return err
			}
			p.space()
			at, word = p.pos, ""
			word = p.word()
		}
		switch strings.ToLower(word) {
		case "true":
			*flag = true
		case "false":
			*flag = false
		default:
			return p.errorf(at, "expected True or False")
		}
	}
	return nil
}

func (p *parser) bound(t *Type) (text string, i int64, f float64, err error) {
	p.space()
	at := p.pos
	text = p.number()
	if t.Integer() {
		i, err = strconv.ParseInt(text, 10, 64)
		text = strconv.FormatInt(i, 10)
	} else {
		f, err = strconv.ParseFloat(text, 64)
		text = strconv.FormatFloat(f, 'g', -1, 64)
	}
	if err != nil {
		return "", 0, 0, p.errorf(at, "expected a number of type %s", t.Kind)
	}
	return text, i, f, nil
}

// options reads the list of oneof.
func (p *parser) options(t *Type, c *Check, at int) error {
	if !t.Integer() && t.Kind != KindString {
		return p.errorf(at, "oneof restricts integers and text, not %s", t.Kind)
	}
	if err := p.expect('['); err != nil {
		return err
	}
	for {
		p.space()
		at := p.pos
		if t.Kind == KindString {
			text, err := p.quoted()
			if err != nil {
				return err
			}
			c.OneOf = append(c.OneOf, string(AppendQuoted(nil, []byte(text))))
		} else {
			v, err := strconv.ParseInt(p.number(), 10, 64)
			if err != nil {
				return p.errorf(at, "expected a whole number")
			}
			c.OneOf = append(c.OneOf, strconv.FormatInt(v, 10))
		}
		if p.peek(',') {
			p.pos++
			continue
		}
		return p.expect(']')
	}
}

func (p *parser) number() string {
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte("+-.eE0123456789", p.text[p.pos]) >= 0 {
		p.pos++
	}
	return p.text[start:p.pos]
}

// quoted reads a Python string literal: single or double quotes, optionally raw.
// Backslashes before other characters than quotes, backslash, n, r and t stay, as in
// Python.
func (p *parser) quoted() (string, error) {
	p.space()
	start := p.pos
	raw := p.pos < len(p.text) && p.text[p.pos]|0x20 == 'r'
	if raw {
		p.pos++
	}
	if p.pos == len(p.text) || p.text[p.pos] != '"' && p.text[p.pos] != '\'' {
		return "", p.errorf(start, "expected text in quotes")
	}
	quote := p.text[p.pos]
	p.pos++
	var out []byte
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		p.pos++
		if c == quote {
			return strings.ToValidUTF8(string(out), "\uFFFD"), nil
		}
		if c == '\\' && p.pos < len(p.text) {
			next := p.text[p.pos]
			p.pos++
			if i := strings.IndexByte("\\\"'nrt", next); i >= 0 && !raw {
				out = append(out, "\\\"'\n\r\t"[i])
			} else {
				out = append(out, c, next)
			}
			continue
		}
		out = append(out, c)
	}
	return "", p.errorf(start, "the closing quote is missing")
}
