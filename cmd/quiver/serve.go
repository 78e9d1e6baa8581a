package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"

	"quiver/engine/catalog"
	"quiver/httpfront"
	"quiver/httpfront/admin"
)

type serveCmd struct {
	Data        string   `help:"Folder of rows, definitions and keys; made if absent." placeholder:"DIR"`
	Config      string   `help:"YAML file of settings (env QUIVER_CONFIG)." placeholder:"FILE"`
	Listen      string   `help:"Address of the APIs (default 0.0.0.0:4406, with --no-auth 127.0.0.1:4406). Port 0 takes a free one." placeholder:"ADDR"`
	Admin       string   `help:"Address of the admin API and metrics (default 127.0.0.1:4407)." placeholder:"ADDR"`
	Apply       []string `help:"Definitions to apply before serving: a file or folder, repeatable." placeholder:"PATH" sep:"none"`
	Paths       []string `arg:"" optional:"" hidden:"" help:"Further paths for --apply, as a shell expands --apply *.yaml."`
	NoAuth      bool     `help:"Ask for no API keys; for loopback addresses only."`
	Shards      string   `help:"Shards of a new folder (default one per core)." placeholder:"N"`
	Cache       string   `help:"Block cache (default 256MiB)." placeholder:"SIZE"`
	LogLevel    string   `help:"debug, info, warn or error (default info)." placeholder:"LEVEL"`
	PrintConfig bool     `help:"Print all settings and where each value comes from, and end."`
	format
}

func (serveCmd) Help() string {
	return `Every setting has a name in the file (storage.shards), an environment variable
(QUIVER_STORAGE_SHARDS), and the commonest a flag. A flag wins over the environment,
that over the file, that over the default. The two lines with the bound addresses go to
stdout, the log to stderr. SIGINT and SIGTERM finish running requests first.

Examples:
  quiver serve --data /var/lib/quiver
  quiver serve --data ./data --no-auth --apply definitions/
  quiver serve --data ./data --listen 127.0.0.1:0 --admin 127.0.0.1:0
  QUIVER_STORAGE_SHARDS=8 quiver serve --config quiver.yaml --print-config`
}

// flags are the values given on the command line.
func (c *serveCmd) flags() []flagValue {
	var list []flagValue
	for _, f := range []flagValue{
		{"data", "--data", c.Data},
		{"listen", "--listen", c.Listen},
		{"admin.listen", "--admin", c.Admin},
		{"storage.shards", "--shards", c.Shards},
		{"storage.cache", "--cache", c.Cache},
		{"log.level", "--log-level", c.LogLevel},
	} {
		if f.text != "" {
			list = append(list, f)
		}
	}
	if c.NoAuth {
		list = append(list, flagValue{"auth.none", "--no-auth", "true"})
	}
	return list
}

// Run serves until ctx ends.
func (c *serveCmd) Run(ctx context.Context, a *app) error {
	file := c.Config
	if file == "" {
		file = os.Getenv("QUIVER_CONFIG")
	}
	conf, all, err := loadConfig(file, os.LookupEnv, c.flags())
	if err != nil {
		return err
	}
	conf.loopbackWithoutKeys(all)
	if c.PrintConfig {
		return printConfig(a.results(c.Output), all)
	}
	if conf.Data == "" {
		return withHint(&usageError{"a data folder is needed"}, "quiver serve --data DIR")
	}
	files, err := readDefinitions(append(c.Apply, c.Paths...))
	if err != nil {
		return err
	}
	return serve(ctx, a, conf, func(ctx context.Context, f *folder) error { return f.apply(files) })
}

// loopbackWithoutKeys moves the default address of the APIs to loopback when no keys
// are asked for: the default is open to the network.
func (c *config) loopbackWithoutKeys(all []*setting) {
	for _, s := range all {
		if s.key == "listen" && s.origin == "default" && c.NoAuth {
			c.Listen, s.origin = "127.0.0.1:4406", "default without keys"
		}
	}
}

// apply applies definitions before the server listens, so that it never answers
// without them.
func (f *folder) apply(files []catalog.File) error {
	if len(files) == 0 {
		return nil
	}
	diff, err := f.engine.Apply(files, false)
	if err != nil {
		return err
	}
	f.log.Info("definitions were applied", "revision", diff.Revision, "changes", diff.Summary())
	return nil
}

// serve opens the folder, calls ready, listens, and serves until ctx ends. The log and
// the end of everything are in its hands.
func serve(ctx context.Context, a *app, c *config, ready func(context.Context, *folder) error, serving ...func(front, admin net.Addr)) (err error) {
	if c.NoAuth && !loopback(c.Listen) {
		return withHint(&usageError{fmt.Sprintf("--no-auth is for loopback addresses, and --listen is %s", c.Listen)},
			"--listen 127.0.0.1:4406, or make a key with `quiver key create` and leave --no-auth out")
	}
	log := newLog(c.Log, a.stderr)
	f, err := openFolder(c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close(context.WithoutCancel(ctx))) }()
	if err := ready(ctx, f); err != nil {
		return err
	}
	front, err := f.front(c)
	if err != nil {
		return err
	}
	// Listen on both before serving either: a port that is taken ends the start.
	if err := front.Listen(); err != nil {
		return portHint(err, "--listen", c.Listen)
	}
	adminTLS, err := c.AdminTLS.load(log)
	if err != nil {
		return errors.Join(err, front.Shutdown(ended(ctx)))
	}
	operators, err := admin.Listen(admin.ServerOptions{Options: f.admin(front.Metrics()), Listen: c.Admin, TLS: adminTLS})
	if err != nil {
		return errors.Join(portHint(err, "--admin", c.Admin), front.Shutdown(ended(ctx)))
	}
	if f.keys != nil && len(f.keys.List()) == 0 {
		log.Warn("there are no API keys yet, so every request will be refused", "hint", "quiver key create --name NAME --stores STORE")
	}
	fmt.Fprintf(a.stdout, "serving %s://%s\nadmin   %s://%s\n", scheme(c.TLS), front.Addr(), scheme(c.AdminTLS), operators.Addr())
	for _, s := range serving {
		s(front.Addr(), operators.Addr())
	}
	return serveUntil(ctx, log, c, front, operators)
}

// serveUntil serves both listeners until ctx ends or one of them fails, then drains both.
func serveUntil(ctx context.Context, log *slog.Logger, c *config, front *httpfront.Server, operators *admin.Server) error {
	failed := make(chan error, 2)
	go func() { failed <- front.Serve() }()
	go func() { failed <- operators.Serve() }()
	var err error
	running := 2
	select {
	case <-ctx.Done():
		log.Info("finishing running requests", "timeout", c.DrainTimeout)
	case err = <-failed:
		running--
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.HTTP.DrainDelay+c.DrainTimeout)
	defer cancel()
	// The APIs first: /ready has to say that the server ends while operators look on.
	err = errors.Join(err, front.Shutdown(end), operators.Shutdown(end))
	for range running {
		err = errors.Join(err, <-failed)
	}
	if err == nil {
		log.Info("ended")
	}
	return err
}

// ended is a context that is over: for closing what has not served yet.
func ended(ctx context.Context) context.Context {
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	return ctx
}

func scheme(c certificate) string {
	if c.Cert != "" {
		return "https"
	}
	return "http"
}

// loopback reports whether an address is on this machine alone.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

// portHint says what to do about an address that cannot be listened on.
func portHint(err error, flag, addr string) error {
	var op *net.OpError
	if !errors.As(err, &op) {
		return err
	}
	return withHint(err, "another address goes to %s; %s is in use by another program or not one of this machine", flag, addr)
}
