// Package tune measures a server under different settings, on this machine and with the
// user's own requests, and says which settings to use and why.
//
// Settings are tried one dimension after another, beginning with the defaults: the best
// value of one dimension is kept while the next is tried. Within a dimension the values
// are measured in turn, in many short rounds, so that noise that comes and goes meets all
// of them; each is compared with the default of the same round, and the median of the
// rounds counts. What was measured while the machine was slow is measured anew. A value
// replaces the default only if it is better by more than Margin, and better at all in four
// of five rounds, since a recommendation that is within the noise is a guess. At the end
// the recommendation and the defaults are measured against each other once more, and the
// defaults win unless the recommendation is again that much better.
package tune

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"quiver/bench"
)

// Settings are configuration keys and values, as in the configuration file.
type Settings map[string]string

// with returns a copy of s with one key changed.
func (s Settings) with(key, value string) Settings {
	out := maps.Clone(s)
	if out == nil {
		out = Settings{}
	}
	out[key] = value
	return out
}

// Dimension is one setting and the values worth trying; the first is the default.
type Dimension struct {
	Key    string
	Values []string
	// Why tells, for a value that won, what it buys.
	Why map[string]string
}

// Server is a server running with some settings.
type Server struct {
	Addr  string
	Meter bench.Meter
	Stop  func() error
}

// Load is one kind of request with its place in the mix.
type Load struct {
	Name   string
	Source bench.Source
}

// Config is one tuning. All fields but Rate and Progress are required.
type Config struct {
	Dimensions []Dimension
	// Start starts a server; it is called again and again, one server at a time.
	Start func(ctx context.Context, s Settings) (*Server, error)
	// Loads returns the requests for a server at an address.
	Loads       func(addr string) ([]Load, error)
	Connections int
	Rounds      int           // measurements of each value; 5 is usual
	Duration    time.Duration // of one measurement
	Rate        float64       // requests per second to judge latency at; 0 is 60 % of what the defaults reach
	Margin      float64       // 0.05: a value must be 5 % better to replace the default
	Again       int           // measurements, at most, that are made anew because the machine was slow
	Progress    func(done, total int, what string)

	probe func(ctx context.Context, s *Server, l Load, rate float64) (figures, error) // for tests; nil measures
}

// figures are what one run of one load showed.
type figures struct {
	perSecond float64
	cpu       time.Duration // per request
	p50, p99  time.Duration
}

// Measurement is what one set of settings did with one load: medians of the rounds.
type Measurement struct {
	Load      string        `json:"load"`
	PerSecond float64       `json:"perSecond"` // closed loop
	CPU       time.Duration `json:"cpu"`       // of the server, per request
	P50       time.Duration `json:"p50"`       // open loop at Report.Rate
	P99       time.Duration `json:"p99"`
}

// Trial is one value of one dimension, measured.
type Trial struct {
	Key          string        `json:"key"`
	Value        string        `json:"value"`
	Measurements []Measurement `json:"measurements"`
	Score        float64       `json:"score"` // against the defaults; above 1 is better
	Chosen       bool          `json:"chosen"`
}

// Choice is one recommended value and the reason for it.
type Choice struct {
	Key    string `json:"key"`
	Value  string `json:"value"`
	Reason string `json:"reason"`
}

// Point is the latency at one rate.
type Point struct {
	Rate float64       `json:"rate"`
	P99  time.Duration `json:"p99"`
}

// Report is the outcome.
type Report struct {
	Rates       map[string]float64 `json:"rates"` // by load, of the open loops
	Trials      []Trial            `json:"trials"`
	Choices     []Choice           `json:"choices"`
	Defaults    []Measurement      `json:"defaults"`    // final comparison
	Recommended []Measurement      `json:"recommended"` // final comparison
	Score       float64            `json:"score"`       // of the recommendation in the final comparison
	Same        bool               `json:"same"`        // nothing was better: the recommendation is the defaults
	Kept        bool               `json:"kept"`        // the defaults won the final comparison
	Again       int                `json:"again"`       // measurements made anew because the machine was slow
	Curve       []Point            `json:"curve"`       // of the first load, with the recommended settings
}

// Run tunes.
func Run(ctx context.Context, c Config) (*Report, error) {
	t := &tuning{Config: c, report: &Report{Rates: map[string]float64{}}}
	for _, d := range c.Dimensions {
		t.total += len(d.Values) * c.Rounds
	}
	t.total += 2*c.Rounds + 2
	if err := t.calibrate(ctx); err != nil {
		return nil, err
	}
	best := Settings{}
	for _, d := range c.Dimensions {
		var err error
		if best, err = t.try(ctx, d, best); err != nil {
			return nil, err
		}
	}
	if err := t.compare(ctx, best); err != nil {
		return nil, err
	}
	if t.report.Kept {
		best = Settings{}
	}
	err := t.curve(ctx, best)
	t.report.Again = c.Again - t.Again
	return t.report, err
}

type tuning struct {
	Config
	report      *Report
	pace        bench.Pace
	first       uint64
	done, total int
}

// step shows progress.
func (t *tuning) step(what string) {
	t.done++
	if t.Progress != nil {
		t.Progress(t.done, t.total, what)
	}
}

// with runs f against a server with the settings.
func (t *tuning) with(ctx context.Context, s Settings, f func(*Server, []Load) error) (err error) {
	server, err := t.Start(ctx, s)
	if err != nil {
		return fmt.Errorf("cannot start a server with %s: %w", s, err)
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	loads, err := t.Loads(server.Addr)
	if err != nil {
		return err
	}
	return f(server, loads)
}

// run sends one load, anew while the machine is slow.
func (t *tuning) run(ctx context.Context, s *Server, l Load, rate float64) (f figures, err error) {
	if t.probe != nil {
		return t.probe(ctx, s, l, rate)
	}
	_, err = t.pace.Steady(&t.Again, func() error {
		f, err = t.once(ctx, s, l, rate)
		return err
	})
	return f, err
}

// once sends one load. Every run goes on where the one before ended, so that no run reads
// what the one before has put into caches.
func (t *tuning) once(ctx context.Context, s *Server, l Load, rate float64) (figures, error) {
	r, err := bench.Run(ctx, bench.Config{
		Name: l.Name, Addr: s.Addr, Source: l.Source, Connections: t.Connections, Rate: rate,
		First: t.first, WarmUp: t.Duration / 4, Duration: t.Duration, CheckEvery: 100, Meter: s.Meter,
	})
	if err != nil {
		return figures{}, err
	}
	t.first += r.Requests
	if n := r.Errors.Total(); n > 0 {
		return figures{}, fmt.Errorf("%d of %d requests failed: %s", n, n+r.Requests, &r.Errors)
	}
	f := figures{perSecond: r.PerSecond(), p50: r.Percentile(50), p99: r.Percentile(99)}
	if r.Requests > 0 {
		f.cpu = r.Server.CPU / time.Duration(r.Requests)
	}
	return f, nil
}

// calibrate finds the rates that latencies are judged at.
func (t *tuning) calibrate(ctx context.Context) error {
	return t.with(ctx, nil, func(s *Server, loads []Load) error {
		for _, l := range loads {
			var rates []float64
			for range t.Rounds {
				r, err := t.run(ctx, s, l, 0)
				if err != nil {
					return err
				}
				rates = append(rates, r.perSecond)
			}
			peak := middle(rates)
			rate := 0.6 * peak
			if t.Rate > 0 {
				rate = min(t.Rate, 0.9*peak)
			}
			t.report.Rates[l.Name] = rate
		}
		t.step("finding the rate")
		return nil
	})
}

// measure is one round of all loads against one server.
func (t *tuning) measure(ctx context.Context, s Settings, what string) ([]Measurement, error) {
	var out []Measurement
	err := t.with(ctx, s, func(server *Server, loads []Load) error {
		for _, l := range loads {
			closed, err := t.run(ctx, server, l, 0)
			if err != nil {
				return err
			}
			open, err := t.run(ctx, server, l, t.report.Rates[l.Name])
			if err != nil {
				return err
			}
			out = append(out, Measurement{Load: l.Name, PerSecond: closed.perSecond, CPU: closed.cpu, P50: open.p50, P99: open.p99})
		}
		return nil
	})
	t.step(what)
	return out, err
}

// outcome is what several rounds showed of some settings.
type outcome struct {
	measured []Measurement // medians
	score    float64       // median over the rounds, against the first settings of the round
	wins     float64       // share of the rounds in which the score was above 1
}

// better reports whether the settings are better than the first ones beyond the noise.
func (o *outcome) better(margin float64) bool { return o.score > 1+margin && o.wins >= 0.8 }

// rounds measures several settings in turn, each round beginning with another one.
func (t *tuning) rounds(ctx context.Context, all []Settings, what func(i int) string) ([]outcome, error) {
	raw := make([][][]Measurement, len(all))
	for round := range t.Rounds {
		for n := range all {
			i := (n + round) % len(all)
			m, err := t.measure(ctx, all[i], what(i))
			if err != nil {
				return nil, err
			}
			raw[i] = append(raw[i], m)
		}
	}
	out := make([]outcome, len(all))
	for i := range all {
		scores, wins := make([]float64, t.Rounds), 0
		for round := range scores {
			scores[round] = score(raw[i][round], raw[0][round])
			if scores[round] > 1 {
				wins++
			}
		}
		out[i] = outcome{medians(raw[i]), middle(scores), float64(wins) / float64(t.Rounds)}
	}
	return out, nil
}

// try measures the values of a dimension and returns the settings with the best of them.
func (t *tuning) try(ctx context.Context, d Dimension, best Settings) (Settings, error) {
	all := make([]Settings, len(d.Values))
	for i, v := range d.Values {
		all[i] = best.with(d.Key, v)
	}
	measured, err := t.rounds(ctx, all, func(i int) string { return d.Key + " " + d.Values[i] })
	if err != nil {
		return nil, err
	}
	chosen, top := 0, 1.0
	first := len(t.report.Trials)
	for i, v := range d.Values {
		s := measured[i].score
		t.report.Trials = append(t.report.Trials, Trial{Key: d.Key, Value: v, Measurements: measured[i].measured, Score: s})
		if measured[i].better(t.Margin) && s > top {
			chosen, top = i, s
		}
	}
	t.report.Trials[first+chosen].Chosen = true
	reason := "the default: nothing tried was better by more than " + percent(t.Margin)
	if chosen > 0 {
		reason = fmt.Sprintf("%s better than the default %s", percent(top-1), d.Values[0])
		if why := d.Why[d.Values[chosen]]; why != "" {
			reason += ": " + why
		}
	}
	t.report.Choices = append(t.report.Choices, Choice{Key: d.Key, Value: d.Values[chosen], Reason: reason})
	return all[chosen], nil
}

// score compares measurements with those of the defaults: the geometric mean, over
// loads, of the gains in rate, processor time and 99th percentile.
func score(m, base []Measurement) float64 {
	product, n := 1.0, 0
	gain := func(a, b float64) {
		if a > 0 && b > 0 {
			product *= a / b
			n++
		}
	}
	for i := range m {
		gain(m[i].PerSecond, base[i].PerSecond)
		gain(float64(base[i].CPU), float64(m[i].CPU))
		gain(float64(base[i].P99), float64(m[i].P99))
	}
	if n == 0 {
		return 1
	}
	return root(product, n)
}

// compare measures the recommendation against the defaults once more.
func (t *tuning) compare(ctx context.Context, best Settings) error {
	measured, err := t.rounds(ctx, []Settings{{}, best}, func(i int) string {
		return []string{"the defaults again", "the recommendation"}[i]
	})
	if err != nil {
		return err
	}
	t.report.Defaults, t.report.Recommended, t.report.Score = measured[0].measured, measured[1].measured, measured[1].score
	t.report.Same = true
	for i, d := range t.Dimensions {
		t.report.Same = t.report.Same && t.report.Choices[i].Value == d.Values[0]
	}
	if t.report.Same || measured[1].better(t.Margin) {
		return nil
	}
	t.report.Kept = true
	for i, d := range t.Dimensions {
		t.report.Choices[i] = Choice{Key: d.Key, Value: d.Values[0], Reason: "the default: what looked better did not when measured again"}
	}
	return nil
}

// curve measures p99 at rising rates of the first load.
func (t *tuning) curve(ctx context.Context, best Settings) error {
	return t.with(ctx, best, func(s *Server, loads []Load) error {
		peak := t.report.Recommended[0].PerSecond
		if t.report.Kept {
			peak = t.report.Defaults[0].PerSecond
		}
		for _, share := range []float64{0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9, 1} {
			r, err := t.run(ctx, s, loads[0], share*peak)
			if err != nil {
				return err
			}
			t.report.Curve = append(t.report.Curve, Point{Rate: share * peak, P99: r.p99})
		}
		t.step("p99 against rate")
		return nil
	})
}

// medians takes the median of each figure over rounds.
func medians(rounds [][]Measurement) []Measurement {
	out := slices.Clone(rounds[0])
	for i := range out {
		out[i].PerSecond = median(rounds, func(m []Measurement) float64 { return m[i].PerSecond })
		out[i].CPU = time.Duration(median(rounds, func(m []Measurement) float64 { return float64(m[i].CPU) }))
		out[i].P50 = time.Duration(median(rounds, func(m []Measurement) float64 { return float64(m[i].P50) }))
		out[i].P99 = time.Duration(median(rounds, func(m []Measurement) float64 { return float64(m[i].P99) }))
	}
	return out
}

func median(rounds [][]Measurement, of func([]Measurement) float64) float64 {
	var all []float64
	for _, r := range rounds {
		all = append(all, of(r))
	}
	return middle(all)
}

// middle returns the median of values, which it sorts.
func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}
