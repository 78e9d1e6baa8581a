package dataiku_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"quiver/httpfront/fronttest"
)

// document asks for a document and follows a path in it; the last element may be nil.
func (w *world) document(t *testing.T, service, key string, path ...string) any {
	t.Helper()
	r := fronttest.Request{Target: "/public/api/v1/" + service + "/swagger", Header: map[string]string{}}
	if key != "" {
		r.Header["Authorization"] = "Bearer " + key
	}
	res := w.Do(r)
	var v any
	if err := json.Unmarshal([]byte(res.Body), &v); err != nil || res.Status != 200 || res.Header["Dss-Version"] != "test" {
		t.Fatalf("%s: %d %v %s", service, res.Status, err, res.Body)
	}
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	return v
}

// print prints part of a document.
func print(t *testing.T, v any) string {
	t.Helper()
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestSwagger looks at parts of documents; tools/compat has them validated.
func TestSwagger(t *testing.T) {
	w := newWorld(t)
	f := func(service, key, want string, path ...string) {
		t.Helper()
		if got := print(t, w.document(t, service, key, path...)); got != want {
			t.Errorf("%s %v: %s\nwant %s", service, path, got, want)
		}
	}
	f("svc", "KEY", `"2.0"`, "swagger")
	f("svc", "KEY", `"/public/api/v1/svc"`, "basePath")
	f("svc", "KEY", `[{"key":[]},{"bearer":[]}]`, "security")
	f("svc", "KEY", `"basic"`, "securityDefinitions", "key", "type")
	f("s", "", `null`, "security")
	f("tok", token(t, map[string]any{"iss": "iam", "scope": "predict"}), `[{"bearer":[]}]`, "security")
	f("empty", "KEY", `{}`, "paths")

	op := func(endpoint, verb, method string) []string {
		return []string{"paths", "/" + endpoint + "/" + verb, method}
	}
	features := w.document(t, "svc", "KEY", op("ep", "predict", "post")...).(map[string]any)
	if !strings.Contains(features["description"].(string), "STD_PREDICTION") || features["summary"] != "ep endpoint" {
		t.Errorf("predict: %v", features)
	}
	if got := print(t, features["parameters"]); !strings.Contains(got, `"features":{"properties":{"a":{"format":"double","type":"number"},"m":`) || !strings.Contains(got, `"explanations":{"$ref":"#/definitions/Explanations"}`) {
		t.Errorf("predict: %s", got)
	}
	got := print(t, w.document(t, "svc", "KEY", append(op("ep_cust", "predict-simple", "get"), "parameters")...))
	if !strings.Contains(got, `"name":"customer_id"`) || !strings.Contains(got, "Looked up where it can be found.") {
		t.Errorf("enriched: %s", got)
	}
	got = print(t, w.document(t, "svc", "KEY", append(op("chain", "lookup-simple", "get"), "parameters")...))
	if !strings.Contains(got, `"name":"country"`) || !strings.Contains(got, `"name":"person"`) || strings.Contains(got, "home_id") {
		t.Errorf("keys: %s", got)
	}
	got = print(t, w.document(t, "svc", "KEY", append(op("person", "lookup", "post"), "responses", "200", "schema", "properties", "results", "items", "properties", "data")...))
	if want := `{"properties":{"at":{"format":"date-time","type":"string","x-nullable":true},"day":{"format":"date","type":"string","x-nullable":true},"id":{`; !strings.HasPrefix(got, want) {
		t.Errorf("lookup: %s", got)
	}

	// Every verb of every endpoint is there, and every reference leads somewhere.
	doc := w.document(t, "svc", "KEY").(map[string]any)
	var paths []string
	for path := range doc["paths"].(map[string]any) {
		paths = append(paths, path)
	}
	for _, path := range []string{"/ep/predict", "/ep/predict-multi", "/ep/predict-simple", "/lk/lookup", "/lk/lookup-multi", "/lk/lookup-simple"} {
		if !slices.Contains(paths, path) {
			t.Errorf("no %s in %v", path, paths)
		}
	}
	known := doc["definitions"].(map[string]any)
	for _, part := range strings.Split(print(t, doc), `"$ref":"#/definitions/`)[1:] {
		if name, _, _ := strings.Cut(part, `"`); known[name] == nil {
			t.Errorf("#/definitions/%s is not there", name)
		}
	}

	// It is protected as the service is, and may be hidden.
	fails := func(service, key string, status int) {
		t.Helper()
		r := fronttest.Request{Target: "/public/api/v1/" + service + "/swagger/", Header: map[string]string{}}
		if key != "" {
			r.Header["Authorization"] = "Bearer " + key
		}
		res := w.Do(r)
		if res.Status != status {
			t.Errorf("%s: %d %s, want %d", service, res.Status, res.Body, status)
		}
		checkError(t, service, res)
	}
	fails("svc", "", 401)
	fails("svc", w.notADM, 403)
	fails("tok", "KEY", 401)
	fails("nope", "KEY", 404)
	fails("quiet", "", 404)
}
