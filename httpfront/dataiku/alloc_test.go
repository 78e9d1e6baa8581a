//go:build !race

package dataiku_test

import (
	"testing"

	"quiver/httpfront/dataiku"
)

// TestAllocations: what a request allocates does not grow with its records, and is what
// the test's own exchange allocates for parameters and headers; with a log of queries, too.
func TestAllocations(t *testing.T) {
	allocations(t, dataiku.Options{})
	allocations(t, dataiku.Options{QueryLog: largeLog(t)})
}

func allocations(t *testing.T, o dataiku.Options) {
	t.Helper()
	d := costly(t, o)
	f := func(target, body string) {
		t.Helper()
		call := caller(t, d, target, body)
		for range 50 {
			call() // memory is made
		}
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
