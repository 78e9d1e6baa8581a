package expr

import (
	"strings"
	"testing"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

// people is the table of most tests.
func people(t testing.TB) *table {
	return newTable(t, map[string]string{
		"i int":                                 `[1, -7, 9223372036854775807]`,
		"j int":                                 `[2, 2, -2]`,
		"z int":                                 `[0, 0, 0]`,
		"oi Optional[int]":                      `[5, null, -3]`,
		"f float":                               `[1.5, -2.5, 1e300]`,
		"of Optional[float]":                    `["NaN", null, "inf"]`,
		"b bool":                                `[true, false, true]`,
		"ob Optional[bool]":                     `[null, false, true]`,
		"s str":                                 `["abc", "", "Größe ß"]`,
		"os Optional[str]":                      `["b", null, "ö"]`,
		"js str":                                `["{\"a\": {\"b\": [1, \"x\", null]}, \"n\": 1.50}", "[1]", "nonsense"]`,
		"num str":                               `["1", "-12", "7"]`,
		"t datetime":                            `["2024-03-05T13:04:09.026490Z", "1969-12-31T23:59:59.999999Z", "2021-01-03T00:00:00Z"]`,
		"ot Optional[datetime]":                 `["2024-03-05T13:04:09Z", null, "2021-01-02T00:00:00Z"]`,
		"d date":                                `["2024-03-05", "1969-12-31", "2021-01-03"]`,
		"dec Decimal[2]":                        `[1.5, 2, 3.25]`,
		"by bytes":                              `["aGk=", "", "AA=="]`,
		"e Embedding[2]":                        `[[1, 2.5], [0, 0], [-1, "1"]]`,
		"l List[int]":                           `[[3, 1, 2], [], [5]]`,
		"ol Optional[List[Optional[int]]]":      `[[1, null], null, []]`,
		"lf List[float]":                        `[[1.5, "NaN"], [], [-0.5, 2.5]]`,
		"lb List[Optional[bool]]":               `[[true, null], [null, false], []]`,
		"ls List[str]":                          `[["a", "b"], [], ["a"]]`,
		"m Dict[str, int]":                      `[{"k": 1, "j": 2}, {}, {"z": 0}]`,
		"om Optional[Dict[str, Optional[str]]]": `[{"k": null}, null, {"k": "v"}]`,
		"r struct<x:int,y:Optional[str]>":       `[{"x": 1, "y": "a"}, {"x": 2}, {"x": 3, "y": "c"}]`,
		"or Optional[struct<x:int,y:str>]":      `[{"x": 1, "y": "a"}, null, {"x": 3, "y": "c"}]`,
		"age between(int, 0, 200)":              `[17, 18, 99]`,
		"kind oneof(str, [\"a\",\"b\"])":        `["a", "b", "a"]`,
		"small smallint":                        `[1, 2, 3]`,
		"f32 float":                             `[0.5, 1.5, 2.5]`,
	})
}

func TestEval(t *testing.T) {
	tab := people(t)
	// f evaluates an expression; want is its type and its values.
	f := func(text, want string) {
		t.Helper()
		typ, values, err := tab.eval(text, nil)
		if err != nil {
			t.Errorf("%s:\n%v", text, err)
			return
		}
		if got := typ + ": " + strings.Join(values, " "); got != want {
			t.Errorf("%s\n     = %s\nwant   %s", text, got, want)
		}
	}
	// Columns and literals.
	f(`col("i")`, `int: 1 -7 9223372036854775807`)
	f(`col("age") + 1`, `int: 18 19 100`)
	f(`col("small") / 2`, `float: 0.5 1.0 1.5`)
	f(`col("kind") == "a"`, `bool: true false true`)
	f(`col("dec")`, `Decimal[2]: 1.50 2.00 3.25`)
	f(`col("by")`, `bytes: "aGk=" "" "AA=="`)
	f(`5`, `int: 5 5 5`)
	f(`lit([1,2])`, `List[int]: [1,2] [1,2] [1,2]`)
	f(`lit({"x": 1}, struct<x:float>)`, `struct<x:float>: {"x":1.0} {"x":1.0} {"x":1.0}`)
	f(`lit(None)`, `null: null null null`)
	f(`lit(1, Optional[float])`, `Optional[float]: 1.0 1.0 1.0`)
	f(`lit(1.5, Decimal[3])`, `Decimal[3]: 1.500 1.500 1.500`)
	f(`now()`, `datetime: "2024-01-01T00:00:00.000000Z" "2024-01-01T00:00:00.000000Z" "2024-01-01T00:00:00.000000Z"`)
	f(`datetime(2024, 2, 29)`, `datetime: "2024-02-29T00:00:00.000000Z" "2024-02-29T00:00:00.000000Z" "2024-02-29T00:00:00.000000Z"`)

	// Arithmetic.
	f(`col("i") + col("j")`, `int: 3 -5 9223372036854775805`)
	f(`col("i") + 1`, `int: 2 -6 -9223372036854775808`)
	f(`col("i") - col("f")`, `float: -0.5 -4.5 -1e300`)
	f(`col("j") * col("oi")`, `Optional[int]: 10 null 6`)
	f(`col("j") * None`, `Optional[int]: null null null`)
	f(`lit(None) + None`, `Optional[int]: null null null`)
	f(`lit(None) / 1`, `Optional[float]: null null null`)
	f(`lit(None) // None`, `Optional[int]: null null null`)
	f(`lit(None) + col("f")`, `Optional[float]: null null null`)
	f(`col("i") / col("j")`, `float: 0.5 -3.5 -4.611686018427388e18`)
	f(`col("i") / col("z")`, `float: "+infinity" "-infinity" "+infinity"`)
	f(`lit(0) / col("z")`, `float: "NaN" "NaN" "NaN"`)
	f(`col("i") // col("j")`, `int: 0 -4 -4611686018427387904`)
	f(`lit(-1) // 2`, `int: -1 -1 -1`)
	f(`lit(1) // -2`, `int: -1 -1 -1`)
	f(`lit(-1) // -2`, `int: 0 0 0`)
	f(`col("i") // 0`, `int: 0 0 0`)
	f(`-9223372036854775808 // -1`, `int: -9223372036854775808 -9223372036854775808 -9223372036854775808`)
	f(`col("f") // 2`, `float: 0.0 -2.0 5e299`)
	f(`col("f") // 0`, `float: "+infinity" "-infinity" "+infinity"`)
	f(`col("i") % col("j")`, `int: 1 1 -1`)
	f(`lit(7) % -3`, `int: -2 -2 -2`)
	f(`lit(-7) % 3`, `int: 2 2 2`)
	f(`col("i") % 0`, `int: 0 0 0`)
	f(`lit(7.5) % -2`, `float: -0.5 -0.5 -0.5`)
	f(`lit(-7.5) % 2`, `float: 0.5 0.5 0.5`)
	f(`lit(-6.0) % 3`, `float: 0.0 0.0 0.0`)
	f(`lit(1.0) % 0`, `float: "NaN" "NaN" "NaN"`)
	f(`-col("i")`, `int: -1 7 -9223372036854775807`)
	f(`-col("of")`, `Optional[float]: "NaN" null "-infinity"`)
	f(`-lit(None)`, `Optional[float]: null null null`)

	// Comparisons.
	f(`col("i") > col("j")`, `bool: false false true`)
	f(`col("i") >= 1.0`, `bool: true false true`)
	f(`col("oi") < 0`, `Optional[bool]: false null true`)
	f(`col("i") <= None`, `Optional[bool]: null null null`)
	f(`col("i") == col("i")`, `bool: true true true`)
	f(`col("oi") == col("oi")`, `Optional[bool]: true null true`)
	f(`col("oi") != 5`, `Optional[bool]: false null true`)
	f(`col("i") == 1.0`, `bool: true false false`)
	f(`col("of") == col("of")`, `Optional[bool]: true null true`)
	f(`col("of") > 1e308`, `Optional[bool]: true null true`)
	f(`col("of") >= float("nan")`, `Optional[bool]: true null false`)
	f(`col("of") < float("nan")`, `Optional[bool]: false null true`)
	f(`col("of") <= float("nan")`, `Optional[bool]: true null true`)
	f(`col("s") == "abc"`, `bool: true false false`)
	f(`col("s") != col("os")`, `Optional[bool]: true null true`)
	f(`col("b") == col("ob")`, `Optional[bool]: null true true`)
	f(`col("t") == datetime(2021, 1, 3)`, `bool: false false true`)
	f(`col("d") == col("d")`, `bool: true true true`)
	f(`col("dec") != col("dec")`, `bool: false false false`)
	f(`col("l") == [3, 1, 2]`, `bool: true false false`)
	f(`col("l") == lit([], List[int])`, `bool: false true false`)
	f(`col("m") == col("m")`, `bool: true true true`)
	f(`col("r") == struct<y:Optional[str],x:int>.expr(x=2, y=None)`, `bool: false true false`)
	f(`col("or") != col("or")`, `Optional[bool]: false null false`)
	f(`lit(None) == None`, `Optional[bool]: null null null`)

	// Logic.
	f(`col("b") & col("ob")`, `Optional[bool]: null false true`)
	f(`col("b") | col("ob")`, `Optional[bool]: true false true`)
	f(`~col("b") & col("ob")`, `Optional[bool]: false false false`)
	f(`~col("b") | col("ob")`, `Optional[bool]: null true true`)
	f(`col("b") & None`, `Optional[bool]: null false null`)
	f(`None | col("b")`, `Optional[bool]: true null true`)
	f(`lit(None) & None`, `Optional[bool]: null null null`)
	f(`~col("ob")`, `Optional[bool]: null true false`)
	f(`~lit(None)`, `Optional[bool]: null null null`)
	f(`(col("i") > 0) & (col("f") > 0)`, `bool: true false true`)

	// Core functions.
	f(`when(col("b")).then(1).otherwise(2.5)`, `float: 1.0 2.5 1.0`)
	f(`when(col("ob")).then(1)`, `Optional[int]: null null 1`)
	f(`when(col("b")).then(None).otherwise("x")`, `Optional[str]: null "x" null`)
	f(`when(col("i") > 1).then("big").when(col("i") > 0).then("one").otherwise(col("s"))`, `str: "one" "" "big"`)
	f(`when(None).then(1).otherwise(2)`, `int: 2 2 2`)
	f(`when(col("b")).then(None)`, `null: null null null`)
	f(`when(col("b")).then(col("l")).otherwise(lit([], List[int]))`, `List[int]: [3,1,2] [] [5]`)
	f(`when(~col("b")).then(col("or")).otherwise(None)`, `Optional[struct<x:int,y:str>]: null null null`)
	f(`when(col("b")).then(col("b")).otherwise(col("ob"))`, `Optional[bool]: true false true`)
	f(`col("oi").isnull()`, `bool: false true false`)
	f(`col("i").isnull()`, `bool: false false false`)
	f(`lit(None).isnull()`, `bool: true true true`)
	f(`col("or").isnull()`, `bool: false true false`)
	f(`col("oi").fillnull(0)`, `int: 5 0 -3`)
	f(`col("oi").fillnull(0.5)`, `float: 5.0 0.5 -3.0`)
	f(`col("i").fillnull(0)`, `int: 1 -7 9223372036854775807`)
	f(`col("oi").fillnull(None)`, `Optional[int]: 5 null -3`)
	f(`col("oi").fillnull(col("i"))`, `int: 5 -7 -3`)
	f(`lit(None).fillnull("x")`, `str: "x" "x" "x"`)
	f(`col("os").fillnull("?")`, `str: "b" "?" "ö"`)
	f(`col("ol").fillnull([7])`, `List[Optional[int]]: [1,null] [7] []`)
	f(`col("or").fillnull(Struct.expr(x=0, y="")).struct.get("x")`, `int: 1 0 3`)
	f(`col("i").astype(float)`, `float: 1.0 -7.0 9.223372036854776e18`)
	f(`(col("j") + 5).astype(between(int, 0, 10))`, `int: 7 7 3`)
	f(`from_epoch(col("j"), "second")`, `datetime: "1970-01-01T00:00:02.000000Z" "1970-01-01T00:00:02.000000Z" "1969-12-31T23:59:58.000000Z"`)
	f(`from_epoch(col("oi"), "millisecond")`, `Optional[datetime]: "1970-01-01T00:00:00.005000Z" null "1969-12-31T23:59:59.997000Z"`)
	f(`from_epoch(None, "microsecond")`, `Optional[datetime]: null null null`)
	f(`repeat(col("s"), 2)`, `List[str]: ["abc","abc"] ["",""] ["Größe ß","Größe ß"]`)
	f(`repeat(col("oi"), col("l").list.len())`, `List[Optional[int]]: [5,5,5] [] [-3]`)
	f(`repeat(None, 1)`, `List[null]: [null] [null] [null]`)
	f(`repeat(repeat(1, 2), 1)`, `List[List[int]]: [[1,1]] [[1,1]] [[1,1]]`)
	f(`Point.zip(x=col("l"), y=col("ls"))`, `List[struct<x:int,y:str>]: [{"x":3,"y":"a"},{"x":1,"y":"b"}] [] [{"x":5,"y":"a"}]`)
	f(`struct<y:Optional[str],x:float>.zip(x=col("l"), y=col("ls"))`, `List[struct<y:Optional[str],x:float>]: [{"x":3.0,"y":"a"},{"x":1.0,"y":"b"}] [] [{"x":5.0,"y":"a"}]`)
	f(`P.zip(x=[1,2], y=col("ls"))`, `List[struct<x:int,y:str>]: [{"x":1,"y":"a"},{"x":2,"y":"b"}] [] [{"x":1,"y":"a"}]`)
	f(`struct<b:bool,a:Optional[int],l:Optional[List[Optional[int]]]>.expr(b=col("j") > 0, a=None, l=col("ol"))`,
		`struct<b:bool,a:Optional[int],l:Optional[List[Optional[int]]]>: {"a":null,"b":true,"l":[1,null]} {"a":null,"b":true,"l":null} {"a":null,"b":false,"l":[]}`)
	f(`make_struct({"x": col("j")}, struct<x:float>)`, `struct<x:float>: {"x":2.0} {"x":2.0} {"x":-2.0}`)
	f(`P.expr(a=P.expr(b=col("i"))).struct.get("a").struct.get("b")`, `int: 1 -7 9223372036854775807`)

	// Numbers.
	f(`col("oi").num.abs()`, `Optional[int]: 5 null 3`)
	f(`col("f").abs()`, `float: 1.5 2.5 1e300`)
	f(`lit(None).num.abs()`, `Optional[int]: null null null`)
	f(`lit(1.2).num.ceil()`, `int: 2 2 2`)
	f(`lit(-1.2).num.floor()`, `int: -2 -2 -2`)
	f(`col("oi").num.ceil()`, `Optional[int]: 5 null -3`)
	f(`lit(1.5).num.round()`, `int: 2 2 2`)
	f(`lit(-2.5).num.round()`, `int: -3 -3 -3`)
	f(`lit(0.125).num.round(2)`, `float: 0.13 0.13 0.13`)
	f(`col("f").num.round(1)`, `float: 1.5 -2.5 1e300`)
	f(`col("oi").num.round(1)`, `Optional[float]: 5.0 null -3.0`)
	f(`col("of").num.round(3)`, `Optional[float]: "NaN" null "+infinity"`)
	f(`col("i").num.to_string()`, `str: "1" "-7" "9223372036854775807"`)
	f(`col("f").num.to_string()`, `str: "1.5" "-2.5" "1e300"`)
	f(`col("of").num.to_string()`, `Optional[str]: "NaN" null "inf"`)
	f(`lit(1.0).num.to_string()`, `str: "1.0" "1.0" "1.0"`)
	f(`col("i").num.sqrt()`, `float: 1.0 "NaN" 3037000499.97605`)
	f(`lit(100).num.log(10.0)`, `float: 2.0 2.0 2.0`)
	f(`lit(0).num.log()`, `float: "-infinity" "-infinity" "-infinity"`)
	f(`lit(-1).num.log()`, `float: "NaN" "NaN" "NaN"`)
	f(`lit(8).num.log(base=0)`, `float: "NaN" "NaN" "NaN"`)
	f(`lit(8).num.log(-2)`, `float: "NaN" "NaN" "NaN"`)
	f(`lit(0).num.sin()`, `float: 0.0 0.0 0.0`)
	f(`lit(0).num.cos()`, `float: 1.0 1.0 1.0`)
	f(`lit(0).num.tan()`, `float: 0.0 0.0 0.0`)
	f(`lit(2).num.arcsin()`, `float: "NaN" "NaN" "NaN"`)
	f(`lit(1).num.arccos()`, `float: 0.0 0.0 0.0`)
	f(`lit(0.0).num.arctan()`, `float: 0.0 0.0 0.0`)
	f(`lit(2).num.pow(10)`, `int: 1024 1024 1024`)
	f(`col("j").num.pow(col("oi").fillnull(0).num.abs())`, `int: 32 1 -8`)
	f(`lit(0).num.pow(0)`, `int: 1 1 1`)
	f(`lit(3).num.pow(41)`, `int: -420491770248316829 -420491770248316829 -420491770248316829`)
	f(`lit(2).num.pow(-2.0)`, `float: 0.25 0.25 0.25`)
	f(`lit(2.0).num.pow(-2)`, `float: 0.25 0.25 0.25`)
	f(`col("oi").num.pow(2)`, `Optional[int]: 25 null 9`)
	f(`lit(2).num.pow(None)`, `Optional[float]: null null null`)
	f(`lit(None).num.pow(2)`, `Optional[float]: null null null`)
	f(`col("of").num.is_nan()`, `Optional[bool]: true null false`)
	f(`col("of").num.is_infinite()`, `Optional[bool]: false null true`)
	f(`col("i").num.is_nan()`, `bool: false false false`)

	// Text.
	f(`col("s").str.len()`, `int: 3 0 7`)
	f(`col("os").str.len()`, `Optional[int]: 1 null 1`)
	f(`lit(None).str.len()`, `Optional[int]: null null null`)
	f(`col("s").str.upper()`, `str: "ABC" "" "GRÖßE ß"`)
	f(`lit("ÄBC").str.lower()`, `str: "äbc" "äbc" "äbc"`)
	f(`col("s").str.contains("b")`, `bool: true false false`)
	f(`col("s").str.contains("")`, `bool: true true true`)
	f(`col("s").str.contains(col("os"))`, `Optional[bool]: true null true`)
	f(`col("s").str.startswith("ab")`, `bool: true false false`)
	f(`col("s").str.endswith(None)`, `Optional[bool]: null null null`)
	f(`col("s").str.endswith("c")`, `bool: true false false`)
	f(`col("s").str.concat(col("os"))`, `Optional[str]: "abcb" null "Größe ßö"`)
	f(`lit("x-").str.concat(col("s"))`, `str: "x-abc" "x-" "x-Größe ß"`)
	f(`lit("a,b,").str.split(",")`, `List[str]: ["a","b",""] ["a","b",""] ["a","b",""]`)
	f(`lit("").str.split(",")`, `List[str]: [""] [""] [""]`)
	f(`lit("aöb").str.split("")`, `List[str]: ["a","ö","b"] ["a","ö","b"] ["a","ö","b"]`)
	f(`col("os").str.split("x")`, `Optional[List[str]]: ["b"] null ["ö"]`)
	f(`lit("2021-03-04 05:06").str.strptime("%Y-%m-%d %H:%M", "America/New_York")`, `datetime: "2021-03-04T10:06:00.000000Z" "2021-03-04T10:06:00.000000Z" "2021-03-04T10:06:00.000000Z"`)
	f(`lit("2021-03-04T05:06:00+02:00").str.strptime("%Y-%m-%dT%H:%M:%S%:z", "America/New_York").dt.hour`, `int: 3 3 3`)
	f(`col("js").str.json_extract("$.a.b[1]")`, `Optional[str]: "x" null null`)
	f(`col("js").str.json_extract("$.a")`, `Optional[str]: "{\"b\":[1,\"x\",null]}" null null`)
	f(`col("js").str.json_extract("$['n']")`, `Optional[str]: "1.50" null null`)
	f(`col("js").str.json_extract("$.a.b[2]")`, `Optional[str]: "null" null null`)
	f(`col("js").str.json_extract("$[0]")`, `Optional[str]: null "1" null`)
	f(`col("js").str.json_extract("$")`, `Optional[str]: "{\"a\":{\"b\":[1,\"x\",null]},\"n\":1.50}" "[1]" null`)
	f(`col("js").str.json_extract("$[0]").str.to_int()`, `Optional[int]: null 1 null`)
	f(`col("num").str.parse(int)`, `int: 1 -12 7`)
	f(`lit("1.9").str.parse(int)`, `int: 1 1 1`)
	f(`lit("1").str.parse(datetime)`, `datetime: "1970-01-01T00:00:00.000001Z" "1970-01-01T00:00:00.000001Z" "1970-01-01T00:00:00.000001Z"`)
	f(`lit("[1, null]").str.parse(List[Optional[float]])`, `List[Optional[float]]: [1.0,null] [1.0,null] [1.0,null]`)
	f(`lit("{\"x\": 1}").str.parse(struct<x:int,y:Optional[bool]>)`, `struct<x:int,y:Optional[bool]>: {"x":1,"y":null} {"x":1,"y":null} {"x":1,"y":null}`)
	f(`lit("{\"x\": 1}").str.parse(Dict[str, int]).dict.get("x")`, `Optional[int]: 1 1 1`)
	f(`col("os").str.json_extract("$").str.parse(int)`, `Optional[int]: null null null`)
	f(`col("num").str.to_int()`, `int: 1 -12 7`)

	// Datetimes.
	f(`col("t").dt.year`, `int: 2024 1969 2021`)
	f(`col("t").dt.month`, `int: 3 12 1`)
	f(`col("t").dt.week`, `int: 10 1 53`)
	f(`col("t").dt.day`, `int: 5 31 3`)
	f(`col("t").dt.hour`, `int: 13 23 0`)
	f(`col("t").dt.minute`, `int: 4 59 0`)
	f(`col("t").dt.second`, `int: 9 59 0`)
	f(`col("t").dt.millisecond`, `int: 26 999 0`)
	f(`col("t").dt.microsecond`, `int: 26490 999999 0`)
	f(`col("ot").dt.with_tz("America/New_York").day`, `Optional[int]: 5 null 1`)
	f(`col("t").dt.since(col("ot"))`, `Optional[int]: 0 null 86400`)
	f(`col("ot").dt.since(col("t"), "microsecond")`, `Optional[int]: -26490 null -86400000000`)
	f(`col("t").dt.since_epoch()`, `int: 1709643849 0 1609632000`)
	f(`col("t").dt.since_epoch("day")`, `int: 19787 0 18630`)
	f(`from_epoch(1000, "second").since(from_epoch(1, "second"))`, `int: 999 999 999`)
	f(`from_epoch(1, "second").since(from_epoch(1000, "second"))`, `int: -999 -999 -999`)
	f(`from_epoch(1, "second").since(from_epoch(1000, "second"), "minute")`, `int: -16 -16 -16`)
	f(`from_epoch(-691200, "second").since_epoch("week")`, `int: -2 -2 -2`)
	f(`from_epoch(-691200, "second").since_epoch("year")`, `int: -1 -1 -1`)
	f(`now().dt.since(datetime(2023, 1, 1), "year")`, `int: 1 1 1`)
	f(`col("t").dt.strftime("%d.%m.%Y %H:%M:%S%.3f")`, `str: "05.03.2024 13:04:09.026" "31.12.1969 23:59:59.999" "03.01.2021 00:00:00.000"`)
	f(`col("ot").dt.strftime("%H %Z", "America/New_York")`, `Optional[str]: "08 EST" null "19 EST"`)
	f(`lit(None).dt.year`, `Optional[int]: null null null`)
	f(`col("t").dt.since(None)`, `Optional[int]: null null null`)

	// Lists.
	f(`col("l").list.len()`, `int: 3 0 1`)
	f(`col("ol").list.len()`, `Optional[int]: 2 null 0`)
	f(`col("e").list.len()`, `int: 2 2 2`)
	f(`lit(None).list.len()`, `Optional[int]: null null null`)
	f(`col("l").list.at(0)`, `Optional[int]: 3 null 5`)
	f(`col("l").list.at(-1)`, `Optional[int]: 2 null 5`)
	f(`col("l").list.at(-9223372036854775808)`, `Optional[int]: null null null`)
	f(`col("l").list.at(9223372036854775807)`, `Optional[int]: null null null`)
	f(`col("ol").list.at(col("z"))`, `Optional[int]: 1 null null`)
	f(`col("ls").list.at(1)`, `Optional[str]: "b" null null`)
	f(`lit(["x","y"]).list.at(col("z"))`, `Optional[str]: "x" "x" "x"`)
	f(`col("l").list.contains(1)`, `bool: true false false`)
	f(`col("ol").list.contains(1)`, `Optional[bool]: true null false`)
	f(`col("ol").list.contains(2)`, `Optional[bool]: null null false`)
	f(`col("ol").list.contains(None)`, `Optional[bool]: null null false`)
	f(`col("lf").list.contains(float("nan"))`, `bool: true false false`)
	f(`col("e").list.contains(1)`, `bool: true false true`)
	f(`col("ls").list.contains(col("kind"))`, `bool: true false true`)
	f(`lit([1,2]).list.contains(col("j"))`, `bool: true true false`)
	f(`lit(None).list.contains(1)`, `Optional[bool]: null null null`)
	f(`col("l").list.hasnull()`, `bool: false false false`)
	f(`col("ol").list.hasnull()`, `Optional[bool]: true null false`)
	f(`col("l").list.sum()`, `int: 6 0 5`)
	f(`col("ol").list.sum()`, `Optional[int]: null null 0`)
	f(`col("lf").list.sum()`, `float: "NaN" 0.0 2.0`)
	f(`col("l").list.mean()`, `Optional[float]: 2.0 null 5.0`)
	f(`col("ol").list.mean()`, `Optional[float]: null null null`)
	f(`col("l").list.min()`, `Optional[int]: 1 null 5`)
	f(`col("l").list.max()`, `Optional[int]: 3 null 5`)
	f(`col("lf").list.min()`, `Optional[float]: 1.5 null -0.5`)
	f(`col("lf").list.max()`, `Optional[float]: 1.5 null 2.5`)
	f(`col("lb").list.all()`, `Optional[bool]: null null true`)
	f(`col("lb").list.any()`, `Optional[bool]: true null false`)
	f(`repeat(None, 2).list.sum()`, `Optional[int]: null null null`)
	f(`col("l").list.filter("x", var("x") >= 2)`, `List[int]: [3,2] [] [5]`)
	f(`col("ol").list.filter("x", var("x").isnull())`, `Optional[List[Optional[int]]]: [null] null []`)
	f(`col("e").list.filter("x", var("x") > 0)`, `List[float]: [1.0,2.5] [] [1.0]`)
	f(`col("l").list.map("x", var("x") * col("j"))`, `List[int]: [6,2,4] [] [-10]`)
	f(`col("ol").list.map("x", var("x") + 1)`, `Optional[List[Optional[int]]]: [2,null] null []`)
	f(`col("l").list.map("x", col("s"))`, `List[str]: ["abc","abc","abc"] [] ["Größe ß"]`)
	f(`col("l").list.map("x", 7)`, `List[int]: [7,7,7] [] [7]`)
	f(`lit([1,2]).list.map("x", var("x") + col("j"))`, `List[int]: [3,4] [3,4] [-1,0]`)
	f(`lit([1,2]).list.map("x", var("x") * 10)`, `List[int]: [10,20] [10,20] [10,20]`)
	f(`P.zip(x=col("l"), y=col("ls")).list.map("p", var("p").struct.get("y")).list.len()`, `int: 2 0 1`)
	f(`col("ls").list.map("x", when(var("x") == "a").then(1).otherwise(0)).list.sum()`, `int: 1 0 1`)
	f(`col("l").list.map("x", repeat(var("x"), 2)).list.at(0).list.sum()`, `Optional[int]: 6 null 10`)
	f(`col("l").list.map("x", now().dt.year).list.max()`, `Optional[int]: 2024 null 2024`)

	// Dictionaries and structs.
	f(`col("m").dict.len()`, `int: 2 0 1`)
	f(`col("m").dict.get("k")`, `Optional[int]: 1 null null`)
	f(`col("m").dict.get("k", -1)`, `int: 1 -1 -1`)
	f(`col("m").dict.get("k", col("oi"))`, `Optional[int]: 1 null -3`)
	f(`col("m").dict.get(None)`, `Optional[int]: null null null`)
	f(`col("om").dict.get("k", "none")`, `Optional[str]: null null "v"`)
	f(`col("om").dict.get(col("os"))`, `Optional[str]: null null null`)
	f(`col("m").dict.contains("k")`, `bool: true false false`)
	f(`col("om").dict.contains(col("os"))`, `Optional[bool]: false null false`)
	f(`col("r").struct.get("x")`, `int: 1 2 3`)
	f(`col("r").struct.get("y")`, `Optional[str]: "a" null "c"`)
	f(`col("or").struct.get("x")`, `Optional[int]: 1 null 3`)
}

// Errors of branches that are not taken do not count.
func TestGuards(t *testing.T) {
	tab := newTable(t, map[string]string{
		"s str":            `["1", "", "x", "4"]`,
		"os Optional[str]": `["1", null, null, "4"]`,
		"f float":          `[1.5, "NaN", 2.5, 1e300]`,
		"i int":            `[1, -1, 2, -2]`,
		"l List[str]":      `[["1"], ["x"], [], ["3", "4"]]`,
	})
	f := func(text, want string) {
		t.Helper()
		typ, values, err := tab.eval(text, nil)
		got := typ + ": " + strings.Join(values, " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%s\n     = %s\nwant   %s", text, got, want)
		}
	}
	number := `((col("s") == "1") | (col("s") == "4"))`
	f(`col("s").str.to_int()`, `row 1: str.to_int: "" is no int (in col("s").str.to_int())`)
	f(`when(`+number+`).then(col("s").str.to_int()).otherwise(0)`, `int: 1 0 0 4`)
	f(`when(~`+number+`).then(0).otherwise(col("s").str.to_int())`, `int: 1 0 0 4`)
	f(`when(~`+number+`).then(0).when(col("s").str.to_int() > 1).then(2).otherwise(3)`, `int: 3 0 0 2`)
	f(`when(col("s") == "").then(0).otherwise(col("s").str.to_int())`, `row 2: str.to_int: "x"`)
	f(`when(`+number+`).then(col("s").str.parse(int)).otherwise(0)`, `int: 1 0 0 4`)
	f(`when(`+number+`).then(col("s").str.to_int() + when(col("i") > 0).then(lit(2).num.pow(col("i"))).otherwise(0)).otherwise(0)`, `int: 3 0 0 4`)
	f(`col("os").fillnull("0").str.to_int()`, `int: 1 0 0 4`)
	f(`col("os").str.to_int().fillnull(col("s").str.to_int())`, `row 1: str.to_int: "" is no int`)
	f(`col("os").str.to_int().fillnull(when(col("s").str.len() > 0).then(7).otherwise(col("i").num.pow(2)))`, `int: 1 1 7 4`)
	f(`col("i").num.pow(col("i"))`, `row 1: num.pow: -1 to the power of -1 is no int`)
	f(`when(col("i") > 0).then(col("i").num.pow(col("i"))).otherwise(0)`, `int: 1 0 4 0`)
	f(`col("f").num.floor()`, `row 1: num.floor: NaN is no int`)
	f(`when(col("f") < 1e10).then(col("f").num.floor()).otherwise(-1)`, `int: 1 -1 2 -1`)
	f(`when(col("f") < 1e10).then(col("f").num.round()).otherwise(-1)`, `int: 2 -1 3 -1`)
	f(`repeat(0, col("i"))`, `row 1: repeat: -1 times`)
	f(`when(col("i") > 0).then(repeat(0, col("i"))).otherwise(lit([], List[int]))`, `List[int]: [0] [] [0,0] []`)
	f(`repeat(0, 100000000)`, `row 0: repeat: 100000000 times: more than`)
	f(`from_epoch(col("i") * 9000000000000, "second")`, `row 0: from_epoch: 9000000000000 seconds are outside of the years 1 to 9999`)
	f(`col("s").str.strptime("%Y")`, `tells no full date`)
	f(`col("s").str.strptime("%Y-%m-%d")`, `row 0: str.strptime: "1" with the format "%Y-%m-%d": does not match the format`)
	f(`when(False).then(col("s").str.strptime("%Y-%m-%d").dt.year).otherwise(1)`, `int: 1 1 1 1`)
	f(`col("l").list.map("x", var("x").str.to_int())`, `row 1: str.to_int: "x" is no int`)
	f(`when(col("i") != -1).then(col("l").list.map("x", var("x").str.to_int())).otherwise(lit([], List[int]))`, `List[int]: [1] [] [] [3,4]`)
	f(`col("l").list.map("x", when(var("x") != "x").then(var("x").str.to_int()).otherwise(-1))`, `List[int]: [1] [-1] [] [3,4]`)
	f(`col("l").list.map("x", col("s").str.to_int())`, `row 1: str.to_int: ""`)
	f(`col("l").list.filter("x", col("s") != "").list.map("x", col("s").str.to_int())`, `List[int]: [1] [] [] [4,4]`)
	f(`lit("x").str.to_int()`, `row 0: str.to_int: "x"`)
	f(`when(False).then(lit("x").str.to_int()).otherwise(1)`, `int: 1 1 1 1`)
	f(`when(col("i") == 5).then(lit("x").str.to_int()).otherwise(1)`, `int: 1 1 1 1`)
	f(`col("i").astype(between(int, 0, 5))`, `row 1: `)
	f(`when(col("i") > 0).then(col("i").astype(between(int, 0, 5))).otherwise(0)`, `int: 1 0 2 0`)
	f(`lit("1").str.parse(bool)`, `row 0: str.parse: "1": expected bool, found 1`)
	f(`lit("null").str.parse(int)`, `null where int is not Optional`)
	f(`lit("True").str.parse(bool)`, `row 0: str.parse`)
	f(`lit("{").str.parse(struct<x:int>)`, `row 0: str.parse`)
}

// Expressions that the checker refuses, with a part of its message.
func TestCheckErrors(t *testing.T) {
	tab := people(t)
	f := func(text, want string) {
		t.Helper()
		typ, values, err := tab.eval(text, nil)
		if err == nil {
			t.Errorf("%s gives %s %v", text, typ, values)
			return
		}
		if e, ok := err.(*Error); !ok || !strings.Contains(e.Error(), want) {
			t.Errorf("%s:\n%v\nwant %s", text, err, want)
		}
	}
	f(`col("nope") + 1`, "line 1, column 1: there is no column \"nope\" (columns are age, b, by, d, dec, e, f, f32, i, j, ...)\n  col(\"nope\") + 1\n  ^~~")
	f(`var("x")`, `variable "x" is not defined here`)
	f(`col("l").list.map("x", var("y"))`, `(the variable is "x")`)
	f(`col("i") + col("s")`, "column 10: both sides of + must be numbers, found int and str\n  col(\"i\") + col(\"s\")\n           ^")
	f(`col("s") + col("s")`, `(write a.str.concat(b))`)
	f(`col("t") - col("t")`, `(write a.dt.since(b))`)
	f(`col("t") > col("t")`, `both sides of > must be numbers, found datetime and datetime (write a.dt.since(b))`)
	f(`col("s") > "a"`, `both sides of > must be numbers`)
	f(`col("dec") + 1`, `both sides of + must be numbers`)
	f(`col("b") + 1`, `both sides of + must be numbers, found bool and int`)
	f(`col("i") == col("s")`, `both sides of == must have the same type, found int and str`)
	f(`col("i") == True`, `both sides of == must have the same type`)
	f(`col("l") == col("lf")`, `both sides of ==`)
	f(`col("e") == col("lf")`, `both sides of ==`)
	f(`col("b") & 1`, `both sides of & must be bool, found bool and int (& binds more than comparisons`)
	f(`col("i") | col("j")`, `both sides of | must be bool, found int and int`)
	f(`~col("i")`, `~ needs bool, found int`)
	f(`-col("s")`, `- needs a number, found str`)
	f(`when(col("i")).then(1)`, `when needs bool, found int`)
	f(`when(col("b")).then(1).otherwise("x")`, `the branches must have the same type, found str after int`)
	f(`col("oi").fillnull("x")`, `Optional[int] cannot be filled with str`)
	f(`col("f").astype(int)`, `float is no int (astype labels, it does not convert`)
	f(`col("oi").astype(int)`, `Optional[int] is no int`)
	f(`col("i").astype(between(float, 0, 1))`, `int is no between(float, 0, 1)`)
	f(`from_epoch(col("f"), "second")`, `from_epoch needs int, found float`)
	f(`from_epoch(col("i"), "day")`, `takes second, millisecond or microsecond, not day`)
	f(`repeat(1, col("oi"))`, `repeat needs int for the count, found Optional[int]`)
	f(`repeat(1, 1.0)`, `repeat needs int for the count, found float`)
	f(`P.zip(x=col("ol"))`, `zip needs a list for field "x", found Optional[List[Optional[int]]]`)
	f(`P.zip(x=col("i"))`, `zip needs a list for field "x", found int`)
	f(`struct<x:int>.zip(x=col("ls"))`, `field "x" is int, found str`)
	f(`struct<x:int>.expr(x="a")`, `field "x" is int, found str`)
	f(`struct<x:int,y:int>.expr(x=1)`, `needs 2 fields, found 1`)
	f(`struct<x:int>.expr(y=1)`, `has no field "y"`)
	f(`P.expr(x=None)`, `the type of field "x" cannot be told`)
	f(`make_struct({"x": 1}, int)`, `int is no struct`)
	f(`lit("2020-01-01", datetime)`, `literals of type datetime are not supported (write datetime(2024, 1, 31))`)
	f(`lit({"a": 1}, Dict[str, int])`, `literals of type Dict[str, int] are not supported`)
	f(`lit("x", int)`, `expected int, found "x"`)
	f(`lit([1], between(int, 0, 5))`, `expected`)
	f(`col("s").num.abs()`, `column 14: num.abs needs a number, found str`)
	f(`col("b").num.to_string()`, `num.to_string needs a number, found bool`)
	f(`col("dec").num.round()`, `num.round needs a number, found Decimal[2]`)
	f(`col("i").num.pow("x")`, `pow needs a number for the exponent, found str`)
	f(`col("i").str.len()`, `str.len needs str, found int`)
	f(`col("s").str.contains(1)`, `str.contains needs str for its argument, found int`)
	f(`col("s").str.strptime("%Y-%L")`, "column 23: unknown format code \"%L\"\n  col(\"s\").str.strptime(\"%Y-%L\")\n                        ^~~~~~~")
	f(`col("s").str.strptime("%Y-%m")`, `tells no day`)
	f(`col("s").str.strptime("%Y-%m-%d", "+05:00")`, `column 35: "+05:00" is not a time zone`)
	f(`col("s").str.json_extract("b")`, `column 27: "b" is no JSON path: it must begin with $`)
	f(`col("s").str.json_extract("$[a]")`, `is no JSON path`)
	f(`col("s").str.json_extract("$.b[-1].c")`, `an index must be a number that is not negative`)
	f(`col("s").dt.year`, `dt needs datetime, found str`)
	f(`col("d").dt.year`, `dt needs datetime, found date`)
	f(`col("t").dt.since(1)`, `since needs datetime for its argument, found int`)
	f(`col("t").dt.since_epoch("month")`, `a month is not a fixed time`)
	f(`col("t").dt.with_tz("Mars/City").hour`, `column 21: "Mars/City" is not a time zone`)
	f(`col("t").dt.strftime("%q")`, `unknown format code`)
	f(`col("i").list.len()`, `list.len needs a list, found int`)
	f(`col("l").list.at(None)`, `list.at needs int for the index, found null`)
	f(`col("l").list.at(col("oi"))`, `list.at needs int for the index, found Optional[int]`)
	f(`lit(None).list.at(1)`, `list.at needs a list, found null`)
	f(`col("l").list.contains(1.0)`, `a list of int cannot contain float`)
	f(`col("l").list.contains(None)`, `a list of int cannot contain null`)
	f(`col("ls").list.sum()`, `list.sum needs a list of numbers, found List[str]`)
	f(`col("l").list.all()`, `list.all needs a list of bool, found List[int]`)
	f(`col("ol").list.filter("x", var("x") > 1)`, `list.filter needs bool, found Optional[bool] (a predicate that may be null needs .fillnull(False))`)
	f(`col("l").list.filter("x", 1)`, `list.filter needs bool, found int`)
	f(`lit(None).list.map("x", 1)`, `list.map needs a list, found null`)
	f(`col("l").list.map("x", col("l").list.map("y", 1))`, `list.map inside of another one (variables go one level deep)`)
	f(`col("i").dict.len()`, `dict.len needs a dictionary, found int`)
	f(`lit(None).dict.len()`, `dict.len needs a dictionary, found null`)
	f(`col("m").dict.get(1)`, `the key of a dictionary is str, found int`)
	f(`col("m").dict.get("k", "x")`, `the default of a dictionary of int cannot be str`)
	f(`col("r").struct.get("zz")`, `has no field "zz"`)
	f(`col("i").struct.get("x")`, `struct.get needs a struct, found int`)
}

// What is declared for the result.
func TestDeclared(t *testing.T) {
	tab := people(t)
	f := func(text, want, out string) {
		t.Helper()
		typ, values, err := tab.eval(text, mustType(t, want))
		got := typ + ": " + strings.Join(values, " ")
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, out) {
			t.Errorf("%s as %s\n     = %s\nwant   %s", text, want, got, out)
		}
	}
	f(`col("j")`, "int", `int: 2 2 -2`)
	f(`col("j")`, "float", `float: 2.0 2.0 -2.0`)
	f(`col("j")`, "Optional[float]", `Optional[float]: 2.0 2.0 -2.0`)
	f(`col("oi")`, "Optional[float]", `Optional[float]: 5.0 null -3.0`)
	f(`col("oi")`, "int", `the expression gives Optional[int], which is no int`)
	f(`col("f")`, "int", `the expression gives float, which is no int`)
	f(`lit(None)`, "Optional[str]", `Optional[str]: null null null`)
	f(`lit(None)`, "str", `the expression gives null`)
	f(`col("j") + 10`, "between(int, 0, 20)", `between(int, 0, 20): 12 12 8`)
	f(`col("j")`, "between(int, 0, 20)", `row 2: `)
	f(`col("j")`, "Optional[between(int, -5, 20)]", `Optional[between(int, -5, 20)]: 2 2 -2`)
	f(`col("oi")`, "between(int, -5, 20)", `which is no between(int, -5, 20)`)
	f(`col("j")`, "between(float, 0, 20)", `which is no between(float, 0, 20)`)
	f(`col("kind")`, `oneof(str, ["a","b"])`, `oneof(str, ["a", "b"]): "a" "b" "a"`)
	f(`col("s")`, `regex("[a-z]+")`, `row 1: `)
	f(`col("i")`, "smallint", `row 2: `)
	f(`col("j")`, "smallint", `smallint: 2 2 -2`)
	f(`col("s")`, "varchar(5)", `row 2: `)
	f(`col("l")`, "List[between(int, 0, 4)]", `row 2: `)
	f(`[1, 2]`, "List[float]", `List[float]: [1.0,2.0]`)
	f(`col("l")`, "List[float]", `which is no List[float]`)
	f(`lit(1.5)`, "Decimal[2]", `which is no Decimal[2]`)
	f(`P.expr(y=1, x=col("j"))`, "struct<x:float,y:Optional[int]>", `struct<x:float,y:Optional[int]>: {"x":2.0,"y":1}`)
	f(`P.zip(y=col("l"), x=col("l"))`, "List[struct<x:float,y:int>]", `[{"x":3.0,"y":3}`)
	f(`when(col("b")).then(P.expr(x=1)).otherwise(None)`, "Optional[struct<x:float>]", `{"x":1.0} null {"x":1.0}`)
	f(`col("r")`, "struct<y:Optional[str],x:float>", `{"x":1.0,"y":"a"} {"x":2.0,"y":null}`)
	f(`col("or")`, "Optional[struct<y:Optional[str],x:float>]", `{"x":1.0,"y":"a"} null {"x":3.0,"y":"c"}`)
	f(`col("r")`, "struct<y:str,x:float>", `which is no struct`)
	f(`col("oi").fillnull([1])`, "int", `cannot be filled`)
	f(`col("ol").fillnull([])`, "List[int]", `the type of this literal cannot be told`)
}

// What Eval refuses of its caller.
func TestEvalRefuses(t *testing.T) {
	tab := people(t)
	p, err := New(`col("i") + col("j")`, tab.schema, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := p.NewScratch()
	f := func(n int, want string, columns ...string) {
		t.Helper()
		in := tab.columns(columns...)
		if _, err := s.Eval(in, n, 0); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v with %d rows: %v, want %s", columns, n, err, want)
		}
	}
	f(3, "1 columns where the expression reads 2", "i")
	f(2, `column "i" does not have the 2 rows`, "i", "j")
	f(3, `column "j" is str, not int`, "i", "s")
	f(3, `column "j" is datetime, not int`, "i", "t")
	f(-1, "a batch of -1 rows", "i", "j")
	if out, err := s.Eval(tab.columns("i", "small"), 3, 0); err != nil || out.Ints[0] != 2 {
		t.Errorf("another width of integer: %v", err)
	}
	// A null where the schema says there is none must not get into the results.
	bad := newTable(t, map[string]string{"i Optional[int]": "[1, null, 2]", "j int": "[1, 2, 3]"})
	if _, err := s.Eval(bad.columns("i", "j"), 3, 0); err == nil || !strings.Contains(err.Error(), "row 1: null where int is not Optional") {
		t.Errorf("a null in a column that has none: %v", err)
	}
}

// Inside of SQL's arrays, structs and maps everything may be null.
func TestSQLTypes(t *testing.T) {
	parse := func(text string) *codec.Type {
		t.Helper()
		typ, err := codec.ParseType(text, codec.SpellingSQL)
		if err != nil {
			t.Fatal(err)
		}
		return typ
	}
	tab := &table{schema: map[string]*codec.Type{}, cols: map[string]*vec.Column{}, rows: 2}
	var l vec.Loader
	for name, c := range map[string][3]string{
		"a": {"array<int>", "[1,null]", "[]"}, "s": {"struct<x:float,y:array<bigint>>", `{"x":0.5}`, `{"x":null,"y":[3]}`},
		"n": {"int", "1", "2"}, "f": {"float", "0.1", "2"}, "t": {"timestamp(3)", `"2020-01-02 03:04:05.678"`, "0"},
	} {
		col := vec.New(parse(c[0]))
		for _, raw := range c[1:] {
			if err := l.PushJSON(col, []byte(raw)); err != nil {
				t.Fatal(err)
			}
		}
		tab.schema[name], tab.cols[name] = col.Type, col
	}
	f := func(text, want, out string) {
		t.Helper()
		var declared *codec.Type
		if want != "" {
			declared = parse(want)
		}
		typ, values, err := tab.eval(text, declared)
		if got := typ + ": " + strings.Join(values, " "); err != nil || got != out {
			t.Errorf("%s = %s, %v; want %s", text, got, err, out)
		}
	}
	f(`col("a").list.sum()`, "", `Optional[int]: null 0`)
	f(`col("a")`, "array<int>", `List[int32]: [1,null] []`)
	f(`lit([1, 2])`, "array<bigint>", `List[int]: [1,2] [1,2]`)
	f(`col("s").struct.get("x")`, "", `Optional[float]: 0.5 null`)
	f(`col("s").struct.get("y").list.at(0)`, "", `Optional[int]: null 3`)
	f(`col("n") + 1`, "int", `int32: 2 3`)
	f(`col("f")`, "float", `float32: 0.10000000149011612 2.0`)
	f(`col("t").dt.millisecond`, "", `int: 678 0`)
}
