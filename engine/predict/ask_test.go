package predict

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"quiver/engine/fail"
)

func TestParseAsk(t *testing.T) {
	f := func(text string, want Ask) {
		t.Helper()
		got, err := ParseAsk([]byte(text))
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v; want %+v", text, got, err, want)
		}
	}
	f(`{"enabled": null, "method": null, "nExplanations": null, "nMonteCarloSteps": null}`, Ask{})
	f(`{}`, Ask{})
	f(`null`, Ask{})
	f(`{"enabled": true, "method": "SHAPLEY", "nExplanations": 4, "nMonteCarloSteps": 150}`, Ask{On, Shapley, 4, 150})
	f(`{"enabled": false, "method": "ICE", "more": [1]}`, Ask{Enabled: Off, Method: ICE})
	f(`{"method": "TREESHAP", "nMonteCarloSteps": 25}`, Ask{Method: TreeShap, Steps: 25})

	bad := func(text, want string) {
		t.Helper()
		_, err := ParseAsk([]byte(text))
		var e *fail.Error
		if !errors.As(err, &e) || e.Code != fail.Malformed || !strings.Contains(e.Text, want) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	bad(`[]`, "object")
	bad(`{"enabled": "yes"}`, "explanations.enabled")
	bad(`{"enabled": 1}`, "explanations.enabled")
	bad(`{"method": "LIME"}`, "ICE, SHAPLEY and TREESHAP")
	bad(`{"method": 3}`, "explanations.method")
	bad(`{"nExplanations": 0}`, "nExplanations")
	bad(`{"nExplanations": 2.5}`, "nExplanations")
	bad(`{"nMonteCarloSteps": 24}`, "25 to 1000")
	bad(`{"nMonteCarloSteps": 1001}`, "25 to 1000")
	bad(`{"nMonteCarloSteps": "100"}`, "25 to 1000")
	bad(`{"enabled": tru`, "explanations")
}

func TestExplanation(t *testing.T) {
	f := func(setting Explaining, a Ask, want Explanation) {
		t.Helper()
		setting.Background = sample(t, 50, 4, 11)
		p, err := New(&tangled{n: 4}, Config{Task: Regression, Features: numbered(4), Explain: setting})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.Explanation(a); err != nil || got != want {
			t.Errorf("%+v with %+v: got %+v, %v; want %+v", setting, a, got, err, want)
		}
	}
	f(Explaining{}, Ask{}, Explanation{})
	f(Explaining{}, Ask{Enabled: On}, Explanation{true, ICE, 3, 100})
	f(Explaining{Enabled: true}, Ask{Enabled: Off}, Explanation{})
	f(Explaining{Enabled: true, Method: Shapley, N: 2, Steps: 50}, Ask{}, Explanation{true, Shapley, 2, 50})
	f(Explaining{Enabled: true, Method: Shapley, N: 2, Steps: 50}, Ask{Method: ICE, N: 9, Steps: 60}, Explanation{true, ICE, 4, 60})

	p, err := New(&tangled{n: 4}, Config{Task: Regression, Features: numbered(4)})
	if err != nil {
		t.Fatal(err)
	}
	bad := func(m Method, want string) {
		t.Helper()
		_, err := p.Explanation(Ask{Enabled: On, Method: m})
		var e *fail.Error
		if !errors.As(err, &e) || e.Code != fail.Malformed || !strings.Contains(e.Text, want) {
			t.Errorf("%v: got %v, want %q", m, err, want)
		}
	}
	bad(ICE, "no background sample")
	bad(Shapley, "no background sample")
	bad(TreeShap, "no ensemble of trees")
}

// A request may not cost more evaluations than the endpoint allows, and stops when its
// time is over.
func TestExplainLimits(t *testing.T) {
	p, err := New(&tangled{n: 4}, Config{Task: Regression, Features: numbered(4), Explain: Explaining{Background: sample(t, 50, 4, 12), MaxWork: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	f := func(rows int, e Explanation, want fail.Code) {
		t.Helper()
		b := p.NewBatch()
		if err := b.Reset(rows); err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			for k := range 4 {
				b.Set(i, fmt.Append(nil, "f", k), fmt.Append(nil, 10+k))
			}
		}
		if err := p.Predict(context.Background(), b); err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		if want == fail.Timeout {
			stopped, cancel := context.WithCancel(ctx)
			cancel()
			ctx = stopped
		}
		err := p.Explain(ctx, b, e)
		if want == fail.Internal {
			if err != nil {
				t.Error(err)
			}
			return
		}
		var got *fail.Error
		if !errors.As(err, &got) || got.Code != want {
			t.Errorf("%d rows, %+v: got %v, want code %d", rows, e, err, want)
		}
	}
	f(2, Explanation{true, Shapley, 2, 100}, fail.Internal) // none
	f(3, Explanation{true, Shapley, 2, 100}, fail.TooLarge)
	f(35, Explanation{true, ICE, 2, 100}, fail.Internal)
	f(36, Explanation{true, ICE, 2, 100}, fail.TooLarge)
	f(2, Explanation{true, ICE, 2, 100}, fail.Timeout)
	f(2, Explanation{true, Shapley, 2, 100}, fail.Timeout)
}
