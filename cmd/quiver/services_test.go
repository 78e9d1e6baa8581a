package main

import (
	"archive/zip"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// archived writes a zip file of names and texts.
func archived(t *testing.T, path string, files ...string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = io.WriteString(w, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// generationYAML defines a generation that looks people up under an endpoint.
func generationYAML(service, name string) string {
	return "{kind: Generation, service: " + service + ", name: " + name + ", endpoints: [{name: e, type: lookup, enrich: [{group: people, keys: [id], columns: [name]}]}]}\n"
}

// TestServices follows a service through the command line and the Dataiku admin API.
func TestServices(t *testing.T) {
	t.Parallel()
	dir, archives := t.TempDir(), t.TempDir()
	s := start(t, "serve", "--data", dir, "--no-auth", "--apply", write(t, "s.yaml", servicesYAML))
	run := func(args ...string) string {
		t.Helper()
		return ok(t, append(append([]string{"services"}, args...), "--server", s.admin)...)
	}
	refused := func(want string, args ...string) {
		t.Helper()
		fails(t, 1, want, append(append([]string{"services"}, args...), "--server", s.admin)...)
	}
	answers := func(service, want string) {
		t.Helper()
		status, body := s.post(t, "/public/api/v1/"+service+"/e/lookup", "", `{"data":{"id":1}}`)
		_, generation, _ := strings.Cut(body, `"serviceGeneration":"`)
		generation, _, _ = strings.Cut(generation, `"`)
		if generation != want {
			t.Errorf("%s is answered by %q (%d %s), want %q", service, generation, status, body, want)
		}
	}
	v2 := filepath.Join(archives, "v2.zip")
	archived(t, v2, "g/generation.yaml", generationYAML("s", "v2"), "g/code/deep.yaml", "not: a definition", "g/README", "x")
	bad := filepath.Join(archives, "bad.zip")
	archived(t, bad, "../generation.yaml", generationYAML("s", "v9"))
	two := filepath.Join(archives, "two.zip")
	archived(t, two, "a.yaml", generationYAML("s", "v8")+"---\n"+generationYAML("s", "v9"))
	other := filepath.Join(archives, "other.zip")
	archived(t, other, "a.yaml", generationYAML("other", "v8"))

	if out := run("list"); out != "SERVICE  ENABLED\ns        yes\n" {
		t.Error(out)
	}
	run("create", "other")
	if out := run("import", "s", v2); out != "imported v2; `quiver services switch s v2` lets it answer\n" {
		t.Error(out)
	}
	refused(`quiver: Service "s" has a generation "v2" already.`, "import", "s", v2)
	refused(`quiver: The archive holds a generation of service "s", not of "other".`, "import", "other", v2)
	refused(`quiver: There is no service "none".`, "import", "none", v2)
	refused(`quiver: An archive holds the definition of one generation, and no other.`, "import", "s", two)
	refused(`quiver: cannot import bad.zip: the name "../generation.yaml" is not that of a file below a folder`, "import", "s", bad)
	answers("s", "v1")
	run("preload", "s", "v2")
	refused(`quiver: Service "s" has no generation "v9".`, "preload", "s", "v9")
	if out := run("generations", "s"); !strings.Contains(out, "GENERATION") || !strings.Contains(out, "yes      0%\n") || !strings.Contains(out, "yes      100%\n") {
		t.Error(out)
	}
	if out := run("switch", "s"); out != "s is answered by v2\n" {
		t.Error(out)
	}
	answers("s", "v2")
	run("mapping", "s", "v1=0.5", "v2=0.5")
	fails(t, 2, `quiver: "v1" is not GENERATION=PROBABILITY, such as v1=0.9`, "services", "mapping", "s", "v1")
	run("disable", "s")
	answers("s", "")
	run("enable", "s")
	run("switch", "s", "v2")

	// The Dataiku admin API takes archives from one folder.
	call := func(method, path string, status int, want string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, s.front+"//admin/api/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != status || !json.Valid(body) || !strings.Contains(string(body), want) {
			t.Errorf("%s %s: %d %s (%v), want %d %s", method, path, res.StatusCode, body, err, status, want)
		}
	}
	imports := filepath.Join(dir, importsDir)
	if err := os.MkdirAll(imports, 0o700); err != nil {
		t.Fatal(err)
	}
	archived(t, filepath.Join(imports, "v3.zip"), "generation.yaml", generationYAML("s", "v3"))
	const action = "services/s/generations/actions/importFromArchive?filePath="
	call("POST", action+filepath.Join(imports, "v3.zip"), 200, `"generation":"v3"`)
	call("POST", action+filepath.Join(imports, "v3.zip"), 409, "already")
	call("POST", action+v2, 400, "is not in")
	call("POST", action, 400, "'filePath' is missing")
	answers("s", "v2")

	if out := run("clean", "--output", "json"); !strings.Contains(out, `"other"`) || !strings.Contains(out, `"s/v1"`) || !strings.Contains(out, `"s/v3"`) || strings.Contains(out, "s/v2") {
		t.Error(out)
	}
	if out := run("clean"); out != "nothing is unused\n" {
		t.Error(out)
	}
	answers("s", "v2")
	call("DELETE", "services-clean-unused", 200, `"removedGenerations":[]`)
	run("delete", "s")
	s.stop(t)
	if out := ok(t, "services", "list", "--data", dir); !strings.Contains(out, "there are no services") {
		t.Error(out)
	}
}
