package expr

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

// generator makes random expressions of a wanted kind. Most of them are right; the
// checker throws the others out.
type generator struct {
	*rand.Rand
	columns map[string][]string // by kind
	item    string              // kind of var("x"), "" outside of list.map
}

var randomColumns = map[string]string{
	"i0 int": "int", "i1 Optional[int]": "int", "f0 float": "float", "f1 Optional[float]": "float", "b0 bool": "bool", "b1 Optional[bool]": "bool",
	"s0 str": "str", "s1 Optional[str]": "str", "t0 datetime": "dt", "t1 Optional[datetime]": "dt",
	"li0 List[int]": "ints", "li1 Optional[List[Optional[int]]]": "ints", "lf0 List[float]": "floats", "lf1 Optional[List[Optional[float]]]": "floats",
	"ls0 List[str]": "strs", "ls1 Optional[List[Optional[str]]]": "strs", "lb0 List[Optional[bool]]": "bools",
	"m0 Dict[str, int]": "map", "m1 Optional[Dict[str, Optional[int]]]": "map",
	"r0 struct<i:int,s:Optional[str],l:List[int]>": "struct", "r1 Optional[struct<i:int,s:Optional[str],l:List[int]>]": "struct",
}

func (g *generator) pick(options ...string) string { return options[g.IntN(len(options))] }

// gen returns the text of an expression of a kind.
func (g *generator) gen(kind string, depth int) string {
	if depth <= 0 || g.IntN(8) == 0 {
		return g.leaf(kind)
	}
	sub := func(kind string) string { return g.gen(kind, depth-1) }
	if g.IntN(8) == 0 { // what every kind has
		switch g.IntN(4) {
		case 0:
			return "when(" + sub("bool") + ").then(" + sub(kind) + ")"
		case 1:
			return "when(" + sub("bool") + ").then(" + sub(kind) + ").when(" + sub("bool") + ").then(" + sub(kind) + ").otherwise(" + sub(kind) + ")"
		case 2:
			return "when(" + sub("bool") + ").then(" + sub(kind) + ").otherwise(" + sub(kind) + ")"
		}
		return sub(kind) + ".fillnull(" + sub(kind) + ")"
	}
	num := g.pick("int", "float")
	switch kind {
	case "int":
		switch g.IntN(14) {
		case 0, 1, 2:
			return "(" + sub("int") + g.pick(" + ", " - ", " * ", " // ", " % ") + sub("int") + ")"
		case 3:
			return sub("int") + ".num." + g.pick("abs()", "ceil()", "floor()", "round()")
		case 4:
			return sub("float") + ".num." + g.pick("ceil()", "floor()", "round()")
		case 5:
			return sub("int") + ".num.pow(" + sub("int") + ")"
		case 6:
			return sub("str") + ".str." + g.pick("len()", "to_int()", "parse(int)")
		case 7:
			zone := g.pick("", `.with_tz("America/New_York")`, `.with_tz("Asia/Kathmandu")`)
			return sub("dt") + ".dt" + zone + "." + g.pick("year", "month", "week", "day", "hour", "minute", "second", "millisecond", "microsecond")
		case 8:
			unit := g.pick("year", "week", "day", "hour", "minute", "second", "millisecond", "microsecond")
			return sub("dt") + ".dt.since(" + sub("dt") + `, "` + unit + `")`
		case 9:
			return sub(g.pick("ints", "floats", "strs", "bools")) + ".list.len()"
		case 10:
			return sub("ints") + ".list." + g.pick("sum()", "min()", "max()", "at("+sub("int")+")")
		case 11:
			return sub("map") + ".dict." + g.pick("len()", `get("a")`, `get(`+sub("str")+`)`, `get("b", `+sub("int")+")")
		case 12:
			return sub("struct") + `.struct.get("i")`
		}
		return "-" + sub("int")
	case "float":
		switch g.IntN(7) {
		case 0, 1:
			return "(" + sub(num) + g.pick(" + ", " - ", " * ", " // ", " % ", " / ") + sub("float") + ")"
		case 2:
			return sub(num) + ".num." + g.pick("sqrt()", "sin()", "cos()", "tan()", "arcsin()", "arccos()", "arctan()", "log()", "log(2)", "log(-1)", "round(2)")
		case 3:
			return sub("float") + ".num." + g.pick("abs()", "pow("+sub(num)+")")
		case 4:
			return sub(g.pick("ints", "floats")) + ".list.mean()"
		case 5:
			return sub("floats") + ".list." + g.pick("sum()", "min()", "max()", "at("+sub("int")+")")
		}
		return "-" + sub("float")
	case "bool":
		switch g.IntN(9) {
		case 0, 1:
			return "(" + sub(num) + g.pick(" > ", " >= ", " < ", " <= ", " == ", " != ") + sub(g.pick("int", "float")) + ")"
		case 2:
			k := g.pick("str", "dt", "bool", "ints", "floats", "strs", "map", "struct")
			return "(" + sub(k) + g.pick(" == ", " != ") + sub(k) + ")"
		case 3, 4:
			return "(" + sub("bool") + g.pick(" & ", " | ") + sub("bool") + ")"
		case 5:
			return "~" + sub("bool")
		case 6:
			return sub(g.pick("int", "float", "bool", "str", "dt", "ints", "map", "struct")) + ".isnull()"
		case 7:
			return sub("str") + ".str." + g.pick("contains(", "startswith(", "endswith(") + sub("str") + ")"
		}
		return g.pick(sub("bools")+".list.all()", sub("bools")+".list.any()", sub("strs")+".list.contains("+sub("str")+")", sub("ints")+".list.contains("+sub("int")+")",
			sub("strs")+".list.hasnull()", sub("map")+".dict.contains("+sub("str")+")", sub("float")+".num.is_nan()", sub("float")+".num.is_infinite()")
	case "str":
		switch g.IntN(8) {
		case 0:
			return sub("str") + ".str." + g.pick("lower()", "upper()")
		case 1:
			return sub("str") + ".str.concat(" + sub("str") + ")"
		case 2:
			return sub(num) + ".num.to_string()"
		case 3:
			return sub("strs") + ".list.at(" + sub("int") + ")"
		case 4:
			return sub("struct") + `.struct.get("s")`
		case 5:
			return sub("dt") + `.dt.strftime("%Y/%m/%d %H:%M:%S")`
		case 6:
			return sub("str") + `.str.json_extract("$.a")`
		}
		return sub("int") + ".num.to_string()"
	case "dt":
		return g.pick("from_epoch("+sub("int")+`, "`+g.pick("second", "millisecond", "microsecond")+`")`, "now()", `datetime(2024, 2, 29, 12)`,
			sub("str")+`.str.strptime("%Y-%m-%d")`)
	case "struct":
		return "struct<i:int,s:Optional[str],l:List[int]>.expr(s=" + sub("str") + ", i=" + sub("int") + ", l=" + sub("ints") + ")"
	case "map":
		return g.leaf("map")
	}
	// Lists.
	elem := strings.TrimSuffix(kind, "s")
	switch g.IntN(6) {
	case 0:
		return "repeat(" + sub(elem) + ", (" + sub("int") + " % 4))"
	case 1, 2:
		if g.item == "" {
			from := g.pick("ints", "floats", "strs", "bools")
			list := sub(from)
			g.item = strings.TrimSuffix(from, "s")
			body := sub(elem)
			g.item = ""
			return list + `.list.map("x", ` + body + ")"
		}
	case 3:
		if g.item == "" {
			list := sub(kind)
			g.item = elem
			body := sub("bool")
			g.item = ""
			return list + `.list.filter("x", ` + body + ".fillnull(False))"
		}
	case 4:
		if g.item == "" && (elem == "int" || elem == "str") {
			return "Pair.zip(int=" + sub("ints") + ", str=" + sub("strs") + `).list.map("x", var("x").struct.get("` + elem + `"))`
		}
	}
	switch elem {
	case "str":
		return sub("str") + `.str.split("` + g.pick(",", "a", "") + `")`
	case "float":
		return sub("str") + ".str.parse(List[float])"
	}
	return g.leaf(kind)
}

// leaf returns a column, a literal or the variable.
func (g *generator) leaf(kind string) string {
	if kind == g.item && g.IntN(2) == 0 {
		return `var("x")`
	}
	if g.IntN(3) > 0 || kind == "map" || kind == "struct" || kind == "dt" {
		names := g.columns[kind]
		return fmt.Sprintf("col(%q)", names[g.IntN(len(names))])
	}
	if g.IntN(20) == 0 {
		return "lit(None)"
	}
	switch kind {
	case "int":
		return g.pick("lit(0)", "lit(1)", "lit(-1)", "lit(2)", "lit(7)", "lit(-9223372036854775808)", "lit(1000000)")
	case "float":
		return g.pick("lit(0.0)", "lit(1.5)", "lit(-2.5)", "lit(1e300)", `float("nan")`, `float("inf")`)
	case "bool":
		return g.pick("lit(True)", "lit(False)")
	case "str":
		return g.pick(`lit("")`, `lit("a")`, `lit("12")`, `lit("ab,cÄ")`, `lit("{\"a\": [1, 2]}")`, `lit("[1.5, 2]")`, `lit("2024-02-29")`)
	case "ints":
		return g.pick("lit([1,2,3])", "lit([], List[int])", "lit([None,1])")
	case "floats":
		return g.pick("lit([1.5])", "lit([], List[float])")
	case "strs":
		return g.pick(`lit(["a","b"])`, "lit([], List[str])")
	}
	return "lit([True,None])"
}

// randomTable fills the columns with random values.
func (g *generator) table(t testing.TB, rows int) *table {
	tab := &table{schema: map[string]*codec.Type{}, cols: map[string]*vec.Column{}, rows: rows}
	g.columns = map[string][]string{}
	l := vec.Loader{Now: testNow}
	for head, kind := range randomColumns {
		name, text, _ := strings.Cut(head, " ")
		typ := mustType(t, text)
		c := vec.New(typ)
		for range rows {
			raw := g.value(typ)
			if err := l.PushJSON(c, []byte(raw)); err != nil {
				t.Fatalf("%s: %s: %v", head, raw, err)
			}
		}
		tab.schema[name], tab.cols[name] = typ, c
		g.columns[kind] = append(g.columns[kind], name)
	}
	for _, names := range g.columns {
		if len(names) == 2 && names[0] > names[1] { // maps have no order, seeds need one
			names[0], names[1] = names[1], names[0]
		}
	}
	return tab
}

// value returns a random JSON value of a type.
func (g *generator) value(t *codec.Type) string {
	if t.Optional && g.IntN(3) == 0 {
		return "null"
	}
	switch t.Kind {
	case codec.KindBigInt:
		if g.IntN(6) == 0 {
			return strconv.FormatInt(int64(g.Uint64()), 10)
		}
		return strconv.Itoa(g.IntN(12) - 5)
	case codec.KindDouble:
		switch g.IntN(8) {
		case 0:
			return g.pick(`"nan"`, `"inf"`, `"-inf"`, "0.0", "-0.0")
		case 1:
			if f := math.Float64frombits(g.Uint64()); f == f && !math.IsInf(f, 0) {
				return strconv.FormatFloat(f, 'g', -1, 64)
			}
		}
		return strconv.FormatFloat(float64(g.IntN(40)-20)/4, 'g', -1, 64)
	case codec.KindBoolean:
		return g.pick("true", "false")
	case codec.KindString:
		return g.pick(`""`, `"a"`, `"b,a"`, `"Äß"`, `"17"`, `"-3"`, `"2021-03-04"`, `"{\"a\":\"x\"}"`, `"{\"a\":{\"b\":1.50}}"`, `"[1,2]"`, `"1.75"`)
	case codec.KindTimestamp:
		return strconv.Quote(g.pick("1969-12-31T23:59:59.999999Z", "2024-02-29T12:00:00Z", "2021-11-07T05:30:00.123456Z", "0001-01-02T00:00:00Z", "9999-12-30T23:00:00Z", "2020-12-31T23:59:59Z"))
	case codec.KindArray:
		var parts []string
		for range g.IntN(4) {
			parts = append(parts, g.value(t.Elem))
		}
		return "[" + strings.Join(parts, ",") + "]"
	case codec.KindMap:
		var parts []string
		for range g.IntN(3) {
			parts = append(parts, g.pick(`"a"`, `"b"`, `"17"`)+":"+g.value(t.Elem))
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	var parts []string
	for _, f := range t.Fields {
		parts = append(parts, strconv.Quote(f.Name)+":"+g.value(f.Type))
	}
	return "{" + strings.Join(parts, ",") + "}"
}

// Random expressions over random data: the kernels against the plain evaluator.
// QUIVER_SEED repeats a run.
func TestRandom(t *testing.T) {
	seed := rand.Uint64()
	if s := os.Getenv("QUIVER_SEED"); s != "" {
		seed, _ = strconv.ParseUint(s, 10, 64)
	}
	t.Logf("QUIVER_SEED=%d", seed)
	rounds := 6000
	if testing.Short() {
		rounds = 1000
	}
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 2))}
	tabs := []*table{}
	for _, rows := range []int{0, 1, 3, 64, 70, 130} {
		tabs = append(tabs, g.table(t, rows))
	}
	kinds := []string{"int", "float", "bool", "str", "dt", "ints", "floats", "strs", "bools", "map", "struct"}
	checked, failed := 0, 0
	for range rounds {
		text := g.gen(kinds[g.IntN(len(kinds))], 1+g.IntN(5))
		tree, err := Parse(text)
		if err != nil {
			if strings.Contains(err.Error(), "at most") || strings.Contains(err.Error(), "more than") {
				continue
			}
			t.Fatalf("%s:\n%v", text, err)
		}
		tab := tabs[g.IntN(len(tabs))]
		c, err := Check(tree, tab.schema, nil)
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Fatalf("%s: an error of type %T", text, err)
			}
			continue
		}
		checked++
		if !sameRun(t, c, tab) {
			failed++
		}
	}
	t.Logf("%d of %d expressions are right, %d of these fail at run time", checked, rounds, failed)
	if checked < rounds/4 || failed > checked*3/4 {
		t.Errorf("too few expressions give a value: %d of %d right, %d fail", checked, rounds, failed)
	}
}

// sameRun compares a run of the kernels with the plain evaluator, and reports whether
// there was a value to compare.
func sameRun(t *testing.T, c *Checked, tab *table) bool {
	t.Helper()
	var want []string
	var wantErr error
	for i := range tab.rows {
		p := &plain{row: map[string]any{}}
		for _, name := range c.columns {
			p.row[name] = plainValue(tab.cols[name], i)
		}
		v, err := p.eval(c.root)
		if err == nil && v == nil && c.typ != nil && !c.typ.Optional {
			err = errPlain
		}
		if err != nil {
			wantErr = err
			break
		}
		want = append(want, plainText(v, c.typ))
	}
	program := Compile(c)
	s := program.NewScratch()
	in := tab.columns(program.Columns()...)
	for run := range 2 { // the second time with memory that was used before
		out, err := s.Eval(in, tab.rows, testNow)
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%s\nkernels: %v\nplain:   %v", c.tree.Text, err, wantErr)
		}
		if err != nil {
			if _, ok := err.(*RunError); !ok {
				t.Fatalf("%s: an error of type %T: %v", c.tree.Text, err, err)
			}
			return false
		}
		if out.Len != tab.rows {
			t.Fatalf("%s: %d rows, want %d", c.tree.Text, out.Len, tab.rows)
		}
		for i := range want {
			if got := string(out.AppendFennel(nil, i)); got != want[i] {
				var row []string
				for k, name := range program.Columns() {
					row = append(row, name+"="+string(in[k].AppendFennel(nil, i)))
				}
				t.Fatalf("%s\nrun %d, row %d (%s)\nkernels: %s\nplain:   %s", c.tree.Text, run, i, strings.Join(row, " "), got, want[i])
			}
		}
	}
	return true
}
