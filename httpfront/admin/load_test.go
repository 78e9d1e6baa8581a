package admin_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"

	"quiver/engine"
	"quiver/engine/enginetest"
	"quiver/engine/ingest"
	"quiver/httpfront/admin"
)

// stream is a load stream of rows {id, a} of group g.
func (f *fixture) stream(ids ...int) []byte {
	f.t.Helper()
	g := f.engine.Snapshot().Group("s", "g", 0)
	var out bytes.Buffer
	w := ingest.NewWriter(&out, g.Schema.ID)
	for _, id := range ids {
		if err := w.Add(enginetest.Row(f.t, g, fmt.Sprint(id), fmt.Sprintf(`"a%d"`, id))); err != nil {
			f.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		f.t.Fatal(err)
	}
	return out.Bytes()
}

// has checks which of the rows 1, 2 and 3 there are.
func (f *fixture) has(want string) {
	f.t.Helper()
	got := ""
	for _, id := range []string{"1", "2", "3"} {
		v, err := f.engine.Get(f.t.Context(), engine.Ref{Store: "s", Name: "v"}, map[string]string{"id": id})
		if err != nil {
			f.t.Fatal(err)
		}
		if v.Status == "COMPLETE" {
			got += id
		}
	}
	if got != want {
		f.t.Errorf("the rows are %q, want %q", got, want)
	}
}

func TestLoad(t *testing.T) {
	f := newFixture(t)
	f.apply()
	f.want("POST", "/api/load?store=s&group=g", string(f.stream(1, 2)), 200, `"rows":2`)
	f.has("12")
	f.want("POST", "/api/load?store=s&group=g", string(f.stream(3)), 200, `"rows":1`)
	f.has("123")
	f.want("POST", "/api/load?store=s&group=g&version=1&replace=1", string(f.stream(2)), 200, `"rows":1`)
	f.has("2")

	// Compressed.
	var packed bytes.Buffer
	w := s2.NewWriter(&packed)
	if _, err := w.Write(f.stream(1)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/api/load?store=s&group=g", &packed)
	r.Header.Set("Content-Encoding", "s2")
	rec := httptest.NewRecorder()
	f.handler.ServeHTTP(rec, r)
	if rec.Code != 200 {
		t.Errorf("a compressed stream: %d %s", rec.Code, rec.Body)
	}
	f.has("12")

	// Nothing of a broken replacing load is seen.
	whole := string(f.stream(3))
	bad := func(query, body string, status int, part string) {
		t.Helper()
		f.want("POST", "/api/load?"+query, body, status, part)
		f.has("12")
	}
	bad("store=s&group=g&replace=1", whole[:len(whole)-1], 400, `cut off`)
	bad("store=s&group=g&replace=1", whole[:20], 400, `cut off`)
	bad("store=s&group=g&replace=1", whole+"x", 400, `bytes behind its end`)
	bad("store=s&group=g&replace=1", strings.Replace(whole, "a3", "b3", 1), 400, `checksum`)
	bad("store=s&group=g&replace=1", "", 400, `cut off`)
	bad("store=s&group=g&replace=1", "id,a\n3,x\n4,y\n", 400, `does not begin with`)
	bad("store=s&group=events", whole, 409, `another schema`)
	bad("store=s&group=g&whole=1", whole, 409, `has rows by now`)
	bad("store=s&group=events&whole=1", whole, 409, `has no key`)
	bad("store=s&group=nope", whole, 404, `nope`)
	bad("store=s", whole, 400, `store and group`)
	bad("store=s&group=g&replace=perhaps", whole, 400, `replace is 1 or 0`)
	r = httptest.NewRequest("POST", "/api/load?store=s&group=g", strings.NewReader(whole))
	r.Header.Set("Content-Encoding", "br")
	rec = httptest.NewRecorder()
	f.handler.ServeHTTP(rec, r)
	if rec.Code != 400 || !strings.Contains(rec.Body.String(), `not \"br\"`) {
		t.Errorf("an unknown encoding: %d %s", rec.Code, rec.Body)
	}
}

// TestLoadClientGone checks over a socket that a client that goes away in the middle
// leaves the table as it was, and that the server forgets it.
func TestLoadClientGone(t *testing.T) {
	f := newFixture(t)
	f.apply()
	f.want("POST", "/api/load?store=s&group=g", string(f.stream(1)), 200, `"rows":1`)
	base := serve(t, admin.ServerOptions{Options: f.options})
	c, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	whole := f.stream(2, 3)
	_, err = fmt.Fprintf(c, "POST /api/load?store=s&group=g&replace=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(whole), whole[:len(whole)-5])
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	f.has("1")
	// The next one goes through: the gone client holds nothing.
	res, err := http.Post(base+"/api/load?store=s&group=g&replace=1", "", bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	f.has("23")
}

// slowRecorder is a connection that remembers its last read deadline.
type slowRecorder struct {
	*httptest.ResponseRecorder
	deadline time.Time
	set      int
}

// SetReadDeadline implements what http.ResponseController looks for.
func (r *slowRecorder) SetReadDeadline(t time.Time) error {
	r.deadline = t
	r.set++
	return nil
}

// TestLoadDeadline checks that a load waits for its stream with a deadline, and that none
// is left when the stream has ended: it would cut off a commit that takes longer.
func TestLoadDeadline(t *testing.T) {
	f := newFixture(t)
	f.apply()
	w := &slowRecorder{ResponseRecorder: httptest.NewRecorder()}
	f.handler.ServeHTTP(w, httptest.NewRequest("POST", "/api/load?store=s&group=g", bytes.NewReader(f.stream(1))))
	if w.Code != 200 || w.set < 2 || !w.deadline.IsZero() {
		t.Errorf("%d %s; the deadline was set %d times and is %v", w.Code, w.Body, w.set, w.deadline)
	}
}

// TestLoadEarlyAnswer checks that a client that is still sending when its load fails
// reads why, however much it has to send.
func TestLoadEarlyAnswer(t *testing.T) {
	f := newFixture(t)
	f.apply()
	base := serve(t, admin.ServerOptions{Options: f.options})
	body := io.MultiReader(strings.NewReader("no load stream"), io.LimitReader(zeros{}, 256<<20))
	res, err := http.Post(base+"/api/load?store=s&group=g", "", body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 400 || !strings.Contains(string(text), "does not begin with") {
		t.Errorf("%d %s %v", res.StatusCode, text, err)
	}
}

// zeros is a reader of zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
