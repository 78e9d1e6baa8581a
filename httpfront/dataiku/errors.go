package dataiku

import (
	"quiver/codec"
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
// newer ones the second.
func (d *dialect) fail(x *wire.Exchange, err error) {
	d.begin(x)
	e := fail.AsError(err)
	x.Status = wire.Status(e.Code)
	if e.Code == fail.NoKey {
		x.SetHeader("WWW-Authenticate", `Basic realm="quiver"`)
	}
	kind, text := errorType(e.Code), e.Text
	if e.Code == fail.NoKey {
		text = "An API key is needed: as the user name of HTTP Basic, or as a Bearer token."
	}
	out := append(x.Out[:0], `{"errorType":`...)
	out = codec.AppendQuoted(out, []byte(kind))
	out = append(out, `,"message":`...)
	out = codec.AppendQuoted(out, []byte(text))
	out = append(out, `,"detailedMessage":`...)
	out = codec.AppendQuoted(out, []byte(text))
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
