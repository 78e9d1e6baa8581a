package catalog

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"quiver/engine/fail"
)

// group is the text of a small group definition.
func groupText(name string, columns ...string) string {
	text := fmt.Sprintf("---\nkind: FeatureGroup\nstore: s\nname: %s\nkey: [k]\nfeatures:\n- {name: k, type: bigint}\n", name)
	for _, c := range columns {
		text += fmt.Sprintf("- {name: %s, type: double}\n", c)
	}
	return text
}

func viewText(name string, groups ...string) string {
	text := fmt.Sprintf("---\nkind: FeatureView\nstore: s\nname: %s\nfrom:\n", name)
	for i, g := range groups {
		text += fmt.Sprintf("- {group: %s, prefix: p%d_}\n", g, i)
	}
	return text
}

func mustOpen(t testing.TB, dir string) *Catalog {
	t.Helper()
	c, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func mustApply(t testing.TB, c *Catalog, text string) {
	t.Helper()
	next, _, err := c.Prepare([]File{{Name: "test.yaml", Text: []byte(text)}}, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(next); err != nil {
		t.Fatal(err)
	}
}

func mustRead(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func mustWrite(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// picture prints everything about a snapshot that must survive a restart.
func picture(s *Snapshot) string {
	var b strings.Builder
	fmt.Fprintf(&b, "revision %d next id %d %s %s\n", s.Revision, s.nextID, s.summary, s.time)
	for _, d := range s.Definitions("", "", "") {
		fmt.Fprintf(&b, "%s\n", d.Body)
	}
	for _, g := range s.Groups() {
		printGroup(&b, g)
		fmt.Fprintf(&b, "  %s %x\n", g.numbersJSON, g.text)
	}
	for _, v := range s.Views() {
		printView(&b, v)
	}
	return b.String()
}

// twoRevisions returns a folder with two revisions.
func twoRevisions(t *testing.T) string {
	dir := t.TempDir()
	c := mustOpen(t, dir)
	mustApply(t, c, groupText("a")+viewText("v", "a"))
	mustApply(t, c, groupText("b", "x"))
	return dir
}

func TestReopen(t *testing.T) {
	dir := twoRevisions(t)
	c := mustOpen(t, dir)
	want := picture(c.Current())
	if !strings.Contains(want, "revision 2") || !strings.Contains(want, `"name":"b"`) {
		t.Fatalf("not what was applied: %s", want)
	}
	if got := picture(mustOpen(t, dir).Current()); got != want {
		t.Errorf("after another start:\n%s\nwant:\n%s", got, want)
	}
}

// TestDamagedRevision cuts the newest revision at every byte, and flips a bit of every
// byte: it must be reported, never served and never dropped.
func TestDamagedRevision(t *testing.T) {
	dir := twoRevisions(t)
	path := revisionPath(dir, 2)
	whole := mustRead(t, path)
	f := func(what string, bad []byte) {
		mustWrite(t, path, bad)
		_, err := Open(dir)
		if !errors.Is(err, ErrDamaged) {
			t.Fatalf("%s: opened with error %v", what, err)
		}
		for _, want := range []string{path, "move it away to go back to revision 1", "backup"} {
			if !strings.Contains(err.Error(), want) {
				t.Fatalf("%s: the error does not say %q: %v", what, want, err)
			}
		}
		if string(mustRead(t, path)) != string(bad) {
			t.Fatalf("%s: the damaged file was changed", what)
		}
	}
	for n := range whole {
		f(fmt.Sprintf("cut at byte %d of %d", n, len(whole)), whole[:n])
	}
	for n := range whole {
		bad := slices.Clone(whole)
		bad[n] ^= 1 << (n % 8)
		f(fmt.Sprintf("bit flipped in byte %d", n), bad)
	}
	f("one byte more", append(slices.Clone(whole), '\n'))

	// What the error advises works.
	if err := os.Rename(path, filepath.Join(t.TempDir(), "away")); err != nil {
		t.Fatal(err)
	}
	c := mustOpen(t, dir)
	if c.Current().Revision != 1 || c.Current().Group("s", "a", 1) == nil {
		t.Errorf("went back to revision %d", c.Current().Revision)
	}
	if got := c.Droppable(time.Now()); !slices.Equal(got, []uint32{3}) {
		t.Errorf("tables of the lost revision to drop: %v, want [3]", got)
	}
	mustApply(t, c, groupText("c"))
	if got := c.Current().Group("s", "c", 1).Table; got <= 4 {
		t.Errorf("a number of the lost revision was given out again: %d", got)
	}
}

func TestDamagedFirstRevision(t *testing.T) {
	dir := t.TempDir()
	mustApply(t, mustOpen(t, dir), groupText("a"))
	mustWrite(t, revisionPath(dir, 1), nil)
	_, err := Open(dir)
	if !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "begin without definitions") {
		t.Errorf("got %v", err)
	}
}

func TestDamagedLedger(t *testing.T) {
	dir := twoRevisions(t)
	path := ledgerPath(dir)
	whole := mustRead(t, path)
	for n := range whole {
		mustWrite(t, path, whole[:n])
		if _, err := Open(dir); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), path) {
			t.Fatalf("cut at byte %d: %v", n, err)
		}
	}
	// Without it, numbers go on far above all that were given out.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	c := mustOpen(t, dir)
	mustApply(t, c, groupText("c"))
	if got := c.Current().Group("s", "c", 1).Table; got < lostNumbers {
		t.Errorf("table %d after the ledger was lost", got)
	}
}

// TestForeignRevision: a file that is whole but not what its name says, or of a later
// format, is refused.
func TestForeignRevision(t *testing.T) {
	dir := twoRevisions(t)
	mustWrite(t, revisionPath(dir, 3), mustRead(t, revisionPath(dir, 2)))
	if _, err := Open(dir); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "it says it is revision 2") {
		t.Errorf("a copy: %v", err)
	}
	mustWrite(t, revisionPath(dir, 3), seal([]byte(`{"format":3,"revision":3,"objects":[]}`)))
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "newer Quiver") {
		t.Errorf("a later format: %v", err)
	}
	mustWrite(t, revisionPath(dir, 3), seal([]byte(`{"format":1,"revision":3,"objects":[{"definition":{"kind":"Future"}}]}`)))
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "Future") {
		t.Errorf("an unknown kind: %v", err)
	}
}

func TestLeftovers(t *testing.T) {
	dir := twoRevisions(t)
	tmp, other := revisionPath(dir, 3)+temporary, filepath.Join(dir, "notes.json")
	mustWrite(t, tmp, []byte(`{"checksum":"`))
	mustWrite(t, other, []byte("mine"))
	c := mustOpen(t, dir)
	if _, err := os.Stat(tmp); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary file is still there: %v", err)
	}
	if string(mustRead(t, other)) != "mine" || c.Current().Revision != 2 {
		t.Errorf("other files matter: revision %d", c.Current().Revision)
	}
}

// TestCrashBeforeRevision is a crash between the two files of a commit: the change
// did not happen, and nothing of it is used again.
func TestCrashBeforeRevision(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir)
	mustApply(t, c, groupText("a"))
	next, _, err := c.PrepareRemove(KindGroup, "s", "a", 0, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(next); err != nil {
		t.Fatal(err)
	}
	mustApply(t, c, groupText("b"))
	for _, n := range []int{2, 3} {
		if err := os.Remove(revisionPath(dir, n)); err != nil {
			t.Fatal(err)
		}
	}
	c = mustOpen(t, dir)
	if c.Current().Revision != 1 || c.Current().Group("s", "a", 0).Table != 1 {
		t.Fatalf("not as before the change: %s", picture(c.Current()))
	}
	if got := c.Droppable(time.Now()); !slices.Equal(got, []uint32{3}) {
		t.Errorf("droppable %v, want [3]: table 1 is in use", got)
	}
	mustApply(t, c, groupText("c"))
	if got := c.Current().Group("s", "c", 0).Table; got <= 4 {
		t.Errorf("number %d was given out twice", got)
	}
}

// TestFailedWrites: where a file cannot be written nothing changes, and the same
// snapshot can be committed once it can.
func TestFailedWrites(t *testing.T) {
	for _, name := range []string{"000002.json.tmp", "000002.json", "tables.json.tmp"} {
		dir := t.TempDir()
		c := mustOpen(t, dir)
		mustApply(t, c, groupText("a"))
		before := c.Current()
		next, _, err := c.Prepare([]File{{Text: []byte(groupText("b"))}}, false)
		if err != nil {
			t.Fatal(err)
		}
		blocked := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Join(blocked, "full"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := c.Commit(next); err == nil {
			t.Fatalf("%s: committed", name)
		}
		if c.Current() != before || mustOpenCopy(t, dir, name).Current().Revision != 1 {
			t.Errorf("%s: the failed commit changed something", name)
		}
		if err := os.RemoveAll(blocked); err != nil {
			t.Fatal(err)
		}
		if err := c.Commit(next); err != nil || c.Current() != next {
			t.Errorf("%s: cannot commit afterwards: %v", name, err)
		}
		if got := mustOpen(t, dir).Current().Group("s", "b", 0); got == nil {
			t.Errorf("%s: not on disk afterwards", name)
		}
	}
}

// mustOpenCopy opens a copy of a folder, without one entry.
func mustOpenCopy(t *testing.T, dir, without string) *Catalog {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != without {
			mustWrite(t, filepath.Join(to, e.Name()), mustRead(t, filepath.Join(dir, e.Name())))
		}
	}
	return mustOpen(t, to)
}

func TestCommitConflict(t *testing.T) {
	c := mustOpen(t, t.TempDir())
	one, _, err := c.Prepare([]File{{Text: []byte(groupText("a"))}}, false)
	if err != nil {
		t.Fatal(err)
	}
	mustApply(t, c, groupText("b"))
	if err := c.Commit(one); fail.AsError(err).Code != fail.Conflict {
		t.Errorf("a snapshot of an earlier revision was committed: %v", err)
	}
	if c.Current().Group("s", "a", 0) != nil || c.Current().Group("s", "b", 0) == nil {
		t.Error("the current snapshot changed")
	}
	if err := c.Commit(c.Current()); err != nil {
		t.Errorf("committing what is current: %v", err)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir)
	for i := range maxRevisions + 3 {
		mustApply(t, c, fmt.Sprintf("kind: FeatureGroup\nstore: s\nname: a\nttl: %dh\nfeatures: [{name: k, type: int}]", i+1))
	}
	history, err := c.History()
	if err != nil || len(history) != maxRevisions {
		t.Fatalf("%d revisions are kept: %v", len(history), err)
	}
	last := history[len(history)-1]
	if last.Revision != 4 || last.Damaged != "" || last.Summary != "apply: 1 updated" || !history[0].Current || history[0].Revision != maxRevisions+3 {
		t.Errorf("from %+v to %+v", history[0], last)
	}
	if _, _, err := c.PrepareRollback(3); fail.AsError(err).Code != fail.NotFound {
		t.Errorf("rollback to a forgotten revision: %v", err)
	}
	mustWrite(t, revisionPath(dir, 50), []byte("{"))
	if _, _, err := c.PrepareRollback(50); fail.AsError(err).Code != fail.Conflict || !errors.Is(err, ErrDamaged) {
		t.Errorf("rollback to a damaged revision: %v", err)
	}
	history, err = c.History()
	if err != nil || history[len(history)-1-46].Damaged == "" {
		t.Errorf("the damaged revision is not marked: %v", err)
	}
	next, diff, err := c.PrepareRollback(49)
	if err != nil || len(diff.Changes) != 1 || !slices.Equal(diff.Changes[0].Details, []string{"ttl 103h -> 49h"}) {
		t.Errorf("rollback to 49: %v %v", diff, err)
	}
	if err := c.Commit(next); err != nil {
		t.Error(err)
	}
}

func TestReservedTables(t *testing.T) {
	dir := t.TempDir()
	c := mustOpen(t, dir)
	mustApply(t, c, groupText("a")+groupText("b"))
	a := c.Current().Group("s", "a", 0)
	reserve := func() uint32 {
		table, err := c.ReserveTable()
		if err != nil {
			t.Fatal(err)
		}
		return table
	}
	used, abandoned, lost := reserve(), reserve(), reserve()
	if got := c.Droppable(time.Now()); len(got) != 0 {
		t.Fatalf("tables being loaded are droppable: %v", got)
	}
	if err := c.Dropped([]uint32{lost}); err != nil {
		t.Fatal(err)
	}
	c.ReleaseTable(abandoned)
	if got := c.Droppable(time.Now()); !slices.Equal(got, []uint32{abandoned}) {
		t.Errorf("droppable %v, want [%d]", got, abandoned)
	}
	// Another change in the middle of the load does not matter to it.
	mustApply(t, c, groupText("a", "more"))
	next, err := c.Retable(a, used)
	if err != nil {
		t.Fatal(err)
	}
	before := time.Now()
	if err := c.Commit(next); err != nil {
		t.Fatal(err)
	}
	if got := c.Droppable(before); !slices.Equal(got, []uint32{abandoned}) {
		t.Errorf("droppable as of before the old table was out of use: %v", got)
	}
	g := c.Current().Group("s", "a", 0)
	if g.Table != used || g.Feature("more") == nil || g.ID != a.ID || g.HistoryTable != 0 {
		t.Errorf("after the load: %+v", g)
	}
	if got := c.Droppable(time.Now()); !slices.Equal(got, []uint32{a.Table, abandoned}) {
		t.Errorf("droppable %v, want the old table and the abandoned one", got)
	}
	// The load that a restart cut short is cleaned up after it.
	c = mustOpen(t, dir)
	if got := c.Droppable(time.Now()); !slices.Equal(got, []uint32{a.Table, abandoned, lost}) {
		t.Errorf("droppable after a restart %v", got)
	}
	if c.Current().Group("s", "a", 0).Table != used {
		t.Error("the restart lost the loaded table")
	}
	if _, err := c.Retable(c.Current().Group("s", "a", 0), used+50); err == nil {
		t.Error("a table that was never reserved was taken")
	}
	// A group that was removed and came back is not the one that was loaded.
	table := reserve
	fresh := table()
	old := c.Current().Group("s", "b", 0)
	next, _, err = c.PrepareRemove(KindGroup, "s", "b", 0, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Commit(next); err != nil {
		t.Fatal(err)
	}
	mustApply(t, c, groupText("b"))
	if _, err := c.Retable(old, fresh); fail.AsError(err).Code != fail.Conflict {
		t.Errorf("the rows of another group were taken: %v", err)
	}
}
