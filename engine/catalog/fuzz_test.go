package catalog

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzPrepare feeds anything as definitions. It never panics; every problem stands
// somewhere in the text; and what is accepted can be listed and applied again
// unchanged.
func FuzzPrepare(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for part := range strings.SplitSeq(string(text), "----\n") {
			if _, input, ok := strings.Cut(part, "\napply\n"); ok {
				f.Add(input)
			}
		}
	}
	f.Add("a: &x {b: *x}\n<<: [*x]\n? [a]\n: {}\n")
	f.Add("kind: FeatureGroup\r\nstore: s\r\nname: \"\\u0067\"\r\nfeatures: [{name: ü, type: \"\\x62igit\"}]\r\n")
	f.Add("%YAML 1.2\n---\n- - - - a\n...\n--- |\n text\n--- >-\n")
	f.Fuzz(func(t *testing.T, text string) {
		c := &Catalog{ledger: ledger{next: 1}}
		c.current.Store(newSnapshot(0, nil))
		next, _, err := c.Prepare([]File{{Name: "f", Text: []byte(text)}}, true)
		if err != nil {
			checkPlaces(t, text, err)
			return
		}
		c.current.Store(next)
		var listed []byte
		for _, d := range next.Definitions("", "", "") {
			listed = append(append(listed, "---\n"...), d.YAML()...)
		}
		if len(listed) == 0 {
			return
		}
		again, diff, err := c.Prepare([]File{{Name: "listed", Text: listed}}, true)
		if err != nil || again != next {
			t.Fatalf("listed, this is another definition: %v\n%v\n%s", err, diff, listed)
		}
	})
}

func checkPlaces(t *testing.T, text string, err error) {
	var p *Problems
	if !errors.As(err, &p) {
		t.Fatalf("an error without places: %v", err)
	}
	lines := strings.Split(text, "\n")
	for _, p := range p.List {
		if p.Line < 1 || p.Line > len(lines) {
			t.Fatalf("line %d of %d: %s", p.Line, len(lines), p.Text)
		}
		if most := utf8.RuneCountInString(lines[p.Line-1]) + 1; p.Column < 1 || p.Column > most {
			t.Fatalf("column %d of %d in line %d: %s", p.Column, most, p.Line, p.Text)
		}
	}
}
