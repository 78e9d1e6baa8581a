package ingest

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"quiver/codec"
)

// testNow is the time that rows without an event time carry in tests.
const testNow = 1_000_000

// group makes a target from "name type" columns; a '*' behind the name marks a key
// column, an '@' the event time, '=' introduces a default cell behind the type.
func group(t testing.TB, columns ...string) Target {
	t.Helper()
	target := Target{Group: "g", Schema: &codec.Schema{ID: 7}, EventTime: -1, Now: testNow}
	for i, c := range columns {
		name, text, _ := strings.Cut(c, " ")
		text, def, hasDefault := strings.Cut(text, "=")
		if n, ok := strings.CutSuffix(name, "*"); ok {
			name = n
			target.Key = append(target.Key, i)
		}
		if n, ok := strings.CutSuffix(name, "@"); ok {
			name = n
			target.EventTime = i
		}
		typ, err := codec.ParseType(text, codec.SpellingSQL)
		if err != nil {
			t.Fatal(err)
		}
		col := codec.Column{Name: name, Type: typ}
		if hasDefault {
			col.Default = []byte(def)
		}
		target.Schema.Columns = append(target.Schema.Columns, col)
	}
	return target
}

// file writes a file of the given name and returns its path.
func file(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// load reads a whole file. Each row becomes its cells with their commas, each bad row
// its error, and what ended the reading, but for io.EOF, the last line. Folder names
// are cut off.
func load(t testing.TB, path string, target Target, o Options) []string {
	t.Helper()
	short := func(err error) string {
		return strings.ReplaceAll(err.Error(), filepath.Dir(path)+string(filepath.Separator), "")
	}
	s, err := Open(path, target, o)
	if err != nil {
		return []string{short(err)}
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Errorf("cannot close %s: %v", path, err)
		}
	}()
	var out []string
	prefix := []byte("before")
	for {
		b, err := s.Next(prefix)
		var bad *BadRow
		switch {
		case errors.Is(err, io.EOF):
			return out
		case errors.As(err, &bad):
			out = append(out, short(err))
			continue
		case err != nil:
			return append(out, short(err))
		}
		if string(b[:len(prefix)]) != "before" {
			t.Fatalf("Next changed what stood before the row: %q", b[:len(prefix)])
		}
		r, err := codec.ParseRow(b[len(prefix):])
		if err != nil {
			t.Fatal(err)
		}
		line := string(r.Run(0, r.Columns()))
		for i := range r.Columns() {
			if sp := r.Special(i); sp != codec.None {
				line += " " + target.Schema.Columns[i].Name + "=" + []string{"", "NaN", "+Inf", "-Inf"}[sp]
			}
		}
		out = append(out, line)
	}
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
}
