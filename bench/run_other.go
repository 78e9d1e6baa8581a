//go:build !linux

package bench

import (
	"context"
	"errors"
)

// Run needs epoll, so it works on Linux only.
func Run(context.Context, Config) (*Result, error) {
	return nil, errors.New("the load generator needs Linux; run it there, against this server")
}
