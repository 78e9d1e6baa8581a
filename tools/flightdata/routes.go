package main

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"
)

// flight is one row of the flights file, which has no nulls. Times are local and
// without a zone.
type flight struct {
	Date        int64  `parquet:"date"`     // microseconds since 1970
	Delay       int64  `parquet:"delay"`    // of arrival, in minutes; early is negative
	Distance    int64  `parquet:"distance"` // in miles
	Origin      string `parquet:"origin"`
	Destination string `parquet:"destination"`
}

type pair struct{ origin, destination string }

// route gathers the flights of one pair of airports.
type route struct {
	pair
	delays      []int64
	distance    map[int64]int
	first, last int64
}

type statistics struct {
	flights int
	routes  []*route // by origin, then destination
}

// readFlights gathers all flights of a Parquet file by route.
func readFlights(path string) (*statistics, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := parquet.NewGenericReader[flight](f)
	defer r.Close()

	byPair := map[pair]*route{}
	s := &statistics{}
	for rows := make([]flight, 4096); ; {
		n, err := r.Read(rows)
		for _, x := range rows[:n] {
			p := pair{x.Origin, x.Destination}
			if p.origin == "" || p.destination == "" {
				return nil, fmt.Errorf("flight %d of %s has no origin or destination", s.flights+1, path)
			}
			rt := byPair[p]
			if rt == nil {
				rt = &route{pair: p, distance: map[int64]int{}, first: math.MaxInt64, last: math.MinInt64}
				byPair[p] = rt
				s.routes = append(s.routes, rt)
			}
			rt.delays = append(rt.delays, x.Delay)
			rt.distance[x.Distance]++
			rt.first, rt.last = min(rt.first, x.Date), max(rt.last, x.Date)
			s.flights++
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read %s after %d flights: %w", path, s.flights, err)
		}
	}
	slices.SortFunc(s.routes, func(a, b *route) int {
		return cmp.Or(cmp.Compare(a.origin, b.origin), cmp.Compare(a.destination, b.destination))
	})
	return s, nil
}

const header = "origin,destination,flights,distance_miles,delay_mean,delay_p50,delay_p90,delay_max,share_late,first_flight,last_flight\n"

// writeRoutes writes one CSV line per route.
func writeRoutes(path string, s *statistics) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(f)
	w.WriteString(header)
	for _, r := range s.routes {
		w.WriteString(r.line())
	}
	if err := w.Flush(); err != nil {
		f.Close()
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return f.Close()
}

// late is the delay in minutes above which a flight counts as late.
const late = 15

func (r *route) line() string {
	slices.Sort(r.delays)
	sum, lates := int64(0), 0
	for _, d := range r.delays {
		sum += d
		if d > late {
			lates++
		}
	}
	n := float64(len(r.delays))
	day := func(micros int64) string { return time.UnixMicro(micros).UTC().Format(time.DateOnly) }
	return fmt.Sprintf("%s,%s,%d,%d,%s,%d,%d,%d,%s,%s,%s\n", r.origin, r.destination, len(r.delays), commonest(r.distance),
		rounded(float64(sum)/n, 2), percentile(r.delays, 50), percentile(r.delays, 90), r.delays[len(r.delays)-1],
		rounded(float64(lates)/n, 4), day(r.first), day(r.last))
}

// percentile is the nearest-rank p-th percentile of sorted values.
func percentile(sorted []int64, p int) int64 {
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

// commonest is the value counted most often, the smallest of several.
func commonest(counts map[int64]int) int64 {
	best, most := int64(0), 0
	for v, n := range counts {
		if n > most || (n == most && v < best) {
			best, most = v, n
		}
	}
	return best
}

// rounded prints v with at most that many fraction digits.
func rounded(v float64, digits int) string {
	scale := math.Pow10(digits)
	return strconv.FormatFloat(math.Round(v*scale)/scale, 'f', -1, 64)
}
