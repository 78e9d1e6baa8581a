package catalog

import "testing"

func TestLookup(t *testing.T) {
	c := mustOpen(t, t.TempDir())
	var text string
	for _, v := range []string{"3", "10", "2"} {
		text += "---\nkind: FeatureGroup\nstore: Fs\nname: g\nversion: " + v + "\nfeatures: [{name: k, type: int}]\n"
		text += "---\nkind: FeatureView\nstore: FS\nname: v\nversion: " + v + "\nfrom: [{group: g, version: 3}]\nfeatures: [{name: k, label: true}]\n"
	}
	mustApply(t, c, text+groupText("g"))
	s := c.Current()
	f := func(store, name string, version, want int) {
		t.Helper()
		got := []int{0, 0, 0, 0}
		if g := s.Group(store, name, version); g != nil {
			got[0] = g.Version
		}
		if g := s.GroupBytes([]byte(store), []byte(name), version); g != nil {
			got[1] = g.Version
		}
		if name == "g" {
			name = "v"
		}
		if v := s.View(store, name, version); v != nil {
			got[2] = v.Version
		}
		if v := s.ViewBytes([]byte(store), []byte(name), version); v != nil {
			got[3] = v.Version
		}
		for _, n := range got {
			if n != want {
				t.Errorf("%s/%s@%d: got %v, want %d", store, name, version, got, want)
			}
		}
	}
	f("fs", "g", 0, 10)
	f("FS", "g", 10, 10)
	f("fS", "g", 3, 3)
	f("fs", "g", 1, 0)
	f("fs", "g", -1, 0)
	f("fs", "G", 3, 0)
	f("fs", "", 0, 0)
	f("f", "g", 0, 0)
	f("", "g", 0, 0)
	f("fsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfsfs", "g", 0, 0)
	if !s.HasStore([]byte("fS")) || s.HasStore([]byte("fss")) || len(s.Stores()) != 2 || s.Stores()[0] != "fs" {
		t.Errorf("stores: %v", s.Stores())
	}
	if g := s.Group("fs", "g", 3); s.GroupByID(g.ID) != g || s.GroupByID(99) != nil {
		t.Error("by id")
	}
}
