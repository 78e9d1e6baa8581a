package dataiku

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"quiver/codec"
	"quiver/httpfront/wire"
)

// queryType says under which type the queries of a verb are logged (contract, section
// 14); "" is no verb of endpoints.
func queryType(verb string) string {
	switch verb, _, _ := strings.Cut(verb, "-"); verb {
	case "predict", "forecast":
		return "prediction-query"
	case "lookup":
		return "dataset-lookup-query"
	case "query":
		return "sql-query"
	case "run":
		return "function-query"
	default:
		return ""
	}
}

// logged is a handler whose queries are logged: one line each, also of those that
// failed. A caller who is nobody leaves no line, so that strangers cannot push others'
// queries out of the log. The lines are
//
//	{"timestamp":"2026-11-21T05:30:00.000001Z","topic":"apinode-query","message":{
//	 "msgType":"prediction-query","service":"s","endpoint":"e","verb":"predict",
//	 "generation":"v1","keyId":"ci","status":200,"totalUs":87,
//	 "features":{},"context":{},"result":{},"timing":{}}}
//
// in one piece. features (of predictions), data (of lookups), items (of many records)
// and parameters (of functions and SQL) are what was asked; result, results and
// response what was answered; errorType and error why not. keyId is the name of the
// API key, never its secret; clientId the client of a JSON Web Token. Values are as they came and went, but for the NaN and the
// infinities of requests, which are null. What is too long is
// {"cut":BYTES,"head":"TEXT"}.
func (d *dialect) logged(kind, verb string, h func(*wire.Exchange)) func(*wire.Exchange) {
	return func(x *wire.Exchange) {
		start := d.engine.Now()
		h(x)
		if x.Status == 401 || !d.services.Logged(x.Param("service")) {
			return
		}
		r := record{most: d.QueryLog.LineBytes / 5}
		r.readRequest(kind, x)
		r.readAnswer(x)
		end := d.engine.Now()
		d.QueryLog.Add(func(out []byte) []byte {
			out = append(out, `{"timestamp":"`...)
			out = time.UnixMicro(end).UTC().AppendFormat(out, "2006-01-02T15:04:05.000000Z")
			out = append(out, `","topic":"apinode-query","message":{"msgType":"`...)
			out = append(append(out, kind...), `","service":`...)
			out = r.appendText(out, x.Param("service"))
			out = r.appendText(append(out, `,"endpoint":`...), x.Param("endpoint"))
			out = append(append(append(out, `,"verb":"`...), verb...), '"')
			if r.generation != nil {
				out = append(append(out, `,"generation":`...), r.generation...)
			}
			if x.Principal.Client != "" {
				out = r.appendText(append(out, `,"clientId":`...), []byte(x.Principal.Client))
			}
			if x.Principal.Name != "" {
				out = r.appendText(append(out, `,"keyId":`...), []byte(x.Principal.Name))
			}
			out = strconv.AppendInt(append(out, `,"status":`...), int64(max(x.Status, 200)), 10)
			out = strconv.AppendInt(append(out, `,"totalUs":`...), end-start, 10)
			for i := range r.parts[:r.n] {
				out = append(append(append(out, `,"`...), r.parts[i].name...), `":`...)
				out = r.appendValue(out, r.parts[i].raw)
			}
			return append(out, "}}"...)
		})
	}
}

// record is what a line says of a query, besides who and when. It aliases the exchange.
type record struct {
	generation []byte // a token
	parts      [8]part
	n          int
	most       int // bytes of a part that are logged
}

// part is one member of a line.
type part struct {
	name string
	raw  []byte
}

// add adds a part; of two with one name the last counts, and what does not fit is left
// out.
func (r *record) add(name string, raw []byte) {
	for i := range r.parts[:r.n] {
		if r.parts[i].name == name {
			r.parts[i].raw = raw
			return
		}
	}
	if r.n < len(r.parts) {
		r.parts[r.n] = part{name, raw}
		r.n++
	}
}

// readRequest finds what was asked.
func (r *record) readRequest(kind string, x *wire.Exchange) {
	records := map[string]string{"prediction-query": "features", "dataset-lookup-query": "data"}[kind]
	if x.Method == "GET" {
		name := records
		if name == "" {
			name = "parameters"
		}
		r.add(name, queryObject(x))
		return
	}
	if len(bytes.TrimSpace(x.Body)) == 0 {
		return
	}
	if records == "" {
		if isJSON(x.Body) {
			r.add("parameters", x.Body)
			return
		}
	} else if n := r.n; members(x.Body, func(name, raw []byte) {
		switch string(name) {
		case records:
			r.add(records, raw)
		case "items":
			r.add("items", raw)
		case "context":
			r.add("context", raw)
		}
	}) {
		return
	} else {
		r.n = n
	}
	r.add("body", r.text(x.Body))
}

// readAnswer finds what was answered. An answer that a function made itself may be
// anything; it is logged as its response.
func (r *record) readAnswer(x *wire.Exchange) {
	n := r.n
	valid := members(x.Out, func(name, raw []byte) {
		switch string(name) {
		case "result":
			r.add("result", raw)
		case "results":
			r.add("results", raw)
		case "response":
			r.add("response", raw)
		case "timing":
			r.add("timing", raw)
		case "errorType":
			r.add("errorType", raw)
		case "message":
			r.add("error", raw)
		case "apiContext":
			members(raw, func(name, raw []byte) {
				if string(name) == "serviceGeneration" {
					r.generation = raw
				}
			})
		}
	})
	if !valid || r.n == n {
		r.n, r.generation = n, nil
		r.add("response", r.text(x.Out))
	}
}

// text returns what is no value of this API as a JSON text, cut if it is long.
func (r *record) text(raw []byte) []byte { return codec.AppendQuoted(nil, head(raw, r.most/8)) }

// members calls f for the members of an object, and reports whether it is one.
func members(raw []byte, f func(name, raw []byte)) bool {
	s := codec.NewScanner(raw)
	s.AllowNaN(true)
	if s.Peek() != codec.JSONObject {
		return false
	}
	s.Object()
	for name, ok := s.NextField(); ok; name, ok = s.NextField() {
		if value, _ := s.Value(); s.Err() == nil {
			f(name, value)
		}
	}
	return s.End() == nil
}

func isJSON(raw []byte) bool {
	s := codec.NewScanner(raw)
	s.AllowNaN(true)
	s.Value()
	return s.End() == nil
}

// queryObject returns the parameters of the query as an object of texts.
func queryObject(x *wire.Exchange) []byte {
	out := []byte{'{'}
	x.Queries(func(name, value []byte) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(codec.AppendQuoted(out, name), ':')
		out = codec.AppendQuoted(out, value)
	})
	return append(out, '}')
}

// appendText appends a text that is cut if it is long.
func (r *record) appendText(out, text []byte) []byte { return codec.AppendQuoted(out, head(text, 256)) }

// head returns the first most bytes, not ending within a character.
func head(text []byte, most int) []byte {
	if len(text) <= most {
		return text
	}
	for most > 0 && !utf8.RuneStart(text[most]) {
		most--
	}
	return text[:most]
}

// appendValue appends a JSON value in one line, strictly: line breaks, which stand
// between tokens only, become spaces, and NaN and infinities null. One that is too long
// is cut.
func (r *record) appendValue(out, raw []byte) []byte {
	if len(raw) > r.most {
		out = strconv.AppendInt(append(out, `{"cut":`...), int64(len(raw)), 10)
		out = codec.AppendQuoted(append(out, `,"head":`...), head(raw, r.most/8))
		return append(out, '}')
	}
	from := len(out)
	if bytes.Contains(raw, nan) || bytes.Contains(raw, infinity) {
		out = appendStrict(out, raw)
	} else {
		out = append(out, raw...)
	}
	for i, c := range out[from:] {
		if c < ' ' {
			out[from+i] = ' '
		}
	}
	return out
}

var nan, infinity = []byte("NaN"), []byte("Infinity")

// appendStrict appends JSON with null for what Python calls NaN, Infinity and
// -Infinity.
func appendStrict(out, raw []byte) []byte {
	inText := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inText && c == '\\':
			out = append(out, c, raw[i+1])
			i++
		case c == '"':
			inText = !inText
			out = append(out, c)
		case inText:
			out = append(out, c)
		case c == 'N':
			out = append(out, "null"...)
			i += len(nan) - 1
		case c == 'I':
			out = append(bytes.TrimSuffix(out, []byte("-")), "null"...)
			i += len(infinity) - 1
		default:
			out = append(out, c)
		}
	}
	return out
}
