package catalog

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"quiver/engine/fail"
)

var rewrite = flag.Bool("rewrite", false, "write what the cases print into their files")

// TestCases runs the text cases in testdata. A case is a command line, its input,
// `----`, its output and an empty line; the cases of one file share one catalog.
// Comments begin with #. The commands are the methods of session.
func TestCases(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) { runCases(t, path) })
	}
}

func runCases(t *testing.T, path string) {
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &session{t: t, dir: t.TempDir()}
	s.open()
	var out strings.Builder
	lines := strings.SplitAfter(string(text), "\n")
	for i := 0; i < len(lines); {
		line := strings.TrimSpace(lines[i])
		if line == "" || line[0] == '#' {
			out.WriteString(lines[i])
			i++
			continue
		}
		start := i
		var input, want strings.Builder
		for i++; i < len(lines) && lines[i] != "----\n"; i++ {
			input.WriteString(lines[i])
		}
		if i == len(lines) {
			t.Fatalf("%s:%d: the case has no ---- line", path, start+1)
		}
		for i++; i < len(lines) && strings.TrimSpace(lines[i]) != ""; i++ {
			want.WriteString(lines[i])
		}
		got := s.run(strings.Fields(line), input.String())
		if got != want.String() && !*rewrite {
			t.Errorf("%s:%d: %s\n got:\n%s\nwant:\n%s", path, start+1, line, got, want.String())
		}
		fmt.Fprintf(&out, "%s%s----\n%s", lines[start], input.String(), got)
	}
	s.reapply()
	if *rewrite && out.String() != string(text) {
		if err := os.WriteFile(path, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// session is one catalog that the cases of a file work on.
type session struct {
	t   *testing.T
	dir string
	c   *Catalog
}

func (s *session) open() {
	c, err := Open(s.dir)
	if err != nil {
		s.t.Fatal(err)
	}
	s.c = c
}

// reapply checks that what is listed at the end of the cases can be applied again and
// changes nothing, whether the texts are known or not.
func (s *session) reapply() {
	all := s.c.Current().Definitions("", "", "")
	var whole File
	for _, d := range all {
		whole.Text = append(append(whole.Text, "---\n"...), d.YAML()...)
	}
	for _, v := range s.c.Current().Views() {
		if v.Broken != "" {
			return
		}
	}
	next, diff, err := s.c.Prepare([]File{whole}, true)
	if err != nil || next != s.c.Current() || len(diff.Changes) != len(all) {
		s.t.Errorf("applying what was listed: %v\n%s\n%s", err, diff, whole.Text)
	}
}

func (s *session) run(words []string, input string) string {
	args := words[1:]
	has := func(word string) bool {
		for _, a := range args {
			if a == word {
				return true
			}
		}
		return false
	}
	switch words[0] {
	case "plan", "apply": // apply [prune]: input is a.yaml; "=== NAME" begins another file
		next, diff, err := s.c.Prepare(splitFiles(input), has("prune"))
		return s.change(next, diff, err, words[0] == "apply")
	case "remove": // remove KIND STORE/NAME[@VERSION] [force]
		store, rest, _ := strings.Cut(args[1], "/")
		name, v, _ := strings.Cut(rest, "@")
		version, _ := strconv.Atoi(v)
		next, diff, err := s.c.PrepareRemove(args[0], store, name, version, has("force"))
		return s.change(next, diff, err, true)
	case "rollback": // rollback [REVISION]
		revision := 0
		if len(args) > 0 {
			revision, _ = strconv.Atoi(args[0])
		}
		next, diff, err := s.c.PrepareRollback(revision)
		return s.change(next, diff, err, true)
	case "retable": // retable STORE/NAME
		store, name, _ := strings.Cut(args[0], "/")
		table, err := s.c.ReserveTable()
		if err != nil {
			return err.Error() + "\n"
		}
		next, err := s.c.Retable(s.c.Current().Group(store, name, 0), table)
		return s.change(next, Diff{}, err, true)
	case "definitions": // definitions [KIND [STORE [NAME]]]
		args = append(args, "", "", "")
		var b strings.Builder
		for i, d := range s.c.Current().Definitions(args[0], args[1], args[2]) {
			if i > 0 {
				b.WriteString("---\n")
			}
			b.Write(d.YAML())
		}
		return b.String()
	case "groups":
		var b strings.Builder
		for _, g := range s.c.Current().Groups() {
			printGroup(&b, g)
		}
		return b.String()
	case "views":
		var b strings.Builder
		for _, v := range s.c.Current().Views() {
			printView(&b, v)
		}
		return b.String()
	case "webhooks":
		var b strings.Builder
		for _, w := range s.c.Current().Webhooks() {
			printWebhook(&b, w)
		}
		return b.String()
	case "featuresets":
		var b strings.Builder
		for _, f := range s.c.Current().Featuresets() {
			printFeatureset(&b, f)
		}
		return b.String()
	case "droppable":
		return fmt.Sprintln(s.c.Droppable(time.Now()))
	case "dropped": // dropped TABLE...
		var tables []uint32
		for _, a := range args {
			n, _ := strconv.Atoi(a)
			tables = append(tables, uint32(n))
		}
		if err := s.c.Dropped(tables); err != nil {
			return err.Error() + "\n"
		}
		return "ok\n"
	case "reopen":
		s.open()
		return "ok\n"
	case "history":
		history, err := s.c.History()
		if err != nil {
			return err.Error() + "\n"
		}
		var b strings.Builder
		for _, r := range history {
			mark := ""
			if r.Current {
				mark = " (current)"
			}
			fmt.Fprintf(&b, "%d %s%s\n", r.Revision, r.Summary, mark)
		}
		return b.String()
	}
	s.t.Fatalf("unknown command %s", words[0])
	return ""
}

func (s *session) change(next *Snapshot, diff Diff, err error, commit bool) string {
	if err == nil && commit {
		err = s.c.Commit(next)
	}
	if err != nil {
		var f *fail.Error
		if !errors.As(err, &f) {
			s.t.Errorf("the error is no *fail.Error: %v", err)
		}
		return err.Error() + "\n"
	}
	return fmt.Sprintf("%srevision %d\n", diff, next.Revision)
}

func splitFiles(input string) []File {
	files := []File{{Name: "a.yaml"}}
	for line := range strings.Lines(input) {
		if name, ok := strings.CutPrefix(line, "=== "); ok {
			files = append(files, File{Name: strings.TrimSpace(name)})
			continue
		}
		f := &files[len(files)-1]
		f.Text = append(f.Text, line...)
	}
	return files
}

func printGroup(b *strings.Builder, g *Group) {
	fmt.Fprintf(b, "%s/%s@%d id %d table %d schema %d", g.StoreKey, g.Name, g.Version, g.ID, g.Table, g.Schema.ID)
	if g.HistoryTable != 0 {
		fmt.Fprintf(b, " history %d", g.HistoryTable)
	}
	fmt.Fprintf(b, " key %v time %d\n", g.KeyColumns, g.EventTimeColumn)
	for _, x := range g.Indexes {
		fmt.Fprintf(b, "  index %s %v table %d\n", x.Name, x.Slots, x.Table)
	}
	for i, c := range g.Schema.Columns {
		if c.Name == "" {
			fmt.Fprintf(b, "  %d (retired)\n", i)
			continue
		}
		fmt.Fprintf(b, "  %d %s %s", i, c.Name, c.Type.Kind)
		if c.Default != nil {
			fmt.Fprintf(b, " default %s", c.Default)
		}
		b.WriteByte('\n')
	}
}

func printWebhook(b *strings.Builder, w *Webhook) {
	fmt.Fprintf(b, "%s/%s@%d keeps %s\n", w.StoreKey, w.Name, w.Version, w.Retention)
	if w.Broken != "" {
		fmt.Fprintf(b, "  broken: %s\n", w.Broken)
	}
	for i, e := range w.Endpoints {
		fmt.Fprintf(b, "  %s, table %d\n", w.endpoint(i), e.Table)
		for _, t := range e.Into {
			fmt.Fprintf(b, "    %s/%s@%d %s, there %t, where %t\n", t.Store, t.Group, t.Version, t.CDC, t.Ref != nil, t.Where != nil)
			for _, p := range t.Preproc {
				fmt.Fprintf(b, "      %s (slot %d): ref %q value %s expr %t\n", p.Column, p.Slot, p.Ref, p.Value, p.Expr != nil)
			}
		}
	}
}

func printFeatureset(b *strings.Builder, f *Featureset) {
	fmt.Fprintf(b, "%s/%s@%d\n", f.StoreKey, f.Name, f.Version)
	if f.Broken != "" {
		fmt.Fprintf(b, "  broken: %s\n", f.Broken)
	}
	for i, line := range f.spec.lines() {
		fmt.Fprintf(b, "  %s", line)
		if l := f.Features[i].Lookup; l != nil {
			fmt.Fprintf(b, ": keys %v, list %t, there %t", l.Keys, l.List, l.Group != nil)
		}
		b.WriteByte('\n')
	}
	for _, line := range f.spec.codeLines() {
		fmt.Fprintf(b, "  %s\n", line)
	}
}

func printView(b *strings.Builder, v *View) {
	fmt.Fprintf(b, "%s/%s@%d\n", v.StoreKey, v.Name, v.Version)
	if v.Broken != "" {
		fmt.Fprintf(b, "  broken: %s\n", v.Broken)
	}
	for i, j := range v.From {
		fmt.Fprintf(b, "  from %d %s read %t\n", i, v.join(i), j.Read)
	}
	for i, f := range v.features() {
		slot := -1
		if v.Features[i].Ref != nil {
			slot = v.Features[i].Ref.Slot
		}
		fmt.Fprintf(b, "  feature %s: %s, slot %d\n", f, v.Features[i].TypeText(), slot)
	}
	for i, k := range v.keys() {
		fmt.Fprintf(b, "  key %s: column %d\n", k, v.ServingKeys[i].Key)
	}
}
