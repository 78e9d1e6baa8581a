package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/httpfront/admin"
)

func TestMain(m *testing.M) {
	// ants keeps a pool of its own from the moment it is imported.
	goleak.VerifyTestMain(m, goleak.IgnoreCurrent())
}

const definitions = `
kind: FeatureGroup
store: s
name: g
key: [id]
features:
  - {name: id, type: bigint}
  - {name: a, type: "varchar(10)", default: "none"}
---
kind: FeatureView
store: s
name: v
from: [{group: g}]
---
kind: FeatureGroup
store: s
name: events
features:
  - {name: id, type: int}
  - {name: tags, type: "List[str]"}
`

// log is a log that tests can read.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// fixture is an admin API called in process, as the command line does on a folder.
type fixture struct {
	t       *testing.T
	engine  *engine.Engine
	keys    *auth.Keys
	handler http.Handler
	log     log
	options admin.Options
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	keys, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	f := &fixture{t: t, engine: enginetest.New(t), keys: keys}
	f.options = admin.Options{
		Engine: f.engine, Keys: keys, Version: admin.Version{Version: "1.2.3", Commit: "abc"},
		Log: slog.New(slog.NewTextHandler(&f.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if f.handler, err = admin.Handler(f.options); err != nil {
		t.Fatal(err)
	}
	return f
}

// call sends one request and returns the status and the body.
func (f *fixture) call(method, target, body string) (int, string) {
	f.t.Helper()
	w := httptest.NewRecorder()
	f.handler.ServeHTTP(w, httptest.NewRequest(method, target, strings.NewReader(body)))
	if got := w.Header().Get("Content-Type"); strings.HasPrefix(target, "/api") && got != "application/json" {
		f.t.Errorf("%s %s: content type %q", method, target, got)
	}
	return w.Code, strings.TrimSuffix(w.Body.String(), "\n")
}

// want calls and checks the status and a part of the body.
func (f *fixture) want(method, target, body string, status int, part string) string {
	f.t.Helper()
	code, got := f.call(method, target, body)
	if code != status || !strings.Contains(got, part) {
		f.t.Errorf("%s %s %.80s: %d %s\nwant %d and %s", method, target, body, code, got, status, part)
	}
	return got
}

func (f *fixture) apply() {
	f.t.Helper()
	f.want("POST", "/api/apply", filesOf(f.t, definitions), 200, `"action":"add"`)
}

func filesOf(t *testing.T, text string) string {
	t.Helper()
	b, err := json.Marshal(map[string]any{"files": []map[string]string{{"name": "defs.yaml", "text": text}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestDefinitions(t *testing.T) {
	f := newFixture(t)
	f.want("GET", "/api/definitions", "", 200, `[]`)
	f.want("POST", "/api/plan", filesOf(t, definitions), 200, `{"revision":1,"changes":[{"action":"add","kind":"FeatureGroup","store":"s","name":"events","version":1`)
	f.want("GET", "/api/definitions", "", 200, `[]`) // a plan changes nothing
	f.apply()
	f.want("POST", "/api/apply", filesOf(t, definitions), 200, `"revision":1`)

	var list []map[string]any
	if err := json.Unmarshal([]byte(f.want("GET", "/api/definitions", "", 200, `"kind":"FeatureView"`)), &list); err != nil || len(list) != 3 {
		t.Errorf("definitions: %v, %d of 3", err, len(list))
	}
	for _, d := range list {
		if d["kind"] == nil || d["store"] != "s" || d["name"] == nil || d["version"] != 1.0 {
			t.Errorf("a definition lacks its name: %v", d)
		}
	}
	f.want("GET", "/api/definitions?kind=FeatureView&store=S&name=v", "", 200, `"name":"v"`)
	f.want("GET", "/api/definitions?kind=FeatureView&name=g", "", 200, `[]`)

	f.want("POST", "/api/apply", filesOf(t, "kind: FeatureGroup\nstore: s\nname: g2\nkey: [nope]\nfeatures:\n  - {name: id, type: bigint}\n"), 400, `defs.yaml:4:7: `)
	f.want("POST", "/api/apply", filesOf(t, "kind: Nonsense"), 400, `"problems":[{"file":"defs.yaml","line":1`)
	f.want("POST", "/api/apply", `{"file":[]}`, 400, `unknown field`)
	f.want("POST", "/api/apply", filesOf(t, definitions)+"x", 400, `behind its JSON`)
	f.want("POST", "/api/apply?prune=maybe", filesOf(t, definitions), 400, `prune is 1 or 0`)

	f.want("POST", "/api/remove", `{"kind":"FeatureGroup","store":"s","name":"g"}`, 409, `is used by FeatureView s/v@1`)
	f.want("POST", "/api/remove", `{"kind":"FeatureGroup","store":"s","name":"nope"}`, 404, `There is no FeatureGroup s/nope`)
	f.want("POST", "/api/remove", `{"kind":"FeatureView","store":"s","name":"v","version":1}`, 200, `"action":"remove"`)
	f.want("POST", "/api/rollback", `{}`, 200, `"revision":3`)
	f.want("GET", "/api/definitions?name=v", "", 200, `"name":"v"`)
	f.want("POST", "/api/rollback", `{"revision":99}`, 404, `no revision 99`)
	f.want("POST", "/api/apply?prune=1", filesOf(t, strings.SplitAfter(definitions, "---\n")[0]), 200, `"action":"remove"`)
	if !strings.Contains(f.log.String(), "revision=1 changes=\"3 added\"") {
		t.Errorf("the change is not logged:\n%s", f.log.String())
	}
}

func TestGroup(t *testing.T) {
	f := newFixture(t)
	f.apply()
	f.want("GET", "/api/group?store=s&name=g", "", 200, `"spelling":"sql","columns":[{"name":"id","type":"bigint"},{"name":"a","type":"varchar(10)","default":"none"}],"key":["id"],"keyColumns":[0],"eventTimeColumn":-1,"loadsWhole":true}`)
	f.want("GET", "/api/group?store=S&name=events&version=1", "", 200, `"spelling":"fennel","columns":[{"name":"id","type":"int"},{"name":"tags","type":"List[str]"}],"key":[],"keyColumns":[],"eventTimeColumn":-1,"loadsWhole":false}`)
	f.want("GET", "/api/group?store=s&name=g&version=2", "", 404, `with version 2`)
	f.want("GET", "/api/group?store=s&name=nope", "", 404, `quiver definitions`)
	f.want("GET", "/api/group?store=nope&name=g", "", 404, `Feature store \"nope\" does not exist`)
	f.want("GET", "/api/group?store=s", "", 400, `store and name`)
	f.want("GET", "/api/group?store=s&name=g&version=x", "", 400, `not a version`)
}

func TestRows(t *testing.T) {
	f := newFixture(t)
	f.apply()
	f.want("POST", "/api/get", `{"store":"s","view":"v","keys":{"id":"7"}}`, 200, `"status":"MISSING"`)
	f.want("POST", "/api/put", `{"store":"s","group":"g","columns":{"id":"7","a":"x"}}`, 200, `{}`)
	f.want("POST", "/api/get", `{"store":"s","view":"v","version":1,"keys":{"id":"7"}}`, 200, `{"name":"a","type":"varchar(10)","value":"x"}`)
	f.want("POST", "/api/delete", `{"store":"s","group":"g","version":1,"columns":{"id":"7"}}`, 200, `{}`)
	f.want("POST", "/api/get", `{"store":"s","view":"v","keys":{"id":"7"}}`, 200, `"status":"MISSING"`)

	f.want("POST", "/api/put", `{"store":"s","group":"g","columns":{"id":"seven"}}`, 400, `"hint":`)
	f.want("POST", "/api/put", `{"store":"s","group":"g","columns":{"idd":"7"}}`, 400, `no column \"idd\"`)
	f.want("POST", "/api/put", `{"store":"s","group":"nope","columns":{}}`, 404, `nope`)
	f.want("POST", "/api/put", `{"store":"s","group":"g","columns":{"id":7}}`, 400, `The request is not the JSON`)
	f.want("POST", "/api/get", `{"store":"s","view":"v","keys":{"id":"x"}}`, 400, `BIGINT`)
	f.want("POST", "/api/get", `{"store":"s","view":"nope","keys":{}}`, 404, `nope`)
	f.want("POST", "/api/get", `{"store":"`+strings.Repeat("s", 2<<20)+`"}`, 413, `more than 1048576 bytes`)
}

func TestKeys(t *testing.T) {
	f := newFixture(t)
	f.want("GET", "/api/keys", "", 200, `[]`)
	var made struct{ Name, Key string }
	body := f.want("POST", "/api/keys", `{"name":"ci","stores":["s"],"services":["fraud"],"expires":"720h"}`, 201, `"key":"`)
	if err := json.Unmarshal([]byte(body), &made); err != nil || made.Name != "ci" {
		t.Fatalf("%s: %v", body, err)
	}
	p, err := f.keys.Verify([]byte(made.Key))
	if err != nil || !p.MayReadStore("S") || p.MayReadStore("t") || !p.MayUseService("fraud") || p.Admin {
		t.Errorf("the key is not what was asked for: %+v, %v", p, err)
	}
	list := f.want("GET", "/api/keys", "", 200, `"name":"ci","prefix":"`+made.Key[:16]+`","stores":["s"],"services":["fraud"],"admin":false`)
	if strings.Contains(list, made.Key[17:]) || strings.Contains(list, "hash") || strings.Contains(list, "salt") {
		t.Errorf("the list tells too much: %s", list)
	}
	f.want("POST", "/api/keys", `{"name":"ci"}`, 409, `already`)
	f.want("POST", "/api/keys", `{"name":"a b"}`, 400, `does not fit`)
	f.want("POST", "/api/keys", `{"name":"x","expires":"soon"}`, 400, `720h`)
	f.want("POST", "/api/keys", `{"name":"x","expires":"2001-01-01T00:00:00Z"}`, 400, `expired already`)
	f.want("POST", "/api/keys", `{"name":"old","import":"a-key-of-old","stores":["*"],"admin":true}`, 201, `"key":"a-key-of-old"`)
	f.want("DELETE", "/api/keys/ci", "", 200, `{"revoked":"ci"}`)
	f.want("DELETE", "/api/keys/ci", "", 404, `no key named`)
	if _, err := f.keys.Verify([]byte(made.Key)); err == nil {
		t.Error("the revoked key is accepted")
	}
	for _, secret := range []string{made.Key[17:], "a-key-of-old"} {
		if strings.Contains(f.log.String(), secret) {
			t.Errorf("a secret is in the log:\n%s", f.log.String())
		}
	}
	if !strings.Contains(f.log.String(), "name=ci") {
		t.Errorf("the keys' making is not logged:\n%s", f.log.String())
	}

	none, err := admin.Handler(admin.Options{Engine: f.engine})
	if err != nil {
		t.Fatal(err)
	}
	f.handler = none
	f.want("GET", "/api/keys", "", 409, `without keys`)
	f.want("POST", "/api/keys", `{"name":"x"}`, 409, `without keys`)
	f.want("DELETE", "/api/keys/x", "", 409, `without keys`)
}

func TestOther(t *testing.T) {
	f := newFixture(t)
	f.apply()
	f.want("GET", "/api/version", "", 200, `{"version":"1.2.3","commit":"abc","go":""}`)
	f.want("GET", "/metrics", "", 200, "quiver_catalog_groups 2")
	f.want("GET", "/metrics", "", 200, "quiver_keys 0")
	f.want("GET", "/metrics", "", 200, "go_goroutines")
	f.want("GET", "/debug/pprof/", "", 200, "goroutine")
	f.want("GET", "/debug/pprof/goroutine?debug=1", "", 200, "goroutine profile")
	f.want("GET", "/nothing", "", 404, `"error":"The admin API has no GET /nothing."`)
	f.want("POST", "/api/version", "", 405, `"error":"/api/version takes GET, not POST."`)
	f.want("PUT", "/api/keys", "", 405, `"error":"/api/keys takes GET and POST, not PUT."`)
	f.want("GET", "/api/services", "", 404, `"error":"This server has no services."`)
}

// serve starts a guarded server on a free port; it must shut down cleanly.
func serve(t *testing.T, o admin.ServerOptions) string {
	t.Helper()
	o.Listen = "127.0.0.1:0"
	s, err := admin.Listen(o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return "http://" + s.Addr().String()
}

// TestGuard checks that a browser cannot be made to use the API.
func TestGuard(t *testing.T) {
	f := newFixture(t)
	base := serve(t, admin.ServerOptions{Options: f.options})
	port := base[strings.LastIndexByte(base, ':'):]
	try := func(host, header, value string, want int) {
		t.Helper()
		req, err := http.NewRequest("GET", base+"/api/version", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		if header != "" {
			req.Header.Set(header, value)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != want || (want != 200 && !bytes.HasPrefix(body, []byte(`{"error":`))) {
			t.Errorf("host %q, %s %q: %d %s, want %d", host, header, value, res.StatusCode, body, want)
		}
	}
	try("", "", "", 200)
	try("localhost"+port, "", "", 200)
	try("LOCALHOST", "", "", 200)
	try("127.0.0.1", "", "", 200)
	try("[::1]"+port, "", "", 200)
	try("evil.example"+port, "", "", 403)
	try("localhost.evil.example", "", "", 403)
	try("127.0.0.1.evil.example", "", "", 403)
	try("10.0.0.1", "", "", 403)
	try("localhost", "Origin", "http://localhost:9999", 200)
	try("localhost", "Origin", "https://evil.example", 403)
	try("localhost", "Origin", "null", 403)
	try("localhost", "Sec-Fetch-Site", "cross-site", 403)
	try("localhost", "Sec-Fetch-Site", "same-origin", 200)
}
