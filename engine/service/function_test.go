package service_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"quiver/engine"
	"quiver/engine/auth"
	"quiver/engine/catalog"
	"quiver/engine/enginetest"
	"quiver/engine/fail"
	"quiver/engine/function"
	"quiver/engine/service"
)

// functions counts the pools that are open.
type functions struct {
	mu   sync.Mutex
	open map[*function.Pool]string
	all  int
}

func (f *functions) Open(ctx context.Context, name string, c function.Config) (*function.Pool, error) {
	p, err := function.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		f.open = map[*function.Pool]string{}
	}
	f.open[p] = name
	f.all++
	return p, nil
}

func (f *functions) Close(p *function.Pool) error {
	f.mu.Lock()
	delete(f.open, p)
	f.mu.Unlock()
	return p.Close()
}

func (f *functions) check(t *testing.T, open, all int) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.open) != open || f.all != all {
		t.Errorf("%d pools are open, %d were opened; want %d, %d", len(f.open), f.all, open, all)
	}
}

func apply(e *engine.Engine, code string, generations ...string) error {
	_, err := e.Apply([]catalog.File{
		{Name: "d/f.yaml", Text: []byte("{kind: Service, name: fs, mapping: {v1: 1}}\n---\n" + strings.Join(generations, "\n---\n"))},
		{Name: "d/code/f.py", Text: []byte(code)},
	}, false)
	return err
}

func run(s *service.Services, generation, object string) (string, error) {
	a, err := s.Run(context.Background(), auth.All(), nil, "fs", "f", service.Dispatch{Forced: generation}, &service.Arguments{Object: []byte(object)})
	if err != nil {
		return "", err
	}
	return string(a.JSON), nil
}

const (
	generation1 = `{kind: Generation, service: fs, name: v1, endpoints: [{name: f, type: pythonFunction, folder: code, file: f.py, function: f, pool: {ceil: 1}}]}`
	generation2 = `{kind: Generation, service: fs, name: v2, endpoints: [{name: f, type: pythonFunction, folder: code, file: f.py, function: f, pool: {ceil: 1}, traceback: true}]}`
	answers     = "import itertools\nn = itertools.count(1)\ndef f(): return next(n)\n"
)

// TestFunctionsAreKept changes definitions around a function whose worker counts its calls.
func TestFunctionsAreKept(t *testing.T) {
	e, s := setup(t)
	f := &functions{}
	s.Functions = f
	if err := apply(e, answers, generation1); err != nil {
		t.Fatalf("%v; if python3 is missing: apt-get install python3", err)
	}
	call := func(generation, want string) {
		t.Helper()
		if got, err := run(s, generation, `{}`); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", generation, got, err, want)
		}
	}
	call("v1", "1")
	if err := apply(e, answers, generation1, generation2); err != nil {
		t.Fatal(err)
	}
	call("v1", "2")
	call("v2", "3") // the same workers: all that they see is the same
	f.check(t, 1, 1)

	err := apply(e, "import nowhere\n", generation1)
	if code(err) != fail.Malformed || !strings.Contains(err.Error(), "No module named 'nowhere'") || !strings.Contains(err.Error(), `f.py", line 1`) {
		t.Errorf("code that does not load: %v", err)
	}
	call("v1", "4")
	if err := apply(e, answers+"# new\n", generation1); err != nil {
		t.Fatal(err)
	}
	call("v1", "1")
	call("v2", "5")
	f.check(t, 2, 2)
	if _, err := e.Remove("Generation", engine.Ref{Store: "fs", Name: "v2"}, false); err != nil {
		t.Fatal(err)
	}
	call("v1", "2")
	s.Close()
	f.check(t, 0, 2)
	if _, err := run(s, "v1", `{}`); code(err) != fail.NotFound {
		t.Errorf("after Close: %v", err)
	}
}

// TestFunctionIsBrokenAtStart starts services over a function that cannot start any more.
func TestFunctionIsBrokenAtStart(t *testing.T) {
	e := enginetest.New(t) // without services, nobody judges the code
	if err := apply(e, "def g(): pass\n", generation1, `{kind: Generation, service: fs, name: v2, endpoints: [{name: f, type: pythonFunction, file: code/f.py, function: g}]}`); err != nil {
		t.Fatal(err)
	}
	s := service.New(e)
	defer s.Close()
	if err := e.AddPart(s); err != nil {
		t.Fatal(err)
	}
	if _, err := run(s, "v1", `{}`); code(err) != fail.ReadFailed || !strings.Contains(err.Error(), "f.py has no function f; it has: g") {
		t.Errorf("%v", err)
	}
	if got, err := run(s, "v2", `{}`); got != "null" || err != nil {
		t.Errorf("%s, %v", got, err)
	}
}

// TestTraceback checks who gets to see it.
func TestTraceback(t *testing.T) {
	e, s := setup(t)
	defer s.Close()
	if err := apply(e, "def f(): raise KeyError('x')\n", generation1, generation2); err != nil {
		t.Fatal(err)
	}
	for generation, want := range map[string]bool{"v1": false, "v2": true} {
		_, err := run(s, generation, `{}`)
		if e, ok := errors.AsType[*function.Error](err); !ok || e.Type != "KeyError" || (e.Traceback != "") != want {
			t.Errorf("%s: %+v", generation, err)
		}
	}
}
