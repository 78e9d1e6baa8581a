//go:build !race

package trees

import "testing"

// A call allocates nothing once its scratch is there, whatever the number of rows.
func TestAllocations(t *testing.T) {
	f := func(file string, n int) {
		t.Helper()
		e := open(t, file)
		rows := held(t, e)
		rows.N = n
		rows.Number = rows.Number[:n*len(e.Inputs())]
		dst := make([]float64, n*e.Output().Width)
		// The garbage collector may take the scratch away between two runs.
		if got := testing.AllocsPerRun(50, func() {
			if err := e.Predict(dst, rows); err != nil {
				t.Fatal(err)
			}
		}); got >= 1 {
			t.Errorf("%s: Predict of %d rows allocates %v times", file, n, got)
		}
		contributions := make([]float64, n*len(e.Inputs()))
		if got := testing.AllocsPerRun(3, func() {
			if _, err := e.Attribute(contributions, rows, 0); err != nil {
				t.Fatal(err)
			}
		}); got >= 1 {
			t.Errorf("%s: Attribute of %d rows allocates %v times", file, n, got)
		}
	}
	f("xgb_binary.json", 1)
	f("xgb_binary.json", 100)
	f("xgb_multi.ubj", 3)
	f("lgb_category.txt", 100)
}
