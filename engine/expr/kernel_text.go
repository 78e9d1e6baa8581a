package expr

import (
	"bytes"
	"strconv"
	"unicode"
	"unicode/utf8"

	"quiver/engine/expr/vec"
)

// textStep compiles the operations on text.
func textStep(e *expr, at place, dst operand, args []operand) step {
	switch e.op {
	case OpContains, OpStartsWith, OpEndsWith:
		test := bytes.Contains
		switch e.op {
		case OpStartsWith:
			test = bytes.HasPrefix
		case OpEndsWith:
			test = bytes.HasSuffix
		}
		return func(s *Scratch) error {
			n := s.n[at.dom]
			a, b, d := s.arg(args[0], at.dom), s.arg(args[1], at.dom), s.regs[dst.reg]
			d.Make(n)
			d.Bits.Fill(false)
			for i := range n {
				if test(a.text(i), b.text(i)) {
					d.Bits.Set(i, true)
				}
			}
			valid(d, n, a, b)
			return nil
		}
	case OpConcat:
		return func(s *Scratch) error {
			a, b, d := s.arg(args[0], at.dom), s.arg(args[1], at.dom), s.regs[dst.reg]
			d.Reset(d.Type)
			for i := range s.n[at.dom] {
				if a.null(i) || b.null(i) {
					d.PushNull()
					continue
				}
				x, y := a.text(i), b.text(i)
				if len(d.Bytes)+len(x)+len(y) > vec.MaxBytes {
					return vec.ErrTooLarge
				}
				d.Bytes = append(d.Bytes, x...)
				if err := d.PushText(y); err != nil {
					return err
				}
			}
			return nil
		}
	case OpStrLen:
		return func(s *Scratch) error {
			n := s.n[at.dom]
			a, d := s.arg(args[0], at.dom), s.regs[dst.reg]
			d.Make(n)
			for i := range n {
				d.Ints[i] = int64(utf8.RuneCount(a.text(i)))
			}
			valid(d, n, a)
			return nil
		}
	}
	var push func(s *Scratch, d *vec.Column, text []byte, i int) error
	switch e.op {
	case OpLower:
		push = func(s *Scratch, d *vec.Column, text []byte, _ int) error {
			return pushCased(d, text, 'A', unicode.ToLower)
		}
	case OpUpper:
		push = func(s *Scratch, d *vec.Column, text []byte, _ int) error {
			return pushCased(d, text, 'a', unicode.ToUpper)
		}
	case OpStrptime:
		push = func(s *Scratch, d *vec.Column, text []byte, i int) error {
			v, err := e.format.ParseTime(text, e.zone)
			if err != nil {
				if err := s.fail(e, at, i, "%q with the format %q: %v", clip(text), e.n.Name, err); err != nil {
					return err
				}
			}
			d.PushInt(v)
			return nil
		}
	case OpParse:
		push = func(s *Scratch, d *vec.Column, text []byte, i int) error {
			err := s.loader.PushJSON(d, text)
			if err == nil {
				return nil
			}
			if err := s.fail(e, at, i, "%q: %s", clip(text), err.(*vec.ValueError).Reason); err != nil {
				return err
			}
			d.PushNull()
			return nil
		}
	case OpSplit:
		sep := []byte(e.n.Name)
		push = func(s *Scratch, d *vec.Column, text []byte, _ int) error { return pushSplit(d, text, sep) }
	case OpJSONExtract:
		push = func(s *Scratch, d *vec.Column, text []byte, _ int) error {
			if len(d.Bytes)+len(text) > vec.MaxBytes {
				return vec.ErrTooLarge
			}
			out, ok := extract(d.Bytes, text, e.path)
			if d.Bytes = out; !ok {
				d.PushNull()
				return nil
			}
			return d.PushText(nil)
		}
	case OpToInt:
		push = func(s *Scratch, d *vec.Column, text []byte, i int) error {
			v, ok := wholeText(text)
			if !ok {
				if err := s.fail(e, at, i, "%q is no int", clip(text)); err != nil {
					return err
				}
			}
			d.PushInt(v)
			return nil
		}
	}
	return func(s *Scratch) error {
		a, d := s.arg(args[0], at.dom), s.regs[dst.reg]
		typ := d.Type
		if e.op == OpParse {
			typ = e.n.Type // with its restrictions, which the loader checks
		}
		d.Reset(typ)
		for i := range s.n[at.dom] {
			if a.null(i) {
				d.PushNull()
			} else if err := push(s, d, a.text(i), i); err != nil {
				return err
			}
		}
		return nil
	}
}

// pushCased adds a text with the case of its letters mapped one by one. from is the
// first ASCII letter of the case that goes.
func pushCased(d *vec.Column, text []byte, from byte, mapping func(rune) rune) error {
	if len(d.Bytes)+3*len(text) > vec.MaxBytes {
		return vec.ErrTooLarge
	}
	start := len(d.Bytes)
	d.Bytes = append(d.Bytes, text...)
	out := d.Bytes[start:]
	for i, c := range out {
		if c >= utf8.RuneSelf {
			d.Bytes = d.Bytes[:start+i]
			for _, r := range string(text[i:]) {
				d.Bytes = utf8.AppendRune(d.Bytes, mapping(r))
			}
			break
		}
		if c-from < 26 {
			out[i] = c ^ 0x20
		}
	}
	return d.PushText(nil)
}

// pushSplit adds the parts of a text as a list; an empty separator parts every
// character.
func pushSplit(d *vec.Column, text, sep []byte) error {
	parts := d.Kids[0]
	for {
		n := bytes.Index(text, sep)
		if len(sep) == 0 {
			if _, n = utf8.DecodeRune(text); n == len(text) {
				n = -1
			}
		}
		if parts.Len >= vec.MaxElems {
			return vec.ErrTooLarge
		}
		if n < 0 {
			if err := parts.PushText(text); err != nil {
				return err
			}
			return d.PushList()
		}
		if err := parts.PushText(text[:n]); err != nil {
			return err
		}
		text = text[n+len(sep):]
	}
}

// wholeText reads an integer in decimal, with or without a sign.
func wholeText(text []byte) (int64, bool) {
	if len(text) == 0 || len(text) > 64 {
		return 0, false
	}
	v, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, false
	}
	return v, true
}

// clip keeps messages short whatever the data.
func clip(text []byte) []byte {
	if len(text) > 60 {
		return append(text[:57:57], "..."...)
	}
	return text
}
