package function

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// worker is one process that makes one call at a time. Only its pool knows whether
// it is free; whoever got it from there is alone with it.
type worker struct {
	process *process
	dir     string // its working folder
	frames  frames
	output  output
	frame   []byte // scratch of requests
	hello   hello

	unlimited []string // limits that could not be set

	born   time.Time
	calls  int
	idle   time.Time // since when, while it is idle
	retire bool      // asked not to be called again
}

// hello is the first answer of a worker.
type hello struct {
	Executable string   `json:"executable"`
	Version    string   `json:"version"`
	Unlimited  []string `json:"unlimited"` // limits that could not be set
}

// reply is one answer on the wire.
type reply struct {
	ID       int             `json:"id"`
	Micros   int64           `json:"us"`
	Retire   bool            `json:"retire"`
	Result   json.RawMessage `json:"result"`
	Response *struct {
		Status  int         `json:"status"`
		Headers [][2]string `json:"headers"`
		Text    string      `json:"text"`
		Base64  string      `json:"base64"`
		Kind    string      `json:"kind"` // of Text
	} `json:"response"`
	Error *struct {
		Kind      string `json:"kind"`
		Type      string `json:"type"`
		Message   string `json:"message"`
		Traceback string `json:"traceback"`
		Status    int    `json:"status"`
	} `json:"error"`
}

// kinds are the runner's names of what went wrong.
var kinds = map[string]Kind{
	"start": StartFailed, "arguments": BadSignature, "user": UserError, "serialise": NotSerialisable, "large": NotSerialisable,
}

// overhead is what an answer's frame may have besides the answer itself.
const overhead = 64 << 10

// startWorker starts a process and has it load the user's code.
func startWorker(ctx context.Context, c *Config, s *scratch) (_ *worker, err error) {
	w := &worker{born: time.Now(), output: output{log: c.Log}}
	if w.dir, err = s.worker(c); err != nil {
		return nil, err
	}
	cmd := exec.Command(c.Interpreter, "-I", "-B", s.runner)
	cmd.Dir, cmd.Env = w.dir, environment(c, w.dir)
	var d *door
	port := 0
	if c.Language == R {
		if d, err = newDoor(); err != nil {
			_ = os.RemoveAll(w.dir)
			return nil, err
		}
		cmd.Args = []string{c.Interpreter, "--vanilla", s.runner}
		cmd.Env = append(cmd.Env, "QUIVER_WORKER="+d.address())
		port = d.port()
	}
	begin := time.Now()
	if w.process, err = startProcess(cmd, c, port); err != nil {
		_ = os.RemoveAll(w.dir)
		hint, packages := "give the path of a Python 3.7 or newer", "python3"
		if c.Language == R {
			hint, packages = "give the path of Rscript", "r-base-core r-cran-jsonlite"
		}
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			hint = "install it (apt-get install " + packages + ") or give another interpreter"
		}
		if d != nil {
			_ = d.listener.Close()
		}
		return nil, &Error{Kind: StartFailed, Message: fmt.Sprintf("cannot start %s: %v; %s", c.Interpreter, err, hint), Err: err}
	}
	w.output.drained = make(chan struct{})
	go w.output.follow(w.process.output)
	defer func() {
		if err != nil {
			w.process.kill()
			w.clean()
		}
	}()

	w.unlimited = append(w.process.unlimited, w.process.limit(c)...)
	if d != nil {
		if err := d.await(w.process, begin.Add(c.StartTimeout)); err != nil {
			return nil, w.unstarted(c, w.broken(ctx, err, begin.Add(c.StartTimeout)))
		}
	}
	w.frames = frames{from: w.process.answers, max: c.MaxFrame + overhead}
	folder := c.Folder
	if folder == "" {
		folder = s.code()
	}
	setup, err := json.Marshal(map[string]any{
		"folder": folder, "file": c.File, "function": c.Function, "convention": c.Convention.String(),
		"limits": c.limits(), "frame": c.MaxFrame, "request": c.Request, "table": c.Frame,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot write a worker's setup: %w", err)
	}
	r, err := w.roundTrip(ctx, setup, c.StartTimeout, 0)
	if errors.Is(err, errUnsent) {
		err = w.broken(ctx, err, time.Now())
	}
	if err == nil && r.Error != nil {
		err = r.failure()
	}
	if err != nil {
		return nil, w.unstarted(c, err)
	}
	if err := json.Unmarshal(r.Result, &w.hello); err != nil {
		return nil, &Error{Kind: StartFailed, Message: "the worker does not say hello", Err: err}
	}
	w.unlimited = append(w.unlimited, w.hello.Unlimited...)
	return w, nil
}

// unstarted says what err means at the start.
func (w *worker) unstarted(c *Config, err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Message = fmt.Sprintf("%s of %s cannot be loaded: %s", c.Function, c.File, e.Message)
		e.Kind = StartFailed
	}
	return err
}

// environment is all that a worker gets of one.
func environment(c *Config, dir string) []string {
	env := map[string]string{"PATH": os.Getenv("PATH"), "HOME": dir, "TMPDIR": dir, "LANG": "C.UTF-8"}
	maps.Copy(env, c.Env)
	out := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		out = append(out, name+"="+env[name])
	}
	return out
}

// errUnsent says that the worker was gone before it got the request.
var errUnsent = errors.New("the worker ended before the call")

// roundTrip sends body and returns the answer, which is valid until the next one.
// After a *Error of kind Cancelled the worker is still at it: see finish. After any
// other error it is of no use.
func (w *worker) roundTrip(ctx context.Context, body []byte, limit time.Duration, id int) (*reply, error) {
	deadline := time.Now().Add(limit)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	// Deadlines first, then the look at the process: its end sets new ones
	// after it is known to be over.
	_ = w.process.requests.SetWriteDeadline(deadline)
	_ = w.process.answers.SetReadDeadline(deadline)
	if w.process.ended() {
		return nil, errUnsent
	}
	w.frame = appendFrame(w.frame[:0], body)
	n, err := w.process.requests.Write(w.frame)
	if cap(w.frame) > keepFrame {
		w.frame = nil
	}
	if err != nil {
		if !errors.Is(err, os.ErrDeadlineExceeded) && n < frameHead+len(body) {
			w.process.kill()
			return nil, errUnsent
		}
		return nil, w.broken(ctx, err, deadline)
	}
	if ctx.Done() != nil {
		poked := make(chan struct{})
		stop := context.AfterFunc(ctx, func() {
			_ = w.process.answers.SetReadDeadline(past)
			close(poked)
		})
		defer func() {
			if !stop() {
				<-poked // or it would cut the next call short
			}
		}()
	}
	return w.answer(ctx, id, deadline)
}

// answer reads the answer to call id.
func (w *worker) answer(ctx context.Context, id int, deadline time.Time) (*reply, error) {
	b, err := w.frames.next()
	if err != nil {
		return nil, w.broken(ctx, err, deadline)
	}
	r := &reply{}
	if err := json.Unmarshal(b, r); err != nil {
		return nil, w.broken(ctx, fmt.Errorf("%w: %w", errProtocol, err), deadline)
	}
	if r.ID != id || r.Result == nil && r.Response == nil && r.Error == nil {
		return nil, w.broken(ctx, fmt.Errorf("%w: number %d where %d was asked for", errProtocol, r.ID, id), deadline)
	}
	return r, nil
}

// broken says why an exchange ended without an answer, and kills the worker unless
// only the caller went away.
func (w *worker) broken(ctx context.Context, err error, deadline time.Time) error {
	late := errors.Is(err, os.ErrDeadlineExceeded) && !w.process.ended()
	if late && errors.Is(ctx.Err(), context.Canceled) && time.Now().Before(deadline) {
		return &Error{Kind: Cancelled, Message: "the caller went away", Err: context.Cause(ctx)}
	}
	// An end of its own is worth waiting for, as it explains.
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, errProtocol) {
		w.process.kill()
	} else {
		select {
		case <-w.process.done:
		case <-time.After(200 * time.Millisecond):
			w.process.kill()
		}
	}
	switch {
	case late:
		return &Error{Kind: TimedOut, Message: "the function took too long and was stopped", Output: w.output.last(), Err: err}
	case errors.Is(err, errProtocol):
		return &Error{Kind: WorkerDied, Message: "the worker was stopped: " + err.Error(), Output: w.output.last()}
	}
	end := "it closed its connection"
	if w.process.ended() {
		select { // its last words
		case <-w.output.drained:
		case <-time.After(200 * time.Millisecond):
		}
		end = w.process.end
	}
	return &Error{Kind: WorkerDied, Message: "the worker died: " + end, Output: w.output.last(), Err: err}
}

// finish waits for the answer to a call whose caller went away, and reports whether
// the worker may be used again.
func (w *worker) finish(limit time.Duration) bool {
	deadline := time.Now().Add(limit)
	_ = w.process.answers.SetReadDeadline(deadline)
	if w.process.ended() {
		return false
	}
	r, err := w.answer(context.Background(), w.calls, deadline)
	if err == nil {
		w.retire = w.retire || r.Retire
	}
	return err == nil
}

func (r *reply) failure() *Error {
	e := &Error{Kind: kinds[r.Error.Kind], Type: r.Error.Type, Message: r.Error.Message, Traceback: r.Error.Traceback, Status: r.Error.Status}
	switch e.Kind {
	case NoKind:
		e.Kind = UserError
	case BadSignature:
		e.Type = "" // ours, not the user's
	}
	return e
}

// response returns a response of the user's making, nil if there is none.
func (r *reply) response() (*Response, error) {
	if r.Response == nil {
		return nil, nil
	}
	out := &Response{Status: r.Response.Status, Headers: r.Response.Headers, Body: []byte(r.Response.Text), Type: "application/octet-stream"}
	switch r.Response.Kind {
	case "text":
		out.Type = "text/plain;charset=utf-8"
	case "json":
		out.Type = "application/json;charset=utf-8"
	}
	if r.Response.Base64 != "" {
		var err error
		if out.Body, err = base64.StdEncoding.DecodeString(r.Response.Base64); err != nil {
			return nil, &Error{Kind: NotSerialisable, Message: "the body of the response is damaged", Err: err}
		}
	}
	return out, nil
}

// stop lets the worker end by itself for a moment, then kills it.
func (w *worker) stop() {
	_ = w.process.requests.Close()
	select {
	case <-w.process.done:
	case <-time.After(time.Second):
		w.process.kill()
	}
	w.clean()
}

// clean waits for the end of a process that was killed or ended, and removes its things.
func (w *worker) clean() {
	<-w.process.done
	<-w.output.drained
	w.process.closePipes()
	_ = os.RemoveAll(w.dir) // the pool removes the folder above in the end
}

// resident returns the bytes of memory that the worker occupies, 0 if unknown.
func (w *worker) resident() int64 {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(w.process.pid), "statm"))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b))
	if len(f) < 2 {
		return 0
	}
	n, err := strconv.ParseInt(f[1], 10, 64)
	if err != nil {
		return 0
	}
	return n * int64(os.Getpagesize())
}
