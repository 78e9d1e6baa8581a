package catalog

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"quiver/codec"
)

// YAML prints the definition as people write it: a key per line, lists of objects
// with an object per line. It ends with a line break.
func (d Definition) YAML() []byte {
	var out []byte
	dec := json.NewDecoder(bytes.NewReader(d.Body))
	dec.UseNumber()
	if _, err := dec.Token(); err != nil { // the opening brace
		return nil
	}
	for dec.More() {
		key, _ := dec.Token()
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return out
		}
		name, _ := key.(string)
		out = append(out, name...)
		out = append(out, ':')
		if bytes.HasPrefix(value, []byte("[{")) {
			var items []json.RawMessage
			if err := json.Unmarshal(value, &items); err != nil {
				return out
			}
			for _, item := range items {
				out = append(out, "\n  - "...)
				out = appendFlow(out, item)
			}
		} else {
			out = append(out, ' ')
			out = appendFlow(out, value)
		}
		out = append(out, '\n')
	}
	return out
}

// appendFlow prints JSON in YAML's flow style, without the quotes that are not needed.
func appendFlow(dst []byte, value json.RawMessage) []byte {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.UseNumber()
	type level struct {
		object bool
		n      int // tokens so far
	}
	var levels []level
	for {
		token, err := dec.Token()
		if err == io.EOF || err != nil {
			return dst
		}
		if t, ok := token.(json.Delim); ok && (t == ']' || t == '}') {
			levels = levels[:len(levels)-1]
			dst = append(dst, byte(t))
			continue
		}
		if n := len(levels); n > 0 {
			top := &levels[n-1]
			switch {
			case top.object && top.n%2 == 1:
				dst = append(dst, ": "...)
			case top.n > 0:
				dst = append(dst, ", "...)
			}
			top.n++
		}
		switch t := token.(type) {
		case json.Delim:
			dst = append(dst, byte(t))
			levels = append(levels, level{object: t == '{'})
		case json.Number:
			dst = append(dst, t...)
		case string:
			dst = appendScalar(dst, t)
		case bool:
			if t {
				dst = append(dst, "true"...)
			} else {
				dst = append(dst, "false"...)
			}
		default:
			dst = append(dst, "null"...)
		}
	}
}

// appendScalar prints a text, plain if no reader of YAML could take it for anything
// else, otherwise as a JSON string, which is YAML too.
func appendScalar(dst []byte, s string) []byte {
	if plain(s) {
		return append(dst, s...)
	}
	return codec.AppendQuoted(dst, []byte(s))
}

func plain(s string) bool {
	if s == "" || strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/<>()") != "" {
		return false
	}
	if c := s[0] | 0x20; c < 'a' || c > 'z' {
		// Durations begin with a digit and end with a letter.
		d, err := parseDuration(s)
		return err == nil && d.String() == s
	}
	switch strings.ToLower(s) {
	case "true", "false", "yes", "no", "on", "off", "y", "n", "null":
		return false
	}
	return true
}
