package catalog

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
)

// Limits of definitions.
const (
	maxName     = 64            // bytes of the name of a store, group, view or index
	maxStore    = 2*maxName + 1 // bytes of the name of a store with its branch
	maxFeature  = 128           // bytes of a feature name or prefix
	maxText     = 64 << 10      // bytes of any text
	maxVersion  = 1<<31 - 1     // of an object
	maxColumns  = 4096          // features of a group
	maxSlots    = 16384         // physical columns of a group, those taken away by rollbacks included
	maxIndexes  = 64            // of a group
	maxJoins    = 256           // groups of a view
	maxServed   = 16384         // features of a view
	maxServings = 4096          // serving keys of a view
)

// checkName says what is wrong with the name of a store, group or view; "" for a
// good one.
func checkName(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxName:
		return "is longer than 64 characters"
	}
	for i, c := range []byte(name) {
		word := c == '_' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
		if !word && (i == 0 || c != '.' && c != '-') {
			return "must begin with a letter, digit or _ and go on with letters, digits, _ . or -"
		}
	}
	return ""
}

// checkFeature does the same for a feature name (and, empty allowed, for a prefix).
// Dots separate names in expressions, quotes and = end them on command lines.
func checkFeature(name string) string {
	switch {
	case name == "":
		return "is empty"
	case len(name) > maxFeature:
		return "is longer than 128 bytes"
	case strings.TrimSpace(name) != name:
		return "begins or ends with white space"
	case strings.ContainsAny(name, ".=\"'`\\"):
		return "must be free of . = \\ and quotes"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "holds a control character"
	}
	return ""
}

// marshal prints what is made of our own types, and so cannot fail, as compact JSON
// without the escapes that only browsers need.
func marshal(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
