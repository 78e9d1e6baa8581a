//go:build !race

package predict_test

import (
	"context"
	"strconv"
	"testing"

	"quiver/engine/predict"
)

// Scoring and explaining rows of a tree model allocates nothing once the batch has
// grown. The garbage collector may take the model's scratch away between two runs.
func TestAllocations(t *testing.T) {
	rows := sheet(t, "rows")
	p := endpoint(t, "xgb_category.json", predict.Config{Task: predict.Binary, Explain: predict.Explaining{Background: readBackground(t)}})
	names := make([][]byte, len(rows.Names))
	tokens := make([][]byte, len(rows.Names))
	for k, cell := range rows.Cells[1] {
		names[k], tokens[k] = []byte(rows.Names[k]), strconv.AppendQuote(nil, cell)
	}
	b := p.NewBatch()
	f := func(what string, a predict.Ask) {
		t.Helper()
		e, err := p.Explanation(a)
		if err != nil {
			t.Fatal(err)
		}
		if got := testing.AllocsPerRun(20, func() {
			if err := b.Reset(3); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				for k := range names {
					b.Set(i, names[k], tokens[k])
				}
			}
			if err := p.Predict(context.Background(), b); err != nil {
				t.Fatal(err)
			}
			if err := p.Explain(context.Background(), b, e); err != nil {
				t.Fatal(err)
			}
		}); got >= 1 {
			t.Errorf("%s allocates %v times", what, got)
		}
	}
	f("scoring", predict.Ask{})
	f("ICE", predict.Ask{Enabled: predict.On, Method: predict.ICE})
	f("SHAPLEY", predict.Ask{Enabled: predict.On, Method: predict.Shapley})
	f("TREESHAP", predict.Ask{Enabled: predict.On, Method: predict.TreeShap})
}
