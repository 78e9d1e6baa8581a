//go:build !race

package catalog

import "testing"

func TestLookupDoesNotAllocate(t *testing.T) {
	c := mustOpen(t, t.TempDir())
	mustApply(t, c, groupText("g")+viewText("v", "g"))
	s := c.Current()
	store, view, group, column := []byte("S"), []byte("v"), []byte("g"), "k"
	if n := testing.AllocsPerRun(100, func() {
		if s.ViewBytes(store, view, 0) == nil || s.GroupBytes(store, group, 1).Feature(column) == nil || !s.HasStore(store) {
			t.Fatal("not found")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
