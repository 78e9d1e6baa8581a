package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/engine/fail"
	"quiver/engine/featureset"
)

// TestFeatureCounts counts answers and errors under the labels of the Fennel server,
// however many workflows requests make up.
func TestFeatureCounts(t *testing.T) {
	e := enginetest.New(t)
	r := featureset.New(e, nil)
	defer r.Close()
	if err := e.AddPart(r); err != nil {
		t.Fatal(err)
	}
	enginetest.Apply(t, e, "kind: Featureset\nstore: default\nname: F\nfeatures:\n  - {name: a, type: int}\n  - {name: b, type: int, expr: 'col(\"a\") + 1'}\n")
	a, err := r.Extract(t.Context(), &featureset.Request{Who: auth.All(), Inputs: []string{"F.a"}, Outputs: []string{"F"}, Data: []byte(`{"F.a":[1,2,3]}`)})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Release()
	c := newFeatureCounts()
	c.count("default", a, time.Millisecond, nil)
	c.count("w", a, time.Millisecond, nil)
	c.count("w", a, time.Millisecond, nil)
	c.count("w", nil, time.Second, fail.Errorf(fail.NotFound, "x"))
	for i := range 2 * maxWorkflows {
		c.count(fmt.Sprint(i), a, time.Second, nil)
	}
	got := gather(t, c)
	for _, want := range []string{
		"fennel_extract_features_counter{a,F,extract_features,default} 3", "fennel_extract_features_counter{b,F,extract_features,w} 6",
		"fennel_extract_features_error_counter{404,extract_features,w} 1", "extract_features_latency_seconds{extract_features,w} 3",
		fmt.Sprintf("extract_features_latency_seconds{extract_features,other} %d", maxWorkflows+2),
		fmt.Sprintf("fennel_extract_features_counter{a,F,extract_features,other} %d", 3*(maxWorkflows+2)),
	} {
		if !slices.Contains(got, want) {
			t.Errorf("no %s", want)
		}
	}
	if len(got) != 3*(maxWorkflows+1)+1 {
		t.Errorf("%d series", len(got))
	}
}
