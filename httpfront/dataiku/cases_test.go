package dataiku_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"quiver/httpfront/fronttest"
)

// checkError checks what every error has.
func checkError(t *testing.T, what string, res fronttest.Response) {
	t.Helper()
	var e struct{ ErrorType, Message, DetailedMessage, StackTraceStr string }
	d := json.NewDecoder(strings.NewReader(res.Body))
	d.DisallowUnknownFields() // neither timing nor apiContext
	if err := d.Decode(&e); err != nil || e.ErrorType == "" || e.Message == "" || e.DetailedMessage == "" {
		t.Errorf("%s: no error object: %s", what, res.Body)
	}
	if res.Header["Dss-Api-Version"] != "1" || res.Header["Dss-Version"] == "" {
		t.Errorf("%s: headers %v", what, res.Header)
	}
}

// otherVerbs are the verbs that this version does not have, and query, whose cases
// TestQueryCases replays.
var otherVerbs = []string{"forecast", "predict-effect", "predict-effect-multi", "query"}

// notYet are cases of what this version does not have, besides otherVerbs.
var notYet = map[string]string{
	"pool-queue-full":             "TestRunQueueFull",
	"self-call-does-not-deadlock": "TestSelfCall",

	"golden-shapley-additive-regression": "of no request; engine/predict has it",
	"percentile-monotone":                "of no request; engine/predict has it",
}

type caseFile struct {
	Cases []struct {
		Name, Given string
		Request     struct {
			caseRequest
			Repeat   int
			Request  *caseRequest
			Sequence []caseRequest
		}
		Expect struct {
			Status      int
			StatusIn    []int
			StatusClass string
			JSONPath    map[string]any
			ElementKeys []string
		}
	}
}

type caseRequest struct {
	Method, Path, RawBody string
	Headers               map[string]string
	JSON                  json.RawMessage
}

// TestCases replays the cases that apply to this version over a socket.
func TestCases(t *testing.T) {
	raw, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var file caseFile
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	shared := withLog(t, withFunctions)
	done, left := 0, 0
	for _, c := range file.Cases {
		requests := []caseRequest{c.Request.caseRequest}
		if c.Request.Sequence != nil {
			requests = c.Request.Sequence
		}
		for range c.Request.Repeat {
			requests = append(requests, *c.Request.Request)
		}
		if c.Request.Repeat > 0 {
			requests = requests[1:]
		}
		path, _, _ := strings.Cut(requests[0].Path, "?")
		verb := path[strings.LastIndexByte(path, '/')+1:]
		if notYet[c.Name] != "" || slices.Contains(otherVerbs, verb) {
			left++
			continue
		}
		done++
		t.Run(c.Name, func(t *testing.T) {
			w := shared
			if strings.HasPrefix(strings.TrimLeft(path, "/"), "admin/") {
				w = newWorld(t) // it changes something
			}
			var first string
			for i, q := range requests {
				res := w.Do(q.prepare(t, c.Name))
				e := &c.Expect
				switch {
				case e.Status != 0 && res.Status != e.Status,
					e.StatusIn != nil && !slices.Contains(e.StatusIn, res.Status),
					e.Status == 0 && e.StatusIn == nil && (res.Status/100 != 2) != (e.StatusClass == "4xx/5xx"):
					t.Fatalf("status %d: %s", res.Status, res.Body)
				}
				if res.Status >= 400 {
					checkError(t, c.Name, res)
					continue
				}
				var body any
				if err := json.Unmarshal([]byte(res.Body), &body); err != nil {
					t.Fatalf("%v: %s", err, res.Body)
				}
				for _, key := range e.ElementKeys {
					for _, el := range body.([]any) {
						if el.(map[string]any)[key] == nil {
							t.Errorf("no %s in %v", key, el)
						}
					}
				}
				_, generation, _ := strings.Cut(res.Body, `"serviceGeneration":`)
				if i == 0 {
					first = generation
				} else if c.Name == "dispatch-key-sticky" && generation != first {
					t.Errorf("generation %s, then %s", first, generation)
				}
				if want := wanted[c.Name]; !strings.Contains(res.Body, want) {
					t.Errorf("%s\nwant %s", res.Body, want)
				}
			}
		})
	}
	// What the cases say of the log.
	lines := strings.ReplaceAll(strings.Join(shared.queries(t), "\n"), " ", "")
	for _, want := range []string{`"context":{"frontend_id":2}`, `"msgType":"prediction-query","service":"svc","endpoint":"ep"`, `"features":{"a":1},"context":{"c":1},"result":{`} {
		if !strings.Contains(lines, want) {
			t.Errorf("no query in the log has %s", want)
		}
	}
	if strings.Contains(lines, "KEY") {
		t.Error("the key's secret is in the log")
	}
	t.Logf("%d cases replayed, %d are of what this version does not have", done, left)
}

// wanted is what the bodies hold that the cases describe in words.
var wanted = map[string]string{
	"swagger":                            `{"basePath":"/public/api/v1/svc",`,
	"double-slash-path":                  `"ignored":false`,
	"enrich-multi-match-ignore":          `{"result":{"ignored":true,"ignoreReason":"MULTIPLE_LOOKUP_MATCHES"},`,
	"enrich-multi-match-in-batch":        `[{"ignored":true,"ignoreReason":"MULTIPLE_LOOKUP_MATCHES"},{"prediction":2,"ignored":false}]`,
	"predict-multiclass-shape":           `{"result":{"prediction":"virginica","probas":{"setosa":0.09003057317038046,"versicolor":0.24472847105479764,"virginica":0.6652409557748218},"ignored":false}`,
	"numeric-strings-accepted":           `{"result":{"prediction":"1","probas":{"0":0.18242552380635635,"1":0.8175744761936437},"ignored":false}`,
	"missing-feature-impute":             `"ignored":false`,
	"audit-prediction-query":             `"ignored":false`,
	"context-is-logged-not-scored":       `{"result":{"prediction":"1","probaPercentile":3,"probas":{"0":0.22270013882530892,"1":0.7772998611746911},"ignored":false}`,
	"predict-override-block":             `"override":{"ruleMatched":false}`,
	"predict-multi-partial-ignore":       `{"results":[{"ignored":true,"ignoreReason":"IGNORED_BY_MODEL"},{"prediction":"1",`,
	"explanations-null-means-default":    `0.7772998611746911},"ignored":false}`,
	"explanations-off-overrides-setting": `0.7772998611746911},"ignored":false}`,
	"explanations-only-top-5N-features":  `"explanations":{"f39":1.25,"f38":1.21875},"ignored":false}`,
	"lookup-client-takes-first":          `{"data":{"PassengerId":"42","Name":"Turpin","Age":27,"Fare":21},"ignored":false}`,
	"lookup-simple":                      `{"data":{"id_key":"42","Name":"Turpin","Age":27,"Fare":21},"ignored":false}`,
	"lookup-context-ignored":             `{"data":{"PassengerId":"42","Name":"Turpin","Age":27,"Fare":21},"ignored":false}`,
	"lookup-multi-match-keep-first":      `"ignored":false`,
	"lookup-composite-key":               `"city":"Paris"`,
	"never-emit-nan":                     `{"response":null,`,
	"run-get-numeric-coercion":           `{"response":42,`,
	"run-empty-body":                     `{"response":null,`,
	"run-string-json-result":             `{"response":"{\"a\": 1}",`,
	"admin-list-services":                `{"serviceId":"s1","enabled":false}`,
}

// endpoints are the endpoints whose settings are those that cases describe in words; they
// all call theirs ep.
var endpoints = map[string]string{
	"numeric-strings-accepted":           "ep_dist",
	"predict-multi-partial-ignore":       "ep_drop",
	"enrich-multi-match-ignore":          "ep_cust",
	"enrich-multi-match-in-batch":        "ep_cust",
	"explanations-off-overrides-setting": "ep_on",
	"explanations-only-top-5N-features":  "ep_wide",
}

// prepare makes the request of a case.
func (q *caseRequest) prepare(t *testing.T, name string) fronttest.Request {
	r := fronttest.Request{Method: q.Method, Target: q.Path, Header: q.Headers, Body: string(q.JSON)}
	if q.RawBody != "" {
		r.Body = q.RawBody
	}
	if e := endpoints[name]; e != "" {
		r.Target = strings.Replace(r.Target, "/ep/", "/"+e+"/", 1)
	}
	if name == "jwt-wrong-issuer" {
		r.Target = strings.Replace(r.Target, "/svc/fn/run", "/tok/lk/lookup", 1)
		r.Header = map[string]string{"Authorization": "Bearer " + token(t, map[string]any{"iss": "other", "scope": "predict"})}
	}
	if name == "no-active-generation" {
		r.Target = strings.Replace(r.Target, "/svc/", "/empty/", 1)
	}
	if strings.Contains(r.Target, "lookup-simple") {
		r.Target = strings.Replace(r.Target, "passenger_info", "passenger_by_key", 1)
		r.Header = map[string]string{"Authorization": "Basic S0VZOg=="}
	}
	if strings.Contains(r.Target, "lookup_svc") && r.Header == nil {
		r.Header = map[string]string{"Authorization": "Basic S0VZOg=="}
	}
	return r
}
