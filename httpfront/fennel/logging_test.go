package fennel_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"quiver/engine/expr/vec"
	"quiver/engine/featureset"
	"quiver/engine/webhook"
	"quiver/httpfront/fronttest"
)

// keeper writes down the features that it is handed.
type keeper struct {
	mu   sync.Mutex
	text strings.Builder
}

func (k *keeper) keep(workflow string, rate float64, a *featureset.Answer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	fmt.Fprintf(&k.text, "%s %v", workflow, rate)
	add := func(name string, c *vec.Column, err error) {
		if err != nil {
			fmt.Fprintf(&k.text, " %s: %v", name, err)
			return
		}
		var b []byte
		for i := range c.Len {
			b = c.AppendFennel(append(b, ','), i)
		}
		fmt.Fprintf(&k.text, " %s=%s", name, strings.TrimPrefix(string(b), ","))
	}
	for i := range a.Inputs() {
		c, err := a.Input(i)
		add(a.InputName(i), c, err)
	}
	for i := range a.Len() {
		c, err := a.Column(i)
		add(a.Name(i), c, err)
	}
	k.text.WriteByte('\n')
}

// String returns what was kept since it was last asked.
func (k *keeper) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	defer k.text.Reset()
	return k.text.String()
}

func TestLogging(t *testing.T) {
	var kept keeper
	_, front := startLogging(t, definitions, webhook.Options{}, kept.keep)
	f := func(members, want string, status int) {
		t.Helper()
		r := front.Do(fronttest.Request{
			Target: "/api/v1/extract", Header: map[string]string{"Authorization": "Bearer tok"},
			Body: `{"inputs":["UserFeatures.user_id"],"outputs":["UserFeatures.name"],"data":{"UserFeatures.user_id":[5]}` + members + `}`,
		})
		if got := kept.String(); r.Status != status || got != want {
			t.Errorf("%s: %d %s\n got %swant %s", members, r.Status, r.Body, got, want)
		}
	}
	const features = ` UserFeatures.user_id=5 UserFeatures.name="?"` + "\n"
	f(``, "", 200)
	f(`,"log":false,"workflow":"w","sampling_rate":0.5`, "", 200)
	f(`,"log":null`, "", 200)
	f(`,"log":true`, "default 1"+features, 200)
	f(`,"log":true,"workflow":"","sampling_rate":null`, "default 1"+features, 200)
	f(`,"log":true,"workflow":"a/b","sampling_rate":0.25`, "a/b 0.25"+features, 200)
	f(`,"log":true,"sampling_rate":0`, "default 0"+features, 200)
	f(`,"log":1`, "", 400)
	f(`,"log":"true"`, "", 400)
	f(`,"log":true,"workflow":1`, "", 400)
	f(`,"log":true,"workflow":"`+strings.Repeat("w", 81)+`"`, "", 400)
	f(`,"log":true,"sampling_rate":1.5`, "", 400)
	f(`,"log":true,"sampling_rate":-0.1`, "", 400)
	f(`,"log":true,"sampling_rate":NaN`, "", 400)
	f(`,"sampling_rate":2`, "", 400)
}
