package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"quiver/engine/catalog"
)

type definitionsCmd struct {
	Kind  string `arg:"" optional:"" help:"FeatureGroup or FeatureView (group and view will do)."`
	Name  string `arg:"" optional:"" help:"NAME or STORE/NAME."`
	Store string `help:"Only of this feature store." placeholder:"STORE"`
	target
	format
}

func (definitionsCmd) Help() string {
	return `Examples:
  quiver definitions
  quiver definitions group
  quiver definitions view flights/route --output json`
}

// definition is what a listing shows of one.
type definition struct {
	Kind    string   `json:"kind"`
	Store   string   `json:"store"`
	Service string   `json:"service"` // of a generation
	Name    string   `json:"name"`
	Version int      `json:"version"`
	Key     []string `json:"key"`
	From    []struct {
		Group string `json:"group"`
	} `json:"from"`
	Features []json.RawMessage `json:"features"`
}

// Run lists definitions.
func (c *definitionsCmd) Run(ctx context.Context, a *app) error {
	q := url.Values{"kind": {kindName(c.Kind)}, "store": {c.Store}, "name": {c.Name}}
	if store, name, ok := strings.Cut(c.Name, "/"); ok {
		if c.Store != "" && !strings.EqualFold(c.Store, store) {
			return &usageError{fmt.Sprintf("--store %s and %s name different stores", c.Store, c.Name)}
		}
		q.Set("store", store)
		q.Set("name", name)
	}
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	list := []json.RawMessage{}
	if err := cl.call(ctx, "GET", "/api/definitions", q, nil, &list); err != nil {
		return err
	}
	t := newTable("KIND", "STORE", "NAME", "VERSION", "KEY OR SOURCES", "FEATURES")
	for _, raw := range list {
		var d definition
		if err := json.Unmarshal(raw, &d); err != nil {
			return fmt.Errorf("cannot read the answer: %w", err)
		}
		features := "all"
		if len(d.Features) > 0 {
			features = strconv.Itoa(len(d.Features))
		}
		version := "-"
		if d.Version > 0 {
			version = strconv.Itoa(d.Version)
		}
		t.add(d.Kind, cmp.Or(d.Store, d.Service), d.Name, version, d.sources(), features)
	}
	if len(list) == 0 {
		t.foot = "nothing is defined; `quiver apply -f PATH` adds definitions"
		if c.Kind != "" || c.Name != "" || c.Store != "" {
			t.foot = "nothing of that kind and name is defined"
		}
	}
	return a.results(c.Output).print(list, t)
}

func (d *definition) sources() string {
	switch {
	case len(d.Key) > 0:
		return strings.Join(d.Key, ", ")
	case d.Kind == "FeatureGroup":
		return "(events)"
	}
	var groups []string
	for _, f := range d.From {
		groups = append(groups, f.Group)
	}
	return strings.Join(groups, " + ")
}

// kindName spells a kind as definitions do.
func kindName(s string) string {
	switch strings.ToLower(strings.TrimSuffix(strings.ReplaceAll(s, "-", ""), "s")) {
	case "group", "featuregroup", "dataset":
		return "FeatureGroup"
	case "view", "featureview":
		return "FeatureView"
	case "service":
		return "Service"
	case "generation":
		return "Generation"
	case "connection":
		return "Connection"
	}
	return s
}

// object is STORE/NAME[@VERSION].
type object struct {
	store, name string
	version     int
}

func parseObject(s string) (object, error) {
	store, rest, ok := strings.Cut(s, "/")
	name, v, versioned := strings.Cut(rest, "@")
	o := object{store: store, name: name}
	if versioned {
		n, err := strconv.Atoi(v)
		if err != nil || n < 1 {
			return o, &usageError{fmt.Sprintf("%q: %q is not a version", s, v)}
		}
		o.version = n
	}
	if !ok || store == "" || name == "" {
		return o, &usageError{fmt.Sprintf("%q is not STORE/NAME or STORE/NAME@VERSION", s)}
	}
	return o, nil
}

// readDefinitions reads files, and the .yaml and .yml files below folders, in order.
func readDefinitions(paths []string) ([]catalog.File, error) {
	var files []catalog.File
	add := func(path string) error {
		text, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("cannot read definitions: %w", err)
		}
		files = append(files, catalog.File{Name: path, Text: text})
		return addCode(&files, path, text)
	}
	for _, root := range paths {
		info, err := os.Stat(root)
		if err != nil {
			return nil, fmt.Errorf("cannot read definitions: %w", err)
		}
		if !info.IsDir() {
			if err := add(root); err != nil {
				return nil, err
			}
			continue
		}
		before := len(files)
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return fmt.Errorf("cannot read definitions: %w", err)
			}
			ext := strings.ToLower(filepath.Ext(path))
			if d.IsDir() || !slices.Contains([]string{".yaml", ".yml"}, ext) {
				return nil
			}
			return add(path)
		})
		if err != nil {
			return nil, err
		}
		if len(files) == before {
			return nil, fmt.Errorf("%s holds no .yaml or .yml files", root)
		}
	}
	return files, nil
}

// fileNames finds the files of code, models and data that definitions name, relative to
// their own file.
var fileNames = regexp.MustCompile(`(?m)\b(?:python|model|background|percentiles|file|dsn|jwks):\s*["']?([^\s"'{},]+\.(?:py|[rR]|onnx|json|ubj|txt|model|bin|csv|db|sqlite|sqlite3))\b`)

// folderNames finds the folders of code that definitions name.
var folderNames = regexp.MustCompile(`(?m)\bfolder:\s*["']?([^\s"'{},]+)`)

// addCode adds the files that a file of definitions names, each once. One that does not
// exist is left to the check of the definitions, which knows its place.
func addCode(files *[]catalog.File, path string, text []byte) error {
	var names []string
	for _, m := range fileNames.FindAllSubmatch(text, -1) {
		names = append(names, filepath.Join(filepath.Dir(path), string(m[1])))
	}
	for _, m := range folderNames.FindAllSubmatch(text, -1) {
		inside, err := codeIn(filepath.Join(filepath.Dir(path), string(m[1])))
		if err != nil {
			return err
		}
		names = append(names, inside...)
	}
	for _, name := range names {
		if slices.ContainsFunc(*files, func(f catalog.File) bool { return f.Name == name }) {
			continue
		}
		code, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot read definitions: %w", err)
		}
		*files = append(*files, catalog.File{Name: name, Text: code, Attached: filepath.Ext(name) != ".py"})
	}
	return nil
}

// codeIn lists the files of a folder of code, without what is hidden and what Python
// compiled; none when there is no such folder.
func codeIn(root string) (names []string, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "__pycache__"):
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.Type().IsRegular():
			names = append(names, path)
		}
		return nil
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read definitions: %w", err)
	}
	return names, nil
}
