package auth

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"quiver/engine/fail"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// openKeys opens the keys of dir with a quick watcher and closes them with the test.
func openKeys(t testing.TB, dir string) *Keys {
	t.Helper()
	k, err := open(dir, 5*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func create(t testing.TB, k *Keys, o CreateOptions) string {
	t.Helper()
	token, err := k.Create(o)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestVerify(t *testing.T) {
	k := openKeys(t, t.TempDir())
	good := create(t, k, CreateOptions{Name: "good", Stores: []string{"fsdb001"}})
	create(t, k, CreateOptions{Name: "old-form", Import: "KEY", Services: []string{Every}})
	create(t, k, CreateOptions{Name: "moved", Import: "abcdefghijklmnop.was-somewhere-else", Admin: true})
	short := create(t, k, CreateOptions{Name: "short", Expires: time.Now().Add(300 * time.Millisecond)})
	time.Sleep(310 * time.Millisecond)

	f := func(token, wantName string, wantCode fail.Code, wantText string) {
		t.Helper()
		p, err := k.Verify([]byte(token))
		if wantName != "" {
			if err != nil || p.Name != wantName || !p.Valid() {
				t.Errorf("Verify(%q) = %+v, %v; want the key %q", token, p, err, wantName)
			}
			return
		}
		var e *fail.Error
		if !errors.As(err, &e) || e.Code != wantCode || !strings.Contains(e.Text, wantText) {
			t.Errorf("Verify(%q) = %v; want code %d and the text %q", token, err, wantCode, wantText)
		}
		if p.Valid() || p.MayReadStore("fsdb001") || p.Admin {
			t.Errorf("Verify(%q) failed and returned a principal with rights: %+v", token, p)
		}
	}
	f(good, "good", 0, "")
	f("KEY", "old-form", 0, "")
	f("abcdefghijklmnop.was-somewhere-else", "moved", 0, "")

	f("", "", fail.NoKey, "the apikey is nil")
	f("key", "", fail.BadKeyFormat, "the apikey has an incorrect format")
	f("KEY ", "", fail.BadKeyFormat, "the apikey has an incorrect format")
	f(good[:prefixLen], "", fail.BadKeyFormat, "the apikey has an incorrect format")
	f(good[:prefixLen+1], "", fail.BadKeyFormat, "the apikey has an incorrect format")
	f("."+good, "", fail.BadKeyFormat, "the apikey has an incorrect format")
	f(strings.Repeat("x", maxToken+1), "", fail.BadKeyFormat, "the apikey has an incorrect format")
	f("0123456789abcdef.secret", "", fail.Unauthenticated, "API key not found")
	f(good+"x", "", fail.BadSecret, "bad API key")
	f(good[:len(good)-1], "", fail.BadSecret, "bad API key")
	f("abcdefghijklmnop.was-somewhere-els", "", fail.BadSecret, "bad API key")
	f(short, "", fail.Unauthenticated, "API key has expired")
	f(short+"x", "", fail.BadSecret, "bad API key") // a wrong secret does not learn the date
	f("\x00\xff", "", fail.BadKeyFormat, "incorrect format")
}

func TestRights(t *testing.T) {
	k := openKeys(t, t.TempDir())
	principal := func(o CreateOptions) Principal {
		t.Helper()
		p, err := k.Verify([]byte(create(t, k, o)))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	f := func(p Principal, store string, mayRead bool, service string, mayUse bool) {
		t.Helper()
		if got := p.MayReadStore(store); got != mayRead {
			t.Errorf("%s: MayReadStore(%q) = %v", p.Name, store, got)
		}
		if got := p.MayUseService(service); got != mayUse {
			t.Errorf("%s: MayUseService(%q) = %v", p.Name, service, got)
		}
	}
	some := principal(CreateOptions{Name: "some", Stores: []string{"FSDB001", "b"}, Services: []string{"fraud"}})
	f(some, "fsdb001", true, "fraud", true)
	f(some, "Fsdb001", true, "Fraud", false)
	f(some, "fsdb002", false, "", false)
	f(some, "", false, "*", false)
	all := principal(CreateOptions{Name: "all", Stores: []string{Every}, Services: []string{Every}})
	f(all, "anything", true, "anything", true)
	none := principal(CreateOptions{Name: "none"})
	f(none, "fsdb001", false, "fraud", false)
	if none.Admin || !principal(CreateOptions{Name: "root", Admin: true}).Admin {
		t.Error("admin rights are not those asked for")
	}
	f(Principal{}, "fsdb001", false, "fraud", false)
	f(All(), "fsdb001", true, "fraud", true)
}

func TestCreateRefuses(t *testing.T) {
	k := openKeys(t, t.TempDir())
	create(t, k, CreateOptions{Name: "taken", Import: "abcdefghijklmnop.one"})
	create(t, k, CreateOptions{Name: "free", Import: "free form"[:4]})
	f := func(o CreateOptions, want fail.Code) {
		t.Helper()
		_, err := k.Create(o)
		if e := fail.AsError(err); err == nil || e.Code != want {
			t.Errorf("Create(%+v): %v; want code %d", o, err, want)
		}
	}
	f(CreateOptions{}, fail.Malformed)
	f(CreateOptions{Name: "a/b"}, fail.Malformed)
	f(CreateOptions{Name: strings.Repeat("a", 65)}, fail.Malformed)
	f(CreateOptions{Name: "a", Stores: []string{""}}, fail.Malformed)
	f(CreateOptions{Name: "a", Import: "with space"}, fail.Malformed)
	f(CreateOptions{Name: "a", Import: strings.Repeat("x", maxToken+1)}, fail.Malformed)
	f(CreateOptions{Name: "a", Expires: time.Now().Add(-time.Second)}, fail.Malformed)
	f(CreateOptions{Name: "taken"}, fail.Conflict)
	f(CreateOptions{Name: "a", Import: "abcdefghijklmnop.two"}, fail.Conflict)
	f(CreateOptions{Name: "a", Import: "free"}, fail.Conflict)
	if err := k.Revoke("nobody"); fail.AsError(err).Code != fail.NotFound {
		t.Errorf("Revoke of an unknown name: %v", err)
	}
	if len(k.List()) != 2 {
		t.Errorf("refused keys were kept: %+v", k.List())
	}
}

// TestFile checks what is on disk: mode, no secret, and that another process sees it.
func TestFile(t *testing.T) {
	dir := t.TempDir()
	k := openKeys(t, dir)
	var tokens []string
	for _, name := range []string{"b", "a", "c"} {
		tokens = append(tokens, create(t, k, CreateOptions{Name: name, Stores: []string{"s1"}, Expires: time.Now().Add(time.Hour)}))
	}
	tokens = append(tokens, create(t, k, CreateOptions{Name: "d", Import: "legacy-key-in-free-form"}))

	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, want 0600", e.Name(), info.Mode())
		}
		if e.Name() != fileName && e.Name() != lockName {
			t.Errorf("unexpected file %s left behind", e.Name())
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, fileName))
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range tokens {
		_, secret, formed := split([]byte(token))
		if !formed {
			secret = []byte(token)
		}
		if strings.Contains(string(text), string(secret)) {
			t.Errorf("keys.json holds a secret")
		}
	}
	list := k.List()
	if len(list) != 4 || list[0].Name != "a" || list[0].Prefix == "" || list[3].Prefix != "" {
		t.Errorf("List() = %+v", list)
	}
	other := openKeys(t, dir)
	for _, token := range tokens {
		if _, err := other.Verify([]byte(token)); err != nil {
			t.Errorf("after opening again: %v", err)
		}
	}
}

// TestOtherProcess checks that a change by another opener of the folder takes effect
// here, at the real pace of the watcher, while keys are being checked.
func TestOtherProcess(t *testing.T) {
	dir := t.TempDir()
	here, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	there := openKeys(t, dir)
	token := []byte(create(t, there, CreateOptions{Name: "shared"}))

	if watchEvery > time.Second/2 {
		t.Errorf("the file is looked at every %v: a revoked key must stop working within a second", watchEvery)
	}
	await := func(want bool) {
		t.Helper()
		waitFor(t, func() bool {
			_, err := here.Verify(token)
			return (err == nil) == want
		})
	}
	stop := make(chan struct{})
	var busy sync.WaitGroup
	for range 2 {
		busy.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_, _ = here.Verify(token) // only for the race detector
					time.Sleep(50 * time.Microsecond)
				}
			}
		})
	}
	defer busy.Wait()
	defer close(stop)
	await(true)
	if err := there.Revoke("shared"); err != nil {
		t.Fatal(err)
	}
	await(false)
}

// TestRevokeIsImmediate checks that this process refuses a key as soon as Revoke returns.
func TestRevokeIsImmediate(t *testing.T) {
	k := openKeys(t, t.TempDir())
	token := []byte(create(t, k, CreateOptions{Name: "a"}))
	for range 100 {
		if _, err := k.Verify(token); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Revoke("a"); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Verify(token); err == nil {
		t.Error("a revoked key is accepted")
	}
}

// TestBrokenFile checks that a file nobody can read neither opens the door nor shuts it
// on the keys that were good, and that the next good file heals it.
func TestBrokenFile(t *testing.T) {
	dir := t.TempDir()
	k := openKeys(t, dir)
	token := []byte(create(t, k, CreateOptions{Name: "a"}))
	path := filepath.Join(dir, fileName)
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return k.Err() != nil })
		if _, err := k.Verify(token); err != nil {
			t.Errorf("with the file %.40q: %v", text, err)
		}
		if _, err := open(dir, time.Hour); err == nil {
			t.Errorf("the file %.40q opens", text)
		}
		if _, err := k.Create(CreateOptions{Name: "b"}); err == nil {
			t.Errorf("the file %.40q was overwritten by Create", text)
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
		waitFor(t, func() bool { return k.Err() == nil })
	}
	f(`{"version":1,`)
	f(`{"version":99,"keys":[]}`)
	f(`{"version":1,"keys":[{"name":"x","prefix":"0123456789abcdef","hash":"abcd"}]}`)
	f(strings.Replace(string(good), `"prefix": "`, `"prefix": "z`, 1))

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	waitFor(t, func() bool { _, err := k.Verify(token); return err != nil })
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for start := time.Now(); !ok(); time.Sleep(time.Millisecond) {
		if time.Since(start) > time.Minute {
			t.Fatal("it did not happen within a minute")
		}
	}
}

// TestTwoWriters checks that openers of one folder that create keys at the same time
// lose none of them.
func TestTwoWriters(t *testing.T) {
	dir := t.TempDir()
	var busy sync.WaitGroup
	for w := range 3 {
		k := openKeys(t, dir)
		busy.Go(func() {
			for i := range 5 {
				if _, err := k.Create(CreateOptions{Name: string(rune('a'+w)) + string(rune('0'+i))}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	busy.Wait()
	if n := len(openKeys(t, dir).List()); n != 15 {
		t.Errorf("%d keys are left of 15", n)
	}
}
