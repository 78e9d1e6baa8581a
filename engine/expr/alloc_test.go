//go:build !race

package expr

import "testing"

// Evaluation does not allocate once its scratch is warm, whatever the types.
func TestAllocations(t *testing.T) {
	tab := people(t)
	f := func(text string) {
		t.Helper()
		p, err := New(text, tab.schema, nil)
		if err != nil {
			t.Fatal(err)
		}
		s := p.NewScratch()
		in := tab.columns(p.Columns()...)
		if n := testing.AllocsPerRun(50, func() {
			if _, err := s.Eval(in, tab.rows, testNow); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations, want 0", text, n)
		}
	}
	f(`col("i") * 2 + col("oi") // 3 % col("j") - col("f") / 2`)
	f(`when((col("f") > 1) & col("ob")).then(col("f")).otherwise(col("i"))`)
	f(`col("oi").fillnull(0) == col("i")`)
	f(`col("f").num.abs().num.sqrt().num.round(2)`)
	f(`col("s").str.upper().concat(col("s")).contains("b")`)
	f(`when(col("b")).then(col("s")).otherwise("x").str.len()`)
	f(`col("t").dt.year + col("t").dt.since(now(), "day")`)
	f(`col("l").list.map("x", var("x") * col("j")).list.filter("y", var("y") > 0).sum()`)
	f(`col("l").list.at(0).fillnull(0) + col("l").list.len()`)
	f(`col("m").dict.get("k", 0)`)
	f(`col("or").struct.get("x")`)
	f(`P.zip(x=col("l"), y=col("ls")).list.len()`)
	f(`P.expr(x=col("i"), y=col("s"))`)
	f(`col("num").str.parse(int)`)
	f(`lit("{\"a\": [0, ").str.concat(col("num")).concat("]}").json_extract("$.a[1]")`)
}
