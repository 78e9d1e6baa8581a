package codec

import "fmt"

// JSONKind is the kind of a JSON value.
type JSONKind uint8

// The kinds; JSONInvalid, the zero value, is none of them.
const (
	JSONInvalid JSONKind = iota
	JSONNull
	JSONBool
	JSONNumber
	JSONString
	JSONArray
	JSONObject
)

var jsonKindNames = [...]string{"nothing", "null", "boolean", "number", "string", "array", "object"}

// String returns the kind in JSON's own words ("number").
func (k JSONKind) String() string {
	if int(k) < len(jsonKindNames) {
		return jsonKindNames[k]
	}
	return jsonKindNames[JSONInvalid]
}

// MaxJSONDepth is how many arrays and objects may be nested in each other.
const MaxJSONDepth = 64

// SyntaxError says where a text stops being JSON.
type SyntaxError struct {
	Offset int // in bytes
	Msg    string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s at byte %d", e.Msg, e.Offset) }

// Scanner reads one JSON text from memory, strictly by RFC 8259: what it takes is what
// encoding/json takes, except that invalid UTF-8, more than MaxJSONDepth levels, and
// names with half of a surrogate pair are errors too. It does not mind duplicate names.
//
// The first error sticks: every later call reports nothing more, and End returns it. So
// a caller loops, and checks once. What the methods return points into the text. It
// allocates only for errors and for names that hold escapes.
//
//	s := codec.NewScanner(body)
//	s.Object()
//	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
//		raw, kind := s.Value()
//		...
//	}
//	err := s.End()
//
// After NextField or NextElement returned true, the value must be read, by Value,
// Object or Array, before the next such call.
type Scanner struct {
	b     []byte
	i     int
	depth int
	first bool // nothing of the innermost open container was read yet
	nan   bool
	err   *SyntaxError
}

// NewScanner returns a Scanner over b, which must not change while it is used.
func NewScanner(b []byte) Scanner { return Scanner{b: b} }

// AllowNaN makes NaN, Infinity and -Infinity legal numbers, for APIs whose clients
// send what Python's json module writes.
func (s *Scanner) AllowNaN(on bool) { s.nan = on }

// Err returns the error that stopped the scanner, nil if none.
func (s *Scanner) Err() error {
	if s.err == nil {
		return nil
	}
	return s.err
}

// End reports whether the text ended well: no error so far, every container closed,
// and only white space left.
func (s *Scanner) End() error {
	if s.err == nil {
		if s.skip(); s.depth > 0 {
			s.fail(s.i, "array or object not closed")
		} else if s.i < len(s.b) {
			s.fail(s.i, "unexpected text after the value")
		}
	}
	return s.Err()
}

// Peek returns the kind of the next value without reading it, judging by its first
// byte only.
func (s *Scanner) Peek() JSONKind {
	if s.err != nil {
		return JSONInvalid
	}
	return kindOf(s.skip())
}

// kindOf tells a value by its first byte.
func kindOf(c byte) JSONKind {
	switch c {
	case '"':
		return JSONString
	case '{':
		return JSONObject
	case '[':
		return JSONArray
	case 't', 'f':
		return JSONBool
	case 'n':
		return JSONNull
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'N', 'I':
		return JSONNumber
	}
	return JSONInvalid
}

// Object reads the start of an object; false and an error if the next value is none.
func (s *Scanner) Object() bool { return s.open('{', "expected an object") }

// Array reads the start of an array; false and an error if the next value is none.
func (s *Scanner) Array() bool { return s.open('[', "expected an array") }

func (s *Scanner) open(c byte, msg string) bool {
	if s.err != nil {
		return false
	}
	if s.skip() != c {
		s.fail(s.i, msg)
		return false
	}
	if s.depth++; s.depth > MaxJSONDepth {
		s.fail(s.i, "too many nested values")
		return false
	}
	s.i++
	s.first = true
	return true
}

// NextField reads the name of the next field of the innermost open object, or the
// object's end (ok is false then). The name comes without its quotes; it points into
// the text, or to memory of its own when it holds escapes.
func (s *Scanner) NextField() (name []byte, ok bool) {
	if !s.next('}') {
		return nil, false
	}
	if s.i == len(s.b) || s.b[s.i] != '"' {
		s.fail(s.i, "expected a name in quotes")
		return nil, false
	}
	start := s.i
	end, escapes, msg := scanString(s.b, start)
	if msg != "" {
		s.fail(end, msg)
		return nil, false
	}
	s.i = end
	if s.skip() != ':' {
		s.fail(s.i, "expected a colon after the name")
		return nil, false
	}
	s.i++
	name = s.b[start+1 : end-1]
	if escapes {
		var err error
		if name, err = appendUnescaped(nil, name, 0); err != nil {
			s.fail(start, err.Error())
			return nil, false
		}
	}
	return name, true
}

// NextElement goes to the next element of the innermost open array; false at the
// array's end, which it reads.
func (s *Scanner) NextElement() bool {
	if i := s.i; s.err == nil && !s.first && len(s.b)-i >= 2 && s.b[i] == ',' && s.b[i+1] > ' ' {
		s.i = i + 1
		return true
	}
	return s.next(']')
}

// next goes to the next member of the innermost container, or reads its end.
func (s *Scanner) next(end byte) bool {
	if s.err != nil {
		return false
	}
	c := s.skip()
	if c == end {
		if s.depth == 0 {
			s.fail(s.i, "unexpected end of an array or object")
			return false
		}
		s.i++
		s.depth--
		s.first = false
		return false
	}
	if s.first {
		return true
	}
	if c != ',' {
		s.fail(s.i, "expected a comma or the end of the array or object")
		return false
	}
	s.i++
	s.skip()
	return true
}

// Value reads and checks the next value whole and returns exactly its bytes; nil and
// JSONInvalid after an error.
func (s *Scanner) Value() (raw []byte, kind JSONKind) {
	if s.err != nil {
		return nil, JSONInvalid
	}
	c := s.skip()
	start := s.i
	kind = kindOf(c)
	if kind >= JSONArray {
		if !s.container() {
			return nil, JSONInvalid
		}
	} else if !s.scalar(kind) {
		return nil, JSONInvalid
	}
	s.first = false
	return s.b[start:s.i], kind
}

// Int reads the next value if it is a number of at most 18 digits and nothing else.
// Otherwise it reads nothing: what there is, Value tells.
func (s *Scanner) Int() (v int64, ok bool) {
	if s.err != nil {
		return 0, false
	}
	s.skip()
	b := s.b[s.i:]
	at := 0
	if len(b) > 0 && b[0] == '-' {
		at = 1
	}
	first := at
	for at < len(b) && isDigit(b[at]) {
		v = v*10 + int64(b[at]-'0')
		at++
	}
	n := at - first
	if n == 0 || n > 18 || n > 1 && b[first] == '0' || at == len(b) || b[at] == '.' || b[at]|0x20 == 'e' {
		return 0, false
	}
	if first == 1 {
		v = -v
	}
	s.i += at
	s.first = false
	return v, true
}

// scalar reads one value of the given kind that is no container.
func (s *Scanner) scalar(kind JSONKind) bool {
	switch kind {
	case JSONString:
		end, _, msg := scanString(s.b, s.i)
		if msg != "" {
			s.fail(end, msg)
			return false
		}
		s.i = end
	case JSONNumber:
		end, ok := scanNumber(s.b, s.i)
		if !ok && s.nan {
			end, ok = scanNaN(s.b, s.i)
		}
		if !ok {
			s.fail(end, "bad number")
			return false
		}
		s.i = end
	case JSONNull:
		return s.word("null")
	case JSONBool:
		if s.b[s.i] == 't' {
			return s.word("true")
		}
		return s.word("false")
	default:
		s.fail(s.i, "expected a value")
		return false
	}
	return true
}

func (s *Scanner) word(w string) bool {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		s.fail(s.i, "expected a value")
		return false
	}
	s.i += len(w)
	return true
}

// container reads a whole array or object. Instead of recursing it keeps one bit per
// level: 1 for an object, 0 for an array.
func (s *Scanner) container() bool {
	var objects uint64
	outer := s.depth
	for {
		// A value starts at s.i.
		c := s.skip()
		if isDigit(c) && objects&1 == 0 && s.depth > outer {
			s.i = plainNumbers(s.b, s.i)
			c = s.skip()
		}
		switch kind := kindOf(c); kind {
		case JSONObject, JSONArray:
			if s.depth++; s.depth > MaxJSONDepth {
				s.fail(s.i, "too many nested values")
				return false
			}
			s.i++
			objects <<= 1
			if kind == JSONObject {
				objects |= 1
				if s.skip() != '}' {
					if !s.name() {
						return false
					}
					continue
				}
			} else if s.skip() != ']' {
				continue
			}
		default:
			if !s.scalar(kind) {
				return false
			}
		}
		// A value was read, or an empty container is at its end.
		for s.depth > outer {
			c = s.skip()
			if c == ',' {
				s.i++
				break
			}
			if c != ']'+byte(objects&1)*('}'-']') {
				s.fail(s.i, "expected a comma or the end of the array or object")
				return false
			}
			s.i++
			s.depth--
			objects >>= 1
		}
		if s.depth == outer {
			return true
		}
		if objects&1 == 1 && !s.name() {
			return false
		}
	}
}

// name reads a field's name and colon without keeping them.
func (s *Scanner) name() bool {
	if s.skip() != '"' {
		s.fail(s.i, "expected a name in quotes")
		return false
	}
	end, _, msg := scanString(s.b, s.i)
	if msg != "" {
		s.fail(end, msg)
		return false
	}
	s.i = end
	if s.skip() != ':' {
		s.fail(s.i, "expected a colon after the name")
		return false
	}
	s.i++
	return true
}

// skip passes white space and returns the byte that follows, 0 at the end.
func (s *Scanner) skip() byte {
	if s.i < len(s.b) && s.b[s.i] > ' ' {
		return s.b[s.i]
	}
	return s.skipSpace()
}

func (s *Scanner) skipSpace() byte {
	for s.i < len(s.b) {
		c := s.b[s.i]
		if c > ' ' || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c
		}
		s.i++
	}
	return 0
}

func (s *Scanner) fail(at int, msg string) {
	if s.err == nil {
		if at >= len(s.b) {
			at, msg = len(s.b), "unexpected end of the text"
		}
		s.err = &SyntaxError{Offset: at, Msg: msg}
	}
}
