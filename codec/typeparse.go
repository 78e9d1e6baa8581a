package codec

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of type texts.
const (
	maxTypeText  = 64 << 10 // bytes
	maxTypeDepth = 32       // nested types
	maxLength    = 1 << 24  // of varchar(n), binary(n), Embedding[n]
	maxPrecision = 65       // decimal digits
	maxScale     = 30
	fennelDigits = 38 // digits of Fennel's decimal, a 128-bit integer
	fennelScale  = 28
)

// TypeError says what is wrong with a type text, and where.
type TypeError struct {
	Text   string // the whole text
	Offset int    // byte offset of the mistake in Text
	Msg    string
}

func (e *TypeError) Error() string {
	return fmt.Sprintf("bad type %q at character %d: %s", abbreviate(e.Text), e.Offset+1, e.Msg)
}

// ParseType reads a type as users write it in definitions: SQL words (in any case) and
// Fennel's, up to 32 types deep. Errors are *TypeError.
func ParseType(text string, s Spelling) (*Type, error) {
	p := parser{text: text, spelling: s}
	return p.whole()
}

// parser is a recursive descent over one type text.
type parser struct {
	text     string
	pos      int
	spelling Spelling
	fennel   bool // a word that only Fennel has was used as a type
	inside   bool // of an array, struct or map
}

func (p *parser) whole() (*Type, error) {
	if len(p.text) > maxTypeText {
		return nil, p.errorf(0, "longer than %d bytes", maxTypeText)
	}
	if !utf8.ValidString(p.text) {
		return nil, p.errorf(0, "%v", errUTF8)
	}
	t, err := p.parse(1)
	if err != nil {
		return nil, err
	}
	if p.space(); p.pos < len(p.text) {
		return nil, p.errorf(p.pos, "unexpected %q after the type", p.rest())
	}
	return t, nil
}

func (p *parser) parse(depth int) (*Type, error) {
	p.space()
	start := p.pos
	if depth > maxTypeDepth {
		return nil, p.errorf(start, "more than %d nested types", maxTypeDepth)
	}
	word := p.word()
	if word == "" {
		if start == len(p.text) {
			return nil, p.errorf(start, "a type is missing here")
		}
		return nil, p.errorf(start, "expected a type, found %q", p.rest())
	}
	t := &Type{Spelling: p.spelling}
	err := p.body(t, strings.ToLower(word), start, depth)
	if err != nil {
		return nil, err
	}
	t.Text = p.text[start:p.pos]
	return t, nil
}

// body reads what follows the word of a type.
func (p *parser) body(t *Type, word string, start, depth int) error {
	defer func(was bool) { p.inside = was }(p.inside)
	switch word {
	case "tinyint":
		t.Kind = KindTinyInt
	case "smallint":
		t.Kind = KindSmallInt
	case "int":
		if t.Kind = KindInt; p.spelling == SpellingFennel {
			t.Kind = KindBigInt
		}
	case "bigint":
		t.Kind = KindBigInt
	case "float":
		if t.Kind = KindFloat; p.spelling == SpellingFennel {
			t.Kind = KindDouble
		}
	case "double":
		t.Kind = KindDouble
	case "boolean":
		t.Kind = KindBoolean
	case "string":
		t.Kind = KindString
	case "date":
		t.Kind = KindDate
	case "str", "bool", "bytes", "datetime":
		p.fennel = true
		t.Kind = map[string]Kind{"str": KindString, "bool": KindBoolean, "bytes": KindBinary, "datetime": KindTimestamp}[word]
		if word == "datetime" {
			t.Precision = 6
		}
	case "decimal":
		return p.decimal(t)
	case "char", "varchar":
		t.Kind = KindString
		return p.length(t, '(', ')', word)
	case "binary", "varbinary":
		t.Kind = KindBinary
		if p.peek('(') {
			return p.length(t, '(', ')', word)
		}
	case "timestamp":
		t.Kind = KindTimestamp
		if p.inside { // complex values, where Hopsworks keeps Avro's timestamp-micros
			t.Precision = 6
		}
		if p.peek('(') {
			n, err := p.arguments('(', ')', 1, 9)
			if err != nil {
				return err
			}
			t.Precision = n[0]
		}
	case "array":
		t.Kind = KindArray
		return p.element(t, '<', '>', depth)
	case "list":
		p.fennel = true
		t.Kind = KindArray
		return p.element(t, '[', ']', depth)
	case "map":
		t.Kind = KindMap
		return p.mapping(t, '<', '>', depth)
	case "dict":
		p.fennel = true
		t.Kind = KindMap
		return p.mapping(t, '[', ']', depth)
	case "struct":
		t.Kind = KindStruct
		return p.fields(t, depth)
	case "embedding":
		p.fennel = true
		t.Kind = KindEmbedding
		t.Elem = &Type{Kind: KindDouble, Spelling: p.spelling, Text: "float"}
		return p.length(t, '[', ']', word)
	case "optional":
		return p.optional(t, depth)
	case "between", "oneof", "regex":
		p.fennel = true
		return p.check(t, word, start, depth)
	default:
		return p.errorf(start, "unknown type %q", abbreviate(word))
	}
	return nil
}

func (p *parser) decimal(t *Type) error {
	t.Kind = KindDecimal
	switch {
	case p.peek('['):
		p.fennel = true
		n, err := p.arguments('[', ']', 1, fennelScale)
		if err != nil {
			return err
		}
		t.Precision, t.Scale = fennelDigits, n[0]
	case p.peek('('):
		at := p.pos
		n, err := p.arguments('(', ')', 2, maxPrecision)
		if err != nil {
			return err
		}
		t.Precision = n[0]
		if len(n) == 2 {
			t.Scale = n[1]
		}
		if t.Precision < 1 || t.Scale > t.Precision || t.Scale > maxScale {
			return p.errorf(at, "decimal(p,s) needs 1 <= p <= %d and s <= p, s <= %d", maxPrecision, maxScale)
		}
	default:
		t.Precision = 10 // as in Hive
	}
	return nil
}

func (p *parser) length(t *Type, open, end byte, word string) error {
	at := p.pos
	n, err := p.arguments(open, end, 1, maxLength)
	if err != nil {
		return err
	}
	if n[0] == 0 {
		return p.errorf(at, "the length of %s must be at least 1", word)
	}
	t.Length = n[0]
	return nil
}

func (p *parser) element(t *Type, open, end byte, depth int) (err error) {
	p.inside = true
	if err = p.expect(open); err == nil {
		if t.Elem, err = p.parse(depth + 1); err == nil {
			err = p.expect(end)
		}
	}
	return err
}

func (p *parser) mapping(t *Type, open, end byte, depth int) error {
	p.inside = true
	if err := p.expect(open); err != nil {
		return err
	}
	p.space()
	at := p.pos
	key, err := p.parse(depth + 1)
	if err != nil {
		return err
	}
	if key.Kind != KindString || key.Optional {
		return p.errorf(at, "map keys must be text: map<string,T> or Dict[str, T]")
	}
	if err := p.expect(','); err != nil {
		return err
	}
	if t.Elem, err = p.parse(depth + 1); err != nil {
		return err
	}
	return p.expect(end)
}

func (p *parser) fields(t *Type, depth int) error {
	if err := p.expect('<'); err != nil {
		return err
	}
	p.inside = true
	seen := map[string]bool{}
	for {
		p.space()
		at := p.pos
		n := strings.IndexAny(p.text[at:], ":<>,()[]\"'")
		if n < 0 || p.text[at+n] != ':' {
			return p.errorf(at, "expected a field as name:type")
		}
		name := strings.TrimRight(p.text[at:at+n], " \t\r\n")
		if name == "" {
			return p.errorf(at, "a field needs a name")
		}
		if seen[name] {
			return p.errorf(at, "field %q appears twice", abbreviate(name))
		}
		seen[name] = true
		p.pos = at + n + 1
		ft, err := p.parse(depth + 1)
		if err != nil {
			return err
		}
		t.Fields = append(t.Fields, Field{Name: name, Type: ft})
		if p.peek(',') {
			p.pos++
			continue
		}
		return p.expect('>')
	}
}

func (p *parser) optional(t *Type, depth int) error {
	p.fennel = true
	if err := p.expect('['); err != nil {
		return err
	}
	inner, err := p.parse(depth + 1)
	if err != nil {
		return err
	}
	*t = *inner
	t.Optional = true
	return p.expect(']')
}

// arguments reads one to max whole numbers between brackets, each at most limit.
func (p *parser) arguments(open, end byte, max, limit int) ([]int, error) {
	if err := p.expect(open); err != nil {
		return nil, err
	}
	var n []int
	for {
		p.space()
		at := p.pos
		for p.pos < len(p.text) && isDigit(p.text[p.pos]) {
			p.pos++
		}
		if at == p.pos {
			return nil, p.errorf(at, "expected a whole number")
		}
		v, err := strconv.Atoi(p.text[at:p.pos])
		if err != nil || v > limit {
			return nil, p.errorf(at, "%s is above %d", abbreviate(p.text[at:p.pos]), limit)
		}
		n = append(n, v)
		if len(n) < max && p.peek(',') {
			p.pos++
			continue
		}
		return n, p.expect(end)
	}
}

func (p *parser) space() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *parser) word() string {
	start := p.pos
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		if !(c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || isDigit(c) && p.pos > start) {
			break
		}
		p.pos++
	}
	return p.text[start:p.pos]
}

// peek skips white space and reports whether c is next.
func (p *parser) peek(c byte) bool {
	p.space()
	return p.pos < len(p.text) && p.text[p.pos] == c
}

func (p *parser) expect(c byte) error {
	if p.peek(c) {
		p.pos++
		return nil
	}
	if p.pos == len(p.text) {
		return p.errorf(p.pos, "%q is missing here", c)
	}
	return p.errorf(p.pos, "expected %q, found %q", c, p.rest())
}

func (p *parser) rest() string { return abbreviate(p.text[p.pos:]) }

func (p *parser) errorf(at int, format string, args ...any) error {
	return &TypeError{Text: p.text, Offset: at, Msg: fmt.Sprintf(format, args...)}
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// abbreviate keeps messages short, and text, whatever was sent.
func abbreviate[S ~string | ~[]byte](s S) string {
	const most = 40
	if len(s) <= most {
		return strings.ToValidUTF8(string(s), "\uFFFD")
	}
	return strings.ToValidUTF8(string(s[:most]), "") + "..."
}
