package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"quiver/bench"
	"quiver/bench/workload"
)

type benchCmd struct {
	Server  string `default:"http://127.0.0.1:4406" help:"Main address of the server, plain HTTP."`
	Store   string `required:"" help:"Feature store." placeholder:"S"`
	View    string `required:"" help:"Feature view." placeholder:"V"`
	Version int    `help:"Version of the view; the newest by default, which the admin address tells." placeholder:"N"`
	Keys    string `required:"" help:"What to ask for: a range of integers NAME=FIRST..LAST, or a .csv or .jsonl file of serving keys." placeholder:"RANGE|FILE"`

	Shape    string  `enum:"single,batch" default:"single" help:"One vector per request, or many; single by default." placeholder:"single|batch"`
	Batch    int     `default:"100" help:"Vectors per request of --shape batch."`
	Order    string  `enum:"uniform,zipf,sequential" default:"uniform" help:"How often each key is asked for; uniform by default." placeholder:"uniform|zipf|sequential"`
	Misses   float64 `help:"Share of keys beyond a range's end, 0 to 1." placeholder:"0.1"`
	Detailed bool    `help:"Ask for the status of every group, as the Python client does."`
	Seed     uint64  `default:"1" help:"Of the order of keys."`

	Connections   int           `default:"8" help:"Connections kept open."`
	Threads       int           `default:"1" help:"Threads that drive them."`
	Rate          float64       `help:"Requests per second on a fixed schedule, with latencies counted from when each was due; 0 sends the next when the last is answered." placeholder:"N"`
	PerConnection bool          `help:"Give every connection its own schedule."`
	Duration      time.Duration `default:"10s" help:"Of the measured part."`
	WarmUp        time.Duration `default:"1s" help:"Of the load before it."`
	Requests      uint64        `help:"End after so many requests." placeholder:"N"`
	Timeout       time.Duration `default:"5s" help:"For one answer."`

	Verify      bool   `help:"Parse every answer and expect its vectors to be complete."`
	VerifyEvery int    `help:"Do so with every N-th answer, which costs the generator less." placeholder:"N"`
	APIKey      string `name:"api-key" help:"API key (env QUIVER_API_KEY)." placeholder:"KEY"`
	Admin       string `help:"Admin address, asked for the newest version (env QUIVER_SERVER)." placeholder:"URL"`
	PID         int    `name:"pid" help:"Process of the server when it runs on this machine, to measure its CPU time." placeholder:"N"`
	format
}

func (benchCmd) Help() string {
	return `Without --rate the load is a closed loop: it finds how much the server can do, and its
latencies are those of clients that wait. With --rate they are those of clients that do not.

Examples:
  quiver bench --store shop --view customer --keys id=1..1000000
  quiver bench --store shop --view customer --keys id=1..1000000 --shape batch --batch 100 --connections 64
  quiver bench --store shop --view customer --keys id=1..1000000 --order zipf --rate 20000 --duration 30s
  quiver bench --store flights --view route --keys routes.csv --verify --output json`
}

// Run generates the load and prints what it measured. Failed requests make it fail.
func (c *benchCmd) Run(ctx context.Context, a *app) error {
	addr, err := c.address()
	if err != nil {
		return err
	}
	source, err := c.requests(ctx, a, addr)
	if err != nil {
		return err
	}
	load := bench.Config{
		Name: c.name(), Addr: addr, Source: source, Connections: c.Connections, Threads: c.Threads,
		Rate: c.Rate, PerConnection: c.PerConnection, WarmUp: c.WarmUp, Duration: c.Duration, Requests: c.Requests,
		Timeout: c.Timeout, CheckEvery: c.every(),
	}
	if c.PID != 0 {
		load.Meter = bench.ProcessMeter(c.PID)
	}
	if err := c.try(ctx, a, load); err != nil {
		return err
	}
	p := newProgress(a.stderr, "load on "+addr)
	defer p.end()
	stop := p.follow(load.WarmUp + load.Duration)
	result, err := bench.Run(ctx, load)
	stop()
	if err != nil {
		return err
	}
	if err := c.print(a, result); err != nil {
		return err
	}
	if n := result.Errors.Total(); n > 0 {
		return fmt.Errorf("%d of %d requests failed: %s", n, n+result.Requests, &result.Errors)
	}
	return nil
}

func (c *benchCmd) name() string {
	if c.Shape == "batch" {
		return fmt.Sprintf("batch of %d", c.Batch)
	}
	return "single"
}

func (c *benchCmd) every() int {
	if c.Verify && c.VerifyEvery == 0 {
		return 1
	}
	return c.VerifyEvery
}

// address returns host:port of the server.
func (c *benchCmd) address() (string, error) {
	text := c.Server
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || strings.Trim(u.Path, "/") != "":
		return "", &usageError{fmt.Sprintf("--server %q is not a URL such as http://127.0.0.1:4406", c.Server)}
	case u.Scheme != "http":
		return "", withHint(&usageError{fmt.Sprintf("--server %q: the load generator speaks plain HTTP only", c.Server)}, "measure a server without TLS")
	}
	return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")), nil
}

// requests prepares the load.
func (c *benchCmd) requests(ctx context.Context, a *app, addr string) (*workload.Requests, error) {
	keys, err := readKeys(c.Keys)
	if err != nil {
		return nil, err
	}
	order, err := workload.NewOrder(workload.Distribution(c.Order), keys.Len(), c.Misses, c.Seed)
	if err != nil {
		return nil, err
	}
	version := c.Version
	if version == 0 {
		if version, err = c.newest(ctx, a); err != nil {
			return nil, err
		}
	}
	o := workload.Options{
		Host: addr, APIKey: cmp.Or(c.APIKey, os.Getenv("QUIVER_API_KEY")), Store: c.Store, View: c.View, Version: version,
		Keys: keys, Order: order, Detailed: c.Detailed, Missing: c.Misses > 0,
	}
	if c.Shape == "batch" {
		if c.Batch < 1 {
			return nil, &usageError{fmt.Sprintf("--batch %d is not at least 1", c.Batch)}
		}
		o.Batch = c.Batch
	}
	return workload.NewRequests(o)
}

// readKeys reads what to ask for: a range of integers or a file.
func readKeys(text string) (*workload.Keys, error) {
	if _, err := os.Stat(text); err != nil && strings.Contains(text, "..") {
		keys, err := workload.ParseRange(text)
		if err != nil {
			return nil, &usageError{"--keys: " + err.Error()}
		}
		return keys, nil
	}
	f, err := os.Open(text)
	if err != nil {
		return nil, withHint(fmt.Errorf("cannot read the keys: %w", err), "give a .csv or .jsonl file, or a range such as id=1..1000000")
	}
	defer f.Close()
	switch ext := strings.ToLower(filepath.Ext(text)); ext {
	case ".csv":
		return workload.ReadCSV(f)
	case ".jsonl", ".ndjson":
		return workload.ReadJSONL(f)
	default:
		return nil, &usageError{fmt.Sprintf("--keys %s: a file of keys ends in .csv (a header line, then rows) or .jsonl (an object per line), not %q", text, ext)}
	}
}

// newest asks the admin API for the newest version of the view.
func (c *benchCmd) newest(ctx context.Context, a *app) (int, error) {
	t := target{Server: c.Admin, APIKey: c.APIKey}
	cl, err := t.open(a)
	if err != nil {
		return 0, err
	}
	defer cl.close()
	var found []definition
	q := url.Values{"kind": {kindName("view")}, "store": {c.Store}, "name": {c.View}}
	if err := cl.call(ctx, "GET", "/api/definitions", q, nil, &found); err != nil {
		return 0, withHint(fmt.Errorf("cannot find the newest version of the view: %w", err), "say --version N, or where the admin address is with --admin URL")
	}
	version := 0
	for _, d := range found {
		version = max(version, d.Version)
	}
	if version == 0 {
		return 0, withHint(fmt.Errorf("store %s has no view %s", c.Store, c.View), "`quiver definitions view` lists them")
	}
	return version, nil
}

// try sends one request and looks at its answer, so that a wrong key or name is one
// clear line and not a report full of errors.
func (c *benchCmd) try(ctx context.Context, a *app, load bench.Config) error {
	load.Connections, load.Threads, load.Rate, load.Requests = 1, 1, 0, 1
	load.WarmUp, load.Duration, load.Meter, load.CheckEvery = 0, load.Timeout, nil, 1
	result, err := bench.Run(ctx, load)
	if err != nil {
		return withHint(fmt.Errorf("cannot begin: %w", err), "start a server with `quiver serve`, or name its main address with --server")
	}
	if text := result.Errors.First[bench.ErrBody]; text != "" && c.every() == 0 {
		fmt.Fprintln(a.stderr, "quiver: the first answer is not complete; is that what you want to measure? "+text)
		return nil
	}
	for _, text := range result.Errors.First {
		if text != "" {
			return errors.New("the server does not answer the first request well: " + text)
		}
	}
	return nil
}

// follow shows how much of the time has passed until the returned function is called.
func (p *progress) follow(total time.Duration) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(200 * time.Millisecond)
		defer tick.Stop()
		for start := time.Now(); ; {
			select {
			case <-done:
				return
			case <-tick.C:
				p.time(time.Since(start), total)
			}
		}
	}()
	return func() {
		close(done)
		<-ended
	}
}

// time shows that some of the time has passed.
func (p *progress) time(passed, total time.Duration) {
	if p.bar != nil {
		_ = p.bar.Set(int(math.Min(100*passed.Seconds()/total.Seconds(), 100))) // a terminal that fails to draw is no reason to stop
		return
	}
	if now := time.Now(); now.Sub(p.last) >= plainEvery {
		p.last = now
		fmt.Fprintf(p.w, "%s: %.0f of %.0f s\n", p.what, passed.Seconds(), total.Seconds())
	}
}

func (c *benchCmd) print(a *app, r *bench.Result) error {
	if c.Output == "json" {
		return bench.WriteJSON(a.stdout, []*bench.Result{r})
	}
	if err := bench.WriteTable(a.stdout, []*bench.Result{r}); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout)
	return bench.WritePlot(a.stdout, r)
}
