package lab

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"quiver/bench"
)

// WriteTable writes cells for people, a row each.
func WriteTable(w io.Writer, cells []Cell) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "shape\tconns\tserver\trate/s\tof ceiling\tCPU\tCPU/vector\tallocs\topen/s\tp50\tp99\tp99.9\tclient CPU\tforeign\t")
	for i, c := range cells {
		if i > 0 && (c.Shape != cells[i-1].Shape || c.Connections != cells[i-1].Connections) {
			fmt.Fprintln(t, "\t\t\t\t\t\t\t\t\t\t\t\t\t\t")
		}
		fmt.Fprintf(t, "%s\t%d\t%s\t%.0f\t%.2f\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.0f%%\t\n",
			c.Shape, c.Connections, c.Target, c.PerSecond, c.Ratio, short(c.CPU), short(c.CPU/float64(c.Vectors)),
			orDash(fmt.Sprintf("%.1f", c.Allocations), c.Allocations >= 0),
			orDash(fmt.Sprintf("%.0f", c.OpenPerSecond), c.OpenPerSecond > 0), short(c.P50), short(c.P99), short(c.P999), short(c.ClientCPU), 100*c.Foreign)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("cannot write the table: %w", err)
	}
	return nil
}

// short writes microseconds; nothing measured is a dash.
func short(micros float64) string {
	return orDash(bench.Short(time.Duration(micros*1e3)), micros > 0)
}

func orDash(text string, ok bool) string {
	if !ok {
		return "-"
	}
	return text
}
