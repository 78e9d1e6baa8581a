package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quiver/engine/function"
)

// functionsConfig says where the interpreters of users' functions are, and what the pool
// of worker processes of one function may take.
type functionsConfig struct {
	Python, R                         string
	Floor, Cruise, Ceil, Queue        int
	Timeout, RunTimeout, StartTimeout time.Duration
	Memory                            int64 // bytes of address space of a worker; 0 is no limit
	UID, GID                          int   // 0: as the server
}

func defaultFunctions() functionsConfig {
	return functionsConfig{
		Python: "python3", R: "Rscript", Floor: 1, Cruise: 2, Ceil: 8, Queue: 16,
		Timeout: 10 * time.Second, RunTimeout: 30 * time.Second, StartTimeout: time.Minute, Memory: 4 << 30,
	}
}

// settings lists what there is to set.
func (c *functionsConfig) settings() []*setting {
	return []*setting{
		{key: "functions.python", help: "Python (3.7 or newer) of users' functions", value: (*text)(&c.Python)},
		{key: "functions.r", help: "Rscript of users' functions", value: (*text)(&c.R)},
		{key: "functions.floor", help: "workers of a function that are always there", value: (*count)(&c.Floor)},
		{key: "functions.cruise", help: "workers kept when idle", value: (*count)(&c.Cruise)},
		{key: "functions.ceil", help: "most workers of a function", value: (*count)(&c.Ceil)},
		{key: "functions.queue", help: "calls waiting while all workers are busy; more are refused", value: (*count)(&c.Queue)},
		{key: "functions.timeout", help: "a call that waited longer for a worker is refused", value: (*duration)(&c.Timeout)},
		{key: "functions.runTimeout", help: "a call that runs longer is stopped", value: (*duration)(&c.RunTimeout)},
		{key: "functions.startTimeout", help: "for a worker to start and load the user's code", value: (*duration)(&c.StartTimeout)},
		{key: "functions.memory", help: "address space of one worker; 0 is no limit", value: (*size)(&c.Memory)},
		{key: "functions.uid", help: "user that workers run as when the server is root; 0 is as the server", value: (*count)(&c.UID)},
		{key: "functions.gid", help: "their group", value: (*count)(&c.GID)},
	}
}

// check finds what no single value shows.
func (c *functionsConfig) check() error {
	switch {
	case c.Floor < 1 || c.Floor > c.Cruise || c.Cruise > c.Ceil:
		return fmt.Errorf("configuration: functions.floor, cruise and ceil are %d, %d and %d; they must not descend and begin at 1 or more", c.Floor, c.Cruise, c.Ceil)
	case c.Timeout == 0 || c.RunTimeout == 0 || c.StartTimeout == 0:
		return fmt.Errorf("configuration: functions.timeout, runTimeout and startTimeout must be above 0")
	case (c.UID == 0) != (c.GID == 0):
		return fmt.Errorf("configuration: functions.uid and functions.gid belong together, one is missing")
	}
	return nil
}

// fill sets what o leaves out. Of the numbers of workers, those that o names win over
// the others.
func (c *functionsConfig) fill(o *function.Config) {
	ceil := cmp.Or(o.Ceil, max(c.Ceil, o.Cruise, o.Floor))
	floor := cmp.Or(o.Floor, min(c.Floor, cmp.Or(o.Cruise, ceil)))
	o.Floor, o.Cruise, o.Ceil = floor, cmp.Or(o.Cruise, min(max(c.Cruise, floor), ceil)), ceil
	o.Queue = cmp.Or(o.Queue, c.Queue, -1)
	o.Timeout, o.RunTimeout, o.StartTimeout = cmp.Or(o.Timeout, c.Timeout), cmp.Or(o.RunTimeout, c.RunTimeout), cmp.Or(o.StartTimeout, c.StartTimeout)
	o.Memory, o.UID, o.GID = cmp.Or(o.Memory, c.Memory, -1), c.UID, c.GID
	if o.Language == function.R {
		o.Interpreter = cmp.Or(o.Interpreter, c.R)
	}
	o.Interpreter = cmp.Or(o.Interpreter, c.Python)
}

// functions opens the pools of users' functions and shows what they do:
//
//	quiver_function_{live,busy,queued}{use,function}      workers, and calls that wait
//	quiver_function_{calls,starts}_total{use,function}    calls begun, workers started
//	quiver_function_failures_total{use,function,kind}     calls without a result
//
// Its methods may be called from many goroutines.
type functions struct {
	config functionsConfig
	log    *slog.Logger

	mu    sync.Mutex
	pools map[*function.Pool]functionName
}

// functionName says what a function is for, as "extractor", and which one it is.
type functionName struct{ use, name string }

func newFunctions(c functionsConfig, log *slog.Logger) *functions {
	return &functions{config: c, log: log, pools: map[*function.Pool]functionName{}}
}

// open starts the pool of a function; o says what to run. close ends it.
func (f *functions) open(ctx context.Context, name functionName, o function.Config) (*function.Pool, error) {
	f.config.fill(&o)
	log := f.log.With(name.use, name.name)
	o.Log = func(line string) { log.Info("function: " + line) }
	p, err := function.Open(ctx, o)
	if err != nil {
		logTraceback(log, err)
		return nil, err
	}
	if without := p.Unlimited(); len(without) > 0 {
		log.Info("this system does not take everything away from workers", "left", strings.Join(without, "; "))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pools[p] = name
	return p, nil
}

func (f *functions) close(p *function.Pool) error {
	f.mu.Lock()
	delete(f.pools, p)
	f.mu.Unlock()
	return p.Close()
}

// endpoints are the functions of services. It implements service.Functions.
type endpoints struct{ functions *functions }

// Open implements service.Functions.
func (e endpoints) Open(ctx context.Context, name string, c function.Config) (*function.Pool, error) {
	return e.functions.open(ctx, functionName{"endpoint", name}, c)
}

// Close implements service.Functions.
func (e endpoints) Close(p *function.Pool) error { return e.functions.close(p) }

// logTraceback writes what the caller of a function does not get to see.
func logTraceback(log *slog.Logger, err error) {
	if e, ok := errors.AsType[*function.Error](err); ok && e.Traceback+e.Output != "" {
		log.Warn("function failed", "error", e.Error(), "traceback", e.Traceback, "output", e.Output)
	}
}

func functionDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("quiver_function_"+name, help, append([]string{"use", "function"}, labels...), nil)
}

var (
	descLive     = functionDesc("live", "Worker processes of a function.")
	descBusy     = functionDesc("busy", "Worker processes that are in a call.")
	descQueued   = functionDesc("queued", "Calls that wait for a worker.")
	descCalls    = functionDesc("calls_total", "Calls of a function begun.")
	descStarts   = functionDesc("starts_total", "Worker processes started.")
	descFailures = functionDesc("failures_total", "Calls of a function without a result.", "kind")
)

// Describe implements prometheus.Collector.
func (f *functions) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descLive, descBusy, descQueued, descCalls, descStarts, descFailures} {
		ch <- d
	}
}

// Collect implements prometheus.Collector. A function that is being replaced has two
// pools for a while, which count as one.
func (f *functions) Collect(ch chan<- prometheus.Metric) {
	sums := map[functionName]function.Stats{}
	f.mu.Lock()
	for p, name := range f.pools {
		s, one := sums[name], p.Stats()
		s.Live, s.Busy, s.Waiting = s.Live+one.Live, s.Busy+one.Busy, s.Waiting+one.Waiting
		s.Calls, s.Starts = s.Calls+one.Calls, s.Starts+one.Starts
		for kind, n := range one.Failures {
			s.Failures[kind] += n
		}
		sums[name] = s
	}
	f.mu.Unlock()
	for name, s := range sums {
		show := func(d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, t, v, append([]string{name.use, name.name}, labels...)...)
		}
		show(descLive, prometheus.GaugeValue, float64(s.Live))
		show(descBusy, prometheus.GaugeValue, float64(s.Busy))
		show(descQueued, prometheus.GaugeValue, float64(s.Waiting))
		show(descCalls, prometheus.CounterValue, float64(s.Calls))
		show(descStarts, prometheus.CounterValue, float64(s.Starts))
		for kind := function.NoKind + 1; kind < function.Kinds; kind++ {
			show(descFailures, prometheus.CounterValue, float64(s.Failures[kind]), kind.String())
		}
	}
}
