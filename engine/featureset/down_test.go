package featureset_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/fail"
	"quiver/engine/featureset"
	"quiver/storage/memstore"
)

// interpreter is Functions that can be taken away. Its functions answer "o": [1].
type interpreter struct {
	gone bool
	open int
}

func (i *interpreter) Open(featureset.Code) (featureset.Function, error) {
	if i.gone {
		return nil, errors.New("cannot start python3: it is not installed")
	}
	i.open++
	return one{i}, nil
}

type one struct{ i *interpreter }

func (o one) Call(_ context.Context, dst, _ []byte) ([]byte, error) {
	return append(dst, `{"o":[1]}`...), nil
}
func (o one) Close() error { o.i.open--; return nil }

// TestDown starts over definitions whose extractor cannot be loaded any more: all else
// works, the extractor says why it does not, new ones are refused, and it is there again
// at the first change after its interpreter is.
func TestDown(t *testing.T) {
	files := func(name string) []catalog.File {
		return []catalog.File{{Name: "x.py", Text: []byte("def f(): pass")}, {Name: name + ".yaml", Text: []byte(
			"kind: Featureset\nstore: default\nname: " + name + "\nfeatures:\n  - {name: a, type: int}\n  - {name: o, type: int}\n  - {name: e, type: int, expr: 'col(\"a\") + 1'}\n" +
				"extractors:\n  - {inputs: [a], outputs: [o], python: x.py, function: f}\n")}}
	}
	s, dir := memstore.New(), t.TempDir()
	boot := func(i *interpreter) (*engine.Engine, *featureset.Resolver) {
		c, err := catalog.Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		e, err := engine.New(engine.Options{Store: s, Catalog: c})
		if err != nil {
			t.Fatal(err)
		}
		r := featureset.New(e, i)
		if err := e.AddPart(r); err != nil {
			t.Fatal(err)
		}
		return e, r
	}
	e, r := boot(&interpreter{})
	if _, err := e.Apply(files("F"), false); err != nil {
		t.Fatal(err)
	}
	r.Close()

	i := &interpreter{gone: true}
	e, r = boot(i)
	f := func(output, want string) {
		t.Helper()
		a, err := r.Extract(t.Context(), &featureset.Request{Who: auth.All(), Inputs: []string{"F.a"}, Outputs: []string{"F." + output}, Data: []byte(`{"F.a":[1]}`)})
		if err != nil {
			if !strings.Contains(fail.AsError(err).Text, want) {
				t.Errorf("%s: %v, want %s", output, err, want)
			}
			return
		}
		if got := string(a.AppendJSON(nil)); got != want {
			t.Errorf("%s: %s, want %s", output, got, want)
		}
		a.Release()
	}
	f("o", "cannot start python3")
	f("e", `{"F.e":[2]}`)
	if _, err := e.Apply(files("G"), false); err == nil || !strings.Contains(err.Error(), "cannot start python3") {
		t.Errorf("a new one: %v", err)
	}
	const other = "kind: Featureset\nstore: default\nname: H\nfeatures: [{name: a, type: int}]\n"
	enginetest.Apply(t, e, other)
	f("o", "cannot start python3")
	i.gone = false
	enginetest.Apply(t, e, strings.Replace(other, "H", "I", 1))
	f("o", `{"F.o":[1]}`)
	i.gone = true // what runs goes on
	enginetest.Apply(t, e, strings.Replace(other, "H", "J", 1))
	f("o", `{"F.o":[1]}`)
	if r.Close(); i.open != 0 {
		t.Errorf("%d functions are not closed", i.open)
	}
	if err := e.Close(context.Background()); err != nil {
		t.Error(err)
	}
}
