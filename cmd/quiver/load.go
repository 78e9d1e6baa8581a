package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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

type loadCmd struct {
	Store         string   `required:"" help:"Feature store." placeholder:"S"`
	Group         string   `required:"" help:"Feature group." placeholder:"G"`
	Version       int      `help:"Version of the group; the newest by default." placeholder:"V"`
	Replace       bool     `help:"Make the table equal to the files; readers see all of it at once."`
	SkipBad       bool     `help:"Leave rows out that do not fit, and count them; otherwise one such row means that nothing is loaded."`
	IgnoreUnknown bool     `help:"Leave columns out that the group does not have."`
	Files         []string `arg:"" help:"CSV, JSONL or Parquet files by extension, .gz and .zst too." placeholder:"FILE" name:"file"`
	target
	format
}

func (loadCmd) Help() string {
	return `Rows are added and replace those of the same key, of which the newest event time wins.
Files are read and checked here, and sent when all rows are well. Columns are found by
name: exactly, then without regard to case. A CSV file names its columns in the first
line; an empty cell is null, but for strings, where it is the empty string.

Examples:
  quiver load --store flights --group airports airports.csv
  quiver load --store flights --group routes --replace routes.csv.gz
  quiver load --store flights --group flight_events flights-3m.parquet --data ./data`
}

// loaded is the result of a load.
type loaded struct {
	engine.LoadResult
	Skipped    uint64  `json:"skipped"`
	Seconds    float64 `json:"seconds"`
	RowsPerSec float64 `json:"rowsPerSecond"`
}

// Run loads files.
func (c *loadCmd) Run(ctx context.Context, a *app) error {
	cl, err := c.open(a)
	if err != nil {
		return err
	}
	defer cl.close()
	l := &loading{
		client: cl, stderr: a.stderr, store: c.Store, group: c.Group, version: c.Version,
		replace: c.Replace, skipBad: c.SkipBad, ignoreUnknown: c.IgnoreUnknown,
	}
	res, err := l.run(ctx, c.Files)
	if err != nil {
		return err
	}
	t := newTable()
	t.foot = fmt.Sprintf("loaded %s rows into %s/%s in %.1f s (%s rows/s)", thousands(res.Rows), c.Store, c.Group, res.Seconds, thousands(uint64(res.RowsPerSec)))
	if res.Skipped > 0 {
		t.foot += fmt.Sprintf("\nskipped %s bad rows", thousands(res.Skipped))
	}
	if res.Stream {
		t.foot += fmt.Sprintf("\n%s has no key: rows are appended, and loading the same file again stores it twice; it holds %s rows now", c.Group, thousands(res.Total))
	}
	return a.results(c.Output).print(res, t)
}

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
	// The rows wait in a file until all are known to be good: a bad row at the end
	// must not leave half a load behind.
	spool, err := os.CreateTemp("", "quiver-load-*.s2")
	if err != nil {
		return nil, fmt.Errorf("cannot make a temporary file for the rows: %w", err)
	}
	defer func() {
		_ = spool.Close() // nothing in it is needed any more
		_ = os.Remove(spool.Name())
	}()
	packed := s2.NewWriter(spool, s2.WriterConcurrency(1))
	l.writer = ingest.NewWriter(packed, l.target.Schema.ID)
	for _, name := range files {
		if err := l.read(ctx, name); err != nil {
			return nil, err
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
		return nil, withHint(fmt.Errorf("%d bad rows%s, nothing was loaded", l.bad, more), "--skip-bad leaves them out")
	}
	if err := errors.Join(l.writer.Close(), packed.Close()); err != nil {
		return nil, withHint(fmt.Errorf("cannot write the temporary file %s: %w", spool.Name(), err), "TMPDIR names another folder for it")
	}
	res := &loaded{Skipped: l.bad}
	if err := l.send(ctx, spool, &res.LoadResult); err != nil {
		return nil, err
	}
	res.Seconds = time.Since(start).Seconds()
	res.RowsPerSec = float64(res.Rows) / max(res.Seconds, 1e-9)
	return res, nil
}

// describe asks the server what the group's rows look like.
func (l *loading) describe(ctx context.Context) error {
	var g admin.Group
	q := url.Values{"store": {l.store}, "name": {l.group}, "version": {strconv.Itoa(l.version)}}
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
	l.version = g.Version
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
		case err == nil:
			if err := l.writer.Add(l.row); err != nil {
				return withHint(err, "TMPDIR names another folder for the temporary file")
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

// send sends the spooled stream.
func (l *loading) send(ctx context.Context, spool *os.File, out *engine.LoadResult) error {
	size, err := spool.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = spool.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("cannot read the temporary file %s: %w", spool.Name(), err)
	}
	p := newProgress(l.stderr, "loading "+l.group)
	defer p.end()
	q := url.Values{"store": {l.store}, "group": {l.group}, "version": {strconv.Itoa(l.version)}}
	if l.replace {
		q.Set("replace", "1")
	}
	body := &sending{r: spool, size: size, progress: p, rows: l.writer.Rows()}
	r, err := l.client.request(ctx, "POST", "/api/load", q, body)
	if err != nil {
		return err
	}
	r.ContentLength = size
	r.Header.Set("Content-Encoding", "s2")
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
