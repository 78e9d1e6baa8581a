// Package httpfront is the mouth of the server: listeners, limits, routing, keys,
// panics, counters and drain, over fasthttp. It serves any wire.Dialect it is handed
// and knows none of them.
//
// What happens to a request, in this order:
//
//	fasthttp   reads the header (431 when too large) and at most 8 KiB of the body
//	framing    refuses what two HTTP parsers could read differently
//	path       refuses encoded slashes, NUL and dot segments; single slashes, no last one
//	router     404, 405 with Allow
//	key        400/401/403 as the dialect has it, before a byte of the body is looked at
//	body       read as it arrives into pooled memory, whatever length was declared, and
//	           unpacked if it is gzip; 413
//	handler    panics become one log line and a 500
//	answer     handed to fasthttp without copying; counted by route label and status
//
// Everything that is refused is refused in the shape of the dialect whose Prefix fits
// the path best.
//
// # Memory
//
// One pooled exchange per request holds all that the request needs; nothing of it
// outlives the handler. Bodies are read as a stream: fasthttp otherwise allocates what
// a client declares, and 500 connections that declare 4 MiB and send one byte hold a
// gigabyte. Reading as a stream leaves one duty here: what a handler did not read of
// a body is discarded, or the connection is closed, since fasthttp would take the rest
// for the next request.
package httpfront
