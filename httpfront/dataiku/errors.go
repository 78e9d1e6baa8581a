package dataiku

import (
	"errors"

	"quiver/codec"
	"quiver/engine/auth"
	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

// begin sets what every answer has.
func (d *dialect) begin(x *wire.Exchange) {
	x.ContentType = "application/json;charset=utf-8"
	x.SetHeader("DSS-API-Version", "1")
	x.SetHeader("DSS-Version", d.Version)
}

// fail answers err, in place of anything written so far. The three texts are never
// null, and both messages are the same: older clients print the first behind the type,
// newer ones the second. Browsers are told to ask for a key only if they sent nothing.
func (d *dialect) fail(x *wire.Exchange, err error) {
	e := fail.AsError(err)
	text := e.Text
	switch {
	case e.Code == fail.NoKey:
		text = "An API key is needed: as the user name of HTTP Basic, or as a Bearer token."
		if x.Header("Authorization") == nil {
			x.SetHeader("WWW-Authenticate", `Basic realm="quiver"`)
		}
	case errors.Is(err, auth.ErrUnknown):
		text = "Unknown API Key"
	}
	d.failure(x, wire.Status(e.Code), errorType(e.Code), text, "")
}

// failure answers an error in full; a stack trace only if there is one. Errors have
// neither timing nor apiContext: no published error has them, and many come before it is
// decided which generation answers.
func (d *dialect) failure(x *wire.Exchange, status int, kind, text, trace string) {
	d.begin(x)
	x.Status = status
	if status == 503 {
		x.SetHeader("Retry-After", "1")
	}
	out := append(x.Out[:0], `{"errorType":`...)
	out = codec.AppendQuoted(out, []byte(kind))
	out = append(out, `,"message":`...)
	out = codec.AppendQuoted(out, []byte(text))
	out = append(out, `,"detailedMessage":`...)
	out = codec.AppendQuoted(out, []byte(text))
	if trace != "" {
		out = append(out, `,"stackTraceStr":`...)
		out = codec.AppendQuoted(out, []byte(trace))
	}
	x.Out = append(out, '}')
}

// errorType names a code in the style that users of this API search for.
func errorType(c fail.Code) string {
	switch wire.Status(c) {
	case 400:
		return "quiver.IllegalArgumentException"
	case 401:
		return "quiver.NotAuthenticatedException"
	case 403:
		return "quiver.UnauthorizedException"
	case 404:
		return "quiver.NotFoundException"
	case 405:
		return "quiver.MethodNotAllowedException"
	case 408:
		return "quiver.RequestTimeoutException"
	case 409:
		return "quiver.ConflictException"
	case 413, 431:
		return "quiver.RequestTooLargeException"
	case 503:
		return "quiver.ServiceUnavailableException"
	default:
		return "quiver.InternalErrorException"
	}
}
