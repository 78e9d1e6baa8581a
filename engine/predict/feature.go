package predict

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"quiver/codec"
)

// Feature is one feature of an endpoint, as its definition gives it.
type Feature struct {
	Name string
	Type FeatureType
	// Length is the number of elements of a vector, which feeds as many of the model's
	// inputs; 0 for a scalar.
	Length int
	// Categories are the words whose positions are the codes that the model was trained
	// with. nil: those of the model file, if it has some. A feature with categories is
	// looked up in them whatever its type.
	Categories []string
	// Missing says what happens when there is no value, Unknown when it is none of the
	// Categories; Pass means there that the value counts as missing.
	Missing, Unknown Handling
}

// FeatureType is how a feature's values are read.
type FeatureType uint8

// The types of features.
const (
	NumberFeature FeatureType = iota // numbers, also as text; booleans are 0 and 1
	TextFeature
	TimeFeature // dates and times in ISO 8601, or epoch numbers: seconds since 1970, UTC
)

// FeatureTypeOf returns how the values of a column type are read, and the length of a
// vector type.
func FeatureTypeOf(t *codec.Type) (typ FeatureType, length int, err error) {
	switch {
	case t.Numeric() || t.Kind == codec.KindBoolean:
		return NumberFeature, 0, nil
	case t.Kind == codec.KindString:
		return TextFeature, 0, nil
	case t.Kind == codec.KindDate || t.Kind == codec.KindTimestamp:
		return TimeFeature, 0, nil
	case t.Kind == codec.KindEmbedding && t.Length > 0:
		return NumberFeature, t.Length, nil
	}
	return 0, 0, fmt.Errorf("a feature cannot be of type %s", t.Text)
}

// Handling is what happens to a value that is missing or unknown.
type Handling struct {
	Action Action
	Value  string // of Impute: a number, a text or a category
}

// Action is a kind of Handling.
type Action uint8

// The actions.
const (
	Pass    Action = iota // the model sees a missing value: NaN, or the empty text
	Impute                // Value takes its place
	Unseen                // a category of its own that no training row had: the code after the last
	DropRow               // the row is not scored
)

// state is what is known of one feature of one row.
type state uint8

const (
	absent state = iota // or missing
	given
	unknown // none of the categories
)

// feature is a Feature that has found its place in the model's inputs.
type feature struct {
	Feature
	column int // the first of its columns, in Rows.Text if text, else in Rows.Number
	width  int // columns: 1, or Length
	text   bool
	codes  map[string]float64 // of a category; nil otherwise
	fill   [2]filling         // for absent and for unknown
}

// filling is a Handling ready for use.
type filling struct {
	drop   bool
	number float64
	text   string
}

// compile finds out what the handlings put in the place of a value. The column and
// the codes are set already.
func (f *feature) compile() error {
	missing, err := f.filling(f.Missing)
	if err != nil {
		return fmt.Errorf("missing: %w", err)
	}
	f.fill = [2]filling{missing, missing}
	if f.Unknown == (Handling{}) {
		return nil
	}
	if f.codes == nil {
		return fmt.Errorf("unknown: there are no categories that a value could be missing from")
	}
	if f.fill[1], err = f.filling(f.Unknown); err != nil {
		return fmt.Errorf("unknown: %w", err)
	}
	if f.Unknown.Action == Pass {
		f.fill[1] = missing
	}
	return nil
}

func (f *feature) filling(h Handling) (filling, error) {
	out := filling{number: math.NaN()}
	switch h.Action {
	case Pass:
	case DropRow:
		out.drop = true
	case Unseen:
		if f.codes == nil {
			return out, fmt.Errorf("only a feature with categories can have a category for what was not seen")
		}
		out.number = float64(len(f.Categories))
	case Impute:
		if f.text {
			out.text = h.Value
			return out, nil
		}
		var st state
		if f.codes != nil {
			out.number, st = f.code([]byte(h.Value), false)
		} else {
			out.number, st = f.number([]byte(h.Value))
		}
		if st != given {
			return out, fmt.Errorf("%q is no value of the feature", h.Value)
		}
	default:
		return out, fmt.Errorf("action %d does not exist", h.Action)
	}
	return out, nil
}

// codesOf maps the spellings of categories to codes. A category that is a number or a
// truth value is also known by its other spellings: 1 is 1.0 is "1", and true is "True".
func codesOf(categories []string) (map[string]float64, error) {
	codes := make(map[string]float64, len(categories))
	for i, c := range categories {
		if _, twice := codes[c]; twice {
			return nil, fmt.Errorf("category %q is listed twice", c)
		}
		codes[c] = float64(i)
	}
	for i, c := range categories {
		alias := c
		if lower := strings.ToLower(c); lower == "true" || lower == "false" {
			alias = lower
		} else if v, ok := parseNumber([]byte(c)); ok {
			alias = strconv.FormatFloat(v, 'g', -1, 64)
		}
		if _, taken := codes[alias]; !taken {
			codes[alias] = float64(i)
		}
	}
	return codes, nil
}
