package expr

// Op is what a Node of the tree does. Each has its counterpart among the messages of
// fennel.proto.expression, named in the comment where it is not the obvious one.
type Op uint8

// The operations.
const (
	OpInvalid Op = iota

	// Leaves.
	OpCol      // col("name"); Name (Ref)
	OpVar      // var("name") inside list.map and list.filter; Name
	OpLit      // lit(value); Lit is the value as JSON, Type its type, nil for null (JsonLiteral)
	OpDatetime // datetime(2024, 1, 31); Int is the instant in microseconds (DatetimeLiteral)
	OpNow      // now()

	// Operators. Comparisons are numeric only, Eq and Ne are not.
	OpNeg
	OpNot
	OpAdd
	OpSub
	OpMul
	OpDiv
	OpMod
	OpFloorDiv
	OpEq
	OpNe
	OpGt
	OpGe
	OpLt
	OpLe
	OpAnd
	OpOr

	// Core functions.
	OpCase      // when(a).then(x).when(b).then(y).otherwise(z); Args a, x, b, y and z if given
	OpIsNull    //
	OpFillNull  //
	OpAs        // x.astype(T); Type. Not on the wire, where types are declared beside expressions
	OpFromEpoch // Unit
	OpRepeat    //
	OpZip       // Name.zip(field=list); Fields; Type the struct, nil: inferred
	OpStruct    // Name.expr(field=value); Fields; Type the struct, nil: inferred (MakeStruct)

	// num (MathFn).
	OpAbs
	OpCeil
	OpFloor
	OpRound // Int is the precision
	OpToString
	OpPow
	OpLog // Num is the base
	OpSqrt
	OpSin
	OpCos
	OpTan
	OpAsin
	OpAcos
	OpAtan
	OpIsNaN
	OpIsInf

	// str (StringFn).
	OpStrLen
	OpLower
	OpUpper
	OpContains
	OpStartsWith
	OpEndsWith
	OpConcat
	OpStrptime    // Name is the format, Zone the zone
	OpParse       // Type (JsonDecode)
	OpSplit       // Name is the separator
	OpJSONExtract // Name is the path
	OpToInt       //

	// dt (DateTimeFn).
	OpSince      // Unit
	OpSinceEpoch // Unit
	OpStrftime   // Name is the format, Zone the zone
	OpPart       // Unit, Zone

	// list (ListFn).
	OpListLen
	OpListAt // Get
	OpListContains
	OpListHasNull
	OpListSum
	OpListMin
	OpListMax
	OpListAll
	OpListAny
	OpListMean
	OpListFilter // Name is the variable
	OpListMap    // Name is the variable

	// dict and struct (DictFn, StructFn).
	OpDictLen
	OpDictGet
	OpDictContains
	OpField // Name is the field

	opCount
)

// Unit is a unit of time.
type Unit uint8

// The units, in the numbers of fennel.proto.expression.TimeUnit.
const (
	UnitNone Unit = iota
	Second
	Minute
	Hour
	Day
	Week
	Month
	Year
	Microsecond
	Millisecond
)

var unitNames = [...]string{"", "second", "minute", "hour", "day", "week", "month", "year", "microsecond", "millisecond"}

// String returns the unit as it is written: "second".
func (u Unit) String() string {
	if int(u) < len(unitNames) {
		return unitNames[u]
	}
	return ""
}

// space is a namespace of methods.
type space uint8

const (
	spaceCore space = iota
	spaceNum
	spaceStr
	spaceDt
	spaceList
	spaceDict
	spaceStruct
)

var spaceNames = [...]string{"", "num", "str", "dt", "list", "dict", "struct"}

// paramKind says what may stand for a parameter and where it goes in the Node.
type paramKind uint8

const (
	paramExpr paramKind = iota // an expression: Args
	paramText                  // text in quotes: Name
	paramZone                  // text in quotes: Zone
	paramUnit                  // the name of a unit in quotes: Unit
	paramInt                   // a whole number: Int
	paramNum                   // a number: Num
	paramType                  // a type: Type
)

type param struct {
	name     string
	kind     paramKind
	optional bool
}

// method is one way to call an operation on the value before the point.
type method struct {
	op     Op
	space  space
	name   string
	params []param
	// result is the namespace whose methods may follow without naming it again, as in
	// col("a").str.lower().len().
	result   space
	unit     Unit // of the parts of datetimes
	property bool // written without parentheses
}

// methods lists the methods of every namespace. An operation that stands here twice is
// printed by its first line.
var methods = [...]method{
	{op: OpIsNull, name: "isnull"},
	{op: OpFillNull, name: "fillnull", params: []param{{name: "value"}}},
	{op: OpAs, name: "astype", params: []param{{name: "dtype", kind: paramType}}},

	{op: OpAbs, space: spaceNum, name: "abs", result: spaceNum},
	{op: OpCeil, space: spaceNum, name: "ceil", result: spaceNum},
	{op: OpFloor, space: spaceNum, name: "floor", result: spaceNum},
	{op: OpRound, space: spaceNum, name: "round", result: spaceNum, params: []param{{name: "precision", kind: paramInt, optional: true}}},
	{op: OpToString, space: spaceNum, name: "to_string", result: spaceStr},
	{op: OpPow, space: spaceNum, name: "pow", result: spaceNum, params: []param{{name: "exponent"}}},
	{op: OpLog, space: spaceNum, name: "log", result: spaceNum, params: []param{{name: "base", kind: paramNum, optional: true}}},
	{op: OpSqrt, space: spaceNum, name: "sqrt", result: spaceNum},
	{op: OpSin, space: spaceNum, name: "sin", result: spaceNum},
	{op: OpCos, space: spaceNum, name: "cos", result: spaceNum},
	{op: OpTan, space: spaceNum, name: "tan", result: spaceNum},
	{op: OpAsin, space: spaceNum, name: "arcsin", result: spaceNum},
	{op: OpAcos, space: spaceNum, name: "arccos", result: spaceNum},
	{op: OpAtan, space: spaceNum, name: "arctan", result: spaceNum},
	{op: OpIsNaN, space: spaceNum, name: "is_nan"},
	{op: OpIsInf, space: spaceNum, name: "is_infinite"},
	// The four that Fennel's client also has without the namespace.
	{op: OpAbs, name: "abs", result: spaceNum},
	{op: OpCeil, name: "ceil", result: spaceNum},
	{op: OpFloor, name: "floor", result: spaceNum},
	{op: OpRound, name: "round", result: spaceNum, params: []param{{name: "precision", kind: paramInt, optional: true}}},

	{op: OpStrLen, space: spaceStr, name: "len", result: spaceNum},
	{op: OpLower, space: spaceStr, name: "lower", result: spaceStr},
	{op: OpUpper, space: spaceStr, name: "upper", result: spaceStr},
	{op: OpContains, space: spaceStr, name: "contains", params: []param{{name: "item"}}},
	{op: OpStartsWith, space: spaceStr, name: "startswith", params: []param{{name: "item"}}},
	{op: OpEndsWith, space: spaceStr, name: "endswith", params: []param{{name: "item"}}},
	{op: OpConcat, space: spaceStr, name: "concat", result: spaceStr, params: []param{{name: "other"}}},
	{op: OpStrptime, space: spaceStr, name: "strptime", result: spaceDt, params: []param{{name: "format", kind: paramText}, {name: "timezone", kind: paramZone, optional: true}}},
	{op: OpParse, space: spaceStr, name: "parse", params: []param{{name: "dtype", kind: paramType}}},
	{op: OpSplit, space: spaceStr, name: "split", result: spaceList, params: []param{{name: "sep", kind: paramText}}},
	{op: OpJSONExtract, space: spaceStr, name: "json_extract", result: spaceStr, params: []param{{name: "path", kind: paramText}}},
	{op: OpToInt, space: spaceStr, name: "to_int", result: spaceNum},

	{op: OpPart, space: spaceDt, name: "year", unit: Year, property: true, result: spaceNum},
	{op: OpPart, space: spaceDt, name: "month", unit: Month, property: true, result: spaceNum},
	{op: OpPart, space: spaceDt, name: "week", unit: Week, property: true, result: spaceNum},
	{op: OpPart, space: spaceDt, name: "day", unit: Day, property: true, result: spaceNum},
	{op: OpPart, space: spaceDt, name: "hour", unit: Hour, property: true, result: spaceNum},
	{op: OpPart, space: spaceDt, name: "minute", unit: Minute, property: true, result: spaceNum},
	{op: OpPart, space: spaceDt, name: "second", unit: Second, property: true, result: spaceNum},
	{op: OpPart, space: spaceDt, name: "millisecond", unit: Millisecond, property: true, result: spaceNum},
	{op: OpPart, space: spaceDt, name: "microsecond", unit: Microsecond, property: true, result: spaceNum},
	{op: OpSince, space: spaceDt, name: "since", result: spaceNum, params: []param{{name: "other"}, {name: "unit", kind: paramUnit, optional: true}}},
	{op: OpSinceEpoch, space: spaceDt, name: "since_epoch", result: spaceNum, params: []param{{name: "unit", kind: paramUnit, optional: true}}},
	{op: OpStrftime, space: spaceDt, name: "strftime", result: spaceStr, params: []param{{name: "format", kind: paramText}, {name: "timezone", kind: paramZone, optional: true}}},

	{op: OpListLen, space: spaceList, name: "len", result: spaceNum},
	{op: OpListAt, space: spaceList, name: "at", result: spaceList, params: []param{{name: "index"}}},
	{op: OpListContains, space: spaceList, name: "contains", params: []param{{name: "item"}}},
	{op: OpListHasNull, space: spaceList, name: "hasnull"},
	{op: OpListSum, space: spaceList, name: "sum", result: spaceNum},
	{op: OpListMin, space: spaceList, name: "min", result: spaceNum},
	{op: OpListMax, space: spaceList, name: "max", result: spaceNum},
	{op: OpListAll, space: spaceList, name: "all"},
	{op: OpListAny, space: spaceList, name: "any"},
	{op: OpListMean, space: spaceList, name: "mean", result: spaceNum},
	{op: OpListFilter, space: spaceList, name: "filter", result: spaceList, params: []param{{name: "var", kind: paramText}, {name: "predicate"}}},
	{op: OpListMap, space: spaceList, name: "map", result: spaceList, params: []param{{name: "var", kind: paramText}, {name: "expr"}}},

	{op: OpDictLen, space: spaceDict, name: "len", result: spaceNum},
	{op: OpDictGet, space: spaceDict, name: "get", result: spaceDict, params: []param{{name: "key"}, {name: "default", optional: true}}},
	{op: OpDictContains, space: spaceDict, name: "contains", params: []param{{name: "field"}}},

	{op: OpField, space: spaceStruct, name: "get", result: spaceStruct, params: []param{{name: "field", kind: paramText}}},
}

// operators are the infix operators, by how tightly they bind: 1 comparisons, 2 |, 3 &,
// 4 + and -, 5 the rest.
var operators = [...]struct {
	text  string
	op    Op
	level int
}{
	{"==", OpEq, 1},
	{"!=", OpNe, 1},
	{">", OpGt, 1},
	{">=", OpGe, 1},
	{"<", OpLt, 1},
	{"<=", OpLe, 1},
	{"|", OpOr, 2},
	{"&", OpAnd, 3},
	{"+", OpAdd, 4},
	{"-", OpSub, 4},
	{"*", OpMul, 5},
	{"/", OpDiv, 5},
	{"%", OpMod, 5},
	{"//", OpFloorDiv, 5},
}

// operator returns the infix operator written so; level 0 if there is none.
func operator(text string) (Op, int) {
	for _, o := range operators {
		if o.text == text {
			return o.op, o.level
		}
	}
	return OpInvalid, 0
}

// sign returns how an infix operator is written.
func (o Op) sign() string {
	for _, p := range operators {
		if p.op == o {
			return p.text
		}
	}
	return ""
}

// method returns the first method of an operation, nil if it is none.
func (o Op) method() *method {
	for i := range methods {
		if methods[i].op == o {
			return &methods[i]
		}
	}
	return nil
}

// String names the operation as messages call it: str.len, +, when.
func (o Op) String() string {
	if m := o.method(); m != nil {
		if o == OpPart {
			return "dt"
		}
		if m.space == spaceCore {
			return m.name
		}
		return spaceNames[m.space] + "." + m.name
	}
	if s := o.sign(); s != "" {
		return s
	}
	switch o {
	case OpCol:
		return "col"
	case OpVar:
		return "var"
	case OpLit:
		return "lit"
	case OpDatetime:
		return "datetime"
	case OpNow:
		return "now"
	case OpNeg:
		return "-"
	case OpNot:
		return "~"
	case OpCase:
		return "when"
	case OpFromEpoch:
		return "from_epoch"
	case OpRepeat:
		return "repeat"
	case OpZip:
		return "zip"
	case OpStruct:
		return "expr"
	}
	return "invalid"
}
