package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	f := func(tab *table, want string) {
		t.Helper()
		var b bytes.Buffer
		if err := tab.write(&b); err != nil || b.String() != want {
			t.Errorf("printed\n%q, want\n%q (%v)", b.String(), want, err)
		}
	}
	tab := newTable("NAME", "N")
	f(tab, "") // a head alone says nothing
	tab.add("Zoë", "1")
	tab.add("x", "")
	tab.foot = "end"
	f(tab, "NAME  N\nZoë   1\nx\nend\n")
}

func TestThousands(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 3000000: "3,000,000"} {
		if got := thousands(n); got != want {
			t.Errorf("%d is printed %s, want %s", n, got, want)
		}
	}
}

func TestReport(t *testing.T) {
	f := func(err error, code int, want string) {
		t.Helper()
		var b bytes.Buffer
		if got := report(&b, err); got != code || b.String() != want {
			t.Errorf("exit %d and %q, want %d and %q", got, b.String(), code, want)
		}
	}
	f(nil, 0, "")
	f(errors.New("it broke"), 1, "quiver: it broke\n")
	f(withHint(errors.New("it broke"), "mend %s", "it"), 1, "quiver: it broke (hint: mend it)\n")
	f(withHint(errors.New("a:1: x\n  1 | y\n"), "z"), 1, "quiver: a:1: x\n  1 | y\n(hint: z)\n")
	f(withHint(errors.New("it broke"), "%s", ""), 1, "quiver: it broke\n")
	f(withHint(&usageError{"no"}, "yes"), 2, "quiver: no (hint: yes)\n")
}

// TestProgressPlain checks that nothing but whole lines goes to what is no terminal.
func TestProgressPlain(t *testing.T) {
	var b bytes.Buffer
	p := newProgress(&b, "reading x")
	p.at(1, 10, 5)
	p.last = p.last.Add(-plainEvery)
	p.at(5, 10, 1500)
	p.at(6, 10, 1600)
	p.end()
	if got := b.String(); !strings.HasPrefix(got, "reading x: 50%, 1,500 rows, ") || strings.Count(got, "\n") != 1 || strings.Contains(got, "\r") {
		t.Errorf("printed %q", got)
	}
}
