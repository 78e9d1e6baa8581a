package bench

import (
	"runtime"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what a run measured. Everything but Errors and Unsent is about requests
// that were answered well; times are in nanoseconds. Requests are those answered in the
// measured part, latencies those of requests sent in it.
type Result struct {
	Name        string
	Connections int
	Rate        float64 // asked for, requests per second; 0 was a closed loop

	Slow bool // the machine was not at its full speed, says who ran this by a Pace

	Elapsed  time.Duration // of the measured part
	Requests uint64        // answered in it
	BytesIn  uint64        // of their answers
	Checked  uint64        // of them, given to Source.Check
	Errors   Errors
	// Unsent is how many requests the schedule of an open loop had no time to
	// send: the server or the connections were too few for the rate. They are in
	// Latency with the time they were overdue at the end.
	Unsent uint64

	// Latency of an open loop counts from when a request was meant to be sent, of
	// a closed one from when it was. Service always counts from when it was.
	Latency *hdrhistogram.Histogram
	Service *hdrhistogram.Histogram

	Client time.Duration // CPU time of the generator's threads in the measured part
	Server Usage         // used by the server in it; zero when unknown
	// Foreign is the CPU time that neither the generator nor the server took, as a
	// share of the machine's: noise. It includes time stolen by neighbours of a
	// virtual machine. It is -1 when unknown, as it is without Config.Meter.
	Foreign float64
}

// The range of the histograms, in nanoseconds, and their precision.
const (
	shortest = 100
	longest  = int64(10 * time.Minute)
	digits   = 3
)

func newHistogram() *hdrhistogram.Histogram { return hdrhistogram.New(shortest, longest, digits) }

// record adds a time in nanoseconds to h.
func record(h *hdrhistogram.Histogram, nanos int64) {
	// The value is in range by construction, so there is no error.
	_ = h.RecordValue(min(max(nanos, 0), longest))
}

// PerSecond is the rate of good answers.
func (r *Result) PerSecond() float64 {
	if r.Elapsed <= 0 {
		return 0
	}
	return float64(r.Requests) / r.Elapsed.Seconds()
}

// Percentile returns the latency that p percent of the requests did not exceed.
func (r *Result) Percentile(p float64) time.Duration {
	return time.Duration(r.Latency.ValueAtQuantile(p))
}

// ServerCPU is the server's CPU time per request; 0 when unknown.
func (r *Result) ServerCPU() time.Duration { return per(r.Server.CPU, r.answered()) }

// ClientCPU is the generator's CPU time per request.
func (r *Result) ClientCPU() time.Duration { return per(r.Client, r.answered()) }

// Allocations is the server's heap allocations per request; 0 when unknown.
func (r *Result) Allocations() float64 {
	if n := r.answered(); n > 0 {
		return float64(r.Server.Mallocs) / float64(n)
	}
	return 0
}

// answered is how many requests caused the CPU time: failed ones did as well.
func (r *Result) answered() uint64 { return r.Requests + r.Errors.Total() }

func per(d time.Duration, n uint64) time.Duration {
	if n == 0 {
		return 0
	}
	return d / time.Duration(n)
}

// merge adds what another thread measured.
func (r *Result) merge(o *Result) {
	r.Requests += o.Requests
	r.BytesIn += o.BytesIn
	r.Checked += o.Checked
	r.Unsent += o.Unsent
	r.Client += o.Client
	r.Elapsed = max(r.Elapsed, o.Elapsed)
	r.Errors.merge(&o.Errors)
	r.Latency.Merge(o.Latency)
	r.Service.Merge(o.Service)
}

// snapshot is the machine at one moment.
type snapshot struct {
	at      time.Time
	server  Usage
	machine time.Duration
	known   bool
}

func takeSnapshot(m Meter) (s snapshot, err error) {
	s.at = time.Now()
	s.machine, s.known = machineCPU()
	if m != nil {
		s.server, err = m()
	}
	return s, err
}

// account puts what was used between two snapshots into r.
func (r *Result) account(from, to snapshot, metered bool) {
	r.Foreign = -1
	if !metered {
		return
	}
	r.Server = Usage{CPU: to.server.CPU - from.server.CPU, Mallocs: to.server.Mallocs - from.server.Mallocs}
	if all := to.at.Sub(from.at) * time.Duration(runtime.NumCPU()); from.known && to.known && all > 0 {
		foreign := to.machine - from.machine - r.Server.CPU - r.Client
		r.Foreign = max(0, float64(foreign)/float64(all))
	}
}
