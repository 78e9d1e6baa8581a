//go:build !race

package dataiku_test

import "testing"

// TestAllocations: what a request allocates does not grow with its records, and is what
// the test's own exchange allocates for parameters and headers.
func TestAllocations(t *testing.T) {
	d := costly(t)
	f := func(target, body string) {
		t.Helper()
		call := caller(t, d, target, body)
		if got := testing.AllocsPerRun(50, call); got > 5 {
			t.Errorf("%s allocates %v times", target, got)
		}
	}
	f("model/predict", body("features", 0))
	f("model/predict-multi", body("features", 100))
	f("key/lookup", body("data", 0))
	f("key/lookup-multi", body("data", 100))
	f("index/lookup", body("data", 0))
	f("index/lookup-multi", body("data", 100))
}
