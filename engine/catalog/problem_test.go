package catalog

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"quiver/engine/fail"
)

func prepareText(t *testing.T, text string) error {
	t.Helper()
	_, _, err := mustOpen(t, t.TempDir()).Prepare([]File{{Name: "f.yaml", Text: []byte(text)}}, false)
	return err
}

func TestProblemsAreBounded(t *testing.T) {
	f := func(faults, listed, more int) {
		t.Helper()
		text := "kind: FeatureGroup\nstore: s\nname: g\nfeatures:\n" + strings.Repeat("- {name: a.b, type: int}\n", faults)
		err := prepareText(t, text)
		var p *Problems
		if !errors.As(err, &p) || len(p.List) != listed || p.More != more {
			t.Fatalf("%d faults: %d listed, %d more", faults, len(p.List), p.More)
		}
		if says := strings.Contains(err.Error(), fmt.Sprintf("and %d more problems", more)); says != (more > 0) {
			t.Errorf("%d faults: %s", faults, err)
		}
		for i, p := range p.List {
			if p.Line != 5+i || p.Column != 10 {
				t.Fatalf("problem %d is at %s", i, p.Place())
			}
		}
		var public *fail.Error
		if !errors.As(err, &public) || public.Code != fail.Malformed || public.Text != err.Error() {
			t.Errorf("as an engine error: %+v", public)
		}
	}
	f(1, 1, 0)
	f(50, 50, 0)
	f(51, 50, 1)
	f(4096, 50, 4046)
}

// TestLimits: what is too large is refused, at its place.
func TestLimits(t *testing.T) {
	f := func(what, text, want string) {
		t.Helper()
		err := prepareText(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %.200v, want %q", what, err, want)
		}
	}
	const head = "kind: FeatureGroup\nstore: s\nname: g\n"
	f("file", strings.Repeat(" ", maxFile+1), "f.yaml:1:1: the file is larger than 64 MiB")
	f("document", head+"description: "+strings.Repeat("x", maxChunk), "f.yaml:1:1: the document is larger than 8 MiB")
	f("brackets", head+"a: "+strings.Repeat("[", 1e5), "f.yaml:4:51: collections are nested more than 48 deep")
	f("braces", head+"a: "+strings.Repeat("{a: ", 1e4), "nested more than 48 deep")
	f("dashes", strings.Repeat("- ", 1e4), "f.yaml:1:97: collections are nested more than 48 deep")
	f("questions", strings.Repeat("? ", 1e4), "nested more than 48 deep")
	f("keys", numbered("k%d: 1\n", 2e4), "f.yaml:5001:6: more than 5000 keys in one mapping")
	f("features", head+"features: ["+numbered("{name: k%d, type: int},\n", maxColumns+1)+"]", "f.yaml:4100:1: more than 4096 features")
	f("text", head+"description: "+strings.Repeat("x", maxText+1), "f.yaml:4:14: longer than 65536 bytes")
	f("not text", head+"description: \"\x80\"", "f.yaml:4:15: the file is not plain UTF-8 text here")
	f("control", head+"description: é\x01", "f.yaml:4:15: the file is not plain UTF-8 text here")
}

// numbered repeats a line n times with its number.
func numbered(line string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, line, i)
	}
	return b.String()
}

func TestParseDuration(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		d, err := parseDuration(text)
		got := d.String()
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, want) || want == "" {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if err == nil {
			if again, err := parseDuration(got); again != d || err != nil {
				t.Errorf("%q prints as %q, which is %v, %v", text, got, again, err)
			}
		}
	}
	f("720h", "720h")
	f("14d", "336h")
	f("1w", "168h")
	f("90m", "1h30m")
	f("1h30m15s", "1h30m15s")
	f("1.5h", "1h30m")
	f("250ms", "250ms")
	f("5us", "5us")
	f("1m5ms", "1m5ms")
	f("292y", `"292y" has an unknown unit`)
	f("5", `"5" has no unit`)
	f("1h5", `"1h5" has no unit`)
	f("h", `"h" is no length of time`)
	f("-1h", `"-1h" is no length of time`)
	f("1..5h", `"1..5h" is no length of time`)
	f("", `"" is no length of time above zero`)
	f("0h", `"0h" is no length of time above zero`)
	f("0.1us", `"0.1us" is no length of time above zero`)
	f("9999999h", `"9999999h" is longer than 292 years`)
}

// TestUnnamedViewWouldBreak: a change that a view outside the files does not survive
// is refused, and named by the view.
func TestUnnamedViewWouldBreak(t *testing.T) {
	c := mustOpen(t, t.TempDir())
	mustApply(t, c, groupText("g", columnsUpTo(3275)...)+viewText("v", "g", "g", "g", "g", "g"))
	if n := len(c.Current().View("s", "v", 0).Features); n != 5*3276 {
		t.Fatalf("%d features", n)
	}
	_, _, err := c.Prepare([]File{{Name: "f.yaml", Text: []byte(groupText("g", columnsUpTo(3276)...))}}, false)
	const want = "FeatureView s/v@1: this view would break: the groups have more than 16384 features together; list those that the view serves"
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
