package httpfront

import "quiver/engine/fail"

// checkPath refuses raw request paths that this server and something in front of it, a
// proxy or a log reader, could take for different ones: encoded slashes and backslashes,
// encoded control characters, malformed escapes and dot segments in any spelling.
func checkPath(raw []byte) error {
	seg, dots := 0, 0 // characters of the present segment, and how many are dots
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		escaped := c == '%'
		if escaped {
			if i+2 >= len(raw) || hexDigit(raw[i+1]) > 15 || hexDigit(raw[i+2]) > 15 {
				return fail.Errorf(fail.Malformed, "the path has a malformed escape")
			}
			c = hexDigit(raw[i+1])<<4 | hexDigit(raw[i+2])
			i += 2
		}
		switch {
		case c < ' ' || c == 0x7f || c == '\\' || escaped && c == '/':
			return fail.Errorf(fail.Malformed, "the path has a character that is not allowed in it")
		case c == '/':
			if dotSegment(seg, dots) {
				return errDots()
			}
			seg, dots = 0, 0
			continue
		case c == '.':
			dots++
		}
		seg++
	}
	if dotSegment(seg, dots) {
		return errDots()
	}
	return nil
}

func dotSegment(length, dots int) bool { return length == dots && (dots == 1 || dots == 2) }

func errDots() error {
	return fail.Errorf(fail.Malformed, "the path has a segment . or ..")
}

// hexDigit returns the value of a hexadecimal digit, 255 for another character.
func hexDigit(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

// trimPath cuts the slashes at the end of a path, but for the first.
func trimPath(path []byte) []byte {
	for len(path) > 1 && path[len(path)-1] == '/' {
		path = path[:len(path)-1]
	}
	return path
}
