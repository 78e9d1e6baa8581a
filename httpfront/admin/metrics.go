package admin

import (
	"fmt"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metricsHandler shows the counters of the engine, the keys, the process and whatever
// else o.Metrics has.
//
//	quiver_catalog_revision, quiver_catalog_groups, quiver_catalog_views   gauges
//	quiver_keys                                                            gauge
//	quiver_keys_failing                                                    gauge, 1 while the key file cannot be read
//	go_*, process_*
func metricsHandler(o Options) (http.Handler, error) {
	registry := prometheus.NewRegistry()
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, f)
	}
	all := []prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		gauge("quiver_catalog_revision", "Revision of the definitions in force.", func() float64 {
			return float64(o.Engine.Snapshot().Revision)
		}),
		gauge("quiver_catalog_groups", "Feature groups defined, all versions.", func() float64 {
			return float64(len(o.Engine.Snapshot().Groups()))
		}),
		gauge("quiver_catalog_views", "Feature views defined, all versions.", func() float64 {
			return float64(len(o.Engine.Snapshot().Views()))
		}),
	}
	if o.Keys != nil {
		all = append(all,
			gauge("quiver_keys", "API keys.", func() float64 { return float64(len(o.Keys.List())) }),
			gauge("quiver_keys_failing", "1 while the key file cannot be read and older keys are in force.", func() float64 {
				if o.Keys.Err() != nil {
					return 1
				}
				return 0
			}))
	}
	for _, c := range append(all, o.Metrics...) {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("cannot register the metrics: %w", err)
		}
	}
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), nil
}
