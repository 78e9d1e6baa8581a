package complain

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestComplaints(t *testing.T) {
	var b bytes.Buffer
	c := New(slog.New(slog.NewTextHandler(&b, nil)))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	f := func(ctx context.Context, what string, err error, want string) {
		t.Helper()
		b.Reset()
		if c.Add(ctx, what, err); !strings.Contains(b.String(), want) || (want == "") != (b.Len() == 0) {
			t.Errorf("%q, %v logs %q, not %q", what, err, b.String(), want)
		}
	}
	no := errors.New("no")
	f(t.Context(), "a", nil, "")
	f(ended, "a", no, "")
	f(t.Context(), "a", no, `msg=a error=no`)
	f(t.Context(), "a", no, "")
	f(t.Context(), "b", no, `msg=b`)
	c.last["a"] = time.Now().Add(-Every)
	f(t.Context(), "a", no, `msg=a`)
}
