package dataiku_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"quiver/httpfront/fronttest"
)

// call makes an admin call and checks its status and part of its answer.
func (w *world) call(t *testing.T, method, path, body string, status int, want string) string {
	t.Helper()
	res := w.Do(fronttest.Request{
		Method: method, Target: "//admin/api/" + path, Body: body, Header: map[string]string{"Authorization": "Basic QURNOg=="},
	})
	if res.Status != status || !strings.Contains(res.Body, want) {
		t.Errorf("%s %s %s: %d %s\nwant %d %s", method, path, body, res.Status, res.Body, status, want)
	}
	if status >= 400 {
		checkError(t, method+" "+path, res)
	}
	return res.Body
}

// ask makes a lookup and returns the generation that answered, or the status.
func (w *world) ask(service, body string) string {
	res, err := w.Try(fronttest.Request{
		Method: "POST", Target: "/public/api/v1/" + service + "/lk/lookup", Body: body, Header: map[string]string{"Authorization": "Bearer KEY"},
	})
	if err != nil {
		return err.Error()
	}
	if res.Status != 200 {
		return fmt.Sprint(res.Status)
	}
	_, rest, _ := strings.Cut(res.Body, `"serviceGeneration":"`)
	name, _, _ := strings.Cut(rest, `"`)
	return name
}

// TestAdmin follows a service through the admin API.
func TestAdmin(t *testing.T) {
	w := newWorld(t)
	is := func(service, body, want string) {
		t.Helper()
		if got := w.ask(service, body); got != want {
			t.Errorf("%s %s is answered by %s, want %s", service, body, got, want)
		}
	}
	w.call(t, "POST", "services/", `{"serviceId":"fresh"}`, 200, `{"ok":true}`)
	w.call(t, "POST", "services", `{"serviceId":"fresh"}`, 409, "already")
	w.call(t, "POST", "services", `{"serviceId":"a/b"}`, 400, "must begin with")
	w.call(t, "POST", "services", `{"serviceId":"a/b"}`, 400, `{"errorType":"quiver.IllegalArgumentException","message":"name \"a/b\" must`)
	w.call(t, "POST", "services", ``, 400, "'serviceId' is missing")
	w.call(t, "POST", "services", `{"serviceId":5}`, 400, "'serviceId' cannot be a JSON number.")
	w.call(t, "POST", "services", `[]`, 400, "'body' should be an object.")
	w.call(t, "GET", "services", "", 200, `{"serviceId":"fresh","enabled":true}`)
	w.call(t, "GET", "services/fresh/generations", "", 200, `{"generations":[]}`)
	w.call(t, "POST", "services/fresh/actions/switchToNewest", "", 404, "has no generation")
	w.call(t, "DELETE", "services/fresh", "", 200, `{"ok":true}`)
	w.call(t, "DELETE", "services/fresh", "", 404, "There is no Service fresh")

	w.call(t, "POST", "services/svc/generations/v3/preload", "", 200, "ok")
	w.call(t, "POST", "services/svc/generations/v9/preload", "", 404, "has no generation")
	is("svc", `{"dispatch":{"forcedGeneration":"v3"}}`, "v3")
	is("svc", `{"dispatch":{"forcedGeneration":"v9"}}`, "404")
	w.call(t, "POST", "services/svc/actions/switchTo/v1", "", 200, "ok")
	is("svc", "", "v1")
	w.call(t, "POST", "services/svc/actions/switchTo/v9", "", 404, "has no generation")
	is("svc", "", "v1")
	w.call(t, "POST", "services/svc/actions/switchToNewest", "", 200, `"generation":"v3"`)
	is("svc", "", "v3")
	w.call(t, "GET", "services/svc/generations", "", 200, `"tag":"v3"`)
	w.call(t, "GET", "services/svc/generations", "", 200, `"mounted":true,"mappedProba":1}`)
	w.call(t, "POST", "services/svc/actions/disable", "", 200, "ok")
	is("svc", "", "503")
	w.call(t, "POST", "services/svc/actions/enable", "", 200, "ok")
	is("svc", "", "v3")
	w.call(t, "POST", "services/svc/actions/disable", "", 200, "ok")
	w.call(t, "POST", "services/svc/actions/setMapping", `{"entries":[{"generation":"v1","proba":0.5},{"generation":"v2","proba":0.6}]}`, 400, "add up to 1")
	w.call(t, "POST", "services/svc/actions/setMapping", `{"entries":[{"generation":"v1","proba":0.5},{"generation":"v1","proba":0.5}]}`, 400, "twice")
	w.call(t, "POST", "services/svc/actions/setMapping", `{"entries":[]}`, 400, "missing or empty")
	is("svc", "", "503")
	w.call(t, "POST", "services/svc/actions/setMapping", `{"entries":[{"generation":"v1","proba":0.25},{"generation":"v2","proba":0.75}]}`, 200, "ok")
	w.call(t, "GET", "services", "", 200, `{"serviceId":"svc","enabled":true}`)
	count := map[string]int{}
	for i := range 400 {
		count[w.ask("svc", fmt.Sprintf(`{"dispatch":{"dispatchKey":"user-%d"}}`, i))]++
	}
	if count["v1"] < 60 || count["v1"] > 140 || count["v1"]+count["v2"] != 400 {
		t.Errorf("of 400 keys at 0.25 and 0.75: %v", count)
	}
	w.call(t, "GET", "metrics", "", 200, `{"serviceId":"svc","endpointId":"lk","requests":4`)
	if def := w.engine.Snapshot().Service("svc"); len(def.Mapping) != 2 {
		t.Errorf("the definition does not follow: %+v", def)
	}
}

// tarball writes a tar.gz file of names and texts.
func tarball(t *testing.T, path string, files ...string) {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for i := 0; i < len(files); i += 2 {
		err := w.WriteHeader(&tar.Header{Name: files[i], Size: int64(len(files[i+1])), Mode: 0o600, Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write([]byte(files[i+1]))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(w.Close(), z.Close())
	if err == nil {
		err = os.WriteFile(path, b.Bytes(), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestImport imports archives, and cleans up.
func TestImport(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, func(o *worldOptions) { o.Imports = dir })
	const head = "services/svc/generations/actions/importFromArchive?filePath="
	model := string(lightGBM("regression", 1, []string{"x"}, stump{0, 1, 2}))
	const good = "{kind: Generation, service: svc, name: v4, endpoints: [{name: m, type: prediction, model: models/m.txt, task: regression, features: [{name: x, type: double}]}]}"
	f := func(name string, status int, want string, files ...string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if files != nil {
			tarball(t, path, files...)
		}
		w.call(t, "POST", head+url.QueryEscape(path), "", status, want)
	}
	f("good.tar.gz", 200, `{"generation":"v4","ok":true}`, "./pkg/g.yaml", good, "./pkg/models/m.txt", model)
	f("good.tar.gz", 409, `already`)
	if got := w.ask("svc", `{"dispatch":{"forcedGeneration":"v4"}}`); got != "404" { // it has no endpoint lk
		t.Errorf("v4 answers %s", got)
	}
	res := w.Do(fronttest.Request{
		Method: "POST", Target: "/public/api/v1/svc/m/predict", Body: `{"features":{"x":9},"dispatch":{"forcedGeneration":"v4"}}`, Header: map[string]string{"Authorization": "Bearer KEY"},
	})
	if results(res.Body) != `{"result":{"prediction":2,"ignored":false}` {
		t.Errorf("v4: %d %s", res.Status, res.Body)
	}
	f("none.tar.gz", 400, "no such file")
	f("up.tar.gz", 400, "not that of a file below a folder", "../g.yaml", good)
	f("model.tar.gz", 400, "was not handed in", "g.yaml", strings.Replace(good, "v4", "v5", 1))
	f("broken.tar.gz", 400, "cannot be made", "g.yaml", strings.Replace(good, "v4", "v5", 1), "models/m.txt", "nonsense")
	f("empty.tar.gz", 400, "the definition of one generation", "README", "x")
	f("group.tar.gz", 400, "the definition of one generation", "g.yaml", "{kind: Service, name: evil}")
	f("more.tar.gz", 400, "the definition of one generation", "g.yaml", strings.Replace(good, "v4", "v5", 1)+"\n---\n{kind: Service, name: evil}", "models/m.txt", model)
	f("other.tar.gz", 400, `a generation of service`, "g.yaml", strings.Replace(good, "svc", "s", 1), "models/m.txt", model)
	w.call(t, "POST", strings.Replace(head, "svc", "nope", 1)+"good.tar.gz", "", 404, "no service")
	w.call(t, "POST", head+"/etc/passwd", "", 400, "is not in")
	if w.engine.Snapshot().Service("evil") != nil || w.engine.Snapshot().Generation("svc", "v5") != nil {
		t.Error("a refused archive left something")
	}

	w.call(t, "DELETE", "services-clean-unused", "", 200, `"removedGenerations":[`)
	var left []string
	for _, s := range w.engine.Snapshot().Services() {
		for _, g := range w.engine.Snapshot().Generations(s.Name) {
			if !s.Maps(g.Name) {
				t.Errorf("%s/%s is left", s.Name, g.Name)
			}
		}
		left = append(left, s.Name)
	}
	if slices.Contains(left, "empty") || slices.Contains(left, "s1") || !slices.Contains(left, "svc") {
		t.Errorf("left: %v", left)
	}
	w.call(t, "DELETE", "model-cache", "", 200, "Nothing to clean")
	w.call(t, "DELETE", "cached-code-envs", "", 200, "Nothing to clean")
	w.call(t, "POST", "model-cache?modelArchivePath=x", "", 400, "keeps no models")
	w.call(t, "POST", "cached-code-envs?fileDir=x&language=python", "", 400, "keeps no models")
	w.call(t, "POST", "register-global-code-env", "", 400, "keeps no models")
	for _, path := range []string{"services", "services/svc/actions/enable", "services-clean-unused", "keys", "metrics", "model-cache", "services/svc/generations"} {
		w.call(t, "PUT", path, "", 405, "does not take that method")
	}
	w.call(t, "GET", "services-clean-unused", "", 405, "does not take that method")
	w.call(t, "GET", "services/svc/nothing", "", 404, "no such path")
}

// TestAdminKeys makes, uses and deletes keys.
func TestAdminKeys(t *testing.T) {
	w := newWorld(t)
	body := w.call(t, "POST", "keys", `{"label":"my key","description":null,"createdBy":null,"expiry":null}`, 200, `"id":"my-key"`)
	_, rest, _ := strings.Cut(body, `"key":"`)
	key, _, _ := strings.Cut(rest, `"`)
	use := func(want int) {
		t.Helper()
		if res := w.Do(fronttest.Request{Target: "/admin/api/keys", Header: map[string]string{"Authorization": "Bearer " + key}}); res.Status != want || strings.Contains(res.Body, key) {
			t.Errorf("with the key: %d %s, want %d", res.Status, res.Body, want)
		}
	}
	use(200)
	w.call(t, "POST", "keys", `{"label":"my key"}`, 409, "already")
	w.call(t, "POST", "keys", `{"label":"x","expiry":"soon"}`, 400, "is not a time")
	w.call(t, "POST", "keys", "", 200, `"id":"admin-`)
	w.call(t, "POST", "keys", `{"label":"later","expiry":"2035-01-31T10:00:00"}`, 200, `"expiry":"2035-01-31T10:00:00Z"`)
	w.call(t, "POST", "keys", `{"label":"day","expiry":"2035-01-31"}`, 200, `"expiry":"2035-01-31T00:00:00Z"`)
	w.call(t, "POST", "keys", `{"label":"never","expiry":"2035-13-31"}`, 400, "is not a time")
	w.call(t, "DELETE", "keys/"+key, "", 200, "ok")
	use(401)
	w.call(t, "DELETE", "keys/nothing", "", 404, "no such key")
	w.call(t, "DELETE", "keys/nothing/key", "", 404, "there is no key")
	w.call(t, "DELETE", "keys/ID/key", "", 200, "ok")
}

// TestSwitchesUnderLoad switches generations ten times while requests run; none may
// fail, and after each switch the new generation answers.
func TestSwitchesUnderLoad(t *testing.T) {
	w := newWorld(t)
	w.call(t, "POST", "services/svc/actions/switchTo/v1", "", 200, "ok")
	var stop atomic.Bool
	var requests atomic.Int64
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for !stop.Load() {
				if got := w.ask("svc", `{"data":{"k":5}}`); !strings.HasPrefix(got, "v") {
					t.Errorf("a request failed: %s", got)
					return
				}
				requests.Add(1)
			}
		})
	}
	for i := range 10 {
		name := []string{"v2", "v1"}[i%2]
		before := requests.Load()
		w.call(t, "POST", "services/svc/actions/switchTo/"+name, "", 200, "ok")
		if got := w.ask("svc", ""); got != name {
			t.Errorf("after switch %d to %s, %s answers", i, name, got)
		}
		for requests.Load() < before+20 && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
	}
	stop.Store(true)
	wait.Wait()
	t.Logf("%d requests during 10 switches", requests.Load())
}
