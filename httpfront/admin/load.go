package admin

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/klauspost/compress/s2"

	"quiver/engine"
	"quiver/engine/fail"
	"quiver/engine/ingest"
)

// idleLoad is how long a load waits for the next bytes of its stream.
const idleLoad = 30 * time.Second

// load takes a load stream. Readers see all of a replacing load or nothing; a client
// that goes away, or sends a broken stream, leaves what Loading.Abort leaves.
func (a *api) load(w http.ResponseWriter, r *http.Request) {
	control := http.NewResponseController(w)
	result, err := a.take(control, r)
	if err == nil {
		answer(w, result)
		return
	}
	a.fail(w, r, err)
}

func (a *api) take(control *http.ResponseController, r *http.Request) (engine.LoadResult, error) {
	ref, err := queryRef(r, "group")
	if err != nil {
		return engine.LoadResult{}, err
	}
	replace, err := flag(r, "replace")
	if err != nil {
		return engine.LoadResult{}, err
	}
	whole, err := flag(r, "whole")
	if err != nil {
		return engine.LoadResult{}, err
	}
	var body io.Reader = &patient{r: r.Body, control: control}
	switch coding := r.Header.Get("Content-Encoding"); coding {
	case "", "identity":
	case "s2":
		body = s2.NewReader(body)
	default:
		return engine.LoadResult{}, fail.Errorf(fail.Malformed, "A load stream comes plain or with the content encoding s2, not %q.", coding)
	}
	stream := ingest.NewReader(body)
	schema, err := stream.SchemaID()
	if err != nil {
		return engine.LoadResult{}, err
	}
	ctx := r.Context()
	l, err := a.Engine.Load(ctx, ref, engine.LoadOptions{Replace: replace, Whole: whole})
	if err != nil {
		return engine.LoadResult{}, err
	}
	if have := l.Group().Schema.ID; have != schema {
		err = fail.Errorf(fail.Conflict, "The rows were made for another schema of group %s (%d, it is %d now); load again.", ref.Name, schema, have)
	}
	for err == nil {
		var row []byte
		if row, err = stream.Next(); err == nil {
			err = l.Add(ctx, row)
		}
	}
	var result engine.LoadResult
	if errors.Is(err, io.EOF) {
		result, err = l.Commit(ctx)
	}
	if err != nil {
		return engine.LoadResult{}, errors.Join(err, l.Abort())
	}
	a.Log.LogAttrs(ctx, slog.LevelInfo, "rows were loaded", slog.String("store", ref.Store), slog.String("group", ref.Name),
		slog.Uint64("rows", result.Rows), slog.Bool("replace", replace))
	return result, nil
}

// patient reads a body of any length but waits only so long for each piece of it.
type patient struct {
	r       io.Reader
	control *http.ResponseController
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	if err := p.deadline(time.Now().Add(idleLoad)); err != nil {
		return 0, err
	}
	n, err := p.r.Read(b)
	switch {
	case errors.Is(err, io.EOF):
		// From here on the server watches the connection to see the client go: a
		// deadline that passes while rows are committed would look the same.
		if cleared := p.deadline(time.Time{}); cleared != nil {
			err = cleared
		}
	case err != nil:
		err = fmt.Errorf("%w: %w", errClient, err)
	}
	return n, err
}

// deadline sets the connection's. In process there is none, and nothing to wait for.
func (p *patient) deadline(t time.Time) error {
	if err := p.control.SetReadDeadline(t); !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}
