package main

import (
	"log/slog"
	"testing"

	"quiver/engine/featureset"
)

func TestExtractors(t *testing.T) {
	x := &extractors{log: slog.New(slog.DiscardHandler)}
	f, err := x.Open(featureset.Code{File: "x/y.py", Source: "def f(ts, a): return {'b': [v + 1 for v in a]}\n", Function: "f"})
	if err != nil {
		t.Fatalf("%v; is python3 installed (apt-get install python3)?", err)
	}
	defer func() { _ = f.Close() }()
	out, err := f.Call(t.Context(), []byte("x"), []byte(`{"now":"2024-01-01T00:00:00.000000Z","inputs":["S.a"],"data":{"S.a":[1,2]}}`))
	if err != nil || string(out) != `x{"b":[2,3]}` {
		t.Errorf("%s, %v", out, err)
	}
}
