package trees

import (
	"fmt"
	"testing"

	"quiver/engine/predict"
)

// BenchmarkPredict evaluates 100 trees over 20 features; ns/row is the figure to watch.
func BenchmarkPredict(b *testing.B) {
	for _, file := range []string{"xgb_binary.json", "lgb_binary.txt", "xgb_category.json"} {
		e := open(b, file)
		all := held(b, e)
		n := len(e.Inputs())
		for _, size := range []int{1, 10, 100, 1000} {
			b.Run(fmt.Sprintf("%s/rows=%d", file, size), func(b *testing.B) {
				dst := make([]float64, size)
				b.ReportAllocs()
				at := 0
				for b.Loop() {
					rows := predict.Rows{N: size, Number: all.Number[at*n : (at+size)*n]}
					if err := e.Predict(dst, rows); err != nil {
						b.Fatal(err)
					}
					if at += size; at+size > all.N {
						at = 0
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/row")
			})
		}
	}
}

// BenchmarkAttribute explains one row by TreeSHAP.
func BenchmarkAttribute(b *testing.B) {
	for _, file := range []string{"xgb_binary.json", "lgb_binary.txt"} {
		e := open(b, file)
		all := held(b, e)
		n := len(e.Inputs())
		b.Run(file, func(b *testing.B) {
			dst := make([]float64, n)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if _, err := e.Attribute(dst, predict.Rows{N: 1, Number: all.Number[i*n : (i+1)*n]}, 0); err != nil {
					b.Fatal(err)
				}
				i = (i + 1) % all.N
			}
		})
	}
}

// BenchmarkRead reads a model of 100 trees.
func BenchmarkRead(b *testing.B) {
	for _, file := range []string{"xgb_binary.json", "xgb_regression.ubj", "lgb_binary.txt"} {
		data := fixture(b, file)
		b.Run(file, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Read(data, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
