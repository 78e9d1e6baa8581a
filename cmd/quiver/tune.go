package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"quiver/bench"
	"quiver/bench/tune"
	"quiver/bench/workload"
)

type tuneCmd struct {
	Data    string `help:"Data folder to measure; no server may be using it. The demo's data by default." placeholder:"DIR"`
	Store   string `help:"Feature store, with --data." placeholder:"S"`
	View    string `help:"Feature view, with --data." placeholder:"V"`
	Version int    `help:"Version of the view; the newest by default." placeholder:"N"`
	Keys    string `help:"What to ask for: NAME=FIRST..LAST, or a .csv or .jsonl file of serving keys." placeholder:"RANGE|FILE"`
	Order   string `enum:"uniform,zipf,sequential" default:"zipf" help:"How often each key is asked for; zipf by default." placeholder:"uniform|zipf|sequential"`

	Rate        float64       `help:"Single requests per second that you expect; by default 60 % of what the defaults reach." placeholder:"N"`
	Batch       int           `default:"100" help:"Vectors per batch request; 0 measures single requests only."`
	Connections int           `default:"16" help:"Connections kept open."`
	Rounds      int           `default:"5" help:"Measurements of each value, taken in turn."`
	Duration    time.Duration `default:"600ms" help:"Of one measurement."`
	format
}

func (tuneCmd) Help() string {
	return `Starts servers with different settings, one after another, measures them with your requests
on this machine, and prints a table, the settings to use with a reason for each, and p99
against rate. Nothing is written to the data folder. With the defaults it takes about ten
minutes; quiet machines give better advice.

Examples:
  quiver tune
  quiver tune --rounds 9 --duration 2s
  quiver tune --data ./data --store shop --view customer --keys id=1..1000000 --rate 20000`
}

// maxAgain is how many measurements are made anew on a machine that is slow now and then:
// about as many as make the whole a third longer.
const maxAgain = 120

// Run tunes and prints the report.
func (c *tuneCmd) Run(ctx context.Context, a *app) (err error) {
	own := c.Data != ""
	if own && (c.Store == "" || c.View == "" || c.Keys == "") {
		return withHint(&usageError{"--data needs --store, --view and --keys"}, "quiver tune --data ./data --store shop --view customer --keys id=1..1000000")
	}
	dir, err := os.MkdirTemp("", "quiver-tune-")
	if err != nil {
		return fmt.Errorf("cannot make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	t := &tuner{tuneCmd: c, app: a, dir: dir}
	if err := t.prepare(ctx); err != nil {
		return err
	}
	p := newProgress(a.stderr, "tuning")
	report, err := tune.Run(ctx, tune.Config{
		Dimensions: t.dimensions(), Start: t.start, Loads: t.loads,
		Connections: c.Connections, Rounds: c.Rounds, Duration: c.Duration, Rate: c.Rate, Margin: 0.05, Again: maxAgain,
		Progress: func(done, total int, what string) { p.step(done, total, what) },
	})
	p.end()
	if err != nil {
		return err
	}
	if out := a.results(c.Output); out.json {
		return out.print(report, nil)
	}
	return report.Write(a.stdout)
}

// tuner starts servers over the data that is measured.
type tuner struct {
	*tuneCmd
	app  *app
	dir  string // temporary; holds the demo's data, a folder per number of shards
	keys *workload.Keys
}

// prepare finds the keys to ask for and the view's version.
func (t *tuner) prepare(ctx context.Context) error {
	if t.Data == "" {
		t.Store, t.View, t.Version = "flights", "route", 1
		var err error
		t.keys, err = demoKeys()
		return err
	}
	var err error
	if t.keys, err = readKeys(t.Keys); err != nil {
		return err
	}
	if t.Version > 0 {
		return nil
	}
	conf := defaultConfig()
	conf.Data, conf.NoAuth = t.Data, true
	f, err := openFolder(conf, newLog(logConfig{Level: "warn"}, t.app.stderr))
	if err != nil {
		return err
	}
	v := f.engine.Snapshot().View(t.Store, t.View, 0)
	if err := f.close(ctx); err != nil {
		return err
	}
	if v == nil {
		return withHint(fmt.Errorf("store %s has no view %s", t.Store, t.View), "`quiver definitions view` lists them")
	}
	t.Version = v.Version
	return nil
}

// demoKeys are the keys of the demo's routes.
func demoKeys() (*workload.Keys, error) {
	raw, err := demoFiles.ReadFile("demo/routes.csv")
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for _, row := range rows { // origin and destination lead
		if err := w.Write(row[:2]); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return workload.ReadCSV(&b)
}

// dimensions are the settings worth trying on this machine; the first value of each is
// the default. The number of shards of a folder is fixed, so it is tried only on data
// that is loaded here.
func (t *tuner) dimensions() []tune.Dimension {
	d := []tune.Dimension{
		{Key: "storage.rowCache", Values: []string{"128MiB", "0", "32MiB", "512MiB"}, Why: map[string]string{
			"0": "the rows asked for are too many to stay in memory", "32MiB": "the hot rows fit in less", "512MiB": "more of the rows asked for fit",
		}},
		{Key: "storage.cache", Values: []string{"256MiB", "64MiB", "1GiB"}, Why: map[string]string{
			"64MiB": "the row cache answers what the block cache would", "1GiB": "more of the data fits",
		}},
		{Key: "pool.points", Values: []string{"auto", "inline", "pooled"}, Why: map[string]string{
			"inline": "no hand-over between goroutines; nothing bounds reads under overload", "pooled": "fewer reads compete for the processor",
		}},
		{Key: "pool.workers", Values: []string{"0", strconv.Itoa(runtime.GOMAXPROCS(0)), strconv.Itoa(16 * runtime.GOMAXPROCS(0))}, Why: map[string]string{}},
	}
	if t.Data == "" {
		d = append([]tune.Dimension{{Key: "storage.shards", Values: shardValues(), Why: map[string]string{
			"1": "one pass of a batch over one shard",
		}}}, d...)
	}
	return d
}

// shardValues are numbers of shards around one per core, which is the default.
func shardValues() []string {
	cores := runtime.GOMAXPROCS(0)
	values := []string{strconv.Itoa(min(cores, 16))}
	for _, n := range []int{1, 2 * cores, 4 * cores} {
		if s := strconv.Itoa(n); s != values[0] {
			values = append(values, s)
		}
	}
	return values
}

// start starts this program as a server with the settings and waits until it listens.
func (t *tuner) start(ctx context.Context, s tune.Settings) (*tune.Server, error) {
	data, err := t.folder(ctx, s["storage.shards"])
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program to start it as a server: %w", err)
	}
	cmd := exec.CommandContext(ctx, self, "serve", "--data", data, "--no-auth", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--log-level", "error")
	cmd.Env = os.Environ()
	for key, value := range s {
		cmd.Env = append(cmd.Env, (&setting{key: key}).env()+"="+value)
	}
	cmd.Stderr = t.app.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	stop := func() error {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			return errors.Join(err, cmd.Wait())
		}
		return cmd.Wait()
	}
	addr, err := boundAddress(bufio.NewReader(out))
	if err != nil {
		return nil, errors.Join(err, stop())
	}
	return &tune.Server{Addr: addr, Meter: bench.ProcessMeter(cmd.Process.Pid), Stop: stop}, nil
}

// boundAddress reads where a server listens from the lines it prints.
func boundAddress(out *bufio.Reader) (string, error) {
	addr := ""
	for {
		line, err := out.ReadString('\n')
		if err != nil {
			return "", fmt.Errorf("the server ended before it listened: %w", err)
		}
		if rest, ok := strings.CutPrefix(line, "serving http://"); ok {
			addr = strings.TrimSpace(rest)
		}
		if strings.HasPrefix(line, "admin ") {
			return addr, nil
		}
	}
}

// folder is the data to serve: the user's, or the demo's, loaded once per number of
// shards.
func (t *tuner) folder(ctx context.Context, shards string) (string, error) {
	if t.Data != "" {
		return t.Data, nil
	}
	if shards == "" {
		shards = shardValues()[0]
	}
	dir := filepath.Join(t.dir, "shards-"+shards)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	conf := defaultConfig()
	conf.Data, conf.NoAuth = dir, true
	var err error
	if conf.Storage.Shards, err = strconv.Atoi(shards); err != nil {
		return "", err
	}
	f, err := openFolder(conf, newLog(logConfig{Level: "warn"}, t.app.stderr))
	if err != nil {
		return "", err
	}
	return dir, errors.Join(demoLoad(t.app)(ctx, f), f.close(ctx))
}

// loads are single requests and, unless switched off, batches.
func (t *tuner) loads(addr string) ([]tune.Load, error) {
	var out []tune.Load
	for _, batch := range []int{0, t.Batch} {
		if batch == 0 && len(out) > 0 {
			break
		}
		order, err := workload.NewOrder(workload.Distribution(t.Order), t.keys.Len(), 0, 1)
		if err != nil {
			return nil, err
		}
		r, err := workload.NewRequests(workload.Options{
			Host: addr, Store: t.Store, View: t.View, Version: t.Version, Batch: batch, Keys: t.keys, Order: order, Missing: true,
		})
		if err != nil {
			return nil, err
		}
		name := "single"
		if batch > 0 {
			name = fmt.Sprintf("batch %d", batch)
		}
		out = append(out, tune.Load{Name: name, Source: r})
	}
	return out, nil
}
