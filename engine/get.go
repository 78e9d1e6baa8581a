package engine

import (
	"context"
	"encoding/json"
	"sort"

	"quiver/codec"
	"quiver/engine/auth"
	"quiver/engine/fail"
)

// Vector is one feature vector spelled out for people and scripts.
type Vector struct {
	Store    string          `json:"store"`
	View     string          `json:"view"`
	Version  int             `json:"version"`
	Status   string          `json:"status"` // COMPLETE or MISSING
	Features []VectorFeature `json:"features"`
}

// VectorFeature is one named value of a Vector.
type VectorFeature struct {
	Name  string          `json:"name"`
	Type  string          `json:"type"`
	Value json.RawMessage `json:"value"`
}

// Get reads one vector with keys given as texts. It is for operators: it checks no
// rights and allocates freely.
func (e *Engine) Get(ctx context.Context, view Ref, keys map[string]string) (*Vector, error) {
	var q Query
	var v Vectors
	if err := e.Open(&q, auth.All(), []byte(view.Store), []byte(view.Name), view.Version); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(keys))
	for name := range keys {
		names = append(names, name)
	}
	sort.Strings(names)
	q.NewEntry()
	for _, name := range names {
		q.Key([]byte(name), codec.AppendQuoted(nil, []byte(keys[name])))
	}
	q.EndEntry()
	if err := e.Read(ctx, &q, &v); err != nil {
		return nil, err
	}
	if err := v.Err(0); err != nil {
		return nil, err
	}
	p := q.Plan()
	out := &Vector{Store: p.Store, View: p.Name, Version: p.Version, Status: "COMPLETE"}
	if v.Status(0) == Missing {
		out.Status = "MISSING"
	}
	var values []json.RawMessage
	if err := json.Unmarshal(v.AppendVector(nil, 0), &values); err != nil {
		return nil, fail.Wrap(fail.Internal, err, "Internal error.")
	}
	for i, f := range p.Features {
		out.Features = append(out.Features, VectorFeature{Name: f.Name, Type: f.Text, Value: values[i]})
	}
	return out, nil
}
