package main

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"quiver/engine"
	"quiver/engine/featurelog"
	"quiver/engine/querylog"
	"quiver/engine/webhook"
	"quiver/storage/pebblestore"
	"quiver/storage/rowcache"
)

// storeMetrics shows the store's counters:
//
//	quiver_store_corruptions_total, quiver_store_background_errors_total,
//	quiver_store_write_stalls_total, quiver_store_disk_slow_total,
//	quiver_store_low_disk_total, quiver_store_panics_total, quiver_store_fanned_out_total,
//	quiver_store_iterators_total
//	quiver_store_stalled_shards   gauge
//	quiver_store_full             gauge, 1 while writes are refused
func storeMetrics(s *pebblestore.Stats) prometheus.Collector {
	counter := func(name, help string, n *atomic.Int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "quiver_store_" + name + "_total", Help: help},
			func() float64 { return float64(n.Load()) })
	}
	gauge := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "quiver_store_" + name, Help: help}, f)
	}
	return collectors{
		counter("corruptions", "Damaged blocks met by reads and compactions.", &s.Corruptions),
		counter("background_errors", "Flushes and compactions that failed.", &s.BackgroundErrors),
		counter("write_stalls", "Times a shard delayed its writes.", &s.WriteStalls),
		counter("disk_slow", "Disk operations that took more than 5 s.", &s.DiskSlow),
		counter("low_disk", "Warnings of little free space.", &s.LowDisk),
		counter("panics", "Panics of the storage engine turned into errors.", &s.Panics),
		counter("fanned_out", "Reads that asked their shards at the same time.", &s.FannedOut),
		counter("iterators", "Iterators made for reads that found none idle.", &s.Iterators),
		gauge("stalled_shards", "Shards that delay their writes now.", func() float64 { return float64(s.Stalled.Load()) }),
		gauge("full", "1 while writes are refused for want of disk space.", func() float64 {
			if s.Full.Load() {
				return 1
			}
			return 0
		}),
	}
}

// cacheMetrics shows the row cache's counters; there are none without a cache:
//
//	quiver_rowcache_hits_total, quiver_rowcache_misses_total,
//	quiver_rowcache_refused_total, quiver_rowcache_bytes
func cacheMetrics(c *rowcache.Cache) prometheus.Collector {
	if c == nil {
		return collectors{}
	}
	counter := func(name, help string, of func(rowcache.Stats) uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "quiver_rowcache_" + name + "_total", Help: help},
			func() float64 { return float64(of(c.Stats())) })
	}
	return collectors{
		counter("hits", "Rows (and absences) answered from memory.", func(s rowcache.Stats) uint64 { return s.Hits }),
		counter("misses", "Rows asked of the store.", func(s rowcache.Stats) uint64 { return s.Misses }),
		counter("refused", "Rows not kept because their key was being written.", func(s rowcache.Stats) uint64 { return s.Refused }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "quiver_rowcache_bytes", Help: "Memory of the row cache."},
			func() float64 { return float64(c.Stats().Capacity) }),
	}
}

// poolMetrics shows the read pool's counters:
//
//	quiver_reads_pooled_total, quiver_reads_refused_total
func poolMetrics(e *engine.Engine) prometheus.Collector {
	return collectors{
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "quiver_reads_pooled_total", Help: "Reads that went through the pool."},
			func() float64 { pooled, _ := e.PoolStats(); return float64(pooled) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "quiver_reads_refused_total", Help: "Reads refused because the pool was full or slow."},
			func() float64 { _, refused := e.PoolStats(); return float64(refused) }),
	}
}

// featureLogMetrics shows the counters of the feature log:
//
//	quiver_featurelog_rows_total, quiver_featurelog_dropped_total
func featureLogMetrics(l *featurelog.Log) prometheus.Collector {
	return collectors{
		countUint("quiver_featurelog_rows_total", "Rows of answered features in complete files.", l.Rows),
		countUint("quiver_featurelog_dropped_total", "Rows of answered features dropped for want of memory or disk.", l.Dropped),
	}
}

// queryLogMetrics shows the counters of the log of queries; there are none without one:
//
//	quiver_querylog_records_total, quiver_querylog_dropped_total
func queryLogMetrics(l *querylog.Log) prometheus.Collector {
	if l == nil {
		return collectors{}
	}
	return collectors{
		countUint("quiver_querylog_records_total", "Queries of services in the files of the log.", l.Written),
		countUint("quiver_querylog_dropped_total", "Queries of services not logged for want of memory or disk.", l.Dropped),
	}
}

// hookMetrics shows the counters of webhooks, the second under the name of the Fennel
// server:
//
//	quiver_webhook_dropped_total, fennel_source_watermark_discarded_rows
func hookMetrics(h *webhook.Hooks) prometheus.Collector {
	return collectors{
		countUint("quiver_webhook_dropped_total", "Logged rows that did not fit their group and were dropped.", h.Dropped),
		countUint("fennel_source_watermark_discarded_rows", "Logged rows dropped because their event time was too far behind the newest.", h.Late),
	}
}

func countUint(name, help string, of func() uint64) prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return float64(of()) })
}

// collectors are several as one.
type collectors []prometheus.Collector

func (c collectors) Describe(ch chan<- *prometheus.Desc) {
	for _, x := range c {
		x.Describe(ch)
	}
}

func (c collectors) Collect(ch chan<- prometheus.Metric) {
	for _, x := range c {
		x.Collect(ch)
	}
}
