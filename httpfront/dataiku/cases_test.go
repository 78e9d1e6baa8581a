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
	var e struct{ ErrorType, Message, DetailedMessage string }
	if err := json.Unmarshal([]byte(res.Body), &e); err != nil || e.ErrorType == "" || e.Message == "" || e.DetailedMessage == "" {
		t.Errorf("%s: no error object: %s", what, res.Body)
	}
	if res.Header["Dss-Api-Version"] != "1" || res.Header["Dss-Version"] == "" {
		t.Errorf("%s: headers %v", what, res.Header)
	}
}

// otherVerbs are the verbs that this version does not have. Cases of manners,
// authorisation and dispatch that use one of them are sent as a lookup.
var otherVerbs = []string{"predict", "predict-multi", "predict-simple", "forecast", "predict-effect", "predict-effect-multi", "run", "query"}

// asLookup are those cases, with what they say of the request kept.
var asLookup = []string{
	"double-slash-path", "form-content-type-from-curl", "headers-on-error", "keep-alive-reuse", "basic-key-empty-password",
	"no-credentials", "public-service-ignores-auth", "malformed-json", "wrong-http-method", "dispatch-key-sticky", "no-active-generation",
	"enrich-multi-match-ignore", "enrich-multi-match-in-batch",
}

// notYet are cases of what this version does not have, besides otherVerbs.
var notYet = map[string]string{
	"swagger":                 "no swagger document",
	"swagger-needs-same-auth": "no swagger document",
	"jwt-wrong-issuer":        "no JWT services",
	"audit-prediction-query":  "no query log",
	"pool-queue-full":         "no functions",

	"golden-shapley-additive-regression": "no explanations",
	"percentile-monotone":                "no predictions",
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
		if notYet[c.Name] != "" || slices.Contains(otherVerbs, verb) && !slices.Contains(asLookup, c.Name) {
			left++
			continue
		}
		done++
		t.Run(c.Name, func(t *testing.T) {
			w := newWorld(t)
			var first string
			for i, q := range requests {
				res := w.Do(q.prepare(c.Name))
				e := &c.Expect
				switch {
				case e.Status != 0 && res.Status != e.Status,
					e.StatusIn != nil && !slices.Contains(e.StatusIn, res.Status),
					e.Status == 0 && e.StatusIn == nil && res.Status/100 != 2:
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
	t.Logf("%d cases replayed, %d are of what this version does not have", done, left)
}

// wanted is what the bodies hold that the cases describe in words.
var wanted = map[string]string{
	"double-slash-path":             `"ignored":false`,
	"enrich-multi-match-ignore":     `"ignored":true,"ignoreReason":"MULTIPLE_LOOKUP_MATCHES"`,
	"enrich-multi-match-in-batch":   `[{"data":{},"ignored":true,"ignoreReason":"MULTIPLE_LOOKUP_MATCHES"},{"data":{"customer_id":7,"card_fico":700},"ignored":false}]`,
	"lookup-client-takes-first":     `{"data":{"PassengerId":"42","Name":"Turpin","Age":27,"Fare":21},"ignored":false}`,
	"lookup-simple":                 `{"data":{"id_key":"42","Name":"Turpin","Age":27,"Fare":21},"ignored":false}`,
	"lookup-context-ignored":        `{"data":{"PassengerId":"42","Name":"Turpin","Age":27,"Fare":21},"ignored":false}`,
	"lookup-multi-match-keep-first": `"ignored":false`,
	"lookup-composite-key":          `"city":"Paris"`,
	"admin-list-services":           `{"serviceId":"s1","enabled":false}`,
}

// prepare makes the request of a case; other verbs and their bodies become lookups.
func (q *caseRequest) prepare(name string) fronttest.Request {
	r := fronttest.Request{Method: q.Method, Target: q.Path, Header: q.Headers, Body: string(q.JSON)}
	if q.RawBody != "" {
		r.Body = q.RawBody
	}
	if !slices.Contains(asLookup, name) {
		if strings.Contains(r.Target, "lookup-simple") {
			r.Target = strings.Replace(r.Target, "passenger_info", "passenger_by_key", 1)
			r.Header = map[string]string{"Authorization": "Basic S0VZOg=="}
		}
		if strings.Contains(r.Target, "lookup_svc") && r.Header == nil {
			r.Header = map[string]string{"Authorization": "Basic S0VZOg=="}
		}
		return r
	}
	at := strings.LastIndexByte(r.Target, '/') + 1
	verb := "lookup"
	if strings.HasSuffix(r.Target, "-multi") {
		verb = "lookup-multi"
	}
	r.Target = r.Target[:at] + verb
	r.Body = strings.ReplaceAll(r.Body, `"features"`, `"data"`)
	switch name {
	case "no-active-generation":
		r.Target = strings.Replace(r.Target, "/svc/", "/empty/", 1)
	case "enrich-multi-match-ignore", "enrich-multi-match-in-batch":
		r.Target = strings.Replace(r.Target, "/ep/", "/cust/", 1)
	}
	return r
}
