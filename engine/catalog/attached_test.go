package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAttachedFiles: a model is on disk once, whichever generations and revisions name it,
// for as long as one of them does.
func TestAttachedFiles(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir)
	model := func(seed uint64) []byte { // that does not compress
		b := make([]byte, 50_000)
		for i, rng := 0, rand.New(rand.NewPCG(seed, 0)); i < len(b); i++ {
			b[i] = byte(rng.Uint32())
		}
		return b
	}
	generation := func(name string, seed uint64) {
		t.Helper()
		text := fmt.Sprintf("{kind: Service, name: svc}\n---\nkind: Generation\nservice: svc\nname: %s\nendpoints: [{name: e, type: prediction, model: m.bin, task: regression, features: [{name: a, type: int}]}]\n", name)
		next, _, err := c.Prepare([]File{{Name: "d.yaml", Text: []byte(text)}, {Name: "m.bin", Text: model(seed), Attached: true}}, false)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Commit(next); err != nil {
			t.Fatal(err)
		}
	}
	files := func() []string {
		t.Helper()
		entries, err := os.ReadDir(filesDir(dir))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
	holds := func(name string, seed uint64) {
		t.Helper()
		g := c.Current().Generation("svc", name)
		if g == nil {
			t.Fatalf("there is no generation %s", name)
		}
		if b, err := g.Endpoints[0].Predict.Model.Bytes(); err != nil || !bytes.Equal(b, model(seed)) {
			t.Errorf("%s holds another model: %v", name, err)
		}
	}
	generation("v1", 1)
	generation("v2", 1)
	for i := range 10 {
		mustApply(t, c, fmt.Sprintf("{kind: Service, name: svc, mapping: {v%d: 1}}", 1+i%2))
	}
	if n := len(files()); n != 1 {
		t.Errorf("one model in two generations and 12 revisions makes %d files", n)
	}
	for _, n := range []int{1, c.Current().Revision} {
		if b := mustRead(t, revisionPath(dir, n)); len(b) > 2000 {
			t.Errorf("revision %d has %d bytes", n, len(b))
		}
	}
	generation("v1", 2)
	if n := len(files()); n != 2 {
		t.Errorf("two models make %d files", n)
	}
	c = mustOpen(t, dir)
	holds("v1", 2)
	holds("v2", 1)
	mustApply(t, c, "{kind: Service, name: svc, mapping: {v1: 1}}") // what is read is written again
	for _, d := range c.Current().Definitions(KindGeneration, "", "") {
		if !bytes.Contains(d.Body, []byte(`"gzip":"`)) || bytes.Contains(d.Body, []byte("sha256")) {
			t.Errorf("a listing is not whole: %.300s", d.Body)
		}
	}
	next, _, err := c.PrepareRollback(12)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(next); err != nil {
		t.Fatal(err)
	}
	holds("v1", 1)

	// A revision with the files in it, as they were written before.
	now := c.Current()
	head := marshal(struct {
		revisionHead
		NextID int64  `json:"nextID"`
		Next   uint32 `json:"nextNumber"`
	}{revisionHead{Format: 1, Revision: now.Revision, Time: now.time, Summary: now.summary}, now.nextID, c.ledger.next})
	old := append(head[:len(head)-1], `,"objects":[`...)
	for i, o := range now.sorted() {
		if i > 0 {
			old = append(old, ',')
		}
		text, _ := o.digest().MarshalText()
		old = fmt.Appendf(old, `{"text":"%s","definition":%s`, text, o.definition())
		if g, ok := o.(*Generation); ok {
			old = fmt.Appendf(old, `,"made":%s`, marshal(made{g.Number, g.Created}))
		}
		old = append(old, '}')
	}
	mustWrite(t, revisionPath(dir, now.Revision), seal(append(old, "]}"...)))
	c = mustOpen(t, dir)
	holds("v1", 1)

	// What no revision names is removed with the last one that did.
	generation("v1", 3)
	generation("v2", 3)
	for i := range maxRevisions {
		mustApply(t, c, fmt.Sprintf("{kind: Service, name: svc, mapping: {v%d: 1}}", 1+i%2))
	}
	all := files()
	if len(all) != 1 {
		t.Errorf("one model is left, and %d files", len(all))
	}

	path := filepath.Join(filesDir(dir), all[0])
	b := mustRead(t, path)
	b[len(b)/2]++
	mustWrite(t, path, b)
	if _, err := Open(dir); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), `file "m.bin"`) {
		t.Errorf("a damaged file: %v", err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), `file "m.bin"`) {
		t.Errorf("a file that is gone: %v", err)
	}
}
