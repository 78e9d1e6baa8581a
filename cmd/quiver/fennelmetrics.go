package main

import (
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"quiver/engine/featureset"
)

// maxFeatureSeries bounds the series that workflows, whose names requests choose, can
// make; features beyond it are counted together under workflow "other".
const maxFeatureSeries = 10_000

// featureCounts counts what extract answers, under the names of the Fennel server:
//
//	fennel_extract_features_counter{featureset,feature,workflow,target}
//	fennel_extract_features_error_counter{workflow,target}
//
// Its methods may be called from many goroutines.
type featureCounts struct {
	mu     sync.Mutex
	rows   map[featureKey]uint64
	errors map[string]uint64 // by workflow
}

type featureKey struct{ feature, workflow string }

func newFeatureCounts() *featureCounts {
	return &featureCounts{rows: map[featureKey]uint64{}, errors: map[string]uint64{}}
}

// count takes one answer; nil is an error.
func (c *featureCounts) count(workflow string, a *featureset.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a == nil {
		if _, known := c.errors[workflow]; !known && len(c.errors) >= maxFeatureSeries {
			workflow = "other"
		}
		c.errors[strings.Clone(workflow)]++
		return
	}
	for i := range a.Len() {
		k := featureKey{a.Name(i), workflow}
		if _, known := c.rows[k]; !known {
			if len(c.rows) >= maxFeatureSeries {
				k.workflow = "other"
			}
			k = featureKey{strings.Clone(k.feature), strings.Clone(k.workflow)} // a request's names die with it
		}
		c.rows[k] += uint64(a.Rows())
	}
}

var (
	descFeatures = prometheus.NewDesc("fennel_extract_features_counter",
		"Values of a feature answered.", []string{"featureset", "feature", "workflow", "target"}, nil)
	descFeatureErrors = prometheus.NewDesc("fennel_extract_features_error_counter",
		"Requests for features that failed.", []string{"workflow", "target"}, nil)
)

// Describe implements prometheus.Collector.
func (c *featureCounts) Describe(ch chan<- *prometheus.Desc) {
	ch <- descFeatures
	ch <- descFeatureErrors
}

// Collect implements prometheus.Collector.
func (c *featureCounts) Collect(ch chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, n := range c.rows {
		set, feature, _ := strings.Cut(k.feature, ".")
		ch <- prometheus.MustNewConstMetric(descFeatures, prometheus.CounterValue, float64(n), set, feature, k.workflow, "extract")
	}
	for workflow, n := range c.errors {
		ch <- prometheus.MustNewConstMetric(descFeatureErrors, prometheus.CounterValue, float64(n), workflow, "extract")
	}
}
