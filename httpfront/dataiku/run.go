package dataiku

import (
	"bytes"
	"errors"
	"strconv"
	"strings"

	"quiver/codec"
	"quiver/engine/fail"
	"quiver/engine/function"
	"quiver/engine/service"
	"quiver/httpfront/wire"
)

// run calls a function (contract, section 9). The body is its arguments, whatever the
// content type says; an empty one is {}. Who may call is decided before it is read.
func (d *dialect) run(x *wire.Exchange) {
	start := d.engine.Now()
	if err := d.services.May(x.Principal, x.Denied, string(x.Param("service"))); err != nil {
		d.fail(x, err)
		return
	}
	args := &service.Arguments{Object: bytes.TrimSpace(x.Body)}
	if len(args.Object) == 0 {
		args.Object = []byte("{}")
	}
	s := codec.NewScanner(args.Object)
	s.AllowNaN(true)
	_, kind := s.Value()
	err := malformed(s.End())
	if err == nil && kind != codec.JSONObject {
		err = fail.Errorf(fail.Malformed, "The arguments should be one JSON object.")
	}
	if err != nil {
		d.fail(x, err)
		return
	}
	if bytes.Contains(args.Object, nan) || bytes.Contains(args.Object, infinity) {
		args.Object = appendStrict(nil, args.Object) // a missing value is null in all languages
	}
	d.called(x, args, start)
}

// runSimple calls a function with the parameters of the query.
func (d *dialect) runSimple(x *wire.Exchange) {
	args := &service.Arguments{}
	x.Queries(func(name, value []byte) {
		args.Query = append(args.Query, service.Parameter{Name: bytes.Clone(name), Value: bytes.Clone(value)})
	})
	d.called(x, args, d.engine.Now())
}

// called makes the call and prints its result.
func (d *dialect) called(x *wire.Exchange, args *service.Arguments, start int64) {
	name, endpoint := string(x.Param("service")), string(x.Param("endpoint"))
	args.Request = func(dst []byte) []byte { return d.appendRequest(dst, x) }
	ready := d.engine.Now()
	a, err := d.services.Run(x.Ctx, x.Principal, x.Denied, name, endpoint, service.Dispatch{}, args)
	if err == nil && a.Response != nil {
		err = d.custom(x, a.Response)
		if err == nil {
			return
		}
	}
	if err != nil {
		d.failRun(x, err)
		return
	}
	d.begin(x)
	out := append(x.Out, `{"response":`...)
	out = append(out, a.JSON...)
	out = append(out, `,"timing":{"preProcessing":`...)
	out = strconv.AppendInt(out, ready-start, 10)
	out = append(out, `,"wait":`...)
	out = strconv.AppendInt(out, a.Timing.Wait, 10)
	out = append(out, `,"execution":`...)
	out = strconv.AppendInt(out, a.Timing.Execution, 10)
	out = append(out, `,"functionInternal":`...)
	out = strconv.AppendInt(out, a.Timing.FunctionInternal, 10)
	x.Out = appendContext(append(out, '}'), x, a.Generation)
}

// appendRequest appends what a function may see of the request that calls it.
func (d *dialect) appendRequest(dst []byte, x *wire.Exchange) []byte {
	dst = append(append(append(dst, `{"method":"`...), x.Method...), `","path":`...)
	dst = codec.AppendQuoted(dst, x.Path)
	dst = codec.AppendQuoted(append(dst, `,"service":`...), x.Param("service"))
	if d.Address != nil {
		dst = codec.AppendQuoted(append(dst, `,"server":`...), []byte(d.Address()))
	}
	dst = append(dst, `,"headers":{`...)
	first := true
	x.Headers(func(name, value []byte) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(codec.AppendQuoted(dst, name), ':')
		dst = codec.AppendQuoted(dst, value)
	})
	return append(dst, "}}"...)
}

// custom writes the answer that a function made, without an envelope.
func (d *dialect) custom(x *wire.Exchange, r *function.Response) error {
	if r.Status < 200 || r.Status > 599 {
		return badResponse("%d is no status that ends a request", r.Status)
	}
	kind := r.Type
	for _, h := range r.Headers {
		switch name := strings.ToLower(h[0]); {
		case !validName(h[0]) || !validHeader(h[1]):
			return badResponse("%q: %q is no header", h[0], h[1])
		case name == "content-type":
			kind = h[1]
		case framing[name]:
			return badResponse("the header %s is the server's", h[0])
		}
	}
	d.begin(x)
	x.Status, x.ContentType = r.Status, kind
	for _, h := range r.Headers {
		if !strings.EqualFold(h[0], "Content-Type") {
			x.AddHeader(h[0], h[1])
		}
	}
	x.Out = append(x.Out, r.Body...)
	return nil
}

// framing are headers that say where a message ends or what becomes of the connection.
var framing = map[string]bool{
	"connection": true, "content-length": true, "date": true, "keep-alive": true, "proxy-connection": true, "te": true, "trailer": true,
	"transfer-encoding": true, "upgrade": true,
}

// validName reports whether a text can be the name of a header.
func validName(name string) bool {
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return false
		}
	}
	return name != ""
}

func validHeader(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

func badResponse(format string, args ...any) error {
	e := fail.Errorf(fail.Internal, "quiver.Response: "+format, args...)
	return &function.Error{Kind: function.NotSerialisable, Message: e.Text}
}

// failRun answers a call that has no result. What user code raised is named as it is in
// its language; user code may choose the status, from 400 to 599.
func (d *dialect) failRun(x *wire.Exchange, err error) {
	e, ok := errors.AsType[*function.Error](err)
	if !ok {
		d.fail(x, err)
		return
	}
	status, kind := 500, "quiver.FunctionException"
	switch e.Kind {
	case function.UserError:
		if e.Status >= 400 && e.Status <= 599 {
			status = e.Status
		}
		if e.Type != "" {
			kind = e.Type
		}
	case function.NotSerialisable:
		kind = "quiver.SerializationException"
	case function.TimedOut:
		kind = "quiver.TimeoutException"
	case function.WorkerDied:
	default:
		status = wire.Status(fail.AsError(err).Code)
		kind = errorType(fail.AsError(err).Code)
	}
	text := e.Message
	if e.Kind == function.NotSerialisable && e.Type != "" {
		text = "The result cannot be answered: " + e.Error()
	}
	d.failure(x, status, kind, text, e.Traceback)
	if seconds := int64(e.RetryAfter.Seconds()); seconds > 0 {
		x.SetHeader("Retry-After", strconv.FormatInt(seconds, 10))
	}
}
