package dataiku_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"quiver/engine/catalog"
	"quiver/httpfront/fronttest"
)

// stump is a tree of one split: left where the feature is at most 1.5 or missing.
type stump struct {
	feature     int
	left, right float64
}

// lightGBM writes a LightGBM model. Stumps take turns for the classes, and the gain of each
// split is what its leaves differ by.
func lightGBM(objective string, classes int, features []string, stumps ...stump) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "tree\nversion=v4\nnum_class=%d\nnum_tree_per_iteration=%d\nlabel_index=0\nmax_feature_idx=%d\nobjective=%s\nfeature_names=%s\nfeature_infos=%s\n\n",
		classes, classes, len(features)-1, objective, strings.Join(features, " "), strings.TrimSpace(strings.Repeat("[-9:9] ", len(features))))
	for i, s := range stumps {
		fmt.Fprintf(&b, "Tree=%d\nnum_leaves=2\nnum_cat=0\nsplit_feature=%d\nsplit_gain=%g\nthreshold=1.5\ndecision_type=10\nleft_child=-1\nright_child=-2\nleaf_value=%v %v\n",
			i, s.feature, math.Abs(s.left-s.right), s.left, s.right)
		b.WriteString("leaf_weight=5 5\nleaf_count=5 5\ninternal_value=0\ninternal_weight=10\ninternal_count=10\nis_linear=0\nshrinkage=1\n\n\n")
	}
	b.WriteString("end of trees\n")
	return []byte(b.String())
}

// wide are the names of a wide model's features; later ones matter more.
var wide = func() (names []string) {
	for i := range 40 {
		names = append(names, fmt.Sprintf("f%d", i))
	}
	return names
}()

// models are the files that the prediction endpoints of the tests name.
func models() []catalog.File {
	var stumps []stump
	for i := range wide {
		stumps = append(stumps, stump{i, 0, float64(i+1) / 16})
	}
	zeros, twos := strings.Repeat("0,", 39)+"0\n", strings.Repeat("2,", 39)+"2\n"
	files := map[string][]byte{
		"binary.txt":       lightGBM("binary sigmoid:1", 1, []string{"a", "m"}, stump{0, 0.25, -1}, stump{1, 0, 1}),
		"dist.txt":         lightGBM("binary sigmoid:1", 1, []string{"days_active", "dist"}, stump{0, 0.5, -1}, stump{1, 0, 1}),
		"fico.txt":         lightGBM("regression", 1, []string{"card_fico"}, stump{0, 1, 2}),
		"iris.txt":         lightGBM("multiclass num_class:3", 3, []string{"sl"}, stump{0, 0, 0}, stump{0, 0, 1}, stump{0, 0, 2}),
		"wide.txt":         lightGBM("regression", 1, wide, stumps...),
		"wide.csv":         []byte(strings.Join(wide, ",") + "\n" + zeros + twos),
		"sizes.txt":        lightGBM("regression", 1, []string{"x", "y"}, stump{0, 1234567.5, 1e21}, stump{1, 0, 0}),
		"percentiles.json": []byte(`[0.1, 0.2, 0.5, 0.9]`),
	}
	var all []catalog.File
	for name, data := range files {
		all = append(all, catalog.File{Name: "models/" + name, Text: data, Attached: true})
	}
	return append(all, jwks())
}

// predictions are the prediction endpoints of a generation.
func predictions() string {
	s := `
  - {name: ep, type: prediction, model: models/binary.txt, task: binary, threshold: 0.5, percentiles: models/percentiles.json,
     features: [{name: a, type: double}, {name: m, type: double, missing: {impute: 3}}]}
  - {name: ep_low, type: prediction, model: models/binary.txt, task: binary, classes: [no, "yes"], threshold: 0.2,
     features: [{name: a, type: double}, {name: m, type: double}]}
  - {name: ep_drop, type: prediction, model: models/binary.txt, task: binary,
     features: [{name: a, type: double}, {name: m, type: double, missing: dropRow}]}
  - {name: ep_on, type: prediction, model: models/binary.txt, task: binary, explanations: {enabled: true, method: TREESHAP, nExplanations: 1},
     features: [{name: a, type: double}, {name: m, type: double, missing: {impute: 3}}]}
  - {name: ep_dist, type: prediction, model: models/dist.txt, task: binary, features: [{name: days_active, type: int}, {name: dist, type: double}]}
  - {name: ep_cust, type: prediction, model: models/fico.txt, task: regression, features: [{name: card_fico, type: double}],
     enrich: [{group: cust, keys: {customer_id: id}, columns: {fico: card_fico}, onMultiple: IGNORE}]}
  - {name: ep_strict, type: prediction, model: models/fico.txt, task: regression, features: [{name: card_fico, type: double}],
     enrich: [{group: cust, keys: {customer_id: id}, columns: {fico: card_fico}, onMultiple: FAIL, onNoMatch: IGNORE, onMissingKey: IGNORE}]}
  - {name: ep_show, type: prediction, model: models/fico.txt, task: regression, features: [{name: card_fico, type: double, missing: dropRow}], postEnrichFeatures: true,
     enrich: [{group: cust, keys: {customer_id: id}, columns: {fico: card_fico}, onMultiple: IGNORE}]}
  - {name: ep_raw, type: prediction, model: models/binary.txt, task: binary, postEnrichFeatures: true, features: [{name: a, type: double}, {name: m, type: double}]}
  - {name: sizes, type: prediction, model: models/sizes.txt, task: regression, features: [{name: x, type: double}, {name: y, type: double}]}
  - {name: ov, type: prediction, model: models/binary.txt, task: binary, features: [{name: a, type: double}, {name: m, type: double}],
     overrides: [{rule: far, when: [{feature: a, min: 100, max: 200}], predict: "1"}, {rule: word, when: [{feature: a, in: [x, "7"]}, {feature: m, max: 0}], predict: "0"}]}
  - {name: ov_value, type: prediction, model: models/fico.txt, task: regression, features: [{name: card_fico, type: double, missing: dropRow}],
     overrides: [{rule: low, when: [{feature: card_fico, max: 650}], predict: 2.5}], enrich: [{group: cust, keys: {customer_id: id}, columns: {fico: card_fico}}]}
  - {name: iris, type: prediction, model: models/iris.txt, task: multiclass, classes: [setosa, versicolor, virginica], features: [{name: sl, type: double}]}
  - name: ep_wide
    type: prediction
    model: models/wide.txt
    task: regression
    explanations: {background: models/wide.csv}
    features:
`
	features := ""
	for _, name := range wide {
		features += "      - {name: " + name + ", type: double, missing: {impute: 2}}\n"
	}
	return s + features + `
  - name: ep_first
    type: prediction
    model: models/wide.txt
    task: regression
    explanations: {background: models/wide.csv, importance: {f0: 5, f1: 4, f2: 3, f3: 2, f4: 1}}
    features:
` + features
}

// TestPredict has one request a case.
func TestPredict(t *testing.T) {
	w := newWorld(t)
	f := func(endpoint, body, want string) {
		t.Helper()
		res := w.Do(fronttest.Request{Method: "POST", Target: "/public/api/v1/s/" + endpoint, Body: body})
		if res.Status != 200 || results(res.Body) != want {
			t.Errorf("%s %s: %d %s\nwant %s", endpoint, body, res.Status, res.Body, want)
		}
	}
	p := func(v float64) string { return fmt.Sprint(1 / (1 + math.Exp(-v))) }
	binary := func(score float64, class, more string) string {
		v := 1 / (1 + math.Exp(-score))
		return fmt.Sprintf(`{"prediction":"%s",%s"probas":{"0":%v,"1":%v},"ignored":false}`, class, more, 1-v, v)
	}
	f("ep/predict", `{"features":{"a":2,"m":1}}`, `{"result":`+binary(-1, "0", `"probaPercentile":2,`))
	f("ep/predict", `{"features":{"a":1}}`, `{"result":`+binary(1.25, "1", `"probaPercentile":3,`))
	f("ep/predict", ``, `{"result":`+binary(1.25, "1", `"probaPercentile":3,`))
	f("ep/predict", `{"features":{"a":NaN,"m":"0.5","other":[1,{}]},"context":{"x":1}}`, `{"result":`+binary(0.25, "1", `"probaPercentile":3,`))
	low := 1 / (1 + math.Exp(1.0))
	f("ep_low/predict", `{"features":{"a":2}}`, fmt.Sprintf(`{"result":{"prediction":"yes","probas":{"no":%v,"yes":%v},"ignored":false}`, 1-low, low))
	f("ep_drop/predict", `{"features":{"a":2}}`, `{"result":{"ignored":true,"ignoreReason":"IGNORED_BY_MODEL"}`)
	f("ep_drop/predict-multi", `{"items":[{"features":{"a":1}},{"features":{"a":1,"m":2}},{}]}`,
		`{"results":[{"ignored":true,"ignoreReason":"IGNORED_BY_MODEL"},`+binary(1.25, "1", "")+`,{"ignored":true,"ignoreReason":"IGNORED_BY_MODEL"}]`)
	f("ep/predict-multi", `{"items":[]}`, `{"results":[]`)

	// A row that matches decides, even with less than the caller knows; without one, the
	// caller does.
	f("ep_cust/predict", `{"features":{"customer_id":"7"}}`, `{"result":{"prediction":2,"ignored":false}`)
	f("ep_cust/predict", `{"features":{"customer_id":7.0,"card_fico":1}}`, `{"result":{"prediction":2,"ignored":false}`)
	f("ep_cust/predict", `{"features":{"customer_id":10,"card_fico":900}}`, `{"result":{"prediction":1,"ignored":false}`)
	f("ep_cust/predict", `{"features":{"customer_id":9,"card_fico":900}}`, `{"result":{"prediction":2,"ignored":false}`)
	f("ep_cust/predict", `{"features":{"customer_id":9}}`, `{"result":{"prediction":1,"ignored":false}`)
	f("ep_cust/predict", `{"features":{"card_fico":900}}`, `{"result":{"prediction":2,"ignored":false}`)
	f("ep_strict/predict", `{"features":{"card_fico":900}}`, `{"result":{"ignored":true,"ignoreReason":"MISSING_LOOKUP_KEY"}`)
	f("ep_strict/predict-multi", `{"items":[{"features":{"customer_id":9}},{"features":{"customer_id":7}}]}`,
		`{"results":[{"ignored":true,"ignoreReason":"NO_LOOKUP_MATCH"},{"prediction":2,"ignored":false}]`)

	// Explanations: as set up, switched off, and asked for.
	f("ep_on/predict", `{"features":{"a":2},"explanations":{"enabled":null,"method":null,"nExplanations":null,"nMonteCarloSteps":null}}`,
		`{"result":`+strings.Replace(binary(0, "1", ""), `,"ignored"`, `,"explanations":{"a":-0.625},"ignored"`, 1))
	f("ep_on/predict", `{"features":{"a":2},"explanations":{"enabled":false}}`, `{"result":`+binary(0, "1", ""))
	f("ep_wide/predict", `{"features":{},"explanations":{"enabled":true,"method":"ICE","nExplanations":2}}`,
		`{"result":{"prediction":51.25,"explanations":{"f39":1.25,"f38":1.21875},"ignored":false}`)
	f("ep_wide/predict-multi", `{"items":[{"features":{"f39":0}}],"explanations":{"enabled":true,"method":"SHAPLEY","nExplanations":1,"nMonteCarloSteps":100}}`,
		`{"results":[{"prediction":48.75,"explanations":{"f39":-1.2499999999999996},"ignored":false}]`)

	// What matters is what the definition says.
	f("ep_first/predict", `{"features":{"f0":0,"f1":0,"f39":0},"explanations":{"enabled":true,"method":"ICE","nExplanations":2}}`,
		`{"result":{"prediction":48.5625,"explanations":{"f9":0.3125,"f8":0.28125},"ignored":false}`)
	f("ep_first/predict", `{"features":{"f0":0,"f1":0,"f39":0},"explanations":{"enabled":true,"method":"ICE","nExplanations":1}}`,
		`{"result":{"prediction":48.5625,"explanations":{"f4":0.15625},"ignored":false}`)

	// What the model was asked.
	f("ep_show/predict", `{"features":{"customer_id":"7","card_fico":1}}`, `{"result":{"prediction":2,"ignored":false,"postEnrichFeatures":{"card_fico":700}}`)
	f("ep_show/predict", `{"features":{"customer_id":9,"card_fico":"900"}}`, `{"result":{"prediction":2,"ignored":false,"postEnrichFeatures":{"card_fico":"900"}}`)
	f("ep_show/predict-multi", `{"items":[{"features":{"customer_id":8}},{"features":{"card_fico":NaN}}]}`,
		`{"results":[{"ignored":true,"ignoreReason":"MULTIPLE_LOOKUP_MATCHES","postEnrichFeatures":{"card_fico":null}},{"ignored":true,"ignoreReason":"IGNORED_BY_MODEL","postEnrichFeatures":{"card_fico":null}}]`)
	f("ep_raw/predict", `{"features":{"m":[NaN],"a":1,"a":2,"b":3}}`,
		`{"result":`+strings.Replace(binary(-1, "0", ""), `false}`, `false,"postEnrichFeatures":{"a":2,"m":null}}`, 1))

	f("sizes/predict-multi", `{"items":[{"features":{"x":1,"y":1}},{"features":{"x":2,"y":1}}]}`,
		`{"results":[{"prediction":1234567.5,"ignored":false},{"prediction":1e+21,"ignored":false}]`)

	// Rules decide in the model's place.
	over := func(score float64, class, override string) string {
		return `{"result":` + strings.Replace(binary(score, class, ""), `,"ignored"`, `,"override":`+override+`,"ignored"`, 1)
	}
	raw := func(score float64, class string) string {
		v := 1 / (1 + math.Exp(-score))
		return fmt.Sprintf(`"rawResult":{"prediction":"%s","probabilities":{"0":%v,"1":%v}}`, class, 1-v, v)
	}
	f("ov/predict", `{"features":{"a":2}}`, over(-1, "0", `{"ruleMatched":false}`))
	f("ov/predict", `{"features":{"a":"150"}}`, `{"result":{"prediction":"1","probas":{"0":0,"1":1},"override":{"ruleMatched":true,"appliedRule":"far",`+raw(-1, "0")+`,"predictionChanged":true},"ignored":false}`)
	f("ov/predict", `{"features":{"a":7,"m":-1}}`, `{"result":{"prediction":"0","probas":{"0":1,"1":0},"override":{"ruleMatched":true,"appliedRule":"word",`+raw(-1, "0")+`,"predictionChanged":false},"ignored":false}`)
	f("ov/predict", `{"features":{"a":7,"m":1}}`, over(-1, "0", `{"ruleMatched":false}`))
	f("ov/predict", `{"features":{"m":0}}`, over(0.25, "1", `{"ruleMatched":false}`))
	f("ov_value/predict-multi", `{"items":[{"features":{"customer_id":7}},{"features":{"customer_id":8}},{}]}`,
		`{"results":[{"prediction":2,"override":{"ruleMatched":false},"ignored":false},{"prediction":2.5,"override":{"ruleMatched":true,"appliedRule":"low","rawResult":{"prediction":2},"predictionChanged":true},"ignored":false},{"ignored":true,"ignoreReason":"IGNORED_BY_MODEL"}]`)

	res := w.Do(fronttest.Request{Target: "/public/api/v1/s/ep/predict-simple?a=2&m=1"})
	if !strings.HasPrefix(res.Body, `{"result":`+binary(-1, "0", `"probaPercentile":2,`)) || !strings.Contains(res.Body, p(-1)) {
		t.Errorf("%s", res.Body)
	}
}

// TestPredictEnvelope looks at what stands around a result.
func TestPredictEnvelope(t *testing.T) {
	w := newWorld(t)
	res := w.Do(fronttest.Request{Method: "POST", Target: "/public/api/v1/s/ep/predict", Body: `{"features":{},"dispatch":{"forcedGeneration":"v3"}}`})
	var body struct {
		Timing     map[string]json.Number
		APIContext struct{ ServiceID, EndpointID, ServiceGeneration string }
	}
	if err := json.Unmarshal([]byte(res.Body), &body); err != nil {
		t.Fatalf("%v: %s", err, res.Body)
	}
	if c := body.APIContext; c.ServiceID != "s" || c.EndpointID != "ep" || c.ServiceGeneration != "v3" {
		t.Errorf("%+v", c)
	}
	keys := []string{"preProcessing", "wait", "enrich", "preparation", "prediction", "postProcessing"}
	for _, key := range keys {
		if _, err := body.Timing[key].Int64(); err != nil {
			t.Errorf("timing.%s: %v", key, err)
		}
	}
	if len(body.Timing) != len(keys) {
		t.Errorf("timing %v", body.Timing)
	}
}

// TestPredictErrors has one request a case.
func TestPredictErrors(t *testing.T) {
	w := newWorld(t)
	f := func(method, target, body string, status int, want string) {
		t.Helper()
		res := w.Do(fronttest.Request{Method: method, Target: "/public/api/v1/s/" + target, Body: body})
		if res.Status != status || !strings.Contains(res.Body, want) {
			t.Errorf("%s %s: %d %s\nwant %d %s", target, body, res.Status, res.Body, status, want)
		}
		checkError(t, target, res)
	}
	f("POST", "ep/predict", `{"features":5}`, 400, "'features' should be an object")
	f("POST", "ep/predict", `{"features":{`, 400, "not valid JSON")
	f("POST", "ep/predict", `{"explanations":{"enabled":true,"method":"LIME"}}`, 400, "LIME")
	f("POST", "ep/predict", `{"explanations":{"enabled":true,"method":"SHAPLEY","nMonteCarloSteps":7}}`, 400, "nMonteCarloSteps")
	f("POST", "ep/predict", `{"explanations":{"enabled":true}}`, 400, "background")
	f("POST", "ep/predict", `{"dispatch":{"forcedGeneration":"v9"}}`, 404, "no generation")
	f("POST", "ep_strict/predict", `{"features":{"customer_id":8}}`, 400, "several rows match")
	f("POST", "ep/lookup", `{}`, 404, "it answers predict, predict-multi, predict-simple")
	f("POST", "lk/predict", `{}`, 404, "it answers lookup, lookup-multi, lookup-simple")
	f("GET", "ep/predict", ``, 405, "predict does not take GET")
	f("POST", "ep/predict-multi", `{"items":[`+strings.Repeat("{},", 100)+`{}]}`, 413, "More than 100 items")
}

// TestBadPredictions applies endpoints that cannot be made; nothing changes.
func TestBadPredictions(t *testing.T) {
	w := newWorld(t)
	f := func(endpoint, want string) {
		t.Helper()
		text := "kind: Generation\nservice: s\nname: bad\nendpoints:\n  - " + endpoint
		_, err := w.engine.Apply(slices.Concat([]catalog.File{{Name: "d.yaml", Text: []byte(text)}}, models()), false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", endpoint, err, want)
		}
		if w.engine.Snapshot().Generation("s", "bad") != nil {
			t.Errorf("%s: it was applied", endpoint)
		}
	}
	const a = "features: [{name: sl, type: double}]}"
	f("{name: x, type: prediction, model: models/none.txt, task: binary, "+a, "d.yaml:5:40: file \"models/none.txt\" was not handed in")
	f("{name: x, type: prediction, model: models/iris.txt, task: guess, "+a, `task "guess" does not exist`)
	f("{name: x, type: prediction, model: models/iris.txt, task: regression, "+a, "cannot be made: model models/iris.txt")
	f("{name: x, type: prediction, model: models/wide.txt, task: regression, "+a, "the features have 1 elements")
	f("{name: x, type: prediction, model: models/wide.csv, task: regression, "+a, "cannot be made")
	f("{name: x, type: prediction, model: models/iris.txt, task: multiclass, features: [{name: sl, type: double, missing: maybe}]}", "expected pass, category, dropRow or {impute: value}")
	f("{name: x, type: prediction, model: models/iris.txt, task: multiclass, threshold: 2, "+a, "expected a number from 0 to 1")
	f("{name: x, type: prediction, model: models/iris.txt, task: multiclass, features: [{name: sl, type: nope}]}", "nope")
	f("{name: x, type: prediction, model: models/iris.txt, task: multiclass, overrides: [{rule: r, when: [{feature: x, min: 1}], predict: a}], "+a, `there is no feature "x"`)
	f("{name: x, type: prediction, model: models/iris.txt, task: multiclass, overrides: [{rule: r, when: [{feature: sl, min: 1, in: [a]}], predict: a}], "+a, "either `in` or one or both")
	f("{name: x, type: prediction, model: models/iris.txt, task: multiclass, overrides: [{rule: r, when: [], predict: a}], "+a, "a rule needs a condition")
	f("{name: x, type: prediction, model: models/iris.txt, task: multiclass, overrides: [{rule: r, when: [{feature: sl, max: 1}], predict: rose}], "+a, `rule "r" cannot predict "rose"`)
	f("{name: x, type: prediction, model: models/iris.txt, task: multiclass, explanations: {importance: {sl: -1}}, "+a, "expected a number from 0 on")
	f("{name: x, type: prediction, model: models/iris.txt, task: multiclass, explanations: {importance: {sepal: 1}}, "+a, `there is no feature "sepal"`)
	f("{name: x, type: prediction, model: models/iris.txt, task: multiclass, explanations: {background: models/wide.csv}, "+a, `no column "sl"`)
}
