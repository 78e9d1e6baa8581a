package trees

import (
	"errors"
	"fmt"
	"strconv"

	"quiver/codec"
)

// document is a position in a JSON or UBJSON text, the two forms of an XGBoost model.
// As with codec.Scanner the first error sticks: every later call reports nothing more.
type document interface {
	Object() bool                  // reads the start of an object
	Field() (name string, ok bool) // reads the next field's name, or the object's end
	Array() bool                   // reads the start of an array
	Element() bool                 // goes to the next element, or reads the array's end
	Text() string                  // reads a string
	Ints(dst []int64) []int64      // reads an array of whole numbers or truth values
	Floats(dst []float32) []float32
	Skip() []byte       // reads any value and returns its bytes
	At([]byte) document // a document over bytes that Skip returned
	Fail(error)         // stops with an error
	Err() error         // the error so far
	End() error         // the error, or that of text after the value
}

// jsonDocument reads JSON.
type jsonDocument struct {
	s   codec.Scanner
	err error
}

func newJSON(b []byte) *jsonDocument {
	d := &jsonDocument{s: codec.NewScanner(b)}
	d.s.AllowNaN(true) // written by some releases; refused where it matters
	return d
}

func (d *jsonDocument) At(b []byte) document { return newJSON(b) }
func (d *jsonDocument) Object() bool         { return d.err == nil && d.s.Object() }
func (d *jsonDocument) Array() bool          { return d.err == nil && d.s.Array() }
func (d *jsonDocument) Element() bool        { return d.err == nil && d.s.NextElement() }

func (d *jsonDocument) Field() (string, bool) {
	if d.err != nil {
		return "", false
	}
	name, ok := d.s.NextField()
	return string(name), ok
}

func (d *jsonDocument) Skip() []byte {
	if d.err != nil {
		return nil
	}
	b, _ := d.s.Value()
	return b
}

func (d *jsonDocument) Text() string {
	b := d.Skip()
	if len(b) == 0 || b[0] != '"' {
		d.Fail(errors.New("expected a string"))
		return ""
	}
	text, err := codec.AppendUnquoted(nil, b)
	if err != nil {
		d.Fail(err)
	}
	return string(text)
}

func (d *jsonDocument) Ints(dst []int64) []int64 {
	for d.Array(); d.Element(); {
		b := d.Skip()
		switch string(b) {
		case "true":
			dst = append(dst, 1)
			continue
		case "false":
			dst = append(dst, 0)
			continue
		}
		v, err := strconv.ParseInt(string(b), 10, 64)
		if err != nil {
			d.Fail(fmt.Errorf("%q is no whole number", clip(b)))
			return dst
		}
		dst = append(dst, v)
	}
	return dst
}

func (d *jsonDocument) Floats(dst []float32) []float32 {
	for d.Array(); d.Element(); {
		b := d.Skip()
		v, err := strconv.ParseFloat(string(b), 32)
		if err != nil {
			d.Fail(fmt.Errorf("%q is no single-precision number", clip(b)))
			return dst
		}
		dst = append(dst, float32(v))
	}
	return dst
}

func (d *jsonDocument) Fail(err error) {
	if d.err == nil && d.s.Err() == nil {
		d.err = err
	}
}

func (d *jsonDocument) Err() error {
	if d.err != nil {
		return d.err
	}
	return d.s.Err()
}

func (d *jsonDocument) End() error {
	if d.err != nil {
		return d.err
	}
	return d.s.End()
}

// clip shortens what an error quotes.
func clip(b []byte) []byte { return b[:min(len(b), 40)] }
