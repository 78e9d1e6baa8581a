package featureset_test

import (
	"fmt"
	"sync"
	"testing"

	"quiver/engine/enginetest"
	"quiver/engine/featureset"
)

// TestReload extracts while the definitions change: no request fails, and each sees the
// old ones or the new ones.
func TestReload(t *testing.T) {
	e, r := resolver(t, definitions)
	users(t, e)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			q := featureset.Request{Inputs: []string{"UserFeatures.user_id"}, Outputs: []string{"UserFeatures.name", "UserFeatures.age"}, Data: []byte(`{"UserFeatures.user_id":[3,1]}`)}
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := extract(t, r, q)
				ok := false
				for i := range 10 {
					ok = ok || got == fmt.Sprintf(`{"UserFeatures.name":["%d","John"],"UserFeatures.age":[null,70]}`, i)
				}
				if err != nil || !ok && got != `{"UserFeatures.name":["?","John"],"UserFeatures.age":[null,70]}` {
					t.Errorf("got %s %v", got, err)
					return
				}
			}
		})
	}
	for i := range 10 {
		enginetest.Apply(t, e, fmt.Sprintf(`
kind: FeatureGroup
store: default
name: user_info
key: [user_id]
eventTime: ts
features:
  - {name: user_id, type: int}
  - {name: name, type: str}
  - {name: age, type: "Optional[int]"}
  - {name: country, type: str}
  - {name: ts, type: datetime}
  - {name: more, type: int, default: %[1]d}
---
kind: Featureset
store: default
name: UserFeatures
features:
  - {name: user_id, type: int}
  - {name: name, type: str, lookup: {group: user_info, field: name}, default: "%[1]d"}
  - {name: age, type: "Optional[int]", lookup: {group: user_info, field: age}}
`, i))
	}
	close(stop)
	wg.Wait()
}
