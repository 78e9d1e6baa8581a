package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "quiver/"

// pkg is what `go list -json` says of one package.
type pkg struct {
	ImportPath   string
	Standard     bool
	Module       *struct{ Path string }
	Imports      []string
	TestImports  []string
	XTestImports []string
	Deps         []string
	Error        *struct{ Err string }
}

// tree is the module's packages and everything they reach.
type tree struct {
	root string
	own  []pkg          // packages of this module, names relative to it
	all  map[string]pkg // by import path
}

func load(t *testing.T) *tree {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tr := &tree{root: root, all: map[string]pkg{}}
	for _, p := range goList(t, root) {
		// -test adds "p [p.test]" variants and "p.test" mains; the plain
		// package already names its test imports.
		if strings.Contains(p.ImportPath, " ") || strings.HasSuffix(p.ImportPath, ".test") {
			continue
		}
		tr.all[p.ImportPath] = p
		if name, ok := strings.CutPrefix(p.ImportPath, module); ok {
			if p.Error != nil {
				t.Errorf("%s: %s", p.ImportPath, p.Error.Err)
			}
			p.ImportPath = name
			tr.own = append(tr.own, p)
		}
	}
	if len(tr.own) == 0 {
		t.Fatalf("go list found no package of %s in %s", module, root)
	}
	return tr
}

// goList runs go list over the module and decodes what it says of each package.
func goList(t *testing.T, dir string) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-deps", "-test",
		"-json=ImportPath,Standard,Module,Imports,TestImports,XTestImports,Deps,Error", "./...")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot run go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("cannot decode go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// matches reports whether a package is the pattern's, "x/..." meaning x and below.
func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "/..."); ok {
		return name == prefix || strings.HasPrefix(name, prefix+"/")
	}
	return pattern == name
}

func matchesAny(patterns []string, name string) bool {
	for _, p := range patterns {
		if matches(p, name) {
			return true
		}
	}
	return false
}

func ruleFor(name string) *rule {
	for i := range rules {
		if matches(rules[i].pkg, name) {
			return &rules[i]
		}
	}
	return nil
}

func TestImports(t *testing.T) {
	tr := load(t)
	used := map[string]bool{}
	for _, p := range tr.own {
		r := ruleFor(p.ImportPath)
		if r == nil {
			t.Errorf("package %s has no rule in tools/arch/rules_test.go: say what it may import and why", p.ImportPath)
			continue
		}
		used[r.pkg] = true
		for _, imp := range p.Imports {
			if msg := tr.judge(r, p.ImportPath, imp); msg != "" {
				t.Errorf("%s imports %s: %s (%s)", p.ImportPath, imp, msg, r.why)
			}
		}
		for _, dep := range p.Deps {
			if matchesAny(r.never, dep) {
				t.Errorf("%s reaches %s, which it must not even through others (%s)", p.ImportPath, dep, r.why)
			}
		}
	}
	for _, r := range rules {
		if !used[r.pkg] {
			t.Errorf("the rule for %s fits no package: remove or correct it", r.pkg)
		}
	}
}

// judge says what is wrong with an import under a rule, "" for nothing.
func (tr *tree) judge(r *rule, from, imp string) string {
	if name, ok := strings.CutPrefix(imp, module); ok {
		switch {
		case matches("tools/...", name):
			return "nothing imports tools"
		// A tree may always use itself: codec/avro apart, its rule stands first.
		case matchesAny(r.own, name) || (strings.HasSuffix(r.pkg, "/...") && matches(r.pkg, name)):
			return ""
		}
		return "not among the packages it may know"
	}
	p := tr.all[imp]
	if imp == "C" || p.Standard {
		for _, d := range r.deny {
			if imp == d {
				return "denied"
			}
		}
		return ""
	}
	for _, m := range r.third {
		if m == "*" || (p.Module != nil && p.Module.Path == m) {
			return ""
		}
	}
	return "not among the modules it may use"
}

func TestOwners(t *testing.T) {
	tr := load(t)
	for _, o := range owners {
		found := false
		for _, p := range tr.own {
			for _, imp := range append(append(p.Imports, p.TestImports...), p.XTestImports...) {
				if imp != o.module && !strings.HasPrefix(imp, o.module+"/") {
					continue
				}
				if p.ImportPath == o.pkg {
					found = true
				} else if ownersAlso[p.ImportPath+" "+o.module] == "" {
					t.Errorf("%s imports %s, which only %s may: %s", p.ImportPath, imp, o.pkg, o.why)
				}
			}
		}
		if !found {
			t.Errorf("%s does not import %s: the rule has rotted", o.pkg, o.module)
		}
	}
}

func TestNothingImportsTools(t *testing.T) {
	for _, p := range load(t).own {
		if matches("tools/...", p.ImportPath) {
			continue
		}
		for _, imp := range append(append(p.Imports, p.TestImports...), p.XTestImports...) {
			if matches("tools/...", strings.TrimPrefix(imp, module)) && strings.HasPrefix(imp, module) {
				t.Errorf("%s imports %s: nothing imports tools, in tests either", p.ImportPath, imp)
			}
		}
	}
}

func TestTopLevel(t *testing.T) {
	entries, err := os.ReadDir("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if _, ok := topLevel[e.Name()]; !ok && !strings.HasPrefix(e.Name(), ".") {
			t.Errorf("%s stands at the top level: everything lives under engine, codec, storage, httpfront, bench, cmd or tools", e.Name())
		}
	}
}

func TestUnsafe(t *testing.T) {
	seen := map[string]bool{}
	goFiles(t, func(path string, src []byte) {
		f, err := parser.ParseFile(token.NewFileSet(), path, src, parser.ImportsOnly)
		if err != nil {
			t.Errorf("cannot parse %s: %v", path, err)
			return
		}
		for _, imp := range f.Imports {
			if name, _ := strconv.Unquote(imp.Path.Value); name == "unsafe" {
				seen[path] = true
				if unsafeFiles[path] == "" {
					t.Errorf("%s imports unsafe: only the files named in tools/arch/rules_test.go may", path)
				}
			}
		}
		if bytes.Contains(src, []byte("//go:"+"linkname")) {
			t.Errorf("%s uses go:linkname, which is unsafe by another name", path)
		}
	})
	for path := range unsafeFiles {
		if !seen[path] {
			t.Errorf("%s does not import unsafe: the exception has rotted", path)
		}
	}
}

// goFiles calls f for every Go file of the module, paths relative to its root.
func goFiles(t *testing.T, f func(path string, src []byte)) {
	t.Helper()
	root := os.DirFS("../..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if path == "bin" || path == "tmp" || (path != "." && strings.HasPrefix(d.Name(), ".")) {
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		src, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		f(path, src)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestModules(t *testing.T) {
	// go.mod alone, without a network: since Go 1.17 it lists the selected version
	// of every module that takes part in the build.
	cmd := exec.Command("go", "mod", "edit", "-json")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cannot run go mod edit: %v", err)
	}
	var mod struct {
		Require []struct{ Path, Version string }
		Replace []struct{ Old struct{ Path string } }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatalf("cannot decode go mod edit: %v", err)
	}
	versions := map[string]string{}
	for _, m := range mod.Require {
		versions[m.Path] = m.Version
	}
	for _, m := range mod.Replace {
		t.Errorf("module %s is replaced: a fresh clone must build from released modules", m.Old.Path)
	}
	for _, f := range floors {
		switch got := versions[f.module]; {
		case got == "":
			t.Errorf("module %s is not required: the rule has rotted", f.module)
		case f.exact && got != f.version:
			t.Errorf("module %s is %s, want exactly %s: %s", f.module, got, f.version, f.why)
		case compareVersions(got, f.version) < 0:
			t.Errorf("module %s is %s, want %s or later: %s", f.module, got, f.version, f.why)
		}
	}
	for _, m := range foreign {
		if versions[m] != "" {
			t.Errorf("module %s is in go.mod: developer tools are pinned in tools/lint/run", m)
		}
	}
}

// compareVersions orders two vX.Y.Z versions; a pre-release counts as older.
func compareVersions(a, b string) int {
	parse := func(v string) (n [4]int) {
		core, pre, _ := strings.Cut(strings.TrimPrefix(v, "v"), "-")
		for i, s := range strings.SplitN(core, ".", 3) {
			n[i], _ = strconv.Atoi(s)
		}
		if pre == "" {
			n[3] = 1
		}
		return n
	}
	x, y := parse(a), parse(b)
	for i := range x {
		if x[i] != y[i] {
			if x[i] < y[i] {
				return -1
			}
			return 1
		}
	}
	return 0
}

func TestCompareVersions(t *testing.T) {
	f := func(a, b string, want int) {
		t.Helper()
		if got := compareVersions(a, b); got != want {
			t.Errorf("compareVersions(%s, %s) = %d, want %d", a, b, got, want)
		}
	}
	f("v1.74.0", "v1.74.0", 0)
	f("v1.9.0", "v1.74.0", -1)
	f("v1.40.0", "v1.74.0", -1)
	f("v2.0.0", "v1.74.0", 1)
	f("v1.74.0-rc.1", "v1.74.0", -1)
}

func TestMainIsShort(t *testing.T) {
	src, err := os.ReadFile("../../cmd/quiver/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(src, []byte("\n")); n > mainLines {
		t.Errorf("cmd/quiver/main.go has %d lines, want at most %d: main parses, runs and exits", n, mainLines)
	}
}
