package hopsworks

import (
	"strconv"

	"quiver/codec"
	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

// token finds the caller's key: the header of this API first, then the ways the
// other APIs send one, since one key works everywhere.
func token(x *wire.Exchange) []byte {
	if k := x.Header("X-Api-Key"); len(k) > 0 {
		return k
	}
	return wire.BearerOrBasic(x)
}

// answer is how the API shows one engine code: the HTTP status really sent, and the
// contract's own code and reason. A row without a reason is answered as plain text,
// which is what clients of this API look for in those cases.
type answer struct {
	status int
	code   int
	reason string
}

func answerFor(c fail.Code) answer {
	switch c {
	case fail.Malformed, fail.NoEntries, fail.BadPassedLength:
		return answer{status: 400}
	case fail.NoKey, fail.BadKeyFormat, fail.BadSecret:
		return answer{status: 400}
	case fail.Unauthenticated:
		return answer{status: 401}
	case fail.Forbidden:
		return answer{401, 17, "Accessing unshared feature store failed"}
	case fail.NoView:
		return answer{400, 1, "Feature view does not exist."}
	case fail.NoStore:
		return answer{400, 2, "Feature store does not exist."}
	case fail.NoGroup:
		return answer{400, 3, "Feature group does not exist."}
	case fail.BadKeyValue:
		return answer{415, 10, "Wrong data type."}
	case fail.BadFeatureType:
		return answer{400, 10, "Wrong data type."}
	case fail.BadFeatureName:
		return answer{400, 11, "Feature does not exist."}
	case fail.BadKeyName:
		return answer{400, 12, "Incorrect primary key."}
	case fail.KeyRefused:
		return answer{400, 18, "Reading from db failed."}
	case fail.ReadFailed:
		return answer{500, 14, "Reading from db failed."}
	case fail.NotFound:
		return answer{404, 404, "Not found."}
	case fail.BadMethod:
		return answer{405, 405, "Method not allowed."}
	case fail.SlowRequest:
		return answer{408, 408, "Request timeout."}
	case fail.TooLarge:
		return answer{413, 413, "Request too large"}
	case fail.HeaderTooLarge:
		return answer{431, 431, "Request header too large."}
	case fail.Overloaded:
		return answer{503, 503, "Service unavailable."}
	case fail.Timeout:
		return answer{504, 504, "Deadline exceeded."}
	default:
		return answer{500, 500, "Internal error."}
	}
}

// writeError answers err, in place of anything written so far.
func writeError(x *wire.Exchange, err error) {
	e := fail.AsError(err)
	a := answerFor(e.Code)
	x.Status = a.status
	if e.Code == fail.Overloaded {
		x.SetHeader("Retry-After", "1")
	}
	if a.reason == "" {
		x.ContentType = "text/plain; charset=utf-8"
		x.Out = append(x.Out[:0], e.Text...)
		return
	}
	out := append(x.Out[:0], `{"code":`...)
	out = strconv.AppendInt(out, int64(a.code), 10)
	out = append(out, `,"reason":`...)
	out = codec.AppendQuoted(out, []byte(a.reason))
	out = append(out, `,"message":`...)
	out = codec.AppendQuoted(out, []byte(e.Text))
	x.Out = append(out, '}')
}
