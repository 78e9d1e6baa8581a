package auth

import (
	"testing"
	"time"
)

// TestMemo: a memo says what Verify says, whatever it has seen before.
func TestMemo(t *testing.T) {
	k := openKeys(t, t.TempDir())
	var m Memo
	f := func(token, want string) {
		t.Helper()
		for range 2 {
			p, err := m.Verify(k, []byte(token))
			if (err == nil) != (want != "") || p.Name != want || p.Valid() != (want != "") {
				t.Errorf("%q: %+v, %v; want the key %q", token, p, err, want)
			}
		}
	}
	f("", "")
	a := create(t, k, CreateOptions{Name: "a"})
	f(a, "a")
	b := create(t, k, CreateOptions{Name: "b", Import: "KEY"})
	f(b, "b")
	f(a, "a")
	f(a[:len(a)-1], "")
	f(a[:len(a)-1]+"x", "")
	f(a+"x", "")
	f("", "")
	f(a, "a")
	if err := k.Revoke("a"); err != nil {
		t.Fatal(err)
	}
	f(a, "")
	f(b, "b")
	short := create(t, k, CreateOptions{Name: "short", Expires: time.Now().Add(time.Second)})
	f(short, "short")
	time.Sleep(1010 * time.Millisecond)
	f(short, "")
	f(short, "")
	f(b, "b")
}
