package main

import (
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"quiver/engine/fail"
	"quiver/engine/featureset"
	"quiver/httpfront/wire"
)

// Requests choose the names of workflows. These bound the series that they can make; what
// is beyond is counted together under workflow "other".
const (
	maxFeatureSeries = 10_000
	maxWorkflows     = 1000
)

// extractTarget is what the Fennel server calls extract by all its names.
const extractTarget = "extract_features"

// featureCounts counts what extract answers, under the names of the Fennel server:
//
//	fennel_extract_features_counter{featureset,feature,workflow,target}
//	fennel_extract_features_error_counter{workflow,target,code}
//	extract_features_latency_seconds{workflow,target}                 histogram
//
// Its methods may be called from many goroutines.
type featureCounts struct {
	mu        sync.Mutex
	rows      map[featureKey]uint64
	workflows map[string]*workflowCounts
	latency   *prometheus.HistogramVec
}

type featureKey struct{ feature, workflow string }

type workflowCounts struct {
	name    string
	errors  map[int]uint64 // by HTTP status
	latency prometheus.Observer
}

func newFeatureCounts() *featureCounts {
	return &featureCounts{
		rows: map[featureKey]uint64{}, workflows: map[string]*workflowCounts{},
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "extract_features_latency_seconds", Help: "Time to answer features.",
			Buckets: []float64{25e-6, 50e-6, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10},
		}, []string{"workflow", "target"}),
	}
}

// count takes one answer and how long it took; err is why there is none.
func (c *featureCounts) count(workflow string, a *featureset.Answer, took time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.workflow(workflow)
	w.latency.Observe(took.Seconds())
	if err != nil {
		w.errors[wire.Status(fail.AsError(err).Code)]++
		return
	}
	for i := range a.Len() {
		k := featureKey{a.Name(i), w.name}
		if _, known := c.rows[k]; !known {
			if len(c.rows) >= maxFeatureSeries {
				k.workflow = "other"
			}
			k.feature = strings.Clone(k.feature) // a plan's name dies with it
		}
		c.rows[k] += uint64(a.Rows())
	}
}

// workflow returns the counts of a name, which are those of "other" if there are too many.
func (c *featureCounts) workflow(name string) *workflowCounts {
	if w := c.workflows[name]; w != nil {
		return w
	}
	if len(c.workflows) >= maxWorkflows && name != "other" {
		return c.workflow("other")
	}
	name = strings.Clone(name) // a request's name dies with it
	w := &workflowCounts{name: name, errors: map[int]uint64{}, latency: c.latency.WithLabelValues(name, extractTarget)}
	c.workflows[name] = w
	return w
}

var (
	descFeatures = prometheus.NewDesc("fennel_extract_features_counter",
		"Values of a feature answered.", []string{"featureset", "feature", "workflow", "target"}, nil)
	descFeatureErrors = prometheus.NewDesc("fennel_extract_features_error_counter",
		"Requests for features that failed.", []string{"workflow", "target", "code"}, nil)
)

// Describe implements prometheus.Collector.
func (c *featureCounts) Describe(ch chan<- *prometheus.Desc) {
	ch <- descFeatures
	ch <- descFeatureErrors
	c.latency.Describe(ch)
}

// Collect implements prometheus.Collector.
func (c *featureCounts) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, n := range c.rows {
		set, feature, _ := strings.Cut(k.feature, ".")
		ch <- prometheus.MustNewConstMetric(descFeatures, prometheus.CounterValue, float64(n), set, feature, k.workflow, extractTarget)
	}
	for _, w := range c.workflows {
		for code, n := range w.errors {
			ch <- prometheus.MustNewConstMetric(descFeatureErrors, prometheus.CounterValue, float64(n), w.name, extractTarget, strconv.Itoa(code))
		}
	}
	c.latency.Collect(ch)
}
