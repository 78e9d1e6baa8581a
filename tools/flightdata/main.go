// Flightdata prepares the demo data: it copies the list of US airports and derives
// statistics per route from three million US domestic flights of 2001, both
// published by US agencies and packaged in vega-datasets on npm.
//
//	go run ./tools/flightdata                 # fetches the package with npm pack
//	go run ./tools/flightdata --from DIR      # DIR holds airports.csv and flights-3m.parquet
//
// The result is deterministic: the same input gives the same bytes.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

const (
	packageName = "vega-datasets@3.2.1"
	airports    = "airports.csv"
	flights     = "flights-3m.parquet"
	routes      = "routes.csv"
)

func main() {
	from := flag.String("from", "", "folder holding "+airports+" and "+flights+"; default: fetch "+packageName+" with npm")
	out := flag.String("out", filepath.Join("cmd", "quiver", "demo"), "folder to write "+airports+" and "+routes+" to")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "flightdata: unexpected argument %q\n", flag.Arg(0))
		os.Exit(2)
	}
	if err := run(*from, *out); err != nil {
		fmt.Fprintln(os.Stderr, "flightdata:", err)
		os.Exit(1)
	}
}

func run(from, out string) error {
	if from == "" {
		dir, err := os.MkdirTemp("", "flightdata-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		if err := fetch(dir); err != nil {
			return err
		}
		from = dir
	}
	if err := copyFile(filepath.Join(out, airports), filepath.Join(from, airports)); err != nil {
		return err
	}
	stats, err := readFlights(filepath.Join(from, flights))
	if err != nil {
		return err
	}
	if err := writeRoutes(filepath.Join(out, routes), stats); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "flightdata: wrote %s and %d routes of %d flights to %s\n", airports, len(stats.routes), stats.flights, out)
	return nil
}

func copyFile(to, from string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		w.Close()
		return fmt.Errorf("cannot copy %s: %w", from, err)
	}
	return w.Close()
}
