package dataiku_test

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/querylog"
	"quiver/engine/service"
	"quiver/httpfront"
	"quiver/httpfront/dataiku"
	"quiver/httpfront/fronttest"
)

const definitions = `
kind: FeatureGroup
store: default
name: titanic
key: [PassengerId]
features: [{name: PassengerId, type: string}, {name: Name, type: string}, {name: Age, type: double}, {name: Fare, type: double}]
---
kind: FeatureGroup
store: default
name: people
key: [id]
indexes: [{name: by_k, columns: [k]}]
features:
  - {name: id, type: bigint}
  - {name: k, type: int}
  - {name: ok, type: boolean}
  - {name: at, type: timestamp}
  - {name: day, type: date}
  - {name: home, type: int}
---
kind: FeatureGroup
store: default
name: places
key: [country, id]
features: [{name: country, type: string}, {name: id, type: int}, {name: city, type: string}]
---
kind: Service
name: lookup_svc
mapping: {v1: 1}
---
kind: Generation
service: lookup_svc
name: v1
endpoints:
  - {name: passenger_info, type: lookup, enrich: [{group: titanic, keys: [PassengerId], columns: [Name, Age, Fare]}]}
  - {name: passenger_by_key, type: lookup, enrich: [{group: titanic, keys: {id_key: PassengerId}, columns: [Name, Age, Fare]}]}
---
kind: Service
name: s
auth: public
dispatch: hash
mapping: {v1: 0.5, v2: 0.5}
---
kind: FeatureGroup
store: default
name: cust
key: [row]
indexes: [{name: by_id, columns: [id]}]
features: [{name: row, type: int}, {name: id, type: int}, {name: fico, type: int}]
---
kind: Service
name: svc
dispatch: hash
mapping: {v1: 0.5, v2: 0.5}
---
kind: Service
name: pub
auth: public
mapping: {v1: 1}
---
{kind: Service, name: tok, auth: jwt, mapping: {v1: 1}, jwt: {jwks: jwks.json, issuer: iam, scope: predict}}
---
kind: Service
name: quiet
auth: public
queryLog: false
swagger: false
mapping: {v1: 1}
---
kind: Service
name: s1
enabled: false
---
kind: Service
name: empty
---
kind: Service
name: python_svc
auth: public
mapping: {v1: 1}
---
kind: Generation
service: python_svc
name: v1
endpoints: [{name: simple_sum, type: pythonFunction, file: code/f.py, function: simple_sum}]
`

// generationOf defines a generation with every endpoint of the tests.
func generationOf(service, name string) string {
	return fmt.Sprintf(`---
kind: Generation
service: %s
name: %s
endpoints:
  - {name: lk, type: lookup, enrich: [{group: people, keys: [k], columns: [id]}]}
  - {name: lk_ignore, type: lookup, enrich: [{group: people, keys: [k], columns: [id], onMultiple: IGNORE, onNoMatch: IGNORE, onMissingKey: IGNORE}]}
  - {name: lk_fail, type: lookup, enrich: [{group: people, keys: [k], columns: [id], onMultiple: FAIL, onNoMatch: FAIL, onMissingKey: FAIL}]}
  - {name: lk2, type: lookup, enrich: [{group: places, keys: [country, id], columns: [city]}]}
  - {name: person, type: lookup, enrich: [{group: people, keys: [id], columns: [ok, at, day]}]}
  - name: chain
    type: lookup
    enrich:
      - {group: people, keys: {person: id}, columns: {home: home_id}}
      - {group: places, keys: {country: country, home_id: id}, columns: [city]}
  - {name: cust, type: lookup, enrich: [{group: cust, keys: {customer_id: id}, columns: {fico: card_fico}, onMultiple: IGNORE}]}
`, service, name)
}

// world is a server with keys over a socket.
type world struct {
	*fronttest.Front
	engine *engine.Engine
	alive  atomic.Bool
	log    *querylog.Log // nil: none
	// everything is the secret of a key with rights on all services.
	everything string
	notADM     string // the secret of a key with rights on other services only
}

// worldOptions are what a world may differ in.
type worldOptions struct {
	dataiku.Options
	endpoints string   // further ones
	services  []string // that have them
}

func newWorld(t testing.TB, more ...func(*worldOptions)) *world {
	t.Helper()
	o := worldOptions{}
	for _, f := range more {
		f(&o)
	}
	e := enginetest.New(t)
	text := definitions
	for _, service := range []string{"s", "svc", "pub", "s1", "quiet", "tok"} {
		for _, name := range []string{"v1", "v2", "v3"} {
			text += generationOf(service, name)
			if service == "s" || service == "svc" {
				text += predictions()
			}
			if slices.Contains(o.services, service) {
				text += o.endpoints
			}
		}
	}
	if _, err := e.Apply(append(append(models(), codeFiles()...), catalog.File{Name: "d.yaml", Text: []byte(text)}), false); err != nil {
		t.Fatal(err)
	}
	ref := func(name string) engine.Ref { return engine.Ref{Store: "default", Name: name} }
	enginetest.Load(t, e, ref("titanic"), []string{`"42"`, `"Turpin"`, `27`, `21`}, []string{`"43"`, `"Kraeff"`, `null`, `7.8958`})
	enginetest.Load(t, e, ref("people"),
		[]string{`9007199254740993`, `5`, `true`, `"2017-01-01 00:00:59"`, `"2020-02-29"`, `3`},
		[]string{`8`, `5`, `false`, `null`, `null`, `null`},
		[]string{`9`, `6`, `null`, `null`, `null`, `4`})
	enginetest.Load(t, e, ref("cust"), []string{`1`, `8`, `600`}, []string{`2`, `8`, `650`}, []string{`3`, `7`, `700`}, []string{`4`, `10`, `null`})
	enginetest.Load(t, e, ref("places"), []string{`"FR"`, `3`, `"Paris"`})

	dir := t.TempDir()
	keys, err := auth.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	w := &world{engine: e}
	for _, o := range []auth.CreateOptions{
		{Name: "key", Services: []string{"lookup_svc", "svc", "empty"}, Import: "KEY"},
		{Name: "adm", Admin: true, Import: "ADM"},
		{Name: "ID", Import: "SPARE"},
	} {
		if _, err := keys.Create(o); err != nil {
			t.Fatal(err)
		}
	}
	if w.notADM, err = keys.Create(auth.CreateOptions{Name: "other", Services: []string{"other"}, Stores: []string{"default"}}); err != nil {
		t.Fatal(err)
	}
	if w.everything, err = keys.Create(auth.CreateOptions{Name: "all", Services: []string{auth.Every}, Admin: true}); err != nil {
		t.Fatal(err)
	}
	s := service.New(e)
	t.Cleanup(s.Close)
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	w.alive.Store(true)
	o.Address = func() string { return w.URL }
	o.Keys, o.Alive, o.Version, o.MaxItems = keys, w.alive.Load, "test", 100
	w.Front = fronttest.Start(t, httpfront.Options{Dialects: dataiku.New(e, s, o.Options), Keys: keys})
	return w
}

// results cuts what varies off an answer.
func results(body string) string {
	out, _, _ := strings.Cut(body, `,"timing":`)
	return out
}

// TestLookup has one request a case.
func TestLookup(t *testing.T) {
	w := newWorld(t)
	f := func(endpoint, body, want string) {
		t.Helper()
		res := w.Do(fronttest.Request{Method: "POST", Target: "/public/api/v1/s/" + endpoint, Body: body})
		if results(res.Body) != want {
			t.Errorf("%s %s: %d %s\nwant %s", endpoint, body, res.Status, res.Body, want)
		}
	}
	one := func(data string) string { return `{"results":[{"data":` + data + `,"ignored":false}]` }
	lost := func(reason string) string {
		return `{"results":[{"data":{},"ignored":true,"ignoreReason":"` + reason + `"}]`
	}
	person := one(`{"id":9007199254740993,"ok":true,"at":"2017-01-01T00:00:59.000Z","day":"2020-02-29"}`)
	f("person/lookup", `{"data":{"id":9007199254740993}}`, person)
	f("person/lookup", `{"data":{"id":"9007199254740993"}}`, person)
	f("person/lookup", `{"data":{"id":9007199254740993.0,"other":NaN}}`, person)
	f("person/lookup", `{"data":{"id":9007199254740992}}`, one(`{"id":9007199254740992,"ok":null,"at":null,"day":null}`))
	f("person/lookup", `{"data":{"id":8.0}}`, one(`{"id":8,"ok":false,"at":null,"day":null}`))
	f("person/lookup", `{"data":{"id":8.5}}`, one(`{"id":8.5,"ok":null,"at":null,"day":null}`))
	f("person/lookup", `{"data":{"id":80e-1}}`, one(`{"id":8,"ok":false,"at":null,"day":null}`))
	f("person/lookup", `{"data":{"id":"+8"}}`, one(`{"id":8,"ok":false,"at":null,"day":null}`))
	f("person/lookup", `{"data":{"id":"x"}}`, one(`{"id":"x","ok":null,"at":null,"day":null}`))
	f("person/lookup", `{"data":{"id":[NaN]}}`, one(`{"id":null,"ok":null,"at":null,"day":null}`))
	f("person/lookup", `{"data":{"id":NaN}}`, one(`{"id":null,"ok":null,"at":null,"day":null}`))
	f("person/lookup", ``, one(`{"id":null,"ok":null,"at":null,"day":null}`))
	f("lk/lookup", `{"data":{"k":5}}`, one(`{"k":5,"id":9007199254740993}`))
	f("lk_ignore/lookup", `{"data":{"k":5}}`, lost("MULTIPLE_LOOKUP_MATCHES"))
	f("lk_ignore/lookup", `{"data":{"k":6}}`, one(`{"k":6,"id":9}`))
	f("lk_ignore/lookup", `{"data":{"k":7}}`, lost("NO_LOOKUP_MATCH"))
	f("lk_ignore/lookup", `{"data":{"k":null}}`, lost("MISSING_LOOKUP_KEY"))
	f("lk2/lookup", `{"data":{"country":"FR","id":"3"}}`, one(`{"country":"FR","id":3,"city":"Paris"}`))
	f("chain/lookup", `{"data":{"country":"FR","person":9007199254740993}}`, one(`{"person":9007199254740993,"home_id":3,"country":"FR","city":"Paris"}`))
	f("chain/lookup", `{"data":{"country":"FR","person":8}}`, one(`{"person":8,"home_id":null,"country":"FR","city":null}`))
	f("lk/lookup-multi", `{"items":[]}`, `{"results":[]`)
	f("lk/lookup-multi", ``, `{"results":[]`)
	f("lk/lookup-multi", `{"items":[null,{"data":null}]}`, `{"results":[{"data":{"k":null,"id":null},"ignored":false},{"data":{"k":null,"id":null},"ignored":false}]`)
	f("lk_ignore/lookup-multi", `{"items":[{"data":{"k":5}},{},{"data":{"k":6}}]}`,
		`{"results":[{"data":{},"ignored":true,"ignoreReason":"MULTIPLE_LOOKUP_MATCHES"},{"data":{},"ignored":true,"ignoreReason":"MISSING_LOOKUP_KEY"},{"data":{"k":6,"id":9},"ignored":false}]`)
}

// TestTextKeys looks up a column of texts by numbers, which are the same key.
func TestTextKeys(t *testing.T) {
	w := newWorld(t)
	for _, key := range []string{`42`, `42.0`, `"42"`} {
		res := w.Do(fronttest.Request{
			Method: "POST", Target: "/public/api/v1/lookup_svc/passenger_info/lookup", Body: `{"data":{"PassengerId":` + key + `}}`,
			Header: map[string]string{"Authorization": "Bearer KEY"},
		})
		if want := `{"results":[{"data":{"PassengerId":"42","Name":"Turpin","Age":27,"Fare":21},"ignored":false}]`; results(res.Body) != want {
			t.Errorf("%s: %s\nwant %s", key, res.Body, want)
		}
	}
}

// TestErrors has one request a case; every answer is an error object with both headers.
func TestErrors(t *testing.T) {
	w := newWorld(t)
	f := func(method, target, body, key string, status int, want string) {
		t.Helper()
		r := fronttest.Request{Method: method, Target: target, Body: body, Header: map[string]string{}}
		if key != "" {
			r.Header["Authorization"] = "Bearer " + key
		}
		res := w.Do(r)
		if res.Status != status || !strings.Contains(res.Body, want) {
			t.Errorf("%s %s: %d %s\nwant %d %s", method, target, res.Status, res.Body, status, want)
		}
		checkError(t, method+" "+target, res)
	}
	const p = "/public/api/v1/"
	f("POST", p+"s/lk_fail/lookup", `{"data":{"k":5}}`, "", 400, "several rows match")
	f("POST", p+"s/lk_fail/lookup", `{"data":{"k":7}}`, "", 400, "no row matches")
	f("POST", p+"s/lk_fail/lookup", `{}`, "", 400, "the key 'k' is missing")
	f("POST", p+"s/lk/lookup", `{"data":{`, "", 400, "not valid JSON")
	f("POST", p+"s/lk/lookup", `{"data":{}} x`, "", 400, "not valid JSON")
	f("POST", p+"s/lk/lookup", `{"data":5}`, "", 400, "should be an object")
	f("POST", p+"s/lk/lookup", `null`, "", 400, "'body' should be an object.")
	f("POST", p+"s/lk/lookup-multi", `[{"data":{}}]`, "", 400, "'body' should be an object.")
	f("POST", p+"s/lk/lookup-multi", `{"items":{}}`, "", 400, "'items' should be an array.")
	f("POST", p+"s/lk/lookup-multi", `{"items":[{},5]}`, "", 400, "'items[1]' should be an object.")
	f("POST", p+"s/lk/lookup", `{"dispatch":{"forcedGeneration":["v1"]}}`, "", 400, "'forcedGeneration' should be a text.")
	f("POST", p+"svc/lk/lookup", `{}`, "nobody's", 401, `"message":"Unknown API Key","detailedMessage":"Unknown API Key"`)
	f("POST", p+"svc/lk/lookup", `{}`, strings.Repeat("x", 16)+"."+strings.Repeat("y", 43), 401, "Unknown API Key")
	f("POST", p+"s/lk/lookup-multi", `{"items":[`+strings.Repeat("{},", 100)+`{}]}`, "", 413, "More than 100 items")
	f("GET", p+"s/lk/lookup-simple?k=1&x=2", "", "", 400, "has 1 keys (k), the query 2 parameters")
	f("GET", p+"s/lk/lookup", "", "", 405, "lookup does not take GET")
	f("DELETE", p+"s/lk/predict", "", "", 405, "")
	for method, target := range map[string]string{"GET": "lookup", "POST": "lookup-simple"} {
		res := w.Do(fronttest.Request{Method: method, Target: p + "s/lk/" + target})
		if allow := res.Header["Allow"]; res.Status != 405 || allow == "" || strings.Contains(allow, method) {
			t.Errorf("%s %s: %d, Allow %q", method, target, res.Status, allow)
		}
	}
	f("POST", p+"s/lk/run", "", "", 404, "it answers lookup, lookup-multi, lookup-simple")
	f("POST", p+"s/none/lookup", "{}", "", 404, "no endpoint")
	f("POST", p+"s/lk/lookup", `{"dispatch":{"forcedGeneration":"v9"}}`, "", 404, "no generation")
	f("POST", p+"nope/ep/lookup", "{}", "KEY", 404, "no service")
	f("POST", p+"a/b/c/d/e", "{}", "", 404, "")
	f("GET", "/admin/api/nothing", "", "ADM", 404, "")
	f("GET", "/isAlive/x", "", "", 404, "")
	w.alive.Store(false)
	if res := w.Do(fronttest.Request{Target: "/isAlive/"}); res.Status != 503 || res.Header["Dss-Version"] != "test" {
		t.Errorf("not alive: %+v", res)
	}
	w.alive.Store(true)
	if res := w.Do(fronttest.Request{Target: "//isAlive"}); res.Status != 200 || res.Header["Dss-Api-Version"] != "1" {
		t.Errorf("alive: %+v", res)
	}
}

// TestHeaderNames reads the two headers byte by byte: they are spelled as documented.
func TestHeaderNames(t *testing.T) {
	w := newWorld(t)
	c, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err = io.WriteString(c, "GET /isAlive/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if want := "\r\nDSS-API-Version: 1\r\nDSS-Version: test\r\n"; err != nil || !strings.Contains(string(answer), want) {
		t.Errorf("%v: %s", err, answer)
	}
}

// TestAuthorisation goes through who may call what.
func TestAuthorisation(t *testing.T) {
	w := newWorld(t)
	lookup := func(svc, endpoint string) fronttest.Request {
		return fronttest.Request{Method: "POST", Target: "/public/api/v1/" + svc + "/" + endpoint, Body: `{"data":{}}`}
	}
	private, public := lookup("lookup_svc", "passenger_info/lookup"), lookup("s", "lk/lookup")
	verb, none := lookup("lookup_svc", "passenger_info/predict"), lookup("none", "x/lookup")
	simple := fronttest.Request{Target: "/public/api/v1/lookup_svc/passenger_info/lookup-simple?PassengerId=42"}
	admin := fronttest.Request{Target: "/admin/api/services"}
	f := func(who, header string, want ...int) {
		t.Helper()
		for i, r := range []fronttest.Request{private, public, verb, none, simple, admin} {
			r.Header = map[string]string{}
			if header != "" {
				r.Header["Authorization"] = header
			}
			res := w.Do(r)
			if res.Status != want[i] {
				t.Errorf("%s, request %d: %d, want %d: %s", who, i, res.Status, want[i], res.Body)
			}
			if res.Status >= 400 {
				checkError(t, who, res)
			}
		}
	}
	for header, want := range map[string]string{"": `Basic realm="quiver"`, "Digest x": "", "Bearer x": "", "Basic Og==": ""} {
		private.Header = map[string]string{"Authorization": header}
		if header == "" {
			private.Header = nil
		}
		if res := w.Do(private); res.Status != 401 || res.Header["Www-Authenticate"] != want {
			t.Errorf("%q: %d, asked for %q", header, res.Status, res.Header["Www-Authenticate"])
		}
	}
	f("nobody", "", 401, 200, 401, 401, 401, 401)
	f("None:", "Basic Tm9uZTo=", 401, 200, 401, 401, 401, 401)
	f("garbage", "Digest x", 401, 200, 401, 401, 401, 401)
	f("the service's key, Basic", "Basic S0VZOg==", 200, 200, 404, 404, 200, 403)
	f("the service's key, Bearer", "Bearer KEY", 200, 200, 404, 404, 200, 403)
	f("another service's key", "Bearer "+w.notADM, 403, 200, 403, 404, 403, 403)
	f("an admin key", "Basic QURNOg==", 403, 200, 403, 404, 403, 200)
}
