package httpfront

import (
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"

	"quiver/engine/auth"
	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

// serve answers one request. It is the fasthttp handler.
func (s *Server) serve(ctx *fasthttp.RequestCtx) {
	e := s.begin(ctx, trimPath(ctx.Path()))
	t, d, err := s.target(e)
	if err == nil {
		err = e.admit(t)
	}
	if err == nil {
		err = e.readBody()
	}
	stats := d.unmatched
	if t != nil {
		stats = t.stats
	}
	s.finish(e, t, d, err, stats, ctx.Time())
}

// refuse answers a request that fasthttp could not read, or should not go on reading.
// As much of it as is known chooses the shape.
func (s *Server) refuse(ctx *fasthttp.RequestCtx, err error) {
	path := ctx.Request.Header.RequestURI()
	for i, c := range path {
		if c == '?' {
			path = path[:i]
			break
		}
	}
	e := s.begin(ctx, path)
	d := s.router.dialectOf(path)
	s.finish(e, nil, d, err, d.unmatched, time.Now())
}

// finish runs the handler of t, or writes err in the shape of d, and hands the answer
// over. The exchange is gone when it returns.
func (s *Server) finish(e *exchange, t *target, d *dialect, err error, stats *routeStats, start time.Time) {
	ctx := e.ctx
	if err != nil {
		e.discard()
		e, err = s.run(e, nil, d, err)
	} else if e, err = s.run(e, t, d, nil); err != nil {
		e, err = s.run(e, nil, d, err)
	}
	if err != nil { // the dialect cannot even write an error
		s.front.Error(&e.x, err)
	}
	status := e.x.Status
	if s.draining.Load() {
		ctx.SetConnectionClose()
	}
	e.answer()
	stats.add(status, time.Since(start))
}

// target finds the route of the request, and the dialect for errors about it.
func (s *Server) target(e *exchange) (*target, *dialect, error) {
	h := &e.ctx.Request.Header
	d := s.router.dialectOf(e.x.Path)
	err := checkFraming(h)
	if err == nil {
		err = checkPath(e.ctx.URI().PathOriginal())
	}
	if err == nil && s.o.Keys == nil {
		err = checkOrigin(h)
	}
	if err != nil {
		e.ctx.SetConnectionClose()
		return nil, d, err
	}
	t, other := s.router.find(h.Method(), e.x.Path, &e.caps)
	if t != nil {
		e.x.Method = t.Method
		for i, name := range t.names {
			e.x.AddParam(name, e.caps[i])
		}
		return t, t.dialect, nil
	}
	if other != nil {
		e.SetHeader("Allow", other.allow)
		return nil, other.targets[0].dialect, fail.Errorf(fail.BadMethod, "This path does not take that method.")
	}
	return nil, d, fail.Errorf(fail.NotFound, "There is no such path.")
}

// admit checks the caller's key as the route asks for.
func (e *exchange) admit(t *target) error {
	if t.Auth == wire.Public {
		return nil
	}
	if e.s.o.Keys == nil {
		e.x.Principal = auth.All()
		return nil
	}
	p, err := e.keys.Verify(e.s.o.Keys, t.dialect.Token(&e.x))
	e.x.Principal = p
	switch {
	case t.Auth == wire.Own:
		e.x.Denied = err
		return nil
	case err != nil:
		return err
	case t.Auth == wire.NeedAdmin && !p.Admin:
		return fail.Errorf(fail.Forbidden, "the apikey has no admin rights")
	}
	return nil
}

// run calls the route's handler, or without a route the dialect's error writer. After a
// panic it returns a fresh exchange, since the handler may have left the old one with
// somebody, and an error to write.
func (s *Server) run(e *exchange, t *target, d *dialect, cause error) (after *exchange, err error) {
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		s.count.panics.Add(1)
		label := "error"
		if t != nil {
			label = t.Label
		}
		s.o.Log.LogAttrs(s.ctx, slog.LevelError, "panic while answering a request",
			slog.String("dialect", d.Name), slog.String("route", label),
			slog.String("panic", fmt.Sprint(v)), slog.String("stack", string(debug.Stack())))
		e.release()
		after = s.begin(e.ctx, e.x.Path)
		err = fail.Errorf(fail.Internal, "Internal error.")
	}()
	if t != nil {
		t.Handle(&e.x)
	} else {
		e.x.Out = e.x.Out[:0]
		d.Error(&e.x, cause)
	}
	if e.x.Status == 0 {
		e.x.Status = fasthttp.StatusOK
	}
	return e, nil
}
