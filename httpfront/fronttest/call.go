package fronttest

import (
	"context"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"quiver/engine/auth"
	"quiver/engine/fail"
	"quiver/httpfront/wire"
)

// Request is a recorded request. The zero Method is POST when there is a body, else GET.
type Request struct {
	Method string
	Target string            // path and query, "/0.1.0/feature_store"
	Header map[string]string // names in any case
	Body   string
	// Principal is who asks, for Call, which checks no keys; nil is auth.All().
	Principal *auth.Principal
}

func (r *Request) method() string {
	switch {
	case r.Method != "":
		return r.Method
	case r.Body != "":
		return "POST"
	default:
		return "GET"
	}
}

// Response is a recorded response. Header names are canonical; a header sent more than
// once is joined by commas.
type Response struct {
	Status int
	Header map[string]string
	Body   string
}

// Call runs the handler that d has for the request, without a server: no key is looked
// for and no limit applies. A request for no route is answered by d.Error, as a server
// would. It fails the test when the target cannot be parsed.
func Call(t testing.TB, d wire.Dialect, r Request) Response {
	t.Helper()
	x, head := NewExchange(t, r)
	route := find(d, x)
	switch {
	case route != nil:
		route.Handle(x)
	default:
		d.Error(x, fail.Errorf(fail.NotFound, "There is no such path."))
	}
	if x.Status == 0 {
		x.Status = 200
	}
	if x.ContentType == "" {
		x.ContentType = "application/json"
	}
	head.answer["Content-Type"] = x.ContentType
	return Response{Status: x.Status, Header: head.answer, Body: string(x.Out)}
}

// NewExchange returns an exchange for the request, as a handler would see it but for
// the parameters of its route, and the head behind it. Reset it for another round with
// Rewind: tests of allocations do.
func NewExchange(t testing.TB, r Request) (*wire.Exchange, *Head) {
	t.Helper()
	u, err := url.Parse(r.Target)
	if err != nil {
		t.Fatalf("cannot parse the target of the request: %v", err)
	}
	h := &Head{request: map[string][]byte{}, query: map[string][]byte{}, answer: map[string]string{}}
	for name, value := range r.Header {
		h.request[textproto.CanonicalMIMEHeaderKey(name)] = []byte(value)
	}
	for name, values := range u.Query() {
		h.query[name] = []byte(values[0])
	}
	h.path, h.body, h.method = clean(u.Path), []byte(r.Body), r.method()
	h.principal = auth.All()
	if r.Principal != nil {
		h.principal = *r.Principal
	}
	x := &wire.Exchange{}
	h.Rewind(x)
	return x, h
}

// Head implements wire.Head over maps and remembers the request for Rewind.
type Head struct {
	method     string
	path, body []byte
	principal  auth.Principal

	request, query map[string][]byte
	answer         map[string]string
}

// Rewind makes x the same request again, with an empty answer. It allocates nothing.
func (h *Head) Rewind(x *wire.Exchange) {
	x.Reset(context.Background(), h.method, h.path, h.body, h)
	x.Principal = h.principal
	clear(h.answer)
}

// Header implements wire.Head.
func (h *Head) Header(name string) []byte { return h.request[textproto.CanonicalMIMEHeaderKey(name)] }

// Headers implements wire.Head.
func (h *Head) Headers(f func(name, value []byte)) {
	for name, value := range h.request {
		f([]byte(name), value)
	}
}

// Query implements wire.Head.
func (h *Head) Query(name string) []byte { return h.query[name] }

// Queries implements wire.Head; arguments come in no particular order.
func (h *Head) Queries(f func(name, value []byte)) {
	for name, value := range h.query {
		f([]byte(name), value)
	}
}

// SetHeader implements wire.Head.
func (h *Head) SetHeader(name, value string) {
	h.answer[textproto.CanonicalMIMEHeaderKey(name)] = value
}

// AddHeader implements wire.Head; values of one name are put on lines of their own.
func (h *Head) AddHeader(name, value string) {
	if have, ok := h.answer[textproto.CanonicalMIMEHeaderKey(name)]; ok {
		value = have + "\n" + value
	}
	h.SetHeader(name, value)
}

// clean makes single slashes and cuts the last one, as a server does.
func clean(path string) []byte {
	var b strings.Builder
	for seg := range strings.SplitSeq(path, "/") {
		if seg != "" {
			b.WriteString("/" + seg)
		}
	}
	if b.Len() == 0 {
		return []byte("/")
	}
	return []byte(b.String())
}

// find is the plain way to choose a route: of those that fit, the one whose pattern has
// a literal where the others have a parameter. It adds the parameters to x.
func find(d wire.Dialect, x *wire.Exchange) *wire.Route {
	var best *wire.Route
	var bestRank string
	var bestParams [][2]string
	for i := range d.Routes {
		r := &d.Routes[i]
		rank, params, ok := fit(r.Pattern, string(x.Path))
		if ok && r.Method == x.Method && (best == nil || rank < bestRank) {
			best, bestRank, bestParams = r, rank, params
		}
	}
	for _, p := range bestParams {
		x.AddParam(p[0], []byte(p[1]))
	}
	return best
}

// fit matches a path against a pattern. The rank has one letter per segment: a for a
// literal, b for a parameter, c for the rest; the smaller one wins.
func fit(pattern, path string) (rank string, params [][2]string, ok bool) {
	have := strings.Split(strings.Trim(path, "/"), "/")
	for i, want := range strings.Split(strings.Trim(pattern, "/"), "/") {
		if i >= len(have) || have[i] == "" && want != "" {
			return "", nil, false
		}
		name, isParam := strings.CutPrefix(want, "{")
		name = strings.TrimSuffix(name, "}")
		rest, isRest := strings.CutSuffix(name, "...")
		switch {
		case isParam && isRest:
			return rank + "c", append(params, [2]string{rest, strings.Join(have[i:], "/")}), true
		case isParam:
			rank, params = rank+"b", append(params, [2]string{name, have[i]})
		case want == have[i]:
			rank += "a"
		default:
			return "", nil, false
		}
	}
	return rank, params, len(strings.Split(strings.Trim(pattern, "/"), "/")) == len(have)
}
