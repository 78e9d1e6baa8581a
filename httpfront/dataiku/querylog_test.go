package dataiku_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quiver/engine/querylog"
	"quiver/httpfront/fronttest"
)

// queries returns the lines of the world's log, which it ends.
func (w *world) queries(t *testing.T) []string {
	t.Helper()
	w.log.Close()
	var lines []string
	names, err := filepath.Glob(filepath.Join(w.log.Dir, "*.jsonl"))
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")...)
	}
	if err != nil || w.log.Dropped() > 0 {
		t.Fatalf("%v, %d dropped", err, w.log.Dropped())
	}
	return lines
}

// withLog is a world that logs queries, with small records.
func withLog(t *testing.T, more ...func(*worldOptions)) *world {
	t.Helper()
	log, err := querylog.New(querylog.Options{Dir: t.TempDir(), LineBytes: 8 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(log.Close)
	w := newWorld(t, append(more, func(o *worldOptions) { o.QueryLog = log })...)
	w.log = log
	return w
}

// TestQueryLog has one query a case, and what its line says besides its times.
func TestQueryLog(t *testing.T) {
	w := withLog(t)
	type query struct{ what, want, timing string }
	var all []query
	f := func(method, target, body, want string) {
		t.Helper()
		res := w.Do(fronttest.Request{Method: method, Target: "/public/api/v1/" + target, Body: body, Header: map[string]string{"Authorization": "Bearer KEY"}})
		var answer struct{ Timing json.RawMessage }
		if err := json.Unmarshal([]byte(res.Body), &answer); err != nil {
			t.Fatal(err)
		}
		all = append(all, query{target + " " + body, want, string(answer.Timing)})
	}
	line := func(kind, endpoint, verb, rest string) string {
		return `{"msgType":"` + kind + `","service":"svc","endpoint":"` + endpoint + `","verb":"` + verb + `","keyId":"key",` + rest + `}`
	}
	const v1, ok, bad = `"dispatch":{"forcedGeneration":"v1"}`, `"generation":"v1","status":200,`, `"status":400,"errorType":"quiver.IllegalArgumentException","error":`
	const result = ok + `"result":{"prediction":"1","probaPercentile":3,"probas":{"0":0.22270013882530892,"1":0.7772998611746911},"ignored":false}`
	f("POST", "svc/ep/predict", `{"features":{"a":1,"b":NaN,"c":"NaN \"Infinity"},`+v1+`,"context":{"frontend_id":2}}`,
		line("prediction-query", "ep", "predict", `"features":{"a":1,"b":null,"c":"NaN \"Infinity"},"context":{"frontend_id":2},`+result))
	f("POST", "svc/ep_drop/predict-multi", "{\"items\":[{\"features\":{},\"context\":{\"n\":\r\n\t1}},{\"features\":{\"a\":-Infinity}}],"+v1+"}",
		line("prediction-query", "ep_drop", "predict-multi", ok+`"items":[{"features":{},"context":{"n":1}},{"features":{"a":null}}],"results":[{"ignored":true,"ignoreReason":"IGNORED_BY_MODEL"},{"ignored":true,"ignoreReason":"IGNORED_BY_MODEL"}]`))
	f("POST", "svc/lk/lookup", `{"data":{"k":5},`+v1+`,"data":{"k":6}}`,
		line("dataset-lookup-query", "lk", "lookup", ok+`"data":{"k":6},"results":[{"data":{"k":6,"id":9},"ignored":false}]`))
	f("GET", "pub/lk/lookup-simple?k=6", ``,
		strings.Replace(line("dataset-lookup-query", "lk", "lookup-simple", ok+`"data":{"k":"6"},"results":[{"data":{"k":6,"id":9},"ignored":false}]`), "svc", "pub", 1))

	// Failures.
	f("POST", "svc/lk_fail/lookup", `{"data":{"k":7}}`, line("dataset-lookup-query", "lk_fail", "lookup", `"data":{"k":7},`+bad+`"Looking up in default/people failed: no row matches."`))
	f("POST", "svc/ep/predict", `{"features":{"a":`, line("prediction-query", "ep", "predict", `"body":"{\"features\":{\"a\":",`+bad+`"The body is not valid JSON: unexpected end of the text at byte 17."`))
	f("POST", "svc/none/predict", `{`+v1+`}`, line("prediction-query", "none", "predict", `"status":404,"errorType":"quiver.NotFoundException","error":"Service \"svc\" has no endpoint \"none\" in generation \"v1\"."`))
	f("GET", "s1/lk/lookup-simple?k=5&x=%22", ``, strings.Replace(line("dataset-lookup-query", "lk", "lookup-simple",
		`"data":{"k":"5","x":"\""},"status":403,"errorType":"quiver.UnauthorizedException","error":"This API key has no rights on service \"s1\"."`), "svc", "s1", 1))

	// What is too long is cut, but not within a character.
	long := strings.Repeat("é", 4000)
	f("POST", "svc/ep/predict", `{"features":{"a":1,"x":"`+long+`"},"context":"c",`+v1+`}`,
		line("prediction-query", "ep", "predict", `"features":{"cut":8014,"head":"{\"a\":1,\"x\":\"`+long[:192]+`"},"context":"c",`+result))
	f("POST", "svc/ep/predict", "\xff", line("prediction-query", "ep", "predict", `"body":"\ufffd",`+bad+`"The body is not valid JSON: expected an object at byte 0."`))

	// These leave no line: nobody, a service that does not exist, one that wants none,
	// and what is no verb.
	for target, status := range map[string]int{"svc/lk/lookup": 401, "nope/lk/lookup": 401, "quiet/lk/lookup": 200, "pub/lk/nothing": 404} {
		if res := w.Do(fronttest.Request{Method: "POST", Target: "/public/api/v1/" + target}); res.Status != status {
			t.Errorf("%s: %d %s", target, res.Status, res.Body)
		}
	}

	lines := w.queries(t)
	if len(lines) != len(all) {
		t.Fatalf("%d lines of %d queries:\n%s", len(lines), len(all), strings.Join(lines, "\n"))
	}
	for i, text := range lines {
		var line struct {
			Timestamp time.Time
			Topic     string
			Message   map[string]json.RawMessage
		}
		err := json.Unmarshal([]byte(text), &line)
		m := line.Message
		if err != nil || line.Topic != "apinode-query" || time.Since(line.Timestamp) > time.Hour || m["totalUs"] == nil {
			t.Fatalf("%v: %s", err, text)
		}
		if string(m["timing"]) != all[i].timing {
			t.Errorf("%s: timing %s, answered %s", all[i].what, m["timing"], all[i].timing)
		}
		delete(m, "totalUs")
		delete(m, "timing")
		if got, want := canonical(t, m), canonical(t, json.RawMessage(all[i].want)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", all[i].what, got, want)
		}
	}
}

// canonical prints JSON with its names in order.
func canonical(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	var plain any
	if err == nil {
		err = json.Unmarshal(raw, &plain)
	}
	if err == nil {
		raw, err = json.Marshal(plain)
	}
	if err != nil {
		t.Fatalf("%v: %s", err, v)
	}
	return string(raw)
}
