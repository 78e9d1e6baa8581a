package httpfront

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics returns the server's counters in Prometheus' form. Labels are the routes'
// labels, never paths, so the number of series is fixed by the route tables.
//
//	quiver_http_requests_total{dialect,route,method,status}
//	quiver_http_request_duration_seconds{dialect,route,method}   histogram
//	quiver_http_panics_total
//	quiver_http_connections                                      gauge
//	quiver_http_held_body_bytes                                  gauge
//	quiver_http_draining                                         gauge, 0 or 1
//
// and for the dialect that Options.RDRSMetrics names, as the Hopsworks server has them,
//
//	rdrs_endpoints_response_status_count{api_type,end_point,method,status}
//	http_request_duration_seconds{method,endpoint}               histogram
//
// A duration is the time from the request's header being read to the answer being ready.
func (s *Server) Metrics() prometheus.Collector { return &collector{s: s} }

type collector struct{ s *Server }

var (
	descRequests = prometheus.NewDesc("quiver_http_requests_total",
		"Requests answered.", []string{"dialect", "route", "method", "status"}, nil)
	descDuration = prometheus.NewDesc("quiver_http_request_duration_seconds",
		"Time from the request's header being read to the answer being ready.", []string{"dialect", "route", "method"}, nil)
	descPanics = prometheus.NewDesc("quiver_http_panics_total",
		"Handlers that panicked; each is one log line and one status 500.", nil, nil)
	descConns = prometheus.NewDesc("quiver_http_connections",
		"Open connections.", nil, nil)
	descHeld = prometheus.NewDesc("quiver_http_held_body_bytes",
		"Bytes of large request bodies being read or worked on.", nil, nil)
	descDraining = prometheus.NewDesc("quiver_http_draining",
		"1 while the server shuts down, else 0.", nil, nil)
	descRDRSCount = prometheus.NewDesc("rdrs_endpoints_response_status_count",
		"Requests answered, under the name that the Hopsworks server uses.", []string{"api_type", "end_point", "method", "status"}, nil)
	descFennelCount = prometheus.NewDesc("fennel_request_counter",
		"Requests answered, under the name that the Fennel server uses.", []string{"target", "code"}, nil)
	descFennelLatency = prometheus.NewDesc("fennel_request_latency_seconds",
		"Time to answer, under the name that the Fennel server uses.", []string{"target"}, nil)
	descRDRSDuration = prometheus.NewDesc("http_request_duration_seconds",
		"Time to answer, under the name that the Hopsworks server uses.", []string{"method", "endpoint"}, nil)
)

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descRequests, descDuration, descPanics, descConns, descHeld, descDraining, descRDRSCount, descRDRSDuration,
		descFennelCount, descFennelLatency,
	} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	for _, r := range c.s.count.routes {
		c.route(ch, r)
	}
	draining := 0.0
	if c.s.draining.Load() {
		draining = 1
	}
	ch <- prometheus.MustNewConstMetric(descPanics, prometheus.CounterValue, float64(c.s.count.panics.Load()))
	ch <- prometheus.MustNewConstMetric(descConns, prometheus.GaugeValue, float64(c.s.fast.GetOpenConnectionsCount()))
	ch <- prometheus.MustNewConstMetric(descHeld, prometheus.GaugeValue, float64(c.s.count.held.Load()))
	ch <- prometheus.MustNewConstMetric(descDraining, prometheus.GaugeValue, draining)
}

// route sends the series of one label. What was never asked for has none.
func (c *collector) route(ch chan<- prometheus.Metric, r *routeStats) {
	rdrs := r.dialect == c.s.o.RDRSMetrics && c.s.o.RDRSMetrics != ""
	fennel := r.dialect == c.s.o.FennelMetrics && c.s.o.FennelMetrics != ""
	for i := range r.status {
		n := r.status[i].Load()
		if n == 0 {
			continue
		}
		status := strconv.Itoa(minStatus + i)
		ch <- prometheus.MustNewConstMetric(descRequests, prometheus.CounterValue, float64(n), r.dialect, r.label, r.method, status)
		if rdrs {
			ch <- prometheus.MustNewConstMetric(descRDRSCount, prometheus.CounterValue, float64(n), "REST", r.label, r.method, status)
		}
		if fennel {
			ch <- prometheus.MustNewConstMetric(descFennelCount, prometheus.CounterValue, float64(n), r.label, status)
		}
	}
	bounds := make(map[float64]uint64, len(bucketBounds))
	total := uint64(0)
	for i := range r.buckets {
		total += r.buckets[i].Load()
		if i < len(bucketBounds) {
			bounds[bucketBounds[i].Seconds()] = total
		}
	}
	if total == 0 {
		return
	}
	sum := time.Duration(r.nanos.Load()).Seconds()
	ch <- prometheus.MustNewConstHistogram(descDuration, total, sum, bounds, r.dialect, r.label, r.method)
	if rdrs {
		ch <- prometheus.MustNewConstHistogram(descRDRSDuration, total, sum, bounds, r.method, r.label)
	}
	if fennel {
		ch <- prometheus.MustNewConstHistogram(descFennelLatency, total, sum, bounds, r.label)
	}
}
