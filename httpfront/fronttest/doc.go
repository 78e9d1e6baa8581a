// Package fronttest helps to test dialects and servers: a Dialect's handlers called
// with recorded requests and no socket, and a real server on a free port.
package fronttest
