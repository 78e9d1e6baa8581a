package httpfront

import (
	"sync/atomic"
	"time"
)

// bucketBounds are the upper bounds of the latency histogram: fine where a read from
// memory lives, coarse where only trouble does.
var bucketBounds = [...]time.Duration{
	25 * time.Microsecond, 50 * time.Microsecond, 75 * time.Microsecond,
	100 * time.Microsecond, 150 * time.Microsecond, 200 * time.Microsecond, 300 * time.Microsecond,
	500 * time.Microsecond, 750 * time.Microsecond,
	1 * time.Millisecond, 1500 * time.Microsecond, 2 * time.Millisecond, 3 * time.Millisecond,
	5 * time.Millisecond, 7500 * time.Microsecond,
	10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond,
	250 * time.Millisecond, 500 * time.Millisecond,
	1 * time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

const minStatus, maxStatus = 100, 599

// routeStats counts the requests of one route label and method. All of it is atomic;
// a reader may see a request in one counter and not yet in another.
type routeStats struct {
	dialect, label, method string

	status  [maxStatus - minStatus + 1]atomic.Uint64
	buckets [len(bucketBounds) + 1]atomic.Uint64 // the last holds what exceeds every bound
	nanos   atomic.Uint64                        // sum of latencies
}

// add counts one answered request.
func (s *routeStats) add(status int, took time.Duration) {
	if status < minStatus || status > maxStatus {
		status = 500
	}
	s.status[status-minStatus].Add(1)
	i := 0
	for i < len(bucketBounds) && took > bucketBounds[i] {
		i++
	}
	s.buckets[i].Add(1)
	s.nanos.Add(uint64(max(took, 0)))
}

// counters are all counts of a server.
type counters struct {
	routes []*routeStats // fixed once the server is made
	panics atomic.Uint64
	held   atomic.Int64 // bytes of bodies beyond freeBody
}

// of returns the counters of a label and method, the same for the same arguments. Only
// newRouter calls it.
func (c *counters) of(dialect, label, method string) *routeStats {
	for _, s := range c.routes {
		if s.dialect == dialect && s.label == label && s.method == method {
			return s
		}
	}
	s := &routeStats{dialect: dialect, label: label, method: method}
	c.routes = append(c.routes, s)
	return s
}
