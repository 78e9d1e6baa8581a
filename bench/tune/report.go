package tune

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"quiver/bench"
)

func root(product float64, n int) float64 { return math.Pow(product, 1/float64(n)) }

func percent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }

// String writes settings as on a command line, sorted.
func (s Settings) String() string {
	if len(s) == 0 {
		return "the defaults"
	}
	var out []string
	for k, v := range s {
		out = append(out, k+"="+v)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// Write prints the report for people: every trial, the recommended configuration with a
// reason for each value, and a plot of p99 against rate.
func (r *Report) Write(w io.Writer) error {
	var b strings.Builder
	r.writeTrials(&b)
	r.writeComparison(&b)
	r.writeConfiguration(&b)
	r.writeCurve(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) writeTrials(b *strings.Builder) {
	fmt.Fprintf(b, "%-20s %-10s %-12s %10s %10s %10s %10s %7s\n", "SETTING", "VALUE", "LOAD", "RATE/S", "CPU/REQ", "P50", "P99", "SCORE")
	for _, t := range r.Trials {
		mark := ""
		if t.Chosen {
			mark = " *"
		}
		for i, m := range t.Measurements {
			key, value, score := t.Key, t.Value, fmt.Sprintf("%7.2f%s", t.Score, mark)
			if i > 0 {
				key, value, score = "", "", ""
			}
			fmt.Fprintf(b, "%-20s %-10s %s %s\n", key, value, m, score)
		}
	}
	b.WriteString("Medians of rounds in turn. Rates and processor time are of closed loops, p50 and p99 of open\n" +
		"loops at")
	for _, t := range r.Trials[:1] {
		for _, m := range t.Measurements {
			fmt.Fprintf(b, " %.0f/s (%s)", r.Rates[m.Load], m.Load)
		}
	}
	b.WriteString(". The score is the mean gain over the first value of the same round; * was kept.\n\n")
}

// String is one line of figures in columns.
func (m Measurement) String() string {
	return fmt.Sprintf("%-12s %10.0f %10s %10s %10s", m.Load, m.PerSecond, bench.Short(m.CPU), bench.Short(m.P50), bench.Short(m.P99))
}

func (r *Report) writeComparison(b *strings.Builder) {
	b.WriteString("Once more, in turn:\n")
	for i := range r.Defaults {
		fmt.Fprintf(b, "  %-15s %s\n", "defaults", r.Defaults[i])
		fmt.Fprintf(b, "  %-15s %s\n", "recommendation", r.Recommended[i])
	}
	fmt.Fprintf(b, "The recommendation's score is %.2f.", r.Score)
	switch {
	case r.Same:
		b.WriteString(" Both are the defaults: what differs is the noise of this machine.")
	case r.Kept:
		b.WriteString(" That is no gain beyond doubt: stay with the defaults.")
	}
	if r.Again > 0 {
		fmt.Fprintf(b, " %d measurements were made anew because the machine was slow.", r.Again)
	}
	b.WriteString("\n\n")
}

func (r *Report) writeConfiguration(b *strings.Builder) {
	b.WriteString("Recommended configuration:\n\n")
	for _, line := range r.configuration() {
		fmt.Fprintf(b, "  %s\n", line)
	}
	b.WriteString("\n")
}

// configuration is the recommendation as lines of a configuration file, keys under their
// first word, the reason behind each value.
func (r *Report) configuration() []string {
	var lines []string
	section := ""
	for _, c := range r.Choices {
		head, rest, ok := strings.Cut(c.Key, ".")
		if !ok {
			lines = append(lines, fmt.Sprintf("%s: %s  # %s", c.Key, c.Value, c.Reason))
			continue
		}
		if head != section {
			section = head
			lines = append(lines, head+":")
		}
		lines = append(lines, fmt.Sprintf("  %s: %s  # %s", rest, c.Value, c.Reason))
	}
	return lines
}

// plotHeight is how many lines the plot has.
const plotHeight = 10

// writeCurve plots p99 against rate on a logarithmic scale of time.
func (r *Report) writeCurve(b *strings.Builder) {
	if len(r.Curve) == 0 {
		return
	}
	low, high := time.Duration(math.MaxInt64), time.Duration(1)
	for _, p := range r.Curve {
		low, high = min(low, max(p.P99, 1)), max(high, p.P99)
	}
	level := func(d time.Duration) int {
		if high <= low {
			return 0
		}
		return int(math.Round(float64(plotHeight-1) * math.Log(float64(max(d, 1))/float64(low)) / math.Log(float64(high)/float64(low))))
	}
	b.WriteString("p99 against rate, with the recommended settings (open loop):\n\n")
	for line := plotHeight - 1; line >= 0; line-- {
		at := time.Duration(float64(low) * math.Pow(float64(high)/float64(low), float64(line)/(plotHeight-1)))
		fmt.Fprintf(b, "%10s |", bench.Short(at))
		for _, p := range r.Curve {
			mark := "        "
			if level(p.P99) == line {
				mark = "    *   "
			} else if level(p.P99) > line {
				mark = "    .   "
			}
			b.WriteString(mark)
		}
		b.WriteString("\n")
	}
	b.WriteString("           +" + strings.Repeat("--------", len(r.Curve)) + "\n            ")
	for _, p := range r.Curve {
		fmt.Fprintf(b, "%6.0f  ", p.Rate)
	}
	b.WriteString("requests/s\n")
}
