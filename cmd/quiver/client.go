package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"quiver/httpfront/admin"
)

// target is where a command finds the admin API: at a running server, or in this
// process over a data folder that no server has open.
type target struct {
	Server string `help:"Admin address of a running server (env QUIVER_SERVER; default http://127.0.0.1:4407)." placeholder:"URL"`
	Data   string `help:"Open this data folder in place of a server." placeholder:"DIR"`
	APIKey string `name:"api-key" help:"Admin key, for a server that asks for one (env QUIVER_API_KEY)." placeholder:"KEY"`
}

// client calls the admin API.
type client struct {
	base string
	key  string
	http *http.Client
	near bool // the server is on this machine: packing what is sent costs more than sending it
	done func() error
}

// open makes the client; close it after use.
func (t *target) open(a *app) (*client, error) {
	if t.Data != "" {
		if t.Server != "" {
			return nil, &usageError{"--server and --data exclude each other: a running server has its folder open itself"}
		}
		if err := checkFolder(t.Data); err != nil {
			return nil, err
		}
		c := defaultConfig()
		c.Data, c.LoadRate = t.Data, 0 // nobody reads while this process has the folder
		f, err := openFolder(c, newLog(logConfig{Level: "warn"}, a.stderr))
		if err != nil {
			return nil, err
		}
		cl, err := f.client()
		if err != nil {
			return nil, errors.Join(err, f.close(context.Background()))
		}
		cl.done = func() error { return f.close(context.Background()) }
		return cl, nil
	}
	base := strings.TrimRight(cmp.Or(t.Server, os.Getenv("QUIVER_SERVER"), "http://"+admin.DefaultListen), "/")
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return nil, &usageError{fmt.Sprintf("--server %q is not a URL such as http://%s", base, admin.DefaultListen)}
	}
	near := u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
	return &client{base: base, key: cmp.Or(t.APIKey, os.Getenv("QUIVER_API_KEY")), http: &http.Client{}, near: near, done: nothing}, nil
}

func nothing() error { return nil }

// checkFolder keeps a command with a mistyped --data from making a store in the midst
// of other files: the folder is a store's, or empty.
func checkFolder(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return withHint(fmt.Errorf("cannot open the data folder: %w", err), "`quiver serve --data %s` makes one", dir)
	}
	for _, e := range entries {
		if e.Name() == "LOCK" { // what a store's folder has first
			return nil
		}
	}
	if len(entries) > 0 {
		return withHint(fmt.Errorf("%s holds other files and no data of this program", dir), "--data names the folder that `quiver serve --data` uses, or an empty one")
	}
	return nil
}

// client calls the folder's own admin API without a connection. Closing it leaves the
// folder open.
func (f *folder) client() (*client, error) {
	o := f.admin()
	o.Log = slog.New(slog.DiscardHandler) // the command prints what it did itself
	h, err := admin.Handler(o)
	if err != nil {
		return nil, err
	}
	return &client{base: "http://data-folder", http: &http.Client{Transport: inProcess{h}}, near: true, done: nothing}, nil
}

func (c *client) close() error { return c.done() }

// call sends in (nil for none) as JSON and decodes the answer into out.
func (c *client) call(ctx context.Context, method, path string, query url.Values, in, out any) error {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(raw)
	}
	r, err := c.request(ctx, method, path, query, body)
	if err != nil {
		return err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return c.do(r, out)
}

func (c *client) request(ctx context.Context, method, path string, query url.Values, body io.Reader) (*http.Request, error) {
	u := c.base + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	if c.key != "" {
		r.Header.Set("X-API-KEY", c.key)
	}
	return r, nil
}

// do sends a request and decodes its answer, or the error in it.
func (c *client) do(r *http.Request, out any) error {
	res, err := c.http.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return withHint(fmt.Errorf("cannot reach the server at %s: %w", c.base, err),
			"start one with `quiver serve`, name another with --server, or open a folder with --data DIR")
	}
	defer res.Body.Close()
	if res.StatusCode/100 == 2 {
		if err := json.NewDecoder(res.Body).Decode(out); err != nil {
			return fmt.Errorf("cannot read the answer of %s: %w", c.base, err)
		}
		return nil
	}
	var f struct{ Error, Hint string }
	raw, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err == nil {
		err = json.Unmarshal(raw, &f)
	}
	if err != nil || f.Error == "" {
		return withHint(fmt.Errorf("%s answers with status %s", c.base, res.Status), "is this the admin address of a Quiver server?")
	}
	return withHint(errors.New(f.Error), "%s", f.Hint)
}

// inProcess is a transport that calls a handler.
type inProcess struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper. The answer is kept in memory: those of the
// admin API are small.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	defer r.Body.Close()
	w := &recorder{header: http.Header{}}
	t.handler.ServeHTTP(w, r)
	w.WriteHeader(http.StatusOK) // unless the handler did
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// recorder is an http.ResponseWriter that keeps the answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorder) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(p)
}
