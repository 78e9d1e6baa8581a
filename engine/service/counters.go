package service

import (
	"slices"
	"strings"
	"sync"
)

// counters count the calls of a service by endpoint, since the server started.
type counters struct {
	mu sync.Mutex
	m  map[string]*Calls
}

// Calls are the calls of one endpoint of a service.
type Calls struct {
	Service  string `json:"serviceId"`
	Endpoint string `json:"endpointId"`
	Requests uint64 `json:"requests"` // those that failed included
	Errors   uint64 `json:"errors"`
	Items    uint64 `json:"items"`   // records asked for
	Micros   int64  `json:"totalUs"` // time spent answering
}

// add counts one call of an endpoint that exists.
func (c *counters) add(service, endpoint string, items int, micros int64, failed bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.m[endpoint]
	if n == nil {
		if c.m == nil {
			c.m = map[string]*Calls{}
		}
		n = &Calls{Service: service, Endpoint: endpoint}
		c.m[endpoint] = n
	}
	n.Requests++
	n.Items += uint64(items)
	n.Micros += micros
	if failed {
		n.Errors++
	}
}

// Metrics lists the calls of all services that exist, by service and endpoint.
func (s *Services) Metrics() []Calls {
	all := []Calls{}
	for _, r := range s.now.Load().services {
		r.calls.mu.Lock()
		for _, n := range r.calls.m {
			all = append(all, *n)
		}
		r.calls.mu.Unlock()
	}
	slices.SortFunc(all, func(a, b Calls) int {
		if n := strings.Compare(a.Service, b.Service); n != 0 {
			return n
		}
		return strings.Compare(a.Endpoint, b.Endpoint)
	})
	return all
}
