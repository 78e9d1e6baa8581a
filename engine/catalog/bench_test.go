package catalog

import (
	"fmt"
	"strings"
	"testing"
)

// manyViews is what the benchmarks use; the test makes do with less.
const manyViews = 10000

// manyFiles returns definitions of 100 groups and views over them, a file each.
func manyFiles(views int) []File {
	var files []File
	for i := range 100 {
		files = append(files, File{Name: fmt.Sprintf("g%d.yaml", i), Text: []byte(groupText(fmt.Sprintf("g%d", i), "a", "b", "c", "d"))})
	}
	for i := range views {
		files = append(files, File{Name: fmt.Sprintf("v%d.yaml", i), Text: []byte(fmt.Sprintf(`kind: FeatureView
store: s
name: view_%d
version: 1
from:
  - {group: g%d, version: 1}
  - {group: g%d, version: 1, prefix: fg2_}
features:
  - {from: 0, name: k}
  - {from: 0, name: a, label: true}
  - {from: 1, name: b}
servingKeys:
  - {from: 0, name: k, required: true}
  - {from: 1, name: k, prefix: fg2_, required: false, joinOn: k}
`, i, i%100, (i+1)%100))})
	}
	return files
}

func many(b testing.TB, views int) (*Catalog, []File) {
	c := mustOpen(b, b.TempDir())
	files := manyFiles(views)
	next, _, err := c.Prepare(files, false)
	if err != nil {
		b.Fatal(err)
	}
	if err := c.Commit(next); err != nil {
		b.Fatal(err)
	}
	return c, files
}

// changed returns a file that differs from files[i] by one feature.
func changedFile(f File, i int) File {
	text := strings.Replace(string(f.Text), "name: b}", "name: "+string("abcd"[i%4])+"}", 1)
	return File{Name: f.Name, Text: []byte(text)}
}

// BenchmarkPrepareOne is a plan of one changed view in a catalog of 10,000.
func BenchmarkPrepareOne(b *testing.B) {
	c, files := many(b, manyViews)
	for i := 0; b.Loop(); i++ {
		if _, _, err := c.Prepare([]File{changedFile(files[500], i)}, false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrepareFolder is a plan of all files, one of them changed.
func BenchmarkPrepareFolder(b *testing.B) {
	c, files := many(b, manyViews)
	files[500] = changedFile(files[500], 3)
	for b.Loop() {
		if _, _, err := c.Prepare(files, true); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrepareFirst reads and checks everything from nothing.
func BenchmarkPrepareFirst(b *testing.B) {
	c, files := mustOpen(b, b.TempDir()), manyFiles(manyViews)
	for b.Loop() {
		if _, _, err := c.Prepare(files, true); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrepareGroup changes a group that 200 views use.
func BenchmarkPrepareGroup(b *testing.B) {
	c, _ := many(b, manyViews)
	file := []File{{Text: []byte(groupText("g7", "a", "b", "c", "d", "e"))}}
	for b.Loop() {
		if _, _, err := c.Prepare(file, false); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkApplyOne changes one view of 10,000 and commits it durably.
func BenchmarkApplyOne(b *testing.B) {
	c, files := many(b, manyViews)
	for i := 0; b.Loop(); i++ {
		mustApply(b, c, string(changedFile(files[500], i).Text))
	}
}

// BenchmarkOpen starts with a catalog of 10,000 views.
func BenchmarkOpen(b *testing.B) {
	c, _ := many(b, manyViews)
	for b.Loop() {
		mustOpen(b, c.dir)
	}
}

func BenchmarkViewBytes(b *testing.B) {
	c, _ := many(b, manyViews)
	s, store, name := c.Current(), []byte("S"), []byte("view_77")
	b.ReportAllocs()
	for b.Loop() {
		if s.ViewBytes(store, name, 1) == nil {
			b.Fatal("no view")
		}
	}
}

// TestManyViews changes one of many views, and then one group: only what is touched
// by that is new.
func TestManyViews(t *testing.T) {
	const views = 1000
	c, files := many(t, views)
	before := c.Current()
	f := func(files []File, prune bool, fresh int) {
		t.Helper()
		next, diff, err := c.Prepare(files, prune)
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		for key, o := range next.objects {
			if before.objects[key] != o {
				got++
			}
		}
		if got != fresh || len(next.Views()) != views {
			t.Errorf("%d objects are new, want %d; %s", got, fresh, diff.Summary())
		}
	}
	f([]File{changedFile(files[500], 0)}, false, 1)
	all := append([]File{}, files...)
	all[500] = changedFile(all[500], 0)
	f(all, true, 1)
	f([]File{{Text: []byte(groupText("g7", "a", "b", "c", "d", "e"))}}, false, 1+views/50)
	f(files, true, 0)
}
