package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"quiver/engine/catalog"
	"quiver/engine/fail"
	"quiver/engine/ingest"
)

const (
	maxSmallBody   = 1 << 20  // bytes of a JSON body
	maxDefinitions = 64 << 20 // bytes of one that carries definitions
)

// errClient is wrapped by what goes wrong with the client's connection.
var errClient = errors.New("the client stopped sending")

// failure is an error as the API prints it.
type failure struct {
	Error    string            `json:"error"`
	Hint     string            `json:"hint,omitempty"`
	Problems []catalog.Problem `json:"problems,omitempty"`
}

// answer prints v as JSON with status 200.
func answer(w http.ResponseWriter, v any) { write(w, http.StatusOK, v) }

func write(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		status, text = http.StatusInternalServerError, fmt.Appendf(nil, `{"error":%q}`, "cannot print the answer: "+err.Error())
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // a client that is gone needs no answer
}

// fail prints err. Operators see the whole of it, with its cause.
func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, out := explain(err)
	if status >= 500 {
		a.Log.LogAttrs(r.Context(), slog.LevelError, "an admin call failed",
			slog.String("call", r.Method+" "+r.URL.Path), slog.Any("err", err))
	}
	write(w, status, out)
}

func explain(err error) (status int, out failure) {
	var problems *catalog.Problems
	var tooLarge *http.MaxBytesError
	var e *fail.Error
	switch {
	case errors.As(err, &problems):
		return http.StatusBadRequest, failure{Error: problems.Error(), Problems: problems.List}
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge, failure{Error: fmt.Sprintf("the request has more than %d bytes", tooLarge.Limit)}
	case errors.Is(err, ingest.ErrStream):
		return http.StatusBadRequest, failure{Error: err.Error(), Hint: "load again; rows that are there already do no harm"}
	case errors.Is(err, errClient):
		return http.StatusRequestTimeout, failure{Error: err.Error()}
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, failure{Error: err.Error()}
	case !errors.As(err, &e):
		return http.StatusInternalServerError, failure{Error: err.Error()}
	}
	out = failure{Error: e.Text, Hint: hint(e.Code)}
	if status = statusOf(e.Code); status >= 500 {
		out.Error = e.Error()
	}
	return status, out
}

func statusOf(c fail.Code) int {
	switch c {
	case fail.NoKey, fail.BadKeyFormat, fail.BadSecret, fail.Unauthenticated:
		return http.StatusUnauthorized
	case fail.Forbidden:
		return http.StatusForbidden
	case fail.NoStore, fail.NoView, fail.NoGroup, fail.NotFound:
		return http.StatusNotFound
	case fail.BadMethod:
		return http.StatusMethodNotAllowed
	case fail.Conflict:
		return http.StatusConflict
	case fail.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fail.Overloaded, fail.Timeout:
		return http.StatusServiceUnavailable
	case fail.Internal, fail.ReadFailed, fail.WriteFailed:
		return http.StatusInternalServerError
	default:
		return http.StatusBadRequest
	}
}

func hint(c fail.Code) string {
	switch c {
	case fail.NoKey, fail.BadKeyFormat, fail.BadSecret, fail.Unauthenticated, fail.Forbidden:
		return "send an admin key as X-API-KEY; on the server's own machine `quiver key create --admin-key` makes one"
	case fail.NoStore, fail.NoView, fail.NoGroup:
		return "`quiver definitions` lists what is defined"
	case fail.BadKeyName, fail.BadKeyValue, fail.BadRow:
		return "`quiver definitions --output json` shows columns, keys and types"
	default:
		return ""
	}
}

// decode reads a JSON body of at most limit bytes into v, strictly: a misspelt field is
// an error, not a default.
func decode(w http.ResponseWriter, r *http.Request, limit int64, v any) error {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return badBody(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fail.Errorf(fail.Malformed, "The request has something behind its JSON object.")
	}
	return nil
}

func badBody(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return fail.Wrap(fail.Malformed, err, "The request is not the JSON that this call takes: %v.", err)
}
