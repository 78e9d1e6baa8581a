package codec

import (
	"math"
	"slices"
)

// Kind is what a value is, whatever its type was called.
type Kind uint8

// The kinds. The numbers are written into nothing and may change.
const (
	KindInvalid   Kind = iota
	KindTinyInt        // 8-bit integer
	KindSmallInt       // 16-bit integer
	KindInt            // 32-bit integer
	KindBigInt         // 64-bit integer
	KindFloat          // IEEE 754 single
	KindDouble         // IEEE 754 double
	KindDecimal        // exact number of Precision digits, Scale of them after the point
	KindBoolean        //
	KindString         // UTF-8 text of at most Length characters (0: any)
	KindBinary         // bytes, at most Length of them (0: any)
	KindDate           // day of the proleptic Gregorian calendar
	KindTimestamp      // UTC instant with Precision fraction digits
	KindArray          // of Elem
	KindStruct         // of Fields
	KindMap            // from text to Elem
	KindEmbedding      // exactly Length doubles
)

var kindNames = [...]string{
	"invalid", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal", "boolean",
	"string", "binary", "date", "timestamp", "array", "struct", "map", "embedding",
}

// String returns the kind as a lower-case SQL word ("bigint").
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[KindInvalid]
}

var kindSQL = [...]string{
	"INVALID", "TINYINT", "SMALLINT", "INT", "BIGINT", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN",
	"STRING", "BINARY", "DATE", "TIMESTAMP", "ARRAY", "STRUCT", "MAP", "EMBEDDING",
}

// SQL returns the kind as the upper-case word used in messages to clients ("BIGINT").
func (k Kind) SQL() string {
	if int(k) < len(kindSQL) {
		return kindSQL[k]
	}
	return kindSQL[KindInvalid]
}

// Type is the type of a column or of a value inside one. Types are made by ParseType
// and never changed afterwards, so they may be shared between goroutines.
type Type struct {
	Kind      Kind
	Precision int      // decimal: all digits, 1..65; timestamp: fraction digits, 0..9
	Scale     int      // decimal: digits after the point
	Length    int      // varchar(n): characters; binary(n): bytes; Embedding[n]: elements; 0: unbounded
	Optional  bool     // written Optional[T]
	Elem      *Type    // of array, map (its values) and embedding
	Fields    []Field  // of struct, in declared order
	Check     *Check   // restriction of the base type; nil: none
	Spelling  Spelling // the API whose rules the words follow, see Spelling
	Text      string   // as written in the definition
}

// Field is one field of a struct type.
type Field struct {
	Name string
	Type *Type
}

// Numeric reports whether values are integers, floats or decimals.
func (t *Type) Numeric() bool { return t.Kind >= KindTinyInt && t.Kind <= KindDecimal }

// Integer reports whether values are integers of any width.
func (t *Type) Integer() bool { return t.Kind >= KindTinyInt && t.Kind <= KindBigInt }

// Floating reports whether values are float or double, which alone may be NaN or infinite.
func (t *Type) Floating() bool { return t.Kind == KindFloat || t.Kind == KindDouble }

// Complex reports whether cells are JSON arrays or objects.
func (t *Type) Complex() bool { return t.Kind >= KindArray && t.Kind <= KindEmbedding }

// IntRange returns the least and the greatest integer of an integer type (0 and 1 for
// boolean, 0 and 0 for every other type).
func (t *Type) IntRange() (min, max int64) {
	switch t.Kind {
	case KindTinyInt:
		return math.MinInt8, math.MaxInt8
	case KindSmallInt:
		return math.MinInt16, math.MaxInt16
	case KindInt:
		return math.MinInt32, math.MaxInt32
	case KindBigInt:
		return math.MinInt64, math.MaxInt64
	case KindBoolean:
		return 0, 1
	}
	return 0, 0
}

// Equal reports whether t and u accept and store the same values in the same way,
// however they are spelled.
func (t *Type) Equal(u *Type) bool {
	if t == nil || u == nil {
		return t == u
	}
	return t.Kind == u.Kind && t.Precision == u.Precision && t.Scale == u.Scale &&
		t.Length == u.Length && t.Optional == u.Optional && t.Elem.Equal(u.Elem) &&
		t.Check.equal(u.Check) &&
		slices.EqualFunc(t.Fields, u.Fields, func(a, b Field) bool {
			return a.Name == b.Name && a.Type.Equal(b.Type)
		})
}

// Spelling says whose words a type was written in, where the APIs disagree:
//
//   - `int` and `float` are 32 bits wide in SQL (and Hopsworks), 64 in Fennel;
//   - a decimal with more digits than its scale is refused in SQL, cut in Fennel;
//   - inside arrays, structs and maps a null is accepted everywhere in SQL, in Fennel
//     only where the type is Optional.
type Spelling uint8

// The spellings.
const (
	SpellingSQL Spelling = iota
	SpellingFennel
)

// DetectSpelling tells in whose words the column types of one group are written:
// Fennel's as soon as one of them uses a word that only Fennel has (str bool bytes
// datetime Optional List Dict Decimal[s] Embedding between oneof regex), else SQL's.
// Texts that are no types at all do not matter beyond the words they begin with.
func DetectSpelling(texts []string) Spelling {
	for _, text := range texts {
		p := parser{text: text}
		_, _ = p.whole() // an error is ParseType's to report
		if p.fennel {
			return SpellingFennel
		}
	}
	return SpellingSQL
}
