package expr

import (
	"encoding/json"
	"errors"
	"testing"

	"quiver/engine/expr/vec"
)

// Whatever the text, nothing panics, errors are of the promised types, and results are
// sound columns.
func FuzzExpr(f *testing.F) {
	for _, text := range []string{
		`col("i") + col("j") * 2.5 // 3 % col("f")`,
		`when(col("ob")).then(col("s").str.to_int()).otherwise(col("num").str.parse(int))`,
		`col("ol").fillnull([7]).list.map("x", var("x") + col("i")).list.at(-1)`,
		`P.zip(x=col("l"), y=col("ls")).list.filter("p", var("p").struct.get("x") > 1)`,
		`col("t").dt.with_tz("Europe/Berlin").strftime("%c %+ %j")`,
		`col("s").str.strptime("%Y-%m-%d", "Asia/Tokyo").since(now(), "week")`,
		`col("om").dict.get("k", lit(None)).str.concat('\x41"')`,
		`struct<x:float,y:Optional[str]>.expr(x=1, y=None).struct.get("x").num.round(3)`,
		`lit([[1], []], List[List[float]]) == repeat(col("lf"), 2)`,
		`datetime(2024, 2, 29, timezone="America/New_York").dt.week & -9223372036854775808`,
		`col("js").str.json_extract("$.a['b'][1]").upper().split("")`,
		`(col("age") ** 2) ^ ~float("nan")`,
	} {
		f.Add(text)
	}
	tab := people(f)
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := Parse(text)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("an error of type %T", err)
			}
			_, _, _ = e.Error(), e.Line(), e.Column()
			return
		}
		printed, err := NewTree(tree.Root)
		if err == nil {
			back, err := Parse(printed.Text)
			if err != nil {
				t.Fatalf("%s prints as %s, which is no expression:\n%v", text, printed.Text, err)
			}
			if again, err := NewTree(back.Root); err != nil || again.Text != printed.Text {
				t.Fatalf("%s prints as %s, which reads as %v, %v", text, printed.Text, again, err)
			}
		}
		c, err := Check(tree, tab.schema, nil)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("an error of type %T", err)
			}
			_ = e.Error()
			return
		}
		p := Compile(c)
		s := p.NewScratch()
		in := tab.columns(p.Columns()...)
		for range 2 {
			out, err := s.Eval(in, tab.rows, testNow)
			if err != nil {
				var e *RunError
				if !errors.As(err, &e) {
					t.Fatalf("an error of type %T: %v", err, err)
				}
				_ = e.Error()
				return
			}
			if out.Len != tab.rows {
				t.Fatalf("%d rows", out.Len)
			}
			for i := range out.Len {
				if b := out.AppendFennel(nil, i); !json.Valid(b) {
					t.Fatalf("%s gives %s", text, b)
				}
				_, _, _ = out.AppendCell(nil, i)
			}
			copied := vec.New(out.Type)
			if err := copied.PushRange(out, 0, out.Len); err != nil {
				t.Fatal(err)
			}
			for i := range out.Len {
				if !vec.Equal(copied, i, out, i) {
					t.Fatalf("row %d changes when it is copied", i)
				}
			}
		}
	})
}
