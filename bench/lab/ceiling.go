package lab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"
)

// ceilingConfig says which bodies to have ready.
type ceilingConfig struct {
	Sizes []int `json:"sizes"` // in bytes
}

// ceilingPath is the path that is answered with a body of a size.
func ceilingPath(size int) string { return "/" + strconv.Itoa(size) }

// serveCeiling serves ready-made bodies, by fasthttp and by net/http.
func serveCeiling(c *ceilingConfig) (*server, error) {
	bodies := map[string][]byte{}
	for _, n := range c.Sizes {
		bodies[ceilingPath(n)] = bytes.Repeat([]byte("0123456789abcde,"), n/16+1)[:n]
	}
	fast, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	std, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("cannot listen: %w", err)
	}
	fastServer := fixed(func(path []byte) (body []byte, ok bool) {
		body, ok = bodies[string(path)]
		return body, ok
	})
	stdServer := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, ok := bodies[r.URL.Path]
			if !ok {
				http.NotFound(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(body))) // else long ones are chunked
			_, _ = w.Write(body)                                      // the client is gone if it fails
		}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	ended := make(chan error, 2)
	go func() { ended <- fastServer.Serve(fast) }()
	go func() { ended <- stdServer.Serve(std) }()
	return &server{
		hello: hello{Addresses: map[Target]string{Ceiling: fast.Addr().String(), NetHTTP: std.Addr().String()}},
		close: func() error {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			err := errors.Join(fastServer.ShutdownWithContext(ctx), stdServer.Shutdown(ctx))
			for range 2 {
				if e := <-ended; e != nil && !errors.Is(e, http.ErrServerClosed) {
					err = errors.Join(err, e)
				}
			}
			return err
		},
	}, nil
}

// fixed returns a server of ready-made bodies.
func fixed(body func(path []byte) ([]byte, bool)) *fasthttp.Server {
	return &fasthttp.Server{
		Handler: func(ctx *fasthttp.RequestCtx) {
			b, ok := body(ctx.Path())
			if !ok {
				ctx.SetStatusCode(http.StatusNotFound)
				return
			}
			ctx.Response.Header.SetContentType("application/json")
			ctx.Response.SetBodyRaw(b)
		},
		NoDefaultServerHeader: true,
		NoDefaultContentType:  true,
		WriteBufferSize:       32 << 10, // as the product: one write for most answers
	}
}
