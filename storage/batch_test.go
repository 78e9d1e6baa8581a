package storage

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
)

func TestArena(t *testing.T) {
	var a Arena
	if p := a.Copy(nil); p == nil || len(p) != 0 {
		t.Fatalf("copy of an empty row is %v, want empty and not nil", p)
	}
	for range 3 {
		var rows [][]byte
		for i := range 500 { // several chunks
			rows = append(rows, a.Copy(bytes.Repeat([]byte{byte(i)}, i)))
		}
		for i, row := range rows {
			if !bytes.Equal(row, bytes.Repeat([]byte{byte(i)}, i)) || cap(row) != len(row) {
				t.Fatalf("row %d changed, or may be appended to: %d of %d bytes", i, len(row), cap(row))
			}
		}
		a.Reset()
	}
	a.Copy(make([]byte, 2*maxKeptArena))
	if a.Reset(); cap(a.chunk) != 0 {
		t.Fatalf("a giant chunk of %d bytes was kept", cap(a.chunk))
	}
	n := testing.AllocsPerRun(100, func() {
		for range 10 {
			a.Copy(make([]byte, 300))
		}
		a.Reset()
	})
	if n != 0 {
		t.Fatalf("a warm arena allocates %v times", n)
	}
}

func TestPoison(t *testing.T) {
	var a Arena
	row := a.Copy([]byte("row"))
	a.Reset()
	if overwritten := string(row) == "\xcc\xcc\xcc"; overwritten != poison {
		t.Fatalf("after Reset the row is %q (poison %v)", row, poison)
	}
}

func TestBatch(t *testing.T) {
	var b Batch
	for round := range 3 {
		for i := range 10 {
			if got := b.Add(Key{Table: uint32(i)}); got != i {
				t.Fatalf("key %d has position %d", i, got)
			}
		}
		for i := range 10 {
			if row, version, err := b.Row(i); row != nil || version != 0 || err != nil {
				t.Fatalf("round %d: slot %d is not empty: %q %d %v", round, i, row, version, err)
			}
		}
		first := b.Part(1)
		b.Part(5)
		if b.Part(1) != first {
			t.Fatal("a part moved")
		}
		failed := errors.New("failed")
		b.SetRow(3, 7, b.Arena().Copy([]byte("row")))
		b.SetMissing(4, 8)
		b.SetError(5, failed)
		f := func(i int, want string) {
			t.Helper()
			row, version, err := b.Row(i)
			if got := fmt.Sprintf("%q %d %v", row, version, err); got != want {
				t.Fatalf("slot %d is %s, want %s", i, got, want)
			}
		}
		f(3, `"row" 7 <nil>`)
		f(4, `"" 8 <nil>`)
		f(5, `"" 0 failed`)
		b.Truncate(4)
		if b.Len() != 4 {
			t.Fatalf("%d keys are left, want 4", b.Len())
		}
		f(3, `"row" 7 <nil>`)
		b.Reset()
	}
}

func TestCheck(t *testing.T) {
	f := func(w Write, ok bool) {
		t.Helper()
		if err := w.Check(); (err == nil) != ok || !ok && !errors.Is(err, ErrInvalid) {
			t.Fatalf("got %v, want valid %v", err, ok)
		}
	}
	f(Write{}, true)
	f(Write{Version: MaxVersion}, true)
	f(Write{Version: MaxVersion + 1}, false)
	f(Write{Key: Key{Route: make([]byte, MaxKey)}}, true)
	f(Write{Key: Key{Route: make([]byte, MaxKey), Suffix: make([]byte, 1)}}, false)
	f(Write{Row: make([]byte, MaxRow)}, true)
	f(Write{Row: make([]byte, MaxRow+1)}, false)
	f(Write{Row: make([]byte, MaxRow+1), Delete: true}, true)
	if CheckAll([]Write{{}, {Version: MaxVersion + 1}}) == nil {
		t.Fatal("CheckAll missed one")
	}
}
