package catalog

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

const functionService = `
{kind: Service, name: fs}
---
kind: Generation
service: fs
name: v1
endpoints:
  - {name: one, type: pythonFunction, file: code/a.py, function: f}
  - {name: r, type: rFunction, file: code/c.bin, function: h}
  - name: many
    type: pythonFunction
    folder: code
    file: sub/b.py
    function: g
    interpreter: /opt/python
    env: {HOW: "well"}
    pool: {floor: 1, cruise: 3, ceil: 4, queue: 0, timeout: 5s, idle: 1m}
    limits: {run: 2s, start: 10s, memory: 512MiB, answer: 2MB, cpu: 1h, files: 64, processes: 8, network: true, maxAge: 24h, maxCalls: 1000, maxMemory: 1GiB}
    coerce: false
    traceback: true
    customResponse: true
    request: true
`

// functionFiles are the definitions with the files that they name.
func functionFiles(text string) []File {
	return []File{
		{Name: "d/fs.yaml", Text: []byte(text)},
		{Name: "d/code/a.py", Text: []byte("A")},
		{Name: "d/code/sub/b.py", Text: []byte("B")},
		{Name: "d/code/c.bin", Text: []byte("\xff\x00"), Attached: true},
		{Name: "d/codes/other.py", Text: []byte("no")},
	}
}

// TestFunctions reads functions, lists them and reads the listing.
func TestFunctions(t *testing.T) {
	dir := t.TempDir()
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	next, _, err := c.Prepare(functionFiles(functionService), false)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(next); err != nil {
		t.Fatal(err)
	}
	check := func(s *Snapshot) {
		t.Helper()
		g := s.Generation("fs", "v1")
		one, many := *g.Endpoints[0].Function, *g.Endpoints[2].Function
		if r := g.Endpoints[1].Function; !r.R || r.File != "c.bin" || len(r.Files) != 1 {
			t.Errorf("%+v", r)
		}
		files := func(f *FunctionEndpoint) map[string]string {
			out := map[string]string{}
			for i := range f.Files {
				b, err := f.Files[i].Bytes()
				if err != nil {
					t.Fatal(err)
				}
				out[f.Files[i].Name] = string(b)
			}
			f.Files = nil
			return out
		}
		if got := files(&one); !reflect.DeepEqual(got, map[string]string{"a.py": "A"}) {
			t.Errorf("files of one: %q", got)
		}
		if got := files(&many); !reflect.DeepEqual(got, map[string]string{"a.py": "A", "sub/b.py": "B", "c.bin": "\xff\x00"}) {
			t.Errorf("files of many: %q", got)
		}
		if want := (FunctionEndpoint{File: "a.py", Function: "f"}); !reflect.DeepEqual(one, want) {
			t.Errorf("%+v, want %+v", one, want)
		}
		want := FunctionEndpoint{
			File: "sub/b.py", Function: "g", Interpreter: "/opt/python", Env: map[string]string{"HOW": "well"},
			Pool: FunctionPool{Floor: 1, Cruise: 3, Ceil: 4, Queue: -1, Timeout: 5 * time.Second, Idle: time.Minute},
			Limits: FunctionLimits{
				Run: 2 * time.Second, Start: 10 * time.Second, Memory: 512 << 20, Answer: 2e6, CPU: time.Hour, Files: 64, Processes: 8, Network: true,
				MaxAge: 24 * time.Hour, MaxCalls: 1000, MaxMemory: 1 << 30,
			},
			Texts: true, Traceback: true, CustomResponse: true, Request: true,
		}
		if !reflect.DeepEqual(many, want) {
			t.Errorf("%+v, want %+v", many, want)
		}
	}
	check(next)
	if c, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	check(c.Current())
	var listed strings.Builder
	for _, d := range c.Current().Definitions("", "", "") {
		listed.WriteString("---\n" + string(d.Body) + "\n")
	}
	if _, diff := apply(t, c, listed.String(), true); !diff.Empty() {
		t.Errorf("applying the listing changes something:\n%s", diff)
	}
	files := functionFiles(functionService)
	files[2].Text = []byte("B2")
	if _, diff, err := c.Prepare(files, false); err != nil || !strings.Contains(diff.String(), "files of endpoints changed") {
		t.Errorf("a file of the folder changed: %v\n%s", err, diff)
	}
}

// TestFunctionFaults has one fault a case.
func TestFunctionFaults(t *testing.T) {
	c, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	f := func(old, with, want string) {
		t.Helper()
		if !strings.Contains(functionService, old) {
			t.Fatalf("the definitions lack %q", old)
		}
		_, _, err := c.Prepare(functionFiles(strings.Replace(functionService, old, with, 1)), false)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v\nwant %q", with, err, want)
		}
	}
	f("code/a.py", "code/b.py", `file "code/b.py" was not handed in with the definitions`)
	f("folder: code", "folder: cod", `folder "cod" was not handed in with the definitions, or is empty`)
	f("file: sub/b.py", "file: b.py", `folder "code" holds no file "b.py"`)
	f("function: f}", "}", `an endpoint has no "function"`)
	f("512MiB", "512", `"512" is no size; write one such as 512MiB`)
	f("512MiB", "0MiB", `"0MiB" is no size`)
	f("run: 2s", "run: 2", `"2" has no unit`)
	f("ceil: 4", "cieling: 4", `unknown key "cieling" in a pool`)
	f("ceil: 4", "ceil: 0", "0 is not between 1 and 1024")
	f("function: f}", "function: f, enrich: []}", `unknown key "enrich" in an endpoint`)
	f("type: pythonFunction, file", "type: customPrediction, task: binary, features: [{name: a, type: int}], file", "a custom prediction of classes needs their labels")
	f("type: pythonFunction, file", "type: customPrediction, model: x.txt, task: regression, features: [{name: a, type: int}], file", `unknown key "model" in an endpoint`)
	f("type: pythonFunction", "type: lookup, enrich: []", `unknown key "file" in an endpoint`)
}
