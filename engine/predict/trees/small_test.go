package trees

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"quiver/engine/predict"
)

// smallLGB is a LightGBM model of one tree: a split on feature 0 and, where that goes
// left, one on feature 1. Its leaves are 1, 2 and 3.
const smallLGB = `tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=regression
feature_names=a b
feature_infos=[-1:1] 0:1:40
tree_sizes=300

Tree=0
num_leaves=3
num_cat=1
split_feature=0 1
split_gain=5 2
threshold=0.5 0
decision_type=10 1
left_child=1 -1
right_child=-3 -2
leaf_value=1 2 3
leaf_weight=4 3 3
leaf_count=4 3 3
internal_value=0 0
internal_weight=10 7
internal_count=10 7
cat_boundaries=0 2
cat_threshold=2 256
is_linear=0
shrinkage=1


end of trees

feature_importances:
a=1

pandas_categorical:[["x", "y"]]
`

// smallXGB is the same tree for XGBoost: its categories go the other way.
const smallXGB = `{"learner":{"attributes":{},"feature_names":["a","b"],"feature_types":["float","c"],
"gradient_booster":{"model":{"gbtree_model_param":{"num_parallel_tree":"1","num_trees":"1"},"tree_info":[0],"trees":[
{"base_weights":[0,0,3,2,1],"categories":[1,40],"categories_nodes":[1],"categories_segments":[0],"categories_sizes":[2],
"default_left":[1,0,0,0,0],"id":0,"left_children":[1,3,-1,-1,-1],"loss_changes":[5,2,0,0,0],"parents":[2147483647,0,0,1,1],
"right_children":[2,4,-1,-1,-1],"split_conditions":[0.5,0,3,2,1],"split_indices":[0,1,0,0,0],"split_type":[0,1,0,0,0],
"sum_hessian":[10,7,3,3,4],"tree_param":{"num_deleted":"0","num_feature":"2","num_nodes":"5","size_leaf_vector":"1"}}]},"name":"gbtree"},
"learner_model_param":{"base_score":"0E0","num_class":"0","num_feature":"2","num_target":"1"},
"objective":{"name":"reg:squarederror","reg_loss_param":{"scale_pos_weight":"1"}}},"version":[3,2,0]}`

// predictOne evaluates one row of a model of two features.
func predictOne(t testing.TB, e *Ensemble, a, b float64) float64 {
	t.Helper()
	var got [1]float64
	if err := e.Predict(got[:], predict.Rows{N: 1, Number: []float64{a, b}}); err != nil {
		t.Fatal(err)
	}
	return got[0]
}

func TestSplits(t *testing.T) {
	nan := math.NaN()
	var e *Ensemble
	model := func(text string) {
		t.Helper()
		var err error
		if e, err = Read([]byte(text), Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	f := func(a, b, want float64) {
		t.Helper()
		if got := predictOne(t, e, a, b); got != want {
			t.Errorf("predict(%v, %v) = %v, want %v", a, b, got, want)
		}
	}
	// decision_type 10: NaN is missing and goes left.
	model(smallLGB)
	f(0.5, 1, 1)
	f(math.Nextafter(0.5, 1), 1, 3)
	f(math.Inf(1), 1, 3)
	f(math.Inf(-1), 1, 1)
	f(nan, 1, 1)
	f(0, 0, 2)
	f(0, 1, 1)
	f(0, 1.9, 1) // the fraction is cut off
	f(0, 2, 2)
	f(0, 40, 1)
	f(0, 41, 2)
	f(0, 64, 2)
	f(0, 1e300, 2)
	f(0, -1, 2)
	f(0, -0.5, 2)
	f(0, nan, 2)
	// Category 0 a member too: values above -1 are cut to it.
	model(strings.Replace(smallLGB, "cat_threshold=2 256", "cat_threshold=3 256", 1))
	f(0, -0.5, 1)
	f(0, -1, 2)
	f(0, nan, 2)
	// Bit 31 moves into the next word.
	model(strings.Replace(smallLGB, "cat_threshold=2 256", "cat_threshold=2147483648 2147483648", 1))
	f(0, 31, 1)
	f(0, 63, 1)
	f(0, 30, 2)
	f(0, 32, 2)
	f(0, 64, 2)
	// 8: NaN goes right.
	model(strings.Replace(smallLGB, "decision_type=10", "decision_type=8", 1))
	f(nan, 1, 3)
	f(-5, 1, 1)
	// 0 and 2: NaN is zero, wherever missing values would go.
	model(strings.Replace(smallLGB, "decision_type=10", "decision_type=0", 1))
	f(nan, 1, 1)
	model(strings.NewReplacer("decision_type=10", "decision_type=2", "threshold=0.5", "threshold=-0.5").Replace(smallLGB))
	f(nan, 1, 3)
	f(0, 1, 3)
	f(-0.5, 1, 1)
	// 4 and 6: zero and NaN are missing.
	model(strings.Replace(smallLGB, "decision_type=10", "decision_type=4", 1))
	f(0, 1, 3)
	f(math.Copysign(0, -1), 1, 3)
	f(1e-36, 1, 3)
	f(1.1e-35, 1, 1)
	f(nan, 1, 3)
	f(-1, 1, 1)
	model(strings.NewReplacer("decision_type=10", "decision_type=6", "threshold=0.5", "threshold=-0.5").Replace(smallLGB))
	f(0, 1, 1)
	f(nan, 1, 1)
	f(-0.4, 1, 3)
	f(0, nan, 2)

	// XGBoost compares single-precision numbers, by <.
	model(smallXGB)
	f(0.5, 1, 3)
	f(float64(math.Nextafter32(0.5, 0)), 1, 1)
	f(math.Nextafter(0.5, 0), 1, 3) // 0.5 in single precision
	f(nan, 1, 1)
	f(math.Copysign(0, -1), 1, 1)
	f(0, 0, 2)
	f(0, 1, 1)
	f(0, 40, 1)
	f(0, 41, 2)
	f(0, -0.5, 2)
	f(0, -1, 2)
	f(0, 1<<24, 2)
	f(0, nan, 1) // default_left is 0
	model(strings.Replace(smallXGB, `"default_left":[1,0`, `"default_left":[0,1`, 1))
	f(nan, 1, 3)
	f(0, nan, 2)
	model(strings.Replace(smallXGB, `"default_left":[1,0,0,0,0]`, `"default_left":[true,false,false,false,false]`, 1))
	f(nan, 1, 1)
	model(strings.Replace(smallXGB, `"split_conditions":[0.5`, `"split_conditions":[0`, 1))
	f(math.Copysign(0, -1), 1, 3)
	f(-1e-40, 1, 1)
}

func TestInputs(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		e, err := Read([]byte(text), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(e.Inputs(), e.Output(), e.Importance()); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	f(smallLGB, "[{a 0 []} {b 0 [x y]}] {0 1 []} [5 2]")
	f(strings.ReplaceAll(strings.Replace(smallLGB, `[["x", "y"]]`, `null`, 1), "\n", "\r\n"), "[{a 0 []} {b 0 []}] {0 1 []} [5 2]")
	f(smallXGB, "[{a 0 []} {b 0 []}] {0 1 []} [5 2]")
	// Words that cannot be assigned to columns are not guessed.
	f(strings.Replace(smallLGB, `[["x", "y"]]`, `[["x", "y"], [1, true]]`, 1), "[{a 0 []} {b 0 []}] {0 1 []} [5 2]")
	f(strings.Replace(smallLGB, `[["x", "y"]]`, `[[10, 1.5, true]]`, 1), "[{a 0 []} {b 0 [10 1.5 true]}] {0 1 []} [5 2]")
	f(strings.Replace(smallLGB, `[["x", "y"]]`, `null`, 1), "[{a 0 []} {b 0 []}] {0 1 []} [5 2]")
	f(strings.Replace(smallXGB, `"gbtree_model_param"`, `"cats":{"enc":[{"offsets":[],"values":[]},{"offsets":[0,1,3],"values":[120,-61,-87]}],"sorted_idx":[0]},"gbtree_model_param"`, 1),
		"[{a 0 []} {b 0 [x é]}] {0 1 []} [5 2]")
	f(strings.Replace(smallXGB, `"gbtree_model_param"`, `"cats":{"enc":[{"offsets":[],"values":[]},{"type":15,"values":[10,-20]}]},"gbtree_model_param"`, 1),
		"[{a 0 []} {b 0 [10 -20]}] {0 1 []} [5 2]")
	// Nodes that pruning left behind.
	f(strings.NewReplacer(`"left_children":[1,3,-1,-1,-1]`, `"left_children":[1,-1,-1,-1,-1]`, `"right_children":[2,4`, `"right_children":[2,-1`).Replace(
		strings.NewReplacer(`"categories":[1,40],"categories_nodes":[1],"categories_segments":[0],"categories_sizes":[2]`, `"categories":[],"categories_nodes":[],"categories_segments":[],"categories_sizes":[]`,
			`"split_type":[0,1`, `"split_type":[0,0`).Replace(smallXGB)),
		"[{a 0 []} {b 0 []}] {0 1 []} [5 0]")
}

// With all subsets at hand, the Shapley values of a tree of two features can be written
// down: they are what Attribute gives.
func TestAttributeByHand(t *testing.T) {
	f := func(text string) {
		t.Helper()
		e, err := Read([]byte(text), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		// a = 0 goes left, b = 1 goes to the leaf 1. What is expected when only some
		// features are known, from the covers 10, 7 (4 + 3) and 3:
		none := 0.4*1 + 0.3*2 + 0.3*3
		onlyA := (4*1 + 3*2) / 7.0
		onlyB := 0.7*1 + 0.3*3
		both := 1.0
		wantA := ((onlyA - none) + (both - onlyB)) / 2
		wantB := ((onlyB - none) + (both - onlyA)) / 2
		var got [2]float64
		base, err := e.Attribute(got[:], predict.Rows{N: 1, Number: []float64{0, 1}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(base-none) > 1e-12 || math.Abs(got[0]-wantA) > 1e-12 || math.Abs(got[1]-wantB) > 1e-12 {
			t.Errorf("got %v %v, want %v [%v %v]", base, got, none, wantA, wantB)
		}
	}
	f(smallLGB)
	f(smallXGB)
}

// A branch that no training row took has no part in an attribution, and no NaN either.
func TestAttributeWithEmptyBranch(t *testing.T) {
	text := strings.NewReplacer(`leaf_count=4 3 3`, `leaf_count=7 0 3`).Replace(smallLGB)
	e, err := Read([]byte(text), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	f := func(a, b float64) {
		t.Helper()
		var got [2]float64
		base, err := e.Attribute(got[:], predict.Rows{N: 1, Number: []float64{a, b}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if sum, want := base+got[0]+got[1], predictOne(t, e, a, b); !(math.Abs(sum-want) < 1e-12) {
			t.Errorf("row (%v, %v): %v + %v is not %v", a, b, base, got, want)
		}
	}
	f(0, 1)
	f(0, 0)
	f(1, 0)
	f(1, 1)

	// A split without cover cannot be weighed.
	e, err = Read([]byte(strings.Replace(smallLGB, "internal_count=10 7", "internal_count=10 0", 1)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Attribute(make([]float64, 2), predict.Rows{N: 1, Number: []float64{0, 0}}, 0); err == nil || !strings.Contains(err.Error(), "cover") {
		t.Errorf("got %v, want an error about covers", err)
	}
}
