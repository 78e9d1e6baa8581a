package expr

import (
	"strings"
	"testing"
)

// A text and what it is printed as.
func TestParse(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		tree, err := Parse(text)
		if err != nil {
			t.Errorf("%s:\n%v", text, err)
			return
		}
		again, err := NewTree(tree.Root)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			return
		}
		if again.Text != want {
			t.Errorf("%s\nprints %s\nwant   %s", text, again.Text, want)
			return
		}
		back, err := Parse(again.Text)
		if err != nil {
			t.Errorf("%s prints as %s, which is no expression:\n%v", text, again.Text, err)
			return
		}
		if same, _ := NewTree(back.Root); same == nil || same.Text != again.Text {
			t.Errorf("%s prints as %s, which reads as %s", text, again.Text, same)
		}
	}
	f(`col("a")`, `col("a")`)
	f(`col(col='a')`, `col("a")`)
	f(`col("a") + col('b') * 2`, `col("a") + (col("b") * lit(2))`)
	f(`(col("a") + col('b')) * 2`, `(col("a") + col("b")) * lit(2)`)
	f(`1 - 2 - 3`, `(lit(1) - lit(2)) - lit(3)`)
	f(`2 * 3 // 4 % 5 / 6`, `(((lit(2) * lit(3)) // lit(4)) % lit(5)) / lit(6)`)
	f(`-col("a") + ~col("b")`, `(-col("a")) + (~col("b"))`)
	f(`- -1`, `-lit(-1)`)
	f(`--col("a")`, `-(-col("a"))`)
	f(`-1 + -1.5`, `lit(-1) + lit(-1.5)`)
	f(`-9223372036854775808`, `lit(-9223372036854775808)`)
	f(`(col("a") > 1) & (col("b") <= 2.5) | ~col("c")`, `((col("a") > lit(1)) & (col("b") <= lit(2.5))) | (~col("c"))`)
	f(`col("a") | col("b") == col("c") & col("d")`, `(col("a") | col("b")) == (col("c") & col("d"))`)
	f("(\n  col('a') # the first\n  != \\\n  1\n)", `col("a") != lit(1)`)
	f(`lit(True) == False`, `lit(True) == lit(False)`)
	f(`None`, `lit(None)`)
	f(`'it''s'`[:4], `lit("it")`)
	f(`'a"b\n\x41\u00e9\101\q' == r'\n'`, `lit("a\"b\nAéA\\q") == lit("\\n")`)
	f(`"""two
lines"""`, `lit("two\nlines")`)
	f(`1_000 + 0x1F + 1e3 + .5 + 5.`, `(((lit(1000) + lit(31)) + lit(1000.0)) + lit(0.5)) + lit(5.0)`)
	f(`float("nan")`, `lit(float("nan"))`)
	f(`-float("inf")`, `-lit(float("inf"))`)
	f(`lit(-float("inf"))`, `lit(float("-inf"))`)
	f(`lit(1, float)`, `lit(1, float)`)
	f(`lit(1, type=Optional[int])`, `lit(1, Optional[int])`)
	f(`lit([1, 2.5, None])`, `lit([1,2.5,None], List[Optional[float]])`)
	f(`[[True], [False]]`, `lit([[True],[False]], List[List[bool]])`)
	f(`lit([], List[str])`, `lit([], List[str])`)
	f(`lit({"x": 1, "y": [None]}, struct<x:int,y:List[Optional[int]]>)`, `lit({"x":1,"y":[None]}, struct<x:int,y:List[Optional[int]]>)`)
	f(`now()`, `now()`)
	f(`datetime(2021, 1, 12, 21, 32, 47, timezone='America/New_York')`, `datetime(2021, 1, 13, 2, 32, 47)`)
	f(`datetime(year=2021, month=2, day=3, microsecond=4)`, `datetime(2021, 2, 3, 0, 0, 0, 0, 4)`)
	f(`datetime(2021, 1, 2, 3, 4, 5, 6, 7, "UTC")`, `datetime(2021, 1, 2, 3, 4, 5, 6, 7)`)
	f(`from_epoch(col("t"), "SECOND")`, `from_epoch(col("t"), "second")`)
	f(`from_epoch(col("t") * 2, unit='millisecond').since(now(), unit="day")`, `from_epoch(col("t") * lit(2), "millisecond").dt.since(now(), "day")`)
	f(`repeat(1, by=col("n"))`, `repeat(lit(1), col("n"))`)
	f(`when(col("a")).then(1)`, `when(col("a")).then(lit(1))`)
	f(`when(col("a")).then(1).when(col("b")).then(2).otherwise(3)`, `when(col("a")).then(lit(1)).when(col("b")).then(lit(2)).otherwise(lit(3))`)
	f(`when(col("a")).then(1).fillnull(0) + 1`, `(when(col("a")).then(lit(1))).fillnull(lit(0)) + lit(1)`)
	f(`when(when(col("a")).then(True)).then(when(col("b")).then(1)).otherwise(2)`, `when(when(col("a")).then(lit(True))).then(when(col("b")).then(lit(1))).otherwise(lit(2))`)
	f(`col("a").isnull()`, `col("a").isnull()`)
	f(`col("a").fillnull(value=0).astype(Optional[float])`, `col("a").fillnull(lit(0)).astype(Optional[float])`)
	f(`col("a").num.round().num.abs()`, `col("a").num.round(0).num.abs()`)
	f(`col("a").round(precision=2)`, `col("a").num.round(2)`)
	f(`col("a").num.log()`, `col("a").num.log(2.718281828459045)`)
	f(`col("a").num.log(base=-2)`, `col("a").num.log(-2.0)`)
	f(`col("a").num.floor().ceil().to_string().len()`, `col("a").num.floor().num.ceil().num.to_string().str.len()`)
	f(`col("a").str.lower().contains(col("b")).isnull()`, `col("a").str.lower().str.contains(col("b")).isnull()`)
	f(`col("a").str.strptime("%Y", timezone="Asia/Tokyo").year`, `col("a").str.strptime("%Y", "Asia/Tokyo").dt.year`)
	f(`col("a").str.parse(struct<x:int,y:Optional[List[str]]>)`, `col("a").str.parse(struct<x:int,y:Optional[List[str]]>)`)
	f(`col("a").str.parse(between(int, 0, 9)).num.abs()`, `col("a").str.parse(between(int, 0, 9)).num.abs()`)
	f(`col("a").str.split(sep=",").len()`, `col("a").str.split(",").list.len()`)
	f(`col("t").dt.hour + col("t").dt.with_tz("Europe/Berlin").hour`, `col("t").dt.hour + col("t").dt.with_tz("Europe/Berlin").hour`)
	f(`col("t").dt.hour(timezone="Europe/Berlin") + col("t").dt.week()`, `col("t").dt.with_tz("Europe/Berlin").hour + col("t").dt.week`)
	f(`col("t").dt.with_tz(timezone="Europe/Berlin").strftime("%H")`, `col("t").dt.strftime("%H", "Europe/Berlin")`)
	f(`col("t").dt.with_tz("Europe/Berlin").dt.hour`, `col("t").dt.with_tz("Europe/Berlin").hour`)
	f(`now().dt.since_epoch().num.abs()`, `now().dt.since_epoch("second").num.abs()`)
	f(`col("l").list.at(-1)`, `col("l").list.at(lit(-1))`)
	f(`col("l").list.filter("x", var("x") > 1).map('y', var('y') * col("k")).sum()`, `col("l").list.filter("x", var("x") > lit(1)).list.map("y", var("y") * col("k")).list.sum()`)
	f(`col("d").dict.get("k", default=0) + col("d").dict.get("k")`, `col("d").dict.get(lit("k"), lit(0)) + col("d").dict.get(lit("k"))`)
	f(`col("s").struct.get("f").struct.get(field="g")`, `col("s").struct.get("f").struct.get("g")`)
	f(`Point.expr(x=1, y=col("b"))`, `Struct.expr(x=lit(1), y=col("b"))`)
	f(`Point.zip(x=col("a"), y=col("b"),).len()`, `Struct.zip(x=col("a"), y=col("b")).list.len()`)
	f(`struct<x:int,y:str>.expr(x=1, y="a").struct.get("x")`, `struct<x:int,y:str>.expr(x=lit(1), y=lit("a")).struct.get("x")`)
	f(`make_struct({"x": 1}, struct<x:float>)`, `struct<x:float>.expr(x=lit(1))`)
	f(`make_struct(x=1)`, `Struct.expr(x=lit(1))`)
	f(`((((col("a")))))`, `col("a")`)
	f("col(\"größe\")", `col("größe")`)
}

// A text and the message it is refused with: line, column and text, and the line with
// the caret where it is given.
func TestParseErrors(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := Parse(text)
		if err == nil {
			t.Errorf("%s is taken", text)
			return
		}
		if _, ok := err.(*Error); !ok {
			t.Errorf("%s: an error of type %T", text, err)
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%s:\n%v\nwant %s", text, err, want)
		}
	}
	f(``, `line 1, column 1: the expression ends here; expected a value`)
	f(`col("a") +`, "line 1, column 11: the expression ends here; expected a value\n  col(\"a\") +\n            ^")
	f("col(\"a\")\n  + foo(1)", "line 2, column 5: unknown function foo (there are col, lit, var, now, when, datetime, from_epoch, repeat, make_struct)\n    + foo(1)\n      ^~~")
	f(`age > 18`, "line 1, column 1: unknown name age (a column is written col(\"age\"), a variable of list.map var(\"age\"))\n  age > 18\n  ^~~")
	f(`(col("a")`, `expected ')'`)
	f(`col("a"))`, `column 9: expected an operator or the end, found )`)
	f(`col("a") col("b")`, `column 10: expected an operator or the end, found col`)
	f(`col("a") and col("b")`, `(write (a) & (b))`)
	f(`col("a") or col("b")`, `(write (a) | (b))`)
	f(`not col("a")`, `column 1: not is not supported (write ~(x))`)
	f(`1 if col("a") else 2`, `(write when(p).then(a).otherwise(b))`)
	f(`col("a") ** 2`, `(write x.num.pow(y))`)
	f(`col("a") ^ col("b")`, `xor is not supported`)
	f(`1 < col("a") < 2`, `column 14: comparisons cannot be chained`)
	f(`col("a") > 1 & col("b") < 2`, `column 25: comparisons cannot be chained (& and | bind more than comparisons: write (a < b) & (b < c))`)
	f(`col("a") = 1`, `(== compares)`)
	f(`col("a")[0]`, `(write .list.at(i), .dict.get(key) or .struct.get(field))`)
	f(`col("a")("b")`, `column 9: this cannot be called`)
	f(`col("a").foo()`, `column 10: unknown method foo (methods are isnull`)
	f(`col("a").len()`, `column 10: unknown method len (did you mean .str.len)`)
	f(`col("a").str.year`, `column 14: unknown method year of .str (did you mean .dt.year)`)
	f(`col("a").str.foo()`, `(.str has len, lower, upper`)
	f(`col("a").str`, `column 13: expected a method of .str`)
	f(`col("a").`, `expected a method`)
	f(`col("a").isnull`, `column 10: isnull must be called`)
	f(`col("a").isnull(1)`, `column 17: too many arguments (isnull())`)
	f(`col("a").fillnull()`, `argument value of fillnull is missing (fillnull(value))`)
	f(`col("a").fillnull(x=1)`, `column 19: fillnull has no argument x`)
	f(`col("a").dt.since(unit="day")`, `argument other of since is missing`)
	f(`col("a").dt.since(col("b"), unit="day", unit="day")`, `column 41: argument unit is given twice`)
	f(`col("a").dt.since(unit="day", col("b"))`, `column 31: an argument without a name follows one with a name`)
	f(`col("a").dt.since(col("b"), "fortnight")`, `column 29: "fortnight" is not a unit of time`)
	f(`col("a").str.split(col("b"))`, `column 20: sep must be a text in quotes`)
	f(`col("a").num.round(1.5)`, `column 20: precision must be a whole number`)
	f(`col("a").num.round(-1)`, `precision must be between 0 and 400`)
	f(`col("a").num.log("x")`, `base must be a number`)
	f(`col(a)`, `column 5: col must be a text in quotes`)
	f(`col()`, `argument col of col is missing`)
	f(`when(col("a"))`, `column 1: when without .then(...)`)
	f(`when(col("a")).otherwise(1)`, `when without .then(...)`)
	f(`when(col("a")).then(1).isnull().otherwise(2)`, `column 33: unknown method otherwise`)
	f(`when(col("a")).then(1).otherwise(2).otherwise(3)`, `.otherwise must follow .then directly`)
	f(`lit(col("a"))`, `column 5: expected a value written out, found col`)
	f(`lit(datetime(2020, 1, 1))`, `(datetime(...) stands without lit)`)
	f(`lit([])`, `the type of this literal cannot be told`)
	f(`lit([1, "a"])`, `column 9: a list of int cannot hold str`)
	f(`lit({"a": 1})`, `the type of this literal cannot be told`)
	f(`{"a": 1}`, `dictionary literals are not supported`)
	f(`lit(1, Foo)`, `column 8: unknown type "foo"`)
	f(`lit(1, List[Foo])`, `column 13: unknown type "foo"`)
	f(`col("a").str.parse(List[int)`, `column 28:`)
	f(`lit(1`, `expected ')'`)
	f(`9223372036854775808`, `the number 9223372036854775808 does not fit 64 bits`)
	f(`99999999999999999999`, `does not fit 64 bits`)
	f(`1e999`, `too large for a float`)
	f(`012`, `bad number 012`)
	f(`12abc`, `bad number 12abc`)
	f(`1__0`, `bad number 1__0`)
	f(`1e`, `bad number 1e`)
	f(`"abc`, `column 1: the closing quote is missing`)
	f("'a\nb'", `the closing quote is missing`)
	f(`"\ud800"`, `bad escape \ud800`)
	f(`"\x4"`, `bad escape`)
	f(`b"abc"`, `text of the kind b'...' is not supported`)
	f(`f"{x}"`, `text of the kind f'...' is not supported`)
	f(`true`, `(Python writes True)`)
	f(`1.num`, `bad number 1.num`)
	f(`1 .num.abs()`, `a bare number has no methods (write lit(1).num)`)
	f(`+1`, `a sign + is not supported`)
	f(`(1, 2)`, `tuples are not supported`)
	f(`lambda x: x`, `expected a value, found lambda`)
	f(`col("a") $ 1`, `unexpected character '$'`)
	f("col(\"a\xff\")", `not valid UTF-8`)
	f(`datetime(2021)`, `argument month of datetime is missing`)
	f(`datetime(2021, 13, 1)`, `column 16: month must be between 1 and 12`)
	f(`datetime(2021, 2, 29)`, `column 19: 2021-02 has no day 29`)
	f(`datetime(2021, 1, 1, timezone="+05:00")`, `column 31: "+05:00" is not a time zone`)
	f(`datetime(2021, 1, 1, 0, 0, 0, 0, 0, "UTC", 1)`, `too many arguments`)
	f(`datetime(col("y"), 1, 1)`, `column 10: year must be a whole number`)
	f(`Point.make(x=1)`, `unknown name Point`)
	f(`Point.expr()`, `a struct has at least one field`)
	f(`Point.expr(1)`, `expected a field as name=value, found 1`)
	f(`Point.expr(x=1, x=2)`, `column 17: field x is given twice`)
	f(`struct<x:int>.foo(x=1)`, `unknown name`)
	f(`struct<x:int>`, `expected .expr(...) or .zip(...)`)
	f(strings.Repeat("(", 5000)+"1", `more than 400 operations within each other`)
	f(strings.Repeat("-", 5000)+"col('a')", `more than 400 operations within each other`)
	f(strings.Repeat("1+", 5000)+"1", `more than 2000 operations`)
	f(strings.Repeat("1+", 500)+"1", `more than 400 operations within each other`)
	f(strings.Repeat(" ", MaxText)+"1", `at most 65536 are allowed`)
	f(strings.Repeat("[", 100)+"1", `too many lists within each other`)
	f(`col("`+strings.Repeat("x", 300)+`") + $`, `...`)
}

// Errors in trees that were not parsed point into their printed form.
func TestNewTree(t *testing.T) {
	tree, err := NewTree(&Node{Op: OpAdd, Args: []*Node{
		{Op: OpCol, Name: "a"},
		{Op: OpStrptime, Name: "%L", Args: []*Node{{Op: OpCol, Name: "b"}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = Check(tree, newTable(t, map[string]string{"a int": "[]", "b str": "[]"}).schema, nil)
	want := "line 1, column 34: unknown format code \"%L\"\n  col(\"a\") + col(\"b\").str.strptime(\"%L\")\n                                   ^~~~"
	if err == nil || err.Error() != want {
		t.Errorf("error:\n%v\nwant:\n%s", err, want)
	}
	f := func(n *Node) {
		t.Helper()
		if tree, err := NewTree(n); err == nil {
			t.Errorf("%s is a tree", tree.Text)
		}
	}
	f(nil)
	f(&Node{})
	f(&Node{Op: opCount + 50})
	f(&Node{Op: OpAdd, Args: []*Node{{Op: OpNow}}})
	f(&Node{Op: OpAdd, Args: []*Node{{Op: OpNow}, nil}})
	f(&Node{Op: OpLit})
	f(&Node{Op: OpCase, Args: []*Node{{Op: OpNow}}})
	f(&Node{Op: OpParse, Args: []*Node{{Op: OpNow}}})
	f(&Node{Op: OpStruct, Args: []*Node{{Op: OpNow}}})
	f(&Node{Op: OpRound, Int: -1, Args: []*Node{{Op: OpNow}}})
	f(&Node{Op: OpDatetime, Int: 1 << 62})
	f(&Node{Op: OpCol, Name: strings.Repeat("x", MaxText)})
	deep := &Node{Op: OpNow}
	for range MaxDepth {
		deep = &Node{Op: OpNeg, Args: []*Node{deep}}
	}
	f(deep)
}
