package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
	"unicode/utf8"
)

// Percentiles are those that reports show.
func Percentiles() []float64 { return []float64{50, 90, 99, 99.9, 99.99, 100} }

// WriteTable writes results for people, a row each.
func WriteTable(w io.Writer, results []*Result) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "run\tconns\tasked/s\trate/s\tp50\tp90\tp99\tp99.9\tmax\tserver CPU\tclient CPU\tforeign\terrors\t")
	for _, r := range results {
		asked := "closed"
		if r.Rate > 0 {
			asked = fmt.Sprintf("%.0f", r.Rate)
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%.0f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t\n", r.Name, r.Connections, asked, r.PerSecond(),
			Short(r.Percentile(50)), Short(r.Percentile(90)), Short(r.Percentile(99)), Short(r.Percentile(99.9)), Short(time.Duration(r.Latency.Max())),
			known(Short(r.ServerCPU()), r.Server.CPU > 0), Short(r.ClientCPU()), known(fmt.Sprintf("%.0f%%", 100*r.Foreign), r.Foreign >= 0), r.Errors.Total())
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	for _, r := range results {
		if err := writeTrouble(w, r); err != nil {
			return err
		}
	}
	return nil
}

// writeTrouble says in words what spoilt a run.
func writeTrouble(w io.Writer, r *Result) error {
	var lines []string
	if r.Errors.Total() > 0 {
		lines = append(lines, "errors: "+r.Errors.String())
		for k, text := range r.Errors.First {
			if text != "" {
				lines = append(lines, fmt.Sprintf("first %s error: %s", ErrorKind(k), text))
			}
		}
	}
	if r.Unsent > 0 {
		lines = append(lines, fmt.Sprintf("%d requests were due and not sent: the server or the connections do not keep up with %.0f/s", r.Unsent, r.Rate))
	}
	for _, l := range lines {
		if _, err := fmt.Fprintf(w, "%s: %s\n", r.Name, l); err != nil {
			return fmt.Errorf("cannot write the report: %w", err)
		}
	}
	return nil
}

func known(text string, ok bool) string {
	if !ok {
		return "-"
	}
	return text
}

// Short writes a duration with three significant digits: 12.3us, 1.20ms, 2.05s.
func Short(d time.Duration) string {
	f := func(v float64, unit string) string {
		switch {
		case v >= 100:
			return fmt.Sprintf("%.0f%s", v, unit)
		case v >= 10:
			return fmt.Sprintf("%.1f%s", v, unit)
		default:
			return fmt.Sprintf("%.2f%s", v, unit)
		}
	}
	switch n := float64(d); {
	case n < 1e6:
		return f(n/1e3, "us")
	case n < 1e9:
		return f(n/1e6, "ms")
	default:
		return f(n/1e9, "s")
	}
}

// jsonResult is a Result for programs. Times are microseconds.
type jsonResult struct {
	Name        string             `json:"name"`
	Connections int                `json:"connections"`
	Asked       float64            `json:"askedPerSecond"` // 0 = closed loop
	Seconds     float64            `json:"seconds"`
	Requests    uint64             `json:"requests"`
	PerSecond   float64            `json:"requestsPerSecond"`
	BytesIn     uint64             `json:"bytesIn"`
	Checked     uint64             `json:"checked"`
	Latency     map[string]float64 `json:"latencyMicros"`
	Service     map[string]float64 `json:"serviceMicros"`
	ServerCPU   float64            `json:"serverCpuMicros"` // per request; 0 = unknown
	Allocations float64            `json:"serverAllocations"`
	ClientCPU   float64            `json:"clientCpuMicros"`
	Foreign     *float64           `json:"foreignCpuShare"` // null = unknown
	Unsent      uint64             `json:"unsent"`
	Errors      map[string]uint64  `json:"errors"`
	Statuses    map[int]uint64     `json:"errorStatuses,omitempty"`
}

// WriteJSON writes results for programs, as one array.
func WriteJSON(w io.Writer, results []*Result) error {
	out := make([]jsonResult, 0, len(results))
	for _, r := range results {
		j := jsonResult{
			Name: r.Name, Connections: r.Connections, Asked: r.Rate, Seconds: r.Elapsed.Seconds(),
			Requests: r.Requests, PerSecond: r.PerSecond(), BytesIn: r.BytesIn, Checked: r.Checked,
			Latency: map[string]float64{}, Service: map[string]float64{},
			ServerCPU: micros(r.ServerCPU()), Allocations: r.Allocations(), ClientCPU: micros(r.ClientCPU()),
			Unsent: r.Unsent, Errors: map[string]uint64{}, Statuses: r.Errors.ByStatus,
		}
		for _, p := range Percentiles() {
			name := fmt.Sprintf("p%g", p)
			j.Latency[name] = float64(r.Latency.ValueAtQuantile(p)) / 1e3
			j.Service[name] = float64(r.Service.ValueAtQuantile(p)) / 1e3
		}
		j.Latency["mean"], j.Service["mean"] = r.Latency.Mean()/1e3, r.Service.Mean()/1e3
		if r.Foreign >= 0 {
			j.Foreign = &r.Foreign
		}
		for k, n := range r.Errors.ByKind {
			if n > 0 {
				j.Errors[ErrorKind(k).String()] = n
			}
		}
		out = append(out, j)
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(out); err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}

func micros(d time.Duration) float64 { return float64(d) / 1e3 }

// plotted returns the percentiles of a plot.
func plotted() []float64 {
	return []float64{0, 25, 50, 75, 87.5, 93.75, 97, 99, 99.5, 99.9, 99.95, 99.99, 100}
}

// WritePlot draws the latencies of a result: a histogram in steps of a factor of about
// 1.5, then the percentiles.
func WritePlot(w io.Writer, r *Result) error {
	const width = 50
	bars := histogram(r)
	most := int64(1)
	for _, b := range bars {
		most = max(most, b.count)
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s: latency of %d requests\n", r.Name, r.Latency.TotalCount())
	for _, b := range bars {
		bar := int((b.count*width + most - 1) / most)
		fmt.Fprintf(&out, "  %8s - %8s %s %d\n", Short(b.from), Short(b.to), pad(strings.Repeat("█", bar), width), b.count)
	}
	slowest := max(float64(r.Latency.Max()), 1)
	for _, p := range plotted() {
		v := float64(r.Latency.ValueAtQuantile(p))
		bar := int(v/slowest*width + 0.5)
		fmt.Fprintf(&out, "  p%-7g %8s %s\n", p, Short(time.Duration(v)), strings.Repeat("▬", bar))
	}
	if _, err := io.WriteString(w, out.String()); err != nil {
		return fmt.Errorf("cannot write the report: %w", err)
	}
	return nil
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// bar is one row of a histogram: how many latencies are in [from, to).
type bar struct {
	from, to time.Duration
	count    int64
}

// histogram sorts latencies into steps 1, 1.5, 2, 3, 5, 7 and ten times that, from the
// first that is not empty to the last.
func histogram(r *Result) []bar {
	steps := [...]float64{1, 1.5, 2, 3, 5, 7}
	var bars []bar
	from := time.Duration(0)
	for unit := 1e3; unit < float64(longest); unit *= 10 {
		for _, s := range steps {
			to := time.Duration(s * unit)
			bars = append(bars, bar{from: from, to: to})
			from = to
		}
	}
	bars = append(bars, bar{from: from, to: time.Duration(longest)})
	at := 0
	for _, b := range r.Latency.Distribution() {
		for at < len(bars)-1 && time.Duration(b.From) >= bars[at].to {
			at++
		}
		bars[at].count += b.Count
	}
	first, last := 0, len(bars)-1
	for first < last && bars[first].count == 0 {
		first++
	}
	for last > first && bars[last].count == 0 {
		last--
	}
	return bars[first : last+1]
}
