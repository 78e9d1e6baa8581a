// Package compat drives a running server with the official clients of the APIs that it
// speaks. The clients come from the Python package index by name and pinned version,
// into tmp/compat, the first time the tests run; without Python or the index the tests
// say so and are skipped.
package compat
