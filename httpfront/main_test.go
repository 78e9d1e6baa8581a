package httpfront_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"quiver/engine/auth"
	"quiver/engine/fail"
	"quiver/httpfront/fronttest"
	"quiver/httpfront/wire"
)

func TestMain(m *testing.M) {
	var lingering []goleak.Option
	for _, f := range fronttest.Lingering {
		lingering = append(lingering, goleak.IgnoreAnyFunction(f))
	}
	goleak.VerifyTestMain(m, lingering...)
}

// log is a log that tests can read.
type log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *log) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// alpha is a dialect with a handler for every need. Its errors are "alpha CODE text"
// with the Hopsworks statuses for keys.
func alpha() wire.Dialect {
	echo := func(x *wire.Exchange) {
		x.Out = append(append(x.Out, x.Principal.Name...), '|')
		x.Out = append(append(x.Out, x.Param("name")...), '|')
		x.Out = append(append(x.Out, x.Query("q")...), '|')
		x.Out = append(x.Out, x.Body...)
	}
	return wire.Dialect{
		Name: "alpha", Prefix: "/0.1.0",
		Token: func(x *wire.Exchange) []byte { return x.Header("X-Api-Key") },
		Error: func(x *wire.Exchange, err error) {
			e := fail.AsError(err)
			x.Status = wire.Status(e.Code)
			if e.Code == fail.NoKey || e.Code == fail.BadKeyFormat {
				x.Status = 400
			}
			x.Out = fmt.Appendf(x.Out, `{"alpha":%q}`, e.Text)
		},
		Routes: []wire.Route{
			{Method: "GET", Pattern: "/0.1.0/ping", Label: "ping", Auth: wire.Public, Handle: func(x *wire.Exchange) {}},
			{Method: "POST", Pattern: "/0.1.0/echo", Label: "echo", Handle: echo},
			{Method: "POST", Pattern: "/0.1.0/echo/{name}", Label: "echo", Handle: echo},
			{Method: "POST", Pattern: "/0.1.0/open", Label: "open", Auth: wire.Public, Handle: echo},
			{Method: "POST", Pattern: "/0.1.0/admin", Label: "admin", Auth: wire.NeedAdmin, Handle: echo},
			{Method: "POST", Pattern: "/0.1.0/own", Label: "own", Auth: wire.Own, Handle: func(x *wire.Exchange) {
				x.Out = fmt.Appendf(x.Out, "%v %v", x.Principal.Valid(), x.Denied)
			}},
			{Method: "POST", Pattern: "/0.1.0/panic", Label: "panic", Auth: wire.Public, Handle: func(x *wire.Exchange) {
				x.Status, x.ContentType = 202, "text/half"
				x.Out = append(x.Out, "half an answer"...)
				panic("something broke")
			}},
			{Method: "GET", Pattern: "/0.1.0/big", Label: "big", Auth: wire.Public, Handle: func(x *wire.Exchange) {
				n := 0
				_, err := fmt.Sscan(string(x.Query("n")), &n)
				if err != nil {
					n = 1 << 20
				}
				pattern := "0123456789abcdef"
				if of := x.Query("of"); of != nil {
					pattern = strings.Repeat(string(of), 16)
				}
				x.Out = append(x.Out, strings.Repeat(pattern, n/16)...)
			}},
		},
	}
}

// beta is a second API beside alpha.
func beta() wire.Dialect {
	return wire.Dialect{
		Name: "beta", Prefix: "/api/v1",
		Token: func(x *wire.Exchange) []byte {
			return bytes.TrimPrefix(x.Header("Authorization"), []byte("Bearer "))
		},
		Error: func(x *wire.Exchange, err error) {
			e := fail.AsError(err)
			x.Status, x.ContentType = wire.Status(e.Code), "text/plain"
			x.Out = append(append(x.Out, "beta "...), e.Text...)
		},
		Routes: []wire.Route{
			{Method: "GET", Pattern: "/api/v1/{name}/info", Label: "info", Handle: func(x *wire.Exchange) {
				x.Out = append(x.Out, x.Param("name")...)
			}},
			{Method: "PUT", Pattern: "/api/v1/{name}/info", Label: "info", Handle: func(x *wire.Exchange) {}},
		},
	}
}

// newKeys returns the keys of a new folder, closed with the test.
func newKeys(t testing.TB) *auth.Keys {
	t.Helper()
	k, err := auth.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func newKey(t testing.TB, k *auth.Keys, o auth.CreateOptions) string {
	t.Helper()
	token, err := k.Create(o)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func contains(t testing.TB, what, got, want string) {
	t.Helper()
	if !strings.Contains(got, want) {
		t.Errorf("%s: %q does not contain %q", what, got, want)
	}
}
