// Package bench is the clock: a load generator for HTTP/1.1 servers, with reports.
//
// It knows no server in particular. A Source writes whole requests, number by number;
// Run sends them over keep-alive connections, one at a time per connection, and
// returns a Result; Table, WriteJSON and Plot show results.
//
// # What a latency is
//
// With Config.Rate zero the loop is closed: a connection sends as soon as its last
// answer is complete. Such a client slows down together with the server, so its
// latencies say nothing about what callers who do not wait would have seen. Closed
// loops are for finding the greatest rate.
//
// With a rate the loop is open: request k of the run is meant to leave at
// start + k/rate, whatever the server does, and its latency counts from that moment,
// even if it left late because every connection was still waiting. Requests that the
// schedule had no time to send at all count with the time they were overdue. Nothing
// is corrected afterwards. Result.Service keeps the time from the real sending, to
// tell a slow server from too few connections.
//
// # What the generator costs
//
// A generator that costs more than the server measures itself. This one is a loop over
// epoll on its own thread: per request one read, one write and a share of one
// epoll_wait, one look at the clock, no allocation, no goroutine switch. Result.Client
// says what it took. It needs Linux.
package bench
