package expr

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

func TestProgram(t *testing.T) {
	tab := people(t)
	tree, err := Parse(`col("s").str.len() + col("i") + col("s").str.len() + now().dt.year`)
	if err != nil {
		t.Fatal(err)
	}
	if got := tree.Columns(); !slices.Equal(got, []string{"s", "i"}) {
		t.Errorf("the tree reads %v", got)
	}
	c, err := Check(tree, tab.schema, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := Compile(c)
	if c.Tree() != tree || p.Tree() != tree || tree.String() != tree.Text {
		t.Error("the tree got lost")
	}
	if c.Type() != typeInt || p.Type() != typeInt || !slices.Equal(p.Columns(), []string{"s", "i"}) || !p.UsesNow() {
		t.Errorf("type %s, columns %v, now %v", vec.TypeName(p.Type()), p.Columns(), p.UsesNow())
	}
	if p, err := New(`col("i")`, tab.schema, nil); err != nil || p.UsesNow() {
		t.Errorf("%v, or a column uses the time", err)
	}
	s := p.NewScratch()
	before := s.Size()
	if _, err := s.Eval(tab.columns("s", "i"), tab.rows, testNow); err != nil {
		t.Fatal(err)
	}
	if s.Size() <= before {
		t.Errorf("the scratch has %d bytes after %d", s.Size(), before)
	}
	for i, c := range s.regs[:2] {
		if c != nil {
			t.Errorf("the scratch keeps column %d of the caller", i)
		}
	}
	// Equal subexpressions are computed once.
	once, err := New(`col("s").str.len() * col("s").str.len()`, tab.schema, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(once.steps) != 2 {
		t.Errorf("%d steps for a length and a product", len(once.steps))
	}
	// What is made of literals is computed beforehand.
	folded, err := New(`lit("2020-01-01").str.strptime("%Y-%m-%d").dt.year + 1`, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(folded.steps) != 1 { // the one that repeats the result
		t.Errorf("%d steps for a constant", len(folded.steps))
	}
}

// One program, many goroutines, and batches that grow and shrink.
func TestConcurrent(t *testing.T) {
	tab := people(t)
	p, err := New(`when(col("i") > 0).then(col("s").str.concat("!")).otherwise(lit("none")).str.len() + col("l").list.map("x", var("x") * 2 + 1).list.sum()`, tab.schema, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []int64{4 + 15, 4, 8 + 11}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			s := p.NewScratch()
			for round := range 60 {
				n := (round*(g+3))%70 + 1
				var in []*vec.Column
				for _, name := range p.Columns() {
					c := vec.New(tab.schema[name])
					for i := range n {
						if err := c.PushRow(tab.cols[name], i%3); err != nil {
							t.Error(err)
						}
					}
					in = append(in, c)
				}
				out, err := s.Eval(in, n, 0)
				if err != nil {
					t.Error(err)
					return
				}
				for i := range n {
					if out.Ints[i] != want[i%3] {
						t.Errorf("row %d of %d is %d, want %d", i, n, out.Ints[i], want[i%3])
						return
					}
				}
			}
		})
	}
	wg.Wait()
}

// Trees from elsewhere may be strange, but nothing panics.
func TestStrangeTrees(t *testing.T) {
	col := func() *Node { return &Node{Op: OpCol, Name: "a"} }
	f := func(n *Node, want string) {
		t.Helper()
		tree, err := NewTree(n)
		if err == nil {
			_, err = Check(tree, map[string]*codec.Type{"a": typeInt, "s": typeStr, "t": typeDatetime}, nil)
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	text := func() *Node { return &Node{Op: OpCol, Name: "s"} }
	at := func() *Node { return &Node{Op: OpCol, Name: "t"} }
	f(&Node{Op: OpLit, Lit: []byte("{"), Type: &codec.Type{Kind: codec.KindArray}}, "")
	f(&Node{Op: OpLit, Lit: []byte(`"`), Type: typeStr}, "not JSON")
	f(&Node{Op: OpLit, Lit: []byte("1")}, "a literal without a type")
	f(&Node{Op: OpLit, Lit: []byte("1"), Type: &codec.Type{}}, "expected null")
	f(&Node{Op: OpPart, Unit: 77, Args: []*Node{at()}}, "without its name")
	f(&Node{Op: OpSinceEpoch, Args: []*Node{at()}}, "is not a fixed time")
	f(&Node{Op: OpFromEpoch, Unit: 77, Args: []*Node{col()}}, "from_epoch takes")
	f(&Node{Op: OpParse, Type: &codec.Type{}, Args: []*Node{text()}}, "parse needs a type")
	f(&Node{Op: OpStruct, Fields: []string{"x", "x"}, Args: []*Node{col(), col()}}, `field "x" is given twice`)
	f(&Node{Op: OpZip, Fields: []string{"x"}, Type: typeInt, Args: []*Node{col()}}, "int is no struct")
	f(&Node{Op: OpStrftime, Name: "%Y", Zone: "\xff", Args: []*Node{at()}}, "is not a time zone")
	f(&Node{Op: OpListMap, Name: "x", Args: []*Node{col(), col()}}, "needs a list")
	f(&Node{Op: OpAs, Type: &codec.Type{}, Args: []*Node{col()}}, "int is no null")
}
