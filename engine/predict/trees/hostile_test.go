package trees

import (
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"quiver/engine/predict"
)

// What is wrong with a file is said, and what cannot be scored exactly is refused.
func TestRefused(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		if _, err := Read([]byte(text), Limits{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want %q", err, want)
		}
	}
	xgb := func(old, new, want string) {
		t.Helper()
		if !strings.Contains(smallXGB, old) {
			t.Fatalf("no %s in the model", old)
		}
		f(strings.Replace(smallXGB, old, new, 1), want)
	}
	lgb := func(old, new, want string) {
		t.Helper()
		if !strings.Contains(smallLGB, old) {
			t.Fatalf("no %s in the model", old)
		}
		f(strings.Replace(smallLGB, old, new, 1), want)
	}
	f("", "neither XGBoost")
	f("binf\x00\x00", "neither XGBoost")
	f("{}", "no trees")
	f("{", "cannot read the XGBoost model")
	f("tree\n", "ends in its header")

	xgb(`"name":"gbtree"`, `"name":"gblinear"`, "gblinear")
	xgb(`"reg:squarederror"`, `"binary:hinge"`, "binary:logistic")
	xgb(`"reg:squarederror"`, `"my:objective"`, `"my:objective" is not supported`)
	xgb(`"reg:squarederror"`, `"multi:softprob"`, "num_class")
	xgb(`"num_class":"0"`, `"num_class":"3"`, "num_class 3")
	xgb(`"num_class":"0"`, `"num_class":"1000000000"`, "num_class is 1000000000")
	xgb(`"num_class":"0"`, `"num_class":"99999999999"`, "no whole number")
	xgb(`"num_target":"1"`, `"num_target":"2"`, "several targets")
	xgb(`"num_feature":"2","num_target"`, `"num_feature":"2000000","num_target"`, "num_feature is 2000000")
	xgb(`"num_feature":"2","num_target"`, `"num_feature":"1","num_target"`, "2 feature names for 1 features")
	xgb(`"base_score":"0E0"`, `"base_score":"[1,2]"`, "2 base scores")
	xgb(`"base_score":"0E0"`, `"base_score":"half"`, "no number")
	xgb(`"base_score":"0E0"`, `"base_score":"inf"`, "out of the range")
	xgb(`"size_leaf_vector":"1"`, `"size_leaf_vector":"3"`, "several values")
	xgb(`"tree_info":[0]`, `"tree_info":[0,0]`, "tree_info has 2")
	xgb(`"tree_info":[0]`, `"tree_info":[1]`, "class 1 of 1")
	xgb(`"tree_info":[0]`, `"tree_info":[-1]`, "class -1")
	xgb(`"left_children":[1`, `"left_children":[9`, "out of range")
	xgb(`"left_children":[1`, `"left_children":[0`, "do not form a tree")
	xgb(`"left_children":[1`, `"left_children":[2`, "do not form a tree")
	xgb(`"left_children":[1,3`, `"left_children":[1,1`, "do not form a tree")
	xgb(`"left_children":[1,3`, `"left_children":[1,-1`, "do not form a tree")
	xgb(`"left_children":[1,`, `"left_children":[`, "differ in length")
	xgb(`"split_indices":[0`, `"split_indices":[2`, "feature 2 of 2")
	xgb(`"split_indices":[0`, `"split_indices":[-1`, "feature -1")
	xgb(`"split_conditions":[0.5`, `"split_conditions":[NaN`, "not a number")
	xgb(`"split_conditions":[0.5,0,3`, `"split_conditions":[0.5,0,Infinity`, "holds +Inf")
	xgb(`"split_conditions":[0.5`, `"split_conditions":[1e99`, "single-precision")
	xgb(`"split_conditions":[0.5`, `"split_conditions":["0.5"`, "single-precision")
	xgb(`"sum_hessian":[10`, `"sum_hessian":[-10`, "cover is -10")
	xgb(`"categories":[1,40]`, `"categories":[1,16777216]`, "category 16777216")
	xgb(`"categories":[1,40]`, `"categories":[-1,40]`, "category -1")
	xgb(`"categories_sizes":[2]`, `"categories_sizes":[3]`, "out of range")
	xgb(`"categories_segments":[0]`, `"categories_segments":[-1]`, "out of range")
	xgb(`"categories_nodes":[1]`, `"categories_nodes":[5]`, "out of range")
	xgb(`"categories_nodes":[1]`, `"categories_nodes":[0]`, "no categorical split")
	xgb(`"categories_nodes":[1]`, `"categories_nodes":[]`, "differ in length")
	xgb(`"attributes":{}`, `"attributes":{"best_iteration":"7","scikit_learn":"{}"}`, "best_iteration 7")
	xgb(`"name":"gbtree"}`, `"name":"gbtree"},"gradient_booster":{"name":"dart","weight_drop":[]}`, "0 weights")

	lgb("version=v4", "version=v9", `version "v9"`)
	lgb("max_feature_idx=1", "max_feature_idx=70000", "max_feature_idx")
	lgb("max_feature_idx=1", "max_feature_idx=2", "2 feature names")
	lgb("num_tree_per_iteration=1", "num_tree_per_iteration=0", "num_tree_per_iteration")
	lgb("num_tree_per_iteration=1", "num_tree_per_iteration=2", "with 2 trees per iteration")
	lgb("objective=regression", "objective=magic", `"magic" is not supported`)
	lgb("objective=regression", "objective=binary sigmoid:0", "slope")
	lgb("Tree=0", "Tree=1", "expected Tree=0")
	lgb("is_linear=0", "is_linear=1", "linear trees")
	lgb("num_leaves=3", "num_leaves=4", "3 leaf values for 4 leaves")
	lgb("num_leaves=3", "num_leaves=-3", "leaf values")
	lgb("split_feature=0 1", "split_feature=0", "differ in length")
	lgb("split_feature=0 1", "split_feature=0 9", "feature 9 of 2")
	lgb("left_child=1 -1", "left_child=1 -9", "out of range")
	lgb("left_child=1 -1", "left_child=1 -9223372036854775808", "out of range")
	lgb("left_child=1 -1", "left_child=0 -1", "out of range")
	lgb("left_child=1 -1", "left_child=1 -3", "do not form a tree")
	lgb("threshold=0.5", "threshold=nan", "not a number")
	lgb("threshold=0.5 0", "threshold=0.5 1", "categorical split 1 of 1")
	lgb("threshold=0.5 0", "threshold=0.5 nan", "categorical split")
	lgb("cat_boundaries=0 2", "cat_boundaries=0 3", "out of range")
	lgb("cat_boundaries=0 2", "cat_boundaries=2 0", "out of range")
	lgb("cat_boundaries=0 2", "cat_boundaries=0", "cat_boundaries")
	lgb("leaf_value=1 2 3", "leaf_value=1 2 inf", "holds +Inf")
	lgb("leaf_value=1 2 3", "leaf_value=1 2 x", "leaf_value")
	lgb("decision_type=10", "decision_type=12", "decision_type 12")
	lgb("end of trees\n", "", "expected Tree=1")
	lgb(`[["x", "y"]]`, `[["x", "y"]`, "pandas_categorical")
	f(smallLGB[:strings.Index(smallLGB, "Tree=0")]+"end of trees\n", "no trees")
}

// A file cut off anywhere is refused.
func TestTruncated(t *testing.T) {
	f := func(text string, end int) {
		t.Helper()
		for n := range end {
			if _, err := Read([]byte(text[:n]), Limits{}); err == nil {
				t.Errorf("the first %d bytes of %d were taken: …%q", n, len(text), text[max(0, n-30):n])
			}
		}
	}
	f(smallXGB, len(smallXGB))
	f(smallLGB, strings.Index(smallLGB, "end of trees")+len("end of trees"))
	ubj := string(fixture(t, "xgb_absolute.ubj"))
	for n := 0; n < len(ubj); n += 101 {
		if _, err := Read([]byte(ubj[:n]), Limits{}); err == nil {
			t.Errorf("the first %d bytes of %d were taken", n, len(ubj))
		}
	}
}

func TestLimits(t *testing.T) {
	f := func(l Limits, want string) {
		t.Helper()
		for _, file := range []string{"xgb_multi.ubj", "lgb_multi.txt"} {
			if _, err := Read(fixture(t, file), l); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got error %v, want %q", file, err, want)
			}
		}
	}
	f(Limits{Bytes: 1000}, "more than 1000")
	f(Limits{Trees: 44}, "more than 44 trees")
	f(Limits{Nodes: 1000}, "more than 1000 nodes")
	f(Limits{Features: 19}, "19")
	f(Limits{Classes: 2}, "2")
}

// Files that declare more than they hold take no memory for it.
func TestBombs(t *testing.T) {
	f := func(data []byte) {
		t.Helper()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := Read(data, Limits{})
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%.60q was taken", data)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(64*len(data)+1<<20) {
			t.Errorf("%.60q: %d bytes allocated for %d", data, got, len(data))
		}
	}
	name := func(s string) string {
		return "L" + string(binary.BigEndian.AppendUint64(nil, uint64(len(s)))) + s
	}
	count := func(n uint64) string { return "L" + string(binary.BigEndian.AppendUint64(nil, n)) }
	open := "{" + name("learner") + "{" + name("gradient_booster") + "{" + name("model") + "{" + name("tree_info")
	f([]byte(open + "[$l#" + count(1<<40)))
	f([]byte(open + "[$U#" + count(math.MaxUint64)))
	f([]byte(open + "[$Z#" + count(1<<40)))
	f([]byte(open + "[$T#" + count(1<<40)))
	f([]byte(open + "[#" + count(1<<40)))
	f([]byte(open + "[#" + count(60) + strings.Repeat("N", 60)))
	f([]byte("{" + count(1<<40)))
	f([]byte("{" + name("x") + strings.Repeat("[", 1<<20)))
	f([]byte("{" + name("x") + "[" + strings.Repeat("[#i\x01", 1<<18)))
	f([]byte(`{"learner":` + strings.Repeat("[", 1<<20)))
	f([]byte("tree\n" + strings.Repeat("a=b\n", 1<<16)))
	f([]byte(strings.Replace(smallLGB, "feature_names=a b", "feature_names="+strings.Repeat("a ", 1<<18), 1)))
	// Wide sets of categories: each of these splits needs two megabytes.
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, "%d,", 1<<24-1-i)
	}
	if _, err := Read([]byte(strings.Replace(smallXGB, `"categories":[1,40]`, `"categories":[`+b.String()+`1,40]`, 1)), Limits{}); err != nil {
		t.Error(err)
	}
}

// Rows and room that do not fit the model are an error, not a panic.
func TestPredictChecksSizes(t *testing.T) {
	e := open(t, "xgb_multi.ubj")
	f := func(dst int, rows predict.Rows) {
		t.Helper()
		if err := e.Predict(make([]float64, dst), rows); err == nil {
			t.Errorf("Predict took %d rows of %d numbers into %d", rows.N, len(rows.Number), dst)
		}
		if _, err := e.Attribute(make([]float64, dst), rows, 0); err == nil {
			t.Errorf("Attribute took %d rows of %d numbers into %d", rows.N, len(rows.Number), dst)
		}
	}
	f(2, predict.Rows{N: 1, Number: make([]float64, 20)})
	f(3, predict.Rows{N: 1, Number: make([]float64, 19)})
	f(6, predict.Rows{N: 1, Number: make([]float64, 40)})
	f(3, predict.Rows{N: -1, Number: make([]float64, 20)})
	f(3, predict.Rows{N: 1, Number: make([]float64, 20), Text: make([]string, 1)})
	if err := e.Predict(nil, predict.Rows{}); err != nil {
		t.Errorf("no rows: %v", err)
	}
	if _, err := e.Attribute(make([]float64, 20), predict.Rows{N: 1, Number: make([]float64, 20)}, 3); err == nil {
		t.Error("Attribute took an output that is none")
	}
}

// FuzzRead feeds the readers damaged files: whatever they take can be evaluated and
// explained.
func FuzzRead(f *testing.F) {
	f.Add([]byte(smallXGB))
	f.Add([]byte(smallLGB))
	f.Add(fixture(f, "xgb_absolute.ubj")[:3000])
	f.Add([]byte(`{"learner":{"gradient_booster":{"name":"dart","gbtree":{"model":{"trees":[]}},"weight_drop":[1.5]}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Read(data, Limits{Bytes: 1 << 20, Trees: 50, Nodes: 5000, Features: 100, Classes: 10})
		if err != nil {
			return
		}
		n := len(e.Inputs())
		rows := predict.Rows{N: 7, Number: make([]float64, 7*n)}
		for i := range rows.Number {
			rows.Number[i] = [...]float64{0, 1, -1, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, 40, 0.5}[i%9]
		}
		if err := e.Predict(make([]float64, 7*e.Output().Width), rows); err != nil {
			t.Fatal(err)
		}
		_, _ = e.Attribute(make([]float64, 7*n), rows, 0) // may lack covers
	})
}
