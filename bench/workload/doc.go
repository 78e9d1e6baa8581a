// Package workload makes what a benchmark of a feature server needs, all of it a pure
// function of a seed: tables (definitions, rows, expected answers), orders in which
// keys are asked for, and the requests of the Hopsworks feature-vector API as a
// bench.Source.
package workload
