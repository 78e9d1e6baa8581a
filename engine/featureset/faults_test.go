package featureset_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"quiver/engine/auth"
	"quiver/engine/enginetest"
	"quiver/engine/featureset"
	"quiver/storage/faultstore"
	"quiver/storage/memstore"
)

// TestCancelled ends requests whose caller is gone while the store hangs, and before.
func TestCancelled(t *testing.T) {
	s := faultstore.New(memstore.New())
	e := enginetest.NewOver(t, s)
	r := featureset.New(e, nil)
	t.Cleanup(r.Close)
	if err := e.AddPart(r); err != nil {
		t.Fatal(err)
	}
	enginetest.Apply(t, e, definitions)
	users(t, e)
	q := featureset.Request{Who: auth.All(), Inputs: []string{"UserFeatures.user_id"}, Outputs: []string{"UserFeatures.name"}, Data: []byte(`{"UserFeatures.user_id":[1]}`)}
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan bool, 1)
	s.Set(faultstore.Faults{Delay: func(op faultstore.Op) time.Duration {
		if op == faultstore.Get {
			select {
			case asked <- true:
			default:
			}
			return time.Hour
		}
		return 0
	}})
	go func() {
		<-asked
		cancel()
	}()
	for range 2 { // the second time it is over before it begins
		if a, err := r.Extract(ctx, &q); !errors.Is(err, context.Canceled) {
			t.Errorf("answered %v %v", a, err)
		}
	}
	s.Set(faultstore.Faults{})
	if got, err := extract(t, r, q); err != nil || got != `{"UserFeatures.name":["John"]}` {
		t.Errorf("got %s %v", got, err)
	}
}

// TestManyPlans asks in more ways than plans are kept: all answers are right, and memory
// is bounded.
func TestManyPlans(t *testing.T) {
	_, r := resolver(t, "kind: Featureset\nstore: default\nname: F\nfeatures: [{name: a, type: int}, {name: b, type: int}, {name: c, type: int}, {name: d, type: int}, {name: e, type: int}, {name: f, type: int}, {name: g, type: int}]\n")
	names := []string{"F.a", "F.b", "F.c", "F.d", "F.e", "F.f", "F.g"}
	n := 0
	var permute func(k int)
	permute = func(k int) {
		if k == len(names) {
			n++
			got, err := extract(t, r, featureset.Request{Inputs: slices.Clone(names), Outputs: names[:1], Data: []byte(`{"F.a":[1],"F.b":[2],"F.c":[3],"F.d":[4],"F.e":[5],"F.f":[6],"F.g":[7]}`)})
			want := `{"` + names[0] + `":[` + string('1'+names[0][2]-'a') + `]}`
			if err != nil || got != want {
				t.Fatalf("%v: got %s %v, want %s", names, got, err, want)
			}
			return
		}
		for i := k; i < len(names); i++ {
			names[k], names[i] = names[i], names[k]
			permute(k + 1)
			names[k], names[i] = names[i], names[k]
		}
	}
	permute(0)
	if most := featureset.MaxPlans; n <= most || r.Plans() != most {
		t.Errorf("%d plans are kept of %d, not %d", r.Plans(), n, most)
	}
}

// TestLongPlans asks for the same in ever so many words: what is kept of them is bounded.
func TestLongPlans(t *testing.T) {
	name := strings.Repeat("a", 60)
	_, r := resolver(t, "kind: Featureset\nstore: default\nname: F\nfeatures: [{name: "+name+", type: int}]\n")
	name = "F." + name
	long := slices.Repeat([]string{name}, featureset.MaxPlanBytes/len(name)/4)
	for n := range 12 { // a quarter of the bound each
		got, err := extract(t, r, featureset.Request{Inputs: []string{name}, Outputs: long[n:], Data: []byte(`{"` + name + `":[1]}`)})
		if err != nil || got != `{"`+name+`":[1]}` {
			t.Fatalf("got %s %v", got, err)
		}
	}
	if n := r.Plans(); n < 2 || n > 4 {
		t.Errorf("%d plans are kept, not three or four", n)
	}
}

// TestRepeatedOutputs asks for a featureset a hundred thousand times, which costs no more
// than the names: every feature is answered once, where it stood first.
func TestRepeatedOutputs(t *testing.T) {
	yaml, want := "kind: Featureset\nstore: default\nname: F\nfeatures:\n  - {name: a, type: int}\n", `{"F.x7":[8],"F.a":[1]`
	for i := range 500 {
		yaml += fmt.Sprintf("  - {name: x%d, type: int, expr: col(\"a\") + %d}\n", i, i)
		if i != 7 {
			want += fmt.Sprintf(`,"F.x%d":[%d]`, i, i+1)
		}
	}
	_, r := resolver(t, yaml)
	began := time.Now()
	got, err := extract(t, r, featureset.Request{Inputs: []string{"F.a"}, Outputs: append([]string{"F.x7"}, slices.Repeat([]string{"F"}, 100_000)...), Data: []byte(`{"F.a":[1]}`)})
	if err != nil || got != want+"}" {
		t.Errorf("got %.100s %v", got, err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
