package expr

import (
	"fmt"
	"testing"

	exprlang "github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"

	"quiver/codec"
	"quiver/engine/expr/vec"
)

const (
	benchExpr = `when((col("amount") > 100.0) & (col("age") >= 18)).then(col("amount") * 0.1 + col("age")).otherwise(0.0)`
	benchLang = `amount > 100.0 && age >= 18 ? amount*0.1 + float(age) : 0.0`
)

// benchColumns are amounts and ages, of which a good half passes.
func benchColumns(n int) (amount, age *vec.Column) {
	amount, age = vec.New(typeFloat), vec.New(typeInt)
	for i := range n {
		amount.PushFloat(float64(i*7919%1000) / 2)
		age.PushInt(int64(i * 104729 % 90))
	}
	return amount, age
}

var benchSchema = map[string]*codec.Type{"amount": typeFloat, "age": typeInt}

// BenchmarkQuiver reports the time for a row of batches of several sizes.
func BenchmarkQuiver(b *testing.B) {
	for _, n := range []int{1, 10, 100, 1000, 10000} {
		b.Run(fmt.Sprintf("rows=%d", n), func(b *testing.B) {
			p, err := New(benchExpr, benchSchema, nil)
			if err != nil {
				b.Fatal(err)
			}
			amount, age := benchColumns(n)
			in := []*vec.Column{amount, age}
			s := p.NewScratch()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Eval(in, n, 0); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
		})
	}
}

// BenchmarkExprLang evaluates the same expression row by row with expr-lang/expr, in the
// way that is fastest there: a struct for the environment, one machine for all rows.
func BenchmarkExprLang(b *testing.B) {
	type env struct {
		Amount float64 `expr:"amount"`
		Age    int64   `expr:"age"`
	}
	p, err := exprlang.Compile(benchLang, exprlang.Env(env{}), exprlang.AsFloat64())
	if err != nil {
		b.Fatal(err)
	}
	const n = 1000
	amount, age := benchColumns(n)
	var machine vm.VM
	out := make([]float64, n)
	var e env
	b.ReportAllocs()
	for b.Loop() {
		for i := range n {
			e.Amount, e.Age = amount.Floats[i], age.Ints[i]
			v, err := machine.Run(p, &e)
			if err != nil {
				b.Fatal(err)
			}
			out[i] = v.(float64)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
}

// The two benchmarks compute the same.
func TestBenchmarkedAlike(t *testing.T) {
	type env struct {
		Amount float64 `expr:"amount"`
		Age    int64   `expr:"age"`
	}
	lang, err := exprlang.Compile(benchLang, exprlang.Env(env{}), exprlang.AsFloat64())
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(benchExpr, benchSchema, nil)
	if err != nil {
		t.Fatal(err)
	}
	amount, age := benchColumns(1000)
	out, err := p.NewScratch().Eval([]*vec.Column{amount, age}, 1000, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1000 {
		v, err := exprlang.Run(lang, env{amount.Floats[i], age.Ints[i]})
		if err != nil || v != out.Floats[i] {
			t.Fatalf("row %d: %v, %v; want %v", i, out.Floats[i], err, v)
		}
	}
}

// BenchmarkText is a typical chain of texts.
func BenchmarkText(b *testing.B) {
	const n = 1000
	name := vec.New(typeStr)
	for i := range n {
		if err := name.PushText(fmt.Appendf(nil, "Customer-%d", i)); err != nil {
			b.Fatal(err)
		}
	}
	p, err := New(`col("name").str.lower().concat("/x").contains("7")`, map[string]*codec.Type{"name": typeStr}, nil)
	if err != nil {
		b.Fatal(err)
	}
	s := p.NewScratch()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Eval([]*vec.Column{name}, n, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
}
