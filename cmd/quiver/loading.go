package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/klauspost/compress/s2"

	"quiver/codec"
	"quiver/engine"
	"quiver/engine/ingest"
	"quiver/httpfront/admin"
)

// loading reads files for one group and sends their rows.
type loading struct {
	client        *client
	stderr        io.Writer
	store, group  string
	version       int
	replace       bool
	skipBad       bool
	ignoreUnknown bool

	target ingest.Target
	whole  bool // the server takes all rows or none
	writer *ingest.Writer
	row    []byte
	bad    uint64
}

// maxBadShown is after how many bad rows reading stops, or with --skip-bad stops
// showing them.
const maxBadShown = 10

func (l *loading) run(ctx context.Context, files []string) (*loaded, error) {
	start := time.Now()
	if err := l.describe(ctx); err != nil {
		return nil, err
	}
	res := &loaded{}
	if l.whole {
		err := l.stream(ctx, files, &res.LoadResult)
		// Rows may have come into the group since it was described: then it is no
		// longer whole.
		if err != nil && (l.bad > 0 || l.describe(ctx) != nil || l.whole) {
			return nil, err
		}
	}
	if !l.whole {
		if err := l.spool(ctx, files, &res.LoadResult); err != nil {
			return nil, err
		}
	}
	res.Skipped = l.bad
	res.Seconds = time.Since(start).Seconds()
	res.RowsPerSec = float64(res.Rows) / max(res.Seconds, 1e-9)
	return res, nil
}

// stream sends rows while files are read. The server throws all of them away unless the
// stream ends as it should, and a bad row cuts it off.
func (l *loading) stream(ctx context.Context, files []string, out *engine.LoadResult) error {
	r, w := io.Pipe()
	answered := make(chan error, 1)
	go func() {
		err := l.post(ctx, r, -1, out)
		_ = r.Close() // whoever still writes learns of it; Close never fails
		answered <- err
	}()
	err := l.encode(ctx, files, w, !l.client.near)
	_ = w.CloseWithError(err) // never fails
	sent := <-answered
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err == nil || errors.Is(err, io.ErrClosedPipe) && sent != nil:
		return sent // the server's reasons
	default:
		return err
	}
}

// spool keeps the rows in a file until all are known to be good: they are added to rows
// that exist, and a bad row at the end must not leave half a load behind.
func (l *loading) spool(ctx context.Context, files []string, out *engine.LoadResult) error {
	f, err := os.CreateTemp("", "quiver-load-*.s2")
	if err != nil {
		return fmt.Errorf("cannot make a temporary file for the rows: %w", err)
	}
	defer func() {
		_ = f.Close() // nothing in it is needed any more
		_ = os.Remove(f.Name())
	}()
	err = l.encode(ctx, files, f, true)
	var disk *fs.PathError
	if errors.As(err, &disk) && disk.Path == f.Name() {
		return withHint(err, "TMPDIR names another folder for the temporary file")
	}
	if err != nil {
		return err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("cannot read the temporary file %s: %w", f.Name(), err)
	}
	p := newProgress(l.stderr, "loading "+l.group)
	defer p.end()
	return l.post(ctx, &sending{r: f, size: size, progress: p, rows: l.writer.Rows()}, size, out)
}

// encode writes the stream of all rows to w. It is an error if one of them is bad.
func (l *loading) encode(ctx context.Context, files []string, w io.Writer, pack bool) (err error) {
	if pack {
		packed := s2.NewWriter(w)
		defer func() {
			if closed := packed.Close(); err == nil {
				err = closed
			}
		}()
		w = packed
	}
	l.writer = ingest.NewWriter(w, l.target.Schema.ID)
	for _, name := range files {
		if err := l.read(ctx, name); err != nil {
			return err
		}
		if l.enough() {
			break
		}
	}
	if l.bad > 0 && !l.skipBad {
		more := ""
		if l.enough() {
			more = " and perhaps more"
		}
		return withHint(fmt.Errorf("%d bad rows%s, nothing was loaded", l.bad, more), "--skip-bad leaves them out")
	}
	return l.writer.Close()
}

// describe asks the server what the group's rows look like.
func (l *loading) describe(ctx context.Context) error {
	var g admin.Group
	q := l.query()
	q.Set("name", l.group)
	if err := l.client.call(ctx, "GET", "/api/group", q, nil, &g); err != nil {
		return err
	}
	// The server would refuse these as well, but only after all files were read.
	switch {
	case g.Spine:
		return fmt.Errorf("group %s is a spine: it has no online rows to load", g.Name)
	case l.replace && len(g.Key) == 0:
		return withHint(fmt.Errorf("group %s has no key: events are only ever appended, not replaced", g.Name), "leave --replace out")
	}
	// From here on the very version: a newer one may appear meanwhile.
	l.version, l.whole = g.Version, g.LoadsWhole
	l.target = ingest.Target{
		Group: g.Name, Schema: &codec.Schema{ID: g.SchemaID}, Key: g.KeyColumns, EventTime: g.EventTimeColumn, Now: time.Now().UnixMicro(),
	}
	spelling := codec.SpellingSQL
	if g.Spelling == "fennel" {
		spelling = codec.SpellingFennel
	}
	for _, col := range g.Columns {
		t, err := codec.ParseType(col.Type, spelling)
		if err != nil {
			return withHint(fmt.Errorf("the server's group %s has a column %s of type %q: %w", g.Name, col.Name, col.Type, err),
				"is this command older than the server?")
		}
		l.target.Schema.Columns = append(l.target.Schema.Columns, codec.Column{Name: col.Name, Type: t, Default: col.Default})
	}
	return nil
}

// query names the group and the kind of load.
func (l *loading) query() url.Values {
	q := url.Values{"store": {l.store}, "group": {l.group}, "version": {strconv.Itoa(l.version)}}
	if l.replace {
		q.Set("replace", "1")
	}
	return q
}

// read adds the rows of one file to the stream.
func (l *loading) read(ctx context.Context, name string) error {
	src, err := ingest.Open(name, l.target, ingest.Options{IgnoreUnknown: l.ignoreUnknown})
	if err != nil {
		return err
	}
	defer src.Close()
	p := newProgress(l.stderr, "reading "+filepath.Base(name))
	defer p.end()
	for n := 0; ; n++ {
		if n%4096 == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			done, total := src.Progress()
			p.at(done, total, l.writer.Rows())
		}
		l.row, err = src.Next(l.row[:0])
		var bad *ingest.BadRow
		switch {
		case err == nil && l.bad > 0 && !l.skipBad: // nothing will be loaded
		case err == nil:
			if err := l.writer.Add(l.row); err != nil {
				return err
			}
		case errors.Is(err, io.EOF):
			return nil
		case errors.As(err, &bad):
			p.end()
			if l.refuse(bad); l.enough() {
				return nil
			}
		default:
			return err
		}
	}
}

// refuse counts and shows a bad row.
func (l *loading) refuse(bad *ingest.BadRow) {
	l.bad++
	if l.bad <= maxBadShown {
		fmt.Fprintln(l.stderr, bad)
	}
}

// enough reports whether there have been so many bad rows that reading on is no use.
func (l *loading) enough() bool { return l.bad >= maxBadShown && !l.skipBad }

// post sends the stream in body, of size bytes, or -1.
func (l *loading) post(ctx context.Context, body io.Reader, size int64, out *engine.LoadResult) error {
	q := l.query()
	if l.whole {
		q.Set("whole", "1")
	}
	r, err := l.client.request(ctx, "POST", "/api/load", q, body)
	if err != nil {
		return err
	}
	r.ContentLength = size
	if !l.whole || !l.client.near {
		r.Header.Set("Content-Encoding", "s2")
	}
	r.Header.Set("Content-Type", "application/octet-stream")
	return l.client.do(r, out)
}

// sending shows how much of a request's body has been taken.
type sending struct {
	r        io.Reader
	n, size  int64
	rows     uint64
	progress *progress
}

func (s *sending) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	s.progress.at(s.n, s.size, uint64(float64(s.rows)*float64(s.n)/float64(max(s.size, 1))))
	return n, err
}
