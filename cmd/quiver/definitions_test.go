package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestDefinitionsBringTheirFiles reads definitions that name a folder of code.
func TestDefinitionsBringTheirFiles(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"g.yaml":                 "endpoints:\n  - {type: pythonFunction, folder: code, file: a.py}\n  - {file: 'one.py', folder: \"nowhere\"}\n",
		"code/a.py":              "a",
		"code/sub/data.bin":      "\xff",
		"code/.git/config":       "no",
		"code/__pycache__/a.pyc": "no",
		"code/.hidden":           "no",
		"one.py":                 "1",
		"two.py":                 "2",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	files, err := readDefinitions([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range files {
		name, err := filepath.Rel(dir, f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if f.Attached {
			name += " (attached)"
		}
		got = append(got, filepath.ToSlash(name))
	}
	if want := []string{"g.yaml", "one.py", "code/a.py", "code/sub/data.bin (attached)"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
