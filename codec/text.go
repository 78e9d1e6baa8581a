package codec

import (
	"bytes"
	"encoding/base64"
	"unicode/utf8"
)

// appendString renders plain text.
func appendString(dst []byte, t *Type, text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return dst, reject("%v", errUTF8)
	}
	if err := checkLength(t, text); err != nil {
		return dst, err
	}
	return AppendQuoted(dst, text), nil
}

// appendStringToken renders a valid JSON string. Escapes that need not be are undone.
func appendStringToken(dst []byte, t *Type, tok []byte) ([]byte, error) {
	text := tok[1 : len(tok)-1]
	if bytes.IndexByte(text, '\\') < 0 {
		if err := checkLength(t, text); err != nil {
			return dst, err
		}
		return append(dst, tok...), nil
	}
	// The text is put behind dst, quoted from there, and then overwritten.
	was := len(dst)
	dst, err := appendUnescaped(dst, text, 0)
	if err != nil {
		return dst, reject("%v", err)
	}
	end := len(dst)
	if err := checkLength(t, dst[was:end]); err != nil {
		return dst[:was], err
	}
	dst = AppendQuoted(dst, dst[was:end])
	return dst[:was+copy(dst[was:], dst[end:])], nil
}

// appendObjectText renders an object given for text: its compact JSON as a string.
func appendObjectText(dst []byte, t *Type, tok []byte) ([]byte, error) {
	s := NewScanner(tok)
	s.Value() // again, without NaN, which no JSON text can hold
	if err := s.End(); err != nil {
		return dst, reject("not JSON: %v", err)
	}
	was := len(dst)
	dst = AppendCompact(dst, tok)
	end := len(dst)
	if err := checkLength(t, dst[was:end]); err != nil {
		return dst[:was], err
	}
	dst = AppendQuoted(dst, dst[was:end])
	return dst[:was+copy(dst[was:], dst[end:])], nil
}

// AppendCompact appends a JSON value, as Scanner.Value returned it, without the white
// space between its tokens.
func AppendCompact(dst, raw []byte) []byte {
	inString, escaped := false, false
	for _, c := range raw {
		switch {
		case escaped:
			escaped = false
		case inString && c == '\\':
			escaped = true
		case c == '"':
			inString = !inString
		case !inString && c <= ' ':
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

func checkLength(t *Type, text []byte) error {
	if t.Length > 0 && len(text) > t.Length && utf8.RuneCount(text) > t.Length {
		return reject("%q is longer than %d characters", abbreviate(text), t.Length)
	}
	return nil
}

// appendBase64 renders bytes that arrive as base64 text (RFC 4648 section 4, with
// padding and without line breaks).
func appendBase64(dst []byte, t *Type, text []byte) ([]byte, error) {
	was := len(dst)
	dst, ok := appendDecoded(dst, text)
	n := len(dst) - was
	dst = dst[:was]
	if !ok {
		return dst, reject("%q is not base64", abbreviate(text))
	}
	if err := checkBytes(t, n); err != nil {
		return dst, err
	}
	dst = append(dst, '"')
	dst = append(dst, text...)
	return append(dst, '"'), nil
}

// appendDecoded appends what canonical base64 text stands for.
func appendDecoded(dst, text []byte) ([]byte, bool) {
	if bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 { // which package base64 skips
		return dst, false
	}
	was := len(dst)
	dst, err := base64.StdEncoding.Strict().AppendDecode(dst, text)
	if err != nil {
		return dst[:was], false
	}
	return dst, true
}

func appendBytes(dst []byte, t *Type, b []byte) ([]byte, error) {
	if err := checkBytes(t, len(b)); err != nil {
		return dst, err
	}
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, b)
	return append(dst, '"'), nil
}

func checkBytes(t *Type, n int) error {
	if t.Length > 0 && n > t.Length {
		return reject("%d bytes are more than %d", n, t.Length)
	}
	return nil
}
