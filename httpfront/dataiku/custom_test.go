package dataiku_test

import (
	"strings"
	"testing"

	"quiver/httpfront/fronttest"
)

// codeCustom are predictors over a frame: a DataFrame or a dict of lists, read alike.
const codeCustom = `
import quiver
def col(frame, name): return list(frame[name])
def value(frame):
    if "bad" in [s for s in col(frame, "s") if s]: raise quiver.Error(422, "bad text")
    return [None if s is None else a * 2 for a, s in zip(col(frame, "a"), col(frame, "s"))]
def yes(frame): return [None if a < 0 else min(a, 1.0) for a in col(frame, "a")]
def three(frame): return None, {"y": [0.25 for _ in col(frame, "a")], "z": [0.5] * len(col(frame, "a")), "x": [0.25] * len(col(frame, "a"))}
def label(frame): return ["z" if a > 1 else "x" for a in col(frame, "a")]
def short(frame): return [1]
def calls(frame): return [len(col(frame, "a"))] * len(col(frame, "a"))
`

// custom are prediction endpoints of functions.
const custom = `
  - {name: c_value, type: customPrediction, file: code/c.py, function: value, task: regression,
     features: [{name: a, type: double, missing: dropRow}, {name: s, type: string}], enrich: [{group: people, keys: [id], columns: {k: a}, onMultiple: IGNORE}]}
  - {name: c_yes, type: customPrediction, file: code/c.py, function: yes, task: binary, classes: ["no", "yes"], threshold: 0.25, features: [{name: a, type: double}],
     percentiles: models/percentiles.json}
  - {name: c_three, type: customPrediction, file: code/c.py, function: three, task: multiclass, classes: [x, "y", z], features: [{name: a, type: double}]}
  - {name: c_label, type: customPrediction, file: code/c.py, function: label, labels: true, task: multiclass, classes: [x, "y", z], features: [{name: a, type: double}]}
  - {name: c_short, type: customPrediction, file: code/c.py, function: short, task: regression, features: [{name: a, type: double}]}
  - {name: c_calls, type: customPrediction, file: code/c.py, function: calls, task: regression, features: [{name: a, type: double}]}
`

// TestCustomPrediction asks functions for predictions.
func TestCustomPrediction(t *testing.T) {
	w := newWorld(t, func(o *worldOptions) { o.endpoints, o.services = custom, []string{"pub"} })
	f := func(target, body string, status int, want string) {
		t.Helper()
		r := fronttest.Request{Method: "POST", Target: "/public/api/v1/pub/" + target, Body: body}
		if body == "" {
			r.Method = "GET"
		}
		if res := w.Do(r); res.Status != status || !strings.HasPrefix(res.Body, want) {
			t.Errorf("%s %s: %d %s\nwant %d %s", target, body, res.Status, res.Body, status, want)
		}
	}
	f("c_value/predict", `{"features":{"a":1.5,"s":"x"}}`, 200, `{"result":{"prediction":3,`)
	f("c_value/predict", `{"features":{"id":8,"s":"x"}}`, 200, `{"result":{"prediction":10,`) // looked up
	f("c_value/predict", `{"features":{"a":1.5}}`, 200, `{"result":{"ignored":true,"ignoreReason":"IGNORED_BY_MODEL"`)
	f("c_value/predict-multi", `{"items":[{"features":{"s":"x"}},{"features":{"a":"2","s":"x"}},{"features":{"a":3,"s":"y"}}]}`, 200,
		`{"results":[{"ignored":true,"ignoreReason":"IGNORED_BY_MODEL"`)
	f("c_value/predict-simple?a=4&s=x", "", 200, `{"result":{"prediction":8,`)
	f("c_value/predict-multi", `{"items":[]}`, 200, `{"results":[],`)
	f("c_value/predict", `{"features":{"a":1,"s":"bad"}}`, 422, `{"errorType":"quiver.Error","message":"bad text"`)
	f("c_yes/predict", `{"features":{"a":0.3}}`, 200, `{"result":{"prediction":"yes","probaPercentile":2,"probas":{"no":0.7,"yes":0.3},"ignored":false}`)
	f("c_yes/predict", `{"features":{"a":0.2}}`, 200, `{"result":{"prediction":"no","probaPercentile":2,"probas":{"no":0.8,"yes":0.2},"ignored":false}`)
	f("c_yes/predict", `{"features":{"a":-1}}`, 200, `{"result":{"ignored":true,"ignoreReason":"IGNORED_BY_MODEL"}`)
	f("c_three/predict", `{"features":{"a":1}}`, 200, `{"result":{"prediction":"z","probas":{"x":0.25,"y":0.25,"z":0.5},"ignored":false}`)
	f("c_label/predict", `{"features":{"a":2}}`, 200, `{"result":{"prediction":"z","ignored":false}`)
	f("c_short/predict-multi", `{"items":[{},{}]}`, 500, `{"errorType":"quiver.SerializationException","message":"The result cannot be answered: ValueError: short returned 1 predictions for 2 rows"`)
	f("c_calls/predict-multi", `{"items":[{"features":{"a":1}},{"features":{"a":2}},{"features":{"a":3}}]}`, 200,
		`{"results":[{"prediction":3,"ignored":false},{"prediction":3,"ignored":false},{"prediction":3,"ignored":false}]`)
	f("c_calls/run", `{}`, 404, `{"errorType":"quiver.NotFoundException","message":"Endpoint \"c_calls\" does not answer \"run\"; it answers predict, predict-multi, predict-simple.`)
}
