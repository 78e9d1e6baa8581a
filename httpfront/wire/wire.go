// Package wire is what a dialect sees of HTTP: an Exchange (one request and its
// answer) and the Dialect that serves it. It names no HTTP library, so a dialect
// can be tested by calling a function.
package wire

import (
	"context"

	"quiver/engine/auth"
)

// Exchange is one request and the answer being written to it.
//
// It is pooled: every slice in it, the request's and the answer's, dies when the
// handler returns. A handler that must keep something copies it.
type Exchange struct {
	Ctx context.Context

	// The request. Path is the decoded, cleaned path (single slashes, no
	// trailing one) on which the route was chosen. Body is whole and at most
	// the configured size.
	Method    string
	Path      []byte
	Body      []byte
	Principal auth.Principal // who asks; the zero value may read nothing
	Denied    error          // on an Own route: why there is no Principal; nil when there is one

	// The answer. Out is appended to; Status 0 means 200. ContentType "" means
	// application/json.
	Status      int
	ContentType string
	Out         []byte

	head    Head
	params  [MaxParams]param
	nparams int
}

// Head is the part of an HTTP message that an Exchange reaches through its methods:
// the request's headers and query, and the answer's headers. The front end
// implements it over its HTTP library, tests over maps. What its methods return
// dies with the exchange.
type Head interface {
	Header(name string) []byte
	Headers(f func(name, value []byte)) // all of them
	Query(name string) []byte
	// Queries calls f for every URL query argument, decoded, in their order.
	Queries(f func(name, value []byte))
	SetHeader(name, value string)
	AddHeader(name, value string) // besides others of the name
}

type param struct {
	name  string
	value []byte
}

// MaxParams is how many parameters a pattern may have.
const MaxParams = 6

// Route is one entry of a dialect's route table. Pattern is made of literal
// segments, {name} for one segment, and optionally a last {name...} for the rest:
// "/{version}/feature_store". Literal segments win over parameters.
type Route struct {
	Method  string
	Pattern string
	Label   string // the "endpoint" label in metrics; never the path itself
	Auth    Auth
	Handle  func(*Exchange)
}

// Auth says what a route asks of its caller before the handler runs.
type Auth uint8

// The zero value asks for a key, so that a forgotten field denies.
const (
	NeedKey   Auth = iota // a valid key; rights are then checked by the engine
	Public                // none
	NeedAdmin             // a key with admin rights
	Own                   // the handler decides itself with Exchange.Principal (optional keys)
)

// Dialect is one public API.
type Dialect struct {
	Name string
	// Prefix is the literal path ("/0.1.0") under which a request that no route
	// matches is still answered in this dialect's error shape. The longest fitting
	// prefix wins; "" fits nothing. The first dialect of a server also answers what
	// fits none, and what cannot be read as HTTP.
	Prefix string
	Routes []Route
	// Token finds the caller's key in the request, in the dialect's headers; nil or
	// empty when there is none. It may alias the request.
	Token func(*Exchange) []byte
	// Error writes err as the dialect's error answer: Status, ContentType and Out,
	// which it finds empty. It is called for what happens outside handlers as well:
	// no key, no such route (404), wrong method (405), body or header too large,
	// overload, a panic. The error is usually a *fail.Error; fail.AsError makes it one.
	Error func(*Exchange, error)
}

// Reset makes x ready for one request, keeping Out's memory. Only the front end and
// tests call it.
func (x *Exchange) Reset(ctx context.Context, method string, path, body []byte, head Head) {
	*x = Exchange{Ctx: ctx, Method: method, Path: path, Body: body, Out: x.Out[:0], head: head}
}

// Header returns a request header by its canonical name, nil when absent.
func (x *Exchange) Header(name string) []byte { return x.head.Header(name) }

// Headers calls f for every request header.
func (x *Exchange) Headers(f func(name, value []byte)) { x.head.Headers(f) }

// Query returns a URL query argument, decoded, nil when absent.
func (x *Exchange) Query(name string) []byte { return x.head.Query(name) }

// Queries calls f for every URL query argument, decoded, in their order.
func (x *Exchange) Queries(f func(name, value []byte)) { x.head.Queries(f) }

// SetHeader sets a response header.
func (x *Exchange) SetHeader(name, value string) { x.head.SetHeader(name, value) }

// AddHeader adds a response header besides others of its name.
func (x *Exchange) AddHeader(name, value string) { x.head.AddHeader(name, value) }

// Param returns the path segment that {name} of the route's pattern matched.
func (x *Exchange) Param(name string) []byte {
	for i := range x.params[:x.nparams] {
		if x.params[i].name == name {
			return x.params[i].value
		}
	}
	return nil
}

// AddParam records a matched path segment; it reports false when there are too many.
func (x *Exchange) AddParam(name string, value []byte) bool {
	if x.nparams == MaxParams {
		return false
	}
	x.params[x.nparams] = param{name, value}
	x.nparams++
	return true
}
