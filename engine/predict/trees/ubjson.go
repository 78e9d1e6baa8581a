package trees

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ubjson reads Universal Binary JSON, draft 12 (ubjson.org), as XGBoost writes it: big
// endian; a container may declare the number of its elements, and an array their type,
// in front.
//
//	value     = 'Z' | 'T' | 'F' | 'i' int8 | 'U' uint8 | 'I' int16 | 'l' int32 | 'L' int64
//	          | 'd' float32 | 'D' float64 | 'C' char | 'S' length bytes | 'H' length bytes
//	          | array | object
//	array     = '[' [ '$' type ] '#' length elements  |  '[' elements ']'
//	object    = '{' [ '$' type ] '#' length fields    |  '{' fields '}'
//	field     = length bytes value
//	length    = one of the integers, not negative
//
// Declared lengths are compared with what is left of the text before anything is
// allocated, and elements without bytes of their own are refused, so memory stays in
// proportion to the text. 'N', no operation, is skipped between values.
type ubjson struct {
	b     []byte
	i     int
	stack []container
	err   error
}

// container is an array or object that has been entered.
type container struct {
	left int  // elements to come; -1: until the end marker
	kind byte // the declared type of all elements, 0: each says its own
	end  byte
}

const maxDepth = 64

func newUBJSON(b []byte) *ubjson { return &ubjson{b: b} }

func (d *ubjson) At(b []byte) document { return newUBJSON(b) }

func (d *ubjson) Fail(err error) {
	if d.err == nil {
		d.err = fmt.Errorf("%w, at byte %d", err, d.i)
	}
}

func (d *ubjson) Err() error { return d.err }

func (d *ubjson) End() error {
	if d.err == nil && (d.i != len(d.b) || len(d.stack) > 0) {
		d.Fail(errors.New("unexpected bytes after the value"))
	}
	return d.err
}

var errShort = errors.New("the text ends early")

// take returns the next n bytes.
func (d *ubjson) take(n int) []byte {
	if d.err != nil || n < 0 || n > len(d.b)-d.i {
		d.Fail(errShort)
		return nil
	}
	d.i += n
	return d.b[d.i-n : d.i]
}

// byte returns the next byte, 0 at the end.
func (d *ubjson) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

// marker returns the type of the next value, which its container may have declared.
func (d *ubjson) marker() byte {
	if n := len(d.stack); n > 0 && d.stack[n-1].kind != 0 {
		return d.stack[n-1].kind
	}
	m := d.byte()
	for m == 'N' {
		m = d.byte()
	}
	return m
}

// size is how many bytes a number of the given type takes, 0 if it is none.
func size(m byte) int {
	switch m {
	case 'i', 'U':
		return 1
	case 'I':
		return 2
	case 'l', 'd':
		return 4
	case 'L', 'D':
		return 8
	}
	return 0
}

// whole decodes an integer of the given type.
func whole(m byte, b []byte) (v int64, ok bool) {
	switch m {
	case 'i':
		return int64(int8(b[0])), true
	case 'U':
		return int64(b[0]), true
	case 'I':
		return int64(int16(binary.BigEndian.Uint16(b))), true
	case 'l':
		return int64(int32(binary.BigEndian.Uint32(b))), true
	case 'L':
		return int64(binary.BigEndian.Uint64(b)), true
	}
	return 0, false
}

// length reads a length: an integer with its own type.
func (d *ubjson) length() int {
	m := d.byte()
	b := d.take(size(m))
	if d.err != nil {
		return 0
	}
	v, ok := whole(m, b)
	if !ok || v < 0 || v > int64(len(d.b)-d.i) {
		d.Fail(errors.New("a length is wrong or longer than the text"))
		return 0
	}
	return int(v)
}

func (d *ubjson) Object() bool { return d.open('{', '}') }
func (d *ubjson) Array() bool  { return d.open('[', ']') }

func (d *ubjson) open(start, end byte) bool {
	if d.err != nil {
		return false
	}
	if d.marker() != start {
		d.Fail(fmt.Errorf("expected '%c'", start))
		return false
	}
	return d.enter(end)
}

// enter reads what may stand after a container's start.
func (d *ubjson) enter(end byte) bool {
	if len(d.stack) == maxDepth {
		d.Fail(errors.New("too many nested values"))
		return false
	}
	c := container{left: -1, end: end}
	if d.i < len(d.b) && d.b[d.i] == '$' {
		d.i++
		c.kind = d.byte()
		if size(c.kind) == 0 && c.kind != 'S' && c.kind != '[' && c.kind != '{' && c.kind != 'C' {
			d.Fail(errors.New("an array's elements have no size"))
			return false
		}
		if d.err != nil || d.i == len(d.b) || d.b[d.i] != '#' {
			d.Fail(errors.New("a type without a count"))
			return false
		}
	}
	if d.i < len(d.b) && d.b[d.i] == '#' {
		d.i++
		c.left = d.length()
		if n := size(c.kind); n > 0 && c.left > (len(d.b)-d.i)/n {
			d.Fail(errShort)
		}
	}
	d.stack = append(d.stack, c)
	return d.err == nil
}

// next reports whether the innermost container has one more element; it reads its end.
func (d *ubjson) next() bool {
	if d.err != nil || len(d.stack) == 0 {
		d.Fail(errors.New("not in an array or object"))
		return false
	}
	c := &d.stack[len(d.stack)-1]
	if c.left < 0 {
		for d.i < len(d.b) && d.b[d.i] == 'N' {
			d.i++
		}
		if d.i == len(d.b) {
			d.Fail(errShort)
			return false
		}
		if d.b[d.i] != c.end {
			return true
		}
		d.i++
	} else if c.left > 0 {
		c.left--
		return true
	}
	d.stack = d.stack[:len(d.stack)-1]
	return false
}

func (d *ubjson) Element() bool { return d.next() }

func (d *ubjson) Field() (string, bool) {
	if !d.next() {
		return "", false
	}
	name := d.take(d.length())
	return string(name), d.err == nil
}

func (d *ubjson) Text() string {
	if m := d.marker(); m != 'S' {
		d.Fail(errors.New("expected a string"))
		return ""
	}
	return string(d.take(d.length()))
}

func (d *ubjson) Ints(dst []int64) []int64 {
	for d.Array(); d.Element(); {
		m := d.marker()
		switch m {
		case 'T':
			dst = append(dst, 1)
			continue
		case 'F':
			dst = append(dst, 0)
			continue
		}
		b := d.take(size(m))
		if d.err != nil {
			return dst
		}
		v, ok := whole(m, b)
		if !ok {
			d.Fail(errors.New("expected a whole number"))
			return dst
		}
		dst = append(dst, v)
	}
	return dst
}

func (d *ubjson) Floats(dst []float32) []float32 {
	for d.Array(); d.Element(); {
		m := d.marker()
		b := d.take(size(m))
		if d.err != nil {
			return dst
		}
		switch m {
		case 'd':
			dst = append(dst, math.Float32frombits(binary.BigEndian.Uint32(b)))
		case 'D':
			dst = append(dst, float32(math.Float64frombits(binary.BigEndian.Uint64(b))))
		default:
			v, ok := whole(m, b)
			if !ok {
				d.Fail(errors.New("expected a number"))
				return dst
			}
			dst = append(dst, float32(v))
		}
	}
	return dst
}

// Skip reads one value. Its bytes can be read again by At only if the value carries its
// own type, which objects and arrays inside objects without a declared type do.
func (d *ubjson) Skip() []byte {
	start := d.i
	d.skip()
	if d.err != nil {
		return nil
	}
	return d.b[start:d.i]
}

func (d *ubjson) skip() {
	m := d.marker()
	switch m {
	case 'Z', 'T', 'F':
	case 'C':
		d.take(1)
	case 'S', 'H':
		d.take(d.length())
	case '[':
		for d.enter(']'); d.next(); {
			d.skipRest()
		}
	case '{':
		for d.enter('}'); d.next(); {
			d.take(d.length())
			d.skip()
		}
	default:
		n := size(m)
		if n == 0 {
			d.Fail(fmt.Errorf("unknown type %q", m))
			return
		}
		d.take(n)
	}
}

// skipRest skips one element, and all others too when they are numbers of one size.
func (d *ubjson) skipRest() {
	c := &d.stack[len(d.stack)-1]
	if n := size(c.kind); n > 0 {
		d.take(n * (c.left + 1)) // enter made sure that they are there
		c.left = 0
		return
	}
	d.skip()
}
