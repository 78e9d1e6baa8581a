package catalog

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// File is one file of definitions.
type File struct {
	Name string `json:"name"` // as messages print it
	Text []byte `json:"text"`
	// Attached says that the file holds no definitions but what some of them name.
	Attached bool `json:"attached,omitempty"`
}

// code reports whether the file holds no definitions but what some of them name.
func (f *File) code() bool { return f.Attached || strings.HasSuffix(f.Name, ".py") }

// plain returns the text without a byte order mark.
func (f *File) plain() string { return strings.TrimPrefix(string(f.Text), "\ufeff") }

// Limits of what is read. They are far above real definitions; without them a few
// megabytes of brackets would keep the YAML parser, whose costs grow with the square
// of depth and of the keys in one mapping, busy for minutes.
const (
	maxFile  = 64 << 20 // bytes of one file
	maxChunk = 8 << 20  // bytes of one document
	maxDepth = 48       // nested collections
	maxKeys  = 5000     // keys of one block mapping
)

// chunk is one YAML document of a file. Documents are cut apart before they are
// parsed, so that a syntax error in one does not hide the faults of the others, and
// so that a document that was seen before need not be parsed at all.
type chunk struct {
	file   *File
	order  int    // of the file among all files
	before int    // lines of the file above the chunk
	text   string // without the marker lines around it
	tree
}

// tree is a parsed chunk. It takes a hundred times the memory of the text, so it is
// let go once the definition is read, and made again where the place of a fault that
// is found later is wanted.
type tree struct {
	parsed bool
	root   ast.Node // nil when it could not be parsed
	tokens token.Tokens
	found  map[*token.Token]span // see spans
}

// digest identifies the text of a chunk.
type digest [16]byte

func (c *chunk) digest() digest {
	sum := sha256.Sum256([]byte(c.text))
	return digest(sum[:16])
}

// MarshalText writes the digest in hexadecimal.
func (d digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads what MarshalText wrote.
func (d *digest) UnmarshalText(b []byte) error {
	if len(b) != hex.EncodedLen(len(d)) {
		return fmt.Errorf("cannot read a digest of %d characters", len(b))
	}
	_, err := hex.Decode(d[:], b)
	return err
}

// cut splits a file at its document markers. Lines keep their numbers and columns.
func cut(file *File, order int, out *collector) []*chunk {
	whole := &chunk{file: file, order: order}
	if len(file.Text) > maxFile {
		whole.report(out, place{1, 1}, "the file is larger than %d MiB", maxFile>>20)
		return nil
	}
	text := file.plain()
	if at, ok := badCharacter(text); !ok {
		whole.report(out, at, "the file is not plain UTF-8 text here")
		return nil
	}
	var chunks []*chunk
	line, start := 0, 0
	begin := 0 // line the current chunk starts after
	add := func(end int, head string) {
		t := text[start:end]
		if head != "" {
			t = head + t
		}
		if !blank(t) {
			chunks = append(chunks, &chunk{file: file, order: order, before: begin, text: t})
		}
	}
	head := ""
	for at := 0; at < len(text); line++ {
		next := at + len(text[at:])
		if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
			next = at + n + 1
		}
		if row := text[at:next]; isMarker(row, "---") || isMarker(row, "...") {
			add(at, head)
			// What follows a marker on its line belongs to the next document.
			start, begin, head = at+3, line, "   "
		}
		at = next
	}
	add(len(text), head)
	return chunks
}

func isMarker(row, marker string) bool {
	return strings.HasPrefix(row, marker) && (len(row) == 3 || strings.IndexByte(" \t\r\n", row[3]) >= 0)
}

// blank reports whether a document holds nothing but comments and white space.
func blank(text string) bool {
	for row := range strings.Lines(text) {
		if row = strings.TrimSpace(row); row != "" && row[0] != '#' {
			return false
		}
	}
	return true
}

// badCharacter returns the place of the first byte that is not UTF-8 or a control
// character; ok when there is none.
func badCharacter(text string) (at place, ok bool) {
	at = place{1, 1}
	for i, r := range text {
		bad := r < ' ' && r != '\n' && r != '\t' && r != '\r'
		if r == utf8.RuneError {
			_, n := utf8.DecodeRuneInString(text[i:])
			bad = n == 1
		}
		switch {
		case bad:
			return at, false
		case r == '\n':
			at = place{at.line + 1, 1}
		default:
			at.column++
		}
	}
	return place{}, true
}

// parse reads the YAML once; a syntax error is reported and leaves root nil.
func (c *chunk) parse(out *collector) {
	if c.parsed {
		return
	}
	c.parsed = true
	top := place{c.before + 1, 1}
	if len(c.text) > maxChunk {
		c.report(out, top, "the document is larger than %d MiB", maxChunk>>20)
		return
	}
	// The parser is someone else's code fed with anything: should some text make
	// it panic, that document is refused and nothing else happens.
	defer func() {
		if p := recover(); p != nil {
			c.root = nil
			c.report(out, top, "the YAML parser cannot read this document: %v", p)
		}
	}()
	c.tokens = lexer.Tokenize(c.text)
	if tk, why := tooComplex(c.tokens); tk != nil {
		c.report(out, c.at(tk), "%s", why)
		return
	}
	file, err := parser.Parse(c.tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		at, text := top, err.Error()
		var y yaml.Error
		if errors.As(err, &y) {
			at, text = c.at(y.GetToken()), y.GetMessage()
		}
		if strings.Contains(text, "'}' must be specified") {
			text += "; between braces, put a value that holds brackets in quotes, such as type: \"List[int]\""
		}
		c.report(out, at, "bad YAML: %s", text)
		return
	}
	if len(file.Docs) > 0 {
		c.root = file.Docs[0].Body
	}
}

// tooComplex finds the token at which a document exceeds maxDepth or maxKeys, without
// building anything.
func tooComplex(tokens token.Tokens) (*token.Token, string) {
	type level struct{ column, keys int }
	var levels []level // of block collections
	brackets := 0
	for _, tk := range tokens {
		switch tk.Type {
		case token.MappingStartType, token.SequenceStartType:
			brackets++
		case token.MappingEndType, token.SequenceEndType:
			brackets--
		case token.MappingValueType, token.SequenceEntryType, token.MappingKeyType:
			if brackets > 0 {
				continue
			}
			column := tk.Position.Column
			if tk.Type == token.MappingValueType && tk.Prev != nil {
				column = tk.Prev.Position.Column
			}
			for len(levels) > 0 && levels[len(levels)-1].column > column {
				levels = levels[:len(levels)-1]
			}
			if n := len(levels); n == 0 || levels[n-1].column < column {
				levels = append(levels, level{column: column})
			}
			top := &levels[len(levels)-1]
			if tk.Type == token.MappingValueType {
				top.keys++
			}
			if top.keys > maxKeys {
				return tk, fmt.Sprintf("more than %d keys in one mapping", maxKeys)
			}
		}
		if brackets+len(levels) > maxDepth {
			return tk, fmt.Sprintf("collections are nested more than %d deep", maxDepth)
		}
	}
	return nil, ""
}

// report adds a problem at a place of the file.
func (c *chunk) report(out *collector, at place, format string, args ...any) {
	out.add(Problem{
		File: c.file.Name, Line: max(at.line, 1), Column: max(at.column, 1),
		Text: fmt.Sprintf(format, args...), order: c.order, file: c.file,
	})
}
