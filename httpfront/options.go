package httpfront

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"quiver/engine/auth"
	"quiver/httpfront/wire"
)

// Options describe a Server. Zero durations and sizes mean the defaults named here.
type Options struct {
	Listen string // host:port for Listen; port 0 takes a free one
	// Dialects are the APIs to serve. The first also answers what fits no dialect's
	// prefix.
	Dialects []wire.Dialect
	// Keys are the API keys. Without them everyone may do everything, which only a
	// loopback listener accepts. The caller closes them after Shutdown.
	Keys  *auth.Keys
	TLS   *tls.Config  // nil serves plain HTTP
	Ready func() error // why the server is not ready yet, in words that /ready may show; nil is always ready
	Log   *slog.Logger // nil is slog.Default()

	ReadTimeout  time.Duration // for one whole request; 5s
	WriteTimeout time.Duration // for one whole answer; 10s
	IdleTimeout  time.Duration // for the next request on a connection; 60s
	// DrainDelay is how long a server that shuts down goes on accepting connections
	// while /ready says 503, so that balancers notice first; 500ms.
	DrainDelay time.Duration

	MaxHeaderBytes int   // request line and headers; 16 KiB; more is 431
	MaxBodyBytes   int   // one body; 4 MiB; more is 413
	MaxHeldBytes   int64 // all bodies being read or worked on that exceed 64 KiB; 256 MiB; more is 503
	MaxConns       int   // connections at a time; 4096; more are answered 503 and closed
	MaxConnsPerIP  int   // 0 is no limit

	// Gzip compresses answers of more than 2 KiB for clients that accept it. It costs
	// more CPU than the read behind most answers: it pays when the network is the
	// narrow place.
	Gzip bool

	// RDRSMetrics names a dialect whose requests are also counted under the metric
	// names of the Hopsworks feature-store server, for dashboards made for it.
	RDRSMetrics string

	// FennelMetrics does the same with the names of the Fennel server.
	FennelMetrics string
}

func (o *Options) setDefaults() error {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	for _, d := range []struct {
		name string
		v    *time.Duration
		std  time.Duration
	}{
		{"ReadTimeout", &o.ReadTimeout, 5 * time.Second},
		{"WriteTimeout", &o.WriteTimeout, 10 * time.Second},
		{"IdleTimeout", &o.IdleTimeout, time.Minute},
		{"DrainDelay", &o.DrainDelay, 500 * time.Millisecond},
	} {
		if *d.v < 0 {
			return fmt.Errorf("%s is negative", d.name)
		}
		if *d.v == 0 {
			*d.v = d.std
		}
	}
	for _, d := range []struct {
		name string
		v    *int
		std  int
	}{
		{"MaxHeaderBytes", &o.MaxHeaderBytes, 16 << 10},
		{"MaxBodyBytes", &o.MaxBodyBytes, 4 << 20},
		{"MaxConns", &o.MaxConns, 4096},
		{"MaxConnsPerIP", &o.MaxConnsPerIP, 0},
	} {
		if *d.v < 0 {
			return fmt.Errorf("%s is negative", d.name)
		}
		if *d.v == 0 {
			*d.v = d.std
		}
	}
	if o.MaxHeldBytes < 0 {
		return errors.New("MaxHeldBytes is negative")
	}
	if o.MaxHeldBytes == 0 {
		o.MaxHeldBytes = 256 << 20
	}
	return nil
}
