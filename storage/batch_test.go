package storage

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
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

// TestAddOnce compares AddOnce and Truncate with a list that is searched.
func TestAddOnce(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 1))
	var b Batch
	for round := range 200 {
		domain := 1 + r.IntN(3000)
		var model []Key
		for range r.IntN(1000) {
			k := Key{Table: uint32(r.IntN(2)), Route: fmt.Appendf(nil, "k%d", r.IntN(domain))}
			if r.IntN(8) == 0 {
				k.Suffix = []byte{byte(r.IntN(2))}
			}
			want := slices.IndexFunc(model, func(o Key) bool { return k.equal(&o) })
			if want < 0 {
				want = len(model)
				model = append(model, k)
			}
			if got := b.AddOnce(k); got != want || b.Len() != len(model) {
				t.Fatalf("seed %d round %d: position %d of %d, want %d of %d", seed, round, got, b.Len(), want, len(model))
			}
			if r.IntN(20) == 0 {
				n := r.IntN(len(model) + 1)
				if r.IntN(4) > 0 {
					n = max(0, len(model)-r.IntN(4)) // as the engine does: the last ones
				}
				b.Truncate(n)
				model = model[:n]
			}
		}
		b.Reset()
	}
	keys := make([]Key, 500)
	for i := range keys {
		keys[i].Route = fmt.Appendf(nil, "%08d", i)
	}
	n := testing.AllocsPerRun(100, func() {
		for i := range keys {
			b.AddOnce(keys[i])
		}
		b.Reset()
	})
	if n != 0 {
		t.Fatalf("a warm batch allocates %v times", n)
	}
}
