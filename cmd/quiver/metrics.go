package main

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"quiver/storage/pebblestore"
)

// storeMetrics shows the store's counters:
//
//	quiver_store_corruptions_total, quiver_store_background_errors_total,
//	quiver_store_write_stalls_total, quiver_store_disk_slow_total,
//	quiver_store_low_disk_total, quiver_store_panics_total, quiver_store_fanned_out_total
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
		gauge("stalled_shards", "Shards that delay their writes now.", func() float64 { return float64(s.Stalled.Load()) }),
		gauge("full", "1 while writes are refused for want of disk space.", func() float64 {
			if s.Full.Load() {
				return 1
			}
			return 0
		}),
	}
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
