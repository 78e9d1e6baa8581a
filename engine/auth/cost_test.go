//go:build !race

package auth

import (
	"fmt"
	"testing"
)

func TestVerifyDoesNotAllocate(t *testing.T) {
	k := openKeys(t, t.TempDir())
	f := func(o CreateOptions) {
		t.Helper()
		token := []byte(create(t, k, o))
		n := testing.AllocsPerRun(100, func() {
			p, err := k.Verify(token)
			if err != nil || !p.MayReadStore("fsdb001") {
				t.Fatal(p, err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations per check", o.Name, n)
		}
		var m Memo
		n = testing.AllocsPerRun(100, func() {
			if p, err := m.Verify(k, token); err != nil || !p.MayReadStore("fsdb001") {
				t.Fatal(p, err)
			}
		})
		if n != 0 {
			t.Errorf("%s: %v allocations per check by a memo", o.Name, n)
		}
	}
	f(CreateOptions{Name: "generated", Stores: []string{"fsdb001"}})
	f(CreateOptions{Name: "free", Stores: []string{Every}, Import: "some-other-form-of-key"})
}

func BenchmarkVerify(b *testing.B) {
	k := openKeys(b, b.TempDir())
	var token []byte
	for i := range 20 {
		token = []byte(create(b, k, CreateOptions{Name: fmt.Sprint("key", i), Stores: []string{"fsdb001"}}))
	}
	wrong := append([]byte{}, token...)
	wrong[len(wrong)-1] ^= 1
	unknown := append([]byte{}, token...)
	unknown[0] ^= 1
	b.Run("valid/memo", func(b *testing.B) {
		var m Memo
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Verify(k, token); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, c := range []struct {
		name  string
		token []byte
	}{{"valid", token}, {"wrong", wrong}, {"unknown", unknown}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Verify(c.token); (err == nil) != (c.name == "valid") {
					b.Fatal(err)
				}
			}
		})
	}
}
